"""Keys, members, the audit log and settings: what the pages do, and for whom."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from officium.core.tenancy import Tenant, operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, Resident, open_house
from tests.support.web import Reply, ask

ADA, BOB = "ada@example.com", "bob@example.com"
OTHER_PASSWORD = "another quiet morning in June"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _member(
    tenant: Tenant, house: House, email: str, role: Role, password: str = PASSWORD, client: int | None = None
) -> str:
    made = await house.parts.members.create_member(
        operator_of(tenant.id), email, role=role, password=password, client_id=client
    )
    return made.member.id


async def _enter(house: House, email: str = ADA, password: str = PASSWORD) -> Visitor:
    visitor = Visitor(house.app)
    assert (await visitor.sign_in(email, password)).status == 303
    return visitor


async def _admin(house: House, name: str = "Alpha", email: str = ADA) -> tuple[Resident, Visitor]:
    resident = await house.resident(name)
    await _member(resident.tenant, house, email, "admin")
    return resident, await _enter(house, email)


async def _post(visitor: Visitor, path: str, **fields: str) -> Reply:
    page = await visitor.get("/console/settings")
    return await visitor.post(path, {"csrf": csrf_in(page), **fields})


def _once(page: Reply) -> str:
    found = re.search(r'<code id="once"[^>]*>([^<]+)<', page.body.decode())
    assert found is not None, page.body.decode()
    return found[1]


async def _works(house: House, key: str) -> int:
    return (await ask(house.app, "GET", "/v1/models", key=key)).status


async def test_key_is_shown_once_and_works_until_it_is_revoked(house: House) -> None:
    _, visitor = await _admin(house)

    made = await _post(visitor, "/console/keys", name="Website", lifetime="30", **{"scope-inference": "on"})
    secret = _once(made)
    listed = await visitor.get("/console/keys")
    key_id = re.findall(r"/console/keys/(\w+)/revoke", listed.body.decode())[0]
    before = await _works(house, secret)
    revoked = await _post(visitor, f"/console/keys/{key_id}/revoke")

    assert (made.status, before) == (200, 200)
    assert b"curl" in made.body
    assert secret.encode() not in listed.body
    assert b"Website" in listed.body
    assert (revoked.status, revoked.headers["location"]) == (303, "/console/keys")
    assert await _works(house, secret) == 401


async def test_replaced_key_goes_on_for_a_day_beside_the_new_one(house: House) -> None:
    _, visitor = await _admin(house)
    old = _once(
        await _post(visitor, "/console/keys", name="Night", lifetime="never", **{"scope-usage:read": "on"})
    )
    listed = await visitor.get("/console/keys")
    key_id = re.findall(r"/console/keys/(\w+)/replace", listed.body.decode())[0]

    replaced = await _post(visitor, f"/console/keys/{key_id}/replace")
    new = _once(replaced)
    keys = await house.parts.keys.list_keys(operator_of((await _tenant_of(house, old)) or ""))

    assert new != old
    assert [key.name for key in keys] == ["Night", "Night"]
    assert [sorted(key.scopes) for key in keys] == [["usage:read"], ["usage:read"]]
    assert keys[0].expires_at is not None
    assert keys[1].expires_at is None
    assert (await _post(visitor, f"/console/keys/{key_id}/revoke")).status == 303
    assert (await _post(visitor, f"/console/keys/{key_id}/replace")).status == 400


async def _tenant_of(house: House, key: str) -> str:
    return (await house.parts.authenticator.authenticate(key)).tenant_id


@pytest.mark.parametrize(
    "fields", [{"name": "", "scope-inference": "on"}, {"name": "x"}, {"name": "x" * 201, "scope-admin": "on"}]
)
async def test_key_that_cannot_be_is_told_beside_the_form(house: House, fields: dict[str, str]) -> None:
    _, visitor = await _admin(house)

    reply = await _post(visitor, "/console/keys", **fields)

    assert reply.status == 400
    assert b'id="fault"' in reply.body


@pytest.mark.parametrize("role", ["member", "viewer"])
@pytest.mark.parametrize(
    "path", ["/console/keys", "/console/members", "/console/audit", "/console/audit/export"]
)
async def test_pages_of_administrators_are_closed_to_others(house: House, role: Role, path: str) -> None:
    resident = await house.resident("Alpha")
    await _member(resident.tenant, house, ADA, role)
    visitor = await _enter(house)

    page = await visitor.get(path)
    start = await visitor.get("/console")

    assert page.status == 403
    assert f'href="{path}"'.encode() not in start.body


@pytest.mark.parametrize("role", ["member", "viewer"])
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/console/keys", {"name": "x", "scope-admin": "on"}),
        ("/console/members", {"email": "eve@example.com", "role": "admin"}),
        ("/console/settings/tenant", {"name": "Mine", "zone": "UTC"}),
    ],
)
async def test_others_change_nothing(house: House, role: Role, path: str, fields: dict[str, str]) -> None:
    resident = await house.resident("Alpha")
    await _member(resident.tenant, house, ADA, role)
    visitor = await _enter(house)

    assert (await _post(visitor, path, **fields)).status == 403


async def test_member_is_created_signs_in_and_is_switched_off(house: House) -> None:
    _, visitor = await _admin(house)

    made = await _post(visitor, "/console/members", email="Bob@Example.com ", role="viewer")
    bob = Visitor(house.app)
    entered = await bob.sign_in(BOB, _once(made))
    bob_id = re.findall(r"/console/members/(\w+)/state", made.body.decode())[0]
    off = await _post(visitor, f"/console/members/{bob_id}/state", state="off")
    again = await Visitor(house.app).sign_in(BOB, _once(made))

    assert (made.status, entered.status, off.status, again.status) == (200, 303, 303, 403)
    assert (await bob.get("/console")).headers["location"].startswith("/console/sign-in")


async def test_role_is_changed_from_the_next_request_on(house: House) -> None:
    resident, visitor = await _admin(house)
    bob_id = await _member(resident.tenant, house, BOB, "admin")
    bob = await _enter(house, BOB)

    before = await bob.get("/console/keys")
    await _post(visitor, f"/console/members/{bob_id}/role", role="viewer")

    assert (before.status, (await bob.get("/console/keys")).status) == (200, 403)


@pytest.mark.parametrize("what", ["role", "password", "state"])
async def test_nobody_changes_themselves_an_owner_or_another_tenant(house: House, what: str) -> None:
    resident, visitor = await _admin(house)
    own_id = (await house.parts.members.list_members(operator_of(resident.tenant.id)))[0].id
    owner_id = await _member(resident.tenant, house, BOB, "owner")
    other = await house.resident("Beta")
    foreign_id = await _member(other.tenant, house, "eve@example.com", "member")

    answers = [
        (await _post(visitor, f"/console/members/{id}/{what}", role="admin", state="off")).status
        for id in (own_id, owner_id, foreign_id)
    ]

    assert answers == [403, 403, 404]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"email": "no address", "role": "member"}, 400),
        ({"email": BOB, "role": "emperor"}, 400),
        ({"email": BOB, "role": "owner"}, 403),
        ({"email": BOB, "role": "client"}, 400),
        ({"email": BOB, "role": "client", "client": "999"}, 404),
        ({"email": ADA, "role": "member"}, 409),
    ],
)
async def test_member_that_cannot_be_is_refused(house: House, fields: dict[str, str], status: int) -> None:
    _, visitor = await _admin(house)

    assert (await _post(visitor, "/console/members", **fields)).status == status


async def test_audit_log_is_searched_and_exported(house: House) -> None:
    resident, visitor = await _admin(house)
    other = await house.resident("Beta")
    await house.parts.keys.create_key(operator_of(other.tenant.id), "=foreign()")
    await house.parts.keys.create_key(operator_of(resident.tenant.id), '=1+1,"x"')
    await _post(visitor, "/console/keys", name="Mine", **{"scope-inference": "on"})

    everything = await visitor.get("/console/audit")
    keys = await visitor.get("/console/audit?action=key.created&actor=operator:cli")
    nothing = await visitor.get("/console/audit?to=2020-01-01")
    wrong = await visitor.get("/console/audit?from=yesterday")
    file = await visitor.get("/console/audit/export?action=key.created")

    assert b"member.signed_in" in everything.body
    assert b"foreign" not in everything.body
    assert keys.body.count(b"<code>key.created</code>") == 1
    assert b"Nothing fits" in nothing.body
    assert wrong.status == 400
    assert file.headers["content-type"].startswith("text/csv")
    assert len(file.body.decode().strip().splitlines()) == 3
    assert b"foreign" not in file.body


async def test_own_sessions_are_listed_and_ended_and_nobody_elses(house: House) -> None:
    _, here = await _admin(house)
    there = await _enter(house)
    await _admin(house, "Beta", BOB)
    page = (await here.get("/console/settings")).body.decode()
    sessions = re.findall(r"/console/settings/sessions/(\w+)/end", page)
    eve = await _enter(house, BOB)

    foreign = await _post(eve, f"/console/settings/sessions/{sessions[0]}/end")
    ended = await _post(here, f"/console/settings/sessions/{sessions[0]}/end")

    assert len(sessions) == 1
    assert (foreign.status, ended.status) == (404, 303)
    assert (await there.get("/console")).status == 303
    assert (await here.get("/console")).status == 200


async def test_tenant_gets_another_name_zone_and_retention(house: House) -> None:
    _, visitor = await _admin(house)

    saved = await _post(
        visitor, "/console/settings/tenant", name="Alpha & Sons", zone="Asia/Riyadh", retention="30"
    )
    page = await visitor.get("/console/settings")
    refused = await _post(visitor, "/console/settings/tenant", name="Alpha", zone="Mars/Olympus")
    silly = await _post(visitor, "/console/settings/tenant", name="Alpha", zone="UTC", retention="many")

    assert saved.status == 303
    assert b"Alpha &amp; Sons" in page.body
    assert b"<option selected>Asia/Riyadh" in page.body
    assert b'value="30"' in page.body
    assert (refused.status, silly.status) == (400, 400)


async def test_person_of_two_tenants_changes_between_them_once_both_are_proven(house: House) -> None:
    alpha, visitor = await _admin(house)
    beta = await house.resident("Beta")
    beta_id = await _member(beta.tenant, house, ADA, "viewer", OTHER_PASSWORD)

    unproven = await _post(visitor, "/console/tenant", tenant=beta.tenant.id)
    wrong = await _post(visitor, "/console/settings/tenants", email=ADA, password="not the password")
    connected = await _post(visitor, "/console/settings/tenants", email=ADA, password=OTHER_PASSWORD)
    changed = await _post(visitor, "/console/tenant", tenant=beta.tenant.id)
    there = await visitor.get("/console/settings")
    back = await _post(visitor, "/console/tenant", tenant=alpha.tenant.id)

    assert (unproven.status, wrong.status) == (404, 400)
    assert (connected.status, changed.status, back.status) == (303, 303, 303)
    assert b'class="side-tenant">Beta' in there.body
    await house.parts.members.set_password(operator_of(beta.tenant.id), beta_id)
    assert (await _post(visitor, "/console/tenant", tenant=beta.tenant.id)).status == 404


async def test_password_that_somebody_was_given_proves_nothing(house: House) -> None:
    _, visitor = await _admin(house)
    beta = await house.resident("Beta")
    made = await house.parts.members.create_member(operator_of(beta.tenant.id), ADA, role="admin")

    refused = await _post(visitor, "/console/settings/tenants", email=ADA, password=made.password or "")

    assert refused.status == 400
    assert (await _post(visitor, "/console/tenant", tenant=beta.tenant.id)).status == 404


async def test_person_is_refused_where_they_are_switched_off(house: House) -> None:
    _, visitor = await _admin(house)
    beta = await house.resident("Beta")
    beta_id = await _member(beta.tenant, house, ADA, "viewer", OTHER_PASSWORD)
    await _post(visitor, "/console/settings/tenants", email=ADA, password=OTHER_PASSWORD)
    await house.parts.members.disable_member(operator_of(beta.tenant.id), beta_id)

    assert (await _post(visitor, "/console/tenant", tenant=beta.tenant.id)).status == 403
    assert (await visitor.get("/console")).status == 200
