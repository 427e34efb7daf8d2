"""Waiting in line instead of being refused: first come, first served, a line for each tenant."""

import asyncio
from collections.abc import Awaitable, Callable

from officium.core.usage.limits.rate_limit import RateLimitState
from officium.kit.clock import Clock, SystemClock

Check = Callable[[], Awaitable[RateLimitState]]
_SHORTEST_S = 0.001


class WaitingLines:
    """A line for each name, of at most `size` requests, none of which waits longer than `wait_s`.

    Only the first of a line asks its limiter; who comes later stands behind, even if there is room by then.
    One tenant's line never holds up another's. Each process has its own lines.
    """

    def __init__(
        self,
        size: int,
        wait_s: float,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._size = size
        self._wait_s = wait_s
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._lines: dict[str, _Line] = {}

    def length(self, name: str) -> int:
        """How many wait there."""
        line = self._lines.get(name)
        return line.length if line is not None else 0

    def is_open(self, name: str, refused: RateLimitState) -> bool:
        """Whether who was refused like this may wait there, and may hope to be let in."""
        return self.length(name) < self._size and refused.retry_after_s <= self._wait_s

    async def wait(self, name: str, refused: RateLimitState, check: Check) -> RateLimitState:
        """Wait until `check` allows it, or it is clear that it will not in time: then the last refusal.

        `refused` is what the first check said; who is cancelled leaves the line.
        """
        if not self.is_open(name, refused):
            return refused
        line = self._lines.setdefault(name, _Line())
        line.length += 1
        try:
            return await self._stand_in(line, refused, check)
        finally:
            line.length -= 1
            if not line.length:
                self._lines.pop(name, None)

    async def _stand_in(self, line: "_Line", state: RateLimitState, check: Check) -> RateLimitState:
        leave_at = self._clock.monotonic() + self._wait_s
        has_waited = line.front.locked()
        try:
            async with asyncio.timeout(self._wait_s):
                await line.front.acquire()
        except TimeoutError:
            return state
        try:
            if has_waited:
                state = await check()
            while not state.allowed:
                left_s = leave_at - self._clock.monotonic()
                if state.retry_after_s > left_s:
                    break
                await self._sleep(max(state.retry_after_s, _SHORTEST_S))
                state = await check()
            return state
        finally:
            line.front.release()


class _Line:
    """Who waits, in order: the lock lets them to the front as they came."""

    __slots__ = ("front", "length")

    def __init__(self) -> None:
        self.front = asyncio.Lock()
        self.length = 0
