"""What a report says, and of which days."""

from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from officium.core.usage.ledger.period import Span, period_of
from officium.kit.errors import InvalidRequest

GroupBy = Literal["tenant", "model", "provider", "app", "prompt", "day", "actor", "client", "widget"]
MOST_DAYS = 366
_FIRST_YEAR, _LAST_YEAR = 2000, 2200


class UsageSums(Struct, frozen=True, kw_only=True):
    """What came together under one `key`, which is `None` where the calls say nothing of the kind.

    A request counts where it was decided: at its last attempt, or at its refusal. `errors` are requests that
    failed or were refused, `failed_attempts` also those that another attempt made good. Tokens and costs are
    those of all attempts; what nobody knows counts as nothing, and `attempts_without_cost` says how often the
    cost was unknown. `average_ms` is the time of a successful attempt.
    """

    key: str | int | None
    requests: int
    errors: int
    attempts: int
    failed_attempts: int
    input_tokens: int
    output_tokens: int
    total_tokens: int
    cost_nano_usd: int
    attempts_without_cost: int
    average_ms: float | None


class UsageReport(Struct, frozen=True, kw_only=True):
    """Sums of the days from `first` to `last`, both included, in `time_zone`; `total` is that of all rows."""

    group_by: GroupBy
    first: date
    last: date
    time_zone: str
    rows: list[UsageSums]
    total: UsageSums


class Outcomes(Struct, frozen=True, kw_only=True):
    """How requests ended. `provider` is `None` for what was refused before any provider was asked.

    `exhausted` were refused because a budget had no room; those that their caller gave up stand in the total
    alone. `average_ms` is the time of a successful one.
    """

    provider: str | None
    total: int
    tokens: int
    average_ms: float | None
    successful: int
    failed: int
    exhausted: int


class TenantTokens(Struct, frozen=True, kw_only=True):
    """The tokens a tenant used."""

    tenant_id: str
    name: str
    input_tokens: int
    output_tokens: int
    total_tokens: int


def days_between(first: date, last: date, time_zone: str) -> list[Span]:
    """The days from `first` to `last`, both included, in their order. Raises InvalidRequest."""
    if not _FIRST_YEAR <= first.year <= last.year <= _LAST_YEAR or last < first:
        raise InvalidRequest("`to` is a day not before `from`.", param="to")
    if (last - first).days >= MOST_DAYS:
        raise InvalidRequest(f"A report covers at most {MOST_DAYS} days.", param="from")
    noon = datetime.combine(first, time(12), ZoneInfo(time_zone))
    spans = [period_of("day", time_zone, noon)]
    while spans[-1].key < last.isoformat():
        spans.append(period_of("day", time_zone, spans[-1].ends_at))
    return spans
