"""Clients that are archived."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("clients", sa.Column("archived_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("clients", "archived_at")
