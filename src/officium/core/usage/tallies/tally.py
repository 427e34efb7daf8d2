"""What records come to: one sum for each thing they have in common, and for each stretch of time."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from msgspec import Struct

from officium.core.usage.record import Status, UsageRecord

Kind = Literal[
    "all",
    "app",
    "model",
    "provider",
    "client",
    "widget",
    "status",
    "error",
    "ending",
    "widget_ending",
]
"""What is counted together: everything, or whatever has the same app, model and so on. Endings are those of a
provider and of a widget: see `Ending`."""
KINDS: tuple[Kind, ...] = get_args(Kind)
Span = Literal["slot", "day"]
SLOT = timedelta(minutes=15)
"""All time zones are whole quarters of an hour away from UTC, so the days of each are made of these."""
DAY = timedelta(days=1)
"""A day of UTC."""

Place = tuple[str, Kind, Span, datetime, str]
"""Tenant, kind, span, start and key: where a tally stands."""
OUT_OF_CREDITS = "out_of_credits"
"""The error code of what was refused because a budget had no room."""


class Tally(Struct, kw_only=True):
    """Sums of the usage log, counted as `UsageSums` counts.

    `answered` are the attempts that succeeded and `duration_ms` the time these took, `first_tokens` those of
    them that said when their first piece came and `ttft_ms` what that came to. Averages are made of these.
    """

    requests: int = 0
    errors: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cost_nano_usd: int = 0
    attempts_without_cost: int = 0
    saved_nano_usd: int = 0
    answered: int = 0
    duration_ms: int = 0
    first_tokens: int = 0
    ttft_ms: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there was no line at all: each was an attempt, or decided a request."""
        return not self.requests and not self.attempts

    def add(self, other: "Tally", sign: int = 1) -> None:
        """Count what another one counts, or with -1 no longer count it."""
        for name in FIELDS:
            setattr(self, name, getattr(self, name) + sign * getattr(other, name))

    @property
    def error_share(self) -> float | None:
        """How many of the requests failed or were refused, from 0 to 1; `None` without any."""
        return self.errors / self.requests if self.requests else None

    @property
    def average_ms(self) -> float | None:
        """How long a successful attempt took."""
        return self.duration_ms / self.answered if self.answered else None

    @property
    def average_ttft_ms(self) -> float | None:
        """How long the first piece of a successful attempt took to come."""
        return self.ttft_ms / self.first_tokens if self.first_tokens else None


FIELDS = Tally.__struct_fields__


def tally_up(records: Iterable[UsageRecord]) -> dict[Place, Tally]:
    """The tallies to which these records add, in the order in which they are to be written.

    All processes write in this one order, so none waits for another that waits for it.
    """
    groups: dict[tuple[object, ...], tuple[UsageRecord, Tally]] = {}
    for record in records:
        alike = (
            record.tenant_id,
            slot_of(record.created_at),
            record.app,
            record.provider,
            record.model,
            record.client_id,
            record.widget_id,
            record.status,
            record.error_code,
            record.attempt > 0,
        )
        group = groups.get(alike)
        if group is None:
            group = groups[alike] = (record, Tally())
        _count(group[1], record)
    slots: dict[Place, Tally] = {}
    for record, counted in groups.values():
        for place in _slots(record):
            slots.setdefault(place, Tally()).add(counted)
    sums = dict(slots)
    for (tenant_id, kind, _, starts_at, key), counted in slots.items():
        sums.setdefault((tenant_id, kind, "day", day_of(starts_at), key), Tally()).add(counted)
    return dict(sorted(sums.items(), key=lambda item: item[0]))


