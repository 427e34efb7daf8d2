"""The tables of the widgets' knowledge bases."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from officium.kit.database import UtcDateTime, metadata

_Id = BigInteger().with_variant(Integer, "sqlite")


def _owners() -> tuple[Column[str], Column[int]]:
    return (
        Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
        Column("widget_id", _Id, ForeignKey("widget_configs.id", ondelete="CASCADE"), nullable=False),
    )


kb_entries = Table(
    "kb_entries",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    *_owners(),
    Column("phrasings", JSON, nullable=False),
    Column("folded_question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("language", String(32)),
    Column("tags", JSON, nullable=False),
    Column("source_url", Text),
    Column("valid_from", UtcDateTime),
    Column("valid_to", UtcDateTime),
    Column("state", String(8), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
    Index("ix_kb_entries_widget", "tenant_id", "widget_id", "id"),
    sqlite_autoincrement=True,
)
"""A deleted id is never given again: the history and the logs remember it."""

kb_versions = Table(
    "kb_versions",
    metadata,
    *_owners(),
    Column("version", Integer, nullable=False),
    Column("cause", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("added", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("deleted", Integer, nullable=False),
    PrimaryKeyConstraint("widget_id", "version"),
)
"""The newest one is the version the knowledge base is at. Two writers cannot make the same one."""

kb_changes = Table(
    "kb_changes",
    metadata,
    *_owners(),
    Column("version", Integer, nullable=False),
    Column("entry_id", _Id, nullable=False),
    Column("action", String(8), nullable=False),
    Column("entry", JSON),
    PrimaryKeyConstraint("widget_id", "version", "entry_id"),
    Index("ix_kb_changes_entry", "widget_id", "entry_id", "version"),
)
"""What each entry was from a version on; null where it was deleted."""

kb_vectors = Table(
    "kb_vectors",
    metadata,
    *_owners(),
    Column("entry_id", _Id, ForeignKey("kb_entries.id", ondelete="CASCADE"), nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("encoder", String(64), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    PrimaryKeyConstraint("entry_id", "digest"),
    Index("ix_kb_vectors_widget", "widget_id", "tenant_id"),
)
"""The vectors of the texts by which entries are found, by the digests of these. They can be made again."""
