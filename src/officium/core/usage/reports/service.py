"""What may be asked about what was used."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from officium.core.tenancy import Caller, TenantStore, require
from officium.core.tenancy.caller import require_operator
from officium.core.usage.record import WrittenRecord
from officium.core.usage.reports.report import (
    MOST_DAYS,
    GroupBy,
    Outcomes,
    Subject,
    TenantTokens,
    UsageReport,
    days_between,
    sums_of,
)
from officium.core.usage.reports.store import ReportStore
from officium.core.usage.reports.tallied import TalliedLog
from officium.core.usage.tallies import TallyStore
from officium.core.usage.tallies.tally import DAY, day_of
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest

LARGEST_REPORT = 10_000
"""The most groups of one report."""
DEFAULT_DAYS = 30
_EXPORT_PAGE = 1000


class Days(Struct, frozen=True):
    """The days of a report, both included: the last 30, where nothing is said."""

    first: date | None = None
    last: date | None = None


LAST_DAYS = Days()


class ReportService:
    """The usage log in sums. Everything here needs `usage:read`, except what is the operator's."""

    def __init__(self, store: ReportStore, tallies: TallyStore, tenants: TenantStore, clock: Clock) -> None:
        self._store = store
        self._log = TalliedLog(store, tallies)
        self._tenants = tenants
        self._clock = clock

    async def summarize(
        self,
        caller: Caller,
        group_by: GroupBy,
        days: Days = LAST_DAYS,
        *,
        limit: int = 100,
        offset: int = 0,
        widget_id: int | None = None,
        client_id: int | None = None,
        time_zone: str | None = None,
    ) -> UsageReport:
        """What the tenant, or one of its widgets or clients, used in `days`, in groups.

        The days are those of the tenant's time zone, or of another. Raises InvalidRequest.
        """
        require(caller, "usage:read")
        if not 1 <= limit <= LARGEST_REPORT or not 0 <= offset <= LARGEST_REPORT:
            raise InvalidRequest(f"A report has at most {LARGEST_REPORT:,} rows.", param="limit")
        zone = time_zone or await self._tenants.get_time_zone(caller)
        first, last = self._ends(days, zone)
        spans = days_between(first, last, zone)
        starts_at, ends_at = spans[0].starts_at, spans[-1].ends_at
        of = Subject(widget_id=widget_id, client_id=client_id)
        if group_by == "day":
            rows = await self._log.read_days(caller, spans[offset : offset + limit], of)
        else:
            groups = await self._log.read_groups(caller, group_by, starts_at, ends_at, of)
            rows = groups[offset : offset + limit]
        return UsageReport(
            group_by=group_by,
            first=first,
            last=last,
            time_zone=zone,
            rows=[sums_of(key, tally) for key, tally in rows],
            total=sums_of(None, await self._log.read_total(caller, starts_at, ends_at, of)),
        )

    async def list_provider_outcomes(self, caller: Caller, days: int = DEFAULT_DAYS) -> list[Outcomes]:
        """How the tenant's attempts at each provider ended in the last `days`. Raises InvalidRequest."""
        require(caller, "usage:read")
        found = await self._log.read_outcomes(caller, *self._until_now(days))
        return [
            found[name].of(name) for name in sorted(found, key=lambda name: (name is not None, name or ""))
        ]

    async def get_widget_outcomes(self, caller: Caller, widget_id: int, days: int = DEFAULT_DAYS) -> Outcomes:
        """How the requests of a widget ended in the last `days`. Raises InvalidRequest."""
        require(caller, "usage:read")
        return (await self._log.read_outcome(caller, *self._until_now(days), widget_id)).of(None)

    async def get_tokens(self, caller: Caller, days: int = DEFAULT_DAYS) -> TenantTokens:
        """The tokens the tenant used in the last `days`. Raises InvalidRequest."""
        require(caller, "usage:read")
        total = await self._log.read_total(caller, *self._until_now(days), Subject())
        return TenantTokens(
            tenant_id=caller.tenant_id,
            name=await self._store.get_name(caller),
            input_tokens=total.input_tokens,
            output_tokens=total.output_tokens,
            total_tokens=total.total_tokens,
        )

    async def list_tokens(
        self, caller: Caller, days: int = DEFAULT_DAYS, *, after: str = "", limit: int = 100
    ) -> list[TenantTokens]:
        """A page of all tenants, oldest first, with the tokens they used in the last `days`.

        For the operator alone: raises PermissionDenied.
        """
        require_operator(caller)
        return await self._store.read_tokens_for_all_tenants(self._clock.now() - _span(days), after, limit)

    async def export_calls(
        self, caller: Caller, days: Days = LAST_DAYS
    ) -> AsyncIterator[list[WrittenRecord]]:
        """The usage log of `days`, oldest first, in pages that are read when they are asked for.

        Raises PermissionDenied and InvalidRequest at once, before the first page.
        """
        require(caller, "usage:read")
        zone = await self._tenants.get_time_zone(caller)
        spans = days_between(*self._ends(days, zone), zone)
        starts_at, ends_at = spans[0].starts_at, spans[-1].ends_at

        async def read_pages() -> AsyncIterator[list[WrittenRecord]]:
            last = None
            while page := await self._store.list_calls(caller, starts_at, ends_at, last, _EXPORT_PAGE):
                yield page
                last = page[-1]

        return read_pages()

    def _until_now(self, days: int) -> tuple[datetime, datetime]:
        """The last `days`, and what clocks of other servers have run ahead."""
        now = self._clock.now()
        return now - _span(days), day_of(now) + 2 * DAY

    def _ends(self, days: Days, zone: str) -> tuple[date, date]:
        last = days.last or self._clock.now().astimezone(ZoneInfo(zone)).date()
        return days.first or last - timedelta(days=DEFAULT_DAYS - 1), last


def _span(days: int) -> timedelta:
    if not 1 <= days <= MOST_DAYS:
        raise InvalidRequest(f"Ask for 1 to {MOST_DAYS} days.", param="days")
    return timedelta(days=days)
