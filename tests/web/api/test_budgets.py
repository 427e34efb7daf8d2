"""Budgets and the ledger over HTTP."""

from typing import Any

import pytest

from officium.core.tenancy import SCOPES
from tests.support.house import House, Resident

HELLO = {"model": "mock", "messages": [{"role": "user", "content": "Hello"}]}
TOKENS = {"subject_kind": "tenant", "unit": "tokens", "period": "month", "limit": 100_000}


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Acme")


async def a_budget(tenant: Resident, **changes: object) -> Any:
    """A budget just made: of the tenant's tokens of a month, unless said otherwise."""
    made = await tenant.ask("POST", "/api/budgets", {**TOKENS, **changes})
    assert made.status == 201, made.json
    return made.json


async def test_budget_is_made_seen_changed_and_deleted(tenant: Resident) -> None:
    made = await a_budget(tenant)
    path = f"/api/budgets/{made['id']}"

    seen = await tenant.ask("GET", path)
    changed = await tenant.ask("PUT", path, {"limit": 5, "alert_at": [50], "time_zone": "Asia/Riyadh"})
    listed = await tenant.ask("GET", "/api/budgets")
    deleted = await tenant.ask("DELETE", path)

    assert seen.json == made
    assert (made["limit"], made["used"], made["held"], made["remaining"]) == (100_000, 0, 0, 100_000)
    assert (made["is_hard"], made["alert_at"], made["time_zone"]) == (True, [80, 100], "UTC")
    assert made["forecast"] == {"daily_use": None, "runs_out_at": None}
    assert made["period_starts_at"] < made["created_at"] < made["period_ends_at"]
    assert made["updated_by"].startswith("key:ak_")
    assert changed.status == 200
    assert (changed.json["limit"], changed.json["alert_at"]) == (5, [50])
    assert changed.json["is_hard"]
    assert listed.json == {"budgets": [changed.json], "binds_first": None, "next_after": None}
    assert (deleted.status, deleted.body) == (204, b"")
    assert (await tenant.ask("GET", path)).json["error"]["code"] == "budget_not_found"


async def test_money_is_told_in_dollars_to_the_last_digit(tenant: Resident) -> None:
    made = await a_budget(tenant, unit="usd", limit="25.000000001")

    changed = await tenant.ask("PUT", f"/api/budgets/{made['id']}", {"limit": 30})

    assert (made["limit"], made["used"], made["remaining"]) == (
        "25.000000001",
        "0.000000000",
        "25.000000001",
    )
    assert changed.json["limit"] == "30.000000000"


async def test_budget_without_limit_only_counts(tenant: Resident) -> None:
    made = await a_budget(tenant, limit=None)

    assert (made["limit"], made["remaining"], made["is_exhausted"]) == (None, None, False)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        pytest.param({"subject_kind": "planet"}, "subject_kind", id="kind"),
        pytest.param({"subject_kind": "run", "subject_id": "1"}, "subject_kind", id="run"),
        pytest.param({"subject_id": "ten_1"}, "subject_id", id="tenants-id"),
        pytest.param({"subject_kind": "client", "subject_id": "x"}, "subject_id", id="clients-id"),
        pytest.param({"unit": "words"}, "unit", id="unit"),
        pytest.param({"period": "week"}, "period", id="period"),
        pytest.param({"limit": -1}, "limit", id="negative"),
        pytest.param({"limit": 1.5}, None, id="fraction"),
        pytest.param({"limit": True}, None, id="truth"),
        pytest.param({"limit": "many"}, "limit", id="word"),
        pytest.param({"limit": 10**19}, "limit", id="huge"),
        pytest.param({"unit": "usd", "limit": "1.0000000001"}, "limit", id="tenth-digit"),
        pytest.param({"unit": "usd", "limit": "-1"}, "limit", id="negative-money"),
        pytest.param({"alert_at": [100, 80]}, "alert_at", id="alerts"),
        pytest.param({"alert_at": "80"}, "alert_at", id="alert-text"),
        pytest.param({"time_zone": "Mars"}, "time_zone", id="zone"),
        pytest.param({"is_hard": None}, "is_hard", id="hardness"),
        pytest.param({"limits": 5}, "limits", id="misspelt"),
    ],
)
async def test_budget_that_cannot_be_is_refused(
    tenant: Resident, changes: dict[str, object], param: str | None
) -> None:
    reply = await tenant.ask("POST", "/api/budgets", {**TOKENS, **changes})

    assert reply.status == 400
    assert reply.json["error"]["code"] in ("invalid_request", "invalid_budget")
    if param is not None:
        assert reply.json["error"]["param"] == param
    assert (await tenant.ask("GET", "/api/budgets")).json["budgets"] == []


async def test_second_budget_of_the_same_kind_is_refused(tenant: Resident) -> None:
    await a_budget(tenant)

    reply = await tenant.ask("POST", "/api/budgets", TOKENS)

    assert (reply.status, reply.json["error"]["code"]) == (409, "budget_exists")


