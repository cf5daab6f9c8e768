"""The table heard_songs becomes song_matches, and its heard_id match_id.

Revision: 0003
Revises: 0002

Rows and numbers stay. Redshift has no RENAME CONSTRAINT, so the keys that are declared there are dropped
and declared again under the new names.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rename("heard_songs", "song_matches", "heard_id", "match_id")


def downgrade() -> None:
    _rename("song_matches", "heard_songs", "match_id", "heard_id")


def _rename(table: str, new_table: str, column: str, new_column: str) -> None:
    declares_keys = op.get_context().dialect.name == "redshift"
    if declares_keys:
        op.drop_constraint(f"songplays_{column}_fkey", "songplays", type_="foreignkey")
        for key in ("song_id", "artist_id"):
            op.drop_constraint(f"{table}_{key}_fkey", table, type_="foreignkey")
        op.drop_constraint(f"{table}_pkey", table, type_="primary")
    op.rename_table(table, new_table)
    op.alter_column(new_table, column, new_column_name=new_column)
    op.alter_column("songplays", column, new_column_name=new_column)
    if declares_keys:
        op.create_primary_key(f"{new_table}_pkey", new_table, [new_column])
        op.create_foreign_key(f"{new_table}_song_id_fkey", new_table, "songs", ["song_id"], ["song_id"])
        op.create_foreign_key(f"{new_table}_artist_id_fkey", new_table, "artists", ["artist_id"], ["artist_id"])
        op.create_foreign_key(
            f"songplays_{new_column}_fkey", "songplays", new_table, [new_column], [new_column]
        )
