"""The shop's customers and orders, their staging tables and the ledger.

Revision: s001
Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "s001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "column_origins",
        sa.Column("table_name", sa.String(length=128), nullable=False, redshift_encode="zstd"),
        sa.Column("column_name", sa.String(length=128), nullable=False, redshift_encode="zstd"),
        sa.Column(
            "load_id",
            sa.BigInteger(),
            nullable=False,
            redshift_encode="az64",
            comment="The first load whose rows have the column; rows of earlier loads have NULL there.",
        ),
        sa.PrimaryKeyConstraint("table_name", "column_name", name="column_origins_pkey").ddl_if(
            dialect="redshift"
        ),
        redshift_diststyle="ALL",
    )
    op.create_table(
        "customers",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False, redshift_encode="raw"),
        sa.Column("name", sa.String(length=256), nullable=False, redshift_encode="zstd"),
        sa.Column("country", sa.String(length=2), nullable=True, redshift_encode="zstd", comment="ISO 3166."),
        sa.Column("changed_at", sa.TIMESTAMP(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("customer_id", name="customers_pkey").ddl_if(dialect="redshift"),
        comment="Grain: one customer. The newest line wins.",
        redshift_diststyle="ALL",
        redshift_sortkey="customer_id",
    )
    op.create_table(
        "load_files",
        sa.Column(
            "uri",
            sa.String(length=2048),
            nullable=False,
            redshift_encode="zstd",
            comment="`s3://bucket/key`, or the absolute path of a local file.",
        ),
        sa.Column("source", sa.String(length=64), nullable=False, redshift_encode="zstd"),
        sa.Column(
            "fingerprint",
            sa.String(length=256),
            nullable=False,
            redshift_encode="zstd",
            comment=(
                "Tells whether the file is the same: the ETag of an object; size and mtime of a local file."
            ),
        ),
        sa.Column("bytes", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column(
            "lines",
            sa.BigInteger(),
            nullable=False,
            redshift_encode="az64",
            comment="lines = loaded + rejected + blank",
        ),
        sa.Column("loaded", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("rejected", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("blank", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("load_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column(
            "content_hash",
            sa.String(length=64),
            nullable=True,
            redshift_encode="zstd",
            comment="SHA-256 of the bytes as stored; NULL where the load left the reading to the database.",
        ),
        sa.Column(
            "drift",
            sa.String(length=4096),
            nullable=True,
            redshift_encode="zstd",
            comment="JSON: what the file lacks, or has beyond its model; NULL: nothing that was seen.",
        ),
        sa.PrimaryKeyConstraint("source", "uri", name="load_files_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="EVEN",
    )
    op.create_table(
        "load_problems",
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
        sa.Column(
            "settled_at",
            sa.TIMESTAMP(),
            nullable=True,
            redshift_encode="az64",
            comment="UTC. When a later load found nothing new to load; NULL: none has, or one has committed.",
        ),
        sa.Column(
            "after_load",
            sa.BigInteger(),
            nullable=True,
            redshift_encode="az64",
            comment="The newest load that had committed; 0: none; NULL of failures from before this was kept.",
        ),
        sa.PrimaryKeyConstraint("started_at", "host", "pid", name="load_problems_pkey").ddl_if(
            dialect="redshift"
        ),
        redshift_diststyle="ALL",
    )
    op.create_table(
        "load_timings",
        sa.Column("load_id", sa.BigInteger(), autoincrement=False, nullable=False, redshift_encode="az64"),
        sa.Column(
            "number",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            redshift_encode="az64",
            comment="Counts from 1, in the order in which steps were done.",
        ),
        sa.Column("title", sa.String(length=256), nullable=False, redshift_encode="zstd"),
        sa.Column(
            "rows",
            sa.BigInteger(),
            nullable=False,
            redshift_encode="az64",
            comment="How many rows the statements of the step touched.",
        ),
        sa.Column(
            "seconds", sa.Double(), nullable=False, redshift_encode="zstd", comment="Seconds of wall time."
        ),
        sa.PrimaryKeyConstraint("load_id", "number", name="load_timings_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
    )
    op.create_table(
        "load_token",
        sa.Column(
            "token",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            redshift_encode="raw",
            comment="Always 1.",
        ),
        sa.Column(
            "taken",
            sa.BigInteger(),
            nullable=False,
            redshift_encode="az64",
            comment="How many loads have taken the lock.",
        ),
        sa.PrimaryKeyConstraint("token", name="load_token_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
    )
    op.create_table(
        "loads",
        sa.Column(
            "load_id",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            redshift_encode="raw",
            comment="Counts up from 1.",
        ),
        sa.Column(
            "mode",
            sa.String(length=16),
            nullable=False,
            redshift_encode="zstd",
            comment="`incremental` or `full refresh`.",
        ),
        sa.Column(
            "started_at",
            sa.TIMESTAMP(),
            nullable=False,
            redshift_encode="az64",
            comment="UTC, of the machine that ran the load.",
        ),
        sa.Column(
            "finished_at",
            sa.TIMESTAMP(),
            nullable=False,
            redshift_encode="az64",
            comment="UTC, just before the commit.",
        ),
        sa.Column("files", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column(
            "bytes",
            sa.BigInteger(),
            nullable=False,
            redshift_encode="az64",
            comment="Size of the files as they are stored, compressed or not.",
        ),
        sa.Column(
            "lines",
            sa.BigInteger(),
            nullable=False,
            redshift_encode="az64",
            comment="lines = loaded + rejected + blank",
        ),
        sa.Column("loaded", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("rejected", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("blank", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column(
            "version",
            sa.String(length=32),
            nullable=False,
            redshift_encode="zstd",
            comment="The version of the library that ran the load.",
        ),
        sa.Column(
            "rules_version",
            sa.Integer(),
            nullable=True,
            redshift_encode="az64",
            comment=(
                "The version of the rules that made the rows of the load; NULL, "
                "of loads before there were any, is 1."
            ),
        ),
        sa.Column(
            "drift",
            sa.String(length=65535),
            nullable=True,
            redshift_encode="zstd",
            comment="JSON: how the files differed from those before and from the models; NULL: they did not.",
        ),
        sa.Column(
            "observed",
            sa.String(length=65535),
            nullable=True,
            redshift_encode="zstd",
            comment="JSON: what was seen of the sources so far, by which the next load tells what is new.",
        ),
        sa.PrimaryKeyConstraint("load_id", name="loads_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
    )
    op.create_table(
        "rejected_lines",
        sa.Column("uri", sa.String(length=2048), nullable=False, redshift_encode="zstd"),
        sa.Column(
            "line",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            redshift_encode="az64",
            comment="Counts from 1.",
        ),
        sa.Column("source", sa.String(length=64), nullable=False, redshift_encode="zstd"),
        sa.Column(
            "column_name",
            sa.String(length=128),
            nullable=True,
            redshift_encode="zstd",
            comment="The column that could not take its value; NULL when it is the line as a whole.",
        ),
        sa.Column("reason", sa.String(length=512), nullable=False, redshift_encode="zstd"),
        sa.Column(
            "text",
            sa.String(length=65535),
            nullable=False,
            redshift_encode="zstd",
            comment=(
                "The line; bytes that are not UTF-8 and control characters "
                "as hexadecimal; its first 65,535 bytes."
            ),
        ),
        sa.Column("load_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("source", "uri", "line", name="rejected_lines_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="EVEN",
    )
    op.create_table(
        "staging_customers",
        sa.Column("customer_id", sa.BigInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("name", sa.String(length=256), nullable=True, redshift_encode="zstd"),
        sa.Column("country", sa.String(length=2), nullable=True, redshift_encode="zstd"),
        sa.Column("changed_at", sa.TIMESTAMP(), nullable=True, redshift_encode="az64"),
        comment="Grain: one line of the customers.",
        redshift_diststyle="EVEN",
    )
    op.create_table(
        "staging_orders",
        sa.Column("order_id", sa.BigInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("placed_at", sa.TIMESTAMP(), nullable=True, redshift_encode="az64"),
        sa.Column("customer_id", sa.BigInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("channel", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("cents", sa.Integer(), nullable=True, redshift_encode="az64"),
        comment="Grain: one line of the orders.",
        redshift_diststyle="EVEN",
    )
    op.create_table(
        "orders",
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False, redshift_encode="raw"),
        sa.Column(
            "placed_at",
            sa.TIMESTAMP(),
            nullable=False,
            redshift_encode="raw",
            comment="When the order was placed: UTC, with milliseconds.",
        ),
        sa.Column("customer_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column(
            "channel",
            sa.String(length=16),
            nullable=True,
            redshift_encode="zstd",
            comment="``web`` or ``store``.",
        ),
        sa.Column(
            "cents", sa.Integer(), nullable=False, redshift_encode="az64", comment="Cents of the currency EUR."
        ),
        sa.Column("load_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("order_id", name="orders_pkey").ddl_if(dialect="redshift"),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.customer_id"], name="orders_customer_id_fkey"
        ).ddl_if(dialect="redshift"),
        comment="Grain: one order.",
        redshift_diststyle="KEY",
        redshift_distkey="customer_id",
        redshift_sortkey="placed_at",
    )
    op.create_table(
        "load_sums",
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
        sa.PrimaryKeyConstraint("load_id", "table_name", "of_load", "removed", name="load_sums_pkey").ddl_if(
            dialect="redshift"
        ),
        redshift_diststyle="ALL",
    )
    op.execute("INSERT INTO load_token (token, taken) VALUES (1, 0)")


def downgrade() -> None:
    for name in (
        "orders",
        "customers",
        "staging_orders",
        "staging_customers",
        "loads",
        "load_files",
        "rejected_lines",
        "load_token",
        "load_timings",
        "column_origins",
        "load_sums",
        "load_problems",
    ):
        op.drop_table(name)
