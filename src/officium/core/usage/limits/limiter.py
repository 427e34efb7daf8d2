"""Limiters for anything: by key, and by several things at once."""

from collections.abc import Mapping, Sequence

from officium.core.usage.limits.rate_limit import RateLimit, RateLimitState, Unit, shown, tightest
from officium.core.usage.limits.windows import LocalWindows, WindowStore
from officium.kit.clock import Clock, SystemClock

CUSTOM_PREFIX = "rate_limit:custom:"


class RateLimiter:
    """Says of a key (a tenant, an address, a user) whether it may do something now, and counts it if so.

    There are one or more limits, and all of them hold. Limiters of the same prefix on the same store count
    together.
    """

    def __init__(
        self, store: WindowStore, key_prefix: str, limits: Sequence[RateLimit], clock: Clock | None = None
    ) -> None:
        self.limits = tuple(limits)
        self._store = store
        self._clock = clock or SystemClock()
        self._prefixes = [(window_prefix(key_prefix, limit), limit) for limit in limits]

    async def check(self, key: str, cost: int = 1) -> RateLimitState:
        """Count `cost` for `key` if all limits allow it. There must be at least one limit."""
        states = await self._store.take([(prefix, key, limit) for prefix, limit in self._prefixes], cost)
        place = tightest(self.limits, states) if len(states) > 1 else 0
        return shown(self.limits[place], states[place], self._clock.now())

    async def add(self, key: str, cost: int) -> None:
        """Count `cost` for `key`, allowed or not: it has been used already."""
        await self._store.add([(prefix, key, limit) for prefix, limit in self._prefixes], cost)


class JointLimiter:
    """Limits on several things of one request at once, such as its session, its address and its widget.

    All are checked together, and where one refuses nothing is counted for the others.
    """

    def __init__(
        self,
        store: WindowStore,
        key_prefix: str,
        limits: Mapping[str, Sequence[RateLimit]],
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._places = [
            (name, window_prefix(f"{key_prefix}{name}:", limit), limit)
            for name, several in limits.items()
            for limit in several
        ]
        self._limits = [limit for _, _, limit in self._places]

    async def check(self, keys: Mapping[str, str]) -> RateLimitState | None:
        """Count one for each key, by the names of the limits; `None` where nothing is limited.

        The state is that of the limit in the way, or of the one with least left; its `name` says which.
        """
        if not self._places:
            return None
        wanted = [(prefix, keys[name], limit) for name, prefix, limit in self._places]
        states = await self._store.take(wanted)
        place = tightest(self._limits, states)
        return shown(self._limits[place], states[place], self._clock.now(), self._places[place][0])


def create_rate_limiter(
    store: WindowStore | None = None,
    key_prefix: str = CUSTOM_PREFIX,
    window_ms: float = 60 * 1000,
    max: int = 20,
    *,
    clock: Clock | None = None,
) -> RateLimiter:
    """A limiter of your own: at most `max` within any `window_ms` milliseconds, for each key.

    `store` is where it counts: `SharedWindows(redis)`, or this process's memory where none is given. Raises
    ValueError for a limit that lets nothing pass or never ends.
    """
    if max < 1 or not window_ms > 0:
        raise ValueError(
            f"A limiter needs a max of at least 1 and a window above 0, not {max} in {window_ms} ms."
        )
    store = LocalWindows(clock) if store is None else store
    return RateLimiter(store, key_prefix, [RateLimit(max, window_ms / 1000)], clock)


def window_prefix(key_prefix: str, limit: RateLimit) -> str:
    """What the names of a limit's windows begin with: several limits of one key must not count together."""
    units: dict[Unit, str] = {"requests": "", "tokens": "t"}
    return f"{key_prefix}{limit.window_s:g}{units[limit.unit]}:"
