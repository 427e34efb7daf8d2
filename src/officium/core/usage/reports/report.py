"""What a report says, and of which days."""

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from officium.core.usage.ledger.period import Span, period_of
from officium.core.usage.tallies import Kind, Tally
from officium.core.usage.tallies.tally import ENDINGS
from officium.kit.errors import InvalidRequest

GroupBy = Literal["tenant", "model", "provider", "app", "prompt", "day", "actor", "client", "widget"]
MOST_DAYS = 366
_FIRST_YEAR, _LAST_YEAR = 2000, 2200


Key = str | int | None
"""What a group is called; `None` where the calls say nothing of the kind."""


class Subject(Struct, frozen=True):
    """Whose lines a report is of: a widget's, a client's, or all there are."""

    widget_id: int | None = None
    client_id: int | None = None


EVERYTHING = Subject()


class UsageSums(Struct, frozen=True, kw_only=True):
    """What came together under one `key`, which is `None` where the calls say nothing of the kind.

    A request counts where it was decided: at its last attempt, or at its refusal. `errors` are requests that
    failed or were refused, `failed_attempts` also those that another attempt made good. Tokens and costs are
    those of all attempts; what nobody knows counts as nothing, and `attempts_without_cost` says how often the
    cost was unknown. `average_ms` is the time of a successful attempt.
    """

    key: Key
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


class Counts(Struct, kw_only=True):
    """What `Outcomes` are made of; unlike averages these add up."""

    total: int = 0
    tokens: int = 0
    answered: int = 0
    duration_ms: int = 0
    successful: int = 0
    failed: int = 0
    exhausted: int = 0

    def add(self, other: "Counts") -> None:
        """Count what another one counts, too."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def of(self, provider: str | None) -> Outcomes:
        """The same, for a reader."""
        return Outcomes(
            provider=provider,
            total=self.total,
            tokens=self.tokens,
            average_ms=round(self.duration_ms / self.answered, 1) if self.answered else None,
            successful=self.successful,
            failed=self.failed,
            exhausted=self.exhausted,
        )


class TenantTokens(Struct, frozen=True, kw_only=True):
    """The tokens a tenant used."""

    tenant_id: str
    name: str
    input_tokens: int
    output_tokens: int
    total_tokens: int


def sums_of(key: Key, tally: Tally) -> UsageSums:
    """A row of a report."""
    return UsageSums(
        key=key,
        requests=tally.requests,
        errors=tally.errors,
        attempts=tally.attempts,
        failed_attempts=tally.failed_attempts,
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
        total_tokens=tally.total_tokens,
        cost_nano_usd=tally.cost_nano_usd,
        attempts_without_cost=tally.attempts_without_cost,
        average_ms=None if tally.average_ms is None else round(tally.average_ms, 1),
    )


def in_order(groups: Iterable[tuple[Key, Tally]]) -> list[tuple[Key, Tally]]:
    """Groups with most tokens first, then by their key; what has none comes last."""
    return sorted(groups, key=lambda one: (-one[1].total_tokens, one[0] is None, one[0] or 0))


def counted(kind: Kind, groups: Iterable[tuple[str, Tally]]) -> dict[str, Counts]:
    """Counts by provider or widget, from the tallies of their endings."""
    found: dict[str, Counts] = {}
    for key, tally in groups:
        name, _, how = key.partition("/")
        ending = ENDINGS[how]
        if kind == "widget_ending":
            number = tally.requests
        else:  # a line without an attempt is the only one of its request
            number = tally.attempts if ending.was_tried else tally.requests
        has_failed = ending.status in ("failed", "refused") and not ending.is_exhausted
        found.setdefault(name, Counts()).add(
            Counts(
                total=number,
                tokens=tally.total_tokens,
                answered=tally.answered,
                duration_ms=tally.duration_ms,
                successful=number if ending.status == "success" else 0,
                failed=number if has_failed else 0,
                exhausted=number if ending.is_exhausted else 0,
            )
        )
    return found


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
