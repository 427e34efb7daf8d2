"""Sessions of identity providers, with real keys made here."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from officium.core.tenancy import JwtIssuer
from officium.core.tenancy import jwks as jwks_module
from officium.core.tenancy.errors import SessionInvalid, TenantUnknown
from officium.core.tenancy.jwks import COOL_DOWN_S, LIFETIME_S, MAX_BYTES, STALE_S, IssuerUnreachable
from officium.core.tenancy.jwt import LEEWAY_S, JwtVerifier
from tests.support.clock import HandClock

ISSUER = "https://id.example.com/"
JWKS_URL = "https://id.example.com/keys"
KEYS = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa-1"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec-1"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "ed-2"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed-1"}),
}
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "rsa-2"})


class Web:
    """The identity provider's public documents, and a count of who asked for them."""

    def __init__(self, *keys: Any) -> None:
        self.documents: dict[str, Any] = {JWKS_URL: {"keys": [key.as_dict(private=False) for key in keys]}}
        self.asked: list[str] = []
        self.is_down = False

    def publish(self, *keys: Any) -> None:
        self.documents[JWKS_URL] = {"keys": [key.as_dict(private=False) for key in keys]}

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        await asyncio.sleep(0)
        if self.is_down:
            raise OSError("connection refused")
        document = self.documents[url]
        return document if isinstance(document, bytes) else json.dumps(document).encode()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def web() -> Web:
    return Web(*KEYS.values())


def an_issuer(**changes: Any) -> JwtIssuer:
    values = {"issuer": ISSUER, "audience": "officium", "jwks_url": JWKS_URL, "tenant_claim": "org_id"}
    return JwtIssuer(**values | changes)


def a_verifier(web: Web, clock: HandClock, *issuers: JwtIssuer) -> JwtVerifier:
    return JwtVerifier(issuers or [an_issuer()], web.fetch, clock)


def claims_at(clock: HandClock, **changes: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    values = {"iss": ISSUER, "aud": "officium", "sub": "ann", "org_id": "org_1", "iat": now, "exp": now + 300}
    return {name: value for name, value in (values | changes).items() if value is not None}


def signed(claims: Mapping[str, Any], algorithm: str = "RS256", key: Any = None, **header: Any) -> str:
    key = key or KEYS[algorithm]
    return jwt.encode({"alg": algorithm, "kid": key.kid} | header, dict(claims), key, algorithms=[algorithm])


def unsigned_part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", sorted(KEYS))
async def test_a_genuine_session_is_accepted(web: Web, clock: HandClock, algorithm):
    session = await a_verifier(web, clock).verify(
        signed(claims_at(clock, email="ann@example.com"), algorithm)
    )

    assert (session.issuer, session.tenant, session.subject) == (ISSUER, "org_1", "ann")
    assert (session.email, session.scopes) == ("ann@example.com", {"inference"})
    assert session.expires_at == clock.now().timestamp() + 300 + LEEWAY_S


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example.com/"}, "issuer is not configured"),
        ({"iss": ISSUER.rstrip("/")}, "issuer is not configured"),
        ({"aud": "another"}, "another audience"),
        ({"aud": ["one", "two"]}, "another audience"),
        ({"aud": None}, "'aud'"),
        ({"exp": None}, "'exp'"),
        ({"org_id": None}, "names no tenant"),
        ({"org_id": {"id": "org_1"}}, "names no tenant"),
        ({"org_id": "x" * 300}, "names no tenant"),
        ({"sub": None}, "names nobody"),
        ({"exp": "tomorrow"}, "'exp'"),
    ],
    ids=[
        "wrong-issuer",
        "issuer-without-slash",
        "wrong-audience",
        "wrong-audiences",
        "no-audience",
        "no-expiry",
        "no-tenant",
        "tenant-no-text",
        "tenant-too-long",
        "no-subject",
        "expiry-no-number",
    ],
)
async def test_a_session_with_wrong_claims_is_refused(web: Web, clock: HandClock, changes, reason):
    with pytest.raises(SessionInvalid, match=reason):
        await a_verifier(web, clock).verify(signed(claims_at(clock, **changes)))


