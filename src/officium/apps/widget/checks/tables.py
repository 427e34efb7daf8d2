"""The table of saved questions."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from officium.kit.database import UtcDateTime, metadata

_Id = BigInteger().with_variant(Integer, "sqlite")

widget_saved_questions = Table(
    "widget_saved_questions",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("widget_id", _Id, ForeignKey("widget_configs.id", ondelete="CASCADE"), nullable=False),
    Column("question", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("has_passed", Boolean),
    Column("missing", JSON, nullable=False),
    Column("answer", Text),
    Column("confidence", Float),
    Column("version", Integer),
    Column("checked_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_widget_saved_questions_widget", "tenant_id", "widget_id", "id"),
    sqlite_autoincrement=True,
)
