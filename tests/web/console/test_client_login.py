"""People who are bound to one client of an agency: each door is tried with another client's things."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from officium.apps.widget.widget import WidgetSettings
from officium.core.tenancy import Caller, operator_of
from officium.web.tiers import TIERS
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house
from tests.support.web import Reply
from tests.support.widget_desk import Guest

CARLA = "carla@client.example"
DOORS = sorted(
    route for route in TIERS if route[1].startswith("/api/chat-widget/") and "/public/" not in route[1]
)
ELSEWHERE = (
    "/api/usage/calls",
    "/api/llm-config",
    "/api/audit-log",
    "/api/prompts",
    "/api/budgets",
    "/cashflow/deals",
    "/c-suite/conversations",
)


@dataclass(frozen=True)
class Agency:
    """Two clients with a widget each, and somebody who belongs to the first."""

    house: House
    operator: Caller
    visitor: Visitor
    own_client: int
    own_widget: int
    other_client: int
    other_widget: int

    async def ask(self, method: str, path: str) -> Reply:
        """As a page of the console would ask."""
        page = await self.visitor.get("/console/settings")
        ours = {"sec-fetch-site": "same-origin", "x-csrf-token": csrf_in(page)}
        return await self.visitor.send(method, path, {} if method in ("POST", "PUT") else None, ours)


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    async with open_house(tmp_path) as house:
        yield await _found(house)


async def _found(house: House) -> Agency:
    tenant = (await house.resident("Agency")).tenant
    operator, ids = operator_of(tenant.id), []
    for name in ("Bakery", "Garage"):
        client = await house.parts.clients.create_client(operator, name)
        widget = await house.parts.clients.create_widget(
            operator, client.id, WidgetSettings(name=f"{name} chat", allowed_origins=("*",))
        )
        ids += [client.id, widget.id]
    await house.parts.members.create_member(
        operator, CARLA, role="client", password=PASSWORD, client_id=ids[0]
    )
    visitor = Visitor(house.app)
    await visitor.sign_in(CARLA, PASSWORD)
    return Agency(house, operator, visitor, *ids)


async def test_only_their_own_client_is_there(agency: Agency) -> None:
    refused = {}
    for method, path in DOORS:
        here = path.replace("{clientId}", str(agency.other_client)).replace(
            "{widgetId}", str(agency.other_widget)
        )
        reply = await agency.ask(method, re.sub(r"\{\w+\}", "1", here))
        if path == "/api/chat-widget/clients" and method == "GET":
            assert [client["id"] for client in reply.json["clients"]] == [agency.own_client]
        elif reply.status not in (403, 404):
            refused[f"{method} {path}"] = reply.status

    # A body that is wrong is told before anything is looked up.
    assert set(refused.values()) <= {400}
    assert all(route.startswith(("POST", "PUT")) for route in refused)


async def test_their_own_things_are_read_and_not_changed(agency: Agency) -> None:
    own = f"/api/chat-widget/widgets/{agency.own_widget}"

    read = [
        (await agency.ask("GET", path)).status
        for path in (
            f"/api/chat-widget/clients/{agency.own_client}/llm-usage",
            f"/api/chat-widget/clients/{agency.own_client}/widgets",
            own,
            f"{own}/llm-analytics",
            f"{own}/knowledge/entries",
            f"{own}/inbox",
            f"{own}/requests",
            f"{own}/leads",
        )
    ]
    deleted = await agency.ask("DELETE", own)

    assert read == [200] * len(read)
    assert deleted.status == 403


@pytest.mark.parametrize("path", ELSEWHERE)
async def test_no_other_door_opens(agency: Agency, path: str) -> None:
    assert (await agency.ask("GET", path)).status == 403


TABS = (
    "",
    "/ai",
    "/knowledge",
    "/knowledge/versions",
    "/embed",
    "/inbox",
    "/inbox/list",
    "/conversations",
    "/gaps",
    "/saved-questions",
    "/usage",
    "/usage.csv",
)


async def test_every_tab_of_their_own_widget_opens_and_no_tab_of_anothers(agency: Agency) -> None:
    own, others = {}, {}
    for tab in TABS:
        page = await agency.visitor.get(f"/console/widgets/{agency.own_widget}{tab}")
        own[tab] = page.status
        others[tab] = (await agency.visitor.get(f"/console/widgets/{agency.other_widget}{tab}")).status
        assert b'href="/console/clients' not in page.body
        if tab and page.body.startswith(b"<!"):
            assert b"Save" not in re.findall(rb'<button type="submit"[^>]*>([^<]*)', page.body)

    assert own == dict.fromkeys(TABS, 200)
    assert others == dict.fromkeys(TABS, 404)


async def test_they_see_what_their_widgets_use_and_cost(agency: Agency) -> None:
    listed = (await agency.visitor.get("/console/widgets")).body.decode()
    usage = (await agency.visitor.get(f"/console/widgets/{agency.own_widget}/usage")).body.decode()
    file = (await agency.visitor.get(f"/console/widgets/{agency.own_widget}/usage.csv")).body.decode()

    assert "$0.00" in listed
    assert "$0.00" in usage
    assert file.startswith("day,llm,knowledge_base")


async def test_they_answer_their_visitors_and_nobody_elses(agency: Agency) -> None:
    proof = csrf_in(await agency.visitor.get("/console/settings"))
    talks, replied, changed = [], [], []
    for widget in (agency.own_widget, agency.other_widget):
        found = await agency.house.parts.clients.get_widget(agency.operator, widget)
        guest = Guest(agency.house, found.widget_key)
        await guest.say("Is anybody there?")
        talk = f"/console/widgets/{widget}/inbox/{guest.conversation}"
        talks.append(await agency.visitor.get(talk))
        reply = await agency.visitor.post(f"{talk}/reply", {"csrf": proof, "text": "Carla here."})
        replied.append(reply.status)
        change = await agency.visitor.post(f"{talk}/change", {"csrf": proof, "to": "closed"})
        changed.append(change.status)
    forget = {"csrf": proof, "visitor": "vis_1"}
    forgotten = await agency.visitor.post(f"/console/widgets/{agency.own_widget}/visitors/forget", forget)

    assert [page.status for page in talks] == [200, 404]
    assert (replied, changed) == ([303, 404], [303, 404])
    assert b'name="text"' in talks[0].body
    assert b"/visitors/forget" not in talks[0].body
    assert forgotten.status == 403


async def test_counts_of_answers_are_their_own(agency: Agency) -> None:
    for widget in (agency.own_widget, agency.other_widget):
        found = await agency.house.parts.clients.get_widget(agency.operator, widget)
        await Guest(agency.house, found.widget_key).say("Hello?")
    carla = replace(
        agency.operator, actor="member:mem_1", scopes=frozenset(("own-widgets",)), client_id=agency.own_client
    )

    counts = await agency.house.parts.visitors.count_answers(carla, [agency.own_widget, agency.other_widget])

    assert {widget: count.total for widget, count in counts.items()} == {agency.own_widget: 1}


async def test_pages_show_their_widgets_alone(agency: Agency) -> None:
    start = await agency.visitor.get("/console")
    widgets = await agency.visitor.get("/console/widgets")
    closed = [
        (await agency.visitor.get(path)).status
        for path in (
            "/console/advisors",
            "/console/keys",
            "/console/members",
            "/console/audit",
            f"/console/widgets/{agency.other_widget}",
        )
    ]

    assert (start.status, start.headers["location"]) == (303, "/console/widgets")
    assert widgets.status == 200
    assert b"Bakery chat" in widgets.body
    assert b"Garage" not in widgets.body
    assert b'href="/console/advisors"' not in widgets.body
    assert set(closed) <= {403, 404}
