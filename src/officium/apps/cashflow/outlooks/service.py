"""Showing forecasts at once: what was worked out last, and how far the next one has come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from officium.apps.cashflow.cash_forecast import CashForecastInput
from officium.apps.cashflow.deals.service import require_reading
from officium.apps.cashflow.outlooks.outlook import Outlook, OutlookView, Stamp, Work, key_of
from officium.apps.cashflow.outlooks.store import OutlookStore
from officium.core.tenancy import Caller
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError

MOST_AT_ONCE = 500
"""With so many open deals a forecast takes no longer than a page: it is always that of this moment."""
_PATIENCE_S = 10.0
Tell = Callable[[int], Awaitable[None]]

_log = structlog.get_logger("cashflow")


class Looker(Protocol):
    """Works outlooks out."""

    async def stamp(self, caller: Caller) -> Stamp: ...

    async def look(self, caller: Caller, asked: CashForecastInput, tell: Tell | None = None) -> Outlook: ...


class Outlooks:
    """Outlooks of tenants, each made by one process at a time, beside the requests that ask for it."""

    def __init__(self, looker: Looker, store: OutlookStore, clock: Clock) -> None:
        self._looker = looker
        self._store = store
        self._clock = clock
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def open(self, caller: Caller, asked: CashForecastInput, open_deals: int) -> OutlookView:
        """What is known of the cash by now.

        With few open deals it is of this moment. With many it is what was worked out last, and one that is
        missing, or of another day, is begun aside. Raises PermissionDenied.
        """
        require_reading(caller)
        key, stamp = key_of(asked), await self._looker.stamp(caller)
        known = await self._store.find_outlook(caller, key)
        if known is not None and known.stamp == stamp:
            return await self._view(caller, key, known, stamp)
        is_small = open_deals <= MOST_AT_ONCE
        work = await self._store.find_work(caller, key, self._clock.now())
        is_due = is_small or known is None or known.stamp.today != stamp.today
        if is_due and (is_small or work.failure is None):
            await self._begin(caller, key, asked)
            if is_small and (task := self._tasks.get((caller.tenant_id, key))) is not None:
                await asyncio.wait({task}, timeout=_PATIENCE_S)
                known = await self._store.find_outlook(caller, key)
        return await self._view(caller, key, known, stamp)

    async def make(self, caller: Caller, asked: CashForecastInput) -> None:
        """Begin to work it out anew, unless somebody is at it. Raises PermissionDenied."""
        require_reading(caller)
        await self._begin(caller, key_of(asked), asked)

    async def find_work(self, caller: Caller, asked: CashForecastInput) -> Work:
        """How far the making has come. Raises PermissionDenied."""
        require_reading(caller)
        return await self._store.find_work(caller, key_of(asked), self._clock.now())

    async def close(self) -> None:
        """Make nothing any more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _view(self, caller: Caller, key: str, known: Outlook | None, stamp: Stamp) -> OutlookView:
        return OutlookView(
            outlook=known,
            has_changed=known is not None and known.stamp.state != stamp.state,
            is_of_another_day=known is not None and known.stamp.today != stamp.today,
            work=await self._store.find_work(caller, key, self._clock.now()),
        )

    async def _begin(self, caller: Caller, key: str, asked: CashForecastInput) -> None:
        place = (caller.tenant_id, key)
        if place in self._tasks or not await self._store.begin(caller, key, self._clock.now()):
            return
        task = asyncio.create_task(self._work(caller, key, asked), name="cashflow.outlook")
        self._tasks[place] = task
        task.add_done_callback(lambda _: self._tasks.pop(place, None))

    async def _work(self, caller: Caller, key: str, asked: CashForecastInput) -> None:
        async def tell(percent: int) -> None:
            await self._store.tell(caller, key, percent, self._clock.now())

        try:
            made = await self._looker.look(caller, asked, tell)
            await self._store.keep(caller, key, made)
        except asyncio.CancelledError:
            await self._store.give_up(caller, key, None)
            raise
        except OfficiumError as error:
            _log.warning("cashflow.outlook_failed", tenant=caller.tenant_id, reason=error.code)
            await self._store.give_up(caller, key, error.code)
        except Exception:
            _log.exception("cashflow.outlook_failed", tenant=caller.tenant_id)
            await self._store.give_up(caller, key, "internal_error")
