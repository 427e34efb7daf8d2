"""Reports from tallies, on both databases: line by line they say what a sum over the log would say."""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from unittest.mock import AsyncMock

import pytest

from officium.core.tenancy import Caller, TenantStore, operator_of
from officium.core.usage import UsageRecord, UsageStore
from officium.core.usage.contents.store import ContentStore
from officium.core.usage.reports import GroupBy, Outcomes, ReportService, ReportStore, UsageSums
from officium.core.usage.reports.report import days_between
from officium.core.usage.reports.service import Days
from officium.core.usage.tallies import Tally, TallyStore
from officium.core.usage.tallies.tally import FIELDS, SLOT, parts_of
from officium.kit.database import Database
from tests.support.clock import HandClock
from tests.support.records import a_record
from tests.support.tenancy import Tenancy

NOW = datetime(2026, 11, 2, 12, 7, 30, 250, tzinfo=UTC)
"""A week after the clocks were put back in Berlin, a day after St. John's did."""
SUBJECTS: tuple[dict[str, Any], ...] = (
    {},
    {"client_id": 2},
    {"widget_id": 20},
    {"client_id": 2, "widget_id": 20},
)
FIELD: dict[GroupBy, str] = {
    "tenant": "tenant_id",
    "model": "model",
    "provider": "provider",
    "app": "app",
    "prompt": "prompt",
    "actor": "actor",
    "client": "client_id",
    "widget": "widget_id",
}


class Office:
    """A tenant with a log of forty days, and another one."""

    def __init__(self, database: Database, zone: str) -> None:
        self.tenancy = Tenancy(database, HandClock(NOW))
        self.log = UsageStore(database)
        self.store = ReportStore(database)
        self.contents = ContentStore(database, AsyncMock())
        self.zone = zone
        self.reports = ReportService(
            self.store, TallyStore(database), TenantStore(database), self.tenancy.clock
        )

    async def open(self, records: int = 250) -> "Office":
        made = await self.tenancy.tenants.create_tenant(operator_of(""), "Acme", time_zone=self.zone)
        other = await self.tenancy.a_tenant("Other")
        self.reader = Caller(made.id, "key:ak_1", frozenset({"usage:read"}))
        self.records = [a_random_record(number, made.id) for number in range(records)]
        await self.log.append_for_all_tenants(
            [*self.records, *(a_random_record(number, other.id) for number in range(60))]
        )
        return self

    async def forget(self, before: datetime) -> None:
        """Delete the lines from before a moment, as the tenant's terms may ask for."""
        await self.contents.delete_lines(self.reader, before, 100_000)
        self.records = [record for record in self.records if record.created_at >= before]

    def between(self, starts_at: datetime, ends_at: datetime, **of: int) -> list[UsageRecord]:
        return [
            record
            for record in self.records
            if starts_at <= record.created_at < ends_at
            and all(getattr(record, name) == value for name, value in of.items())
        ]


@pytest.fixture(params=["Asia/Riyadh", "Europe/Berlin", "America/St_Johns"])
async def office(database: Database, request: pytest.FixtureRequest) -> Office:
    return await Office(database, request.param).open()


def a_random_record(number: int, tenant_id: str) -> UsageRecord:
    """A line as the gateway writes them: refused and cached ones have no attempt, others have a provider."""
    dice = random.Random(number)
    way = dice.choice(["tried", "tried", "tried", "refused", "cached"])
    status = {"refused": "refused", "cached": "success"}.get(
        way, dice.choice(["success", "success", "failed", "cancelled"])
    )
    error = dice.choice(["timeout", "out_of_credits"]) if status in ("failed", "refused") else None
    return a_record(
        tenant_id=tenant_id,
        created_at=NOW - timedelta(microseconds=dice.randrange(40 * 86_400_000_000)),
        attempt=dice.choice([1, 2]) if way == "tried" else 0,
        is_last=way != "tried" or dice.random() < 0.8,
        actor=dice.choice(["key:ak_1", "member:mem_1"]),
        app=dice.choice(["gateway", "widget", "writer"]),
        prompt=dice.choice([None, "brief"]),
        provider=None if way == "refused" else (provider := dice.choice(["openai", "groq"])),
        model=None if way == "refused" else dice.choice(["large", f"{provider}/small", None]),
        client_id=(client := dice.choice([None, 1, 2])),
        widget_id=None if client is None else dice.choice([None, client * 10, 20]),
        status=status,
        error_code=error,
        input_tokens=dice.choice([None, 4]),
        total_tokens=dice.choice([None, 15, 1500]),
        cost_nano_usd=dice.choice([None, 0, 9_007_199_254_740_993]),
        ttft_ms=None,
        duration_ms=dice.randrange(9000),
    )


