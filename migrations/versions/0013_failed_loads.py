"""The loads that failed.

Revision: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "failed_loads",
        sa.Column(
            "started_at",
            sa.TIMESTAMP(),
            nullable=False,
            redshift_encode="az64",
            comment="UTC, of the machine that ran the load.",
        ),
        sa.Column(
            "host",
            sa.String(length=256),
            nullable=False,
            redshift_encode="zstd",
            comment="The machine that ran the load.",
        ),
        sa.Column(
            "pid",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            redshift_encode="az64",
            comment="Its process there.",
        ),
        sa.Column("failed_at", sa.TIMESTAMP(), nullable=False, redshift_encode="az64", comment="UTC."),
        sa.Column(
            "seconds", sa.Double(), nullable=False, redshift_encode="zstd", comment="Seconds of wall time."
        ),
        sa.Column(
            "step",
            sa.String(length=256),
            nullable=True,
            redshift_encode="zstd",
            comment="The step in which it failed.",
        ),
        sa.Column(
            "error",
            sa.String(length=4096),
            nullable=False,
            redshift_encode="zstd",
            comment="In one line, with secrets of the settings masked.",
        ),
        sa.Column(
            "exit_code",
            sa.Integer(),
            nullable=False,
            redshift_encode="az64",
            comment="Of the command: 75 where a retry may help.",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            nullable=False,
            redshift_encode="az64",
            comment="How often its transaction was begun.",
        ),
        sa.Column(
            "state",
            sa.String(length=256),
            nullable=True,
            redshift_encode="zstd",
            comment="In what state it left things.",
        ),
        sa.Column(
            "version",
            sa.String(length=32),
            nullable=False,
            redshift_encode="zstd",
            comment="The version of the library that ran the load.",
        ),
        sa.PrimaryKeyConstraint("started_at", "host", "pid", name="failed_loads_pkey").ddl_if(
            dialect="redshift"
        ),
        comment="Grain: one load that failed. Empty in a file of DuckDB, beside which the failures are kept.",
        redshift_diststyle="ALL",
    )


def downgrade() -> None:
    op.drop_table("failed_loads")
