"""Loading and saving saved questions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, or_, select, update

from officium.apps.widget.checks.check import MOST_QUESTIONS, SavedQuestion
from officium.apps.widget.checks.errors import InvalidSavedQuestion
from officium.apps.widget.checks.tables import widget_saved_questions as saved
from officium.apps.widget.knowledge.tables import kb_versions
from officium.apps.widget.tables import widget_configs
from officium.core.tenancy import Caller
from officium.kit.database import ALL_TENANTS, Database

_FIELDS = tuple(SavedQuestion.__struct_fields__)


class CheckStore:
    """The saved questions of widgets, and what came of asking them last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_questions(self, caller: Caller, widget_id: int) -> list[SavedQuestion]:
        """All of a widget's, oldest first."""
        query = (
            select(*(saved.c[name] for name in _FIELDS))
            .where(saved.c.tenant_id == caller.tenant_id, saved.c.widget_id == widget_id)
            .order_by(saved.c.id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_question(row) for row in (await connection.execute(query)).mappings()]

    async def add_question(
        self, caller: Caller, widget_id: int, question: str, facts: tuple[str, ...], now: datetime
    ) -> SavedQuestion:
        """Save one. Raises InvalidSavedQuestion where there are too many."""
        counting = select(func.count()).where(
            saved.c.tenant_id == caller.tenant_id, saved.c.widget_id == widget_id
        )
        values: dict[str, Any] = {
            "widget_id": widget_id,
            "question": question,
            "facts": list(facts),
            "has_passed": None,
            "missing": [],
            "answer": None,
            "confidence": None,
            "version": None,
            "checked_at": None,
            "created_at": now,
        }
        async with self._database.writing(caller.tenant_id) as connection:
            if (await connection.execute(counting)).scalar_one() >= MOST_QUESTIONS:
                raise InvalidSavedQuestion(
                    f"A widget has at most {MOST_QUESTIONS} saved questions.", param="question"
                )
            made = await connection.execute(insert(saved).values(tenant_id=caller.tenant_id, **values))
            number: int = made.inserted_primary_key[0]  # type: ignore[index]
        return _question({"id": number, **values})

    async def delete_question(self, caller: Caller, widget_id: int, question_id: int) -> bool:
        """Whether there was one."""
        query = delete(saved).where(
            saved.c.tenant_id == caller.tenant_id,
            saved.c.widget_id == widget_id,
            saved.c.id == question_id,
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount > 0

    async def save_results(
        self, caller: Caller, widget_id: int, results: Mapping[int, Mapping[str, Any]]
    ) -> None:
        """What came of asking each, by id."""
        async with self._database.writing(caller.tenant_id) as connection:
            for question_id, values in sorted(results.items()):
                query = (
                    update(saved)
                    .where(
                        saved.c.tenant_id == caller.tenant_id,
                        saved.c.widget_id == widget_id,
                        saved.c.id == question_id,
                    )
                    .values(**values)
                )
                await connection.execute(query)

    async def list_stale_for_all_tenants(self, limit: int) -> list[tuple[str, int]]:
        """Tenant and widget of questions not asked since the knowledge base or the settings changed."""
        newest = (
            select(func.max(kb_versions.c.version))
            .where(kb_versions.c.widget_id == saved.c.widget_id)
            .scalar_subquery()
        )
        query = (
            select(saved.c.tenant_id, saved.c.widget_id)
            .join(
                widget_configs,
                (widget_configs.c.id == saved.c.widget_id)
                & (widget_configs.c.tenant_id == saved.c.tenant_id),
            )
            .where(
                newest.is_not(None),
                or_(
                    saved.c.version.is_(None),
                    saved.c.version < newest,
                    saved.c.checked_at < widget_configs.c.updated_at,
                ),
            )
            .distinct()
            .limit(limit)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            return [(row[0], row[1]) for row in await connection.execute(query)]


def _question(row: Mapping[str, Any] | RowMapping) -> SavedQuestion:
    values = {name: row[name] for name in _FIELDS}
    return SavedQuestion(**values | {"facts": tuple(row["facts"]), "missing": tuple(row["missing"])})
