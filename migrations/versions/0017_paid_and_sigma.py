"""The keys by which names are compared have one sigma, and user_levels says which of several levels counts.

Revision: 0017
Revises: 0016

The keys that are stored are changed where they have a final sigma, and the songs or artists then are counted alone until
a full refresh, which makes matches and levels anew: ``status`` and ``check`` ask for it, for the rules have a new version.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

KEYS = {
    "artists": {"name_key": "name"},
    "songs": {"title_key": "title", "artist_key": "artist_name"},
    "song_matches": {"artist_key": "artist_name"},
}
FINAL_SIGMA, SIGMA = "\u03c2", "\u03c3"
ACCENTED = (
    *((0x80, 0x24F), (0x2C6, 0x2C6), (0x2DC, 0x2DC), (0x300, 0x36F), (0x1E00, 0x1EFF)),
    *((0x2010, 0x2027), (0x2030, 0x203A), (0x20AC, 0x20AC), (0x2122, 0x2122), (0xFFFD, 0xFFFD)),
)
_GRAIN = (
    "Grain: one stretch of a user's level (a slowly changing dimension of type 2), as plays show it."
    "\n\nStretches of a user neither overlap nor leave a gap. "
)
BEFORE = _GRAIN + "Two plays of one user at the same millisecond and of different levels count as paid."
AFTER = _GRAIN + (
    "Of several levels of one user at the same millisecond paid counts, else the one that sorts last; "
    "no level comes after all others."
)


def upgrade() -> None:
    for table, keys in KEYS.items():
        _change(
            table, {key: f"replace({key}, '{FINAL_SIGMA}', '{SIGMA}')" for key in keys}, _has_final_sigma(*keys)
        )
    op.create_table_comment("user_levels", AFTER, existing_comment=BEFORE)


def downgrade() -> None:
    op.create_table_comment("user_levels", BEFORE, existing_comment=AFTER)
    for table, keys in KEYS.items():
        where = _has_final_sigma(*keys.values())
        _change(
            table,
            {key: _key(name) for key, name in keys.items()},
            where if table == "song_matches" else f"NOT inferred AND ({where})",
        )


def _has_final_sigma(*columns: str) -> str:
    return " OR ".join(f"strpos({column}, '{FINAL_SIGMA}') > 0" for column in columns)


def _change(table: str, values: dict[str, str], where: str) -> None:
    # The ledger sums up these rows with their keys. Of song_matches it sums up none.
    op.execute(
        f"UPDATE load_checksums SET checksum = NULL WHERE table_name = '{table}' AND table_name <> 'song_matches' "
        f"AND EXISTS (SELECT 1 FROM {table} WHERE {where})"
    )
    assignments = ", ".join(f"{key} = {value}" for key, value in values.items())
    # The colons of [:cntrl:] are none of a parameter.
    op.execute(f"UPDATE {table} SET {assignments} WHERE {where}".replace(":cntrl:", r"\:cntrl\:"))


def _key(name: str) -> str:
    if op.get_context().dialect.name == "redshift":
        dropped = [chr(code) for low, high in ACCENTED for code in range(low, high + 1)]
        accented = "".join(one for one in dropped if not "\x80" <= one <= "\x9f")
        controls = "".join(one for one in dropped if "\x80" <= one <= "\x9f").encode().hex()
        characters = f"'{accented}' || FROM_VARBYTE(FROM_HEX('{controls}'), 'utf8')"
        return f"lower(regexp_replace(translate({name}, {characters}, ''), '[ -/:-@[-`{{-~[:cntrl:]]', ''))"
    accented = "".join(rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high in ACCENTED)
    return rf"lower(regexp_replace({name}, '[\x00-/:-@\[-`{{-\x7f{accented}]', '', 'g'))"
