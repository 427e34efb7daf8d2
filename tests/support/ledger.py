"""Ledgers for tests: one in memory, one in a database that fails on demand, and things to put into them."""

import asyncio
import copy
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs
from msgspec.structs import replace
from sqlalchemy import Table, insert, select, update

from officium.core.tenancy.tables import tenants
from officium.core.usage.ledger.batch import Batch
from officium.core.usage.ledger.books import (
    UNITS,
    Alert,
    BudgetRow,
    Counter,
    Entry,
    HoldRow,
    PastEntry,
    read_counters,
)
from officium.core.usage.ledger.budget import THE_TENANT, Amounts, Budget, Period, Subject, Unit
from officium.core.usage.ledger.errors import NotWritten, PerhapsWritten
from officium.core.usage.ledger.hold import Label, Need
from officium.core.usage.ledger.operation import (
    Answer,
    CounterKey,
    ExpireHold,
    ExtendHold,
    Operation,
    PlaceHold,
    Renewal,
    RenewHolds,
    ResetCounters,
    SettleHold,
)
from officium.core.usage.ledger.store import LedgerStore
from officium.core.usage.ledger.tables import budget_counters, holds, ledger_entries
from officium.core.usage.ledger.tables import budgets as budget_table
from officium.kit.database import ALL_TENANTS, Database

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
A_LABEL = Label(request_id="req_1", actor="key:ak_1", app="gateway", model="mock/model")


def a_budget(
    budget_id: str = "bud_1",
    limit: int | None = 1000,
    *,
    unit: Unit = "tokens",
    period: Period = "day",
    subject: Subject = THE_TENANT,
    **changes: Any,
) -> Budget:
    """A hard budget of a tenant's tokens, which begins anew each day in UTC."""
    budget = Budget(
        id=budget_id,
        tenant_id="ten_1",
        subject=subject,
        unit=unit,
        period=period,
        limit=limit,
        created_at=NOON,
        updated_at=NOON,
        updated_by="operator:cli",
    )
    return replace(budget, **changes)


def a_need(tokens: int = 100, output: int = 300, least: int = 10, price: int = 0, **fixed: int) -> Need:
    """One request with so many tokens in, at most so many out, at a price for each of these."""
    return Need(
        fixed=Amounts(**{"tokens": tokens, "requests": 1, "nano_usd": 0, **fixed}),
        output_tokens=output,
        least_output_tokens=least,
        nano_usd_per_output_token=price,
    )


def to_place(hold_id: str, need: Need | None = None, **changes: Any) -> PlaceHold:
    """To place a hold on the tenant's budgets, at noon, without waiting."""
    operation = PlaceHold(
        id=hold_id,
        tenant_id="ten_1",
        subjects=(THE_TENANT,),
        need=need or a_need(),
        label=A_LABEL,
        is_stream=False,
        created_at=NOON,
        expires_at=NOON + MINUTE,
        may_wait=False,
    )
    return replace(operation, **changes)


def to_settle(
    hold_id: str, spent: Amounts, *, counters: str | None = None, at: datetime = NOON
) -> SettleHold:
    """To settle a hold."""
    return SettleHold(
        hold_id=hold_id,
        tenant_id="ten_1",
        spent=spent,
        source="provider",
        label=A_LABEL,
        counters=counters,
        settled_at=at,
    )


def to_extend(hold_id: str, by: Amounts) -> ExtendHold:
    """To extend a hold."""
    return ExtendHold(hold_id=hold_id, tenant_id="ten_1", by=by)


def to_renew(hold_id: str, streamed: Amounts, expires_at: datetime) -> RenewHolds:
    """To renew a hold."""
    return RenewHolds(renewals=(Renewal(hold_id, streamed, expires_at),))


def to_expire(hold_id: str, now: datetime) -> ExpireHold:
    """To let a hold expire."""
    return ExpireHold(hold_id=hold_id, tenant_id="ten_1", now=now)


def to_reset(reset_id: str, *counters: tuple[CounterKey, Unit], at: datetime = NOON) -> ResetCounters:
    """To reset counters."""
    return ResetCounters(
        id=reset_id,
        tenant_id="ten_1",
        keys=tuple(key for key, _ in counters),
        units=tuple(unit for _, unit in counters),
        actor="member:mem_1",
        reset_at=at,
    )


