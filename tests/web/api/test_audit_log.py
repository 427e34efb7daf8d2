"""The audit log over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.house import Resident, open_house


@pytest.fixture
async def tenant(tmp_path: Path) -> AsyncIterator[Resident]:
    async with open_house(tmp_path) as house:
        yield await house.resident("Acme")


async def test_change_is_found_by_the_id_of_its_request(tenant: Resident) -> None:
    made = await tenant.ask(
        "POST", "/api/llm-config", {"provider": "mock"}, headers={"x-request-id": "request-7"}
    )

    page = (await tenant.ask("GET", "/api/audit-log?thing=llm_config")).json

    (entry,) = page["entries"]
    assert page["next_before"] is None
    assert (entry["request_id"], entry["action"]) == ("request-7", "llm_config.created")
    assert (entry["thing"], entry["thing_id"]) == ("llm_config", made.json["id"])
    assert entry["actor"].startswith("key:ak_")
    assert (entry["before"], entry["after"]["provider"]) == (None, "mock")


async def test_pages_and_filters(tenant: Resident) -> None:
    await tenant.key("inference")
    await tenant.key("config:read")
    everything = (await tenant.ask("GET", "/api/audit-log?action=key.created")).json["entries"]

    first = (await tenant.ask("GET", "/api/audit-log?action=key.created&limit=2")).json
    path = f"/api/audit-log?action=key.created&limit=2&before={first['next_before']}"
    second = (await tenant.ask("GET", path)).json

    assert [*first["entries"], *second["entries"]] == everything
    assert len(everything) == 3
    assert second["next_before"] is None
    assert (await tenant.ask("GET", "/api/audit-log?actor=nobody")).json["entries"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", f"action={'a' * 65}"])
async def test_query_outside_its_limits_is_refused(tenant: Resident, query: str) -> None:
    assert (await tenant.ask("GET", f"/api/audit-log?{query}")).status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_log_is_only_read(tenant: Resident, method: str) -> None:
    assert (await tenant.ask(method, "/api/audit-log", {})).status == 405
