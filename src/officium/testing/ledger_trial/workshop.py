"""Where the parts of a trial work: a migrated database of its own, a tenant, budgets, and ledgers on it."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from officium.core.tenancy import Caller, TenancyService, TenantStore
from officium.core.tenancy.caller import operator_of
from officium.core.usage.budgets import BudgetService, BudgetStore, Terms
from officium.core.usage.ledger import (
    THE_TENANT,
    Amounts,
    Balance,
    Budget,
    Label,
    LedgerService,
    LedgerStore,
    Period,
    Subject,
    Unit,
)
from officium.core.usage.reconciliation import BooksStore, Difference, Reconciler
from officium.kit import schema
from officium.kit.clock import Clock
from officium.kit.database import Database, sqlite_url
from officium.kit.notices import LocalNotices
from officium.testing.ledger_trial.store import TrialStore, new_database_for_all_tenants

MEMBER = Subject("member", "trial")


class TrialClock:
    """A `Clock` that is moved by hand."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)) -> None:
        self.moment = start

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def advance(self, seconds: float) -> None:
        """Move on, or back."""
        self.moment += timedelta(seconds=seconds)


@dataclass
class Workshop:
    """A tenant of its own on a database, seen by its operator."""

    database: Database
    clock: Clock
    caller: Caller
    stack: AsyncExitStack

    def __post_init__(self) -> None:
        self.store = TrialStore(self.database)

    async def a_ledger(self, **how: Any) -> LedgerService:
        """A ledger as another process would have it, running until the workshop closes."""
        ledger = LedgerService(LedgerStore(self.database), self.clock, **how)
        await ledger.start()
        self.stack.push_async_callback(ledger.close)
        return ledger

    async def a_budget(
        self,
        limit: int,
        unit: Unit = "tokens",
        *,
        period: Period = "day",
        subject: Subject = THE_TENANT,
        time_zone: str = "UTC",
    ) -> Budget:
        """A new hard budget."""
        ledger = LedgerService(LedgerStore(self.database), self.clock)
        service = BudgetService(
            BudgetStore(self.database), TenantStore(self.database), ledger, self.clock, LocalNotices()
        )
        terms = Terms(limit=limit, time_zone=time_zone)
        made = await service.create_budget(self.caller, subject, unit, period, terms)
        return made.budget

    async def balances(
        self, ledger: LedgerService, subjects: Sequence[Subject] = (THE_TENANT,)
    ) -> list[Balance]:
        """Where the budgets of some subjects stand."""
        return [one for subject in subjects for one in await ledger.balances(self.caller, subject)]

    async def expire_all(self, wait_s: float = 10.0) -> None:
        """Let another process look after overdue holds, until there are none, or for so long."""
        heir = await self.a_ledger()
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline and await self.store.count_holds(self.caller):
            # It may be at it already by itself; then this returns before all is done.
            await heir.expire_overdue()
            await asyncio.sleep(0.02)

    async def differences(self) -> list[Difference]:
        """Where counters and ledger do not agree."""
        return await Reconciler(BooksStore(self.database)).compare(self.caller)


def label(number: int) -> Label:
    """What stands in the ledger for a call."""
    return Label(request_id=f"trial-{number}", actor="operator:cli", app="trial", model="trial")


def a_little(tokens: int, requests: int = 1) -> Amounts:
    """Amounts without money."""
    return Amounts(tokens=tokens, requests=requests)


@asynccontextmanager
async def open_workshop(url: str, clock: Clock) -> AsyncIterator[Workshop]:
    """A workshop with a new tenant in the database at `url`, which must be migrated."""
    database = Database.open(url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        tenants = TenancyService(TenantStore(database), clock, LocalNotices())
        tenant = await tenants.create_tenant(operator_of(""), "Trial")
        yield Workshop(database, clock, operator_of(tenant.id), stack)


@asynccontextmanager
async def trial_database(server_url: str | None) -> AsyncIterator[str]:
    """The address of a new, migrated database: on that PostgreSQL server, else on SQLite in a folder."""
    async with AsyncExitStack() as stack:
        if server_url is not None:
            url = await stack.enter_async_context(new_database_for_all_tenants(server_url))
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="officium-trial-"))
            url = sqlite_url(Path(folder))
        database = Database.open(url)
        try:
            await schema.upgrade(database)
        finally:
            await database.close()
        yield url
