"""What can go wrong with rate limits."""

from officium.core.usage.limits.rate_limit import RateLimitState
from officium.kit.errors import LimitExceeded, ServiceUnavailable


class RateLimited(LimitExceeded):
    """Too many requests in too short a time; `tier` names the limit, `state` explains it.

    `retry_after_s` says when to come back.
    """

    code = "rate_limited"

    def __init__(self, message: str, *, state: RateLimitState, tier: str) -> None:
        super().__init__(message, tier=tier, retry_after_s=state.retry_after_s)
        self.state = state


class LimiterUnavailable(ServiceUnavailable):
    """Requests cannot be counted because Redis is away, and the operator wants none uncounted."""

    code = "rate_limiter_unavailable"