class MemoryLedger:
    """Keeps what batches write, as a database would."""

    def __init__(self, *budgets: Budget) -> None:
        self.budgets = {budget.id: budget for budget in budgets}
        self.counters: dict[CounterKey, Counter] = {}
        self.holds: dict[str, HoldRow] = {}
        self.entries: list[Entry] = []
        self.alerts: list[Alert] = []

    def write(self, *operations: Operation) -> list[Answer]:
        """Carry out a batch."""
        batch = Batch(operations)
        batch.take_budgets(self._find_budgets(batch))
        batch.take_holds(copy.copy(self.holds[name]) for name in batch.hold_ids() if name in self.holds)
        missing = set(batch.missing_holds())
        batch.take_entries(
            PastEntry(one.hold_id, one.kind, one.counters, one.tokens, one.requests, one.nano_usd)
            for one in self.entries
            if one.hold_id in missing
        )
        keys = batch.counter_keys()
        batch.take_counters(self._read_counters(keys))
        for new in batch.new_counters():
            row = Counter(
                new.budget_id, new.period_start, new.tenant_id, new.starts_at, new.ends_at,
                0, 0, 0, None, None, 1, (),
            )  # fmt: skip
            self.counters[new.budget_id, new.period_start] = row
        batch.take_counters(self._read_counters(keys))
        answers = batch.apply()
        self._save(batch)
        return answers

    def do(self, operation: Operation) -> Any:
        """Carry out one operation alone; its answer."""
        return self.write(operation)[0]

    def counter(self, budget_id: str = "bud_1") -> Counter:
        """The budget's latest counter."""
        return self.counters[max(key for key in self.counters if key[0] == budget_id)]

    def check(self) -> None:
        """The books add up: counters are the sums of entries and of open holds, and neither is negative."""
        kinds = [(one.hold_id, one.kind) for one in self.entries]
        assert len(kinds) == len(set(kinds)), "an entry stands twice in the ledger"
        for key, counter in self.counters.items():
            used = sum(amount_on(key, entry) for entry in self.entries)
            held = sum(amount_on(key, hold) for hold in self.holds.values())
            assert (counter.used, counter.held) == (used, held), key
            assert counter.used >= 0
            assert counter.held >= 0

    def _find_budgets(self, batch: Batch) -> list[BudgetRow]:
        wanted = set(batch.subjects())
        return [
            BudgetRow(
                one.tenant_id, one.subject.kind, one.subject.id, one.id, one.unit, one.period, one.time_zone
            )
            for one in self.budgets.values()
            if (one.tenant_id, one.subject.kind, one.subject.id) in wanted
        ]

    def _read_counters(self, keys: Sequence[CounterKey]) -> list[Counter]:
        found = [copy.copy(self.counters[key]) for key in keys if key in self.counters]
        for counter in found:
            budget = self.budgets.get(counter.budget_id)
            counter.limit = budget.limit if budget else None
            counter.is_hard = int(budget is not None and budget.is_hard)
            counter.alert_at = budget.alert_at if budget else ()
        return found

    def _save(self, batch: Batch) -> None:
        changes = batch.changes
        self.counters.update(changes.counters)
        self.holds.update(changes.new_holds)
        self.holds.update(changes.changed_holds)
        for hold_id in changes.gone_holds:
            del self.holds[hold_id]
        self.entries += changes.entries
        self.alerts += changes.alerts


def amount_on(key: CounterKey, row: Entry | HoldRow) -> int:
    """How much of an entry or a hold lies on a counter."""
    amounts = (row.tokens, row.requests, row.nano_usd)
    return sum(
        amounts[UNITS[unit]]
        for budget, period, unit in read_counters(row.counters)
        if (budget, period) == key
    )


class ShakyStore(LedgerStore):
    """A store whose next batches meet the faults put into `faults`, and wait while `gate` is shut.

    `before`: the database is away. `after`: it goes away behind the commit, before it could say so.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.faults: list[str | None] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[list[Operation]] = []

    async def write_for_all_tenants(self, operations: Sequence[Operation]) -> list[Answer]:
        self.batches.append(list(operations))
        fault = self.faults.pop(0) if self.faults else None
        if fault == "before":
            raise NotWritten("The database is away.")
        answers = await super().write_for_all_tenants(operations)
        await self.gate.wait()
        if fault == "after":
            raise PerhapsWritten("The database went away.")
        return answers


async def save_budgets(database: Database, *budgets: Budget) -> None:
    """Put budgets into the database, and the tenants they belong to."""
    async with database.writing(ALL_TENANTS) as connection:
        for tenant_id in sorted({budget.tenant_id for budget in budgets}):
            tenant = {"id": tenant_id, "name": tenant_id, "time_zone": "UTC", "created_at": NOON}
            await connection.execute(insert(tenants), tenant)
        for budget in budgets:
            row = structs.asdict(budget)
            subject = row.pop("subject")
            row |= {"subject_kind": subject.kind, "subject_id": subject.id, "alert_at": list(budget.alert_at)}
            await connection.execute(insert(budget_table), row)


async def set_limit(database: Database, budget_id: str, limit: int) -> None:
    """Give a budget another limit."""
    query = update(budget_table).where(budget_table.c.id == budget_id).values(limit=limit)
    async with database.writing(ALL_TENANTS) as connection:
        await connection.execute(query)


async def read_rows(database: Database, table: Table) -> list[dict[str, Any]]:
    """All rows of a table, in the order of their first column."""
    async with database.reading(ALL_TENANTS) as connection:
        rows = await connection.execute(select(table).order_by(*list(table.c)[:2]))
        return [dict(row) for row in rows.mappings()]


async def check_books(database: Database) -> None:
    """Every counter is the sum of the entries and of the open holds that name it."""
    entries, open_holds = await read_rows(database, ledger_entries), await read_rows(database, holds)
    for counter in await read_rows(database, budget_counters):
        key = (counter["budget_id"], counter["period_start"])
        assert counter["used"] == sum(_amount_in(key, row) for row in entries), key
        assert counter["held"] == sum(_amount_in(key, row) for row in open_holds), key


def _amount_in(key: CounterKey, row: dict[str, Any]) -> int:
    return sum(row[unit] for budget, period, unit in json.loads(row["counters"]) if (budget, period) == key)
