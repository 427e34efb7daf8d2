"""Loading and saving budgets, and reading where they stand."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.usage.budgets.balance import Counted, measure
from officium.core.usage.budgets.errors import BudgetExists
from officium.core.usage.budgets.forecast import LOOK_BACK
from officium.core.usage.budgets.terms import MOST_BUDGETS
from officium.core.usage.ledger.budget import Budget, Subject, SubjectKind
from officium.core.usage.ledger.errors import InvalidBudget
from officium.core.usage.ledger.period import period_of
from officium.core.usage.ledger.tables import budget_counters, budgets
from officium.kit.database import Database

_ONE_DAY = timedelta(days=1)
_LONGEST_MONTH = timedelta(days=31)


class BudgetStore:
    """The budgets of the tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save_budgets(
        self,
        caller: Caller,
        added: Sequence[Budget],
        changed: Sequence[tuple[Budget, Budget]],
        now: datetime,
        entries: Sequence[AuditEntry],
    ) -> bool:
        """Insert some budgets and put others in the place of what they were, all or none.

        `False` where one is no longer as it was. Raises BudgetExists and InvalidBudget.
        """
        async with self._database.writing(caller.tenant_id) as connection:
            for before, after in changed:
                if not await change_budget(caller, connection, before, after, now):
                    await connection.rollback()
                    return False
            if added:
                await insert_budgets(caller, connection, added)
            for entry in entries:
                await record(caller, connection, entry)
        return True

    async def find_budget(self, caller: Caller, budget_id: str) -> Budget | None:
        """The tenant's budget with this id."""
        query = select(budgets).where(budgets.c.tenant_id == caller.tenant_id, budgets.c.id == budget_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return _budget(row) if row is not None else None

    async def list_budgets(
        self,
        caller: Caller,
        subjects: Sequence[Subject],
        after: str,
        limit: int,
        *,
        kind: SubjectKind | None = None,
        is_limited: bool | None = None,
    ) -> list[Budget]:
        """A page of the tenant's budgets in the order they were made, beginning behind the id `after`.

        Of these subjects alone, where some are named; of one kind, and with or without a limit, likewise.
        """
        query = select(budgets).where(_of_subjects(caller, subjects), budgets.c.id > after)
        if kind is not None:
            query = query.where(budgets.c.subject_kind == kind)
        if is_limited is not None:
            query = query.where(budgets.c.limit.is_not(None) == is_limited)
        query = query.order_by(budgets.c.id).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            return [_budget(row) for row in (await connection.execute(query)).mappings()]

    async def read_siblings(
        self, caller: Caller, shown: Sequence[Budget], now: datetime
    ) -> tuple[list[Budget], list[Counted]]:
        """The budgets that count the same as `shown`, these included, and what they counted lately."""
        measures = sorted({measure(budget) for budget in shown})
        if not measures:
            return [], []
        counts_same = and_(
            budgets.c.tenant_id == caller.tenant_id,
            tuple_(budgets.c.subject_kind, budgets.c.subject_id, budgets.c.unit).in_(measures),
        )
        siblings = select(budgets).where(counts_same)
        counted = (
            select(budget_counters)
            .join(budgets, budgets.c.id == budget_counters.c.budget_id)
            .where(counts_same, _counted_lately(caller, now))
        )
        async with self._database.reading(caller.tenant_id) as connection:
            found = [_budget(row) for row in (await connection.execute(siblings)).mappings()]
            counters = [_counted(row) for row in (await connection.execute(counted)).mappings()]
        return found, counters

    async def delete_budget(self, caller: Caller, budget_id: str, entry: AuditEntry) -> bool:
        """Delete a budget and what it counted; whether there was one. The ledger's entries stay."""
        query = delete(budgets).where(budgets.c.tenant_id == caller.tenant_id, budgets.c.id == budget_id)
        async with self._database.writing(caller.tenant_id) as connection:
            is_deleted = (await connection.execute(query)).rowcount > 0
            if is_deleted:
                await _delete_counters(caller, connection, [budget_id])
                await record(caller, connection, entry)
        return is_deleted

    async def delete_runs(
        self, caller: Caller, *, run: str | None = None, before: datetime | None = None
    ) -> None:
        """Delete the ceilings of one run, or of those that began before a time, and what they counted."""
        gone = select(budgets.c.id).where(
            budgets.c.tenant_id == caller.tenant_id, budgets.c.subject_kind == "run"
        )
        if run is not None:
            gone = gone.where(budgets.c.subject_id == run)
        if before is not None:
            gone = gone.where(budgets.c.created_at < before)
        async with self._database.writing(caller.tenant_id) as connection:
            ids = list((await connection.execute(gone)).scalars())
            if ids:
                query = delete(budgets).where(budgets.c.tenant_id == caller.tenant_id, budgets.c.id.in_(ids))
                await connection.execute(query)
                await _delete_counters(caller, connection, ids)

    async def forget_refusals(
        self, caller: Caller, budget_ids: Sequence[str], now: datetime, entries: Sequence[AuditEntry]
    ) -> None:
        """Let no budget of these be called exhausted because a call was refused in the running period."""
        query = (
            update(budget_counters)
            .where(
                budget_counters.c.tenant_id == caller.tenant_id,
                budget_counters.c.budget_id.in_(budget_ids),
                budget_counters.c.ends_at > now,
                budget_counters.c.exhausted_at.is_not(None),
            )
            .values(exhausted_at=None)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)
            for entry in entries:
                await record(caller, connection, entry)


async def insert_budgets(caller: Caller, connection: AsyncConnection, added: Sequence[Budget]) -> None:
    """Insert budgets in the transaction of `connection`. Raises BudgetExists and InvalidBudget."""
    counting = select(func.count()).where(budgets.c.tenant_id == caller.tenant_id)
    if (await connection.execute(counting)).scalar_one() + len(added) > MOST_BUDGETS:
        raise InvalidBudget(
            f"A tenant has at most {MOST_BUDGETS:,} budgets. Delete some you no longer need.",
            param="subject_id",
        )
    rows = [{**_row(budget), "tenant_id": caller.tenant_id} for budget in added]
    try:
        await connection.execute(insert(budgets), rows)
    except IntegrityError as error:
        raise BudgetExists(
            "The subject has a budget of this unit and period already. Change that one instead."
        ) from error


async def change_budget(
    caller: Caller, connection: AsyncConnection, before: Budget, after: Budget, now: datetime
) -> bool:
    """Put `after` in the place of `before` in the transaction of `connection`; the running period follows.

    `False` where the budget is no longer as `before` has it.
    """
    query = (
        update(budgets)
        .where(
            budgets.c.tenant_id == caller.tenant_id,
            budgets.c.id == before.id,
            budgets.c.updated_at == before.updated_at,
        )
        .values({name: value for name, value in _row(after).items() if name != "id"})
    )
    if (await connection.execute(query)).rowcount == 0:
        return False
    if (before.limit, before.time_zone) != (after.limit, after.time_zone):
        await _let_counters_follow(caller, connection, before, after, now)
    return True


async def find_budgets_of(
    caller: Caller, connection: AsyncConnection, subjects: Sequence[Subject]
) -> list[Budget]:
    """All budgets of these subjects, in the transaction of `connection`."""
    query = select(budgets).where(_of_subjects(caller, subjects)).order_by(budgets.c.id)
    return [_budget(row) for row in (await connection.execute(query)).mappings()]


async def delete_budgets_of(caller: Caller, connection: AsyncConnection, subjects: Sequence[Subject]) -> None:
    """Delete every budget of these subjects and what it counted, in the transaction of `connection`."""
    gone = [budget.id for budget in await find_budgets_of(caller, connection, subjects)]
    query = delete(budgets).where(budgets.c.tenant_id == caller.tenant_id, budgets.c.id.in_(gone))
    await connection.execute(query)
    await _delete_counters(caller, connection, gone)


async def _delete_counters(caller: Caller, connection: AsyncConnection, budget_ids: Sequence[str]) -> None:
    query = delete(budget_counters).where(
        budget_counters.c.tenant_id == caller.tenant_id, budget_counters.c.budget_id.in_(budget_ids)
    )
    await connection.execute(query)


async def _let_counters_follow(
    caller: Caller, connection: AsyncConnection, before: Budget, after: Budget, now: datetime
) -> None:
    """Make what was counted lately fit the budget's new limit and time zone."""
    mine = and_(budget_counters.c.tenant_id == caller.tenant_id, budget_counters.c.budget_id == before.id)
    lately = select(budget_counters).where(mine, budget_counters.c.ends_at > now - 2 * _ONE_DAY)
    query = lately.order_by(budget_counters.c.period_start).with_for_update()
    for row in (await connection.execute(query)).mappings().all():
        values = _respanned(row["period_start"], after)
        if before.limit != after.limit:
            values |= _unalarmed(row, after)
        if values:
            where = and_(mine, budget_counters.c.period_start == row["period_start"])
            await connection.execute(update(budget_counters).where(where).values(values))


def _respanned(key: str, budget: Budget) -> dict[str, Any]:
    """The bounds of the period `key` in the budget's time zone."""
    if budget.period == "total":
        return {}
    noon = datetime.fromisoformat(f"{key if budget.period == 'day' else f'{key}-15'}T12:00:00+00:00")
    for shift in (0, -1, 1):
        span = period_of(budget.period, budget.time_zone, noon + shift * _ONE_DAY)
        if span.key == key:
            return {"starts_at": span.starts_at, "ends_at": span.ends_at}
    return {}  # a day that the time zone never had


def _unalarmed(row: RowMapping, budget: Budget) -> dict[str, Any]:
    """Under a new limit nothing was refused yet, and a percent passed twice alerts twice."""
    percent = row["alerted"]
    if not budget.limit:
        percent = 0
    elif row["used"] * 100 < percent * budget.limit:
        percent = row["used"] * 100 // budget.limit
    return {"exhausted_at": None, "alerted": percent}


def _counted_lately(caller: Caller, now: datetime) -> ColumnElement[bool]:
    """The counters of the tenant's budgets that run, and those before from which a rate can be read."""
    is_recent = or_(
        budget_counters.c.ends_at > now,
        and_(budgets.c.period == "day", budget_counters.c.ends_at > now - LOOK_BACK - _ONE_DAY),
        and_(budgets.c.period == "month", budget_counters.c.ends_at > now - _LONGEST_MONTH),
    )
    # Not by the counters' own tenant: that would lead the database over all counters the tenant ever had.
    return and_(budgets.c.tenant_id == caller.tenant_id, is_recent)


def _of_subjects(caller: Caller, subjects: Sequence[Subject]) -> ColumnElement[bool]:
    """The tenant's budgets; of these subjects alone, where some are named."""
    mine = budgets.c.tenant_id == caller.tenant_id
    if not subjects:
        return mine
    pairs = [(subject.kind, subject.id) for subject in subjects]
    return and_(mine, tuple_(budgets.c.subject_kind, budgets.c.subject_id).in_(pairs))


def _row(budget: Budget) -> dict[str, Any]:
    return {
        "id": budget.id,
        "subject_kind": budget.subject.kind,
        "subject_id": budget.subject.id,
        "unit": budget.unit,
        "period": budget.period,
        "limit": budget.limit,
        "time_zone": budget.time_zone,
        "is_hard": budget.is_hard,
        "alert_at": list(budget.alert_at),
        "created_at": budget.created_at,
        "updated_at": budget.updated_at,
        "updated_by": budget.updated_by,
    }


def _budget(row: RowMapping) -> Budget:
    values = {name: row[name] for name in Budget.__struct_fields__ if name not in ("subject", "alert_at")}
    subject = Subject(row["subject_kind"], row["subject_id"])
    return Budget(**values, subject=subject, alert_at=tuple(row["alert_at"]))


def _counted(row: RowMapping) -> Counted:
    return Counted(**{name: row[name] for name in Counted.__struct_fields__})
