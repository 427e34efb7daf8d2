"""What a door may ask about an idempotency key."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from officium.core.tenancy import Caller
from officium.core.usage.idempotency.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidIdempotencyKey,
)
from officium.kit.clock import Clock

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 255
LARGEST_KEPT_BYTES = 4 * 1024 * 1024
"""A larger answer is not kept; its key says so when it comes again."""
_RETRY_AFTER_S = 1.0
_BATCH = 500

Header = tuple[bytes, bytes]


class KeyRow(Struct, frozen=True, kw_only=True):
    """A key and what became of its request."""

    key: str
    digest: bytes
    created_at: datetime
    busy_until: datetime
    expires_at: datetime
    status: int | None = None
    headers: list[list[str]] | None = None
    body: bytes | None = None


class KeptAnswer(Struct, frozen=True):
    """An answer as it was given the first time."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


class Store(Protocol):
    """Where the keys are kept."""

    async def claim(self, caller: Caller, row: KeyRow, now: datetime) -> KeyRow | None: ...

    async def finish(
        self, caller: Caller, key: str, status: int, headers: list[list[str]], body: bytes | None
    ) -> None: ...

    async def forget(self, caller: Caller, key: str) -> None: ...

    async def forget_expired_for_all_tenants(self, now: datetime, limit: int) -> int: ...


class IdempotencyService:
    """Lets the first request with a key through, and answers the others as that one was answered.

    `busy_for_s` is how long a request may take; after that its process is believed dead and the key free.
    """

    def __init__(self, store: Store, clock: Clock, *, busy_for_s: float = 900.0) -> None:
        self._store = store
        self._clock = clock
        self._busy_for = timedelta(seconds=busy_for_s)

    async def begin(self, caller: Caller, key: str, request: Sequence[bytes]) -> KeptAnswer | None:
        """`None`: carry the request out, then `finish` or `forget`. Else the answer it had before.

        `request` is all that makes two requests the same one. Raises InvalidIdempotencyKey,
        IdempotencyKeyReused and IdempotencyKeyInUse.
        """
        if not 1 <= len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
            raise InvalidIdempotencyKey(
                f"`Idempotency-Key` takes 1 to {LONGEST_KEY} printable ASCII characters.",
                param="Idempotency-Key",
            )
        now = self._clock.now()
        row = KeyRow(
            key=key,
            digest=_digest(request),
            created_at=now,
            busy_until=now + self._busy_for,
            expires_at=now + KEPT_FOR,
        )
        taken = await self._store.claim(caller, row, now)
        return None if taken is None else _answer(taken, row.digest)

    async def finish(
        self, caller: Caller, key: str, status: int, headers: Sequence[Header], body: bytes
    ) -> None:
        """The request was carried out and answered like this."""
        kept = body if len(body) <= LARGEST_KEPT_BYTES else None
        written = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]
        await self._store.finish(caller, key, status, written, kept)

    async def forget(self, caller: Caller, key: str) -> None:
        """The request came to nothing; whoever sends it again has another try."""
        await self._store.forget(caller, key)

    async def sweep(self) -> None:
        """Do `forget_expired`, as a job that nobody asks how much it was."""
        await self.forget_expired()

    async def forget_expired(self) -> int:
        """Delete what is older than a day; how much it was."""
        total = 0
        while True:
            count = await self._store.forget_expired_for_all_tenants(self._clock.now(), _BATCH)
            total += count
            if count < _BATCH:
                return total


def _digest(request: Sequence[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in request:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


def _answer(taken: KeyRow, digest: bytes) -> KeptAnswer:
    if taken.digest != digest:
        raise IdempotencyKeyReused(
            "This `Idempotency-Key` came before, with another request. Use a new key for each request.",
            param="Idempotency-Key",
        )
    if taken.status is None:
        raise IdempotencyKeyInUse(
            "The first request with this `Idempotency-Key` is still under way. Ask again in a moment.",
            retry_after_s=_RETRY_AFTER_S,
        )
    if taken.body is None:
        raise IdempotencyKeyInUse(
            "The request with this `Idempotency-Key` was carried out; its answer was too large to be kept.",
        )
    headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in taken.headers or ())
    return KeptAnswer(taken.status, headers, taken.body)
