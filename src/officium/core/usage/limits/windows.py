"""Windows that slide: never more within any of them than the limit says, however the requests fall.

Why not buckets, and what this costs: docs/decisions/0012-rate-limits.md.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from officium.core.usage.limits.rate_limit import RateLimit, WindowState
from officium.kit.clock import Clock, SystemClock

GRAINS = 1000
"""A window of more than so many remembers parts of itself instead of each request: what comes within a
thousandth of it leaves together, with the last. So its memory is bounded, and a request may count a little
too long; smaller limits are exact."""
MICRO = 1_000_000
"""Times are counted in whole microseconds: fractions of seconds do not add up exactly."""
MOST_WINDOWS = 100_000
_FIRST_SWEEP = 1024

Wanted = Sequence[tuple[str, str, RateLimit]]
"""Of each window a prefix, who or what it is for, and what may be in it. The first two make its name."""


class WindowStore(Protocol):
    """Keeps windows by name."""

    async def take(self, wanted: Wanted, cost: int = 1) -> list[WindowState]:
        """Count `cost` in every window, or in none of them if one has no room for it.

        The states come in the order of `wanted`. A cost of 0 only looks whether there is room for 1. Raises
        LimiterUnavailable where nobody can count, and that is not allowed to pass.
        """
        ...

    async def add(self, wanted: Wanted, cost: int) -> None:
        """Count `cost` whether there is room or not: it is known only now, and has been used."""
        ...


class LocalWindows:
    """Windows in the memory of this process.

    Past `most` windows the oldest are forgotten, so that nobody can fill the memory with new names.
    """

    def __init__(self, clock: Clock | None = None, most: int = MOST_WINDOWS, grains: int = GRAINS) -> None:
        self._clock = clock or SystemClock()
        self._most = most
        self._grains = grains
        self._windows: dict[str, _Window] = {}
        self._sweep_at = min(_FIRST_SWEEP, most)

    def __len__(self) -> int:
        return len(self._windows)

    async def take(self, wanted: Wanted, cost: int = 1) -> list[WindowState]:
        """As WindowStore says; never waits."""
        now = int(self._clock.monotonic() * MICRO)
        need = cost or 1
        if len(wanted) == 1:
            ((prefix, key, limit),) = wanted
            window = self._window(prefix + key, now)
            room_after_s = window.room_after_s(limit, need, now)
            if cost and not room_after_s:
                window.add(cost, limit, self._grains, now)
            return [WindowState(window.used, window.oldest_goes_s(now), room_after_s)]
        windows = [(self._window(prefix + key, now), limit) for prefix, key, limit in wanted]
        rooms = [window.room_after_s(limit, need, now) for window, limit in windows]
        if cost and not any(rooms):
            for window, limit in windows:
                window.add(cost, limit, self._grains, now)
        return [
            WindowState(window.used, window.oldest_goes_s(now), room)
            for (window, _), room in zip(windows, rooms, strict=True)
        ]

    async def add(self, wanted: Wanted, cost: int) -> None:
        """As WindowStore says; never waits."""
        now = int(self._clock.monotonic() * MICRO)
        for prefix, key, limit in wanted:
            self._window(prefix + key, now).add(cost, limit, self._grains, now)

    def _window(self, name: str, now: int) -> "_Window":
        window = self._windows.get(name)
        if window is None:
            if len(self._windows) >= self._sweep_at:
                self._sweep(now)
            window = self._windows[name] = _Window()
        else:
            window.let_go(now)
        return window

    def _sweep(self, now: int) -> None:
        """Drop what is empty by now; if that is too little, the oldest tenth: so it is seldom needed."""
        self._windows = {name: window for name, window in self._windows.items() if window.is_used(now)}
        if len(self._windows) >= self._most:
            for name in list(islice(self._windows, max(1, self._most // 10))):
                del self._windows[name]
        self._sweep_at = min(self._most, max(_FIRST_SWEEP, 2 * len(self._windows)))


class _Window:
    """What was counted, oldest first: `[came, goes, count]` for each grain, in microseconds."""

    __slots__ = ("_grains", "used")

    def __init__(self) -> None:
        self.used = 0
        self._grains: deque[list[int]] = deque()

    def let_go(self, now: int) -> None:
        grains = self._grains
        while grains and grains[0][1] <= now:
            self.used -= grains.popleft()[2]

    def room_after_s(self, limit: RateLimit, need: int, now: int) -> float:
        """Seconds until there is room for `need`, if nothing else comes; 0 if it is there now."""
        most = limit.max - need
        used = self.used
        if used <= most:
            return 0.0
        for _, goes, count in self._grains:
            used -= count
            if used <= most:
                return (goes - now) / MICRO
        return limit.window_s  # more than the limit at once: never, and later than this is soon enough to ask

    def oldest_goes_s(self, now: int) -> float:
        return (self._grains[0][1] - now) / MICRO if self._grains else 0.0

    def is_used(self, now: int) -> bool:
        return bool(self._grains) and self._grains[-1][1] > now

    def add(self, cost: int, limit: RateLimit, grains: int, now: int) -> None:
        self.used += cost
        length = int(limit.window_s * MICRO)
        last = self._grains[-1] if self._grains and limit.max > grains else None
        if last is not None and (now - last[0]) * grains < length:
            last[1] = now + length
            last[2] += cost
        else:
            self._grains.append([now, now + length, cost])
