"""Reading where the answers of clients came from."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select

from officium.apps.widget.credits.credits import AnswerCounts
from officium.apps.widget.tables import widget_configs
from officium.apps.widget.visitors.tables import widget_answer_counts
from officium.core.tenancy import Caller
from officium.kit.database import Database


class CreditStore:
    """The counted answers of all widgets of a client together."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_answers(
        self, caller: Caller, client_ids: Sequence[int], since: date
    ) -> dict[int, AnswerCounts]:
        """Where the answers of these clients came from since a day, by the client's id."""
        counts = widget_answer_counts.c
        query = (
            select(widget_configs.c.client_id, counts.answer_source, func.sum(counts.answers))
            .join(widget_configs, widget_configs.c.id == counts.widget_id)
            .where(
                counts.tenant_id == caller.tenant_id,
                widget_configs.c.tenant_id == caller.tenant_id,
                widget_configs.c.client_id.in_(client_ids),
                counts.day >= since,
            )
            .group_by(widget_configs.c.client_id, counts.answer_source)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).all()
        found: dict[int, dict[str, int]] = {}
        for client_id, source, answers in rows:
            found.setdefault(client_id, {})[source] = int(answers)
        return {client_id: AnswerCounts(**sources) for client_id, sources in found.items()}

    async def list_days(self, caller: Caller, client_id: int, since: date) -> dict[date, AnswerCounts]:
        """Where the answers of a client came from on each day since one; days without any are left out."""
        counts = widget_answer_counts.c
        query = (
            select(counts.day, counts.answer_source, func.sum(counts.answers))
            .join(widget_configs, widget_configs.c.id == counts.widget_id)
            .where(
                counts.tenant_id == caller.tenant_id,
                widget_configs.c.tenant_id == caller.tenant_id,
                widget_configs.c.client_id == client_id,
                counts.day >= since,
            )
            .group_by(counts.day, counts.answer_source)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).all()
        found: dict[date, dict[str, int]] = {}
        for day, source, answers in rows:
            found.setdefault(day, {})[source] = int(answers)
        return {day: AnswerCounts(**sources) for day, sources in found.items()}
