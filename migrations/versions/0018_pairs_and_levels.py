"""The keys by which names are compared have both letters of a pair or neither, and an empty level is none.

Revision: 0018
Revises: 0017

The keys that are stored are made anew where a name has one of the letters that are dropped from now on. Its song or artist
then is counted alone until a full refresh, which makes the matches anew: ``status`` and ``check`` ask for it, for the rules
have a new version.

Which of the plays without a level had an empty one is not kept: a downgrade leaves them without, as it does a line without.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SetColumnComment

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KEYS = {
    "artists": {"name_key": "name"},
    "songs": {"title_key": "title", "artist_key": "artist_name"},
    "song_matches": {"artist_key": "artist_name"},
}
FINAL_SIGMA, SIGMA = "\u03c2", "\u03c3"
BEFORE = (
    *((0x80, 0x24F), (0x2C6, 0x2C6), (0x2DC, 0x2DC), (0x300, 0x36F), (0x1E00, 0x1EFF)),
    *((0x2010, 0x2027), (0x2030, 0x203A), (0x20AC, 0x20AC), (0x2122, 0x2122), (0xFFFD, 0xFFFD)),
)
ADDED = (
    *((0x250, 0x2AF), (0x2C62, 0x2C62), (0x2C64, 0x2C66), (0x2C6D, 0x2C70), (0x2C7E, 0x2C7F), (0xA78D, 0xA78D)),
    *((0xA7AA, 0xA7AE), (0xA7B0, 0xA7B2), (0xA7C5, 0xA7C5), (0xA7CB, 0xA7CB), (0xA7DC, 0xA7DC)),
    (0x212B, 0x212B),
)

LEVELS = {
    "songplays": (
        "level",
        "`free` or `paid`, at this play.",
        "`free` or `paid`, at this play; NULL if unknown.",
    ),
    "users": (
        "current_level",
        "`free` or `paid`, at the user's newest play.",
        "`free` or `paid`, at the newest play; NULL if unknown.",
    ),
}
"""By table, the name of its level in the view, and the comment of that, before and after."""


def upgrade() -> None:
    _compute_keys((*BEFORE, *ADDED))
    # The ledger sums up these rows with their levels: plays by load, and users as a whole.
    op.execute(
        "UPDATE load_checksums SET checksum = NULL WHERE table_name = 'songplays' "
        "AND of_load IN (SELECT load_id FROM songplays WHERE level = '')"
    )
    op.execute(
        "UPDATE load_checksums SET checksum = NULL WHERE table_name = 'users' "
        "AND EXISTS (SELECT 1 FROM users WHERE level = '')"
    )
    for table in LEVELS:
        op.execute(f"UPDATE {table} SET level = NULL WHERE level = ''")
    for table, (in_view, _, after) in LEVELS.items():
        _comment(table, in_view, after)


def downgrade() -> None:
    for table, (in_view, before, _) in LEVELS.items():
        _comment(table, in_view, before)
    _compute_keys(BEFORE)


def _comment(table: str, in_view: str, text: str) -> None:
    column = sa.Column("level", sa.String(16), comment=text)
    sa.Table(table, sa.MetaData(), column)
    op.execute(SetColumnComment(column))
    if op.get_context().dialect.name != "redshift":
        # Redshift keeps no comment of a column of a view.
        quoted = text.replace("'", "''")
        op.execute(f"COMMENT ON COLUMN plays.{in_view} IS '{quoted}'")


def _compute_keys(dropped: tuple[tuple[int, int], ...]) -> None:
    added = _characters(ADDED)
    for table, names in KEYS.items():
        where = " OR ".join(f"translate({name}, '{added}', '') <> {name}" for name in names.values())
        if table != "song_matches":
            # Inferred ones have no keys.
            where = f"NOT inferred AND ({where})"
            # The ledger sums up these rows with their keys. Of song_matches it sums up none.
            op.execute(
                f"UPDATE load_checksums SET checksum = NULL WHERE table_name = '{table}' "
                f"AND EXISTS (SELECT 1 FROM {table} WHERE {where})"
            )
        assignments = ", ".join(f"{key} = {_key(name, dropped)}" for key, name in names.items())
        # The colons of [:cntrl:] are none of a parameter.
        op.execute(f"UPDATE {table} SET {assignments} WHERE {where}".replace(":cntrl:", r"\:cntrl\:"))


def _key(name: str, dropped: tuple[tuple[int, int], ...]) -> str:
    if op.get_context().dialect.name == "redshift":
        characters = _characters(dropped)
        accented = "".join(one for one in characters if not "\x80" <= one <= "\x9f")
        # Control characters, which a terminal that SQL is printed on would obey.
        controls = "".join(one for one in characters if "\x80" <= one <= "\x9f").encode().hex()
        translated = f"'{FINAL_SIGMA}{accented}' || FROM_VARBYTE(FROM_HEX('{controls}'), 'utf8')"
        kept = f"translate({name}, {translated}, '{SIGMA}')"
        return f"lower(regexp_replace({kept}, '[ -/:-@[-`{{-~[:cntrl:]]', ''))"
    accented = "".join(rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high in dropped)
    kept = rf"regexp_replace({name}, '[\x00-/:-@\[-`{{-\x7f{accented}]', '', 'g')"
    return f"lower(replace({kept}, '{FINAL_SIGMA}', '{SIGMA}'))"


def _characters(ranges: tuple[tuple[int, int], ...]) -> str:
    return "".join(chr(code) for low, high in ranges for code in range(low, high + 1))
