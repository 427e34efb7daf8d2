"""Tallies, on both databases: they say what the usage log says, and cost no look at it."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from officium.core.tenancy import Caller, TenantStore, operator_of
from officium.core.usage import UsageStore
from officium.core.usage.errors import RecordRefused
from officium.core.usage.reports import ReportService, ReportStore
from officium.core.usage.reports.service import Days
from officium.core.usage.tallies import KINDS, OverviewService, Period, TallyStore
from officium.core.usage.tallies.overview import times_of
from officium.core.usage.tallies.tables import usage_tallies
from officium.kit import schema
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.errors import PermissionDenied
from tests.support.clock import HandClock
from tests.support.records import a_record
from tests.support.tenancy import Tenancy

NOW = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)
OPERATOR = operator_of("")


class Office:
    """Two tenants, their log and what it comes to."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tenancy = Tenancy(database, HandClock(NOW))
        self.log = UsageStore(database)
        self.store = TallyStore(database)
        tenants = TenantStore(database)
        self.overviews = OverviewService(self.store, tenants, self.tenancy.clock)
        self.reports = ReportService(ReportStore(database), TallyStore(database), tenants, self.tenancy.clock)

    async def open(self, zone: str = "Asia/Kolkata") -> "Office":
        acme = await self.tenancy.tenants.create_tenant(OPERATOR, "Acme", time_zone=zone)
        other = await self.tenancy.a_tenant("Other")
        self.reader = Caller(acme.id, "key:ak_1", frozenset({"usage:read"}))
        self.other = Caller(other.id, "key:ak_2", frozenset({"usage:read"}))
        return self

    async def write(self, *records: dict[str, Any], caller: Caller | None = None) -> None:
        tenant_id = (caller or self.reader).tenant_id
        await self.log.append_for_all_tenants(
            [a_record(**{"tenant_id": tenant_id, "created_at": NOW, **record}) for record in records]
        )


@pytest.fixture
async def office(database: Database) -> Office:
    return await Office(database).open()


