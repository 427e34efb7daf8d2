"""Reports from tallies as far as these know enough, and from the log beyond that."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from officium.core.tenancy import Caller
from officium.core.usage.ledger.period import Span
from officium.core.usage.reports.report import Counts, GroupBy, Key, Subject, counted, in_order
from officium.core.usage.reports.store import ReportStore
from officium.core.usage.tallies import Kind, Tally, TallyStore
from officium.core.usage.tallies.tally import ENDINGS, SLOT, slot_of

_KINDS: dict[GroupBy, Kind] = {
    "app": "app",
    "model": "model",
    "provider": "provider",
    "client": "client",
    "widget": "widget",
}


class TalliedLog:
    """The usage log in sums, which are the same as if it were added up each time.

    Lines may be deleted after some days while tallies stay, and a report reaches as far back as the lines do.
    So the quarter of an hour of the oldest line, of which some may be gone, is read from the log, and tallies
    from its end on: from the seam.
    """

    def __init__(self, log: ReportStore, tallies: TallyStore) -> None:
        self._log = log
        self._tallies = tallies

    async def read_total(self, caller: Caller, starts_at: datetime, ends_at: datetime, of: Subject) -> Tally:
        """What everything of a subject came to."""
        known = _known(of)
        seam = ends_at if known is None else await self._find_seam(caller, starts_at, ends_at)
        total = Tally()
        if starts_at < seam:
            total.add(await self._log.read_total(caller, starts_at, seam, of))
        if known is not None and seam < ends_at:
            kind, key = known
            total.add(await self._tallies.read_total(caller, kind, seam, ends_at, key))
        return total

    async def read_groups(
        self, caller: Caller, group_by: GroupBy, starts_at: datetime, ends_at: datetime, of: Subject
    ) -> list[tuple[Key, Tally]]:
        """What each group came to, all but the days'; most tokens first."""
        if (only := _only_group(caller, group_by, of)) is not None:
            total = await self.read_total(caller, starts_at, ends_at, of)
            return [] if total.is_empty else [(only, total)]
        kind = _KINDS.get(group_by) if of == Subject() else None
        seam = ends_at if kind is None else await self._find_seam(caller, starts_at, ends_at)
        groups: dict[Key, Tally] = {}
        if starts_at < seam:
            _add_all(groups, await self._log.read_groups(caller, group_by, starts_at, seam, of))
        if kind is not None and seam < ends_at:
            shares = await self._tallies.read_shares(caller, kind, seam, ends_at)
            _add_all(groups, ((_group(group_by, key), tally) for key, tally in shares))
        return in_order(groups.items())

    async def read_days(self, caller: Caller, days: Sequence[Span], of: Subject) -> list[tuple[Key, Tally]]:
        """What each day came to."""
        known = _known(of)
        if not days or known is None or any(slot_of(day.ends_at) != day.ends_at for day in days):
            return await self._log.read_days(caller, days, of)
        starts_at, ends_at = days[0].starts_at, days[-1].ends_at
        seam = await self._find_seam(caller, starts_at, ends_at)
        stretches = [Span(day.key, max(day.starts_at, min(seam, day.ends_at)), day.ends_at) for day in days]
        found = await self._tallies.read_points(caller, stretches, *known)
        if starts_at < seam:
            oldest = await self._log.read_total(caller, starts_at, seam, of)
            next(tally for day, tally in zip(days, found, strict=True) if seam <= day.ends_at).add(oldest)
        return [(day.key, tally) for day, tally in zip(days, found, strict=True)]

    async def read_outcomes(
        self, caller: Caller, starts_at: datetime, ends_at: datetime
    ) -> dict[str | None, Counts]:
        """How the attempts at each provider ended."""
        seam = await self._find_seam(caller, starts_at, ends_at)
        found: dict[str | None, Counts] = {}
        if starts_at < seam:
            found = dict(await self._log.read_outcomes(caller, starts_at, seam))
        if seam < ends_at:
            groups = await self._tallies.read_groups(caller, "ending", seam, ends_at)
            for name, counts in counted("ending", groups).items():
                found.setdefault(name or None, Counts()).add(counts)
        return found

    async def read_outcome(
        self, caller: Caller, starts_at: datetime, ends_at: datetime, widget_id: int
    ) -> Counts:
        """How the requests of a widget ended."""
        seam, found = await self._find_seam(caller, starts_at, ends_at), Counts()
        if starts_at < seam:
            found.add(await self._log.read_outcome(caller, starts_at, seam, Subject(widget_id=widget_id)))
        if seam < ends_at:
            keys = [f"{widget_id}/{ending}" for ending in ENDINGS]
            groups = await self._tallies.read_groups(caller, "widget_ending", seam, ends_at, keys=keys)
            for counts in counted("widget_ending", groups).values():
                found.add(counts)
        return found

    async def _find_seam(self, caller: Caller, starts_at: datetime, ends_at: datetime) -> datetime:
        """From when on tallies say what the lines between these moments come to.

        It is the end where there is no line, or where the end is not that of a slot.
        """
        oldest = await self._log.find_oldest(caller)
        if oldest is None or oldest >= ends_at or slot_of(ends_at) != ends_at:
            return ends_at
        if oldest < starts_at and slot_of(starts_at) == starts_at:
            return starts_at
        return min(slot_of(max(oldest, starts_at)) + SLOT, ends_at)


def _known(of: Subject) -> tuple[Kind, str] | None:
    """The kind and the key of a subject's tallies."""
    if of.widget_id is None:
        return ("all", "") if of.client_id is None else ("client", str(of.client_id))
    return ("widget", str(of.widget_id)) if of.client_id is None else None


def _only_group(caller: Caller, group_by: GroupBy, of: Subject) -> Key:
    """The one group there can be, where there can be but one."""
    if group_by == "tenant":
        return caller.tenant_id
    if group_by == "widget":
        return of.widget_id
    return of.client_id if group_by == "client" else None


def _group(group_by: GroupBy, key: str | None) -> Key:
    """A tally's key as a report says it: models without their provider."""
    if key is None:
        return None
    if group_by in ("client", "widget"):
        return int(key)
    return key.partition("/")[2] or None if group_by == "model" else key


def _add_all(groups: dict[Key, Tally], found: Iterable[tuple[Key, Tally]]) -> None:
    for key, tally in found:
        groups.setdefault(key, Tally()).add(tally)
