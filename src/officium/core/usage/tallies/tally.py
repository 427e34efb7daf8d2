"""What records come to: one sum for each thing they have in common, and for each stretch of time."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from msgspec import Struct

from officium.core.usage.record import UsageRecord

Kind = Literal["all", "app", "model", "provider", "client", "status", "error"]
"""What is counted together: everything, or whatever has the same app, model and so on."""
KINDS: tuple[Kind, ...] = get_args(Kind)
Span = Literal["slot", "day"]
SLOT = timedelta(minutes=15)
"""All time zones are whole quarters of an hour away from UTC, so the days of each are made of these."""
DAY = timedelta(days=1)
"""A day of UTC."""

Place = tuple[str, Kind, Span, datetime, str]
"""Tenant, kind, span, start and key: where a tally stands."""


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
        key = (
            record.tenant_id,
            slot_of(record.created_at),
            record.app,
            record.provider,
            record.model,
            record.client_id,
            record.status,
            record.error_code,
        )
        group = groups.get(key)
        if group is None:
            group = groups[key] = (record, Tally())
        _count(group[1], record)
    sums: dict[Place, Tally] = {}
    for record, counted in groups.values():
        for place in _places(record):
            _add(sums.setdefault(place, Tally()), counted)
    return dict(sorted(sums.items(), key=lambda item: item[0]))


def slot_of(moment: datetime) -> datetime:
    """The beginning of the quarter of an hour in which a moment lies."""
    there = moment.astimezone(UTC)
    return there.replace(minute=there.minute // 15 * 15, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """The beginning of the day of UTC in which a moment lies."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def model_key(provider: str | None, model: str | None) -> str | None:
    """How a model is called in tallies: `provider/model`."""
    return None if provider is None else f"{provider}/{model or ''}"


def _places(record: UsageRecord) -> Iterator[Place]:
    keys: dict[Kind, str | None] = {
        "all": "",
        "app": record.app,
        "model": model_key(record.provider, record.model),
        "provider": record.provider,
        "client": None if record.client_id is None else str(record.client_id),
        "status": record.status,
        "error": record.error_code,
    }
    slot, day = slot_of(record.created_at), day_of(record.created_at)
    for kind, key in keys.items():
        if key is not None:
            yield record.tenant_id, kind, "slot", slot, key
            yield record.tenant_id, kind, "day", day, key


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


def _add(to: Tally, what: Tally) -> None:
    for name in FIELDS:
        setattr(to, name, getattr(to, name) + getattr(what, name))
