"""Reading the usage log backwards, a stretch at a time."""

from sqlalchemy import ColumnElement, and_, literal, or_, select

from officium.core.tenancy import Caller
from officium.core.usage.record import WrittenRecord
from officium.core.usage.search.wanted import Mark, Wanted
from officium.core.usage.tables import usage_log
from officium.kit.database import Database, UtcDateTime

_NAMES = ("app", "provider", "model", "status", "error_code", "actor", "client_id")


class SearchStore:
    """The usage log, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_end(self, caller: Caller, before: Mark, count: int) -> Mark | None:
        """The place behind the `count` lines that come before a mark; `None` where the log ends earlier.

        It is read from an index alone.
        """
        query = (
            select(usage_log.c.created_at, usage_log.c.id)
            .where(usage_log.c.tenant_id == caller.tenant_id, _before(caller, before))
            .order_by(usage_log.c.created_at.desc(), usage_log.c.id.desc())
            .offset(count - 1)
            .limit(1)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else Mark(row[0], row[1])

    async def list_requests(
        self, caller: Caller, wanted: Wanted, before: Mark, end: Mark | None, limit: int
    ) -> list[WrittenRecord]:
        """The lines that decided a request and are as wanted, between `before` and `end`, newest first."""
        query = select(usage_log).where(
            usage_log.c.tenant_id == caller.tenant_id, usage_log.c.is_last, _before(caller, before)
        )
        if end is not None:
            query = query.where(usage_log.c.created_at >= end.at)
            query = query.where(or_(usage_log.c.created_at > end.at, usage_log.c.id >= end.id))
        for name in _NAMES:
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(usage_log.c[name] == value)
        if wanted.since is not None:
            query = query.where(usage_log.c.created_at >= wanted.since)
        query = query.order_by(usage_log.c.created_at.desc(), usage_log.c.id.desc()).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            return [WrittenRecord(**row) for row in (await connection.execute(query)).mappings()]


def _before(caller: Caller, mark: Mark) -> ColumnElement[bool]:
    """Older than a mark, said twice so that the index on the time is used."""
    at = literal(mark.at, UtcDateTime)
    return and_(
        usage_log.c.tenant_id == caller.tenant_id,
        usage_log.c.created_at <= at,
        or_(usage_log.c.created_at < at, usage_log.c.id < mark.id),
    )
