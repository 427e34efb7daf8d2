"""Alerts on their way, and whose turn a job is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "job_leases",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_job_leases"),
    )
    op.create_table(
        "alert_destinations",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("target", sa.String(2048), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.Column("last_delivered_at", sa.DateTime(timezone=True)),
        sa.Column("last_failed_at", sa.DateTime(timezone=True)),
        sa.Column("last_failure", sa.String(256)),
        sa.PrimaryKeyConstraint("id", name="pk_alert_destinations"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_alert_destinations_tenant_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_alert_destinations_tenant", "alert_destinations", ["tenant_id"])
    op.create_table(
        "alert_deliveries",
        sa.Column("alert_id", sa.String(64), nullable=False),
        sa.Column("destination_id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "destination_id", name="pk_alert_deliveries"),
        sa.ForeignKeyConstraint(
            ["destination_id"],
            ["alert_destinations.id"],
            name="fk_alert_deliveries_destination_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_alert_deliveries_destination", "alert_deliveries", ["destination_id"])


def downgrade() -> None:
    for name in ("alert_deliveries", "alert_destinations", "job_leases"):
        op.drop_table(name)
