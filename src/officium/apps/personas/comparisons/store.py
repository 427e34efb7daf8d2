"""Loading and saving comparisons."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, RowMapping, and_, insert, select, update

from officium.apps.personas.comparisons.comparison import Comparison, Side, Winner
from officium.apps.personas.comparisons.tables import model_comparisons
from officium.core.conversations.owner import owner_of, sees_all
from officium.core.tenancy import Caller
from officium.kit.database import Database

MOST_COUNTED = 10_000
"""As many of the latest comparisons count."""


class ComparisonStore:
    """A tenant's comparisons. Whoever asks sees their own, and with `admin` those of the tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_comparison(self, caller: Caller, comparison: Comparison) -> None:
        """Insert a comparison."""
        query = insert(model_comparisons).values(tenant_id=caller.tenant_id, **asdict(comparison))
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def find_comparison(self, caller: Caller, comparison_id: str) -> Comparison | None:
        """A comparison that the caller may see, if there is one."""
        query = select(model_comparisons).where(_seen_by(caller, comparison_id))
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return _comparison(row) if row is not None else None

    async def save_sides(
        self, caller: Caller, comparison_id: str, sides: Mapping[Side, Mapping[str, Any]]
    ) -> None:
        """Write down how the sides answered."""
        query = (
            update(model_comparisons)
            .where(model_comparisons.c.tenant_id == caller.tenant_id, model_comparisons.c.id == comparison_id)
            .values(sides=dict(sides))
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def save_vote(
        self, caller: Caller, comparison_id: str, winner: Winner, reason: str | None, at: datetime
    ) -> bool:
        """Write down a vote, once; whether it was the first."""
        query = (
            update(model_comparisons)
            .where(_seen_by(caller, comparison_id), model_comparisons.c.winner.is_(None))
            .values(winner=winner, reason=reason, voted_at=at)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount > 0

    async def list_voted(self, caller: Caller) -> list[Comparison]:
        """The tenant's latest comparisons that have a vote, newest first."""
        query = (
            select(model_comparisons)
            .where(model_comparisons.c.tenant_id == caller.tenant_id, model_comparisons.c.winner.is_not(None))
            .order_by(model_comparisons.c.id.desc())
            .limit(MOST_COUNTED)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_comparison(row) for row in (await connection.execute(query)).mappings()]


def _seen_by(caller: Caller, comparison_id: str) -> ColumnElement[bool]:
    """The comparison of this id, where the caller made it or sees all."""
    condition = and_(
        model_comparisons.c.tenant_id == caller.tenant_id, model_comparisons.c.id == comparison_id
    )
    return condition if sees_all(caller) else and_(condition, model_comparisons.c.owner == owner_of(caller))


def _comparison(row: RowMapping) -> Comparison:
    return Comparison(**{name: row[name] for name in Comparison.__struct_fields__})
