"""The keys by which names are compared are stored beside the names.

Revision: 0005
Revises: 0004

A load then finds what a song may change by its key, and computes no key of what was there before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LETTERS = "The ASCII letters and digits of the {}, lower case"
KEYS = {
    "artists": {"name_key": ("name", _LETTERS.format("name") + "; NULL of an inferred artist.")},
    "songs": {
        "title_key": ("title", _LETTERS.format("title") + "; NULL of an inferred song."),
        "artist_key": ("artist_name", _LETTERS.format("artist's name") + "; NULL of an inferred song."),
    },
    "song_matches": {
        "artist_key": (
            "artist_name",
            _LETTERS.format("artist's name") + ": by these a load finds what the songs in it may change.",
        ),
    },
}


def upgrade() -> None:
    # DuckDB's function replaces the first occurrence unless told otherwise; Redshift's replaces all.
    every = "" if op.get_context().dialect.name == "redshift" else ", 'g'"
    for table, keys in KEYS.items():
        for key, (_, comment) in keys.items():
            op.add_column(
                table,
                sa.Column(key, sa.String(length=1024), nullable=True, redshift_encode="zstd", comment=comment),
            )
        values = {
            key: f"lower(regexp_replace({name}, '[^a-zA-Z0-9]', ''{every}))" for key, (name, _) in keys.items()
        }
        where = "" if table == "song_matches" else " WHERE NOT inferred"
        op.execute(f"UPDATE {table} SET {', '.join(f'{k} = {v}' for k, v in values.items())}{where}")


def downgrade() -> None:
    for table, keys in KEYS.items():
        for key in keys:
            op.drop_column(table, key)
