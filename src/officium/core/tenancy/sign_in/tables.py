"""The tables of what people sign in with, and of the sessions of their browsers."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, UniqueConstraint

from officium.kit.database import UtcDateTime, metadata

member_passwords = Table(
    "member_passwords",
    metadata,
    Column("member_id", String(64), ForeignKey("members.id", ondelete="CASCADE"), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("login", String(320), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    UniqueConstraint("tenant_id", "login"),
    Index("ix_member_passwords_login", "login"),
)

browser_sessions = Table(
    "browser_sessions",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("member_id", String(64), ForeignKey("members.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("user_agent", String(200), nullable=False),
    Column("issuer", String(255)),
    Index("ix_browser_sessions_member", "tenant_id", "member_id"),
)

member_identities = Table(
    "member_identities",
    metadata,
    Column("member_id", String(64), ForeignKey("members.id", ondelete="CASCADE"), primary_key=True),
    Column("issuer", String(255), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    UniqueConstraint("tenant_id", "issuer", "subject"),
    Index("ix_member_identities_subject", "issuer", "subject"),
)

spent_attempts = Table(
    "spent_attempts",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_spent_attempts_expires_at", "expires_at"),
)