def summed(records: Iterable[UsageRecord], key: Any) -> UsageSums:
    """What lines come to, as the words of `UsageSums` say it."""
    lines = list(records)
    tried = [line for line in lines if line.attempt]
    decided = [line for line in lines if line.is_last]
    times = [line.duration_ms for line in lines if line.status == "success"]
    return UsageSums(
        key=key,
        requests=len(decided),
        errors=sum(line.status in ("failed", "refused") for line in decided),
        attempts=len(tried),
        failed_attempts=sum(line.status == "failed" for line in tried),
        input_tokens=sum(line.input_tokens or 0 for line in lines),
        output_tokens=sum(line.output_tokens or 0 for line in lines),
        total_tokens=sum(line.total_tokens or 0 for line in lines),
        cost_nano_usd=sum(line.cost_nano_usd or 0 for line in lines),
        attempts_without_cost=sum(line.cost_nano_usd is None for line in tried),
        average_ms=round(sum(times) / len(times), 1) if times else None,
    )


def ended(records: Iterable[UsageRecord], provider: str | None, *, is_decided: bool) -> Outcomes:
    """The same for `Outcomes`, of all lines or of those that decided a request."""
    lines = list(records)
    numbered = [line for line in lines if line.is_last or not is_decided]
    times = [line.duration_ms for line in lines if line.status == "success"]
    exhausted = [line for line in numbered if line.error_code == "out_of_credits"]
    failed = [line for line in numbered if line.status in ("failed", "refused") and line not in exhausted]
    return Outcomes(
        provider=provider,
        total=len(numbered),
        tokens=sum(line.total_tokens or 0 for line in lines),
        average_ms=round(sum(times) / len(times), 1) if times else None,
        successful=sum(line.status == "success" for line in numbered),
        failed=len(failed),
        exhausted=len(exhausted),
    )


async def says_what_the_log_says(office: Office, days: Days) -> None:
    """Every report there is of these days."""
    first = days.first or date(2026, 10, 4)
    last = days.last or date(2026, 11, 2)
    spans = days_between(first, last, office.zone)
    for of in SUBJECTS:
        lines = office.between(spans[0].starts_at, spans[-1].ends_at, **of)
        for group_by in get_args(GroupBy):
            report = await office.reports.summarize(office.reader, group_by, days, limit=400, **of)

            assert report.total == summed(lines, None), (of, group_by)
            if group_by == "day":
                assert report.rows == [
                    summed(office.between(day.starts_at, day.ends_at, **of), day.key) for day in spans
                ]
                continue
            keys = {getattr(line, FIELD[group_by]) for line in lines}
            expected = [
                summed((line for line in lines if getattr(line, FIELD[group_by]) == key), key) for key in keys
            ]
            assert {row.key: row for row in report.rows} == {row.key: row for row in expected}, (of, group_by)
            assert [row.total_tokens for row in report.rows] == sorted(
                (row.total_tokens for row in expected), reverse=True
            )


@pytest.mark.parametrize(
    "days",
    [Days(), Days(date(2026, 10, 24), date(2026, 10, 26)), Days(date(2026, 11, 1), date(2026, 11, 1))],
    ids=["thirty days", "around the day of 25 hours", "one day"],
)
async def test_reports_say_what_the_log_says(office: Office, days: Days) -> None:
    await says_what_the_log_says(office, days)


async def test_reports_reach_as_far_back_as_the_lines(office: Office) -> None:
    middle_of_a_slot = NOW - timedelta(days=11, minutes=3)
    await office.forget(middle_of_a_slot)

    await says_what_the_log_says(office, Days())

    await office.forget(NOW + timedelta(days=1))
    report = await office.reports.summarize(office.reader, "client")
    assert (report.rows, report.total.requests, report.total.cost_nano_usd) == ([], 0, 0)
    assert await office.reports.list_provider_outcomes(office.reader) == []


