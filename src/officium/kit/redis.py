"""The one way to Redis: a pool of connections which all parts of a process share."""

from typing import TYPE_CHECKING

from officium.kit.errors import OfficiumError

if TYPE_CHECKING:
    from redis.asyncio import Redis

SOCKET_TIMEOUT_S = 5.0
"""After it a connection counts as dead; who cannot wait so long limits its command itself."""
MOST_CONNECTIONS = 32
"""Who comes when all are in use waits for one. The listener for notices keeps one for itself."""


class InvalidRedisUrl(OfficiumError):
    """The configured address of Redis cannot be used. It is not repeated: there may be a password in it."""

    code = "invalid_redis_url"


def open_redis(url: str | None) -> "Redis | None":
    """The Redis at `url`, if there is one; connects when it is first asked. Raises InvalidRedisUrl.

    Whoever opened it closes it with `aclose`, after all who use it.
    """
    if not url:
        return None
    from redis.asyncio import BlockingConnectionPool, Redis  # half a second and 30 MB, for those who use it

    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MOST_CONNECTIONS,
            timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            socket_timeout=SOCKET_TIMEOUT_S,
            health_check_interval=30,
        )
        return Redis.from_pool(pool)
    except ValueError:
        raise InvalidRedisUrl(
            "OFFICIUM_REDIS_URL is no address of a Redis. Write redis://user:password@host:6379/0."
        ) from None
