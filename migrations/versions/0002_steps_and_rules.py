"""The steps of loads, since when each column is filled, and the version of the rules.

Revision: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "load_steps",
        sa.Column("load_id", sa.BigInteger(), autoincrement=False, nullable=False, redshift_encode="az64"),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, redshift_encode="az64"),
        sa.Column("title", sa.String(length=256), nullable=False, redshift_encode="zstd"),
        sa.Column("rows", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("seconds", sa.Double(), nullable=False, redshift_encode="zstd"),
        sa.PrimaryKeyConstraint("load_id", "number", name="load_steps_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
    )
    op.create_table(
        "column_history",
        sa.Column("table_name", sa.String(length=128), nullable=False, redshift_encode="zstd"),
        sa.Column("column_name", sa.String(length=128), nullable=False, redshift_encode="zstd"),
        sa.Column("load_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("table_name", "column_name", name="column_history_pkey").ddl_if(
            dialect="redshift"
        ),
        redshift_diststyle="ALL",
    )
    op.add_column(
        "load_history",
        sa.Column("rules_version", sa.Integer(), nullable=True, redshift_encode="az64"),
    )


def downgrade() -> None:
    op.drop_column("load_history", "rules_version")
    op.drop_table("column_history")
    op.drop_table("load_steps")
