"""Signed sessions of an identity provider, from its published keys to a call with them."""

import time
from pathlib import Path

import openai
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from officium.core.tenancy import operator_of
from tests.support.provider import FakeProvider, Reply
from tests.support.server import RunningServer, running_server

KEY = RSAKey.generate_key(2048, {"kid": "one"})
HELLO = [{"role": "user", "content": "Hello"}]


def session(issuer: FakeProvider, key: RSAKey = KEY, **changes: object) -> str:
    """A session of a person of the organisation `acme`."""
    claims = {
        "iss": issuer.base_url,
        "aud": "officium",
        "sub": "ada",
        "org_id": "acme",
        "exp": int(time.time()) + 600,
    }
    return jwt.encode({"alg": "RS256", "kid": "one"}, {**claims, **changes}, key)


def publish(issuer: FakeProvider, status: int = 200) -> None:
    """Let the issuer answer for its discovery document and its keys alike."""
    keys = {"keys": [KEY.as_dict(private=False)]}
    issuer.answers(
        Reply.json({"issuer": issuer.base_url, "jwks_uri": f"{issuer.base_url}/keys"}, status),
        Reply.json(keys, status),
    )


async def ask(server: RunningServer, token: str) -> str:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=token, max_retries=0) as client:
        completion = await client.chat.completions.create(model="mock", messages=HELLO)
        return completion.choices[0].message.content


async def test_person_of_a_known_tenant_may_call(tmp_path: Path, provider: FakeProvider):
    issuer = {"issuer": provider.base_url, "audience": "officium", "tenant_claim": "org_id"}
    publish(provider)
    async with running_server(tmp_path, jwt_issuers=[issuer]) as server:
        tenant = await server.parts.tenancy.create_tenant(operator_of(""), "Acme", external_id="acme")

        assert "scripted" in await ask(server, session(provider))
        await server.parts.usage_log.flush()
        (record,) = await server.parts.usage.list_records(operator_of(tenant.id))

    assert record.actor.startswith("member:")
    assert [asked.path for asked in provider.asked] == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": "somebody-else"}, id="for-somebody-else"),
        pytest.param({"exp": int(time.time()) - 3600}, id="expired"),
        pytest.param({"iss": "https://evil.example"}, id="of-another-issuer"),
    ],
)
async def test_session_that_does_not_hold_is_refused(tmp_path: Path, provider: FakeProvider, changes):
    issuer = {"issuer": provider.base_url, "audience": "officium", "tenant_claim": "org_id"}
    publish(provider)
    async with running_server(tmp_path, jwt_issuers=[issuer]) as server:
        await server.parts.tenancy.create_tenant(operator_of(""), "Acme", external_id="acme")

        with pytest.raises(openai.AuthenticationError):
            await ask(server, session(provider, **changes))


async def test_session_signed_with_another_key_is_refused(tmp_path: Path, provider: FakeProvider):
    issuer = {"issuer": provider.base_url, "audience": "officium", "tenant_claim": "org_id"}
    publish(provider)
    async with running_server(tmp_path, jwt_issuers=[issuer]) as server:
        await server.parts.tenancy.create_tenant(operator_of(""), "Acme", external_id="acme")
        forged = session(provider, RSAKey.generate_key(2048, {"kid": "one"}))

        with pytest.raises(openai.AuthenticationError):
            await ask(server, forged)


async def test_issuer_that_is_down_is_said_to_be(tmp_path: Path, provider: FakeProvider):
    issuer = {"issuer": provider.base_url, "audience": "officium", "tenant_claim": "org_id"}
    publish(provider, status=503)
    async with running_server(tmp_path, jwt_issuers=[issuer]) as server:
        with pytest.raises(openai.InternalServerError, match="cannot be fetched"):
            await ask(server, session(provider))
