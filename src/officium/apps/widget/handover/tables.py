"""The table of answers that are kept ready."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from officium.kit.database import UtcDateTime, metadata

_Id = BigInteger().with_variant(Integer, "sqlite")

widget_canned_answers = Table(
    "widget_canned_answers",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("widget_id", _Id, ForeignKey("widget_configs.id", ondelete="CASCADE"), nullable=False),
    Column("title", String(100), nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_widget_canned_answers_widget", "tenant_id", "widget_id", "id"),
    sqlite_autoincrement=True,
)
