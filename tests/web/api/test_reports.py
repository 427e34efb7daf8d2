"""Usage in sums, over HTTP: JSON and CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.house import House, Resident
from tests.support.records import a_record

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOVEMBER = "from=2026-11-01&to=2026-11-02"


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Acme")


async def write(tenant: Resident, *records: dict[str, Any]) -> None:
    """Let these records stand in the tenant's log."""
    for record in records:
        tenant.house.parts.usage_log.append(
            a_record(**{"tenant_id": tenant.tenant.id, "created_at": NOON, **record})
        )
    await tenant.house.parts.usage_log.flush()


async def rows_of(tenant: Resident, path: str) -> list[dict[str, str]]:
    """The rows of a CSV file that was given."""
    reply = await tenant.ask("GET", path)
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(reply.body.decode(), newline="")))


async def test_summary_has_rows_and_their_total(tenant: Resident) -> None:
    await write(
        tenant,
        {"model": "large", "cost_nano_usd": 89_000, "total_tokens": 100, "duration_ms": 10},
        {"model": "small", "cost_nano_usd": None, "total_tokens": 5, "duration_ms": 20},
    )

    summary = (await tenant.ask("GET", f"/api/usage/summary?group_by=model&{NOVEMBER}")).json

    assert {name: summary[name] for name in ("group_by", "from", "to", "time_zone", "next_offset")} == {
        "group_by": "model",
        "from": "2026-11-01",
        "to": "2026-11-02",
        "time_zone": "UTC",
        "next_offset": None,
    }
    assert [row["key"] for row in summary["rows"]] == ["large", "small"]
    assert summary["rows"][0] == {
        "key": "large",
        "requests": 1,
        "errors": 0,
        "attempts": 1,
        "failed_attempts": 0,
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 100,
        "cost_usd": "0.000089000",
        "attempts_without_cost": 0,
        "average_ms": 10.0,
    }
    assert summary["total"]["total_tokens"] == 105
    assert summary["total"]["attempts_without_cost"] == 1
    assert "key" not in summary["total"]


async def test_summary_is_by_day_unless_said_otherwise(tenant: Resident) -> None:
    await write(tenant, {})

    summary = (await tenant.ask("GET", f"/api/usage/summary?{NOVEMBER}")).json

    assert [(row["key"], row["requests"]) for row in summary["rows"]] == [
        ("2026-11-01", 1),
        ("2026-11-02", 0),
    ]


async def test_rows_come_in_pages(tenant: Resident) -> None:
    await write(tenant, *({"actor": f"key:{n}", "total_tokens": n} for n in (3, 2, 1)))

    first = (await tenant.ask("GET", f"/api/usage/summary?group_by=actor&limit=2&{NOVEMBER}")).json
    query = f"group_by=actor&limit=2&offset={first['next_offset']}&{NOVEMBER}"
    second = (await tenant.ask("GET", f"/api/usage/summary?{query}")).json

    assert [row["key"] for row in first["rows"]] == ["key:3", "key:2"]
    assert [row["key"] for row in second["rows"]] == ["key:1"]
    assert second["next_offset"] is None


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("group_by=colour", "group_by"),
        ("from=yesterday", "from"),
        ("from=2026-11-02&to=2026-11-01", "to"),
        ("from=2020-01-01&to=2026-11-01", "from"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("offset=-1", "offset"),
    ],
)
async def test_summary_that_makes_no_sense_is_refused(tenant: Resident, query: str, param: str) -> None:
    reply = await tenant.ask("GET", f"/api/usage/summary?{query}")

    assert (reply.status, reply.json["error"]["param"]) == (400, param)


async def test_summary_is_a_table_too(tenant: Resident) -> None:
    await write(tenant, {"model": "=cmd|' /C calc'!A0", "cost_nano_usd": 1}, {"model": None})

    rows = await rows_of(tenant, f"/api/usage/summary.csv?group_by=model&{NOVEMBER}")

    assert {row["model"] for row in rows} == {"'=cmd|' /C calc'!A0", ""}
    assert {row["cost_usd"] for row in rows} == {"0.000000001", "0.000000000"}


async def test_whole_log_is_a_table_however_long(tenant: Resident, house: House) -> None:
    other = await house.resident("Other")
    await write(other, {"user": "theirs"})
    await write(
        tenant,
        *({"request_id": f"req_{n}", "created_at": NOON + timedelta(seconds=n)} for n in range(1500)),
        {"request_id": "outside", "created_at": NOON + timedelta(days=5)},
    )

    rows = await rows_of(tenant, f"/api/usage/calls.csv?{NOVEMBER}")

    assert [row["request_id"] for row in rows] == [f"req_{n}" for n in range(1500)]
    assert rows[0]["created_at"] == "2026-11-01T12:00:00+00:00"
    assert (rows[0]["is_last"], rows[0]["cost_usd"], rows[0]["error_code"]) == ("true", "0.000000000", "")


async def test_what_a_visitor_wrote_is_no_formula(tenant: Resident) -> None:
    await write(tenant, {"user": "=HYPERLINK(1)"}, {"user": "@SUM(1)"})

    rows = await rows_of(tenant, f"/api/usage/calls.csv?{NOVEMBER}")

    assert [row["user"] for row in rows] == ["'=HYPERLINK(1)", "'@SUM(1)"]


@pytest.mark.parametrize("path", ["/api/usage/calls.csv", "/api/usage/summary.csv"])
async def test_table_is_refused_before_its_first_line(tenant: Resident, path: str) -> None:
    refused = await tenant.ask("GET", path, scopes=["inference"])
    wrong = await tenant.ask("GET", f"{path}?from=2026-11-02&to=2026-11-01")

    assert (refused.status, refused.json["error"]["code"]) == (403, "permission_denied")
    assert (wrong.status, wrong.json["error"]["param"]) == (400, "to")


async def test_providers_are_summed_up(tenant: Resident) -> None:
    now = tenant.house.parts.clock.now()
    await write(
        tenant,
        {"created_at": now, "provider": "groq", "duration_ms": 700},
        {"created_at": now, "provider": "groq", "status": "failed", "total_tokens": None},
        {"created_at": now - timedelta(days=8), "provider": "groq"},
    )

    told = (await tenant.ask("GET", "/api/usage/providers?days=7")).json

    assert told == {
        "days": 7,
        "providers": [
            {
                "provider": "groq",
                "total_requests": 2,
                "total_tokens": 15,
                "avg_response_time": 700.0,
                "successful_requests": 1,
                "failed_requests": 1,
                "credits_exhausted_count": 0,
            }
        ],
    }


async def test_tenant_sees_its_own_tokens(tenant: Resident, house: House) -> None:
    now = house.parts.clock.now()
    await write(await house.resident("Other"), {"created_at": now})
    await write(tenant, {"created_at": now}, {"created_at": now - timedelta(days=31)})

    told = (await tenant.ask("GET", "/api/usage/tokens-by-tenant")).json

    assert told == {
        "days": 30,
        "tenants": [
            {"tenant_id": tenant.tenant.id, "input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        ],
    }
