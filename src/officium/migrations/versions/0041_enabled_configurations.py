"""Configurations that can be switched off."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0032"


def upgrade() -> None:
    op.add_column(
        "llm_configs", sa.Column("is_enabled", sa.Boolean(), nullable=False, server_default=sa.true())
    )


def downgrade() -> None:
    op.drop_column("llm_configs", "is_enabled")
