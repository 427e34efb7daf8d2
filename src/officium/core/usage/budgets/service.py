"""What may be done with budgets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from officium.core.tenancy import Caller, TenantStore, require
from officium.core.usage.budgets.balance import BudgetBalance, balance_of, binding_budget, by_measure, measure
from officium.core.usage.budgets.store import BudgetStore
from officium.core.usage.budgets.terms import Terms, check_measure, check_subject, check_terms
from officium.core.usage.ledger.budget import Budget, Period, Subject, Unit
from officium.core.usage.ledger.errors import BudgetNotFound
from officium.kit.clock import Clock
from officium.kit.errors import Conflict, InvalidRequest
from officium.kit.ids import new_id
from officium.kit.notices import Notices

BUDGET_CHANGED = "budget.changed"
"""Notice: the budgets of the tenant with this id are no longer what they were."""
LARGEST_PAGE = 200
_MOST_OF_A_SUBJECT = 9
"""Three units, three periods."""
_TICK = timedelta(microseconds=1)

_log = structlog.get_logger("budgets")


class BudgetChanges(Struct, frozen=True, kw_only=True):
    """What is to become of a budget; what is not set stays as it is."""

    limit: int | UnsetType | None = UNSET
    is_hard: bool | UnsetType = UNSET
    alert_at: tuple[int, ...] | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET


class Ledger(Protocol):
    """Takes back what was counted."""

    async def reset(self, caller: Caller, budget_ids: Sequence[str]) -> None:
        """Begin the running periods of these budgets anew."""
        ...


class BudgetService:
    """A tenant's budgets, for its administrators; whoever may see its usage may see them, too."""

    def __init__(
        self, store: BudgetStore, tenants: TenantStore, ledger: Ledger, clock: Clock, notices: Notices
    ) -> None:
        self._store = store
        self._tenants = tenants
        self._ledger = ledger
        self._clock = clock
        self._notices = notices

    async def create_budget(
        self, caller: Caller, subject: Subject, unit: Unit, period: Period, terms: Terms
    ) -> BudgetBalance:
        """Limit, or only count, what `subject` uses in each `period`. Needs `admin`.

        Raises InvalidBudget and BudgetExists.
        """
        require(caller, "admin")
        budget = self.draft(caller, subject, unit, period, await self._with_zone(caller, terms))
        await self._store.add_budgets(caller, [budget])
        self.announce(caller, "budget.created", budget)
        return (await self._balances(caller, [budget]))[0]

    def draft(self, caller: Caller, subject: Subject, unit: Unit, period: Period, terms: Terms) -> Budget:
        """A budget as it would be created, for rooms that save some with things of their own.

        Raises InvalidBudget. After saving, `announce` it.
        """
        check_subject(subject)
        check_measure(unit, period)
        check_terms(terms)
        now = self._clock.now()
        return Budget(
            id=new_id("bud"),
            tenant_id=caller.tenant_id,
            subject=subject,
            unit=unit,
            period=period,
            limit=terms.limit,
            time_zone=terms.time_zone or "UTC",
            is_hard=terms.is_hard,
            alert_at=terms.alert_at,
            created_at=now,
            updated_at=now,
            updated_by=caller.actor,
        )

    async def list_budgets(
        self, caller: Caller, *, subject: Subject | None = None, after: str = "", limit: int = 50
    ) -> list[BudgetBalance]:
        """A page of the tenant's budgets, oldest first, beginning behind the id `after`.

        Needs `usage:read`. Raises InvalidRequest.
        """
        require(caller, "usage:read")
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} budgets.", param="limit")
        found = await self._store.list_budgets(caller, [subject] if subject else [], after, limit)
        return await self._balances(caller, found)

    async def find_binding(self, caller: Caller, subject: Subject) -> str | None:
        """The id of the budget that will stop `subject` first at the current rate. Needs `usage:read`."""
        require(caller, "usage:read")
        found = await self._store.list_budgets(caller, [subject], "", _MOST_OF_A_SUBJECT)
        return binding_budget(await self._balances(caller, found), self._clock.now())

    async def get_budget(self, caller: Caller, budget_id: str) -> BudgetBalance:
        """A budget and where it stands. Needs `usage:read`; raises BudgetNotFound."""
        require(caller, "usage:read")
        return (await self._balances(caller, [await self._get(caller, budget_id)]))[0]

    async def update_budget(
        self,
        caller: Caller,
        budget_id: str,
        changes: BudgetChanges,
        *,
        expected: datetime | None = None,
    ) -> BudgetBalance:
        """Change a budget; the period that runs follows at once. Needs `admin`.

        `expected` is the `updated_at` the caller has seen. Raises BudgetNotFound, InvalidBudget, and Conflict
        where it was changed meanwhile.
        """
        require(caller, "admin")
        before = await self._get(caller, budget_id)
        if expected is not None and expected != before.updated_at:
            raise _changed_meanwhile()
        after = self.changed(caller, before, changes)
        if not await self._store.update_budget(caller, before, after, self._clock.now()):
            raise _changed_meanwhile()
        self.announce(caller, "budget.changed", after)
        return (await self._balances(caller, [after]))[0]

    def changed(self, caller: Caller, budget: Budget, changes: BudgetChanges) -> Budget:
        """The budget as it would be after `changes`. Raises InvalidBudget."""
        named = {
            name: value
            for name in BudgetChanges.__struct_fields__
            if (value := getattr(changes, name)) is not UNSET
        }
        after = replace(
            budget,
            **named,
            updated_at=max(self._clock.now(), budget.updated_at + _TICK),
            updated_by=caller.actor,
        )
        check_terms(
            Terms(
                limit=after.limit,
                is_hard=after.is_hard,
                alert_at=after.alert_at,
                time_zone=after.time_zone,
            )
        )
        return after

    async def delete_budget(self, caller: Caller, budget_id: str) -> None:
        """Delete a budget: it limits and counts no more. Needs `admin`; raises BudgetNotFound."""
        require(caller, "admin")
        budget = await self._get(caller, budget_id)
        if not await self._store.delete_budget(caller, budget_id):
            raise _not_found(budget_id)
        self.announce(caller, "budget.deleted", budget)

    async def reset_budget(self, caller: Caller, budget_id: str) -> BudgetBalance:
        """Take what was used in the running period back to nothing. Needs `admin`; raises BudgetNotFound.

        The ledger keeps what was spent, and has an entry for the reset.
        """
        require(caller, "admin")
        budget = await self._get(caller, budget_id)
        await self._ledger.reset(caller, [budget.id])
        self.announce(caller, "budget.reset", budget)
        return (await self._balances(caller, [budget]))[0]

    def announce(self, caller: Caller, event: str, budget: Budget) -> None:
        """Write down what was done to a budget, and let every process forget what it remembers."""
        _log.info(
            event,
            tenant=caller.tenant_id,
            actor=caller.actor,
            budget=budget.id,
            subject=f"{budget.subject.kind}:{budget.subject.id}",
            unit=budget.unit,
            period=budget.period,
            limit=budget.limit,
        )
        self._notices.publish(BUDGET_CHANGED, caller.tenant_id)

    async def _get(self, caller: Caller, budget_id: str) -> Budget:
        budget = await self._store.find_budget(caller, budget_id)
        if budget is None:
            raise _not_found(budget_id)
        return budget

    async def _with_zone(self, caller: Caller, terms: Terms) -> Terms:
        if terms.time_zone is not None:
            return terms
        return replace(terms, time_zone=await self._tenants.get_time_zone(caller))

    async def _balances(self, caller: Caller, shown: Sequence[Budget]) -> list[BudgetBalance]:
        now = self._clock.now()
        siblings, counters = await self._store.read_siblings(caller, shown, now)
        groups = by_measure(siblings)
        return [balance_of(budget, counters, groups.get(measure(budget), []), now) for budget in shown]


def _not_found(budget_id: str) -> BudgetNotFound:
    return BudgetNotFound(f"Your tenant has no budget {budget_id!r}. List the budgets to see their ids.")


def _changed_meanwhile() -> Conflict:
    return Conflict("Someone changed this budget meanwhile. Read it again, then decide.", param="updated_at")
