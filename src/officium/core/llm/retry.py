"""How often a failed try is repeated, and how long to wait before."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter, unless the provider names a delay itself.

    Full jitter spreads callers that failed together over the whole interval. Source:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    max_retries: int = 3
    base_s: float = 0.5
    cap_s: float = 8.0
    retry_after_cap_s: float = 60.0
    """A provider that asks for a longer wait is not waited for."""
    draw: Callable[[], float] = random.random
    """A number in [0, 1)."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def delay_s(self, retry: int, retry_after_s: float | None = None) -> float | None:
        """The wait before the given retry (the first is 0), or `None` if there should be none.

        Never less than the provider asked for in `retry_after_s`.
        """
        if retry >= self.max_retries:
            return None
        jittered = self.draw() * min(self.cap_s, self.base_s * 2.0**retry)
        if retry_after_s is None:
            return jittered
        return None if retry_after_s > self.retry_after_cap_s else max(retry_after_s, jittered)
