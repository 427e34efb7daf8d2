"""Reading the books of a tenant as they stand at one moment, and putting its counters right."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, Select, String, cast, func, insert, literal, select, union_all, update

from officium.core.tenancy import Caller
from officium.core.usage.ledger.budget import Period
from officium.core.usage.ledger.tables import budget_counters, budgets, holds, ledger_entries
from officium.core.usage.reconciliation.difference import Books, Counted, Difference
from officium.kit.database import Database

_NOTHING = literal(None, String)


class BudgetPeriods(Struct, frozen=True):
    """How a budget's periods are cut."""

    id: str
    period: Period
    time_zone: str


class MissingCounter(Struct, frozen=True, kw_only=True):
    """A counter to be made for lines that name it."""

    budget_id: str
    period_start: str
    starts_at: datetime
    ends_at: datetime
    used: int
    held: int


class BooksStore:
    """The counters, holds and entries of the tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_books(self, caller: Caller) -> Books:
        """All of the caller's tenant, as of one moment: one statement sees one state of the database.

        It locks nothing. The lines are summed up by the database; only sums travel.
        """
        books = Books()
        async with (
            self._database.reading(caller.tenant_id) as connection,
            connection.stream(_everything(caller)) as rows,
        ):
            async for kind, name, period, unit, *amounts in rows:
                tokens, requests, nano_usd = (int(amount or 0) for amount in amounts)
                match kind:
                    case "counter":
                        books.counters[name, period] = Counted(tokens, requests, unit)
                    case "budget":
                        books.budgets.add(name)
                    case "hold":
                        books.add_lines("held", name, (tokens, requests, nano_usd))
                    case _:
                        books.add_lines("used", name, (tokens, requests, nano_usd))
        return books

    async def find_periods(self, caller: Caller, budget_ids: Sequence[str]) -> dict[str, BudgetPeriods]:
        """How the periods of these budgets are cut, by the budgets' ids."""
        query = select(budgets.c.id, budgets.c.period, budgets.c.time_zone).where(
            budgets.c.tenant_id == caller.tenant_id, budgets.c.id.in_(list(budget_ids))
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return {row.id: BudgetPeriods(*row) for row in await connection.execute(query)}

    async def add_to_counter(self, caller: Caller, difference: Difference) -> None:
        """Add what is missing. Servers may run: they change counters and lines together."""
        column = budget_counters.c[difference.column]
        query = (
            update(budget_counters)
            .where(
                budget_counters.c.tenant_id == caller.tenant_id,
                budget_counters.c.budget_id == difference.budget_id,
                budget_counters.c.period_start == difference.period_start,
            )
            .values({column: column + difference.delta})
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def add_counter(self, caller: Caller, missing: MissingCounter) -> None:
        """Insert a counter that should be there."""
        values: dict[str, Any] = {name: getattr(missing, name) for name in missing.__struct_fields__}
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(
                insert(budget_counters).values(tenant_id=caller.tenant_id, alerted=0, **values)
            )


def _everything(caller: Caller) -> Any:
    """Counters, budgets, and the sums of holds and entries, in rows of one shape."""
    counters = (
        select(
            literal("counter"),
            budget_counters.c.budget_id,
            budget_counters.c.period_start,
            budgets.c.unit,
            budget_counters.c.used,
            budget_counters.c.held,
            literal(0, BigInteger),
        )
        .outerjoin(budgets, budgets.c.id == budget_counters.c.budget_id)
        .where(budget_counters.c.tenant_id == caller.tenant_id)
    )
    known = select(
        literal("budget"),
        budgets.c.id,
        _NOTHING,
        budgets.c.unit,
        *(literal(0, BigInteger) for _ in range(3)),
    ).where(budgets.c.tenant_id == caller.tenant_id)
    return union_all(
        counters,
        known,
        _sums(caller, "hold", holds),
        _sums(caller, "entry", ledger_entries),
    )


def _sums(caller: Caller, kind: str, lines: Any) -> Select[Any]:
    return (
        select(
            literal(kind),
            lines.c.counters,
            _NOTHING,
            _NOTHING,
            *(cast(func.sum(lines.c[name]), BigInteger) for name in ("tokens", "requests", "nano_usd")),
        )
        .where(lines.c.tenant_id == caller.tenant_id)
        .group_by(lines.c.counters)
    )
