"""What came of a rule's last replay."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rules", sa.Column("last_replay", sa.JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("rules", "last_replay")