@pytest.mark.parametrize(
    ("claim", "accepted_s", "refused_s", "reason"),
    [
        ("exp", -LEEWAY_S + 1, -LEEWAY_S, "expired"),
        ("nbf", LEEWAY_S, LEEWAY_S + 1, "not valid yet"),
        ("iat", LEEWAY_S, LEEWAY_S + 1, "future"),
    ],
)
async def test_times_count_with_a_minute_of_leeway(
    web: Web, clock: HandClock, claim, accepted_s, refused_s, reason
):
    now = int(clock.now().timestamp())
    verifier = a_verifier(web, clock)

    await verifier.verify(signed(claims_at(clock, **{claim: now + accepted_s})))
    with pytest.raises(SessionInvalid, match=reason):
        await verifier.verify(signed(claims_at(clock, **{claim: now + refused_s})))


async def test_an_unsigned_session_is_refused(web: Web, clock: HandClock):
    for algorithm in ("none", "None", "NONE", ""):
        token = f"{unsigned_part({'alg': algorithm, 'kid': 'rsa-1'})}.{unsigned_part(claims_at(clock))}."

        with pytest.raises(SessionInvalid, match="not allowed"):
            await a_verifier(web, clock).verify(token)


async def test_the_public_key_cannot_be_used_as_a_shared_secret(web: Web, clock: HandClock):
    public = KEYS["RS256"].as_pem(private=False)
    forged = jwt.encode(
        {"alg": "HS256", "kid": "rsa-1"},
        claims_at(clock),
        OctKey.import_key(base64.urlsafe_b64encode(public).decode().encode()),
        algorithms=["HS256"],
    )

    with pytest.raises(SessionInvalid, match="not allowed"):
        await a_verifier(web, clock).verify(forged)


async def test_a_shared_secret_among_the_published_keys_is_never_used(web: Web, clock: HandClock):
    secret = OctKey.generate_key(256, {"kid": "oct-1"})
    web.documents[JWKS_URL]["keys"].append(secret.as_dict(private=True))

    for algorithm in ("HS256", "RS256"):
        token = jwt.encode({"alg": "HS256", "kid": "oct-1"}, claims_at(clock), secret, algorithms=["HS256"])
        rest = token.partition(".")[2]
        token = f"{unsigned_part({'alg': algorithm, 'kid': 'oct-1'})}.{rest}"
        with pytest.raises(SessionInvalid):
            await a_verifier(web, clock).verify(token)


async def test_an_algorithm_the_issuer_does_not_use_is_refused(web: Web, clock: HandClock):
    verifier = a_verifier(web, clock, an_issuer(algorithms=["ES256"]))

    await verifier.verify(signed(claims_at(clock), "ES256"))
    with pytest.raises(SessionInvalid, match="not allowed"):
        await verifier.verify(signed(claims_at(clock), "RS256"))


async def test_a_key_of_another_kind_under_the_same_id_is_not_used(web: Web, clock: HandClock):
    token = signed(claims_at(clock), "ES256", kid="rsa-1")

    with pytest.raises(SessionInvalid, match="does not publish"):
        await a_verifier(web, clock).verify(token)


async def test_another_signature_or_content_is_refused(web: Web, clock: HandClock):
    verifier = a_verifier(web, clock)
    header, _, signature = signed(claims_at(clock)).split(".")
    changed = unsigned_part(claims_at(clock, org_id="org_2"))

    with pytest.raises(SessionInvalid, match="signature"):
        await verifier.verify(f"{header}.{changed}.{signature}")
    with pytest.raises(SessionInvalid, match="signature"):
        await verifier.verify(signed(claims_at(clock), key=OTHER_RSA, kid="rsa-1"))


@pytest.mark.parametrize(
    "token",
    [
        "..",
        "a.b.c",
        "e30.e30.",
        "x" * 20_000 + ".b.c",
        "é.é.é",
        f"{unsigned_part([1])}.{unsigned_part(1)}.x",
        f"{unsigned_part({'alg': 'RS256'})}.{base64.urlsafe_b64encode(b'[' * 10_000).decode()}.x",
    ],
    ids=["dots", "letters", "empty-objects", "huge", "not-ascii", "no-objects", "deep"],
)
async def test_nonsense_is_refused(web: Web, clock: HandClock, token):
    with pytest.raises(SessionInvalid):
        await a_verifier(web, clock).verify(token)
    assert web.asked == []


