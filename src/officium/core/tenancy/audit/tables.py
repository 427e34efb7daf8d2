"""The audit log's table."""

from sqlalchemy import JSON, Column, Index, String, Table

from officium.kit.database import UtcDateTime, metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("member_id", String(64)),
    Column("action", String(64), nullable=False),
    Column("thing", String(32), nullable=False),
    Column("thing_id", String(256), nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("request_id", String(128)),
    Index("ix_audit_log_tenant", "tenant_id", "id"),
)
"""No foreign key to `tenants`: the log outlives them. A trigger refuses to change or delete a row."""