@pytest.mark.parametrize("days", [1, 30])
@pytest.mark.parametrize("is_cut", [False, True], ids=["all lines", "some deleted"])
async def test_outcomes_say_what_the_log_says(database: Database, days: int, is_cut: bool) -> None:
    office = await Office(database, "UTC").open()
    if is_cut:
        await office.forget(NOW - timedelta(days=9, minutes=1))
    lines = office.between(NOW - timedelta(days=days), NOW + timedelta(days=1))
    tokens = summed(lines, None)

    providers = await office.reports.list_provider_outcomes(office.reader, days)
    widget = await office.reports.get_widget_outcomes(office.reader, 20, days)
    used = await office.reports.get_tokens(office.reader, days)

    names = sorted({line.provider for line in lines}, key=lambda name: name or "")
    assert providers == [
        ended((line for line in lines if line.provider == name), name, is_decided=False) for name in names
    ]
    assert widget == ended((line for line in lines if line.widget_id == 20), None, is_decided=True)
    assert (used.name, used.input_tokens, used.output_tokens, used.total_tokens) == (
        "Acme",
        tokens.input_tokens,
        tokens.output_tokens,
        tokens.total_tokens,
    )


async def test_log_is_read_for_a_quarter_of_an_hour_at_most(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = await Office(database, "Asia/Riyadh").open(50)
    read: list[timedelta] = []

    def watched(name: str) -> Callable[..., Any]:
        ask = getattr(office.store, name)

        async def watch(caller: Caller, *asked: Any) -> Any:
            starts_at, ends_at = [one for one in asked if isinstance(one, datetime)]
            read.append(ends_at - max(starts_at, min(line.created_at for line in office.records)))
            return await ask(caller, *asked)

        return watch

    for name in ("read_total", "read_groups", "read_outcomes", "read_outcome"):
        monkeypatch.setattr(office.store, name, watched(name))
    monkeypatch.setattr(office.store, "read_days", AsyncMock(side_effect=AssertionError))
    of_all: tuple[GroupBy, ...] = ("tenant", "model", "provider", "app", "client", "widget", "day")
    for days in (Days(), Days(date(2026, 9, 1), None)):
        for group_by in of_all:
            await office.reports.summarize(office.reader, group_by, days)
        for of in SUBJECTS[:3]:
            await office.reports.summarize(office.reader, "day", days, **of)
    await office.reports.summarize(office.reader, "client", client_id=2)
    await office.reports.list_provider_outcomes(office.reader)
    await office.reports.get_widget_outcomes(office.reader, 20)
    await office.reports.get_tokens(office.reader)

    assert read
    assert max(read) <= SLOT


def test_parts_make_up_the_time_and_nothing_else() -> None:
    dice, midnight = random.Random(5), datetime(2026, 11, 2, tzinfo=UTC)
    for _ in range(2000):
        starts_at = midnight + SLOT * dice.randrange(200)
        ends_at = starts_at + SLOT * dice.randrange(400)
        counted: dict[datetime, int] = {}
        parts = parts_of(starts_at, ends_at)
        for part in parts:
            moment = part.starts_at
            while moment < part.ends_at:
                counted[moment] = counted.get(moment, 0) + part.sign
                moment += SLOT

        wanted = {starts_at + SLOT * n for n in range((ends_at - starts_at) // SLOT)}
        assert {moment for moment, times in counted.items() if times} == wanted
        assert set(counted.values()) <= {0, 1}
        assert all((part.ends_at - part.starts_at) // SLOT <= 48 for part in parts if part.span == "slot")


def test_tallies_can_be_taken_from_each_other() -> None:
    whole, piece = Tally(requests=5, cost_nano_usd=7), Tally(requests=2, cost_nano_usd=7)

    whole.add(piece, -1)

    assert (whole.requests, whole.cost_nano_usd) == (3, 0)
    assert set(FIELDS) == set(Tally.__struct_fields__)
