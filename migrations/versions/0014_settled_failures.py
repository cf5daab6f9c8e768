"""Failed loads after which another one found nothing new.

Revision: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "failed_loads",
        sa.Column(
            "settled_at",
            sa.TIMESTAMP(),
            nullable=True,
            redshift_encode="az64",
            comment="UTC. When a later load found nothing new to load; NULL: none has, or one has committed.",
        ),
    )


def downgrade() -> None:
    op.drop_column("failed_loads", "settled_at")
