"""Failed loads know which load had committed before them, so that no clock decides which came last.

Revision: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "failed_loads",
        sa.Column(
            "after_load",
            sa.BigInteger(),
            nullable=True,
            redshift_encode="az64",
            comment="The newest load that had committed; 0: none; NULL of failures from before this was kept.",
        ),
    )


def downgrade() -> None:
    op.drop_column("failed_loads", "after_load")
