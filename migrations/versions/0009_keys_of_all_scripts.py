"""The keys by which names are compared keep the letters of other scripts.

Revision: 0009
Revises: 0008

The keys that are stored are made anew where they differ. What plays were matched with by the old keys stays until a
full refresh, for which ``status`` and ``check`` ask: the rules have a new version.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SetColumnComment

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEYS = {
    "artists": {"name_key": "name"},
    "songs": {"title_key": "title", "artist_key": "artist_name"},
    "song_matches": {"artist_key": "artist_name"},
}
ACCENTED = (
    *((0x80, 0x24F), (0x2C6, 0x2C6), (0x2DC, 0x2DC), (0x300, 0x36F), (0x1E00, 0x1EFF)),
    *((0x2010, 0x2027), (0x2030, 0x203A), (0x20AC, 0x20AC), (0x2122, 0x2122), (0xFFFD, 0xFFFD)),
)
_LETTERS = "{} in lower case, without punctuation and accented letters"
_BEFORE = "The ASCII letters and digits of the {}, lower case"
_MATCH = (
    "How the song was found: `exact` (title, artist, duration), `title_artist` (the nearest duration), "
    "`normalized` ({}), or `inferred` (not in the catalogue)."
)
_ARTIST = "; NULL of an inferred artist."
_SONG = "; NULL of an inferred song."
COMMENTS = {
    ("artists", "name_key"): (_LETTERS.format("The name") + _ARTIST, _BEFORE.format("name") + _ARTIST),
    ("songs", "title_key"): (_LETTERS.format("The title") + _SONG, _BEFORE.format("title") + _SONG),
    ("songs", "artist_key"): ("The artist's name likewise" + _SONG, _BEFORE.format("artist's name") + _SONG),
    ("song_matches", "artist_key"): (
        _LETTERS.format("The artist's name") + ": by this a load finds what the songs in it may change.",
        _BEFORE.format("artist's name") + ": by these a load finds what the songs in it may change.",
    ),
    ("songplays", "match"): (
        _MATCH.format("lower case, without punctuation and accented letters"),
        _MATCH.format("letters and digits of ASCII only, lower case"),
    ),
}
"""By column, its comment from now on and that of before."""


def upgrade() -> None:
    _compute(_key)
    _comment(0)


def downgrade() -> None:
    _compute(_ascii_key)
    _comment(1)


def _compute(key_of: Callable[[str], str]) -> None:
    for table, keys in KEYS.items():
        values = {key: key_of(name) for key, name in keys.items()}
        # On Redshift an UPDATE writes each row anew that it finds.
        differs = " OR ".join(f"{key} <> {value}" for key, value in values.items())
        where = differs if table == "song_matches" else f"NOT inferred AND ({differs})"
        assignments = ", ".join(f"{key} = {value}" for key, value in values.items())
        # The colons of [:cntrl:] are none of a parameter.
        op.execute(f"UPDATE {table} SET {assignments} WHERE {where}".replace(":cntrl:", r"\:cntrl\:"))


def _key(name: str) -> str:
    if _is_redshift():
        dropped = [chr(code) for low, high in ACCENTED for code in range(low, high + 1)]
        accented = "".join(one for one in dropped if not "\x80" <= one <= "\x9f")
        # Control characters, which a terminal that SQL is printed on would obey.
        controls = "".join(one for one in dropped if "\x80" <= one <= "\x9f").encode().hex()
        characters = f"'{accented}' || FROM_VARBYTE(FROM_HEX('{controls}'), 'utf8')"
        return f"lower(regexp_replace(translate({name}, {characters}, ''), '[ -/:-@[-`{{-~[:cntrl:]]', ''))"
    accented = "".join(rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high in ACCENTED)
    return rf"lower(regexp_replace({name}, '[\x00-/:-@\[-`{{-\x7f{accented}]', '', 'g'))"


def _ascii_key(name: str) -> str:
    every = "" if _is_redshift() else ", 'g'"
    return f"lower(regexp_replace({name}, '[^a-zA-Z0-9]', ''{every}))"


def _comment(which: int) -> None:
    for (table, name), comments in COMMENTS.items():
        column = sa.Column(name, sa.String(1), comment=comments[which])
        sa.Table(table, sa.MetaData(), column)
        op.execute(SetColumnComment(column))
    if not _is_redshift():
        # Redshift keeps no comment of a column of a view.
        text = COMMENTS["songplays", "match"][which]
        op.execute(f"COMMENT ON COLUMN plays.match IS '{text}'")


def _is_redshift() -> bool:
    return op.get_context().dialect.name == "redshift"
