"""The table of the keys that seal values."""

from sqlalchemy import Column, Index, String, Table, Text, text

from officium.kit.database import UtcDateTime, metadata

sealing_keys = Table(
    "sealing_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("wrapped", Text),
    Column("wrapped_by", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
    Index(
        "uq_sealing_keys_active",
        "state",
        unique=True,
        sqlite_where=text("state = 'active'"),
        postgresql_where=text("state = 'active'"),
    ),
)
"""One ring for the whole installation. A key is there only wrapped, and not at all once it is retired."""
