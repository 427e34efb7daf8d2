"""A small identity provider on a local port (OpenID Connect, code flow with PKCE), and its faults."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID = "officium"
CLIENT_SECRET = "a secret: with/strange+signs%"

Claims = dict[str, Any]


@cache
def rsa_key(kid: str) -> RSAKey:
    """A key that is made once for all tests, since that takes long."""
    return RSAKey.generate_key(2048, {"kid": kid})


@dataclass
class _Grant:
    nonce: str
    challenge: str
    redirect_uri: str


@dataclass
class IdentityProviderDouble:
    """Signs everybody in as the person in `claims`, at once; or shows a page where `asks` is set.

    `change` may do to the claims what it likes, `sign` to the token. `status` is what the token endpoint
    answers with, `delay_s` how long it takes; `is_down` closes every connection.
    """

    claims: Claims = field(default_factory=lambda: {"sub": "u-1", "email": "ada@example.com"})
    change: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[["IdentityProviderDouble", Claims], str] | None = None
    answer: dict[str, str] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    secret: str | None = CLIENT_SECRET
    status: int = 200
    delay_s: float = 0.0
    is_down: bool = False
    asks: bool = False
    base_url: str = ""
    key: RSAKey | ECKey = field(default_factory=lambda: rsa_key("k1"))
    asked: list[str] = field(default_factory=list)
    token_requests: list[dict[str, str]] = field(default_factory=list)
    grants: dict[str, _Grant] = field(default_factory=dict)

    def rotate(self, kid: str = "k2") -> None:
        """Sign with another key from now on, and publish that alone."""
        self.key = rsa_key(kid)

    def token(self, claims: Claims) -> str:
        """A token signed as it should be."""
        algorithm = "RS256" if isinstance(self.key, RSAKey) else "ES256"
        return jwt.encode({"alg": algorithm, "kid": self.key.kid or ""}, claims, self.key)

    def approve(self, url: str) -> str:
        """Where a browser that came with this address is sent: the callback, with code and state."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["client_id"] == CLIENT_ID
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe()
        self.grants[code] = _Grant(query["nonce"], query["code_challenge"], query["redirect_uri"])
        answer = {"code": code, "state": query["state"], **self.answer}
        if "error" in answer:
            del answer["code"]
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.is_down:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        doors = {
            "/.well-known/openid-configuration": self._describe,
            "/keys": self._keys,
            "/authorize": self._authorize,
            "/token": self._token,
            "/logout": self._sign_out,
        }
        if request.path not in doors:
            return web.Response(status=204)  # browsers ask for an icon
        return await doors[request.path](request)

    async def _describe(self, request: web.Request) -> web.Response:
        described = {
            "issuer": self.base_url,
            "authorization_endpoint": f"{self.base_url}/authorize?prompt=select",
            "token_endpoint": f"{self.base_url}/token",
            "jwks_uri": f"{self.base_url}/keys",
            "end_session_endpoint": f"{self.base_url}/logout",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            **self.description,
        }
        return web.json_response({name: value for name, value in described.items() if value is not None})

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: web.Request) -> web.Response:
        back = self.approve(str(request.url))
        if not self.asks:
            raise web.HTTPSeeOther(back)
        page = f'<!doctype html><html lang="en"><title>Provider</title><a id="yes" href="{back}">Continue</a>'
        return web.Response(text=page.replace("&", "&amp;"), content_type="text/html")

    async def _sign_out(self, request: web.Request) -> web.Response:
        raise web.HTTPSeeOther(request.query["post_logout_redirect_uri"])

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.token_requests.append(form)
        await asyncio.sleep(self.delay_s)
        if self.status != 200:
            return web.json_response({"error": "server_error"}, status=self.status)
        if not self._knows_client(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        grant = self.grants.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if grant is None or grant.challenge != challenge or grant.redirect_uri != form.get("redirect_uri"):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        said = {"iss": self.base_url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": grant.nonce}
        claims = self.change({"email_verified": True, **said, **self.claims})
        token = self.sign(self, claims) if self.sign else self.token(claims)
        return web.json_response({"access_token": "unused", "token_type": "Bearer", "id_token": token})

    def _knows_client(self, request: web.Request, form: dict[str, str]) -> bool:
        if self.secret is None:
            return form.get("client_id") == CLIENT_ID and "authorization" not in request.headers
        if "authorization" not in request.headers:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, self.secret)
        kind, _, pair = request.headers["authorization"].partition(" ")
        name, _, secret = base64.b64decode(pair).decode().partition(":")
        decoded = parse_qs(f"secret={secret}", keep_blank_values=True)["secret"][0]
        return (kind, name, decoded) == ("Basic", CLIENT_ID, self.secret)


def unsigned(provider: IdentityProviderDouble, claims: Claims) -> str:
    """A token that nobody signed: `alg` is `none`."""
    return f"{_forged('none', claims)}."


def signed_with_public_key(provider: IdentityProviderDouble, claims: Claims) -> str:
    """A token signed with HS256, where the secret is what everybody can fetch: the public key."""
    return _with_hmac(claims, provider.key.as_pem(private=False))


def signed_with_client_secret(provider: IdentityProviderDouble, claims: Claims) -> str:
    """A token signed with HS256 and the client's secret, as the standard allows and we do not."""
    return _with_hmac(claims, (provider.secret or "").encode())


def _with_hmac(claims: Claims, secret: bytes) -> str:
    signed = _forged("HS256", claims)
    return f"{signed}.{_encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _forged(algorithm: str, claims: Claims) -> str:
    header = {"alg": algorithm, "kid": "k1"}
    return ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed_by_somebody_else(provider: IdentityProviderDouble, claims: Claims) -> str:
    """A token signed with another key under the name of the right one."""
    return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, rsa_key("somebody else"))


@asynccontextmanager
async def identity_provider(**faults: Any) -> AsyncIterator[IdentityProviderDouble]:
    """A provider on a free port of this machine."""
    provider = IdentityProviderDouble(**faults)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.handle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()


def settings_for(provider: IdentityProviderDouble, **others: Any) -> dict[str, Any]:
    """The settings with which the server signs people in there."""
    return {
        "oidc_issuer": provider.base_url,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": provider.secret,
        "oidc_label": "Keycloak",
        **others,
    }
