"""The overview: what it shows, to whom, and of which days."""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from officium.apps.widget import Limits, WidgetSettings
from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from officium.core.usage.budgets import Terms
from officium.core.usage.ledger.budget import THE_TENANT
from officium.web.console.usage_figures import money, percent, short, time_of
from tests.support.console import PASSWORD, Visitor
from tests.support.house import House, Resident, open_house
from tests.support.records import a_record

ADA = "ada@example.com"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _visitor(house: House, role: Role = "admin", name: str = "Alpha") -> tuple[Resident, Visitor]:
    """A tenant, and somebody in it who has signed in."""
    tenant = await house.resident(name)
    email = f"{name}-{role}@example.com".lower()
    operator = operator_of(tenant.tenant.id)
    await house.parts.members.create_member(operator, email, role=role, password=PASSWORD)
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return tenant, visitor


async def _log(house: House, tenant: Resident, *records: dict[str, Any]) -> None:
    for record in records:
        now = {"created_at": datetime.now(UTC), "tenant_id": tenant.tenant.id}
        house.parts.usage_log.append(a_record(**(now | record)))
    await house.parts.usage_log.flush()


async def test_figures_are_those_of_the_tenant_and_compared_with_the_time_before(house: House) -> None:
    alpha, visitor = await _visitor(house, "viewer")
    beta, _ = await _visitor(house, name="Beta")
    await _log(house, beta, *({"app": "beta-app"} for _ in range(7)))
    long_ago = datetime.now(UTC) - timedelta(days=9)
    await _log(
        house,
        alpha,
        {"app": "writer", "cost_nano_usd": 1_250_000_000, "total_tokens": 12_300, "duration_ms": 1500},
        {"app": "writer", "status": "failed", "error_code": "provider_unavailable", "total_tokens": None},
        {"created_at": long_ago},
    )

    page = (await visitor.get("/console")).body.decode()
    month = (await visitor.get("/console?period=30-days")).body.decode()

    assert '<span class="figure-value">2</span>' in page
    assert '<span class="figure-value">3</span>' in month
    assert '<span class="figure-value">$1.25</span>' in page
    assert '<span class="figure-value">12.3K</span>' in page
    assert "100% more than before" in page
    assert "50%" in page
    assert "mock/mock" in page
    assert "beta-app" not in page
    assert (await visitor.get("/console?period=decade")).status == 200


async def test_what_needs_attention_says_what_to_do(house: House) -> None:
    alpha, visitor = await _visitor(house)
    operator = operator_of(alpha.tenant.id)
    parts = house.parts
    await parts.budgets.create_budget(operator, THE_TENANT, "requests", "day", Terms(limit=1, is_hard=False))
    await alpha.key("inference")
    await parts.keys.create_key(operator, "till Friday", expires_at=datetime.now(UTC) + timedelta(days=3))
    await parts.keys.create_key(operator, "for long", expires_at=datetime.now(UTC) + timedelta(days=300))
    failed = {"provider": "groq", "model": "mixtral-8x7b-32768", "status": "failed", "error_code": "timeout"}
    await _log(house, alpha, *([failed] * 6), {"model": "home-made", "cost_nano_usd": None})

    page = (await visitor.get("/console")).body.decode()

    assert "groq fails: 6 of 6 attempts in the last 6 hours" in page
    assert "groq/mixtral-8x7b-32768 is no longer served" in page
    assert "Nobody knows what mock/home-made costs: 1 attempts without a price" in page
    assert "The key till Friday ends on" in page
    assert "for long" not in page


async def test_budget_near_its_limit_needs_attention_and_keys_are_told_to_administrators(
    house: House,
) -> None:
    alpha, admin = await _visitor(house)
    operator = operator_of(alpha.tenant.id)
    await house.parts.budgets.create_budget(operator, THE_TENANT, "requests", "day", Terms(limit=1))
    await house.parts.keys.create_key(
        operator, "till Friday", expires_at=datetime.now(UTC) + timedelta(days=3)
    )
    await house.parts.members.create_member(operator, "viewer@example.com", role="viewer", password=PASSWORD)
    viewer = Visitor(house.app)
    await viewer.sign_in("viewer@example.com", PASSWORD)
    asked = await alpha.ask(
        "POST", "/v1/chat/completions", {"model": "mock", "messages": [{"role": "user", "content": "Hi"}]}
    )
    await house.parts.usage_log.flush()
    await house.parts.ledger.flush()

    pages = [(await who.get("/console")).body.decode() for who in (admin, viewer)]

    assert asked.status == 200
    assert all("The daily budget of the whole tenant is used to 100%" in page for page in pages)
    assert "till Friday" in pages[0]
    assert "till Friday" not in pages[1]


