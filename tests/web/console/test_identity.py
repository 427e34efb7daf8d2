"""Signing in with an identity provider: who gets in, and every way in which nobody does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey

from officium.core.tenancy import Caller, Member, operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, Resident, open_house
from tests.support.identity_provider import (
    Claims,
    IdentityProviderDouble,
    identity_provider,
    settings_for,
    signed_by_somebody_else,
    signed_with_client_secret,
    signed_with_public_key,
    unsigned,
)
from tests.support.web import Reply

ADA, BOB = "ada@example.com", "bob@example.com"
START = "/console/sign-in/provider"
CALLBACK = START + "/callback"


@dataclass
class Place:
    """A server and its identity provider."""

    house: House
    provider: IdentityProviderDouble

    async def member(
        self, resident: Resident, email: str = ADA, role: Role = "member", password: str | None = PASSWORD
    ) -> Member:
        made = await self.house.parts.members.create_member(
            operator_of(resident.tenant.id), email, role=role, password=password
        )
        return made.member

    async def depart(self, visitor: Visitor, query: str = "") -> str:
        """Press the button; where the browser is sent."""
        reply = await visitor.get(START + query)
        assert reply.status == 303, reply.body.decode()
        return reply.headers["location"]

    async def come(self, visitor: Visitor | None = None, query: str = "") -> tuple[Visitor, Reply]:
        """The whole way: the button, the provider, and back."""
        visitor = visitor or Visitor(self.house.app)
        back = self.provider.approve(await self.depart(visitor, query))
        return visitor, await visitor.get(_path(back))


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


Open = Callable[..., Any]


@pytest.fixture
async def open_place(tmp_path: Path) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_(faults: dict[str, Any] | None = None, **settings: Any) -> Place:
            provider = await stack.enter_async_context(identity_provider(**(faults or {})))
            house = await stack.enter_async_context(
                open_house(tmp_path, **settings_for(provider, **settings))
            )
            return Place(house, provider)

        yield open_


def _title(page: Reply) -> str:
    return page.body.decode().split("<h1>")[1].split("</h1>")[0]


async def _audit(house: House, resident: Resident) -> list[str]:
    reply = await resident.ask("GET", "/api/audit-log")
    return [entry["action"] for entry in reply.json["entries"]]


async def _role(visitor: Visitor) -> int:
    return (await visitor.get("/console/members")).status


async def test_invited_person_is_let_in_and_known_by_their_subject_from_then_on(open_place: Open) -> None:
    place = await open_place()
    alpha = await place.house.resident("Alpha")
    await place.member(alpha, role="admin")

    visitor, first = await place.come()
    page = await visitor.get("/console/settings")
    place.provider.claims = {"sub": "u-1", "email": "married@example.com", "email_verified": False}
    other, second = await place.come()

    assert (first.status, first.headers["location"]) == (303, "/console")
    assert b"You sign in with Keycloak" in page.body
    assert b"u-1" in page.body
    assert second.status == 303
    assert (await other.get("/console")).status == 200
    actions = await _audit(place.house, alpha)
    assert actions.count("member.signed_in") == 2
    assert actions.count("member.connected") == 1


async def test_way_there_asks_with_state_nonce_and_challenge_that_are_new_each_time(open_place: Open) -> None:
    place = await open_place(oidc_scopes="openid email")
    visitor = Visitor(place.house.app)

    asked = [parse_qs(urlsplit(await place.depart(visitor)).query) for _ in range(2)]

    assert asked[0]["scope"] == ["openid email"]
    assert asked[0]["prompt"] == ["select"]  # the endpoint's own query is kept
    assert asked[0]["redirect_uri"] == [f"http://test{CALLBACK}"] or asked[0]["redirect_uri"][0].endswith(
        CALLBACK
    )
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) >= 43


async def test_public_url_is_where_the_provider_sends_people_back_to(open_place: Open) -> None:
    place = await open_place(public_url="https://ai.example.com/")
    await place.member(await place.house.resident("Alpha"))

    visitor = Visitor(place.house.app)
    asked = parse_qs(urlsplit(await place.depart(visitor)).query)
    cookies = set(visitor.cookies)
    visitor, reply = await place.come(visitor)

    assert asked["redirect_uri"] == [f"https://ai.example.com{CALLBACK}"]
    assert cookies == {"__Host-officium-attempt"}
    assert reply.status == 303
    assert set(visitor.cookies) == {"__Host-officium"}


async def test_cookie_of_another_host_is_not_looked_at_over_https(open_place: Open) -> None:
    place = await open_place(public_url="https://ai.example.com")
    await place.member(await place.house.resident("Alpha"))
    mallory, victim = Visitor(place.house.app), Visitor(place.house.app)
    back = place.provider.approve(await place.depart(mallory))
    victim.cookies["officium-attempt"] = mallory.cookies["__Host-officium-attempt"]

    reply = await victim.get(_path(back))

    assert reply.status == 400


@pytest.mark.parametrize(
    "method",
    [["client_secret_basic"], ["client_secret_post"], None],
    ids=["basic", "post", "not-said"],
)
async def test_secret_is_sent_as_the_provider_wants_it(open_place: Open, method: list[str] | None) -> None:
    place = await open_place({"description": {"token_endpoint_auth_methods_supported": method}})
    await place.member(await place.house.resident("Alpha"))

    _, reply = await place.come()

    assert reply.status == 303
    assert ("client_secret" in place.provider.token_requests[0]) == (method == ["client_secret_post"])


async def test_client_without_secret_is_protected_by_pkce(open_place: Open) -> None:
    place = await open_place({"secret": None})
    await place.member(await place.house.resident("Alpha"))

    _, reply = await place.come()

    assert reply.status == 303
    assert len(place.provider.token_requests[0]["code_verifier"]) >= 43


def _with(**changes: Any) -> dict[str, Any]:
    def change(claims: Claims) -> Claims:
        changed = {**claims, **changes}
        return {name: value for name, value in changed.items() if value is not ...}

    return {"change": change}


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(_with(nonce="another"), id="another-nonce"),
        pytest.param(_with(nonce=...), id="no-nonce"),
        pytest.param(_with(nonce=7), id="nonce-is-a-number"),
        pytest.param(_with(aud="another"), id="another-audience"),
        pytest.param(_with(aud=...), id="no-audience"),
        pytest.param(_with(aud=["officium", "another"]), id="several-audiences-without-party"),
        pytest.param(_with(aud=["officium", "another"], azp="another"), id="another-party"),
        pytest.param(_with(azp="another"), id="another-party-for-one-audience"),
        pytest.param(_with(iss="https://evil.example"), id="another-issuer"),
        pytest.param(_with(iss=...), id="no-issuer"),
        pytest.param(_with(exp=1_700_000_000), id="expired"),
        pytest.param(_with(exp=...), id="never-expires"),
        pytest.param(_with(exp="soon"), id="expires-in-words"),
        pytest.param(_with(iat=...), id="no-time"),
        pytest.param(_with(iat=1_700_000_000), id="made-long-ago"),
        pytest.param(_with(iat=4_000_000_000), id="made-in-the-future"),
        pytest.param(_with(nbf=4_000_000_000), id="not-yet"),
        pytest.param(_with(sub=...), id="nobody"),
        pytest.param(_with(sub=""), id="an-empty-name"),
        pytest.param(_with(sub={"a": 1}), id="a-name-that-is-no-text"),
        pytest.param(_with(sub="x" * 256), id="a-long-name"),
        pytest.param({"sign": unsigned}, id="alg-none"),
        pytest.param({"sign": signed_with_public_key}, id="hs256-with-the-public-key"),
        pytest.param({"sign": signed_with_client_secret}, id="hs256-with-the-clients-secret"),
        pytest.param({"sign": signed_by_somebody_else}, id="another-key"),
        pytest.param({"sign": lambda provider, claims: "no token"}, id="no-token-at-all"),
        pytest.param({"answer": {"iss": "https://evil.example"}}, id="answer-of-another-issuer"),
        pytest.param(
            {"description": {"authorization_response_iss_parameter_supported": True}},
            id="answer-without-issuer",
        ),
        pytest.param({"answer": {"code": "guessed"}}, id="a-code-it-never-gave"),
    ],
)
async def test_nobody_is_let_in_by_what_proves_nothing(open_place: Open, faults: dict[str, Any]) -> None:
    place = await open_place(faults)
    alpha = await place.house.resident("Alpha")
    await place.member(alpha)

    visitor, reply = await place.come()

    assert reply.status == 403
    assert _title(reply) == "The answer could not be accepted"
    assert visitor.cookies == {}
    assert "member.connected" not in await _audit(place.house, alpha)


@pytest.mark.parametrize("party", ["officium", ...], ids=["with-party", "alone"])
async def test_audience_may_be_a_list(open_place: Open, party: Any) -> None:
    place = await open_place(_with(aud=["officium"], azp=party))
    await place.member(await place.house.resident("Alpha"))

    assert (await place.come())[1].status == 303


async def test_answer_with_the_right_issuer_counts(open_place: Open) -> None:
    place = await open_place({"description": {"authorization_response_iss_parameter_supported": True}})
    place.provider.answer = {"iss": place.provider.base_url}
    await place.member(await place.house.resident("Alpha"))

    assert (await place.come())[1].status == 303


async def test_elliptic_keys_count(open_place: Open) -> None:
    place = await open_place({"key": ECKey.generate_key("P-256", {"kid": "e1"})})
    await place.member(await place.house.resident("Alpha"))

    assert (await place.come())[1].status == 303


async def test_answer_counts_once_even_with_the_cookie_kept(open_place: Open) -> None:
    place = await open_place()
    await place.member(await place.house.resident("Alpha"))
    visitor = Visitor(place.house.app)
    back = place.provider.approve(await place.depart(visitor))
    kept = dict(visitor.cookies)

    first = await visitor.get(_path(back))
    thief = Visitor(place.house.app)
    thief.cookies = kept
    replayed = await thief.get(_path(back))
    asked = len(place.provider.token_requests)

    assert (first.status, replayed.status, asked) == (303, 400, 1)
    assert _title(replayed) == "This took too long, or was used before"


async def test_of_two_at_the_same_time_one_is_let_in(open_place: Open) -> None:
    place = await open_place()
    await place.member(await place.house.resident("Alpha"))
    visitor = Visitor(place.house.app)
    back = _path(place.provider.approve(await place.depart(visitor)))
    twin = Visitor(place.house.app)
    twin.cookies = dict(visitor.cookies)

    replies = await asyncio.gather(visitor.get(back), twin.get(back))

    assert sorted(reply.status for reply in replies) == [303, 400]


async def test_answer_counts_in_the_browser_that_asked_alone(open_place: Open) -> None:
    place = await open_place()
    await place.member(await place.house.resident("Alpha"))
    mallory, victim = Visitor(place.house.app), Visitor(place.house.app)
    back = _path(place.provider.approve(await place.depart(mallory)))
    await place.depart(victim)

    without = await Visitor(place.house.app).get(back)
    with_another = await victim.get(back)

    assert (without.status, with_another.status) == (400, 400)
    assert place.provider.token_requests == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?state=x&code=y",
        "?code=y",
        "?state=%00&code=y",
        "?state=" + "s" * 5000 + "&code=y",
        "?state={state}",
        "?state={state}&code=" + "c" * 5000,
        "?state={state}&code=a&code=b",
        "?state={state}&state=x&code=b",
        "?state=%F0%9F%98%80&code=b",
    ],
    ids=[
        "nothing",
        "guess",
        "no-state",
        "nul",
        "long",
        "no-code",
        "long-code",
        "two-codes",
        "two-states",
        "emoji",
    ],
)
async def test_answer_that_is_not_whole_is_refused(open_place: Open, query: str) -> None:
    place = await open_place()
    await place.member(await place.house.resident("Alpha"))
    visitor = Visitor(place.house.app)
    state = parse_qs(urlsplit(await place.depart(visitor)).query)["state"][0]

    reply = await visitor.get(CALLBACK + query.replace("{state}", state))

    assert reply.status == 400
    assert place.provider.token_requests == []


@pytest.mark.parametrize("cookie", ["", "x", "A" * 60, "é" * 10, "A" * 5000, "==="])
async def test_forged_cookie_is_refused(open_place: Open, cookie: str) -> None:
    place = await open_place()
    visitor = Visitor(place.house.app)
    state = parse_qs(urlsplit(await place.depart(visitor)).query)["state"][0]
    visitor.cookies["officium-attempt"] = cookie.encode().decode("latin-1")

    assert (await visitor.get(f"{CALLBACK}?state={state}&code=x")).status == 400


async def test_person_who_went_back_is_told(open_place: Open) -> None:
    place = await open_place({"answer": {"error": "access_denied", "error_description": "<b>no</b>"}})

    _, reply = await place.come()

    assert reply.status == 403
    assert _title(reply) == "You were not signed in"
    assert b"<b>no" not in reply.body


@pytest.mark.parametrize(
    ("faults", "title"),
    [
        ({"is_down": True}, "No answer from Keycloak"),
        ({"description": {"issuer": "https://evil.example"}}, "Signing in with Keycloak is not set up right"),
        (
            {"description": {"token_endpoint": "http://elsewhere.example/token"}},
            "Signing in with Keycloak is not set up right",
        ),
        ({"description": {"jwks_uri": None}}, "Signing in with Keycloak is not set up right"),
        (
            {"description": {"authorization_endpoint": "javascript:alert(1)"}},
            "Signing in with Keycloak is not set up right",
        ),
    ],
    ids=["down", "another-issuer", "plain-http", "no-keys", "script"],
)
async def test_button_says_when_the_provider_cannot_be_used(
    open_place: Open, faults: dict[str, Any], title: str
) -> None:
    place = await open_place(faults)

    reply = await Visitor(place.house.app).get(START)

    assert reply.status == 503
    assert _title(reply) == title


@pytest.mark.parametrize(
    ("faults", "title"),
    [
        ({"status": 500}, "No answer from Keycloak"),
        ({"status": 429}, "No answer from Keycloak"),
        ({"status": 302}, "Signing in with Keycloak is not set up right"),
        ({"secret": "another secret"}, "Signing in with Keycloak is not set up right"),
    ],
    ids=["fault", "busy", "redirect", "wrong-secret"],
)
async def test_way_back_says_when_the_provider_cannot_be_used(
    open_place: Open, faults: dict[str, Any], title: str
) -> None:
    place = await open_place(faults, oidc_client_secret="a secret that is not the other")
    await place.member(await place.house.resident("Alpha"))

    _, reply = await place.come()

    assert reply.status == 503
    assert _title(reply) == title


async def test_slow_provider_is_waited_for_a_while_and_no_longer(
    open_place: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from officium import main
    from officium.core.llm.http import Timeouts

    monkeypatch.setattr(main, "_IDENTITY_TIMEOUTS", Timeouts(connect=1, first_byte=0.2, idle=0.2, total=0.4))
    place = await open_place({"delay_s": 30.0})
    await place.member(await place.house.resident("Alpha"))

    _, reply = await asyncio.wait_for(place.come(), 10)

    assert (reply.status, _title(reply)) == (503, "No answer from Keycloak")


async def test_provider_that_comes_back_is_asked_again(
    open_place: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from officium.core.tenancy.identity import endpoints

    monkeypatch.setattr(endpoints, "COOL_DOWN_S", 0.0)
    place = await open_place({"is_down": True})
    await place.member(await place.house.resident("Alpha"))
    visitor = Visitor(place.house.app)

    down = await visitor.get(START)
    place.provider.is_down = False
    _, reply = await place.come(visitor)

    assert (down.status, reply.status) == (503, 303)


async def test_keys_that_were_exchanged_are_fetched_anew(
    open_place: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from officium.core.tenancy import jwks

    monkeypatch.setattr(jwks, "COOL_DOWN_S", 0.0)
    place = await open_place()
    await place.member(await place.house.resident("Alpha"))
    _, before = await place.come()
    place.provider.rotate()
    _, after = await place.come()
    _, again = await place.come()

    assert (before.status, after.status, again.status) == (303, 303, 303)
    assert place.provider.asked.count("/keys") == 2
    assert place.provider.asked.count("/.well-known/openid-configuration") == 1


async def test_endpoint_elsewhere_leads_to_the_open_internet_alone(open_place: Open) -> None:
    async with identity_provider() as inside:
        place = await open_place({"description": {"token_endpoint": f"{inside.base_url}/token"}})
        await place.member(await place.house.resident("Alpha"))

        _, reply = await place.come()

        assert (reply.status, inside.asked) == (503, [])


async def test_who_is_invited_nowhere_is_told_whom_to_ask(open_place: Open) -> None:
    place = await open_place()
    await place.member(await place.house.resident("Alpha"), BOB)

    visitor, reply = await place.come()

    assert (reply.status, _title(reply)) == (403, "Nobody here is known to be you")
    assert visitor.cookies == {}


@pytest.mark.parametrize("said", [False, ..., None, "false", "no", 0, [True]], ids=str)
async def test_address_that_is_not_verified_finds_nobody(open_place: Open, said: Any) -> None:
    place = await open_place(_with(email_verified=said))
    alpha = await place.house.resident("Alpha")
    await place.member(alpha)

    _, invited = await place.come()
    place.provider.claims = {"sub": "u-2", "email": BOB}
    _, stranger = await place.come()

    assert _title(invited) == _title(stranger) == "Your e-mail address is not verified"
    assert invited.status == 403


async def test_address_that_folds_to_anothers_is_not_theirs(open_place: Open) -> None:
    place = await open_place({"claims": {"sub": "u-1", "email": "straße@example.com"}})
    await place.member(await place.house.resident("Alpha"), "strasse@example.com")

    assert (await place.come())[1].status == 403


async def test_address_that_was_given_to_somebody_else_does_not_open_the_old_account(
    open_place: Open,
) -> None:
    place = await open_place(oidc_create_members=True, oidc_email_domains="example.com", oidc_tenant="org_1")
    tenant = await place.house.parts.tenancy.create_tenant(operator_of(""), "Alpha", external_id="org_1")
    alpha = Resident(place.house, tenant)
    await place.member(alpha)
    await place.come()
    place.provider.claims = {"sub": "u-new", "email": ADA}

    _, reply = await place.come()

    assert (reply.status, _title(reply)) == (403, "Nobody here is known to be you")


async def test_disabled_member_and_suspended_tenant_stay_out(open_place: Open) -> None:
    place = await open_place()
    alpha = await place.house.resident("Alpha")
    member = await place.member(alpha)
    operator = operator_of(alpha.tenant.id)

    await place.house.parts.members.disable_member(operator, member.id)
    _, never = await place.come()
    await place.house.parts.members.enable_member(operator, member.id)
    await place.come()
    await place.house.parts.members.disable_member(operator, member.id)
    _, disabled = await place.come()
    await place.house.parts.members.enable_member(operator, member.id)
    await place.house.suspend(alpha)
    _, suspended = await place.come()

    assert _title(never) == _title(disabled) == "Your access is switched off"
    assert _title(suspended) == "Your organization is suspended"
    assert {never.status, disabled.status, suspended.status} == {403}


async def test_new_people_become_members_only_where_the_operator_lets_them(open_place: Open) -> None:
    place = await open_place(
        oidc_create_members=True,
        oidc_email_domains="example.com, example.org",
        oidc_tenant="org_1",
        oidc_default_role="viewer",
    )
    tenant = await place.house.parts.tenancy.create_tenant(operator_of(""), "Alpha", external_id="org_1")
    alpha = Resident(place.house, tenant)
    outcomes = {}
    for number, email in enumerate(
        ("new@example.com", "New@Example.ORG", "x@sub.example.com", "x@example.com.evil", "x@evil")
    ):
        place.provider.claims = {"sub": f"s-{number}", "email": email, "name": "New Person"}
        outcomes[email] = (await place.come())[1].status

    listed = await place.house.parts.members.list_members(operator_of(tenant.id))

    assert list(outcomes.values()) == [303, 303, 403, 403, 403]
    assert [(member.email, member.role, member.name) for member in listed] == [
        ("new@example.com", "viewer", "New Person"),
        ("new@example.org", "viewer", "New Person"),
    ]
    assert (await _audit(place.house, alpha)).count("member.connected") == 2


async def test_roles_follow_the_provider_and_owners_do_not(open_place: Open) -> None:
    place = await open_place(
        oidc_role_claim="realm.roles", oidc_role_map={"boss": "admin", "reader": "viewer"}
    )
    alpha = await place.house.resident("Alpha")
    await place.member(alpha, ADA, "viewer")
    await place.member(alpha, BOB, "owner")
    seen = []
    for roles in (["boss", "reader"], ["reader"], [], "boss"):
        place.provider.claims = {"sub": "u-1", "email": ADA, "realm": {"roles": roles}}
        visitor, _ = await place.come()
        seen.append(await _role(visitor))
    place.provider.claims = {"sub": "u-2", "email": BOB, "realm": {"roles": ["reader"]}}
    owner, _ = await place.come()

    roles_now = {
        member.email: member.role
        for member in await place.house.parts.members.list_members(operator_of(alpha.tenant.id))
    }

    assert seen == [200, 403, 403, 200]
    assert await _role(owner) == 200
    assert roles_now == {ADA: "admin", BOB: "owner"}
    assert (await _audit(place.house, alpha)).count("member.role_changed") == 4


async def test_claim_names_the_tenant_and_no_other_is_entered(open_place: Open) -> None:
    place = await open_place(oidc_tenant_claim="org")
    create = place.house.parts.tenancy.create_tenant
    alpha = Resident(place.house, await create(operator_of(""), "Alpha", external_id="org_a"))
    beta = Resident(place.house, await create(operator_of(""), "Beta", external_id="org_b"))
    for resident in (alpha, beta):
        await place.member(resident)

    outcomes = []
    for org in ("org_b", "org_a", "org_b", "org_c", ...):
        place.provider.change = _with(org=org)["change"]
        visitor, reply = await place.come()
        page = (await visitor.get("/console")).body if reply.status == 303 else b""
        outcomes.append((reply.status, b"Alpha" in page, b"Beta" in page))

    assert outcomes[:3] == [(303, False, True), (303, True, False), (303, False, True)]
    assert [status for status, *_ in outcomes[3:]] == [403, 403]


async def test_person_of_several_tenants_asks_for_one(open_place: Open) -> None:
    place = await open_place()
    alpha, beta, gamma = [await place.house.resident(name) for name in ("Alpha", "Beta", "Gamma")]
    await place.member(alpha)
    await place.member(beta)
    await place.member(gamma, BOB)

    outcomes = []
    for resident in (beta, alpha, gamma):
        visitor, reply = await place.come(query=f"?tenant={resident.tenant.id}")
        page = (await visitor.get("/console")).body if reply.status == 303 else b""
        outcomes.append((reply.status, resident.tenant.name.encode() in page))

    assert outcomes == [(303, True), (303, True), (403, False)]


async def test_provider_connects_no_tenants(open_place: Open) -> None:
    """Whoever creates a member with a stranger's address must not come into the stranger's own tenant."""
    place = await open_place()
    alpha, beta = await place.house.resident("Alpha"), await place.house.resident("Beta")
    await place.member(alpha)
    trap = await place.member(beta)
    thief = Visitor(place.house.app)
    for resident in (alpha, beta):
        await place.come(query=f"?tenant={resident.tenant.id}")
    await place.house.parts.members.set_password(operator_of(beta.tenant.id), trap.id, PASSWORD + "!")

    signed_in = await thief.sign_in(ADA, PASSWORD + "!")
    page = await thief.get("/console/settings")
    reply = await thief.post("/console/tenant", {"csrf": csrf_in(page), "tenant": alpha.tenant.id})

    assert signed_in.status == 303
    assert b"Alpha" not in page.body
    assert reply.status == 404


@pytest.mark.parametrize(
    "path",
    ["https://evil.example/", "//evil.example", "/\\evil", "/consolex", "/console/sign-in", "/docs"],
)
async def test_way_back_leads_nowhere_else(open_place: Open, path: str) -> None:
    place = await open_place()
    await place.member(await place.house.resident("Alpha"))

    _, reply = await place.come(query=f"?next={path}")

    assert (reply.status, reply.headers["location"]) == (303, "/console")


async def test_way_back_leads_to_the_page_that_was_wanted(open_place: Open) -> None:
    place = await open_place()
    await place.member(await place.house.resident("Alpha"))

    page = await Visitor(place.house.app).get("/console/sign-in?next=/console/budgets?x=1")
    _, reply = await place.come(query="?next=/console/budgets%3Fx=1")

    assert b'href="/console/sign-in/provider?next=/console/budgets%3Fx%3D1"' in page.body
    assert reply.headers["location"] == "/console/budgets?x=1"


async def test_session_is_another_each_time_and_the_old_one_ends(open_place: Open) -> None:
    place = await open_place()
    await place.member(await place.house.resident("Alpha"))
    visitor, _ = await place.come()
    kept = dict(visitor.cookies)

    await place.come(visitor)
    thief = Visitor(place.house.app)
    thief.cookies = kept

    assert visitor.cookies["officium"] != kept["officium"]
    assert (await visitor.get("/console")).status == 200
    assert (await thief.get("/console")).status == 303


async def test_member_with_a_made_password_need_not_exchange_it(open_place: Open) -> None:
    place = await open_place()
    await place.member(await place.house.resident("Alpha"), password=None)

    visitor, _ = await place.come()

    assert (await visitor.get("/console")).status == 200


@pytest.mark.parametrize("has_door", [True, False], ids=["with-logout", "without"])
async def test_sign_out_ends_the_session_here_and_offers_the_other(open_place: Open, has_door: bool) -> None:
    place = await open_place({} if has_door else {"description": {"end_session_endpoint": None}})
    await place.member(await place.house.resident("Alpha"))
    visitor, _ = await place.come()
    kept = dict(visitor.cookies)

    reply = await visitor.post("/console/sign-out", {"csrf": csrf_in(await visitor.get("/console"))})
    page = await visitor.get(reply.headers["location"])
    thief = Visitor(place.house.app)
    thief.cookies = kept

    assert reply.headers["location"] == "/console/sign-in/provider/signed-out"
    assert (f"{place.provider.base_url}/logout?client_id=officium".encode() in page.body) == has_door
    assert _title(page) == "You are signed out"
    assert (await thief.get("/console")).status == 303


async def test_who_came_with_a_password_leaves_as_before(open_place: Open) -> None:
    place = await open_place()
    await place.member(await place.house.resident("Alpha"))
    visitor = Visitor(place.house.app)
    await visitor.sign_in(ADA, PASSWORD)

    reply = await visitor.post("/console/sign-out", {"csrf": csrf_in(await visitor.get("/console"))})

    assert reply.headers["location"] == "/console/sign-in"


async def _with_password(place: Place, email: str) -> int:
    return (await Visitor(place.house.app).sign_in(email, PASSWORD)).status


async def test_passwords_of_connected_members_are_refused_where_the_operator_says_so(
    open_place: Open,
) -> None:
    place = await open_place(oidc_passwords="refuse")
    alpha = await place.house.resident("Alpha")
    await place.member(alpha)
    await place.member(alpha, BOB)

    before = await _with_password(place, ADA)
    visitor, _ = await place.come()
    after, other = await _with_password(place, ADA), await _with_password(place, BOB)
    wrong = await Visitor(place.house.app).sign_in(ADA, "not the password")
    page = await visitor.get("/console/settings")

    assert (before, after, other, wrong.status) == (303, 403, 303, 401)
    assert b"no longer counts" in page.body


async def test_last_owner_who_could_sign_in_without_the_provider_can_go_on(open_place: Open) -> None:
    place = await open_place(oidc_passwords="refuse")
    alpha = await place.house.resident("Alpha")
    bob = await place.member(alpha, BOB, "owner")
    await place.member(alpha, ADA, "owner")

    await place.come()
    while_bob_is_there = await _with_password(place, ADA)
    await place.house.parts.members.disable_member(operator_of(alpha.tenant.id), bob.id)
    without_bob = await _with_password(place, ADA)
    await place.house.parts.members.enable_member(operator_of(alpha.tenant.id), bob.id)
    place.provider.claims = {"sub": "u-2", "email": BOB}
    await place.come()
    both = [await _with_password(place, email) for email in (ADA, BOB)]

    assert (while_bob_is_there, without_bob, both) == (403, 303, [303, 303])


async def test_administrator_can_disconnect_somebody(open_place: Open) -> None:
    place = await open_place()
    alpha = await place.house.resident("Alpha")
    member = await place.member(alpha)
    visitor, _ = await place.come()
    place.provider.claims = {"sub": "u-new", "email": ADA}

    _, before = await place.come()
    await place.house.parts.members.disconnect_member(operator_of(alpha.tenant.id), member.id)
    _, after = await place.come()

    assert (before.status, after.status) == (403, 303)
    assert (await visitor.get("/console")).status == 303
    assert "member.disconnected" in await _audit(place.house, alpha)


async def test_one_address_cannot_come_without_end(open_place: Open) -> None:
    place = await open_place()
    visitor = Visitor(place.house.app)
    statuses = {(await visitor.get(CALLBACK)).status for _ in range(400)}

    reply = await visitor.get(START)

    assert statuses == {400}
    assert (reply.status, _title(reply)) == (429, "Too many tries")
    assert int(reply.headers["retry-after"]) > 0


async def test_without_a_provider_there_is_no_button_and_no_way(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.parts.members.create_member(
            operator_of((await house.resident("Alpha")).tenant.id), ADA, password=PASSWORD
        )

        page = await Visitor(house.app).get("/console/sign-in")
        way = await Visitor(house.app).get(START)

        assert b"/console/sign-in/provider" not in page.body
        assert way.headers["location"].startswith("/console/sign-in?")


async def test_button_is_there_in_both_languages_even_before_the_first_person(open_place: Open) -> None:
    place = await open_place()

    english = await Visitor(place.house.app).get("/console/sign-in")
    arabic = await Visitor(place.house.app).get("/console/sign-in", accept_language="ar")

    assert b"Sign in with Keycloak" in english.body
    assert "سجّل الدخول عبر" in arabic.body.decode()
    assert b"Keycloak" in arabic.body


async def test_members_of_programs_are_the_same_people_here(tmp_path: Path) -> None:
    async with identity_provider() as provider:
        issuer = {"issuer": provider.base_url, "audience": "officium", "tenant_claim": "org"}
        async with open_house(tmp_path, **settings_for(provider, jwt_issuers=[issuer])) as house:
            place, alpha = Place(house, provider), await house.resident("Alpha")
            provider.claims = {"sub": "u-1", "email": ADA, "email_verified": False}
            await house.parts.authenticator.authenticate(
                provider.token(
                    {
                        "iss": provider.base_url,
                        "aud": "officium",
                        "exp": 4e9,
                        "sub": "u-1",
                        "org": alpha.tenant.id,
                    }
                )
            )
            (member,) = await house.parts.members.list_members(operator_of(alpha.tenant.id))

            _, reply = await place.come()

            assert reply.status == 303
            assert house.parts.identities is not None
            caller = Caller(alpha.tenant.id, f"member:{member.id}", frozenset(), member_id=member.id)
            assert await house.parts.identities.find_connection(caller) is not None


async def _disconnect(visitor: Visitor, member: Member, **fields: str) -> Reply:
    proof = csrf_in(await visitor.get("/console/members"))
    return await visitor.post(f"/console/members/{member.id}/disconnect", {"csrf": proof, **fields})


async def _as_admin(place: Place, resident: Resident, email: str = BOB) -> Visitor:
    await place.member(resident, email, role="admin")
    visitor = Visitor(place.house.app)
    await visitor.sign_in(email, PASSWORD)
    return visitor


async def test_disconnected_person_is_found_again_by_their_address(
    open_place: Open,
) -> None:
    place = await open_place()
    alpha = await place.house.resident("Alpha")
    ada = await place.member(alpha)
    admin = await _as_admin(place, alpha)
    before = (await admin.get("/console/members")).body.decode()
    visitor, _ = await place.come()
    during = (await admin.get("/console/members")).body.decode()

    gone = await _disconnect(admin, ada)
    after = (await admin.get("/console/members")).body.decode()
    signed_out = await visitor.get("/console/settings")
    again, _ = await place.come()

    said = "signs in with the identity provider"
    assert (said in before, said in during, said in after) == (False, True, False)
    assert gone.headers["location"] == "/console/members"
    assert signed_out.status == 303
    assert (await again.get("/console/settings")).status == 200
    assert "member.disconnected" in await _audit(place.house, alpha)
    assert (await _disconnect(admin, (await place.member(alpha, "eve@example.com")))).status == 404


async def test_person_without_a_password_is_disconnected_in_words_alone(open_place: Open) -> None:
    place = await open_place(oidc_create_members=True, oidc_email_domains="example.com", oidc_tenant="org_1")
    tenant = await place.house.parts.tenancy.create_tenant(operator_of(""), "Alpha", external_id="org_1")
    alpha = Resident(place.house, tenant)
    admin = await _as_admin(place, alpha)
    members = place.house.parts.members
    await place.come()
    (ada,) = [one for one in await members.list_members(operator_of(alpha.tenant.id)) if one.email == ADA]

    page = (await admin.get("/console/members")).body.decode()
    silent = await _disconnect(admin, ada)
    wrong = await _disconnect(admin, ada, words="eve@example.com")
    ways = await members.list_ways_in(operator_of(alpha.tenant.id), [ada.id])
    meant = await _disconnect(admin, ada, words=" ADA@example.com")

    assert "Type ada@example.com to confirm" in page
    assert (silent.status, wrong.status, meant.status) == (400, 400, 303)
    assert b"has no password" in silent.body
    assert ways[ada.id].is_connected
    assert not ways[ada.id].has_password
    assert await members.list_ways_in(operator_of(alpha.tenant.id), [ada.id]) == {}


async def test_nobody_disconnects_themselves_an_owner_or_a_stranger(open_place: Open) -> None:
    place = await open_place()
    alpha, beta = await place.house.resident("Alpha"), await place.house.resident("Beta")
    ada = await place.member(alpha, role="admin")
    visitor, _ = await place.come()
    owner = await place.member(alpha, "owner@example.com", role="owner")
    stranger = await _as_admin(place, beta)
    viewer_of = await place.member(alpha, "viewer@example.com", role="viewer")
    viewer = Visitor(place.house.app)
    await viewer.sign_in("viewer@example.com", PASSWORD)
    proof = csrf_in(await viewer.get("/console/settings"))

    told = [
        (await _disconnect(visitor, ada)).status,
        (await _disconnect(visitor, owner)).status,
        (await _disconnect(stranger, ada)).status,
        (await viewer.post(f"/console/members/{viewer_of.id}/disconnect", {"csrf": proof})).status,
    ]

    assert told == [403, 403, 404, 403]
    assert (await place.house.parts.members.list_ways_in(operator_of(alpha.tenant.id), [ada.id]))[
        ada.id
    ].is_connected
