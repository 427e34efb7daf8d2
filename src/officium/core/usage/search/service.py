"""What may be looked for in the usage log."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Protocol

from msgspec import Struct

from officium.core.tenancy import Caller, TenantStore, require
from officium.core.usage.record import WrittenRecord
from officium.core.usage.search.store import SearchStore
from officium.core.usage.search.wanted import Mark, Wanted, read_mark
from officium.core.usage.tallies import TallyStore
from officium.core.usage.tallies.tally import SLOT
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest

LARGEST_PAGE = 200
_STRETCH = 4000
"""So many lines are read in one go."""
_STRETCHES = 5
"""After so many a page ends, however little it has: the reader says whether to go on."""


class Found(Struct, frozen=True, kw_only=True):
    """A page of requests, and the cursor of what is older; `None` at the end of the log.

    A page may have fewer than were asked for, or none, and still go on: then it took too long to find more.
    """

    requests: list[WrittenRecord]
    next_cursor: str | None


class Attempts(Protocol):
    """Knows the attempts of a request."""

    async def list_records(
        self, caller: Caller, *, request_id: str | None, before: int | None, limit: int
    ) -> list[WrittenRecord]: ...


class SearchService:
    """Finds requests, newest first; how long it takes does not grow with the log.

    Tallies say where there is any of what is wanted, so what lies between is not read.
    """

    def __init__(
        self, store: SearchStore, tallies: TallyStore, log: Attempts, tenants: TenantStore, clock: Clock
    ) -> None:
        self._store = store
        self._tallies = tallies
        self._log = log
        self._tenants = tenants
        self._clock = clock

    async def get_time_zone(self, caller: Caller) -> str:
        """The zone in which the tenant reads times."""
        return await self._tenants.get_time_zone(caller)

    async def list_attempts(self, caller: Caller, request_id: str) -> list[WrittenRecord]:
        """What was tried for a request, oldest first. Needs `usage:read`."""
        require(caller, "usage:read")
        found = await self._log.list_records(caller, request_id=request_id, before=None, limit=LARGEST_PAGE)
        return found[::-1]

    async def search(
        self, caller: Caller, wanted: Wanted, *, cursor: str | None = None, limit: int = 50
    ) -> Found:
        """A page of the requests that are as wanted. Needs `usage:read`; raises InvalidRequest."""
        require(caller, "usage:read")
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} requests.", param="limit")
        mark: Mark | None = self._first(wanted) if cursor is None else read_mark(cursor)
        found: list[WrittenRecord] = []
        for _ in range(_STRETCHES):
            mark = await self._skip(caller, wanted, mark)
            if mark is None:
                return Found(requests=found, next_cursor=None)
            end = await self._store.find_end(caller, mark, _STRETCH)
            found += await self._store.list_requests(caller, wanted, mark, end, limit + 1 - len(found))
            if len(found) > limit:
                last = found[limit - 1]
                return Found(requests=found[:limit], next_cursor=Mark(last.created_at, last.id).written())
            mark = end
            if mark is None or (wanted.since is not None and mark.at < wanted.since):
                return Found(requests=found, next_cursor=None)
        return Found(requests=found, next_cursor=mark.written() if mark is not None else None)

    async def export(self, caller: Caller, wanted: Wanted) -> AsyncIterator[list[WrittenRecord]]:
        """All requests that are as wanted, in pages that are read when they are asked for.

        Raises PermissionDenied at once, before the first page.
        """
        require(caller, "usage:read")

        async def read_pages() -> AsyncIterator[list[WrittenRecord]]:
            cursor: str | None = None
            while True:
                page = await self.search(caller, wanted, cursor=cursor, limit=LARGEST_PAGE)
                yield page.requests
                cursor = page.next_cursor
                if cursor is None:
                    return

        return read_pages()

    def _first(self, wanted: Wanted) -> Mark:
        return Mark(wanted.until or self._clock.now() + timedelta(days=1), 0)

    async def _skip(self, caller: Caller, wanted: Wanted, mark: Mark | None) -> Mark | None:
        """The place from which to read on: not before all that is wanted has occurred at least once."""
        for kind, key in wanted.tallied():
            if mark is None:
                return None
            last = await self._tallies.find_last(caller, kind, key, mark.at + timedelta(microseconds=1))
            if last is None:
                return None
            if last + SLOT < mark.at:
                mark = Mark(last + SLOT, 0)
        return mark
