"""The tiers of requests, and how fast a tenant may make those of each."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import ceil
from typing import Literal, NoReturn, get_args

from msgspec.structs import replace
from prometheus_client import REGISTRY, CollectorRegistry, Counter

from officium.core.tenancy import Caller
from officium.core.usage.limits.errors import RateLimited
from officium.core.usage.limits.limiter import RateLimiter
from officium.core.usage.limits.line import WaitingLines
from officium.core.usage.limits.rate_limit import RateLimit, RateLimitState, Unit, spoken
from officium.core.usage.limits.windows import WindowStore
from officium.kit.clock import Clock, SystemClock

Tier = Literal["chat", "general", "strict", "gateway"]
"""Each route belongs to one: talking to a persona; everything else; what changes much; `/v1/*`."""

Limits = Sequence[RateLimit]
BeforeWaiting = Callable[[], Awaitable[None]]
LimitsOf = Callable[[Caller, Tier], Limits | None]
"""A tenant's own limits in a tier, or `None` where the installation's hold."""


_Limiters = tuple[RateLimiter | None, RateLimiter | None]
"""What limits requests, and what limits tokens."""
_NOTHING: _Limiters = (None, None)


class LimitHits:
    """Counts refusals for Prometheus."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._hits = Counter(
            "officium_rate_limit_hits",
            "Requests refused by a rate limit of ours.",
            ("tier",),
            registry=registry,
        )

    def note(self, tier: str) -> None:
        """One request was refused. `tier` is one of the tiers, or `provider`."""
        self._hits.labels(tier).inc()


class TierLimiter:
    """Lets a tenant's requests in as fast as their tier allows.

    All that a tenant's keys and members do counts together; no tenant's requests count for another's. Limits
    in tokens refuse a request once they are used up; what it uses is counted when it is known.
    """

    def __init__(
        self,
        store: WindowStore,
        limits: Mapping[Tier, Limits],
        hits: LimitHits,
        clock: Clock | None = None,
        *,
        limits_of: LimitsOf | None = None,
        lines: WaitingLines | None = None,
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._limits_of = limits_of
        self._hits = hits
        self._lines = lines
        self._standing = {tier: self._limiters(tier, said) for tier, said in limits.items()}
        self._own: dict[tuple[Tier, tuple[RateLimit, ...]], _Limiters] = {}

    def is_limited(self, tier: Tier) -> bool:
        """Whether anybody may ever be refused in this tier."""
        return any(self._standing.get(tier, _NOTHING)) or self._limits_of is not None

    def list_limits(self, caller: Caller) -> dict[Tier, Limits]:
        """What the caller's tenant may do in each tier; nothing stands for no limit."""
        return {tier: self._limits_in(caller, tier) for tier in get_args(Tier)}

    async def admit(
        self, caller: Caller, tier: Tier, before_waiting: BeforeWaiting | None = None
    ) -> RateLimitState | None:
        """Count a request and say what is left; `None` where nothing limits it.

        Raises RateLimited, and LimiterUnavailable. Where there are lines to wait in, a request with
        `before_waiting` waits for its turn; that is called first.
        """
        requests, tokens = self._limiters_of(caller, tier)
        if tokens is not None:
            left = await tokens.check(caller.tenant_id, 0)
            if not left.allowed:
                self._refuse(tier, left, "tokens")
        if requests is None:
            return None if tokens is None else left
        state = await self._take(caller, tier, requests, before_waiting)
        if not state.allowed:
            self._refuse(tier, state, "requests")
        return state

    async def spend(self, caller: Caller, tier: Tier, tokens: int) -> None:
        """Count tokens that have been used."""
        limiter = self._limiters_of(caller, tier)[1]
        if limiter is not None and tokens > 0:
            await limiter.add(caller.tenant_id, tokens)

    async def _take(
        self, caller: Caller, tier: Tier, limiter: RateLimiter, before_waiting: BeforeWaiting | None
    ) -> RateLimitState:
        lines, name = self._lines, f"{tier}:{caller.tenant_id}"
        if lines is None or before_waiting is None:
            return await limiter.check(caller.tenant_id)
        if lines.length(name):  # who comes now stands behind those who wait
            state = replace(await limiter.check(caller.tenant_id, 0), allowed=False)
        else:
            state = await limiter.check(caller.tenant_id)
        if state.allowed or not lines.is_open(name, state):
            return state
        await before_waiting()
        return await lines.wait(name, state, lambda: limiter.check(caller.tenant_id))

    def _limits_in(self, caller: Caller, tier: Tier) -> Limits:
        found = self._limiters_of(caller, tier)
        return [limit for limiter in found if limiter is not None for limit in limiter.limits]

    def _limiters_of(self, caller: Caller, tier: Tier) -> _Limiters:
        own = self._limits_of(caller, tier) if self._limits_of is not None else None
        if own is None:
            return self._standing.get(tier, _NOTHING)
        key = tier, tuple(own)
        found = self._own.get(key)
        if found is None:
            found = self._own[key] = self._limiters(tier, own)
        return found

    def _limiters(self, tier: Tier, limits: Limits) -> _Limiters:
        return (
            self._limiter(tier, [limit for limit in limits if limit.unit == "requests"]),
            self._limiter(tier, [limit for limit in limits if limit.unit == "tokens"]),
        )

    def _limiter(self, tier: Tier, limits: Limits) -> RateLimiter | None:
        return RateLimiter(self._store, f"rate_limit:{tier}:", limits, self._clock) if limits else None

    def _refuse(self, tier: Tier, state: RateLimitState, unit: Unit) -> NoReturn:
        self._hits.note(tier)
        raise RateLimited(
            f"Rate limit exceeded: {state.limit} {unit} in {spoken(state.window_s)} for a tenant. "
            f"Try again in {spoken(max(1, ceil(state.retry_after_s)))}.",
            tier=tier,
            state=state,
        )
