"""The tables of deals."""

from sqlalchemy import JSON, BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from officium.kit.database import UtcDateTime, metadata

_ID = BigInteger().with_variant(Integer, "sqlite")

deal_customers = Table(
    "deal_customers",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("payment_terms_days", Integer),
    Index("ix_deal_customers_name", "tenant_id", "name", unique=True),
    sqlite_autoincrement=True,
)

deals = Table(
    "deals",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("external_id", String(200)),
    Column("title", String(500), nullable=False),
    Column("folded_title", Text, nullable=False),
    Column("pipeline", String(200), nullable=False),
    Column("stage", String(200), nullable=False),
    Column("customer_id", _ID, ForeignKey("deal_customers.id", ondelete="SET NULL")),
    Column("owner_name", String(200), nullable=False),
    Column("value", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String(8), nullable=False),
    Column("created_on", Date, nullable=False),
    Column("stage_changed_on", Date, nullable=False),
    Column("expected_close_on", Date),
    Column("invoiced_on", Date),
    Column("paid_on", Date),
    Column("lost_on", Date),
    Column("payment_terms_days", Integer),
    Column("stage_changes", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_deals_tenant", "tenant_id", "id"),
    Index("ix_deals_stages", "tenant_id", "pipeline", "stage", "status"),
    Index("ix_deals_status", "tenant_id", "status", "id"),
    Index("ix_deals_external_id", "tenant_id", "external_id", unique=True),
    Index("ix_deals_updated", "tenant_id", "updated_at"),
    Index("ix_deals_customer", "customer_id"),
    sqlite_autoincrement=True,
)
"""Values are decimal texts: no database adds them up, and none rounds them."""

deal_notes = Table(
    "deal_notes",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("deal_id", _ID, ForeignKey("deals.id", ondelete="CASCADE"), nullable=False),
    Column("text", Text, nullable=False),
    Column("written_on", Date, nullable=False),
    Column("written_by", String(128), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_deal_notes_deal", "deal_id", "id"),
    sqlite_autoincrement=True,
)

cashflow_configs = Table(
    "cashflow_configs",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("config", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
)
