"""Which models a tenant, its keys and its members may use."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect, unprotect

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "model_policies",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("subject_kind", sa.String(16), nullable=False),
        sa.Column("subject_id", sa.String(64), nullable=False),
        sa.Column("allowed", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "subject_kind", "subject_id", name="pk_model_policies"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_model_policies_tenant_id", ondelete="CASCADE"
        ),
    )
    if op.get_context().dialect.name == "postgresql":
        protect("model_policies")


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        unprotect("model_policies")
    op.drop_table("model_policies")