async def test_names_from_outside_are_escaped(house: House) -> None:
    alpha, visitor = await _visitor(house)
    await _log(house, alpha, {"model": "<script>alert(1)</script>", "app": '"><img src=x>'})

    page = (await visitor.get("/console")).body.decode()

    assert "<script>alert" not in page
    assert "<img" not in page


async def test_time_in_the_queue_is_measured_and_shown_with_the_other_times(tmp_path: Path) -> None:
    async with open_house(tmp_path, max_connections_per_deployment=1) as house:
        alpha, visitor = await _visitor(house)
        said = {"model": "mock", "messages": [{"role": "user", "content": "[[mock delay=0.4]] Hi"}]}
        await asyncio.gather(*(alpha.ask("POST", "/v1/chat/completions", said) for _ in range(2)))
        await house.parts.usage_log.flush()
        calls = (await alpha.ask("GET", "/api/usage/calls")).json["records"]

        page = (await visitor.get("/console")).body.decode()
        request = (await visitor.get(f"/console/requests/{calls[0]['request_id']}")).body.decode()

    waited = sorted(call["queued_ms"] for call in calls)
    assert len(waited) == 2
    assert waited[1] >= 300, "the second one waited for the first one's place"
    assert waited[0] < waited[1] - 200
    assert re.search(r'<th scope="row">Waiting</th>(<td class="number">.*?[1-9].*?</td>){3}', page)
    assert re.search(r'<th scope="row">Whole answer</th><td class="number">[4-9]\d\d ms', page)
    assert "Waited before it was asked" in request


async def test_widgets_without_credits_need_attention_and_those_of_others_do_not(house: House) -> None:
    alpha, visitor = await _visitor(house)
    beta, _ = await _visitor(house, name="Beta")
    for tenant, name in ((alpha, "Bakery chat"), (beta, "Shop chat")):
        operator = operator_of(tenant.tenant.id)
        client = await house.parts.clients.create_client(operator, "Bakery")
        made = await house.parts.clients.create_widget(operator, client.id, WidgetSettings(name=name))
        await house.parts.clients.create_widget(operator, client.id, WidgetSettings(name="Calm chat"))
        await house.parts.clients.set_widget_limits(operator, made.id, Limits(daily_request_limit=0))
    await _log(house, alpha, {})

    page = (await visitor.get("/console")).body.decode()

    assert "The widget Bakery chat has no credits left" in page
    assert "Shop chat" not in page
    assert "Calm chat" not in page


async def test_breakdowns_are_files_that_no_spreadsheet_takes_for_formulas(house: House) -> None:
    alpha, visitor = await _visitor(house, "viewer")
    beta, _ = await _visitor(house, name="Beta")
    client = await house.parts.clients.create_client(operator_of(alpha.tenant.id), "+Bakery")
    long_ago = datetime.now(UTC) - timedelta(days=9)
    ours = {"app": "=HYPERLINK(1)", "client_id": client.id, "cost_nano_usd": 89_000}
    many = ({"app": f"app-{number:02}", "cost_nano_usd": 0} for number in range(11))
    await _log(house, beta, {"app": "beta-app"})
    await _log(house, alpha, ours, ours, {"app": "older", "created_at": long_ago}, *many)

    apps = await visitor.get("/console/overview/app.csv?period=7-days")
    month = await visitor.get("/console/overview/app.csv?period=30-days")
    clients = await visitor.get("/console/overview/client.csv")
    rows = list(csv.DictReader(io.StringIO(apps.body.decode())))
    known = list(csv.DictReader(io.StringIO(clients.body.decode())))

    assert apps.headers["content-disposition"] == 'attachment; filename="apps-7-days.csv"'
    assert len(rows) == 12, "all of them, though the page shows ten"
    assert rows[0]["app"] == "'=HYPERLINK(1)"
    assert (rows[0]["requests"], rows[0]["cost_usd"]) == ("2", "0.000178000")
    assert "older" not in apps.body.decode()
    assert "older" in month.body.decode()
    assert "beta-app" not in month.body.decode()
    assert [row["client_name"] for row in known] == ["'+Bakery"]
    assert (await visitor.get("/console/overview/secret.csv")).status == 404


@pytest.mark.parametrize(
    ("write", "value", "shown"),
    [
        (money, 0, "$0.00"),
        (money, 89_000, "$0.000089"),
        (money, 12_345_000_000_000, "$12,345.00"),
        (money, 50_000_000, "$0.0500"),
        (money, None, "\N{EN DASH}"),
        (short, 950, "950"),
        (short, 12_345, "12.3K"),
        (short, 4_000_000, "4M"),
        (time_of, 850.4, "850 ms"),
        (time_of, 1234, "1.2 s"),
        (time_of, 125_000, "2 min 5 s"),
        (percent, 0.004, "0.4%"),
        (percent, 0.5, "50%"),
    ],
)
def test_figures_are_written_as_people_read_them(write: Any, value: Any, shown: str) -> None:
    assert write(value) == shown
