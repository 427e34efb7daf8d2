"""Deleting the tenant under Settings: by an owner alone, who types its name and their password."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from officium.apps.widget import WidgetStore
from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from officium.core.tenancy.sign_in.tables import browser_sessions, member_passwords
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house
from tests.support.widget_desk import a_widget

PAGE = "/console/settings"
CLOSE = f"{PAGE}/close"
EMAIL = "ada@example.com"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        await house.parts.clockwork.close()
        await house.resident("Beta")
        yield house


async def _visitor(house: House, role: Role = "owner") -> tuple[str, Visitor]:
    tenant = await house.resident("Alpha")
    operator, client_id = operator_of(tenant.tenant.id), None
    if role == "client":
        client_id = (await house.parts.clients.create_client(operator, "Bakery")).id
    await house.parts.members.create_member(
        operator, EMAIL, role=role, password=PASSWORD, client_id=client_id
    )
    visitor = Visitor(house.app)
    await visitor.sign_in(EMAIL, PASSWORD)
    return tenant.tenant.id, visitor


async def test_owner_closes_it_and_is_out(house: House) -> None:
    tenant_id, visitor = await _visitor(house)
    other = Visitor(house.app)
    await other.sign_in(EMAIL, PASSWORD)
    page = await visitor.get(PAGE)
    form = {"csrf": csrf_in(page), "name": "Alpha", "password": PASSWORD}

    wrong = [
        await visitor.post(CLOSE, form | {"name": "alpha"}),
        await visitor.post(CLOSE, form | {"password": "something else"}),
        await visitor.post(CLOSE, form | {"csrf": "nothing"}),
    ]
    closed = await visitor.post(CLOSE, form)
    told = await visitor.get("/console/sign-in")
    again = await visitor.sign_in(EMAIL, PASSWORD)

    assert b"Delete this tenant" in page.body
    assert [reply.status for reply in wrong] == [400, 400, 403]
    assert b"exactly as it stands" in wrong[0].body
    assert b"The password is not right" in wrong[1].body
    assert (closed.status, closed.headers["location"]) == (303, "/console/sign-in")
    assert b"Your tenant is closed" in told.body
    assert again.status == 403
    assert b"going to be erased" in again.body
    assert (await other.get(PAGE)).status == 303
    tenant = await house.parts.tenancy.get_tenant(operator_of(""), tenant_id)
    assert tenant.closed_at is not None
    assert tenant.erase_at == tenant.closed_at + timedelta(days=30)


async def test_its_widgets_are_closed_until_it_is_opened_again(house: House) -> None:
    tenant = (await house.resident("Alpha")).tenant
    operator = operator_of(tenant.id)
    path = await a_widget(house, tenant.id)
    key = (await house.parts.clients.get_widget(operator, int(path.rsplit("/", 1)[1]))).widget_key
    widgets = WidgetStore(house.parts.database)

    states = [await widgets.find_public_for_all_tenants(key)]
    await house.parts.erasures.close_tenant(operator)
    states.append(await widgets.find_public_for_all_tenants(key))
    await house.parts.erasures.reopen_tenant(operator)
    states.append(await widgets.find_public_for_all_tenants(key))

    assert [found is not None and found[1] for found in states] == [False, True, False]


async def test_last_tenant_is_not_closed(house: House) -> None:
    _, visitor = await _visitor(house)
    for tenant in await house.parts.tenancy.list_tenants(operator_of("")):
        if tenant.name != "Alpha":
            await house.parts.erasures.close_tenant(operator_of(tenant.id))

    refused = await visitor.post(
        CLOSE, {"csrf": csrf_in(await visitor.get(PAGE)), "name": "Alpha", "password": PASSWORD}
    )

    assert refused.status == 409
    assert b"only tenant" in refused.body


@pytest.mark.parametrize("role", ["admin", "member", "viewer", "client"])
async def test_nobody_else_sees_or_does_it(house: House, role: Role) -> None:
    tenant_id, visitor = await _visitor(house, role)
    page = await visitor.get(PAGE)

    refused = await visitor.post(CLOSE, {"csrf": csrf_in(page), "name": "Alpha", "password": PASSWORD})

    assert page.status == 200
    assert b"Delete this tenant" not in page.body
    assert refused.status == 403
    assert (await house.parts.tenancy.get_tenant(operator_of(""), tenant_id)).closed_at is None


async def test_who_has_no_password_here_must_have_just_signed_in(house: House) -> None:
    tenant_id, visitor = await _visitor(house)
    database = house.parts.database
    async with database.writing(tenant_id) as connection:
        await connection.execute(member_passwords.delete())
        earlier = house.parts.clock.now() - timedelta(minutes=11)
        await connection.execute(update(browser_sessions).values(created_at=earlier))
    page = await visitor.get(PAGE)
    form = {"csrf": csrf_in(page), "name": "Alpha"}

    late = await visitor.post(CLOSE, form)
    async with database.writing(tenant_id) as connection:
        await connection.execute(update(browser_sessions).values(created_at=house.parts.clock.now()))
    in_time = await visitor.post(CLOSE, form)

    assert b'name="password" type="password" required maxlength="200" autocomplete="current' not in page.body
    assert b"within the last ten minutes" in page.body
    assert late.status == 403
    assert b"Sign out and in again" in late.body
    assert in_time.status == 303


async def test_person_of_two_tenants_comes_into_the_open_one(house: House) -> None:
    tenant_id, visitor = await _visitor(house)
    gamma = (await house.resident("Gamma")).tenant
    await house.parts.members.create_member(operator_of(gamma.id), EMAIL, role="owner", password=PASSWORD)
    await house.parts.erasures.close_tenant(operator_of(tenant_id))

    entered = await visitor.sign_in(EMAIL, PASSWORD)
    page = await visitor.get(PAGE)

    assert entered.status == 303
    assert b'class="side-tenant">Gamma' in page.body


async def test_job_erases_it_when_the_time_is_over(house: House) -> None:
    tenant_id, _ = await _visitor(house)
    await house.parts.erasures.close_tenant(operator_of(tenant_id), grace_days=0)

    await house.parts.erasures.run()

    async with house.parts.database.reading(tenant_id) as connection:
        found = await connection.execute(
            text("SELECT count(*) FROM members WHERE tenant_id = :id"), {"id": tenant_id}
        )
        assert found.scalar_one() == 0
    [left] = await house.parts.erasures.list_erased(operator_of(""))
    assert left.id == tenant_id
