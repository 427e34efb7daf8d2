"""Ceilings over single pieces of work, on both databases."""

import pytest
from msgspec.structs import replace

from officium.core.tenancy import Caller
from officium.core.usage.budgets import BudgetStore, RunService
from officium.core.usage.budgets.runs import LONGEST_RUN
from officium.core.usage.ledger.budget import Amounts, Subject
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from tests.support.budgets import Purse


@pytest.fixture
def purse(database: Database) -> Purse:
    return Purse(database)


@pytest.fixture
def runs(purse: Purse, database: Database) -> RunService:
    return RunService(BudgetStore(database), purse.clock)


@pytest.fixture
async def admin(purse: Purse) -> Caller:
    return await purse.tenancy.an_admin()


async def limits_of(purse: Purse, caller: Caller, run: str) -> dict[str, int | None]:
    found = await purse.service.list_budgets(caller, subject=Subject("run", run))
    return {each.budget.unit: each.budget.limit for each in found}


async def test_run_is_limited_in_what_its_ceiling_names(purse: Purse, runs: RunService, admin: Caller):
    run = await runs.open_run(admin, Amounts(tokens=500, nano_usd=7))

    assert await limits_of(purse, admin, run) == {"tokens": 500, "nano_usd": 7}


async def test_nothing_is_left_of_a_run_that_is_over(purse: Purse, runs: RunService, admin: Caller):
    over = await runs.open_run(admin, Amounts(tokens=500))
    other = await runs.open_run(admin, Amounts(tokens=600))

    await runs.close_run(admin, over)

    assert await limits_of(purse, admin, over) == {}
    assert await limits_of(purse, admin, other) == {"tokens": 600}


async def test_run_that_a_dead_process_left_behind_is_swept_away(
    purse: Purse, runs: RunService, admin: Caller
):
    left_behind = await runs.open_run(admin, Amounts(tokens=500))
    purse.clock.advance(LONGEST_RUN.total_seconds() + 1)

    await runs.open_run(admin, Amounts(tokens=600))

    assert await limits_of(purse, admin, left_behind) == {}


async def test_runs_of_another_tenant_stay(purse: Purse, runs: RunService, admin: Caller):
    run = await runs.open_run(admin, Amounts(tokens=500))
    other = await purse.tenancy.an_admin()

    await runs.close_run(other, run)

    assert await limits_of(purse, admin, run) == {"tokens": 500}


async def test_run_needs_somebody_who_may_ask_models(runs: RunService, admin: Caller):
    with pytest.raises(PermissionDenied):
        await runs.open_run(replace(admin, scopes=frozenset({"usage:read"})), Amounts(tokens=1))
