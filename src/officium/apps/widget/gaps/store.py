"""Loading the questions that were not answered well, and what was written for them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, or_, select, update

from officium.apps.widget.gaps.gap import UnansweredQuestion
from officium.apps.widget.knowledge.tables import kb_entries
from officium.apps.widget.visitors.tables import llm_request_logs
from officium.core.tenancy import Caller
from officium.kit.database import Database

MOST_QUESTIONS = 2_000


class GapStore:
    """Looks into the log of answers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_unanswered(
        self, caller: Caller, widget_id: int, since: datetime
    ) -> list[UnansweredQuestion]:
        """The newest questions since a moment that nothing was written for yet."""
        log = llm_request_logs.c
        query = (
            select(log.id, log.prompt_text, log.rating, log.created_at)
            .where(
                log.tenant_id == caller.tenant_id,
                log.widget_id == widget_id,
                log.created_at >= since,
                log.prompt_text != "",
                log.gap_entry_id.is_(None),
                or_(log.answer_source == "default", log.rating == "down"),
            )
            .order_by(log.id.desc())
            .limit(MOST_QUESTIONS)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [
                UnansweredQuestion(id=row[0], text=row[1], is_disliked=row[2] == "down", asked_at=row[3])
                for row in await connection.execute(query)
            ]

    async def count_unanswered(
        self, caller: Caller, widget_ids: Collection[int], since: datetime
    ) -> dict[int, int]:
        """How many such questions each of these widgets has; those without any are left out."""
        log = llm_request_logs.c
        query = (
            select(log.widget_id, func.count())
            .where(
                log.tenant_id == caller.tenant_id,
                log.widget_id.in_(widget_ids),
                log.created_at >= since,
                log.prompt_text != "",
                log.gap_entry_id.is_(None),
                or_(log.answer_source == "default", log.rating == "down"),
            )
            .group_by(log.widget_id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return {row[0]: int(row[1]) for row in await connection.execute(query)}

    async def list_most_unanswered(
        self, caller: Caller, since: datetime, fewest: int, limit: int
    ) -> list[tuple[int, int]]:
        """The widgets with at least `fewest` such questions, those with most first, and how many."""
        log, count = llm_request_logs.c, func.count()
        query = (
            select(log.widget_id, count)
            .where(
                log.tenant_id == caller.tenant_id,
                log.created_at >= since,
                log.prompt_text != "",
                log.gap_entry_id.is_(None),
                or_(log.answer_source == "default", log.rating == "down"),
            )
            .group_by(log.widget_id)
            .having(count >= fewest)
            .order_by(count.desc(), log.widget_id)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [(row[0], int(row[1])) for row in await connection.execute(query)]

    async def close(self, caller: Caller, widget_id: int, request_ids: list[int], entry_id: int) -> int:
        """Note which entry was written for these questions; how many they are."""
        query = (
            update(llm_request_logs)
            .where(
                llm_request_logs.c.tenant_id == caller.tenant_id,
                llm_request_logs.c.widget_id == widget_id,
                llm_request_logs.c.id.in_(request_ids),
                llm_request_logs.c.gap_entry_id.is_(None),
            )
            .values(gap_entry_id=entry_id)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount

    async def count_closed(self, caller: Caller, widget_id: int) -> dict[int, int]:
        """How many questions each entry that is live now was written for."""
        log = llm_request_logs.c
        query = (
            select(log.gap_entry_id)
            .join(kb_entries, kb_entries.c.id == log.gap_entry_id)
            .where(
                log.tenant_id == caller.tenant_id,
                log.widget_id == widget_id,
                kb_entries.c.tenant_id == caller.tenant_id,
                kb_entries.c.state == "live",
            )
        )
        found: dict[int, int] = {}
        async with self._database.reading(caller.tenant_id) as connection:
            for entry_id in (await connection.execute(query)).scalars():
                found[entry_id] = found.get(entry_id, 0) + 1
        return found
