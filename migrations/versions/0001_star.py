"""The star, its staging tables and the ledger.

Revision: 0001
Revises: nothing

Keys are declared on Redshift alone, where they are not enforced and the planner uses them; DuckDB would
enforce them, at four times the cost of an insert.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "artists",
        sa.Column("artist_id", sa.String(length=32), nullable=False, redshift_encode="raw"),
        sa.Column("name", sa.String(length=1024), nullable=False, redshift_encode="zstd"),
        sa.Column("location", sa.String(length=1024), nullable=True, redshift_encode="zstd"),
        sa.Column("latitude", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("longitude", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("inferred", sa.Boolean(), nullable=False, redshift_encode="zstd"),
        sa.PrimaryKeyConstraint("artist_id", name="artists_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
        redshift_sortkey="artist_id",
    )
    op.create_table(
        "load_history",
        sa.Column("load_id", sa.BigInteger(), autoincrement=False, nullable=False, redshift_encode="raw"),
        sa.Column("mode", sa.String(length=16), nullable=False, redshift_encode="zstd"),
        sa.Column("started_at", sa.TIMESTAMP(), nullable=False, redshift_encode="az64"),
        sa.Column("finished_at", sa.TIMESTAMP(), nullable=False, redshift_encode="az64"),
        sa.Column("files", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("lines", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("loaded", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("rejected", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("blank", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("version", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        sa.PrimaryKeyConstraint("load_id", name="load_history_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
        redshift_sortkey="load_id",
    )
    op.create_table(
        "load_lock",
        sa.Column("token", sa.Integer(), autoincrement=False, nullable=False, redshift_encode="raw"),
        sa.Column("taken", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("token", name="load_lock_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
    )
    op.create_table(
        "loaded_files",
        sa.Column("uri", sa.String(length=2048), nullable=False, redshift_encode="zstd"),
        sa.Column("source", sa.String(length=64), nullable=False, redshift_encode="zstd"),
        sa.Column("fingerprint", sa.String(length=256), nullable=False, redshift_encode="zstd"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("lines", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("loaded", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("rejected", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("blank", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("load_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("uri", name="loaded_files_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="EVEN",
    )
    op.create_table(
        "rejected_rows",
        sa.Column("uri", sa.String(length=2048), nullable=False, redshift_encode="zstd"),
        sa.Column("line", sa.BigInteger(), autoincrement=False, nullable=False, redshift_encode="az64"),
        sa.Column("source", sa.String(length=64), nullable=False, redshift_encode="zstd"),
        sa.Column("column_name", sa.String(length=128), nullable=True, redshift_encode="zstd"),
        sa.Column("reason", sa.String(length=512), nullable=False, redshift_encode="zstd"),
        sa.Column("text", sa.String(length=65535), nullable=False, redshift_encode="zstd"),
        sa.Column("load_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("uri", "line", name="rejected_rows_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="EVEN",
    )
    op.create_table(
        "staging_events",
        sa.Column("artist", sa.String(length=1024), nullable=True, redshift_encode="zstd"),
        sa.Column("auth", sa.String(length=64), nullable=True, redshift_encode="zstd"),
        sa.Column("first_name", sa.String(length=256), nullable=True, redshift_encode="zstd"),
        sa.Column("gender", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("item_in_session", sa.Integer(), nullable=True, redshift_encode="az64"),
        sa.Column("last_name", sa.String(length=256), nullable=True, redshift_encode="zstd"),
        sa.Column("length", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("level", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("location", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("method", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("page", sa.String(length=64), nullable=True, redshift_encode="zstd"),
        sa.Column("registration", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("session_id", sa.BigInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("song", sa.String(length=1024), nullable=True, redshift_encode="zstd"),
        sa.Column("status", sa.Integer(), nullable=True, redshift_encode="az64"),
        sa.Column("ts", sa.TIMESTAMP(), nullable=True, redshift_encode="az64"),
        sa.Column("user_agent", sa.String(length=1024), nullable=True, redshift_encode="zstd"),
        sa.Column("user_id", sa.BigInteger(), nullable=True, redshift_encode="az64"),
        redshift_diststyle="EVEN",
    )
    op.create_table(
        "staging_songs",
        sa.Column("num_songs", sa.Integer(), nullable=True, redshift_encode="az64"),
        sa.Column("artist_id", sa.String(length=32), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_latitude", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_longitude", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_location", sa.String(length=1024), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_name", sa.String(length=1024), nullable=True, redshift_encode="zstd"),
        sa.Column("song_id", sa.String(length=32), nullable=True, redshift_encode="zstd"),
        sa.Column("title", sa.String(length=1024), nullable=True, redshift_encode="zstd"),
        sa.Column("duration", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("year", sa.Integer(), nullable=True, redshift_encode="az64"),
        redshift_diststyle="EVEN",
    )
    op.create_table(
        "time",
        sa.Column("start_time", sa.TIMESTAMP(), nullable=False, redshift_encode="raw"),
        sa.Column("hour", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("day", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("week", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("month", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("year", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("weekday", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("start_time", name="time_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
        redshift_sortkey="start_time",
    )
    op.create_table(
        "users",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False, redshift_encode="raw"),
        sa.Column("first_name", sa.String(length=256), nullable=True, redshift_encode="zstd"),
        sa.Column("last_name", sa.String(length=256), nullable=True, redshift_encode="zstd"),
        sa.Column("gender", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("level", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("registered_at", sa.TIMESTAMP(), nullable=True, redshift_encode="az64"),
        sa.Column("last_played_at", sa.TIMESTAMP(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("user_id", name="users_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
        redshift_sortkey="user_id",
    )
    op.create_table(
        "songs",
        sa.Column("song_id", sa.String(length=32), nullable=False, redshift_encode="raw"),
        sa.Column("title", sa.String(length=1024), nullable=False, redshift_encode="zstd"),
        sa.Column("artist_id", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        sa.Column("artist_name", sa.String(length=1024), nullable=False, redshift_encode="zstd"),
        sa.Column("year", sa.SmallInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("duration", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("inferred", sa.Boolean(), nullable=False, redshift_encode="zstd"),
        sa.ForeignKeyConstraint(["artist_id"], ["artists.artist_id"], name="songs_artist_id_fkey").ddl_if(
            dialect="redshift"
        ),
        sa.PrimaryKeyConstraint("song_id", name="songs_pkey").ddl_if(dialect="redshift"),
        redshift_distkey="song_id",
        redshift_diststyle="KEY",
        redshift_sortkey="song_id",
    )
    op.create_table(
        "user_levels",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False, redshift_encode="raw"),
        sa.Column("valid_from", sa.TIMESTAMP(), nullable=False, redshift_encode="az64"),
        sa.Column("valid_to", sa.TIMESTAMP(), nullable=True, redshift_encode="az64"),
        sa.Column("level", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("is_current", sa.Boolean(), nullable=False, redshift_encode="zstd"),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="user_levels_user_id_fkey").ddl_if(
            dialect="redshift"
        ),
        sa.PrimaryKeyConstraint("user_id", "valid_from", name="user_levels_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
        redshift_sortkey=["user_id", "valid_from"],
    )
    op.create_table(
        "heard_songs",
        sa.Column("heard_id", sa.BigInteger(), autoincrement=False, nullable=False, redshift_encode="raw"),
        sa.Column("artist_name", sa.String(length=1024), nullable=False, redshift_encode="zstd"),
        sa.Column("title", sa.String(length=1024), nullable=False, redshift_encode="zstd"),
        sa.Column("duration", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("song_id", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        sa.Column("artist_id", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        sa.Column("match", sa.String(length=16), nullable=False, redshift_encode="zstd"),
        sa.Column("load_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.ForeignKeyConstraint(["artist_id"], ["artists.artist_id"], name="heard_songs_artist_id_fkey").ddl_if(
            dialect="redshift"
        ),
        sa.ForeignKeyConstraint(["song_id"], ["songs.song_id"], name="heard_songs_song_id_fkey").ddl_if(
            dialect="redshift"
        ),
        sa.PrimaryKeyConstraint("heard_id", name="heard_songs_pkey").ddl_if(dialect="redshift"),
        redshift_diststyle="ALL",
        redshift_sortkey="heard_id",
    )
    op.create_table(
        "songplays",
        sa.Column(
            "songplay_id", sa.BigInteger(), nullable=False, redshift_identity=(1, 1), redshift_encode="raw"
        ),
        sa.Column("start_time", sa.TIMESTAMP(), nullable=False, redshift_encode="raw"),
        sa.Column("user_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("level", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("song_id", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        sa.Column("artist_id", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        sa.Column("session_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("item_in_session", sa.Integer(), nullable=False, redshift_encode="az64"),
        sa.Column("location", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("user_agent", sa.String(length=1024), nullable=True, redshift_encode="zstd"),
        sa.Column("match", sa.String(length=16), nullable=False, redshift_encode="zstd"),
        sa.Column("heard_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("load_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.ForeignKeyConstraint(["artist_id"], ["artists.artist_id"], name="songplays_artist_id_fkey").ddl_if(
            dialect="redshift"
        ),
        sa.ForeignKeyConstraint(["heard_id"], ["heard_songs.heard_id"], name="songplays_heard_id_fkey").ddl_if(
            dialect="redshift"
        ),
        sa.ForeignKeyConstraint(["song_id"], ["songs.song_id"], name="songplays_song_id_fkey").ddl_if(
            dialect="redshift"
        ),
        sa.ForeignKeyConstraint(["start_time"], ["time.start_time"], name="songplays_start_time_fkey").ddl_if(
            dialect="redshift"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="songplays_user_id_fkey").ddl_if(
            dialect="redshift"
        ),
        sa.PrimaryKeyConstraint("songplay_id", name="songplays_pkey").ddl_if(dialect="redshift"),
        redshift_distkey="song_id",
        redshift_diststyle="KEY",
        redshift_sortkey="start_time",
    )
    op.execute("INSERT INTO load_lock (token, taken) VALUES (1, 0)")


def downgrade() -> None:
    op.drop_table("songplays")
    op.drop_table("heard_songs")
    op.drop_table("user_levels")
    op.drop_table("songs")
    op.drop_table("users")
    op.drop_table("time")
    op.drop_table("staging_songs")
    op.drop_table("staging_events")
    op.drop_table("rejected_rows")
    op.drop_table("loaded_files")
    op.drop_table("load_lock")
    op.drop_table("load_history")
    op.drop_table("artists")
    if op.get_context().dialect.name == "duckdb":
        # The sequence behind songplay_id, which DuckDB leaves when the table goes.
        op.execute("DROP SEQUENCE IF EXISTS songplays_songplay_id_seq")
