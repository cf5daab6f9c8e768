"""Users keep what is known of them where newer files do not tell it.

Revision: 0011
Revises: 0010

The rows that are there were taken from the newest play as a whole. What plays before it told, a full refresh finds
out, for which ``status`` and ``check`` ask: the rules have a new version.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SetColumnComment
from sqlalchemy.types import TIMESTAMP

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

LAST_PLAYED_AT = "When the newest play began"
DESCRIBED_AT = "When the play began that tells names and registration."
AFTER = "Grain: one user who has played a song, as of the newest play; what is no longer told of a user stays."
BEFORE = "Grain: one user who has played a song. The newest play wins, whichever file it came in."
KNOWN = "coalesce(first_name, last_name, gender) IS NOT NULL OR registered_at IS NOT NULL"


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column("described_at", TIMESTAMP(), nullable=True, redshift_encode="az64", comment=DESCRIBED_AT),
    )
    op.execute(f"UPDATE users SET described_at = last_played_at WHERE {KNOWN}")
    _comment(f"{LAST_PLAYED_AT}.")
    op.create_table_comment("users", AFTER, existing_comment=BEFORE)


def downgrade() -> None:
    op.create_table_comment("users", BEFORE, existing_comment=AFTER)
    op.drop_column("users", "described_at")
    _comment(f"{LAST_PLAYED_AT}: the play that the rest of the row was taken from.")


def _comment(text: str) -> None:
    column = sa.Column("last_played_at", TIMESTAMP(), comment=text)
    sa.Table("users", sa.MetaData(), column)
    op.execute(SetColumnComment(column))
