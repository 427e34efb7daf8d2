"""What can go wrong with rate limits."""

from officium.kit.errors import LimitExceeded, ServiceUnavailable


class RateLimited(LimitExceeded):
    """Too many requests in too short a time; `tier` names the limit, `state` explains it.

    `retry_after_s` says when to come back.
    """

    code = "rate_limited"


class LimiterUnavailable(ServiceUnavailable):
    """Requests cannot be counted because Redis is away, and the operator wants none uncounted."""

    code = "rate_limiter_unavailable"
