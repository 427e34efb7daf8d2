"""The tables of what is known of a business."""

from sqlalchemy import JSON, BigInteger, Column, Double, ForeignKey, String, Table, Text

from officium.kit.database import UtcDateTime, metadata

business_profiles = Table(
    "business_profiles",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("industry", String(500)),
    Column("size", String(500)),
    Column("stage", String(500)),
    Column("revenue", String(500)),
    Column("goals", JSON, nullable=False),
    Column("extra", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
)

analytics_snapshots = Table(
    "analytics_snapshots",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("as_of", UtcDateTime, primary_key=True),
    Column("sessions", BigInteger),
    Column("users", BigInteger),
    Column("conversions", BigInteger),
    Column("revenue", Double),
    Column("extra", JSON, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("received_by", String(128), nullable=False),
)

module_insights = Table(
    "module_insights",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("module", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("text", Text),
    Column("data", JSON(none_as_null=True)),
    Column("observed_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("received_at", UtcDateTime, nullable=False),
    Column("pushed_by", String(128), nullable=False),
)
