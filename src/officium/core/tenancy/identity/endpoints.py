"""Where an identity provider's doors are, as it publishes them itself (OpenID Connect Discovery 1.0)."""

import asyncio
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
import structlog
from msgspec import Struct

from officium.core.tenancy.identity.errors import IdentityProviderUnreachable, IdentityProviderUnusable
from officium.core.tenancy.issuer import check_address
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError

LIFETIME_S = 3600.0
COOL_DOWN_S = 10.0
"""The pause after a failed try, in which nobody else waits for another."""
STALE_S = 24 * 3600.0
"""How long what is known still counts when it cannot be asked for again."""

_log = structlog.get_logger(__name__)


class Web(Protocol):
    """Asks an identity provider."""

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        is_guarded: bool = False,
    ) -> tuple[int, bytes]:
        """Status and body, in a few seconds at most, never after a redirect, never more than 256 KiB.

        A guarded request leads to the open internet only. Raises whatever it likes.
        """
        ...


class Endpoints(Struct, frozen=True, kw_only=True):
    """What of a provider's description is used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Discovery:
    """The endpoints of one provider: asked for at the first use, and again when they are an hour old.

    However many people wait, there is one request at a time.
    """

    def __init__(self, issuer: str, web: Web, clock: Clock) -> None:
        self._issuer = issuer
        self._web = web
        self._clock = clock
        self._known: Endpoints | None = None
        self._known_at = self._failed_at = float("-inf")
        self._failure: OfficiumError | None = None
        self._asking: asyncio.Task[None] | None = None

    async def find(self) -> Endpoints:
        """The endpoints. Raises IdentityProviderUnreachable and IdentityProviderUnusable."""
        now = self._clock.monotonic()
        is_fresh = self._known is not None and now - self._known_at < LIFETIME_S
        if not is_fresh and now - self._failed_at >= COOL_DOWN_S:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
            # One who leaves must not take the answer from the others.
            await asyncio.shield(self._asking)
        if self._known is not None and self._clock.monotonic() - self._known_at < STALE_S:
            return self._known
        raise self._failed()

    def is_stranger(self, url: str) -> bool:
        """Whether an address the provider named is elsewhere than the provider the operator named."""
        return _place(url) != _place(self._issuer)

    def _failed(self) -> OfficiumError:
        failure = self._failure
        if isinstance(failure, IdentityProviderUnusable):
            return IdentityProviderUnusable(failure.message)
        return IdentityProviderUnreachable(
            f"The identity provider {self._issuer} cannot be reached. Try again in a moment."
        )

    async def _ask(self) -> None:
        try:
            self._known = await self._fetch()
            self._known_at, self._failure = self._clock.monotonic(), None
        except Exception as error:
            self._failed_at = self._clock.monotonic()
            self._failure = error if isinstance(error, OfficiumError) else None
            _log.warning(
                "identity_provider.not_described",
                issuer=self._issuer,
                error=f"{type(error).__name__}: {error}"[:500],
            )
        finally:
            self._asking = None

    async def _fetch(self) -> Endpoints:
        url = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
        status, body = await self._web("GET", url, headers={"accept": "application/json"})
        if status >= 500:
            raise OSError(f"it answered {status}")
        if status != 200:
            raise IdentityProviderUnusable(
                f"{url} answers {status}. Check OFFICIUM_OIDC_ISSUER: it is the address before /.well-known."
            )
        return read_endpoints(body, self._issuer)


def read_endpoints(body: bytes, issuer: str) -> Endpoints:
    """The endpoints in a discovery document. Raises IdentityProviderUnusable."""
    try:
        found = msgspec.convert(msgspec.json.decode(body), Endpoints)
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            check_address(url)
        if found.end_session_endpoint is not None:
            check_address(found.end_session_endpoint)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise IdentityProviderUnusable(
            f"The description of {issuer} cannot be used: {str(error)[:200]}."
        ) from error
    if found.issuer != issuer:
        raise IdentityProviderUnusable(
            f"The identity provider calls itself {found.issuer[:200]!r}. Set OFFICIUM_OIDC_ISSUER to that, "
            "character by character, if you trust it."
        )
    return found


def _place(url: str) -> tuple[Any, ...]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
