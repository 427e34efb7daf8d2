"""What a conversation of a widget has cost, and may cost."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0044"


def upgrade() -> None:
    op.add_column("widget_configs", sa.Column("conversation_nano_usd_limit", sa.BigInteger()))
    op.add_column(
        "widget_conversations",
        sa.Column("nano_usd", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("widget_conversations", "nano_usd")
    op.drop_column("widget_configs", "conversation_nano_usd_limit")
