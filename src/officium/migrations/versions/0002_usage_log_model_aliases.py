"""The usage log, and the tenants' names for models."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "model_aliases",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="pk_model_aliases"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_model_aliases_tenant_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "usage_log",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("is_last", sa.Boolean(), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("user", sa.String(256)),
        sa.Column("app", sa.String(32), nullable=False),
        sa.Column("prompt", sa.String(128)),
        sa.Column("prompt_version", sa.String(64)),
        sa.Column("provider", sa.String(32)),
        sa.Column("requested_model", sa.String(256), nullable=False),
        sa.Column("model", sa.String(256)),
        sa.Column("is_stream", sa.Boolean(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger()),
        sa.Column("cached_tokens", sa.BigInteger()),
        sa.Column("cache_write_tokens", sa.BigInteger()),
        sa.Column("output_tokens", sa.BigInteger()),
        sa.Column("reasoning_tokens", sa.BigInteger()),
        sa.Column("total_tokens", sa.BigInteger()),
        sa.Column("usage_source", sa.String(16), nullable=False),
        sa.Column("cost_nano_usd", sa.BigInteger()),
        sa.Column("price_source", sa.String(64), nullable=False),
        sa.Column("ttft_ms", sa.Integer()),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("error_code", sa.String(64)),
        sa.Column("finish_reason", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_usage_log"),
    )
    op.create_index("ix_usage_log_tenant_created", "usage_log", ["tenant_id", "created_at"])
    op.create_index("ix_usage_log_request", "usage_log", ["request_id"])


def downgrade() -> None:
    op.drop_table("usage_log")
    op.drop_table("model_aliases")
