"""The pages of clients: what they show, what their forms do, and who may use them."""

import csv
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from officium.apps.widget import WidgetSettings
from officium.apps.widget.client import MEASURES
from officium.core.tenancy import Caller, operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house
from tests.support.web import Reply

PAGE = "/console/clients"
LIMITS = dict.fromkeys(MEASURES, "1,000")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _visitor(house: House, tenant: str = "Alpha", role: Role = "admin") -> tuple[Visitor, Caller]:
    """Somebody who is signed in, and the administrator of the same tenant."""
    resident = await house.resident(tenant)
    return await _member(
        house, resident.tenant.id, f"{tenant}@example.com".lower(), role
    ), await house.parts.authenticator.authenticate(await resident.key())


async def _member(house: House, tenant_id: str, email: str, role: Role) -> Visitor:
    await house.parts.members.create_member(operator_of(tenant_id), email, role=role, password=PASSWORD)
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return visitor


async def _post(visitor: Visitor, path: str, **fields: str) -> Reply:
    proof = csrf_in(await visitor.get("/console/password"))
    return await visitor.post(path, {**fields, "csrf": proof})


async def _words(visitor: Visitor, path: str) -> str:
    reply = await visitor.get(path)
    assert reply.status == 200, reply.body
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.body.decode()))


async def test_client_is_added_with_limits_of_its_own(house: House):
    visitor, admin = await _visitor(house)
    fields = {**LIMITS, "monthly_request_limit": "", "client_name": "Bakery <Kassel>"}

    made = await _post(visitor, PAGE, **fields, time_zone="Europe/Berlin")
    found = await house.parts.credits.list_credits(admin)
    page = await _words(visitor, made.headers["location"])
    listed = await visitor.get(PAGE)

    assert made.status == 303
    assert [one.client.client_name for one in found] == ["Bakery <Kassel>"]
    assert found[0].client.time_zone == "Europe/Berlin"
    assert {name: one.budget.limit for name, one in found[0].balances.items()} == {
        **dict.fromkeys(MEASURES, 1000),
        "monthly_request_limit": None,
    }
    assert "The client is there" in page
    assert "0 of 1,000" in page
    assert b"Bakery &lt;Kassel&gt;" in listed.body


@pytest.mark.parametrize(
    ("fields", "told", "faulty"),
    [
        ({"client_name": " "}, "1 to 200 characters", "client_name"),
        ({"client_name": "A", "time_zone": "Mars/Base"}, "no time zone", "time_zone"),
        ({"client_name": "A", "daily_token_limit": "many"}, "whole number", "daily_token_limit"),
        ({"client_name": "A", "daily_token_limit": "-1"}, "whole number", "daily_token_limit"),
        ({"client_name": "A", "daily_token_limit": "9" * 30}, "whole number", "daily_token_limit"),
        ({"client_name": "A", "daily_token_limit": "٣"}, "whole number", "daily_token_limit"),
    ],
)
async def test_faults_of_the_form_are_told_at_their_field(
    house: House, fields: dict[str, str], told: str, faulty: str
):
    visitor, admin = await _visitor(house)

    reply = await _post(visitor, PAGE, **{"time_zone": "UTC", **fields})

    assert reply.status == 400
    assert told in reply.body.decode()
    assert re.search(rf'name="{faulty}"[^>]*aria-invalid="true"', reply.body.decode())
    assert await house.parts.credits.list_credits(admin) == []


async def test_client_is_changed_and_who_comes_second_is_told(house: House):
    visitor, admin = await _visitor(house)
    client = await house.parts.clients.create_client(admin, "Bakery")
    stale = client.updated_at.isoformat()
    fields = {**LIMITS, "client_name": "Bakery & Sons", "time_zone": "Asia/Riyadh"}

    first = await _post(visitor, f"{PAGE}/{client.id}", **fields, updated_at=stale)
    second = await _post(visitor, f"{PAGE}/{client.id}", **fields, updated_at=stale)
    after = await house.parts.credits.get_credits(admin, client.id)
    fresh = after.client.updated_at.isoformat()

    assert first.status == 303
    assert second.status == 400
    assert "Someone changed this client meanwhile" in second.body.decode()
    assert fresh in second.body.decode().replace("&#43;", "+")
    assert after.client.client_name == "Bakery & Sons"
    assert after.balances["daily_token_limit"].budget.limit == 1000


