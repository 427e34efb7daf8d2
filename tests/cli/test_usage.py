"""usage reconcile."""

import asyncio
from pathlib import Path

from sqlalchemy import update

from officium.core.tenancy import TenantStore
from officium.core.tenancy.caller import operator_of
from officium.core.usage.budgets import BudgetService, BudgetStore, Terms
from officium.core.usage.ledger import THE_TENANT, Amounts, Label, LedgerService, LedgerStore, Need
from officium.core.usage.ledger.tables import budget_counters
from officium.jobs import LeaseStore
from officium.kit.clock import SystemClock
from officium.kit.database import ALL_TENANTS, Database, sqlite_url
from officium.kit.notices import LocalNotices
from tests.cli.conftest import Run


async def _use(tenant_id: str, *, changed_to: int | None) -> None:
    """A budget of the tenant, a call of 50 tokens, and a counter that says something else."""
    database, clock, caller = Database.open(sqlite_url(Path("data"))), SystemClock(), operator_of(tenant_id)
    ledger = LedgerService(LedgerStore(database), clock)
    budgets = BudgetService(BudgetStore(database), TenantStore(database), ledger, clock, LocalNotices())
    try:
        await ledger.start()
        await budgets.create_budget(caller, THE_TENANT, "tokens", "total", Terms(limit=1000))
        need = Need(fixed=Amounts(tokens=10, requests=1), output_tokens=90, least_output_tokens=1)
        label = Label(request_id="req_1", actor="key:1", app="gateway", model="mock")
        hold = await ledger.hold(caller, (THE_TENANT,), need, label, is_stream=False)
        ledger.settle(hold, Amounts(50, 1), "provider")
        await ledger.flush()
        if changed_to is not None:
            async with database.writing(ALL_TENANTS) as connection:
                await connection.execute(update(budget_counters).values(used=changed_to))
    finally:
        await ledger.close()
        await database.close()


def test_books_that_agree_have_no_difference(run: Run, installed: dict[str, str]):
    asyncio.run(_use(installed["tenant_id"], changed_to=None))

    outcome = run("usage", "reconcile")

    assert (outcome.status, outcome.out) == (0, "0 differences in 1 tenant.\n")


def test_difference_is_shown_with_status_one(run: Run, installed: dict[str, str]):
    asyncio.run(_use(installed["tenant_id"], changed_to=7))

    outcome = run("usage", "reconcile", "--json")
    (difference,) = outcome.json

    assert outcome.status == 1
    assert (difference["tenant_id"], difference["counter"], difference["lines"]) == (
        installed["tenant_id"],
        7,
        50,
    )
    assert "1 difference in 1 tenant." in run("usage", "reconcile").out


def test_repair_makes_the_books_agree(run: Run, installed: dict[str, str]):
    asyncio.run(_use(installed["tenant_id"], changed_to=7))

    repaired = run("usage", "reconcile", "--repair")
    afterwards = run("usage", "reconcile", "--tenant", installed["tenant_id"])

    assert (repaired.status, afterwards.status) == (0, 0)
    assert "1 difference in 1 tenant." in repaired.out


def test_two_repairs_do_not_run_at_once(run: Run, installed: dict[str, str]):
    async def begin() -> None:
        database, now = Database.open(sqlite_url(Path("data"))), SystemClock().now()
        await LeaseStore(database).take_for_all_tenants(
            "reconcile", "another", now=now, last_start=now, lease_s=60
        )
        await database.close()

    asyncio.run(begin())

    outcome = run("usage", "reconcile", "--repair")

    assert outcome.status == 1
    assert "Another repair is running" in outcome.err
