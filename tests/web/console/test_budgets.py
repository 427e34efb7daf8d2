"""The pages of budgets and alerts: what they show, what their forms do, and who may use them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from officium.core.tenancy import Caller, operator_of
from officium.core.tenancy.sign_in import Role
from officium.core.usage.alerts import WebhookSecrets
from officium.core.usage.alerts.signature import SIGNATURE_HEADER
from officium.core.usage.budgets.terms import Terms
from officium.core.usage.ledger.budget import THE_TENANT, Subject
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house
from tests.support.web import Reply

PAGE = "/console/budgets"
FORM = {"subject": "tenant:", "unit": "usd", "period": "month", "limit": "25", "alert_at": "80, 100"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(
        tmp_path, allowed_private_hosts=("127.0.0.1",), rate_limit_chat="10/1m, 100/15m"
    ) as house:
        yield house


async def _visitor(house: House, tenant: str = "Alpha", role: Role = "admin") -> tuple[Visitor, Caller]:
    """Somebody who is signed in, and the administrator of the same tenant."""
    resident = await house.resident(tenant)
    email = f"{tenant}-{role}@example.com".lower()
    await house.parts.members.create_member(
        operator_of(resident.tenant.id), email, name="Ada", role=role, password=PASSWORD
    )
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return visitor, await house.parts.authenticator.authenticate(await resident.key())


async def _post(visitor: Visitor, path: str, **fields: str) -> Reply:
    proof = csrf_in(await visitor.get("/console/password"))
    return await visitor.post(path, {**fields, "csrf": proof})


async def _words(visitor: Visitor, path: str) -> str:
    reply = await visitor.get(path)
    assert reply.status == 200, reply.body
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.body.decode()))


async def test_budget_is_added_and_listed_with_where_it_stands(house: House):
    visitor, admin = await _visitor(house)

    made = await _post(visitor, PAGE, **FORM)
    page = await _words(visitor, PAGE)
    found = [one.budget for one in await house.parts.budgets.list_budgets(admin)]

    assert (made.status, made.headers["location"]) == (303, PAGE)
    assert [(one.subject, one.unit, one.period, one.limit) for one in found] == [
        (THE_TENANT, "nano_usd", "month", 25 * 10**9)
    ]
    assert "The whole tenant" in page
    assert "$0.00 of $25.00" in page
    assert "Nothing used yet" in page
    assert "Alerts at 80%, 100%" in page
    assert "10 requests in 1 minute, 100 requests in 15 minutes" in page
    assert "No limit" in page


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"subject": "nobody"}, "Say whose budget it is"),
        ({"subject": "client:seven"}, "is a number"),
        ({"unit": "gold"}, "tokens, requests or money"),
        ({"period": "year"}, "a day or a month"),
        ({"limit": "a lot"}, "Write dollars"),
        ({"unit": "tokens", "limit": "2.5"}, "whole number"),
        ({"alert_at": "most"}, "Write percents"),
        ({"alert_at": "100, 80"}, "each larger than the one before"),
        ({"time_zone": "Mars/Base"}, "no time zone"),
    ],
)
async def test_faults_of_the_form_are_told(house: House, fields: dict[str, str], told: str):
    visitor, admin = await _visitor(house)

    reply = await _post(visitor, PAGE, **{**FORM, **fields})

    assert reply.status == 400
    assert told in reply.body.decode()
    assert await house.parts.budgets.list_budgets(admin) == []


async def test_second_budget_of_the_same_kind_is_refused_with_what_to_do(house: House):
    visitor, _ = await _visitor(house)
    await _post(visitor, PAGE, **FORM)

    reply = await _post(visitor, PAGE, **FORM)

    assert reply.status == 400
    assert "Change that one instead" in reply.body.decode()


async def test_budget_is_changed_begun_anew_and_deleted(house: House):
    visitor, admin = await _visitor(house)
    made = await house.parts.budgets.create_budget(
        admin, THE_TENANT, "tokens", "total", Terms(limit=100, alert_at=(80,))
    )
    path = f"{PAGE}/{made.budget.id}"
    seen = made.budget.updated_at.isoformat()
    form = {"limit": "2,000", "alert_at": "", "is_hard": "no", "time_zone": "UTC", "updated_at": seen}

    saved, late = await _post(visitor, path, **form), await _post(visitor, path, **form)
    changed = (await house.parts.budgets.get_budget(admin, made.budget.id)).budget
    reset = await _post(visitor, f"{path}/reset")
    told = await _words(visitor, path)
    deleted = await _post(visitor, f"{path}/delete")

    assert (saved.status, late.status) == (303, 400)
    assert "Someone changed this budget meanwhile" in late.body.decode()
    assert (changed.limit, changed.is_hard, changed.alert_at) == (2000, False, ())
    assert reset.headers["location"] == path
    assert "It has begun anew" in told
    assert deleted.headers["location"] == PAGE
    assert (await visitor.get(path)).status == 404


async def test_subjects_are_called_by_their_names(house: House):
    visitor, admin = await _visitor(house)
    client = await house.parts.clients.create_client(admin, "Bakery")
    member = (await house.parts.members.list_members(admin))[0]
    key = (await house.parts.keys.list_keys(admin))[0]
    for subject in (Subject("member", member.id), Subject("key", key.id), Subject("key", "ak_gone")):
        await house.parts.budgets.create_budget(admin, subject, "tokens", "day", Terms(limit=5))

    everything, clients = await _words(visitor, PAGE), await _words(visitor, f"{PAGE}?kind=client")
    one = await _words(visitor, f"{PAGE}?subject=client:{client.id}")
    form = await visitor.get(f"{PAGE}/new?subject=client:{client.id}")

    assert all(name in everything for name in ("Bakery", "Ada", "test", "ak_gone"))
    assert "ak_gone" not in clients
    assert "Only those of Bakery" in one
    assert re.search(rf'<option value="client:{client.id}" selected>Bakery', form.body.decode())


async def test_budgets_without_a_limit_are_shown_when_asked_for(house: House):
    visitor, admin = await _visitor(house)
    await house.parts.budgets.create_budget(admin, THE_TENANT, "requests", "day", Terms(limit=None))

    usual, all_of_them = await _words(visitor, PAGE), await _words(visitor, f"{PAGE}?show=all")

    assert "No budget limits anything here" in usual
    assert "Only counts" in all_of_them


async def test_webhook_is_tried_with_a_signed_message_and_the_outcome_is_told(
    house: House, httpserver: HTTPServer
):
    visitor, admin = await _visitor(house)
    httpserver.expect_ordered_request("/alerts").respond_with_data("", 204)
    httpserver.expect_ordered_request("/alerts").respond_with_data("", 500)
    url = httpserver.url_for("/alerts").replace("localhost", "127.0.0.1")

    made = await _post(visitor, f"{PAGE}/destinations", kind="webhook", target=url)
    secret = re.search(r'<code class="secret">([^<]+)<', made.body.decode())
    (one,) = await house.parts.destinations.list_destinations(admin)
    proof = csrf_in(await visitor.get("/console/password"))
    how = {"x_csrf_token": proof, "hx_request": "true"}
    good = await visitor.post(f"{PAGE}/destinations/{one.id}/test", {}, **how)
    soon = await visitor.post(f"{PAGE}/destinations/{one.id}/test", {}, **how)
    house.parts.destinations._last_tests.clear()
    bad = await visitor.post(f"{PAGE}/destinations/{one.id}/test", {}, **how)
    page = await _words(visitor, PAGE)
    removed = await _post(visitor, f"{PAGE}/destinations/{one.id}/delete")

    sent = httpserver.log[0][0]
    assert secret is not None
    assert secret[1] == house.parts.destinations._courier._secrets.secret_of(one.id)
    assert isinstance(house.parts.destinations._courier._secrets, WebhookSecrets)
    assert sent.headers[SIGNATURE_HEADER]
    assert b"The webhook took the signed message" in good.body
    assert b"Wait 10 seconds" in soon.body
    assert b"answered with status 500" in bad.body
    assert "answered with status 500" in page
    assert secret[1] not in page
    assert removed.status == 303
    assert await house.parts.destinations.list_destinations(admin) == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"kind": "webhook", "target": "nonsense"}, "full URL"),
        ({"kind": "email", "target": "a@example.com"}, "sends no mail"),
    ],
)
async def test_targets_that_cannot_be_reached_are_told(house: House, fields: dict[str, str], told: str):
    visitor, _ = await _visitor(house)

    reply = await _post(visitor, f"{PAGE}/destinations", **fields)

    assert reply.status == 400
    assert told in reply.body.decode()
    assert fields["target"] in reply.body.decode()


async def test_viewer_sees_budgets_but_not_who_is_told(house: House):
    visitor, _ = await _visitor(house, role="viewer")

    page = await visitor.get(PAGE)
    tries = [
        (await _post(visitor, path, **FORM)).status
        for path in (
            PAGE,
            f"{PAGE}/destinations",
            f"{PAGE}/destinations/dest_1/delete",
            f"{PAGE}/bud_1/reset",
        )
    ]

    assert page.status == 200
    assert b"Administrators decide who is told" in page.body
    assert b"Add a budget" not in page.body
    assert (await visitor.get(f"{PAGE}/new")).status == 403
    assert tries == [403] * 4


async def test_budgets_and_targets_of_another_tenant_are_not_there(house: House):
    visitor, _ = await _visitor(house)
    _, other = await _visitor(house, "Beta")
    made = await house.parts.budgets.create_budget(other, THE_TENANT, "tokens", "day", Terms(limit=77_777))
    target = await house.parts.destinations.create_destination(other, "webhook", "https://example.com/secret")

    page = await _words(visitor, PAGE)
    budget = made.budget.id
    tries = [
        (await _post(visitor, f"{PAGE}/{tail}", **FORM)).status
        for tail in (
            budget,
            f"{budget}/reset",
            f"{budget}/delete",
            f"destinations/{target.destination.id}/test",
            f"destinations/{target.destination.id}/delete",
        )
    ]

    assert "77,777" not in page
    assert "secret" not in page
    assert (await visitor.get(f"{PAGE}/{budget}")).status == 404
    assert tries == [404] * 5
    assert len(await house.parts.destinations.list_destinations(other)) == 1
    assert (await house.parts.budgets.get_budget(other, budget)).budget.limit == 77_777
