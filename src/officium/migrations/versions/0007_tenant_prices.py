"""Prices of a tenant's own, and what answers from the cache saved."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "tenant_prices",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("model", sa.String(256), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("input", sa.String(32), nullable=False),
        sa.Column("output", sa.String(32), nullable=False),
        sa.Column("cached", sa.String(32)),
        sa.Column("cache_write", sa.String(32)),
        sa.Column("per_call", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "provider", "model", "valid_from", name="pk_tenant_prices"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_tenant_prices_tenant_id", ondelete="CASCADE"
        ),
    )
    op.add_column("usage_log", sa.Column("saved_nano_usd", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("usage_log", "saved_nano_usd")
    op.drop_table("tenant_prices")
