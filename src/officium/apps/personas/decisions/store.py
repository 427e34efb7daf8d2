"""Loading and saving decisions."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import RowMapping, delete, func, insert, or_, select, update

from officium.apps.personas.decisions.decision import Decision, Outcome
from officium.apps.personas.decisions.errors import InvalidDecision
from officium.apps.personas.decisions.tables import decisions
from officium.apps.personas.persona import PersonaType
from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.kit.database import Database

MOST_DECISIONS = 2_000


class DecisionStore:
    """A tenant's decisions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_decision(self, caller: Caller, decision: Decision) -> None:
        """Insert a decision. Raises InvalidDecision where there are too many."""
        counting = select(func.count()).where(decisions.c.tenant_id == caller.tenant_id)
        query = insert(decisions).values(tenant_id=caller.tenant_id, **asdict(decision))
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(counting)).scalar_one() >= MOST_DECISIONS:
                raise InvalidDecision(
                    f"A tenant has at most {MOST_DECISIONS:,} decisions. Delete old ones.", param="text"
                )
            await connection.execute(query)

    async def list_decisions(
        self, caller: Caller, outcomes: Sequence[Outcome | None] | None, before: str | None, limit: int
    ) -> list[Decision]:
        """A page of decisions, newest first, with one of these outcomes."""
        query = select(decisions).where(decisions.c.tenant_id == caller.tenant_id)
        if outcomes is not None:
            named = [outcome for outcome in outcomes if outcome is not None]
            is_open = decisions.c.outcome.is_(None)
            is_named = decisions.c.outcome.in_(named)
            query = query.where(or_(is_open, is_named) if None in outcomes else is_named)
        if before is not None:
            query = query.where(decisions.c.id < before)
        query = query.order_by(decisions.c.id.desc()).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            return [_decision(row) for row in (await connection.execute(query)).mappings()]

    async def list_for(self, caller: Caller, persona: PersonaType, limit: int) -> list[Decision]:
        """The latest decisions that a persona, or nobody in particular, advised; newest first."""
        query = (
            select(decisions)
            .where(
                decisions.c.tenant_id == caller.tenant_id,
                or_(decisions.c.persona.is_(None), decisions.c.persona == persona),
            )
            .order_by(decisions.c.id.desc())
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_decision(row) for row in (await connection.execute(query)).mappings()]

    async def save_outcome(
        self, caller: Caller, decision_id: str, outcome: Outcome, value: float, as_of: datetime
    ) -> bool:
        """Write down what came of a decision, once; whether it was open."""
        query = (
            update(decisions)
            .where(
                decisions.c.tenant_id == caller.tenant_id,
                decisions.c.id == decision_id,
                decisions.c.outcome.is_(None),
            )
            .values(outcome=outcome, actual_value=value, actual_as_of=as_of)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount > 0

    async def delete_decision(self, caller: Caller, decision_id: str, entry: AuditEntry) -> bool:
        """Delete a decision; whether there was one."""
        query = delete(decisions).where(
            decisions.c.tenant_id == caller.tenant_id, decisions.c.id == decision_id
        )
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(query)).rowcount == 0:
                return False
            await record(caller, connection, entry)
        return True


def _decision(row: RowMapping) -> Decision:
    return Decision(**{name: row[name] for name in Decision.__struct_fields__})
