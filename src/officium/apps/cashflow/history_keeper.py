"""Keeps what the deals of a few tenants teach: with many, reading and learning them takes a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from officium.apps.cashflow.deals import CashflowConfig, DealStore, SavedConfig
from officium.apps.cashflow.history import MOST_CORRECTED, DealBook, Rest, TenantHistory
from officium.apps.cashflow.statistics import Calibration
from officium.core.tenancy import Caller
from officium.kit.clock import Clock

_MOST_KEPT = 8
_MOST_DEALS_KEPT = 200_000
_OVERLAP = timedelta(minutes=1)
"""A change may be saved a while after it was dated, so what is a little older is read again, too."""
_State = tuple[int, int, datetime | None]


class _Kept:
    """What is kept of one tenant."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.book = DealBook()
        self.state: _State | None = None
        self.read_at: datetime | None = None
        self.history: TenantHistory | None = None
        self.said_at: datetime | None = None
        self.corrected: tuple[tuple[date, CashflowConfig, int], Calibration] | None = None


class HistoryKeeper:
    """Loads a tenant's deals; asked again before anything has changed, gives the same object.

    Of deals it knows, only those that have changed are read again. `correct` tells how stated confidence is
    to be corrected for a tenant with too many deals to find it out by the way.
    """

    def __init__(
        self, store: DealStore, clock: Clock, correct: Callable[[Caller], Awaitable[Calibration]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._correct = correct
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def load(self, caller: Caller, config: SavedConfig, today: date) -> TenantHistory:
        """The tenant's deals as of a day."""
        kept = self._kept.setdefault(caller.tenant_id, _Kept())
        self._kept.move_to_end(caller.tenant_id)
        async with kept.lock:
            has_changed = await self._refresh(caller, kept)
            known = kept.history
            if known is None or has_changed or (kept.said_at, known.today) != (config.updated_at, today):
                is_large = len(kept.book) > MOST_CORRECTED
                correction = await self._correct(caller) if is_large else None
                if known is not None and "correction" in known.__dict__:
                    kept.corrected = known.basis, known.correction
                known = kept.history = None  # both at once would take twice the room
                closed_since = await asyncio.to_thread(kept.book.open_on, today)
                titles = await self._store.load_titles(caller, closed_since)
                known = await asyncio.to_thread(_learn, kept, config, today, correction, titles)
                kept.history, kept.said_at = known, config.updated_at
            self._make_room(caller.tenant_id)
            return known

    def forget(self, caller: Caller) -> None:
        """Learn anew when next asked; the deals themselves are still known."""
        if (kept := self._kept.get(caller.tenant_id)) is not None:
            kept.history = None

    async def _refresh(self, caller: Caller, kept: _Kept) -> bool:
        """Read what has changed; whether anything has."""
        now, state = self._clock.now(), await self._store.read_version(caller)
        if kept.state == state:
            return False
        since = None if kept.read_at is None else kept.read_at - _OVERLAP
        await self._read(caller, kept, since)
        if len(kept.book) != state[0]:
            kept.book.keep_only(await self._store.list_ids(caller))
        if len(kept.book) != (await self._store.read_version(caller))[0]:
            kept.book = DealBook()
            await self._read(caller, kept, None)
        kept.state, kept.read_at = state, now
        return True

    async def _read(self, caller: Caller, kept: _Kept, since: datetime | None) -> None:
        async for page in self._store.stream_facts(caller, since):
            await asyncio.to_thread(kept.book.put, page)

    def _make_room(self, tenant_id: str) -> None:
        kept = self._kept.get(tenant_id)
        if kept is not None and len(kept.book) > _MOST_DEALS_KEPT:
            del self._kept[tenant_id]
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)


def _learn(
    kept: _Kept,
    config: SavedConfig,
    today: date,
    correction: Calibration | None,
    titles: Mapping[int, Rest],
) -> TenantHistory:
    """The history as it is now; how confidence is corrected stays as long as no deal has ended."""
    made = kept.book.history(config, today, correction, titles)
    if correction is None and kept.corrected is not None and kept.corrected[0] == made.basis:
        return replace(made, said_correction=kept.corrected[1])
    return made