async def test_change_of_a_budget_someone_else_changed_is_refused(tenant: Resident) -> None:
    made = await a_budget(tenant)
    path = f"/api/budgets/{made['id']}"

    first = await tenant.ask("PUT", path, {"limit": 1, "updated_at": made["updated_at"]})
    second = await tenant.ask("PUT", path, {"limit": 2, "updated_at": made["updated_at"]})
    third = await tenant.ask("PUT", path, {"limit": 3, "updated_at": first.json["updated_at"]})

    assert (first.status, second.status, third.status) == (200, 409, 200)
    assert second.json["error"]["code"] == "conflict"
    assert (await tenant.ask("GET", path)).json["limit"] == 3


async def test_call_is_booked_and_counted(tenant: Resident) -> None:
    made = await a_budget(tenant)

    answer = await tenant.ask("POST", "/v1/chat/completions", HELLO)
    await tenant.house.parts.ledger.flush()

    used = answer.json["usage"]["total_tokens"]
    seen = (await tenant.ask("GET", f"/api/budgets/{made['id']}")).json
    assert (seen["used"], seen["held"], seen["remaining"]) == (used, 0, 100_000 - used)
    (entry,) = (await tenant.ask("GET", "/api/ledger/entries")).json["entries"]
    assert (entry["kind"], entry["tokens"], entry["requests"]) == ("settled", used, 1)
    assert (entry["request_id"], entry["cost_usd"]) == (answer.headers["x-request-id"], "0.000000000")


async def test_raised_limit_lets_calls_through_at_once(tenant: Resident) -> None:
    made = await a_budget(tenant, limit=1)

    refused = await tenant.ask("POST", "/v1/chat/completions", HELLO)
    seen = (await tenant.ask("GET", f"/api/budgets/{made['id']}")).json
    await tenant.ask("PUT", f"/api/budgets/{made['id']}", {"limit": 100_000})
    served = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    assert (refused.status, refused.json["error"]["code"]) == (402, "insufficient_quota")
    assert seen["is_exhausted"]
    assert served.status == 200


async def test_reset_begins_the_period_anew_and_stands_in_the_ledger(tenant: Resident) -> None:
    made = await a_budget(tenant)
    await tenant.ask("POST", "/v1/chat/completions", HELLO)
    await tenant.house.parts.ledger.flush()
    before = (await tenant.ask("GET", f"/api/budgets/{made['id']}")).json

    reset = await tenant.ask("POST", f"/api/budgets/{made['id']}/reset")

    assert (reset.status, reset.json["used"]) == (200, 0)
    newest, *_ = (await tenant.ask("GET", "/api/ledger/entries")).json["entries"]
    assert (newest["kind"], newest["tokens"]) == ("reset", -before["used"])
    (noted, *_) = (await tenant.ask("GET", "/api/audit-log?action=budget.reset")).json["entries"]
    assert noted["request_id"] == reset.headers["x-request-id"]


async def test_budgets_of_one_subject_are_found_with_the_one_that_binds(tenant: Resident) -> None:
    await a_budget(tenant)
    day = await a_budget(tenant, subject_kind="client", subject_id="7", period="day", limit=0)
    month = await a_budget(tenant, subject_kind="client", subject_id="7")

    found = (await tenant.ask("GET", "/api/budgets?subject_kind=client&subject_id=7")).json
    lost = await tenant.ask("GET", "/api/budgets?subject_id=7")

    assert {budget["id"] for budget in found["budgets"]} == {day["id"], month["id"]}
    assert found["binds_first"] == day["id"]
    assert (lost.status, lost.json["error"]["param"]) == (400, "subject_kind")


async def test_pages_follow_each_other(tenant: Resident) -> None:
    made = {(await a_budget(tenant, subject_kind="client", subject_id=str(n)))["id"] for n in range(1, 6)}
    seen: list[str] = []
    after = ""

    while after is not None:
        page = (await tenant.ask("GET", f"/api/budgets?limit=2&after={after}")).json
        seen += [budget["id"] for budget in page["budgets"]]
        after = page["next_after"]

    assert len(seen) == 5
    assert set(seen) == made


@pytest.mark.parametrize(
    "path", ["/api/budgets?limit=0", "/api/budgets?limit=201", "/api/ledger/entries?before=0"]
)
async def test_page_that_makes_no_sense_is_refused(tenant: Resident, path: str) -> None:
    assert (await tenant.ask("GET", path)).status == 400


async def test_key_that_may_only_see_changes_nothing(tenant: Resident) -> None:
    made = await a_budget(tenant)
    scopes = SCOPES - {"admin"}

    replies = [
        await tenant.ask("PUT", f"/api/budgets/{made['id']}", {"limit": 1}, scopes=scopes),
        await tenant.ask("POST", f"/api/budgets/{made['id']}/reset", scopes=scopes),
        await tenant.ask("DELETE", f"/api/budgets/{made['id']}", scopes=scopes),
        await tenant.ask("POST", "/api/budgets", {**TOKENS, "period": "day"}, scopes=scopes),
    ]

    assert [reply.status for reply in replies] == [403] * 4
    assert (await tenant.ask("GET", f"/api/budgets/{made['id']}")).json == made
