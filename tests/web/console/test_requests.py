"""The request log: what is found, what one request says, and that it is nobody else's."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor
from tests.support.house import House, Resident, open_house
from tests.support.records import a_record


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _visitor(house: House, role: Role = "viewer", name: str = "Alpha") -> tuple[Resident, Visitor]:
    tenant = await house.resident(name)
    email = f"{name}@example.com".lower()
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


async def test_empty_log_says_what_to_do(house: House) -> None:
    _, visitor = await _visitor(house)

    assert "Nothing was asked yet" in (await visitor.get("/console/requests")).body.decode()
    assert "No request is like this" in (await visitor.get("/console/requests?app=x")).body.decode()


async def test_requests_are_filtered_paged_and_taken_away(house: House) -> None:
    alpha, visitor = await _visitor(house)
    beta, _ = await _visitor(house, name="Beta")
    await _log(house, beta, {"request_id": "req_of_beta"})
    await _log(
        house,
        alpha,
        *({"request_id": f"req_{n:03}", "app": "writer" if n % 2 else "=cmd()"} for n in range(60)),
        {"request_id": "req_failed", "status": "failed", "error_code": "provider_unavailable"},
    )

    first = (await visitor.get("/console/requests")).body.decode()
    failed = (await visitor.get("/console/requests?status=failed")).body.decode()
    file = (await visitor.get("/console/requests.csv?app=%3Dcmd()")).body.decode()
    more = first.split('href="/console/requests?')[1].split('"')[0].replace("&amp;", "&")
    second = (await visitor.get(f"/console/requests?{more}")).body.decode()

    assert "provider_unavailable" in first
    assert first.count('<a href="/console/requests/req_') == 50
    assert second.count('<a href="/console/requests/req_') == 11
    assert failed.count('<a href="/console/requests/req_') == 1
    assert "provider_unavailable" in failed
    assert len(file.splitlines()) == 31
    assert "'=cmd()" in file, "a spreadsheet must not take it for a formula"
    assert all("req_of_beta" not in text for text in (first, second, file))


@pytest.mark.parametrize(
    "query", ["status=odd", "client_id=x", "from=yesterday", "to=0001-01-01", "cursor=nothing"]
)
async def test_filter_that_means_nothing_is_told(house: House, query: str) -> None:
    _, visitor = await _visitor(house)

    reply = await visitor.get(f"/console/requests?{query}")

    assert reply.status == 400
    assert 'role="alert"' in reply.body.decode()


async def test_request_shows_its_attempts_tokens_and_price_and_is_nobody_elses(house: House) -> None:
    alpha, visitor = await _visitor(house)
    _, stranger = await _visitor(house, name="Beta")
    await _log(
        house,
        alpha,
        {"attempt": 1, "is_last": False, "status": "failed", "error_code": "timeout", "provider": "groq"},
        {"attempt": 2, "cost_nano_usd": 89_000, "price_source": "price-list", "reasoning_tokens": 4321},
    )

    page = (await visitor.get("/console/requests/req_1")).body.decode()
    found = await visitor.get("/console/requests?id=req_1")

    assert "groq/mock" in page
    assert "timeout" in page
    assert "4,321" in page
    assert "$0.000089" in page
    assert "price-list" in page
    assert (found.status, found.headers["location"]) == (303, "/console/requests/req_1")
    assert (await stranger.get("/console/requests/req_1")).status == 404
    assert (await visitor.get("/console/requests/a%20b")).status == 404
    assert (await visitor.get("/console/requests?id=//evil")).status == 404
