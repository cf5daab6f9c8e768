"""The comment of user_levels says which of several levels counts.

Revision: 0017
Revises: 0016

The levels that are there are made anew by a full refresh, for which ``status`` and ``check`` ask: the rules have a new
version.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_GRAIN = (
    "Grain: one stretch of a user's level (a slowly changing dimension of type 2), as plays show it."
    "\n\nStretches of a user neither overlap nor leave a gap. "
)
BEFORE = _GRAIN + "Two plays of one user at the same millisecond and of different levels count as paid."
AFTER = _GRAIN + (
    "Of several levels of one user at the same millisecond paid counts, else the one that sorts last; "
    "no level comes after all others."
)


def upgrade() -> None:
    op.create_table_comment("user_levels", AFTER, existing_comment=BEFORE)


def downgrade() -> None:
    op.create_table_comment("user_levels", BEFORE, existing_comment=AFTER)