async def test_an_issuer_may_be_bound_to_its_tenants(web: Web, clock: HandClock):
    verifier = a_verifier(web, clock, an_issuer(tenants=["org_1"]))

    assert (await verifier.verify(signed(claims_at(clock)))).tenant == "org_1"
    with pytest.raises(TenantUnknown, match="org_2"):
        await verifier.verify(signed(claims_at(clock, org_id="org_2")))


async def test_an_authorized_party_stands_in_for_an_audience(web: Web, clock: HandClock):
    verifier = a_verifier(web, clock, an_issuer(audience=(), authorized_parties=["https://app.example.com"]))

    await verifier.verify(signed(claims_at(clock, aud=None, azp="https://app.example.com")))
    with pytest.raises(SessionInvalid, match="another application"):
        await verifier.verify(signed(claims_at(clock, aud=None, azp="https://evil.example.com")))
    with pytest.raises(SessionInvalid, match="azp"):
        await verifier.verify(signed(claims_at(clock, aud=None)))


async def test_two_issuers_do_not_vouch_for_each_other(clock: HandClock):
    other_url = "https://other.example.com/keys"
    web = Web(KEYS["RS256"])
    web.documents[other_url] = {"keys": [OTHER_RSA.as_dict(private=False)]}
    other = an_issuer(issuer="https://other.example.com", jwks_url=other_url)
    verifier = a_verifier(web, clock, an_issuer(), other)

    await verifier.verify(signed(claims_at(clock, iss=other.issuer), key=OTHER_RSA))
    with pytest.raises(SessionInvalid):
        await verifier.verify(signed(claims_at(clock, iss=other.issuer), key=KEYS["RS256"]))


async def test_keys_are_fetched_once_and_kept(web: Web, clock: HandClock):
    verifier = a_verifier(web, clock)

    await asyncio.gather(*(verifier.verify(signed(claims_at(clock))) for _ in range(20)))
    clock.advance(LIFETIME_S - 1)
    await verifier.verify(signed(claims_at(clock)))
    assert web.asked == [JWKS_URL]

    clock.advance(1)
    await asyncio.gather(*(verifier.verify(signed(claims_at(clock))) for _ in range(20)))
    assert web.asked == [JWKS_URL] * 2


async def test_a_new_key_is_found_at_once_after_rotation(web: Web, clock: HandClock):
    verifier = a_verifier(web, clock)
    await verifier.verify(signed(claims_at(clock)))
    clock.advance(COOL_DOWN_S)
    web.publish(OTHER_RSA)

    await verifier.verify(signed(claims_at(clock), key=OTHER_RSA))

    with pytest.raises(SessionInvalid, match="does not publish"):
        await verifier.verify(signed(claims_at(clock), key=KEYS["RS256"]))


async def test_unknown_key_ids_cause_no_stampede(web: Web, clock: HandClock):
    verifier = a_verifier(web, clock)
    await verifier.verify(signed(claims_at(clock)))
    clock.advance(COOL_DOWN_S)

    unknown = [verifier.verify(signed(claims_at(clock), kid=f"unknown-{number}")) for number in range(50)]
    answers = await asyncio.gather(*unknown, return_exceptions=True)

    assert {type(answer) for answer in answers} == {SessionInvalid}
    assert web.asked == [JWKS_URL] * 2


async def test_a_session_without_key_id_matches_an_only_key(clock: HandClock):
    token = jwt.encode({"alg": "RS256"}, claims_at(clock), KEYS["RS256"], algorithms=["RS256"])

    await a_verifier(Web(KEYS["RS256"], KEYS["ES256"]), clock).verify(token)
    with pytest.raises(SessionInvalid, match="does not publish"):
        await a_verifier(Web(KEYS["RS256"], OTHER_RSA), clock).verify(token)