def at_random(count: int) -> list[dict[str, Any]]:
    """Records of forty days, of every kind."""
    dice = random.Random(7)
    return [
        {
            "created_at": NOW - timedelta(seconds=dice.randrange(40 * 86_400)),
            "attempt": dice.choice([0, 1, 1, 2]),
            "is_last": dice.random() < 0.8,
            "app": dice.choice(["gateway", "widget", "writer"]),
            "provider": (provider := dice.choice(["openai", "groq", None])),
            "model": None if provider is None else dice.choice(["large", "small"]),
            "client_id": dice.choice([None, 1, 2]),
            "status": (status := dice.choice(["success", "success", "failed", "refused", "cancelled"])),
            "error_code": None if status == "success" else dice.choice(["timeout", "out_of_credits"]),
            "total_tokens": dice.choice([None, 15, 1500]),
            "cost_nano_usd": dice.choice([None, 0, 9_007_199_254_740_993]),
            "ttft_ms": dice.choice([None, 3, 40]),
            "duration_ms": dice.randrange(9000),
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize("period", ["today", "7-days", "30-days"])
async def test_overview_says_what_the_log_says(office: Office, period: Period) -> None:
    records = at_random(400)
    for start in range(0, 400, 50):
        await office.write(*records[start : start + 50])
    await office.write(*at_random(30), caller=office.other)

    found = await office.overviews.get_overview(office.reader, period)

    first = found.starts_at.astimezone(UTC) + timedelta(hours=12)
    days = Days(first.date(), None)
    for kind, groups in (("app", found.apps), ("client", found.clients)):
        report = await office.reports.summarize(office.reader, kind, days)  # type: ignore[arg-type]
        assert {key: tally.requests for key, tally in groups} == {
            str(row.key): row.requests for row in report.rows if row.key is not None
        }
        for name in ("requests", "errors", "attempts", "failed_attempts", "total_tokens", "cost_nano_usd"):
            assert getattr(found.total, name) == getattr(report.total, name), name
        assert found.total.average_ms == pytest.approx(report.total.average_ms, abs=0.06)
    assert sum(point.tally.requests for point in found.points) == found.total.requests
    assert {key for key, _ in found.models} <= {"openai/large", "openai/small", "groq/large", "groq/small"}


async def test_days_are_those_of_the_tenant_also_where_they_begin_at_half_past(office: Office) -> None:
    begins = datetime(2026, 11, 19, 18, 30, tzinfo=UTC)
    await office.write({"created_at": begins - timedelta(seconds=1)}, {"created_at": begins})

    today = await office.overviews.get_overview(office.reader, "today")
    week = await office.overviews.get_overview(office.reader, "7-days")

    assert today.starts_at == begins
    assert (today.total.requests, week.total.requests) == (1, 2)
    assert [point.tally.requests for point in week.points][-2:] == [1, 1]
    assert next(point.tally.requests for point in today.points) == 1


async def test_period_before_ends_at_the_same_time_of_the_day(office: Office) -> None:
    for back in (timedelta(days=1), timedelta(hours=23)):
        await office.write({"created_at": NOW - back})

    found = await office.overviews.get_overview(office.reader, "today")

    assert found.before.requests == 1, "what came later that day is not compared with a day that is not over"


def test_day_on_which_clocks_change_has_its_own_hours() -> None:
    spring = times_of("today", "Europe/Berlin", datetime(2026, 3, 29, 12, tzinfo=UTC))
    autumn = times_of("today", "Europe/Berlin", datetime(2026, 10, 25, 12, tzinfo=UTC))

    assert (len(spring.pieces), len(autumn.pieces)) == (23, 25)


async def test_tenants_do_not_see_each_other(office: Office) -> None:
    await office.write({}, {}, caller=office.other)

    assert (await office.overviews.get_overview(office.reader, "today")).total.requests == 0
    assert not await office.overviews.has_any(office.reader)
    assert await office.overviews.has_any(office.other)
    for kind in KINDS:
        assert await office.overviews.list_groups(office.reader, kind, 24) == []


async def test_batch_that_is_refused_leaves_no_tally(office: Office) -> None:
    with pytest.raises(RecordRefused):
        await office.write({}, {"duration_ms": None})

    assert not await office.overviews.has_any(office.reader)


async def test_processes_that_write_at_once_lose_nothing(office: Office) -> None:
    batches = [at_random(40) for _ in range(6)]

    await asyncio.gather(*(office.write(*batch) for batch in batches))

    start, end = NOW - timedelta(days=41), NOW + timedelta(days=1)
    total = await office.store.read_total(
        office.reader, "all", start.replace(minute=0), end.replace(minute=0)
    )
    assert total.attempts == sum(record["attempt"] > 0 for batch in batches for record in batch)


async def test_last_use_of_a_key_is_found(office: Office) -> None:
    await office.write(
        {"provider": "groq", "created_at": NOW - timedelta(days=20)},
        {"provider": "groq", "created_at": NOW - timedelta(days=10)},
        {"provider": "openai"},
    )

    last = await office.store.find_last(office.reader, "provider", "groq")
    one_before = await office.store.find_last(office.reader, "provider", "groq", last)

    assert last == datetime(2026, 11, 10, 12, tzinfo=UTC)
    assert one_before == datetime(2026, 10, 31, 12, tzinfo=UTC)
    assert await office.store.find_last(office.reader, "provider", "mistral") is None


async def test_whoever_may_not_see_usage_is_refused(office: Office) -> None:
    stranger = Caller(office.reader.tenant_id, "key:ak_3", frozenset({"inference"}))

    with pytest.raises(PermissionDenied):
        await office.overviews.get_overview(stranger, "today")
    with pytest.raises(PermissionDenied):
        await office.overviews.list_groups(stranger, "model", 24)


async def test_log_that_was_written_before_there_were_tallies_is_summed_up(office: Office) -> None:
    await office.write(*at_random(300))
    await office.write(*at_random(30), caller=office.other)
    written = await _rows(office.database)
    steps = schema.revisions()

    await schema.downgrade(office.database, steps[steps.index("0032") - 1])
    await schema.upgrade(office.database)

    assert len(written) > 500
    assert await _rows(office.database) == written


async def _rows(database: Database) -> list[Any]:
    query = select(usage_tallies).order_by(*usage_tallies.primary_key.columns)
    async with database.reading(ALL_TENANTS) as connection:
        return [tuple(row) for row in await connection.execute(query)]
