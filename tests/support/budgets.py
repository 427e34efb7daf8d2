"""A budget service on a test's database, with counters to set by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert

from officium.core.tenancy import Caller, TenantStore
from officium.core.usage.budgets import BUDGET_CHANGED, BudgetService, BudgetStore, Terms
from officium.core.usage.ledger.budget import THE_TENANT, Budget, Period, Subject, Unit
from officium.core.usage.ledger.period import period_of
from officium.core.usage.ledger.tables import budget_counters
from officium.kit.database import Database
from officium.kit.notices import LocalNotices
from tests.support.clock import HandClock
from tests.support.tenancy import Tenancy


@dataclass
class HandLedger:
    """Remembers what it was told to reset."""

    resets: list[tuple[str, list[str]]] = field(default_factory=list)

    async def reset(self, caller: Caller, budget_ids: Sequence[str]) -> None:
        self.resets.append((caller.tenant_id, list(budget_ids)))


@dataclass
class Purse:
    """Budgets of new tenants, on one database."""

    database: Database
    clock: HandClock = field(default_factory=HandClock)
    ledger: HandLedger = field(default_factory=HandLedger)

    def __post_init__(self) -> None:
        notices = LocalNotices()
        self.changed: list[str] = []
        notices.subscribe(BUDGET_CHANGED, self.changed.append)
        self.notices = notices
        self.tenancy = Tenancy(self.database, self.clock)
        self.tenants = TenantStore(self.database)
        self.store = BudgetStore(self.database)
        self.service = BudgetService(self.store, self.tenants, self.ledger, self.clock, notices)

    async def a_budget(
        self,
        caller: Caller,
        limit: int | None = 1000,
        *,
        subject: Subject = THE_TENANT,
        unit: Unit = "tokens",
        period: Period = "month",
        **terms: Any,
    ) -> Budget:
        """A new budget; a hard one by the month, unless said otherwise."""
        made = await self.service.create_budget(caller, subject, unit, period, Terms(limit=limit, **terms))
        return made.budget

    async def count(
        self,
        budget: Budget,
        used: int,
        *,
        held: int = 0,
        at: datetime | None = None,
        alerted: int = 0,
        exhausted_at: datetime | None = None,
    ) -> None:
        """Let so much be used of a budget in the period of a moment, now unless said otherwise."""
        span = period_of(budget.period, budget.time_zone, at or self.clock.now())
        row = {
            "budget_id": budget.id,
            "period_start": span.key,
            "tenant_id": budget.tenant_id,
            "starts_at": span.starts_at,
            "ends_at": span.ends_at,
            "used": used,
            "held": held,
            "alerted": alerted,
            "exhausted_at": exhausted_at,
        }
        where = (budget_counters.c.budget_id == budget.id) & (budget_counters.c.period_start == span.key)
        async with self.database.writing(budget.tenant_id) as connection:
            await connection.execute(delete(budget_counters).where(where))
            await connection.execute(insert(budget_counters).values(row))
