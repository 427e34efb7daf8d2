"""How fast a tenant may ask, and how fast we ask a provider."""

from officium.core.usage.limits.errors import LimiterUnavailable, RateLimited
from officium.core.usage.limits.limiter import JointLimiter, RateLimiter, create_rate_limiter
from officium.core.usage.limits.line import WaitingLines
from officium.core.usage.limits.provider_limits import ProviderLimit, ProviderLimits
from officium.core.usage.limits.rate_limit import RateLimit, RateLimitState, parse_limits
from officium.core.usage.limits.shared_windows import SharedWindows
from officium.core.usage.limits.sign_in_throttle import SignInThrottle
from officium.core.usage.limits.tiers import LimitHits, Tier, TierLimiter
from officium.core.usage.limits.token_meter import TokenMeter
from officium.core.usage.limits.windows import LocalWindows, WindowStore

__all__ = [
    "JointLimiter",
    "LimitHits",
    "LimiterUnavailable",
    "LocalWindows",
    "ProviderLimit",
    "ProviderLimits",
    "RateLimit",
    "RateLimitState",
    "RateLimited",
    "RateLimiter",
    "SharedWindows",
    "SignInThrottle",
    "Tier",
    "TierLimiter",
    "TokenMeter",
    "WaitingLines",
    "WindowStore",
    "create_rate_limiter",
    "parse_limits",
]
