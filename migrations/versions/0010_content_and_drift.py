"""The ledger keeps the content of files and their drift, and knows a file by its source.

Revision: 0010
Revises: 0009

Rows of loads before this have no content and no drift: they are NULL.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = (
    (
        "load_history",
        "drift",
        65_535,
        "JSON: how the files differed from those before and from the models; NULL: they did not.",
    ),
    (
        "load_history",
        "observed",
        65_535,
        "JSON: what was seen of the sources so far, by which the next load tells what is new.",
    ),
    (
        "loaded_files",
        "content_hash",
        64,
        "SHA-256 of the bytes as stored; NULL where the load left the reading to the database.",
    ),
    (
        "loaded_files",
        "drift",
        4_096,
        "JSON: what the file lacks, or has beyond its model; NULL: nothing that was seen.",
    ),
)
KEYS = {"loaded_files": ("uri",), "rejected_rows": ("uri", "line")}


def upgrade() -> None:
    for table, name, length, comment in COLUMNS:
        op.add_column(
            table,
            sa.Column(name, sa.String(length=length), nullable=True, redshift_encode="zstd", comment=comment),
        )
    for table, key in KEYS.items():
        _change_key(table, ("source", *key))


def downgrade() -> None:
    for table, key in KEYS.items():
        _change_key(table, key)
    for table, name, _, _ in COLUMNS:
        op.drop_column(table, name)


def _change_key(table: str, key: tuple[str, ...]) -> None:
    # DuckDB has no keys.
    if op.get_context().dialect.name == "redshift":
        op.drop_constraint(f"{table}_pkey", table, type_="primary")
        op.create_primary_key(f"{table}_pkey", table, list(key))
