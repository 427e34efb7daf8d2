"""Talking to an identity provider: the way there, the exchange of the code, and the token it gives for it.

OpenID Connect Core 1.0, code flow, with PKCE (RFC 7636) and the issuer in the answer (RFC 9207).
The access token is never used, and nothing the provider gave is kept.
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

import msgspec
import structlog
from msgspec import Struct

from officium.core.tenancy.errors import SessionInvalid
from officium.core.tenancy.identity.attempt import LIFETIME, Attempt
from officium.core.tenancy.identity.endpoints import Discovery, Endpoints, Web
from officium.core.tenancy.identity.errors import (
    IdentityProviderUnreachable,
    IdentityProviderUnusable,
    IdentityRefused,
)
from officium.core.tenancy.identity.identity import Identity, read_identity
from officium.core.tenancy.identity.provider import IdentityProvider
from officium.core.tenancy.issuer import JwtIssuer
from officium.core.tenancy.jwks import IssuerUnreachable, JwksCache
from officium.core.tenancy.jwt import LEEWAY_S, read_claims
from officium.kit.clock import Clock

_log = structlog.get_logger(__name__)


class _Granted(Struct):
    id_token: str


class _Fault(Struct):
    error: str = ""


class ProviderClient:
    """One identity provider."""

    def __init__(self, provider: IdentityProvider, web: Web, clock: Clock) -> None:
        self._provider = provider
        self._web = web
        self._clock = clock
        self._discovery = Discovery(provider.issuer, web, clock)
        self._keys: tuple[str, JwksCache] | None = None
        self._rules = JwtIssuer(issuer=provider.issuer, audience=(provider.client_id,), tenant_claim="sub")

    async def authorization_url(self, attempt: Attempt) -> str:
        """Where to send the browser. Raises IdentityProviderUnreachable and IdentityProviderUnusable."""
        endpoints = await self._discovery.find()
        return _with_query(
            endpoints.authorization_endpoint,
            {
                "response_type": "code",
                "client_id": self._provider.client_id,
                "redirect_uri": attempt.redirect_uri,
                "scope": self._provider.scopes,
                "state": attempt.state,
                "nonce": attempt.nonce,
                "code_challenge": attempt.challenge,
                "code_challenge_method": "S256",
            },
        )

    async def sign_out_url(self, back: str) -> str | None:
        """Where people end their session at the provider and come back; `None` where it has no such door.

        OpenID Connect RP-Initiated Logout 1.0. Raises as `authorization_url`.
        """
        endpoint = (await self._discovery.find()).end_session_endpoint
        if endpoint is None:
            return None
        return _with_query(
            endpoint, {"client_id": self._provider.client_id, "post_logout_redirect_uri": back}
        )

    async def check_answerer(self, issuer: str | None) -> None:
        """Raise IdentityRefused where an answer says that it comes from another provider (a mix-up)."""
        endpoints = await self._discovery.find()
        is_needed = endpoints.authorization_response_iss_parameter_supported
        if issuer != self._provider.issuer and (issuer is not None or is_needed):
            raise IdentityRefused(
                "The answer came from another identity provider than the one that was asked."
            )

    async def redeem(self, code: str, attempt: Attempt) -> Identity:
        """Exchange the code for an identity token, and read who it is about.

        Raises IdentityRefused, IdentityProviderUnreachable and IdentityProviderUnusable.
        """
        endpoints = await self._discovery.find()
        token = await self._exchange(code, attempt, endpoints)
        try:
            claims = await read_claims(token, self._rules, self._keys_at(endpoints.jwks_uri), self._clock)
        except SessionInvalid as error:
            raise IdentityRefused(error.message.replace("The session", "The identity token", 1)) from error
        except IssuerUnreachable as error:
            raise IdentityProviderUnreachable(error.message) from error
        self._check(claims, attempt)
        return read_identity(claims, self._provider)

    def _check(self, claims: Mapping[str, Any], attempt: Attempt) -> None:
        """What an identity token must say besides what every token must."""
        audience, party = claims.get("aud"), claims.get("azp")
        is_for_others = isinstance(audience, list) and len(audience) > 1
        if (party is not None or is_for_others) and party != self._provider.client_id:
            raise IdentityRefused("The identity token was made for another application.")
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), attempt.nonce.encode()):
            raise IdentityRefused("The identity token was made for another attempt to sign in.")
        made_at = claims.get("iat")
        if isinstance(made_at, bool) or not isinstance(made_at, int | float):
            raise IdentityRefused("The identity token does not say when it was made.")
        if self._clock.now().timestamp() - made_at > LIFETIME.total_seconds() + LEEWAY_S:
            raise IdentityRefused(
                "The identity token is too old. Check that the clocks of both servers agree."
            )

    async def _exchange(self, code: str, attempt: Attempt, endpoints: Endpoints) -> str:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        secret = self._provider.client_secret
        methods = endpoints.token_endpoint_auth_methods_supported
        if secret is None:
            fields["client_id"] = self._provider.client_id
        elif "client_secret_basic" in methods:
            pair = f"{quote_plus(self._provider.client_id)}:{quote_plus(secret.get_secret_value())}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif "client_secret_post" in methods:
            fields |= {"client_id": self._provider.client_id, "client_secret": secret.get_secret_value()}
        else:
            raise IdentityProviderUnusable(
                "The identity provider takes no client secret. Let it accept client_secret_basic."
            )
        status, body = await self._ask("POST", endpoints.token_endpoint, headers, urlencode(fields).encode())
        if status != 200:
            raise self._exchange_failed(status, body)
        try:
            return msgspec.json.decode(body, type=_Granted).id_token
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise IdentityProviderUnusable(
                "The identity provider gave no identity token. Check that OFFICIUM_OIDC_SCOPES has openid."
            ) from error

    def _exchange_failed(self, status: int, body: bytes) -> Exception:
        try:
            said = msgspec.json.decode(body, type=_Fault).error[:100]
        except (msgspec.MsgspecError, ValueError, RecursionError):
            said = ""
        _log.warning(
            "identity_provider.code_refused", issuer=self._provider.issuer, status=status, error=said
        )
        if status >= 500 or status == 429:
            return IdentityProviderUnreachable(
                "The identity provider is busy or down. Try again in a moment."
            )
        if said == "invalid_grant":
            return IdentityRefused("The identity provider does not accept the code it gave. Sign in again.")
        return IdentityProviderUnusable(
            f"The identity provider refuses this server ({said or status}). "
            "Check OFFICIUM_OIDC_CLIENT_ID and OFFICIUM_OIDC_CLIENT_SECRET."
        )

    async def _ask(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            return await self._web(
                method, url, headers=headers, body=body, is_guarded=self._discovery.is_stranger(url)
            )
        except Exception as error:
            _log.warning(
                "identity_provider.not_reached",
                issuer=self._provider.issuer,
                error=f"{type(error).__name__}: {error}"[:500],
            )
            raise IdentityProviderUnreachable(
                f"The identity provider {self._provider.issuer} cannot be reached. Try again in a moment."
            ) from error

    def _keys_at(self, url: str) -> JwksCache:
        if self._keys is None or self._keys[0] != url:
            rules = self._rules.model_copy(update={"jwks_url": url})
            self._keys = (url, JwksCache(rules, self._fetch_keys, self._clock))
        return self._keys[1]

    async def _fetch_keys(self, url: str) -> bytes:
        status, body = await self._web("GET", url, is_guarded=self._discovery.is_stranger(url))
        if status != 200:
            raise OSError(f"it answered {status}")
        return body


def _with_query(url: str, fields: Mapping[str, str]) -> str:
    """The address with these fields behind those it has; ours win."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in fields]
    return urlunsplit(parts._replace(query=urlencode([*kept, *fields.items()]), fragment=""))
