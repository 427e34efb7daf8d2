"""Clients and widgets over HTTP: spellings, shapes, and what a call does to the counters."""

from typing import Any

import pytest

from officium.core.gateway import CallContext
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.message import Message, Text
from officium.core.tenancy import Caller, operator_of
from tests.support.house import House, Resident

CLIENTS = "/api/chat-widget/clients"
USAGE_KEYS = {
    "client_id",
    "widget_id",
    "monthly_token_limit",
    "daily_token_limit",
    "monthly_request_limit",
    "daily_request_limit",
    "tokens_used_today",
    "tokens_used_this_month",
    "requests_made_today",
    "requests_made_this_month",
    "total_tokens_used",
    "total_requests_made",
    "credits_exhausted",
}


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Agency")


async def made(tenant: Resident, path: str, body: object) -> Any:
    """What was just created."""
    reply = await tenant.ask("POST", path, body)
    assert reply.status == 201, reply.json
    return reply.json


async def a_widget(tenant: Resident) -> tuple[str, str]:
    """The paths of a new client and of its widget."""
    client = await made(tenant, CLIENTS, {"client_name": "Bakery"})
    widget = await made(tenant, f"{CLIENTS}/{client['id']}/widgets", {"name": "Shop"})
    return f"{CLIENTS}/{client['id']}", f"/api/chat-widget/widgets/{widget['id']}"


async def answer(tenant: Resident, client_id: int, widget_id: int) -> int:
    """Let the widget answer a visitor; how many tokens that took."""
    caller: Caller = operator_of(tenant.tenant.id)
    request = CompletionRequest(
        model="mock", messages=(Message(role="user", parts=(Text("Hello"),)),), max_tokens=50
    )
    context = CallContext(request_id="req_1", app="widget", client_id=client_id, widget_id=widget_id)
    given = await tenant.house.parts.gateway.complete(caller, request, context)
    await tenant.house.parts.ledger.flush()
    await tenant.house.parts.usage_log.flush()
    usage = given.completion.usage
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)


async def test_client_is_made_seen_changed_and_deleted(tenant: Resident) -> None:
    client = await made(tenant, CLIENTS, {"clientName": "Bakery", "timeZone": "Asia/Riyadh"})
    path = f"{CLIENTS}/{client['id']}"

    seen = await tenant.ask("GET", path)
    changed = await tenant.ask("PUT", path, {"client_name": "Cake shop", "updatedAt": client["updated_at"]})
    late = await tenant.ask("PUT", path, {"client_name": "Late", "updated_at": client["updated_at"]})
    listed = await tenant.ask("GET", CLIENTS)
    deleted = await tenant.ask("DELETE", path)

    assert set(client) == {"id", "client_name", "time_zone", "archived_at", "created_at", "updated_at"}
    assert isinstance(client["id"], int)
    assert seen.json == client
    assert (changed.json["client_name"], changed.json["time_zone"]) == ("Cake shop", "Asia/Riyadh")
    assert (late.status, late.json["error"]["code"]) == (409, "conflict")
    assert listed.json == {"clients": [changed.json], "next_after": None}
    assert deleted.status == 204
    assert (await tenant.ask("GET", path)).json["error"]["code"] == "client_not_found"


async def test_widget_is_made_with_the_documented_defaults(tenant: Resident) -> None:
    client = await made(tenant, CLIENTS, {"client_name": "Bakery"})

    widget = await made(tenant, f"{CLIENTS}/{client['id']}/widgets", {"name": "Shop"})

    assert {name: value for name, value in widget.items() if name.startswith(("llm", "fall", "bus"))} == {
        "llm_enabled": True,
        "llm_provider": None,
        "llm_model": None,
        "llm_temperature": 0.7,
        "llm_max_tokens": 500,
        "llm_timeout_s": 20.0,
        "fallback_to_knowledge_base": True,
        "business_info": "",
    }
    assert (widget["allowed_origins"], widget["confidence_threshold"], widget["retention_days"]) == (
        [],
        0.85,
        90,
    )
    assert (widget["client_id"], widget["name"]) == (client["id"], "Shop")
    assert widget["widget_key"].startswith("wk_")


async def test_widget_is_changed_in_either_spelling_and_deleted(tenant: Resident) -> None:
    client, path = await a_widget(tenant)

    changed = await tenant.ask(
        "PUT", path, {"llmProvider": "claude", "llm_max_tokens": 300, "fallbackToKnowledgeBase": False}
    )
    listed = await tenant.ask("GET", f"{client}/widgets")
    deleted = await tenant.ask("DELETE", path)

    assert (changed.json["llm_provider"], changed.json["llm_max_tokens"]) == ("claude", 300)
    assert (changed.json["fallback_to_knowledge_base"], changed.json["llm_temperature"]) == (False, 0.7)
    assert listed.json == {"widgets": [changed.json], "next_after": None}
    assert deleted.status == 204
    assert (await tenant.ask("GET", path)).json["error"]["code"] == "widget_not_found"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({}, "client_name", id="nothing"),
        pytest.param({"client_name": ""}, "client_name", id="no-name"),
        pytest.param({"client_name": "A", "time_zone": "Mars"}, "time_zone", id="zone"),
        pytest.param({"client_name": "A", "color": "red"}, "color", id="unknown-field"),
        pytest.param({"client_name": 5}, "client_name", id="number"),
    ],
)
async def test_client_that_cannot_be_is_refused(tenant: Resident, body: Any, param: str) -> None:
    reply = await tenant.ask("POST", CLIENTS, body)

    assert (reply.status, reply.json["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"name": ""}, "name", id="no-name"),
        pytest.param({"llm_provider": "skynet"}, "llm_provider", id="provider"),
        pytest.param({"llm_temperature": 3}, "llm_temperature", id="temperature"),
        pytest.param({"llm_max_tokens": 0}, "llm_max_tokens", id="tokens"),
        pytest.param({"widget_key": "mine"}, "widget_key", id="key-of-ones-own"),
        pytest.param(b'{"business_info": "\\ud800"}', None, id="half-a-character"),
    ],
)
async def test_widget_that_cannot_be_is_refused(tenant: Resident, body: Any, param: str | None) -> None:
    _, path = await a_widget(tenant)

    reply = await tenant.ask("PUT", path, body)

    assert reply.status == 400
    assert param is None or reply.json["error"]["param"] == param