def slot_of(moment: datetime) -> datetime:
    """The beginning of the quarter of an hour in which a moment lies."""
    there = moment.astimezone(UTC)
    return there.replace(minute=there.minute // 15 * 15, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """The beginning of the day of UTC in which a moment lies."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


class Ending(Struct, frozen=True):
    """How a line ended: the last three parts of a key such as `groq/refused/untried/exhausted`.

    The first part is the provider's name, empty where none was asked, or the widget's id.
    """

    status: Status
    was_tried: bool
    is_exhausted: bool

    @classmethod
    def of(cls, record: UsageRecord) -> "Ending":
        """How this one ended."""
        return cls(record.status, record.attempt > 0, record.error_code == OUT_OF_CREDITS)

    @property
    def key(self) -> str:
        """The ending as it stands in a key."""
        tried = "tried" if self.was_tried else "untried"
        return f"{self.status}/{tried}/{'exhausted' if self.is_exhausted else ''}"


ENDINGS = {
    ending.key: ending
    for status in get_args(Status)
    for was_tried in (True, False)
    for is_exhausted in (True, False)
    if (ending := Ending(status, was_tried, is_exhausted))
}
"""All there are, by their keys."""


class Part(Struct, frozen=True, kw_only=True):
    """Tallies of one span that lie side by side, to be added up, or taken away again with `sign` -1."""

    sign: Literal[1, -1]
    span: Span
    starts_at: datetime
    ends_at: datetime


def parts_of(starts_at: datetime, ends_at: datetime) -> list[Part]:
    """Few tallies that make up this time; both ends are whole slots.

    From the midnight nearest to the start until that nearest to the end it is made of days. What these say
    too little or too much is put right with slots, so there are at most 48 at each end.
    """
    if ends_at - starts_at <= DAY / 2:
        return [] if ends_at <= starts_at else [_part(1, "slot", starts_at, ends_at)]
    first, last = day_of(starts_at + DAY / 2), day_of(ends_at + DAY / 2)
    parts = [
        _part(-1, "slot", first, starts_at),
        _part(1, "slot", starts_at, first),
        _part(1, "day", first, last),
        _part(1, "slot", last, ends_at),
        _part(-1, "slot", ends_at, last),
    ]
    return [part for part in parts if part.starts_at < part.ends_at]


def _part(sign: Literal[1, -1], span: Span, starts_at: datetime, ends_at: datetime) -> Part:
    return Part(sign=sign, span=span, starts_at=starts_at.astimezone(UTC), ends_at=ends_at.astimezone(UTC))


def model_key(provider: str | None, model: str | None) -> str | None:
    """How a model is called in tallies: `provider/model`."""
    return None if provider is None else f"{provider}/{model or ''}"


def _slots(record: UsageRecord) -> Iterator[Place]:
    ending = Ending.of(record).key
    keys: dict[Kind, str | None] = {
        "all": "",
        "app": record.app,
        "model": model_key(record.provider, record.model),
        "provider": record.provider,
        "client": None if record.client_id is None else str(record.client_id),
        "widget": None if record.widget_id is None else str(record.widget_id),
        "status": record.status,
        "error": record.error_code,
        "ending": f"{record.provider or ''}/{ending}",
        "widget_ending": None if record.widget_id is None else f"{record.widget_id}/{ending}",
    }
    starts_at = slot_of(record.created_at)
    for kind, key in keys.items():
        if key is not None:
            yield record.tenant_id, kind, "slot", starts_at, key


def _count(tally: Tally, record: UsageRecord) -> None:
    was_tried = record.attempt > 0
    if record.is_last:
        tally.requests += 1
        tally.errors += record.status in ("failed", "refused")
    tally.attempts += was_tried
    tally.failed_attempts += was_tried and record.status == "failed"
    tally.input_tokens += record.input_tokens or 0
    tally.output_tokens += record.output_tokens or 0
    tally.total_tokens += record.total_tokens or 0
    tally.cost_nano_usd += record.cost_nano_usd or 0
    tally.attempts_without_cost += was_tried and record.cost_nano_usd is None
    tally.saved_nano_usd += record.saved_nano_usd or 0
    if record.status == "success":
        tally.answered += 1
        tally.duration_ms += record.duration_ms
        if record.ttft_ms is not None:
            tally.first_tokens += 1
            tally.ttft_ms += record.ttft_ms
