"""Asking a provider no faster than it allows, so that it is us who say when to come back."""

import hashlib
from collections.abc import Awaitable, Mapping, Sequence
from functools import lru_cache
from math import ceil

import structlog
from msgspec import Struct

from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import LLMRateLimitError
from officium.core.usage.limits.limiter import RateLimiter
from officium.core.usage.limits.rate_limit import RateLimit, spoken
from officium.core.usage.limits.tiers import LimitHits
from officium.core.usage.limits.windows import WindowStore
from officium.kit.clock import Clock, SystemClock

SHORT_WAIT_S = 10.0
"""A call waits as long by itself; where it would take longer, another deployment or the caller decides."""

_log = structlog.get_logger("limits")


class ProviderLimit(Struct, frozen=True):
    """How fast a provider may be asked with one key: at `base_url` alone, or anywhere if that is `None`."""

    limits: Sequence[RateLimit]
    base_url: str | None = None


class ProviderLimits:
    """Counts the calls made with each provider's key. `limits` are by the provider's name."""

    def __init__(
        self,
        store: WindowStore,
        limits: Mapping[str, ProviderLimit],
        hits: LimitHits,
        clock: Clock | None = None,
    ) -> None:
        self._hits = hits
        self._limits = {
            name: (said.base_url, RateLimiter(store, f"rate_limit:provider:{name}:", said.limits, clock))
            for name, said in limits.items()
            if said.limits
        }
        self._clock = clock or SystemClock()
        self._warned_at: dict[str, float] = {}

    def enter(self, deployment: Deployment) -> Awaitable[None] | None:
        """Wait for the result before a call, unless it is `None`: then nothing limits it.

        Waiting raises LLMRateLimitError, as the provider would cause it, where there is no room for the call.
        """
        found = self._limits.get(deployment.provider.name)
        if found is None or found[0] not in (None, deployment.base_url):
            return None
        return self._count(deployment, found[1])

    async def _count(self, deployment: Deployment, limiter: RateLimiter) -> None:
        state = await limiter.check(_credential(deployment.base_url, deployment.api_key))
        if state.allowed:
            return
        provider = deployment.provider
        self._hits.note("provider")
        self._warn(provider.name, state.limit, state.window_s)
        raise LLMRateLimitError(
            f"{provider.label} may be asked {state.limit} times in {spoken(state.window_s)}, and has been. "
            f"Try again in {spoken(max(1, ceil(state.retry_after_s)))}.",
            provider=provider.name,
            model=deployment.model,
            retry_after_s=state.retry_after_s,
            is_retryable=state.retry_after_s <= SHORT_WAIT_S,
            reason="own_limit",
        )

    def _warn(self, name: str, most: int, window_s: float) -> None:
        """Tell the operator, once in a window, that a limit of theirs slows their tenants down."""
        now = self._clock.monotonic()
        if now >= self._warned_at.get(name, 0.0):
            self._warned_at[name] = now + window_s
            setting = f"{name.upper()}_RATE_LIMIT"
            _log.warning(
                "limits.provider_limit_reached", provider=name, limit=most, window_s=window_s, setting=setting
            )


@lru_cache(maxsize=4096)
def _credential(base_url: str, api_key: str | None) -> str:
    """A name for a key and where it is used, which gives neither away."""
    return hashlib.blake2b(f"{base_url}\n{api_key or ''}".encode(), digest_size=16).hexdigest()
