"""The tables of who is told about budgets, and who was."""

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, String, Table

from officium.kit.database import UtcDateTime, metadata

alert_destinations = Table(
    "alert_destinations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("target", String(2048), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("last_delivered_at", UtcDateTime),
    Column("last_failed_at", UtcDateTime),
    Column("last_failure", String(256)),
    Index("ix_alert_destinations_tenant", "tenant_id"),
)

alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("alert_id", String(64), nullable=False),
    Column(
        "destination_id", String(64), ForeignKey("alert_destinations.id", ondelete="CASCADE"), nullable=False
    ),
    Column("tenant_id", String(64), nullable=False),
    Column("delivered_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("alert_id", "destination_id"),
    Index("ix_alert_deliveries_destination", "destination_id"),
)
"""Which destinations have an alert already, so that another try goes only to the others."""
