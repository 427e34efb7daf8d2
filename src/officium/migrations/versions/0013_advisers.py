"""What is known of a business."""

import sqlalchemy as sa
from alembic import op

from officium.kit.row_security import protect

revision = "0013"
down_revision = "0012"

_MOMENT = sa.DateTime(timezone=True)
_TABLES = ("business_profiles", "analytics_snapshots", "module_insights")


def upgrade() -> None:
    _create_business_context()
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


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenants.id"], name=f"fk_{table}_tenant_id", ondelete="CASCADE"
    )
