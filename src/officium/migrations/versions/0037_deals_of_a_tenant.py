"""Reading all deals of a tenant in their order."""

from alembic import op

revision = "0037"
down_revision = "0041"


def upgrade() -> None:
    op.create_index("ix_deals_tenant", "deals", ["tenant_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_deals_tenant", "deals")