async def test_reset_gives_todays_credits_back(house: House):
    visitor, admin = await _visitor(house)
    client = await house.parts.clients.create_client(admin, "Bakery")
    widget = await house.parts.clients.create_widget(admin, client.id, WidgetSettings(name="Shop"))
    await _post(visitor, f"{PAGE}/{client.id}", client_name="Bakery", time_zone="UTC", daily_token_limit="0")
    page = await _words(visitor, f"{PAGE}/{client.id}")

    reply = await _post(visitor, f"{PAGE}/{client.id}/reset")
    told = await _words(visitor, reply.headers["location"])

    assert "Credits used up" in page
    assert "Used up until" in page
    assert "Shop" in page
    assert widget.name == "Shop"
    assert (reply.status, reply.headers["location"]) == (303, f"{PAGE}/{client.id}")
    assert "credits are whole again" in told


async def test_archived_client_moves_to_its_own_list_and_comes_back(house: House):
    visitor, admin = await _visitor(house)
    client = await house.parts.clients.create_client(admin, "Bakery")

    await _post(visitor, f"{PAGE}/{client.id}/archive")
    gone, kept = await _words(visitor, PAGE), await _words(visitor, f"{PAGE}?show=archived")
    await _post(visitor, f"{PAGE}/{client.id}/restore")
    back = await _words(visitor, PAGE)
    deleted = await _post(visitor, f"{PAGE}/{client.id}/delete")
    after = await visitor.get(f"{PAGE}/{client.id}")

    assert "Bakery" not in gone
    assert "Bakery" in kept
    assert "Bakery" in back
    assert deleted.headers["location"] == PAGE
    assert after.status == 404


async def test_search_finds_part_of_a_name(house: House):
    visitor, admin = await _visitor(house)
    for name in ("Bakery", "Smithy"):
        await house.parts.clients.create_client(admin, name)

    found = await _words(visitor, f"{PAGE}?q=SMITH")
    nothing = await _words(visitor, f"{PAGE}?q=nobody")

    assert "Smithy" in found
    assert "Bakery" not in found
    assert "No client is called like this" in nothing


async def test_tables_are_exported_without_formulas(house: House):
    visitor, admin = await _visitor(house)
    client = await house.parts.clients.create_client(admin, "=1+1")

    clients = await visitor.get(f"{PAGE}/export/clients.csv")
    days = await visitor.get(f"{PAGE}/{client.id}/usage.csv")
    rows = list(csv.DictReader(io.StringIO(clients.body.decode())))

    assert clients.headers["content-type"].startswith("text/csv")
    assert [row["client_name"] for row in rows] == ["'=1+1"]
    assert rows[0]["daily_token_limit"] == "5000"
    assert rows[0]["credits_exhausted"] == "false"
    assert len(list(csv.DictReader(io.StringIO(days.body.decode())))) == 30


@pytest.mark.parametrize("id", ["0", "x", "-1", "٣", "9" * 40, "999"])
async def test_client_that_is_not_there_is_a_page_of_its_own(house: House, id: str):
    visitor, _ = await _visitor(house)

    reply = await visitor.get(f"{PAGE}/{id}")

    assert reply.status == 404
    assert b"There is nothing here" in reply.body


async def test_viewer_sees_everything_and_changes_nothing(house: House):
    resident = await house.resident("Alpha")
    admin = await house.parts.authenticator.authenticate(await resident.key())
    client = await house.parts.clients.create_client(admin, "Bakery")
    viewer = await _member(house, resident.tenant.id, "vera@example.com", "viewer")

    listed, page = await _words(viewer, PAGE), await viewer.get(f"{PAGE}/{client.id}")
    tries = [
        (await _post(viewer, path, client_name="Mine")).status
        for path in (PAGE, *(f"{PAGE}/{client.id}{tail}" for tail in ("", "/reset", "/archive", "/delete")))
    ]

    assert "Bakery" in listed
    assert "Add a client" not in listed
    assert b'method="post" action="/console/clients' not in page.body
    assert (await viewer.get(f"{PAGE}/new")).status == 403
    assert tries == [403] * 5


async def test_clients_of_another_tenant_are_not_there(house: House):
    visitor, _ = await _visitor(house)
    _, other = await _visitor(house, "Beta")
    client = await house.parts.clients.create_client(other, "Secret Bakery")

    listed = await _words(visitor, PAGE)
    table = await visitor.get(f"{PAGE}/export/clients.csv")
    looks = [(await visitor.get(f"{PAGE}/{client.id}{tail}")).status for tail in ("", "/usage.csv")]
    tries = [
        (await _post(visitor, f"{PAGE}/{client.id}{tail}", client_name="Mine", time_zone="UTC")).status
        for tail in ("", "/reset", "/archive", "/restore", "/delete")
    ]

    assert "Secret" not in listed + table.body.decode()
    assert looks == [404, 404]
    assert tries == [404] * 5
    assert (await house.parts.clients.get_client(other, client.id)).client_name == "Secret Bakery"
