"""The tables of budgets, counters, holds and ledger entries."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from officium.kit.database import UtcDateTime, metadata

budgets = Table(
    "budgets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("subject_kind", String(16), nullable=False),
    Column("subject_id", String(128), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("period", String(8), nullable=False),
    Column("limit", BigInteger),
    Column("time_zone", String(64), nullable=False),
    Column("is_hard", Boolean, nullable=False),
    Column("alert_at", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", String(128), nullable=False),
    UniqueConstraint("tenant_id", "subject_kind", "subject_id", "unit", "period"),
)

budget_counters = Table(
    "budget_counters",
    metadata,
    Column("budget_id", String(64), nullable=False),
    Column("period_start", String(10), nullable=False),
    Column("tenant_id", String(64), nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("alerted", Integer, nullable=False),
    Column("exhausted_at", UtcDateTime),
    PrimaryKeyConstraint("budget_id", "period_start"),
    CheckConstraint("held >= 0", name="held"),
    CheckConstraint("used >= 0", name="used"),
    Index("ix_budget_counters_tenant", "tenant_id"),
)
"""A row for each period of each budget, made at its first use: a reset is a new row. `period_start` is the
local date (`2026-11-21`), month (`2026-11`) or `total`; `starts_at` and `ends_at` are the same span in UTC.
`alerted` is the highest percent an alert went out for; `exhausted_at` when a call was refused for it."""

holds = Table(
    "holds",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("app", String(32), nullable=False),
    Column("model", String(256), nullable=False),
    Column("client_id", BigInteger),
    Column("widget_id", BigInteger),
    Column("counters", String, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("nano_usd", BigInteger, nullable=False),
    Column("streamed_tokens", BigInteger, nullable=False),
    Column("streamed_nano_usd", BigInteger, nullable=False),
    Column("is_stream", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)
"""Calls under way: rows that come and go, and are never many, so there is no index but that of their ids.
`counters` lists the counters the amounts are held on, as triples of budget, period and unit in JSON:
`[["bud_1","2026-11","tokens"],["bud_2","2026-11-21","requests"]]`. Where a hold expires, a call that streams
is charged what it had `streamed_…` when that was last saved; any other all that was held."""

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("tenant_id", String(64), nullable=False),
    Column("hold_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("app", String(32), nullable=False),
    Column("model", String(256), nullable=False),
    Column("client_id", BigInteger),
    Column("widget_id", BigInteger),
    Column("counters", String, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("nano_usd", BigInteger, nullable=False),
    Column("source", String(16), nullable=False),
    UniqueConstraint("hold_id", "kind"),
    Index("ix_ledger_entries_tenant", "tenant_id", "id"),
)
"""Appended, never edited. `kind` is `settled`, `unknown` (the hold expired), `correction` (what was unknown
became known, as the difference) or `reset` (used goes back to zero; for one counter each, with an id of its
own as `hold_id`). `counters` are written as in `holds`. An entry counts on each of them in that counter's
unit, so a counter's `used` is the sum of the entries that name it. No foreign keys: it outlives all."""

budget_alerts = Table(
    "budget_alerts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("budget_id", String(64), nullable=False),
    Column("period_start", String(10), nullable=False),
    Column("threshold", Integer, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("limit", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Index("ix_budget_alerts_tenant_created", "tenant_id", "created_at"),
    Index("ix_budget_alerts_next_attempt", "next_attempt_at"),
)
"""A row when a counter's `used` reaches `threshold` percent of the limit, written in the transaction that
did it. The last three columns are for whoever delivers it: at first nothing was delivered, nothing tried."""
