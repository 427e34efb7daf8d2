"""What is known of a business, how its advisers answer, and what was decided."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0013"
down_revision = "0012"

_MOMENT = sa.DateTime(timezone=True)
_TABLES = (
    "business_profiles",
    "analytics_snapshots",
    "module_insights",
    "persona_configs",
    "decisions",
)


def upgrade() -> None:
    _create_business_context()
    _create_advisers()
    for table in _TABLES:
        protect(table)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_business_context() -> None:
    op.create_table(
        "business_profiles",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("industry", sa.String(500)),
        sa.Column("size", sa.String(500)),
        sa.Column("stage", sa.String(500)),
        sa.Column("revenue", sa.String(500)),
        sa.Column("goals", sa.JSON(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_business_profiles"),
        _of_tenant("business_profiles"),
    )
    op.create_table(
        "analytics_snapshots",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("as_of", _MOMENT, nullable=False),
        sa.Column("sessions", sa.BigInteger()),
        sa.Column("users", sa.BigInteger()),
        sa.Column("conversions", sa.BigInteger()),
        sa.Column("revenue", sa.Double()),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("received_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "as_of", name="pk_analytics_snapshots"),
        _of_tenant("analytics_snapshots"),
    )
    op.create_table(
        "module_insights",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("module", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("data", sa.JSON()),
        sa.Column("observed_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("pushed_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "module", "key", name="pk_module_insights"),
        _of_tenant("module_insights"),
    )


def _create_advisers() -> None:
    op.create_table(
        "persona_configs",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("persona", sa.String(16), nullable=False),
        sa.Column("model", sa.String(256)),
        sa.Column("temperature", sa.Double()),
        sa.Column("max_tokens", sa.Integer()),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "persona", name="pk_persona_configs"),
        _of_tenant("persona_configs"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("text", sa.String(500), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("expected_value", sa.Double()),
        sa.Column("persona", sa.String(16)),
        sa.Column("baseline", sa.Double()),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.Column("outcome", sa.String(8)),
        sa.Column("actual_value", sa.Double()),
        sa.Column("actual_as_of", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        _of_tenant("decisions"),
    )
    op.create_index("ix_decisions_tenant_id", "decisions", ["tenant_id", "id"])


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenants.id"], name=f"fk_{table}_tenant_id", ondelete="CASCADE"
    )
