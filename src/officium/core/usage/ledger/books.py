"""What a batch reads from the database and writes back: counters, holds, entries and alerts."""

from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from msgspec import Struct, field

from officium.core.usage.ledger.budget import Amounts, Period, Subject, SubjectKind, Unit
from officium.core.usage.ledger.hold import Label, SpendingSource
from officium.core.usage.ledger.operation import CounterKey, EntryKind

CounterRef = tuple[str, str, Unit]
"""A counter of a hold or an entry: budget, period and unit."""

UNITS: dict[Unit, int] = {"tokens": 0, "requests": 1, "nano_usd": 2}
"""Where each unit stands in a triple of amounts."""


class BudgetRow(Struct, array_like=True, gc=False):
    """A budget as a batch needs it."""

    tenant_id: str
    subject_kind: SubjectKind
    subject_id: str
    id: str
    unit: Unit
    period: Period
    time_zone: str


class Counter(Struct, array_like=True):
    """What is used and held of a budget in one period, with the budget's limit of this moment.

    A counter whose budget was deleted has no limit.
    """

    budget_id: str
    period_start: str
    tenant_id: str
    starts_at: datetime
    ends_at: datetime
    used: int
    held: int
    alerted: int
    exhausted_at: datetime | None
    limit: int | None
    is_hard: int
    alert_at: tuple[int, ...]


class NewCounter(Struct, array_like=True, frozen=True):
    """A counter that must be made before a hold can lie on it."""

    budget_id: str
    period_start: str
    tenant_id: str
    starts_at: datetime
    ends_at: datetime


class HoldRow(Struct, array_like=True, gc=False):
    """A hold as it stands in its table; its moments are written by `moment_text`."""

    id: str
    tenant_id: str
    request_id: str
    actor: str
    app: str
    model: str
    client_id: int | None
    widget_id: int | None
    counters: str
    tokens: int
    requests: int
    nano_usd: int
    streamed_tokens: int
    streamed_nano_usd: int
    is_stream: int
    created_at: str
    expires_at: str


class PastEntry(Struct, array_like=True, gc=False):
    """What was booked for a hold that is no more."""

    hold_id: str
    kind: EntryKind
    counters: str
    tokens: int
    requests: int
    nano_usd: int


class Entry(Struct, array_like=True, gc=False):
    """A line to append to the ledger."""

    tenant_id: str
    hold_id: str
    kind: EntryKind
    created_at: str
    request_id: str
    actor: str
    app: str
    model: str
    client_id: int | None
    widget_id: int | None
    counters: str
    tokens: int
    requests: int
    nano_usd: int
    source: SpendingSource


class Alert(Struct, array_like=True, frozen=True):
    """What was used has reached `threshold` percent of a limit."""

    tenant_id: str
    budget_id: str
    period_start: str
    threshold: int
    used: int
    limit: int
    created_at: str


class Changes(Struct):
    """What a batch changed, to be written in one transaction."""

    counters: dict[CounterKey, Counter] = field(default_factory=dict)
    new_holds: dict[str, HoldRow] = field(default_factory=dict)
    changed_holds: dict[str, HoldRow] = field(default_factory=dict)
    gone_holds: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.counters or self.new_holds or self.changed_holds or self.gone_holds or self.entries)


_decode_refs = msgspec.json.Decoder(tuple[CounterRef, ...]).decode
_encode = msgspec.json.Encoder().encode


@lru_cache(maxsize=8192)
def read_counters(text: str) -> tuple[CounterRef, ...]:
    """The counters a hold or an entry names."""
    return _decode_refs(text)


def write_counters(refs: tuple[CounterRef, ...]) -> str:
    """Counters as holds and entries name them: `[["bud_1","2026-11","tokens"],...]`."""
    return _encode(refs).decode()


def moment_text(moment: datetime) -> str:
    """A moment in UTC as SQLite's tables hold it and PostgreSQL understands it; later ones sort later."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ", "microseconds")[:26]


def triple(amounts: Amounts) -> tuple[int, int, int]:
    """The amounts in the order of `UNITS`."""
    return (amounts.tokens, amounts.requests, amounts.nano_usd)


def entry_of(
    hold: HoldRow, kind: EntryKind, amounts: tuple[int, int, int], source: SpendingSource, moment: str
) -> Entry:
    """The line that stands for a hold's end."""
    return Entry(
        hold.tenant_id,
        hold.id,
        kind,
        moment,
        hold.request_id,
        hold.actor,
        hold.app,
        hold.model,
        hold.client_id,
        hold.widget_id,
        hold.counters,
        *amounts,
        source,
    )


def late_entry(
    tenant_id: str,
    hold_id: str,
    kind: EntryKind,
    label: Label,
    counters: str,
    amounts: tuple[int, int, int],
    source: SpendingSource,
    moment: str,
) -> Entry:
    """A line for a hold whose row is no more, or that never was."""
    return Entry(
        tenant_id,
        hold_id,
        kind,
        moment,
        label.request_id,
        label.actor,
        label.app,
        label.model,
        label.client_id,
        label.widget_id,
        counters,
        *amounts,
        source,
    )


def subject_of(budget: BudgetRow) -> Subject:
    """Whose budget it is."""
    return Subject(budget.subject_kind, budget.subject_id)
