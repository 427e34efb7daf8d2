"""The usage log over HTTP: what is behind an `x-request-id`, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from officium.core.usage.service import LARGEST_PAGE
from tests.support.house import House, Resident
from tests.support.records import a_record

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
QUESTION = {"model": "mock", "messages": [{"role": "user", "content": "Hello"}], "user": "ada"}


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Acme")


async def write(tenant: Resident, count: int, **fields: Any) -> None:
    """Let so many records stand in the tenant's log, a minute apart."""
    for number in range(count):
        moment = NOON + timedelta(minutes=number)
        record = a_record(
            tenant_id=tenant.tenant.id, request_id=f"req_{number}", **{"created_at": moment, **fields}
        )
        tenant.house.parts.usage_log.append(record)
    await tenant.house.parts.usage_log.flush()


async def ask_calls(tenant: Resident, **query: object) -> Any:
    """The body of a page that was given."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    reply = await tenant.ask("GET", f"/api/usage/calls?{asked}")
    assert reply.status == 200
    return reply.json


async def test_request_is_found_by_the_id_in_its_answer(tenant: Resident) -> None:
    answer = await tenant.ask("POST", "/v1/chat/completions", QUESTION)
    await tenant.ask("POST", "/v1/chat/completions", QUESTION)
    await tenant.house.parts.usage_log.flush()

    page = await ask_calls(tenant, request_id=answer.headers["x-request-id"])

    (record,) = page["records"]
    assert page["next_before"] is None
    usage = answer.json["usage"]
    assert {name: record[name] for name in ("provider", "requested_model", "model", "status", "user")} == {
        "provider": "mock",
        "requested_model": "mock",
        "model": "mock",
        "status": "success",
        "user": "ada",
    }
    assert (record["input_tokens"], record["output_tokens"], record["total_tokens"]) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
        usage["total_tokens"],
    )
    assert (record["cost_usd"], record["price_source"]) == ("0.000000000", "scripted")
    assert record["actor"].startswith("key:ak_")


async def test_every_attempt_of_a_request_is_shown(tenant: Resident) -> None:
    await tenant.ask("PUT", "/api/model-aliases/fast", {"targets": ["mock/error-402", "mock"]})
    answer = await tenant.ask("POST", "/v1/chat/completions", {**QUESTION, "model": "fast"})
    await tenant.house.parts.usage_log.flush()

    page = await ask_calls(tenant, request_id=answer.headers["x-request-id"])

    told = [
        (record["attempt"], record["status"], record["error_code"], record["is_last"])
        for record in page["records"]
    ]
    assert sorted(told) == [
        (1, "failed", "provider_quota_exhausted", False),
        (2, "success", None, True),
    ]


async def test_refused_request_is_found_too(tenant: Resident) -> None:
    refusal = await tenant.ask("POST", "/v1/chat/completions", {**QUESTION, "model": "nobody/knows"})
    await tenant.house.parts.usage_log.flush()

    (record,) = (await ask_calls(tenant, request_id=refusal.headers["x-request-id"]))["records"]

    assert (record["attempt"], record["status"], record["error_code"]) == (0, "refused", "model_not_found")
    assert (record["provider"], record["total_tokens"], record["cost_usd"]) == (None, None, "0.000000000")


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        pytest.param(None, None, id="unknown"),
        pytest.param(0, "0.000000000", id="free"),
        pytest.param(6, "0.000000006", id="a-cached-token"),
        pytest.param(1_250_000_000, "1.250000000", id="dollars"),
        pytest.param(9_007_199_254_740_993, "9007199.254740993", id="more-than-a-double-holds"),
    ],
)
async def test_cost_is_shown_in_dollars_to_the_last_digit(
    tenant: Resident, nano: int | None, shown: str | None
) -> None:
    await write(tenant, 1, cost_nano_usd=nano)

    (record,) = (await ask_calls(tenant))["records"]

    assert record["cost_usd"] == shown


async def test_pages_lead_from_the_newest_record_to_the_oldest(tenant: Resident) -> None:
    await write(tenant, 7)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}

    for _ in range(4):
        page = await ask_calls(tenant, **query)
        seen += [record["request_id"] for record in page["records"]]
        if page["next_before"] is None:
            break
        query["before"] = page["next_before"]

    assert seen == [f"req_{number}" for number in (6, 5, 4, 3, 2, 1, 0)]


async def test_page_has_fifty_records_unless_asked_otherwise(tenant: Resident) -> None:
    await write(tenant, LARGEST_PAGE + 1)

    assert len((await ask_calls(tenant))["records"]) == 50
    assert len((await ask_calls(tenant, limit=LARGEST_PAGE))["records"]) == LARGEST_PAGE


async def test_moments_are_told_in_utc(tenant: Resident) -> None:
    await write(tenant, 1)

    (record,) = (await ask_calls(tenant))["records"]

    assert record["created_at"] == "2026-11-01T12:00:00Z"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        pytest.param("limit=0", "limit", id="no-limit"),
        pytest.param(f"limit={LARGEST_PAGE + 1}", "limit", id="large-limit"),
        pytest.param("limit=many", "limit", id="limit-in-words"),
        pytest.param("before=0", "before", id="before-all"),
        pytest.param(f"before={2**63}", "before", id="huge-id"),
        pytest.param("before=yesterday", "before", id="moment"),
        pytest.param("request_id=", "request_id", id="empty-id"),
        pytest.param("request_id=a%00b", "request_id", id="nul"),
        pytest.param("request_id=a%0A", "request_id", id="line-feed"),
        pytest.param("request_id=" + "r" * 129, "request_id", id="long-id"),
    ],
)
async def test_question_that_makes_no_sense_is_refused(tenant: Resident, query: str, param: str) -> None:
    reply = await tenant.ask("GET", f"/api/usage/calls?{query}")

    assert (reply.status, reply.json["error"]["code"]) == (400, "invalid_request")
    assert reply.json["error"]["param"] == param


async def test_unknown_request_has_no_records(tenant: Resident) -> None:
    assert await ask_calls(tenant, request_id="req_nobody") == {"records": [], "next_before": None}
    assert await ask_calls(tenant, before=2**63 - 1) == {"records": [], "next_before": None}
