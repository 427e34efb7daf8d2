"""Adding runs and finding them again. No run is ever changed; very old ones are deleted."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.apps.cashflow.runs.run import ProposedShift, Run, RunHead, RunKind
from officium.apps.cashflow.runs.tables import cashflow_runs
from officium.core.tenancy import Caller
from officium.kit.database import Database

_MOST_PROVING = 500
MOST_KEPT: dict[RunKind, int] = {"prediction": 1_000, "forecast": 200, "backtest": 100, "scenario": 200}
"""How many runs of each kind a tenant keeps; the oldest go first."""
_HEAD = ("id", "kind", "today", "asked", "created_at", "created_by")


class RunStore:
    """A tenant's runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_run(
        self,
        caller: Caller,
        kind: RunKind,
        today: date,
        asked: dict[str, Any],
        result: dict[str, Any],
        now: datetime,
        signals: Sequence[ProposedShift] = (),
    ) -> int:
        """Insert a run; gives its id."""
        values = {
            "tenant_id": caller.tenant_id,
            "kind": kind,
            "today": today,
            "asked": asked,
            "result": result,
            "signals": [signal.model_dump(mode="json") for signal in signals],
            "created_at": now,
            "created_by": caller.actor,
        }
        async with self._database.writing(caller.tenant_id) as connection:
            made = await connection.execute(insert(cashflow_runs).values(values))
            await _forget_old(caller, connection, kind)
        key = made.inserted_primary_key
        assert key is not None
        return int(key[0])

    async def find_run(self, caller: Caller, run_id: int | None, kind: RunKind | None = None) -> Run | None:
        """The tenant's run with this id; the latest of the kind without one."""
        query = select(cashflow_runs).where(cashflow_runs.c.tenant_id == caller.tenant_id)
        if run_id is not None:
            query = query.where(cashflow_runs.c.id == run_id)
        if kind is not None:
            query = query.where(cashflow_runs.c.kind == kind)
        query = query.order_by(cashflow_runs.c.id.desc()).limit(1)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else Run(**_head(row), result=row["result"])

    async def list_runs(
        self, caller: Caller, kind: RunKind | None, before: int | None, limit: int
    ) -> list[RunHead]:
        """A page of the tenant's runs, latest first, of those before an id."""
        columns = [cashflow_runs.c[name] for name in _HEAD]
        query = select(*columns).where(cashflow_runs.c.tenant_id == caller.tenant_id)
        if kind is not None:
            query = query.where(cashflow_runs.c.kind == kind)
        if before is not None:
            query = query.where(cashflow_runs.c.id < before)
        query = query.order_by(cashflow_runs.c.id.desc()).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [RunHead(**_head(row)) for row in rows]

    async def list_shifts(self, caller: Caller) -> list[ProposedShift]:
        """What the signals of the latest runs proposed, oldest first."""
        query = (
            select(cashflow_runs.c.signals)
            .where(cashflow_runs.c.tenant_id == caller.tenant_id, cashflow_runs.c.kind == "prediction")
            .order_by(cashflow_runs.c.id.desc())
            .limit(_MOST_PROVING)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            found = (await connection.execute(query)).scalars().all()
        return [ProposedShift.model_validate(said) for signals in reversed(found) for said in signals]


async def _forget_old(caller: Caller, connection: AsyncConnection, kind: RunKind) -> None:
    """Delete the oldest runs of a kind, as far as there are more than are kept."""
    mine = (cashflow_runs.c.tenant_id == caller.tenant_id, cashflow_runs.c.kind == kind)
    newest = select(cashflow_runs.c.id).where(*mine).order_by(cashflow_runs.c.id.desc())
    last = (await connection.execute(newest.offset(MOST_KEPT[kind]).limit(1))).scalar_one_or_none()
    if last is not None:
        await connection.execute(delete(cashflow_runs).where(*mine, cashflow_runs.c.id <= last))


def _head(row: RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in _HEAD}
