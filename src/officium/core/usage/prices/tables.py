"""The tables of the tenants' own prices and rules."""

from sqlalchemy import Column, ForeignKey, String, Table

from officium.kit.database import UtcDateTime, metadata

tenant_prices = Table(
    "tenant_prices",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("provider", String(32), primary_key=True),
    Column("model", String(256), primary_key=True),
    Column("valid_from", UtcDateTime, primary_key=True),
    Column("input", String(32), nullable=False),
    Column("output", String(32), nullable=False),
    Column("cached", String(32)),
    Column("cache_write", String(32)),
    Column("per_call", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
)
"""Amounts are decimals as text: neither database keeps them exactly as numbers of its own."""

model_rules = Table(
    "model_rules",
    metadata,
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("unknown_price", String(16)),
    Column("retired", String(16)),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
)
"""Where a tenant is stricter than the operator; null follows the operator. The gateway writes it."""
