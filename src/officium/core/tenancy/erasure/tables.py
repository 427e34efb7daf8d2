"""The table of what is left of erased tenants."""

from sqlalchemy import JSON, Column, String, Table

from officium.kit.database import UtcDateTime, metadata

erased_tenants = Table(
    "erased_tenants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime, nullable=False),
    Column("closed_by", String(128), nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("erased_at", UtcDateTime),
    Column("settled_at", UtcDateTime),
    Column("rows", JSON, nullable=False),
    Column("months", JSON, nullable=False),
)
"""It is the operator's. The audit log lets go of a tenant's rows once the tenant stands here and is gone."""
