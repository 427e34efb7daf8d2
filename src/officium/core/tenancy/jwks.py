"""The public keys of an identity provider, fetched rarely and kept."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from officium.core.tenancy.issuer import Algorithm, JwtIssuer, check_address
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError, ServiceUnavailable

Fetch = Callable[[str], Awaitable[bytes]]
"""Gets a document by its address; raises whatever it likes when it cannot, in a few seconds at most."""

PublicKey = RSAKey | ECKey | OKPKey

LIFETIME_S = 600.0
COOL_DOWN_S = 30.0
"""The pause between two fetches, however many unknown keys are named meanwhile."""
STALE_S = 24 * 3600.0
"""How long keys are still trusted when their issuer cannot be reached."""
MAX_BYTES = 256 * 1024
MAX_KEYS = 100
_MIN_RSA_BITS = 2048
_KEY_TYPES: dict[Algorithm, tuple[str, type[PublicKey]]] = {
    "RS256": ("RSA", RSAKey),
    "ES256": ("EC", ECKey),
    "Ed25519": ("OKP", OKPKey),
    "EdDSA": ("OKP", OKPKey),
}

_log = structlog.get_logger(__name__)


class IssuerUnreachable(ServiceUnavailable):
    """The identity provider's keys cannot be had at the moment."""

    code = "issuer_unreachable"


class _KeysUnusable(OfficiumError):
    """The document is not what it should be."""


class JwksCache:
    """The keys of one issuer.

    They are fetched at the first use, again when they are `LIFETIME_S` old, and once when a session names a
    key that is not among them. However many sessions wait, there is one fetch at a time, and none within
    `COOL_DOWN_S` of the last.
    """

    def __init__(self, issuer: JwtIssuer, fetch: Fetch, clock: Clock) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._keys: list[tuple[str | None, Algorithm, PublicKey]] = []
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: Algorithm) -> PublicKey | None:
        """The key of that id for that algorithm. A session without key id matches an only key.

        Raises IssuerUnreachable when no keys, or none young enough, are at hand.
        """
        if self._age(self._fetched_at) >= LIFETIME_S:
            await self._refresh()
        if self._age(self._fetched_at) >= STALE_S:
            raise IssuerUnreachable(
                f"The keys of {self._issuer.issuer} cannot be fetched. Try again in a moment; the server's "
                "log says why.",
                issuer=self._issuer.issuer,
            )
        found = self._look_up(kid, algorithm)
        if found is None:
            await self._refresh()
            found = self._look_up(kid, algorithm)
        return found

    def _look_up(self, kid: str | None, algorithm: Algorithm) -> PublicKey | None:
        fitting = [(id_, key) for id_, algorithm_, key in self._keys if algorithm_ == algorithm]
        if kid is None:
            return fitting[0][1] if len(fitting) == 1 else None
        return next((key for id_, key in fitting if id_ == kid), None)

    def _age(self, moment: float | None) -> float:
        return float("inf") if moment is None else self._clock.monotonic() - moment

    async def _refresh(self) -> None:
        if self._fetching is None:
            if self._age(self._tried_at) < COOL_DOWN_S:
                return
            self._tried_at = self._clock.monotonic()
            self._fetching = asyncio.create_task(self._fetch_keys())
        # One caller who hangs up must not take the answer from the others.
        await asyncio.shield(self._fetching)

    async def _fetch_keys(self) -> None:
        try:
            url = self._issuer.jwks_url or await self._discover()
            self._keys = _read_keys(await self._fetch_document(url))
            self._fetched_at = self._clock.monotonic()
        except Exception as error:
            _log.warning(
                "issuer.keys_not_fetched",
                issuer=self._issuer.issuer,
                error=f"{type(error).__name__}: {error}",
            )
        finally:
            self._fetching = None

    async def _discover(self) -> str:
        document = await self._fetch_document(
            self._issuer.issuer.rstrip("/") + "/.well-known/openid-configuration"
        )
        if document.get("issuer") != self._issuer.issuer:
            raise _KeysUnusable(f"the discovery document is of another issuer, {document.get('issuer')!r}")
        return check_address(str(document.get("jwks_uri")))

    async def _fetch_document(self, url: str) -> dict[str, Any]:
        body = await self._fetch(url)
        if len(body) > MAX_BYTES:
            raise _KeysUnusable(f"{url} is larger than {MAX_BYTES} bytes")
        return msgspec.json.decode(body, type=dict[str, Any])


def _read_keys(document: dict[str, Any]) -> list[tuple[str | None, Algorithm, PublicKey]]:
    rows = document.get("keys")
    if not isinstance(rows, list):
        raise _KeysUnusable("the key set has no list of keys")
    keys = []
    for row in rows[:MAX_KEYS]:
        for algorithm, (key_type, kind) in _KEY_TYPES.items():
            if isinstance(row, dict) and row.get("kty") == key_type and _is_meant_for(row, algorithm):
                key = _import_key(kind, row)
                kid = row.get("kid")
                if key is not None:
                    keys.append((kid if isinstance(kid, str) else None, algorithm, key))
    if not keys:
        raise _KeysUnusable("the key set has no key that can be used")
    return keys


def _is_meant_for(row: dict[str, Any], algorithm: Algorithm) -> bool:
    return bool(row.get("use", "sig") == "sig" and row.get("alg", algorithm) == algorithm)


def _import_key(kind: type[PublicKey], row: dict[str, Any]) -> PublicKey | None:
    try:
        key = kind.import_key(row)
        public = key.public_key
    except (JoseError, ValueError, TypeError, KeyError) as error:
        _log.warning("issuer.key_skipped", kid=str(row.get("kid"))[:100], error=type(error).__name__)
        return None
    if isinstance(key, RSAKey) and getattr(public, "key_size", 0) < _MIN_RSA_BITS:
        _log.warning("issuer.key_skipped", kid=str(row.get("kid"))[:100], error="RSA key too short")
        return None
    return key