@pytest.mark.parametrize("id", ["0", "-1", "x", str(2**63), "1.5"])
async def test_what_is_no_id_is_refused(tenant: Resident, id: str) -> None:
    assert (await tenant.ask("GET", f"{CLIENTS}/{id}")).status == 400
    assert (await tenant.ask("GET", f"/api/chat-widget/widgets/{id}/llm-analytics")).status == 400


async def test_limits_are_set_as_the_documents_have_them(tenant: Resident) -> None:
    client, widget = await a_widget(tenant)
    limits = {
        "monthly_token_limit": 200_000,
        "daily_token_limit": 10_000,
        "monthly_request_limit": 2_000,
        "daily_request_limit": 200,
    }

    raised = await tenant.ask("PUT", f"{client}/limits", limits)
    capped = await tenant.ask("PUT", f"{widget}/limits", {"dailyTokenLimit": 500})
    (row,) = (await tenant.ask("GET", f"{client}/llm-usage")).json

    assert (raised.status, raised.json) == (200, limits)
    assert capped.json == dict.fromkeys(limits) | {"daily_token_limit": 500}
    assert {name: row[name] for name in limits} == limits | {"daily_token_limit": 500}


@pytest.mark.parametrize("limit", [-1, 1.5, "many", True, 10**19])
async def test_limit_that_cannot_be_is_refused(tenant: Resident, limit: object) -> None:
    client, _ = await a_widget(tenant)

    reply = await tenant.ask("PUT", f"{client}/limits", {"daily_token_limit": limit})

    assert (reply.status, reply.json["error"]["param"]) == (400, "daily_token_limit")


async def test_answer_of_a_widget_is_counted_for_it_and_its_client(tenant: Resident) -> None:
    client, widget = await a_widget(tenant)
    ids = int(client.rpartition("/")[2]), int(widget.rpartition("/")[2])

    tokens = await answer(tenant, *ids)

    (row,) = (await tenant.ask("GET", f"{client}/llm-usage")).json
    assert set(row) == USAGE_KEYS | {"binds_first", "notice"}
    assert (row["client_id"], row["widget_id"]) == ids
    assert (row["tokens_used_today"], row["tokens_used_this_month"], row["total_tokens_used"]) == (
        tokens,
    ) * 3
    assert (row["requests_made_today"], row["requests_made_this_month"]) == (1, 1)
    assert row["total_requests_made"] == 1
    assert row["credits_exhausted"] is False
    shown = (await tenant.ask("GET", f"{widget}/llm-analytics")).json
    assert set(shown) == {"usage", "analytics"}
    assert shown["usage"] == {name: row[name] for name in USAGE_KEYS}
    assert shown["analytics"] == {
        "total_requests": 1,
        "total_tokens": tokens,
        "avg_response_time": shown["analytics"]["avg_response_time"],
        "successful_requests": 1,
        "failed_requests": 0,
        "credits_exhausted_count": 0,
    }
    assert shown["analytics"]["avg_response_time"] >= 0


async def test_reset_gives_the_day_back_and_keeps_the_month(tenant: Resident) -> None:
    client, widget = await a_widget(tenant)
    tokens = await answer(tenant, int(client.rpartition("/")[2]), int(widget.rpartition("/")[2]))
    await tenant.ask("PUT", f"{client}/limits", {"daily_token_limit": tokens})
    (before,) = (await tenant.ask("GET", f"{client}/llm-usage")).json

    reset = await tenant.ask("POST", f"{client}/reset-usage")

    assert before["credits_exhausted"] is True
    assert before["binds_first"] == "daily_token_limit"
    (row,) = reset.json
    assert (row["tokens_used_today"], row["requests_made_today"], row["credits_exhausted"]) == (0, 0, False)
    assert (row["tokens_used_this_month"], row["total_requests_made"]) == (tokens, 1)
    assert (await tenant.ask("GET", f"{client}/llm-usage")).json == reset.json


async def test_two_widgets_share_what_their_client_may_use(tenant: Resident) -> None:
    client, widget = await a_widget(tenant)
    sister = await made(tenant, f"{client}/widgets", {"name": "Sister"})
    client_id = int(client.rpartition("/")[2])
    await tenant.ask("PUT", f"{client}/limits", {"daily_request_limit": 1})
    await answer(tenant, client_id, int(widget.rpartition("/")[2]))

    with pytest.raises(Exception, match=f"client {client_id} has no requests left today"):
        await answer(tenant, client_id, sister["id"])

    rows = (await tenant.ask("GET", f"{client}/llm-usage")).json
    assert [(row["requests_made_today"], row["credits_exhausted"]) for row in rows] == [(1, True), (0, True)]
