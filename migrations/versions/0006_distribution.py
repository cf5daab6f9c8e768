"""The star is distributed by its keys: no table of it has a copy on each node, and the plays lie by user.

Revision: 0006
Revises: 0005

On Redshift alone, which writes each of these tables anew; docs/scale.md says why, and what it takes. On DuckDB
nothing happens.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_distkey("artists", "artist_id", existing_diststyle="ALL")
    op.alter_distkey("song_matches", "match_id", existing_diststyle="ALL")
    op.alter_distkey("time", "start_time", existing_diststyle="ALL")
    op.alter_distkey("user_levels", "user_id", existing_diststyle="ALL")
    op.alter_distkey("users", "user_id", existing_diststyle="ALL")
    op.alter_distkey("songplays", "user_id", existing_distkey="song_id")
    op.alter_encode("songplays", {"songplay_id": "az64"}, existing_encodings={"songplay_id": "raw"})


def downgrade() -> None:
    op.alter_encode("songplays", {"songplay_id": "raw"}, existing_encodings={"songplay_id": "az64"})
    op.alter_distkey("songplays", "song_id", existing_distkey="user_id")
    op.alter_diststyle("users", "ALL", existing_distkey="user_id")
    op.alter_diststyle("user_levels", "ALL", existing_distkey="user_id")
    op.alter_diststyle("time", "ALL", existing_distkey="start_time")
    op.alter_diststyle("song_matches", "ALL", existing_distkey="match_id")
    op.alter_diststyle("artists", "ALL", existing_distkey="artist_id")
