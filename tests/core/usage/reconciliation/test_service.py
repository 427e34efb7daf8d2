"""Counters that do not agree with the ledger are found, and put right beside a running server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import delete, update

from officium.core.tenancy import Caller
from officium.core.tenancy.caller import operator_of
from officium.core.usage.ledger import (
    THE_TENANT,
    Amounts,
    Budget,
    Hold,
    Label,
    LedgerService,
    LedgerStore,
    Need,
    Subject,
)
from officium.core.usage.ledger.tables import budget_counters
from officium.core.usage.reconciliation import BooksStore, Difference, Reconciler
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from tests.support.budgets import Purse

NEED = Need(fixed=Amounts(tokens=10, requests=1, nano_usd=100), output_tokens=90, least_output_tokens=1)
LABEL = Label(request_id="req_1", actor="key:1", app="gateway", model="mock")
KEY = Subject("key", "ak_1")


class Office:
    """A tenant with a budget of tokens a month, and one of requests a day for a key."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.purse = Purse(database)
        self.ledger = LedgerService(LedgerStore(database), self.purse.clock)
        self.reconciler = Reconciler(BooksStore(database))

    async def move_in(self) -> None:
        await self.ledger.start()
        self.caller: Caller = await self.purse.tenancy.an_admin()
        self.operator = operator_of(self.caller.tenant_id)
        self.tokens: Budget = await self.purse.a_budget(self.caller, 1_000_000)
        self.requests: Budget = await self.purse.a_budget(
            self.caller, 1000, subject=KEY, unit="requests", period="day"
        )

    async def hold(self) -> Hold:
        return await self.ledger.hold(self.caller, (THE_TENANT, KEY), NEED, LABEL, is_stream=False)

    async def call(self, tokens: int = 50) -> None:
        self.ledger.settle(await self.hold(), Amounts(tokens, 1, tokens), "provider")
        await self.ledger.flush()

    async def tamper(self, budget: Budget, **columns: Any) -> None:
        query = update(budget_counters).where(budget_counters.c.budget_id == budget.id).values(columns)
        async with self.database.writing(self.caller.tenant_id) as connection:
            await connection.execute(query)

    async def compare(self) -> list[Difference]:
        return await self.reconciler.compare(self.operator)


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    office = Office(database)
    await office.move_in()
    yield office
    await office.ledger.close()


async def test_books_agree_after_calls_holds_and_resets(office: Office) -> None:
    for _ in range(3):
        await office.call()
    await office.hold()
    await office.ledger.reset(office.caller, [office.tokens.id])
    await office.call()

    assert await office.compare() == []


async def test_changed_counter_is_found_with_both_figures(office: Office) -> None:
    await office.call(tokens=50)
    await office.hold()

    await office.tamper(office.tokens, used=7, held=0)
    await office.tamper(office.requests, used=3)

    found = {(each.budget_id, each.column): each for each in await office.compare()}
    assert {key: (each.counter, each.lines, each.unit) for key, each in found.items()} == {
        (office.tokens.id, "used"): (7, 50, "tokens"),
        (office.tokens.id, "held"): (0, 100, "tokens"),
        (office.requests.id, "used"): (3, 1, "requests"),
    }


async def test_repair_makes_the_books_agree(office: Office) -> None:
    await office.call()
    await office.tamper(office.tokens, used=7, held=11)
    await office.tamper(office.requests, used=0)

    await office.reconciler.repair(office.operator, await office.compare())

    assert await office.compare() == []
    (balance,) = await office.ledger.balances(office.caller, THE_TENANT)
    assert (balance.used, balance.held) == (50, 0)


async def test_repair_is_right_while_calls_go_on(office: Office) -> None:
    await office.call()
    await office.tamper(office.tokens, used=1_000)
    differences = await office.compare()

    await asyncio.gather(
        office.reconciler.repair(office.operator, differences), *(office.call() for _ in range(20))
    )

    assert await office.compare() == []
    (balance,) = await office.ledger.balances(office.caller, THE_TENANT)
    assert balance.used == 21 * 50


async def test_counter_that_is_gone_is_made_again(office: Office) -> None:
    await office.call()
    before = await office.ledger.balances(office.caller, KEY)
    async with office.database.writing(office.caller.tenant_id) as connection:
        await connection.execute(delete(budget_counters))

    differences = await office.compare()
    await office.reconciler.repair(office.operator, differences)

    assert {each.counter for each in differences} == {None}
    assert await office.compare() == []
    assert await office.ledger.balances(office.caller, KEY) == before


async def test_history_of_deleted_budgets_must_not_agree_with_anything(office: Office) -> None:
    await office.call()

    await office.purse.service.delete_budget(office.caller, office.tokens.id)

    assert await office.compare() == []


async def test_tenants_are_compared_apart(office: Office, database: Database) -> None:
    other = Office(database)
    await other.move_in()
    try:
        await other.call()
        await other.tamper(other.tokens, used=9)

        assert await office.compare() == []
        assert len(await other.compare()) == 1
    finally:
        await other.ledger.close()


async def test_only_the_operator_may(office: Office) -> None:
    with pytest.raises(PermissionDenied):
        await office.reconciler.compare(office.caller)
    with pytest.raises(PermissionDenied):
        await office.reconciler.repair(office.caller, [])
