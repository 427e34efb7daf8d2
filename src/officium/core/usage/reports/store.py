"""Summing up the usage log, in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    RowMapping,
    String,
    and_,
    column,
    func,
    literal,
    select,
    tuple_,
    values,
)

from officium.core.tenancy import Caller
from officium.core.tenancy.tables import tenants
from officium.core.usage.ledger.period import Span
from officium.core.usage.record import WrittenRecord
from officium.core.usage.reports.report import EVERYTHING, Counts, GroupBy, Key, Subject, TenantTokens
from officium.core.usage.tables import usage_log
from officium.core.usage.tallies import Tally
from officium.core.usage.tallies.tally import OUT_OF_CREDITS
from officium.kit.database import ALL_TENANTS, Database, UtcDateTime

_COLUMNS: dict[GroupBy, Column[Any]] = {
    "tenant": usage_log.c.tenant_id,
    "model": usage_log.c.model,
    "provider": usage_log.c.provider,
    "app": usage_log.c.app,
    "prompt": usage_log.c.prompt,
    "actor": usage_log.c.actor,
    "client": usage_log.c.client_id,
    "widget": usage_log.c.widget_id,
}


class ReportStore:
    """The usage log in sums. Only these leave the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_oldest(self, caller: Caller) -> datetime | None:
        """When the oldest line that is still there was written."""
        query = (
            select(usage_log.c.created_at)
            .where(usage_log.c.tenant_id == caller.tenant_id)
            .order_by(usage_log.c.created_at)
            .limit(1)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            found: datetime | None = (await connection.execute(query)).scalar()
        return found

    async def read_groups(
        self,
        caller: Caller,
        group_by: GroupBy,
        starts_at: datetime,
        ends_at: datetime,
        of: Subject = EVERYTHING,
    ) -> list[tuple[Key, Tally]]:
        """What each group came to, all but the days'."""
        key = _COLUMNS[group_by]
        query = (
            select(key.label("key"), *_sums(caller))
            .where(_in_span(caller, starts_at, ends_at, of))
            .group_by(key)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [(row["key"], _tally(row)) for row in rows]

    async def read_total(
        self, caller: Caller, starts_at: datetime, ends_at: datetime, of: Subject = EVERYTHING
    ) -> Tally:
        """The sums of everything from `starts_at` until `ends_at`."""
        query = select(*_sums(caller)).where(_in_span(caller, starts_at, ends_at, of))
        async with self._database.reading(caller.tenant_id) as connection:
            return _tally((await connection.execute(query)).mappings().one())

    async def read_days(
        self, caller: Caller, days: Sequence[Span], of: Subject = EVERYTHING
    ) -> list[tuple[Key, Tally]]:
        """The sums of each day. The days are told the database, since SQLite knows no time zones."""
        if not days:
            return []
        bounds = values(
            column("key", String),
            column("starts_at", UtcDateTime),
            column("ends_at", UtcDateTime),
            name="bounds",
        ).data([(day.key, day.starts_at, day.ends_at) for day in days])
        named = bounds.cte("days")
        that_day = and_(
            _of(caller, of),
            usage_log.c.created_at >= named.c.starts_at,
            usage_log.c.created_at < named.c.ends_at,
        )
        query = (
            select(named.c.key.label("key"), *_sums(caller))
            .select_from(named)
            .outerjoin(usage_log, that_day)
            .group_by(named.c.key)
            .order_by(named.c.key)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [(row["key"], _tally(row)) for row in (await connection.execute(query)).mappings()]

    async def read_outcomes(
        self, caller: Caller, starts_at: datetime, ends_at: datetime
    ) -> list[tuple[str | None, Counts]]:
        """How the attempts at each provider ended, by its name."""
        query = (
            select(usage_log.c.provider.label("provider"), *_outcomes(caller))
            .where(_in_span(caller, starts_at, ends_at))
            .group_by(usage_log.c.provider)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [(row["provider"], _counts(row)) for row in rows]

    async def read_outcome(
        self, caller: Caller, starts_at: datetime, ends_at: datetime, of: Subject
    ) -> Counts:
        """How requests ended, all together."""
        query = select(*_outcomes(caller, usage_log.c.is_last)).where(
            _in_span(caller, starts_at, ends_at, of)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return _counts((await connection.execute(query)).mappings().one())

    async def get_name(self, caller: Caller) -> str:
        """What the caller's tenant is called."""
        query = select(tenants.c.name).where(tenants.c.id == caller.tenant_id)
        async with self._database.reading(caller.tenant_id) as connection:
            name: str = (await connection.execute(query)).scalar_one()
        return name

    async def read_tokens_for_all_tenants(
        self, since: datetime, after: str, limit: int
    ) -> list[TenantTokens]:
        """A page of all tenants with the tokens they used since then, beginning behind the id `after`."""
        page = select(tenants).where(tenants.c.id > after).order_by(tenants.c.id).limit(limit).subquery()
        theirs = and_(usage_log.c.tenant_id == page.c.id, usage_log.c.created_at >= since)
        query = (
            select(
                page.c.id.label("tenant_id"),
                page.c.name,
                func.sum(usage_log.c.input_tokens).label("input_tokens"),
                func.sum(usage_log.c.output_tokens).label("output_tokens"),
                func.sum(usage_log.c.total_tokens).label("total_tokens"),
            )
            .select_from(page)
            .outerjoin(usage_log, theirs)
            .group_by(page.c.id, page.c.name)
            .order_by(page.c.id)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            return [_read_tokens(row) for row in (await connection.execute(query)).mappings()]

    async def list_calls(
        self,
        caller: Caller,
        starts_at: datetime,
        ends_at: datetime,
        after: WrittenRecord | None,
        limit: int,
    ) -> list[WrittenRecord]:
        """The records of a span of time, oldest first, beginning behind the record `after`."""
        place = tuple_(usage_log.c.created_at, usage_log.c.id)
        query = select(usage_log).where(_in_span(caller, starts_at, ends_at))
        if after is not None:
            query = query.where(
                usage_log.c.created_at >= after.created_at,
                place
                > tuple_(literal(after.created_at, UtcDateTime), literal(after.id, usage_log.c.id.type)),
            )
        query = query.order_by(usage_log.c.created_at, usage_log.c.id).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            return [WrittenRecord(**row) for row in (await connection.execute(query)).mappings()]


def _in_span(
    caller: Caller, starts_at: datetime, ends_at: datetime, of: Subject = EVERYTHING
) -> ColumnElement[bool]:
    return and_(_of(caller, of), usage_log.c.created_at >= starts_at, usage_log.c.created_at < ends_at)


def _of(caller: Caller, of: Subject) -> ColumnElement[bool]:
    """The lines of a widget or a client, or of both."""
    mine = usage_log.c.tenant_id == caller.tenant_id
    if of.widget_id is not None:
        mine = and_(mine, usage_log.c.widget_id == of.widget_id)
    return mine if of.client_id is None else and_(mine, usage_log.c.client_id == of.client_id)


def _count(caller: Caller, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    """How many of the tenant's records are like this."""
    return func.count().filter(usage_log.c.tenant_id == caller.tenant_id, *conditions)


def _sums(caller: Caller) -> list[ColumnElement[Any]]:
    has_ended_badly = usage_log.c.status.in_(("failed", "refused"))
    was_tried = usage_log.c.attempt > 0
    return [
        _count(caller, usage_log.c.is_last).label("requests"),
        _count(caller, usage_log.c.is_last, has_ended_badly).label("errors"),
        _count(caller, was_tried).label("attempts"),
        _count(caller, was_tried, usage_log.c.status == "failed").label("failed_attempts"),
        *(_sum(caller, name) for name in ("input_tokens", "output_tokens", "total_tokens", "cost_nano_usd")),
        _count(caller, was_tried, usage_log.c.cost_nano_usd.is_(None)).label("attempts_without_cost"),
        *_answers(caller),
    ]


def _sum(caller: Caller, name: str) -> ColumnElement[Any]:
    mine = usage_log.c.tenant_id == caller.tenant_id
    return func.sum(usage_log.c[name]).filter(mine).label(name)


def _answers(caller: Caller) -> list[ColumnElement[Any]]:
    """How many attempts succeeded, and how long these took."""
    succeeded = and_(usage_log.c.tenant_id == caller.tenant_id, usage_log.c.status == "success")
    return [
        func.count().filter(succeeded).label("answered"),
        func.sum(usage_log.c.duration_ms).filter(succeeded).label("duration_ms"),
    ]


def _outcomes(caller: Caller, *counted: ColumnElement[bool]) -> list[ColumnElement[Any]]:
    """The columns of `Counts`; the numbers are those of the records that are `counted`."""
    is_exhausted = func.coalesce(usage_log.c.error_code, "") == OUT_OF_CREDITS
    has_failed = and_(usage_log.c.status.in_(("failed", "refused")), ~is_exhausted)
    return [
        _count(caller, *counted).label("total"),
        func.sum(usage_log.c.total_tokens).label("tokens"),
        *_answers(caller),
        _count(caller, *counted, usage_log.c.status == "success").label("successful"),
        _count(caller, *counted, has_failed).label("failed"),
        _count(caller, *counted, is_exhausted).label("exhausted"),
    ]


def _tally(row: RowMapping) -> Tally:
    """PostgreSQL sums up in decimals, and nothing to sum up is NULL on both."""
    return Tally(**{name: int(row[name] or 0) for name in row if name != "key"})


def _counts(row: RowMapping) -> Counts:
    return Counts(**{name: int(row[name] or 0) for name in row if name != "provider"})


def _read_tokens(row: RowMapping) -> TenantTokens:
    names = ("input_tokens", "output_tokens", "total_tokens")
    return TenantTokens(
        tenant_id=row["tenant_id"], name=row["name"], **{name: int(row[name] or 0) for name in names}
    )
