"""What may be done with budgets."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from msgspec import UNSET, Struct, UnsetType, to_builtins
from msgspec.structs import replace

from officium.core.tenancy import AuditEntry, Caller, TenantStore, require
from officium.core.usage.budgets.balance import BudgetBalance, balance_of, binding_budget, by_measure, measure
from officium.core.usage.budgets.store import BudgetStore
from officium.core.usage.budgets.terms import Terms, check_measure, check_subject, check_terms
from officium.core.usage.ledger.budget import Budget, Period, Subject, SubjectKind, Unit
from officium.core.usage.ledger.errors import BudgetNotFound
from officium.core.usage.ledger.service import MOST_RESETS
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
        self,
        caller: Caller,
        subject: Subject,
        unit: Unit,
        period: Period,
        terms: Terms,
        *,
        request_id: str | None = None,
    ) -> BudgetBalance:
        """Limit, or only count, what `subject` uses in each `period`. Needs `admin`.

        Raises InvalidBudget and BudgetExists.
        """
        require(caller, "admin")
        budget = self.draft(caller, subject, unit, period, await self._with_zone(caller, terms))
        await self._save(caller, [budget], [], request_id)
        return (await self._balances(caller, [budget]))[0]

    def draft(self, caller: Caller, subject: Subject, unit: Unit, period: Period, terms: Terms) -> Budget:
        """A budget as it would be created, for rooms that save some together with things of their own.

        Raises InvalidBudget. `announce` it when it is saved.
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
        self,
        caller: Caller,
        *,
        subject: Subject | None = None,
        kind: SubjectKind | None = None,
        is_limited: bool | None = None,
        after: str = "",
        limit: int = 50,
    ) -> list[BudgetBalance]:
        """A page of the tenant's budgets, oldest first, beginning behind the id `after`.

        Only those of a subject, of all subjects of a kind, and with or without a limit, where that is said.
        Needs `usage:read`. Raises InvalidRequest.
        """
        require(caller, "usage:read")
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} budgets.", param="limit")
        found = await self._store.list_budgets(
            caller, [subject] if subject else [], after, limit, kind=kind, is_limited=is_limited
        )
        return await self._balances(caller, found)

    async def find_binding(self, caller: Caller, subject: Subject) -> str | None:
        """The id of the budget that will stop `subject` first at the current rate. Needs `usage:read`."""
        require(caller, "usage:read")
        return binding_budget(await self.list_balances(caller, [subject]), self._clock.now())

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
        request_id: str | None = None,
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
        await self._save(caller, [], [(before, after)], request_id)
        return (await self._balances(caller, [after]))[0]

    async def set_limits(
        self,
        caller: Caller,
        subject: Subject,
        limits: Mapping[tuple[Unit, Period], int | None],
        time_zone: str,
        *,
        request_id: str | None = None,
    ) -> list[Budget]:
        """Set several limits of `subject` at once, all or none; gives all budgets it has then.

        A budget it lacks is made, a hard one, in `time_zone`. Needs `admin`. Raises InvalidBudget, and
        Conflict where someone else changed one meanwhile.
        """
        require(caller, "admin")
        found = await self._store.list_budgets(caller, [subject], "", _most_of([subject]))
        known = {(budget.unit, budget.period): budget for budget in found}
        changed = [
            (known[measured], self.changed(caller, known[measured], BudgetChanges(limit=limit)))
            for measured, limit in limits.items()
            if measured in known and known[measured].limit != limit
        ]
        added = [
            self.draft(caller, subject, *measured, Terms(limit=limit, time_zone=time_zone))
            for measured, limit in limits.items()
            if measured not in known
        ]
        await self._save(caller, added, changed, request_id)
        return await self._store.list_budgets(caller, [subject], "", _most_of([subject]))

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

    async def delete_budget(self, caller: Caller, budget_id: str, *, request_id: str | None = None) -> None:
        """Delete a budget: it limits and counts no more. Needs `admin`; raises BudgetNotFound."""
        require(caller, "admin")
        budget = await self._get(caller, budget_id)
        entry = self._entry("budget.deleted", budget, None, request_id)
        if not await self._store.delete_budget(caller, budget_id, entry):
            raise _not_found(budget_id)
        self._announce(caller, "budget.deleted", [budget])

    async def reset_budget(
        self, caller: Caller, budget_id: str, *, request_id: str | None = None
    ) -> BudgetBalance:
        """Take what was used in the running period back to nothing. Needs `admin`; raises BudgetNotFound.

        The ledger keeps what was spent, and has an entry for the reset.
        """
        require(caller, "admin")
        budget = await self._get(caller, budget_id)
        await self._reset(caller, [budget], [budget], request_id)
        return (await self._balances(caller, [budget]))[0]

    async def reset_day(
        self, caller: Caller, subjects: Sequence[Subject], *, request_id: str | None = None
    ) -> None:
        """Take what `subjects` used today back to nothing, and forget their refusals; months go on.

        Needs `admin`.
        """
        require(caller, "admin")
        found = await self._store.list_budgets(caller, subjects, "", _most_of(subjects))
        await self._reset(caller, [budget for budget in found if budget.period == "day"], found, request_id)

    def announce(self, caller: Caller) -> None:
        """Let every process forget what it remembers of the tenant's budgets."""
        self._notices.publish(BUDGET_CHANGED, caller.tenant_id)

    async def _save(
        self,
        caller: Caller,
        added: Sequence[Budget],
        changed: Sequence[tuple[Budget, Budget]],
        request_id: str | None,
    ) -> None:
        entries = [self._entry("budget.created", None, budget, request_id) for budget in added]
        entries += [self._entry("budget.changed", *pair, request_id) for pair in changed]
        if not await self._store.save_budgets(caller, added, changed, self._clock.now(), entries):
            raise _changed_meanwhile()
        self._announce(caller, "budget.created", added)
        self._announce(caller, "budget.changed", [after for _, after in changed])

    async def _reset(
        self, caller: Caller, emptied: Sequence[Budget], forgiven: Sequence[Budget], request_id: str | None
    ) -> None:
        ids = [budget.id for budget in emptied]
        for start in range(0, len(ids), MOST_RESETS):
            await self._ledger.reset(caller, ids[start : start + MOST_RESETS])
        await self._store.forget_refusals(
            caller,
            [budget.id for budget in forgiven],
            self._clock.now(),
            [self._entry("budget.reset", budget, budget, request_id) for budget in emptied],
        )
        self._announce(caller, "budget.reset", emptied)

    def _entry(
        self, action: str, before: Budget | None, after: Budget | None, request_id: str | None
    ) -> AuditEntry:
        budget = after or before
        assert budget is not None
        return AuditEntry(
            at=self._clock.now(),
            action=action,
            thing="budget",
            thing_id=budget.id,
            before=_values_of(before),
            after=_values_of(after),
            request_id=request_id,
        )

    def _announce(self, caller: Caller, event: str, changed: Sequence[Budget]) -> None:
        for budget in changed:
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
        if changed:
            self.announce(caller)

    async def _get(self, caller: Caller, budget_id: str) -> Budget:
        budget = await self._store.find_budget(caller, budget_id)
        if budget is None:
            raise _not_found(budget_id)
        return budget

    async def _with_zone(self, caller: Caller, terms: Terms) -> Terms:
        if terms.time_zone is not None:
            return terms
        return replace(terms, time_zone=await self._tenants.get_time_zone(caller))

    async def list_balances(self, caller: Caller, subjects: Sequence[Subject]) -> list[BudgetBalance]:
        """Where all budgets of these subjects stand. Needs `usage:read`."""
        require(caller, "usage:read")
        found = await self._store.list_budgets(caller, subjects, "", _most_of(subjects))
        return await self._balances(caller, found)

    async def _balances(self, caller: Caller, shown: Sequence[Budget]) -> list[BudgetBalance]:
        now = self._clock.now()
        siblings, counters = await self._store.read_siblings(caller, shown, now)
        groups = by_measure(siblings)
        return [balance_of(budget, counters, groups.get(measure(budget), []), now) for budget in shown]


def _most_of(subjects: Sequence[Subject]) -> int:
    return _MOST_OF_A_SUBJECT * len(subjects)


def _values_of(budget: Budget | None) -> dict[str, object] | None:
    """What the audit log says of a budget."""
    if budget is None:
        return None
    values: dict[str, object] = to_builtins(budget)
    del values["id"], values["tenant_id"]
    return values


def _not_found(budget_id: str) -> BudgetNotFound:
    return BudgetNotFound(f"Your tenant has no budget {budget_id!r}. List the budgets to see their ids.")


def _changed_meanwhile() -> Conflict:
    return Conflict("Someone changed this budget meanwhile. Read it again, then decide.", param="updated_at")
