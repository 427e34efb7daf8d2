"""Sums of the usage log, on both databases."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from officium.core.tenancy import Caller, TenantStore, operator_of
from officium.core.usage import UsageStore
from officium.core.usage.reports import ReportService, ReportStore
from officium.core.usage.reports import service as service_module
from officium.core.usage.reports.service import Days
from officium.core.usage.tallies import TallyStore
from officium.kit.database import Database
from officium.kit.errors import InvalidRequest, PermissionDenied
from tests.support.records import a_record
from tests.support.tenancy import Tenancy

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPERATOR = operator_of("")


class Office:
    """Reports of two tenants: Acme in Riyadh, and another one."""

    def __init__(self, database: Database) -> None:
        self.tenancy = Tenancy(database)
        self.log = UsageStore(database)
        self.reports = ReportService(
            ReportStore(database), TallyStore(database), TenantStore(database), self.tenancy.clock
        )

    async def open(self) -> "Office":
        acme = await self.tenancy.tenants.create_tenant(OPERATOR, "Acme", time_zone="Asia/Riyadh")
        other = await self.tenancy.a_tenant("Other")
        self.reader = Caller(acme.id, "key:ak_1", frozenset({"usage:read"}))
        self.other = Caller(other.id, "key:ak_2", frozenset({"usage:read"}))
        return self

    async def write(self, *records: dict[str, Any], caller: Caller | None = None) -> None:
        tenant_id = (caller or self.reader).tenant_id
        await self.log.append_for_all_tenants(
            [a_record(**{"tenant_id": tenant_id, "created_at": NOON, **record}) for record in records]
        )


@pytest.fixture
async def office(database: Database) -> Office:
    return await Office(database).open()


async def test_sums_are_those_of_every_attempt_and_requests_are_counted_once(office: Office):
    failed = {"attempt": 1, "is_last": False, "status": "failed", "provider": "groq", "cost_nano_usd": None}
    await office.write(
        {**failed, "input_tokens": None, "output_tokens": None, "total_tokens": None},
        {"attempt": 2, "cost_nano_usd": 250, "duration_ms": 10},
        {"cost_nano_usd": 9_007_199_254_740_993, "duration_ms": 15},
        {"attempt": 0, "status": "refused", "provider": None, "total_tokens": None, "input_tokens": None,
         "output_tokens": None},
    )  # fmt: skip

    total = (await office.reports.summarize(office.reader, "tenant")).total

    assert (total.requests, total.errors, total.attempts, total.failed_attempts) == (3, 1, 3, 1)
    assert (total.input_tokens, total.output_tokens, total.total_tokens) == (20, 10, 30)
    assert (total.cost_nano_usd, total.attempts_without_cost) == (9_007_199_254_741_243, 1)
    assert total.average_ms == 12.5


@pytest.mark.parametrize(
    ("group_by", "field", "keys"),
    [
        ("model", "model", ["large", "small", None]),
        ("provider", "provider", ["groq", "openai", None]),
        ("app", "app", ["writer", "gateway"]),
        ("prompt", "prompt", ["brief", None]),
        ("actor", "actor", ["key:ak_1", "member:mem_1"]),
        ("client", "client_id", [7, 8, None]),
        ("widget", "widget_id", [70, 80, None]),
    ],
)
async def test_groups_come_with_most_tokens_first(office: Office, group_by: Any, field: str, keys: list[Any]):
    await office.write(
        *({field: key, "total_tokens": 1000 - number} for number, key in enumerate(keys)),
        {field: keys[0], "total_tokens": 5},
    )

    report = await office.reports.summarize(office.reader, group_by)

    assert [row.key for row in report.rows] == keys
    assert [row.requests for row in report.rows] == [2] + [1] * (len(keys) - 1)
    assert report.total.requests == len(keys) + 1


async def test_days_are_those_of_the_tenant_and_none_is_left_out(office: Office):
    await office.write(
        {"created_at": datetime(2026, 11, 18, 20, 59, 59, 999999, tzinfo=UTC), "total_tokens": 1},
        {"created_at": datetime(2026, 11, 18, 21, tzinfo=UTC), "total_tokens": 2},
        {"created_at": datetime(2026, 11, 20, 21, tzinfo=UTC), "total_tokens": 4},
    )

    report = await office.reports.summarize(
        office.reader, "day", Days(date(2026, 11, 18), date(2026, 11, 21))
    )

    assert [(row.key, row.total_tokens, row.requests) for row in report.rows] == [
        ("2026-11-18", 1, 1),
        ("2026-11-19", 2, 1),
        ("2026-11-20", 0, 0),
        ("2026-11-21", 4, 1),
    ]
    assert report.total.total_tokens == 7
    assert report.time_zone == "Asia/Riyadh"


async def test_report_covers_its_days_and_no_more(office: Office):
    await office.write(
        {"created_at": datetime(2026, 11, 18, 20, 59, tzinfo=UTC)},
        {"created_at": datetime(2026, 11, 19, 20, 59, tzinfo=UTC)},
        {"created_at": datetime(2026, 11, 19, 21, tzinfo=UTC)},
    )
    day = date(2026, 11, 19)

    report = await office.reports.summarize(office.reader, "model", Days(day, day))

    assert (report.total.requests, [row.requests for row in report.rows]) == (1, [1])


async def test_report_is_of_the_last_thirty_days_unless_said_otherwise(office: Office):
    await office.write({"created_at": NOON - timedelta(days=40)}, {"created_at": NOON - timedelta(days=20)})

    report = await office.reports.summarize(office.reader, "day")

    assert (report.first, report.last) == (date(2026, 10, 23), date(2026, 11, 21))
    assert len(report.rows) == 30
    assert report.total.requests == 1


async def test_rows_of_a_report_come_in_pages(office: Office):
    await office.write(*({"actor": f"key:{number}", "total_tokens": number} for number in range(1, 6)))

    pages = [
        [
            row.key
            for row in (await office.reports.summarize(office.reader, "actor", limit=2, offset=skip)).rows
        ]
        for skip in (0, 2, 4, 6)
    ]

    assert pages == [["key:5", "key:4"], ["key:3", "key:2"], ["key:1"], []]


async def test_reports_know_nothing_of_other_tenants(office: Office):
    await office.write({"model": "theirs", "widget_id": 7, "total_tokens": 99}, caller=office.other)
    await office.write({"model": "mine"})

    for group_by in ("tenant", "model", "day", "widget"):
        report = await office.reports.summarize(office.reader, group_by, limit=1000)
        assert report.total.total_tokens == 15
        assert sum(row.total_tokens for row in report.rows) == 15
        assert "theirs" not in {row.key for row in report.rows}
    assert (await office.reports.get_widget_outcomes(office.reader, 7)).total == 0
    assert (await office.reports.get_tokens(office.reader)).total_tokens == 15
    assert [row.total for row in await office.reports.list_provider_outcomes(office.reader)] == [1]
    calls = await office.reports.export_calls(office.reader)
    assert [record.model async for page in calls for record in page] == ["mine"]


async def test_outcomes_are_counted_by_provider(office: Office):
    await office.write(
        {"provider": "groq", "duration_ms": 10},
        {"provider": "groq", "duration_ms": 20},
        {"provider": "groq", "status": "failed", "total_tokens": None, "error_code": "provider_timeout"},
        {"provider": "groq", "status": "cancelled", "total_tokens": 1},
        {"provider": None, "attempt": 0, "status": "refused", "total_tokens": None,
         "error_code": "out_of_credits"},
        {"provider": "openai", "created_at": NOON - timedelta(days=40)},
    )  # fmt: skip

    found = {row.provider: row for row in await office.reports.list_provider_outcomes(office.reader)}

    assert set(found) == {"groq", None}
    groq = found["groq"]
    assert (groq.total, groq.successful, groq.failed, groq.exhausted, groq.tokens) == (4, 2, 1, 0, 31)
    assert groq.average_ms == 15
    refused = found[None]
    assert (refused.total, refused.failed, refused.exhausted, refused.average_ms) == (1, 0, 1, None)


async def test_outcomes_of_a_widget_count_requests_and_the_tokens_of_all_attempts(office: Office):
    await office.write(
        {"widget_id": 7, "is_last": False, "status": "failed", "total_tokens": 3},
        {"widget_id": 7, "attempt": 2},
        {"widget_id": 8},
    )

    found = await office.reports.get_widget_outcomes(office.reader, 7)

    assert (found.total, found.successful, found.failed, found.tokens) == (1, 1, 0, 18)


async def test_operator_sees_the_tokens_of_every_tenant(office: Office):
    await office.write({}, {"created_at": NOON - timedelta(days=31)})

    first = await office.reports.list_tokens(OPERATOR, limit=1)
    rest = await office.reports.list_tokens(OPERATOR, after=first[0].tenant_id)

    assert (len(first), len(rest)) == (1, 1)
    assert {(row.tenant_id, row.name, row.input_tokens, row.total_tokens) for row in first + rest} == {
        (office.reader.tenant_id, "Acme", 10, 15),
        (office.other.tenant_id, "Other", 0, 0),
    }
    with pytest.raises(PermissionDenied):
        await office.reports.list_tokens(office.reader)


async def test_export_reads_page_after_page(office: Office, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service_module, "_EXPORT_PAGE", 2)
    await office.write(*({"request_id": f"req_{number}"} for number in range(5)))
    await office.write({"request_id": "early", "created_at": NOON - timedelta(days=1)})

    pages = [page async for page in await office.reports.export_calls(office.reader)]

    assert [[record.request_id for record in page] for page in pages] == [
        ["early", "req_0"],
        ["req_1", "req_2"],
        ["req_3", "req_4"],
    ]


async def test_report_needs_the_scope_before_anything_is_read(office: Office):
    stranger = Caller(office.reader.tenant_id, "key:ak_3", frozenset({"inference", "config:write"}))

    for ask in (
        office.reports.summarize(stranger, "day"),
        office.reports.list_provider_outcomes(stranger),
        office.reports.get_widget_outcomes(stranger, 7),
        office.reports.get_tokens(stranger),
        office.reports.export_calls(stranger),
    ):
        with pytest.raises(PermissionDenied, match="usage:read"):
            await ask


@pytest.mark.parametrize("days", [0, -1, 367])
async def test_span_that_makes_no_sense_is_refused(office: Office, days: int):
    for ask in (
        office.reports.get_tokens(office.reader, days),
        office.reports.list_provider_outcomes(office.reader, days),
    ):
        with pytest.raises(InvalidRequest):
            await ask
