"""What calls used, counted in the limits on tokens of those who made them."""

import asyncio

import structlog

from officium.core.tenancy import Caller
from officium.core.usage.limits.errors import LimiterUnavailable
from officium.core.usage.limits.tiers import TierLimiter

_GATEWAY = "gateway"
"""The app of calls that come through `/v1/*`; only these count there."""

_log = structlog.get_logger("limits")


class TokenMeter:
    """Counts tokens when they are known, without making anybody wait."""

    def __init__(self, limiter: TierLimiter) -> None:
        self._limiter = limiter
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, caller: Caller, app: str, tokens: int) -> None:
        """Take in what a call of `app` used."""
        if app == _GATEWAY and tokens > 0:
            task = asyncio.create_task(self._spend(caller, tokens))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait until everything is counted."""
        await asyncio.gather(*self._tasks)

    async def _spend(self, caller: Caller, tokens: int) -> None:
        try:
            await self._limiter.spend(caller, "gateway", tokens)
        except LimiterUnavailable as error:
            _log.warning("limits.tokens_not_counted", tenant=caller.tenant_id, reason=error.code)
