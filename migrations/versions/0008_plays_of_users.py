"""The comment of songplays names the user in its natural key.

Revision: 0008
Revises: 0007

No table has that key, so no row changes. Loads of before lost a play where another user had a session of the same
number: the rules have a new version, so that ``status`` and ``check`` ask for a full refresh.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BEFORE = "Grain: one `NextSong` event. Natural key: (start_time, session_id, item_in_session)."
AFTER = "Grain: one `NextSong` event. Natural key: (start_time, user_id, session_id, item_in_session)."


def upgrade() -> None:
    op.create_table_comment("songplays", AFTER, existing_comment=BEFORE)


def downgrade() -> None:
    op.create_table_comment("songplays", BEFORE, existing_comment=AFTER)
