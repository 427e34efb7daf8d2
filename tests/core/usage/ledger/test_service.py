"""The ledger as callers see it, on both databases."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from officium.core.tenancy import Caller
from officium.core.usage.ledger import (
    THE_TENANT,
    Amounts,
    BudgetNotFound,
    Hold,
    LedgerService,
    OutOfCredits,
    Subject,
)
from officium.core.usage.ledger import line as line_module
from officium.core.usage.ledger import writer as writer_module
from officium.core.usage.ledger.operation import Operation
from officium.core.usage.ledger.tables import budget_alerts, budget_counters, holds, ledger_entries
from officium.core.usage.ledger.writer import LedgerWriter
from officium.kit import database as database_module
from officium.kit.database import Database
from officium.kit.errors import InvalidRequest, PermissionDenied, ServiceUnavailable
from tests.support.clock import HandClock
from tests.support.ledger import (
    A_LABEL,
    ShakyStore,
    a_budget,
    a_need,
    check_books,
    read_rows,
    save_budgets,
    set_limit,
)

ADMIN = Caller("ten_1", "member:mem_1", frozenset({"admin"}))
OTHER = Caller("ten_2", "member:mem_2", frozenset({"admin"}))
A_KEY = Subject("key", "ak_1")
NOTHING = Amounts()


class Ledger:
    """A service as one process has it, and what a test asks of it."""

    def __init__(self, database: Database, clock: HandClock, **options: Any) -> None:
        self.clock = clock
        self.store = ShakyStore(database)
        self.service = LedgerService(self.store, clock, **{"wait_s": 0.0, "renew_s": 60.0, **options})

    async def hold(self, tokens: int = 100, output: int = 300, *, least: int = 10, **options: Any) -> Hold:
        options = {"subjects": (THE_TENANT,), "caller": ADMIN, "is_stream": False, **options}
        return await self.service.hold(
            options["caller"],
            options["subjects"],
            a_need(tokens, output, least),
            A_LABEL,
            is_stream=options["is_stream"],
        )

    async def settle(self, hold: Hold, tokens: int) -> None:
        self.service.settle(hold, Amounts(tokens, 1, 0), "provider")
        await self.service.flush()

    async def used_and_held(self, caller: Caller = ADMIN) -> tuple[int, int]:
        balance = (await self.service.balances(caller, THE_TENANT))[0]
        return balance.used, balance.held


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "_RETRY_WAIT_S", 0.01)
    monkeypatch.setattr(line_module, "RETRY_S", 0.02)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def start(database: Database, clock: HandClock) -> AsyncIterator[Any]:
    """Starts services on one database, each as if in a process of its own."""
    started: list[Ledger] = []

    async def start_one(**options: Any) -> Ledger:
        ledger = Ledger(database, clock, **options)
        started.append(ledger)
        await ledger.service.start()
        return ledger

    yield start_one
    for ledger in started:
        ledger.store.gate.set()
        await ledger.service.close(timeout_s=2.0)


async def test_a_call_is_held_and_settled(database: Database, start: Any):
    await save_budgets(database, a_budget())
    ledger = await start()

    hold = await ledger.hold()

    assert (hold.granted, hold.output_tokens, hold.is_shrunk) == (Amounts(400, 1, 0), 300, False)
    assert hold.is_limited
    assert await ledger.used_and_held() == (0, 400)
    await ledger.settle(hold, 250)
    assert await ledger.used_and_held() == (250, 0)
    assert await read_rows(database, holds) == []


async def test_entries_say_what_was_booked_newest_first(database: Database, start: Any):
    await save_budgets(database, a_budget(), a_budget("bud_2", tenant_id="ten_2"))
    ledger = await start()
    for tokens in (10, 20, 30):
        await ledger.settle(await ledger.hold(), tokens)
    await ledger.settle(await ledger.hold(caller=OTHER), 40)

    newest = await ledger.service.list_entries(ADMIN, limit=2)
    oldest = await ledger.service.list_entries(ADMIN, before=newest[-1].id)

    assert [(one.tokens, one.kind, one.source) for one in newest] == [
        (30, "settled", "provider"),
        (20, "settled", "provider"),
    ]
    assert [one.tokens for one in oldest] == [10]
    assert (newest[0].request_id, newest[0].created_at) == (A_LABEL.request_id, ledger.clock.now())


async def test_a_refusal_says_what_is_missing(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=50, period="month"))
    ledger = await start()

    with pytest.raises(
        OutOfCredits, match=r"no tokens left this month .* 0 of 50 are used, and it may need \d+\."
    ) as caught:
        await ledger.hold()

    assert caught.value.fields == {
        "budget": "bud_1",
        "limit": 50,
        "used": 0,
        "held": 0,
        "need": 110,
        "resets_at": ledger.clock.now().replace(month=12, day=1, hour=0),
    }
    balance = (await ledger.service.balances(ADMIN, THE_TENANT))[0]
    assert (balance.exhausted_at, balance.period_start) == (ledger.clock.now(), "2026-11")


async def test_a_budget_that_was_never_used_stands_at_nothing(database: Database, start: Any):
    await save_budgets(database, a_budget(time_zone="Asia/Kolkata"))
    ledger = await start()

    balance = (await ledger.service.balances(ADMIN, THE_TENANT))[0]

    assert (balance.used, balance.held, balance.limit, balance.exhausted_at) == (0, 0, 1000, None)
    assert balance.ends_at - balance.starts_at == timedelta(days=1)
    assert await ledger.service.balances(OTHER, THE_TENANT) == []


async def test_a_new_day_has_its_own_credits(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=400))
    ledger = await start()
    hold = await ledger.hold()
    ledger.clock.advance(24 * 3600)

    await ledger.hold()
    await ledger.settle(hold, 400)

    counters = await read_rows(database, budget_counters)
    assert [(one["period_start"], one["used"], one["held"]) for one in counters] == [
        ("2026-11-21", 400, 0),
        ("2026-11-22", 0, 400),
    ]


async def test_a_changed_limit_counts_at_once(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=0))
    ledger = await start()
    with pytest.raises(OutOfCredits):
        await ledger.hold()

    await set_limit(database, "bud_1", 1000)

    assert (await ledger.hold()).output_tokens == 300


async def test_holds_under_way_at_once_never_overspend(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=5_000), a_budget("requests", limit=9, unit="requests"))
    ledger = await start()

    answers = await asyncio.gather(*(ledger.hold() for _ in range(30)), return_exceptions=True)

    granted = [answer for answer in answers if isinstance(answer, Hold)]
    assert len(granted) == 9
    assert sum(hold.granted.tokens for hold in granted) == 9 * 400
    assert all(isinstance(answer, Hold | OutOfCredits) for answer in answers)
    await check_books(database)


async def test_a_hold_can_be_extended(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=500))
    ledger = await start()
    hold = await ledger.hold()

    assert await ledger.service.extend(hold, Amounts(tokens=100))
    assert not await ledger.service.extend(hold, Amounts(tokens=1))

    assert hold.granted == Amounts(500, 1, 0)
    assert await ledger.used_and_held() == (0, 500)


async def test_thresholds_are_written_down_with_what_reached_them(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=400))
    ledger = await start()

    await ledger.settle(await ledger.hold(), 330)

    alert = (await read_rows(database, budget_alerts))[0]
    assert alert["id"].startswith("alert_")
    assert {name: alert[name] for name in ("tenant_id", "budget_id", "period_start", "threshold")} == {
        "tenant_id": "ten_1",
        "budget_id": "bud_1",
        "period_start": "2026-11-21",
        "threshold": 80,
    }
    assert (alert["used"], alert["limit"], alert["attempts"], alert["delivered_at"]) == (330, 400, 0, None)
    assert alert["created_at"] == alert["next_attempt_at"] == ledger.clock.now()


# Waiting


async def test_a_hold_waits_until_another_lets_go(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=600))
    ledger = await start(wait_s=5.0)
    first = await ledger.hold()
    second = asyncio.create_task(ledger.hold())
    await asyncio.sleep(0.03)
    assert not second.done()

    await ledger.settle(first, 50)

    assert (await second).output_tokens == 300


async def test_who_waited_long_enough_takes_what_there_is(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=600))
    ledger = await start(wait_s=0.05)
    await ledger.hold()

    assert (await ledger.hold()).output_tokens == 100
    with pytest.raises(OutOfCredits, match="Other calls hold the rest"):
        await ledger.hold()
    assert await ledger.used_and_held() == (0, 600)


async def test_those_who_wait_are_served_in_the_order_they_came(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=400))
    ledger = await start(wait_s=5.0)
    served: list[int] = []

    async def take_part(number: int) -> None:
        hold = await ledger.hold(output=300 - number * 10)
        served.append(number)
        ledger.service.settle(hold, NOTHING, "none")

    first = await ledger.hold()
    others = []
    for number in range(8):
        others.append(asyncio.create_task(take_part(number)))
        await asyncio.sleep(0.01)
    await ledger.settle(first, 0)
    await asyncio.gather(*others)

    assert served == list(range(8))


async def test_a_small_call_does_not_slip_past_a_large_one(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=600))
    ledger = await start(wait_s=1.0)
    await ledger.hold()
    large = asyncio.create_task(ledger.hold())
    await asyncio.sleep(0.15)

    small = asyncio.create_task(ledger.hold(tokens=10, output=10))
    await asyncio.sleep(0.15)

    assert not small.done()
    assert (await large).output_tokens == 100
    with pytest.raises(OutOfCredits):
        await small


async def test_a_call_under_other_budgets_does_not_stand_in_line(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=400), a_budget("bud_2", subject=A_KEY))
    ledger = await start(wait_s=5.0)
    await ledger.hold()
    waiting = asyncio.create_task(ledger.hold())
    await asyncio.sleep(0.03)

    assert (await ledger.hold(subjects=(A_KEY,))).output_tokens == 300

    waiting.cancel()


async def test_those_who_wait_notice_what_other_processes_let_go(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=400))
    here, there = await start(wait_s=5.0), await start()
    theirs = await there.hold()
    waiting = asyncio.create_task(here.hold())
    await asyncio.sleep(0.03)

    await there.settle(theirs, 0)

    assert (await waiting).output_tokens == 300


async def test_waiting_does_not_keep_the_database_busy(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=400))
    ledger = await start(wait_s=0.2)
    await ledger.hold()
    ledger.store.batches.clear()

    with pytest.raises(OutOfCredits):
        await ledger.hold()

    assert 2 <= len(ledger.store.batches) <= 14


async def test_one_who_gives_up_waiting_leaves_the_line_to_others(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=400))
    ledger = await start(wait_s=5.0)
    first = await ledger.hold()
    impatient = asyncio.create_task(ledger.hold())
    patient = asyncio.create_task(ledger.hold())
    await asyncio.sleep(0.03)

    impatient.cancel()
    await ledger.settle(first, 0)
    hold = await patient

    await ledger.settle(hold, 0)
    assert await ledger.used_and_held() == (0, 0)


async def test_those_who_wait_are_sent_away_when_the_server_stops(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=400))
    ledger = await start(wait_s=5.0)
    await ledger.hold()
    waiting = asyncio.create_task(ledger.hold())
    await asyncio.sleep(0.03)

    await ledger.service.close()

    with pytest.raises(ServiceUnavailable):
        await waiting


# Cancelled callers


async def test_a_caller_who_leaves_before_the_commit_leaves_nothing_behind(database: Database, start: Any):
    await save_budgets(database, a_budget())
    ledger = await start()
    ledger.store.gate.clear()
    caller = asyncio.create_task(ledger.hold())
    await asyncio.sleep(0.03)

    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller
    ledger.store.gate.set()
    await ledger.service.flush()

    assert await read_rows(database, holds) == []
    assert await ledger.used_and_held() == (0, 0)
    assert await read_rows(database, ledger_entries) == []


async def test_callers_who_leave_at_any_moment_leave_nothing_behind(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=1_500))
    ledger = await start(wait_s=0.1)
    chance = random.Random(7)

    async def come_and_go() -> None:
        try:
            async with asyncio.timeout(chance.random() * 0.03):
                hold = await ledger.hold()
        except (TimeoutError, OutOfCredits):
            return
        ledger.service.settle(hold, Amounts(1, 1, 0), "provider")

    await asyncio.gather(*(come_and_go() for _ in range(120)))
    await ledger.service.flush()
    await asyncio.sleep(0.05)
    await ledger.service.flush()

    assert await read_rows(database, holds) == []
    assert (await ledger.used_and_held())[1] == 0
    await check_books(database)


async def test_a_caller_cancelled_while_its_answer_is_on_the_way_leaves_nothing_behind(
    database: Database, start: Any, monkeypatch: pytest.MonkeyPatch
):
    await save_budgets(database, a_budget())
    ledger = await start()
    submit = LedgerWriter.submit

    def submit_and_cancel(writer: LedgerWriter, operation: Operation) -> "asyncio.Future[Any]":
        future = submit(writer, operation)
        future.add_done_callback(lambda _: caller.cancel())
        return future

    monkeypatch.setattr(LedgerWriter, "submit", submit_and_cancel)
    caller = asyncio.create_task(ledger.hold())
    with pytest.raises(asyncio.CancelledError):
        await caller
    await ledger.service.flush()

    assert await read_rows(database, holds) == []
    assert await ledger.used_and_held() == (0, 0)


# Processes that die, and others beside them


async def test_two_processes_share_a_budget_without_overspending(database: Database, start: Any):
    await save_budgets(
        database, a_budget(limit=6_000), a_budget("money", limit=90, unit="requests", period="month")
    )
    ledgers = [await start(wait_s=0.02), await start(wait_s=0.02)]
    chance = random.Random(11)

    async def work(ledger: Ledger) -> int:
        spent = 0
        for _ in range(12):
            try:
                hold = await ledger.hold(output=chance.randrange(10, 300))
            except OutOfCredits:
                continue
            await asyncio.sleep(chance.random() * 0.005)
            tokens = chance.randrange(0, hold.granted.tokens + 1)
            spent += tokens
            ledger.service.settle(hold, Amounts(tokens, 1, 0), "provider")
        return spent

    spent = sum(await asyncio.gather(*(work(ledgers[number % 2]) for number in range(12))))
    for ledger in ledgers:
        await ledger.service.flush()

    counters = {one["budget_id"]: one for one in await read_rows(database, budget_counters)}
    assert counters["bud_1"]["used"] == spent <= 6_000
    assert counters["bud_1"]["held"] == 0
    await check_books(database)


async def test_what_a_killed_process_may_have_spent_is_charged(database: Database, start: Any):
    await save_budgets(database, a_budget())
    killed, other = await start(), await start()
    await killed.hold()

    assert await other.service.expire_overdue() == 0
    killed.clock.advance(61)
    assert await other.service.expire_overdue() == 1

    assert await other.used_and_held() == (400, 0)
    assert (await other.service.list_entries(ADMIN))[0].kind == "unknown"


async def test_a_process_that_was_only_asleep_corrects_what_was_charged(database: Database, start: Any):
    await save_budgets(database, a_budget())
    asleep, other = await start(), await start()
    hold = await asleep.hold()
    asleep.clock.advance(61)
    await other.service.expire_overdue()

    assert not await asleep.service.extend(hold, Amounts(tokens=1))
    await asleep.settle(hold, 250)
    await asleep.settle(hold, 250)

    assert await asleep.used_and_held() == (250, 0)
    entries = await asleep.service.list_entries(ADMIN)
    assert [(one.kind, one.tokens) for one in entries] == [("correction", -150), ("unknown", 400)]


async def test_an_expired_hold_is_charged_once_however_many_look(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=None))
    dead, *others = await start(), await start(), await start()
    for _ in range(7):
        await dead.hold()
    dead.clock.advance(61)

    charged = await asyncio.gather(*(other.service.expire_overdue() for other in others))

    assert sum(charged) == 7
    assert await dead.used_and_held() == (7 * 400, 0)
    await check_books(database)


async def test_a_process_does_not_charge_its_own_calls(database: Database, start: Any):
    await save_budgets(database, a_budget())
    ledger = await start()
    hold = await ledger.hold()
    ledger.clock.advance(61)

    assert await ledger.service.expire_overdue() == 0
    await ledger.service.renew()

    row = (await read_rows(database, holds))[0]
    assert (row["id"], row["expires_at"]) == (hold.id, ledger.clock.now() + timedelta(seconds=60))


async def test_a_stream_that_dies_is_charged_what_was_last_saved(database: Database, start: Any):
    await save_budgets(database, a_budget())
    dead, other = await start(), await start()
    hold = await dead.hold(is_stream=True)
    hold.streamed = Amounts(tokens=130)
    await dead.service.renew()
    hold.streamed = Amounts(tokens=170)
    dead.clock.advance(61)

    await other.service.expire_overdue()

    assert await other.used_and_held() == (130, 0)


async def test_only_what_changed_or_ages_is_renewed(database: Database, start: Any):
    await save_budgets(database, a_budget())
    ledger = await start()
    hold = await ledger.hold()
    ledger.store.batches.clear()

    await ledger.service.renew()
    assert ledger.store.batches == []
    hold.streamed = Amounts(tokens=1)
    await ledger.service.renew()
    await ledger.service.renew()
    assert len(ledger.store.batches) == 1
    ledger.clock.advance(31)
    await ledger.service.renew()
    assert len(ledger.store.batches) == 2


async def test_holds_are_renewed_and_swept_by_themselves(database: Database, start: Any):
    await save_budgets(database, a_budget())
    dead = await start()
    await dead.hold()
    dead.clock.advance(61)
    alive = await start(renew_s=0.01)
    hold = await alive.hold(is_stream=True)
    hold.streamed = Amounts(tokens=7)

    for _ in range(200):
        await asyncio.sleep(0.01)
        saved = [row["streamed_tokens"] for row in await read_rows(database, holds)]
        if saved == [7]:
            break

    assert saved == [7]
    assert await alive.used_and_held() == (400, 400)


# Faults


async def test_a_database_that_is_away_fails_holds_and_keeps_settlements(database: Database, start: Any):
    await save_budgets(database, a_budget())
    ledger = await start()
    hold = await ledger.hold()
    ledger.store.faults = ["before", "before", "before"]

    ledger.service.settle(hold, Amounts(250, 1, 0), "provider")
    with pytest.raises(ServiceUnavailable):
        await ledger.hold()
    await ledger.service.flush()

    assert await ledger.used_and_held() == (250, 0)
    assert (await ledger.hold()).output_tokens == 300


async def test_a_lost_confirmation_books_nothing_twice(database: Database, start: Any):
    await save_budgets(database, a_budget())
    ledger = await start()
    hold = await ledger.hold()
    ledger.store.faults = ["after"]

    await ledger.settle(hold, 250)

    assert await ledger.used_and_held() == (250, 0)
    assert len(await ledger.service.list_entries(ADMIN)) == 1


async def test_a_hold_whose_confirmation_was_lost_is_let_go(database: Database, start: Any):
    await save_budgets(database, a_budget())
    ledger = await start()
    ledger.store.faults = ["after"]

    with pytest.raises(ServiceUnavailable):
        await ledger.hold()
    await ledger.service.flush()

    assert await ledger.used_and_held() == (0, 0)
    assert await read_rows(database, ledger_entries) == []


async def test_an_extension_while_the_database_is_away_is_none(database: Database, start: Any):
    await save_budgets(database, a_budget())
    ledger = await start()
    hold = await ledger.hold()
    ledger.store.faults = ["before"]

    assert not await ledger.service.extend(hold, Amounts(tokens=1))
    assert hold.granted.tokens == 400


async def test_one_impossible_operation_does_not_hold_up_the_others(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=None))
    ledger = await start()
    good = [await ledger.hold() for _ in range(5)]
    bad = await ledger.hold()
    ledger.store.gate.clear()
    blocker = asyncio.create_task(ledger.hold())
    await asyncio.sleep(0.03)

    for number, hold in enumerate([*good[:2], bad, *good[2:]]):
        spent = 10**30 if hold is bad else number
        ledger.service.settle(hold, Amounts(spent, 1, 0), "provider")
    waiting = asyncio.create_task(ledger.hold())
    ledger.store.gate.set()
    await ledger.service.flush()

    assert (await waiting).output_tokens == 300
    assert await ledger.used_and_held() == (0 + 1 + 3 + 4 + 5, 3 * 400)
    await blocker
    await check_books(database)


async def test_too_much_that_waits_to_be_booked_closes_the_gate(
    database: Database, start: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer_module, "BACKLOG_LARGEST", 1)
    await save_budgets(database, a_budget())
    ledger = await start()
    hold = await ledger.hold()

    ledger.service.settle(hold, Amounts(250, 1, 0), "provider")

    assert ledger.service.is_full
    with pytest.raises(ServiceUnavailable):
        await ledger.hold()
    await ledger.service.flush()
    assert not ledger.service.is_full


async def test_what_was_settled_before_the_end_is_written(database: Database, start: Any):
    await save_budgets(database, a_budget())
    ledger = await start()
    hold = await ledger.hold()

    ledger.service.settle(hold, Amounts(250, 1, 0), "provider")
    await ledger.service.close()

    assert await ledger.used_and_held() == (250, 0)
    with pytest.raises(ServiceUnavailable):
        await ledger.hold()


async def test_a_lost_connection_is_made_anew(postgresql_database: Database, clock: HandClock):
    database = postgresql_database
    await save_budgets(database, a_budget())
    ledger = Ledger(database, clock)
    await ledger.service.start()
    hold = await ledger.hold()

    killer = await database.connect_to_postgresql()
    await killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await killer.close()
    again = await ledger.hold()

    await ledger.settle(hold, 1)
    await ledger.settle(again, 2)
    assert await ledger.used_and_held() == (3, 0)
    await ledger.service.close()


async def test_a_locked_file_fails_holds_and_blocks_nobody_else(
    sqlite_database: Database, clock: HandClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database_module, "CONNECT_TIMEOUT_S", 0.1)
    await save_budgets(sqlite_database, a_budget())
    ledger = Ledger(sqlite_database, clock)
    await ledger.service.start()
    hold = await ledger.hold()
    locker = sqlite3.connect(str(sqlite_database.path), isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    ledger.service.settle(hold, Amounts(250, 1, 0), "provider")
    with pytest.raises(ServiceUnavailable):
        await ledger.hold()
    ticking.cancel()
    locker.execute("ROLLBACK")
    locker.close()
    await ledger.service.flush()

    assert ticks > 5
    assert await ledger.used_and_held() == (250, 0)
    await ledger.service.close()


# Resets, and who may ask


async def test_an_administrator_resets_what_was_used(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=400), a_budget("month", limit=900, period="month"))
    ledger = await start()
    await ledger.settle(await ledger.hold(), 400)
    with pytest.raises(OutOfCredits):
        await ledger.hold()

    await ledger.service.reset(ADMIN, ["bud_1"])

    balances = {one.budget.id: one for one in await ledger.service.balances(ADMIN, THE_TENANT)}
    assert (balances["bud_1"].used, balances["bud_1"].exhausted_at) == (0, None)
    assert balances["month"].used == 400
    entry = (await ledger.service.list_entries(ADMIN))[0]
    assert (entry.kind, entry.tokens, entry.actor) == ("reset", -400, ADMIN.actor)
    await check_books(database)


async def test_a_reset_lets_those_in_who_wait(database: Database, start: Any):
    await save_budgets(database, a_budget(limit=800))
    ledger = await start(wait_s=5.0)
    await ledger.settle(await ledger.hold(), 300)
    await ledger.hold()
    waiting = asyncio.create_task(ledger.hold())
    await asyncio.sleep(0.03)

    await ledger.service.reset(ADMIN, ["bud_1"])

    assert (await waiting).output_tokens == 300


@pytest.mark.parametrize(
    "caller", [pytest.param(OTHER, id="other-tenant"), pytest.param(ADMIN, id="unknown")]
)
async def test_a_budget_one_does_not_have_cannot_be_reset(database: Database, start: Any, caller: Caller):
    await save_budgets(database, a_budget())
    ledger = await start()

    with pytest.raises(BudgetNotFound):
        await ledger.service.reset(caller, ["bud_1" if caller is OTHER else "bud_2"])


async def test_what_callers_may_ask_depends_on_their_scopes(database: Database, start: Any):
    ledger = await start()
    stranger = Caller("ten_1", "key:ak_1", frozenset({"inference"}))

    with pytest.raises(PermissionDenied):
        await ledger.service.balances(stranger, THE_TENANT)
    with pytest.raises(PermissionDenied):
        await ledger.service.list_entries(stranger)
    with pytest.raises(PermissionDenied):
        await ledger.service.reset(stranger, [])


@pytest.mark.parametrize("limit", [0, 201])
async def test_a_page_of_entries_has_a_size(database: Database, start: Any, limit: int):
    ledger = await start()

    with pytest.raises(InvalidRequest):
        await ledger.service.list_entries(ADMIN, limit=limit)
