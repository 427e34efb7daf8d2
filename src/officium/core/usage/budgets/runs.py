"""Runs: pieces of work with a ceiling of their own, which no call of theirs can pass."""

from datetime import timedelta

from officium.core.tenancy import Caller, require
from officium.core.usage.budgets.store import BudgetStore
from officium.core.usage.ledger.budget import Amounts, Budget, Subject, Unit
from officium.kit.clock import Clock
from officium.kit.ids import new_id

LONGEST_RUN = timedelta(days=1)
"""The ceiling of a run that is older was left behind by a process that died, and is swept away."""


class RunService:
    """Sets a ceiling over a run's calls before it begins, and takes it away when it is over.

    A call belongs to a run by the `run` of its `CallContext`; the run's ceiling is one budget among those the
    call draws on, so it is held against it like any other. Runs are no configuration: they are not in the
    audit log, and alert nobody.
    """

    def __init__(self, store: BudgetStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def open_run(self, caller: Caller, ceiling: Amounts) -> str:
        """Begin a run that may use `ceiling`, where an amount of 0 stands for no limit; its id.

        Needs `inference`. Raises InvalidBudget where the tenant has too many budgets.
        """
        require(caller, "inference")
        now = self._clock.now()
        await self._store.delete_runs(caller, before=now - LONGEST_RUN)
        run = new_id("run")
        limits: dict[Unit, int] = {
            "tokens": ceiling.tokens,
            "requests": ceiling.requests,
            "nano_usd": ceiling.nano_usd,
        }
        budgets = [
            Budget(
                id=new_id("bud"),
                tenant_id=caller.tenant_id,
                subject=Subject("run", run),
                unit=unit,
                period="total",
                limit=limit,
                alert_at=(),
                created_at=now,
                updated_at=now,
                updated_by=caller.actor,
            )
            for unit, limit in limits.items()
            if limit
        ]
        await self._store.save_budgets(caller, budgets, [], now, [])
        return run

    async def close_run(self, caller: Caller, run: str) -> None:
        """End a run. What is still under way counts for its other budgets all the same."""
        await self._store.delete_runs(caller, run=run)
