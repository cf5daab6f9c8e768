"""The ledger sums up the songs that were played, so that check finds lengths that were altered.

Revision: 0015
Revises: 0014

The rows that are there are counted here; their checksum comes with the next full refresh.
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # An empty table gets no row: an empty warehouse has none.
    op.execute(
        "INSERT INTO load_checksums (load_id, table_name, of_load, removed, rows, checksum, probe) "
        "SELECT 0, 'song_matches', 0, FALSE, count(*), NULL, NULL FROM song_matches HAVING count(*) > 0"
    )


def downgrade() -> None:
    op.execute("DELETE FROM load_checksums WHERE table_name = 'song_matches'")
