"""Where answers are kept: in this process, or in Redis for all processes."""

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

import structlog
from msgspec import Struct

from officium.core.tenancy import Caller
from officium.kit.clock import Clock
from officium.kit.sealing.envelope import Place, SealBroken, seal, unseal
from officium.kit.secrets import ServerSecret

if TYPE_CHECKING:
    from redis.asyncio import Redis

_ENTRY_BYTES = 400
"""What an entry takes besides its key and its value."""
_TIMEOUT_S = 0.1
_PAUSE_S = 1.0
_KEY_ID = "cache"

_log = structlog.get_logger("gateway")


class Shelf(Protocol):
    """Keeps bytes for a while under a tenant and a key. What is lost is only asked for again."""

    async def get(self, caller: Caller, key: str) -> bytes | None:
        """What the caller's tenant has put there, unless its time is over. Never fails."""
        ...

    async def put(self, caller: Caller, key: str, value: bytes, ttl_s: float) -> bool:
        """Keep `value` for the caller's tenant; whether it could be kept. Never fails."""
        ...


class _Entry(Struct):
    value: bytes
    expires: float
    size_bytes: int


class MemoryShelf:
    """Keeps what fits into `max_bytes`; what was not asked for longest goes first."""

    def __init__(self, clock: Clock, max_bytes: int) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self.size_bytes = 0

    async def get(self, caller: Caller, key: str) -> bytes | None:
        place = caller.tenant_id, key
        entry = self._entries.get(place)
        if entry is None:
            return None
        if entry.expires <= self._clock.monotonic():
            self._drop(place)
            return None
        self._entries.move_to_end(place)
        return entry.value

    async def put(self, caller: Caller, key: str, value: bytes, ttl_s: float) -> bool:
        place = caller.tenant_id, key
        size_bytes = len(value) + len(key) + _ENTRY_BYTES
        if size_bytes > self._max_bytes:
            return False
        if place in self._entries:
            self._drop(place)
        while self.size_bytes + size_bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))
        self._entries[place] = _Entry(value, self._clock.monotonic() + ttl_s, size_bytes)
        self.size_bytes += size_bytes
        return True

    def _drop(self, place: tuple[str, str]) -> None:
        self.size_bytes -= self._entries.pop(place).size_bytes


class RedisShelf:
    """Keeps answers in Redis, each sealed with a key of its tenant: whoever reads Redis reads none of them.

    Redis is waited for no longer than a tenth of a second, and left alone for a second after it failed.
    `max_bytes` is the largest answer that is kept; how many there may be is for Redis to say (`maxmemory`).
    """

    def __init__(self, redis: "Redis", secret: ServerSecret, clock: Clock, max_bytes: int) -> None:
        self._redis = redis
        self._secret = secret
        self._clock = clock
        self._max_bytes = max_bytes
        self._away_until = 0.0

    async def get(self, caller: Caller, key: str) -> bytes | None:
        if self._is_away:
            return None
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                sealed: bytes | str | None = await self._redis.get(_name(caller, key))
        except Exception as error:
            self._fail(error)
            return None
        if sealed is None:
            return None
        try:
            envelope = sealed if isinstance(sealed, str) else sealed.decode("ascii")
            return unseal(self._seal_key(caller), _place(caller, key), envelope).encode()
        except (SealBroken, UnicodeDecodeError):
            return None  # of another secret, or no answer of ours

    async def put(self, caller: Caller, key: str, value: bytes, ttl_s: float) -> bool:
        if self._is_away or len(value) > self._max_bytes:
            return False
        sealed = seal(self._seal_key(caller), _KEY_ID, _place(caller, key), value.decode())
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._redis.set(_name(caller, key), sealed, px=max(1, round(ttl_s * 1000)))
        except Exception as error:
            self._fail(error)
            return False
        return True

    @property
    def _is_away(self) -> bool:
        return self._clock.monotonic() < self._away_until

    def _fail(self, error: Exception) -> None:
        self._away_until = self._clock.monotonic() + _PAUSE_S
        _log.warning("cache.redis_away", error=type(error).__name__)

    def _seal_key(self, caller: Caller) -> bytes:
        return self._secret.derive(f"response-cache:{caller.tenant_id}")


def _name(caller: Caller, key: str) -> str:
    return f"officium:cache:{caller.tenant_id}:{key}"


def _place(caller: Caller, key: str) -> Place:
    return Place(caller.tenant_id, "response_cache", key, "answer")
