"""The tables of exports."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from officium.kit.database import UtcDateTime, metadata

tenant_exports = Table(
    "tenant_exports",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("requested_by", String(128), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("done_rows", BigInteger, nullable=False),
    Column("total_rows", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("pieces", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failure", String(16)),
    Index("ix_tenant_exports_tenant", "tenant_id"),
)

tenant_export_pieces = Table(
    "tenant_export_pieces",
    metadata,
    Column("export_id", String(64), ForeignKey("tenant_exports.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("ix_tenant_export_pieces_tenant", "tenant_id"),
)
"""`content` is sealed. The file lies in the database, so that every process can hand it out."""
