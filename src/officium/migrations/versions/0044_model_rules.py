"""Where a tenant is stricter than the operator with models."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0044"
down_revision = "0045"


def upgrade() -> None:
    op.create_table(
        "model_rules",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("unknown_price", sa.String(16)),
        sa.Column("retired", sa.String(16)),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_model_rules"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_model_rules_tenant_id", ondelete="CASCADE"
        ),
    )
    protect("model_rules")


def downgrade() -> None:
    op.drop_table("model_rules")
