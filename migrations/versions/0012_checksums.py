"""The ledger sums up the rows of each load, so that check finds rows that were altered since.

Revision: 0012
Revises: 0011

The rows that are there are counted here; their checksums come with the next full refresh.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BY_LOAD = ("songplays", "load_history", "loaded_files", "rejected_rows")
WHOLE = ("users", "songs", "artists")


def upgrade() -> None:
    op.create_table(
        "load_checksums",
        sa.Column(
            "load_id",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            redshift_encode="az64",
            comment="The load that did it.",
        ),
        sa.Column("table_name", sa.String(length=128), nullable=False, redshift_encode="zstd"),
        sa.Column(
            "of_load",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            redshift_encode="az64",
            comment="The load that the rows are of; 0 in a table that does not say.",
        ),
        sa.Column(
            "removed",
            sa.Boolean(),
            nullable=False,
            redshift_encode="zstd",
            comment="Whether the rows were taken; else added.",
        ),
        sa.Column("rows", sa.BigInteger(), nullable=False, redshift_encode="az64", comment="How many."),
        sa.Column(
            "checksum",
            sa.Numeric(precision=38, scale=0),
            nullable=True,
            redshift_encode="az64",
            comment="The sum of their hashes; NULL of rows that were loaded before there were checksums.",
        ),
        sa.Column(
            "probe",
            sa.BigInteger(),
            nullable=True,
            redshift_encode="az64",
            comment="The hash of a constant, by which another way of hashing is noticed.",
        ),
        sa.PrimaryKeyConstraint(
            "load_id", "table_name", "of_load", "removed", name="load_checksums_pkey"
        ).ddl_if(dialect="redshift"),
        comment="Grain: what one load added to the rows of a load in one table, or took from them.",
        redshift_diststyle="ALL",
    )
    into = "INSERT INTO load_checksums (load_id, table_name, of_load, removed, rows, checksum, probe)"
    for name in BY_LOAD:
        op.execute(
            f"{into} SELECT load_id, '{name}', load_id, FALSE, count(*), NULL, NULL FROM {name} GROUP BY load_id"
        )
    for name in WHOLE:
        # An empty table gets no row: an empty warehouse has none.
        op.execute(f"{into} SELECT 0, '{name}', 0, FALSE, count(*), NULL, NULL FROM {name} HAVING count(*) > 0")


def downgrade() -> None:
    op.drop_table("load_checksums")