async def test_known_keys_serve_on_while_the_issuer_is_down_but_not_for_ever(web: Web, clock: HandClock):
    verifier = a_verifier(web, clock)
    await verifier.verify(signed(claims_at(clock)))
    web.is_down = True

    clock.advance(STALE_S - 1)
    await verifier.verify(signed(claims_at(clock)))
    clock.advance(1)
    with pytest.raises(IssuerUnreachable):
        await verifier.verify(signed(claims_at(clock)))


async def test_an_issuer_down_from_the_start_is_said_so_and_asked_again_later(web: Web, clock: HandClock):
    verifier = a_verifier(web, clock)
    web.is_down = True

    for _ in range(5):
        with pytest.raises(IssuerUnreachable, match=r"id\.example\.com"):
            await verifier.verify(signed(claims_at(clock)))
    assert web.asked == [JWKS_URL]

    web.is_down = False
    clock.advance(COOL_DOWN_S)
    await verifier.verify(signed(claims_at(clock)))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}',
        b" " * (MAX_BYTES + 1),
    ],
    ids=["empty", "html", "list", "no-keys", "keys-no-list", "none", "broken-key", "too-large"],
)
async def test_a_broken_key_set_does_not_replace_the_good_one(web: Web, clock: HandClock, document):
    verifier = a_verifier(web, clock)
    await verifier.verify(signed(claims_at(clock)))
    web.documents[JWKS_URL] = document
    clock.advance(LIFETIME_S)

    await verifier.verify(signed(claims_at(clock)))

    assert web.asked == [JWKS_URL] * 2


@pytest.mark.filterwarnings("ignore:Key size")
async def test_keys_that_must_not_sign_sessions_are_skipped(clock: HandClock):
    weak = RSAKey.generate_key(1024, {"kid": "weak"})
    cipher = RSAKey.generate_key(2048, {"kid": "cipher", "use": "enc"})
    web = Web(KEYS["RS256"], weak, cipher)
    verifier = a_verifier(web, clock)

    await verifier.verify(signed(claims_at(clock)))
    for key in (weak, cipher):
        twin = RSAKey.import_key(key.as_dict(private=True) | {"use": "sig"})
        with pytest.raises(SessionInvalid, match="does not publish"):
            await verifier.verify(signed(claims_at(clock), key=twin))


async def test_a_hang_up_during_the_fetch_does_not_stop_it_for_others(web: Web, clock: HandClock):
    verifier = a_verifier(web, clock)
    first, second = (asyncio.create_task(verifier.verify(signed(claims_at(clock)))) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()

    assert (await second).subject == "ann"
    assert web.asked == [JWKS_URL]


async def test_keys_are_found_through_discovery(web: Web, clock: HandClock):
    web.documents[f"{ISSUER}.well-known/openid-configuration"] = {"issuer": ISSUER, "jwks_uri": JWKS_URL}

    await a_verifier(web, clock, an_issuer(jwks_url=None)).verify(signed(claims_at(clock)))

    assert web.asked == [f"{ISSUER}.well-known/openid-configuration", JWKS_URL]


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example.com", "jwks_uri": JWKS_URL},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": "http://id.example.com/keys"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
    ],
    ids=["another-issuer", "no-address", "not-over-tls", "a-file"],
)
async def test_a_discovery_document_that_cannot_be_trusted_is_not_followed(
    web: Web, clock: HandClock, document
):
    web.documents[f"{ISSUER}.well-known/openid-configuration"] = document

    with pytest.raises(IssuerUnreachable):
        await a_verifier(web, clock, an_issuer(jwks_url=None)).verify(signed(claims_at(clock)))

    assert JWKS_URL not in web.asked


async def test_no_more_keys_are_read_than_an_issuer_may_have(clock: HandClock, monkeypatch):
    monkeypatch.setattr(jwks_module, "MAX_KEYS", 1)
    web = Web(KEYS["RS256"], KEYS["ES256"])

    await a_verifier(web, clock).verify(signed(claims_at(clock)))
    with pytest.raises(SessionInvalid):
        await a_verifier(web, clock).verify(signed(claims_at(clock), "ES256"))
