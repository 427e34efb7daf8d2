"""What a door may ask about an idempotency key."""

import hashlib
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
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
_NONCE_BYTES = 12

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

    def __init__(self, store: Store, clock: Clock, secret: bytes, *, busy_for_s: float = 900.0) -> None:
        """`secret`, 32 bytes, seals what is kept: an answer may hold a key that is shown this once."""
        self._cipher = AESGCM(secret)
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
        return None if taken is None else self._answer(caller, taken, row.digest)

    async def finish(
        self, caller: Caller, key: str, status: int, headers: Sequence[Header], body: bytes
    ) -> None:
        """The request was carried out and answered like this."""
        kept = body if len(body) <= LARGEST_KEPT_BYTES else None
        written = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]
        sealed = None if kept is None else self._seal(caller, key, kept)
        await self._store.finish(caller, key, status, written, sealed)

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

    def _answer(self, caller: Caller, taken: KeyRow, digest: bytes) -> KeptAnswer:
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
                "The request with this `Idempotency-Key` was carried out; its answer was too large to keep.",
            )
        headers = tuple(
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in taken.headers or ()
        )
        return KeptAnswer(taken.status, headers, self._open(caller, taken.key, taken.body))

    def _seal(self, caller: Caller, key: str, body: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, body, _place(caller, key))

    def _open(self, caller: Caller, key: str, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _place(caller, key))
        except InvalidTag:
            raise IdempotencyKeyInUse(
                "The request with this `Idempotency-Key` was carried out; its answer can no longer be read."
            ) from None


def _digest(request: Sequence[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in request:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


def _place(caller: Caller, key: str) -> bytes:
    """What a kept answer is bound to: nobody else can open it under another tenant or key."""
    return f"{caller.tenant_id}\0{key}".encode()
