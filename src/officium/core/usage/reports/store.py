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
    null,
    select,
    tuple_,
    values,
)

from officium.core.tenancy import Caller
from officium.core.tenancy.tables import tenants
from officium.core.usage.ledger.period import Span
from officium.core.usage.record import WrittenRecord
from officium.core.usage.reports.report import GroupBy, Outcomes, TenantTokens, UsageSums
from officium.core.usage.tables import usage_log
from officium.kit.database import ALL_TENANTS, Database, UtcDateTime

_OUT_OF_CREDITS = "out_of_credits"
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

    async def read_sums(
        self,
        caller: Caller,
        group_by: GroupBy,
        days: Sequence[Span],
        limit: int,
        offset: int,
        widget_id: int | None = None,
        client_id: int | None = None,
    ) -> list[UsageSums]:
        """The sums of each group in `days`, most tokens first; each day, first day first."""
        if group_by == "day":
            return await self._read_days(caller, days[offset : offset + limit], widget_id, client_id)
        key = _COLUMNS[group_by]
        tokens = func.coalesce(func.sum(usage_log.c.total_tokens), 0)
        query = (
            select(key.label("key"), *_sums(caller))
            .where(_in_span(caller, days[0].starts_at, days[-1].ends_at, widget_id, client_id))
            .group_by(key)
            .order_by(tokens.desc(), key)
            .limit(limit)
            .offset(offset)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_read_sums(row) for row in (await connection.execute(query)).mappings()]

    async def read_total(
        self,
        caller: Caller,
        starts_at: datetime,
        ends_at: datetime,
        widget_id: int | None = None,
        client_id: int | None = None,
    ) -> UsageSums:
        """The sums of everything from `starts_at` until `ends_at`."""
        span = _in_span(caller, starts_at, ends_at, widget_id, client_id)
        query = select(null().label("key"), *_sums(caller)).where(span)
        async with self._database.reading(caller.tenant_id) as connection:
            return _read_sums((await connection.execute(query)).mappings().one())

    async def read_outcomes(self, caller: Caller, since: datetime) -> list[Outcomes]:
        """How the attempts at each provider ended since then, by its name."""
        query = (
            select(usage_log.c.provider.label("provider"), *_outcomes(caller))
            .where(_since(caller, since))
            .group_by(usage_log.c.provider)
            .order_by(usage_log.c.provider)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_read_outcomes(row) for row in (await connection.execute(query)).mappings()]

    async def read_outcome(
        self, caller: Caller, since: datetime, *, widget_id: int | None = None
    ) -> Outcomes:
        """How requests ended since then, all together."""
        query = select(null().label("provider"), *_outcomes(caller, usage_log.c.is_last)).where(
            _since(caller, since, widget_id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return _read_outcomes((await connection.execute(query)).mappings().one())

    async def read_tokens(self, caller: Caller, since: datetime) -> TenantTokens:
        """The tokens the caller's tenant used since then."""
        mine = and_(usage_log.c.tenant_id == tenants.c.id, usage_log.c.created_at >= since)
        query = (
            select(tenants.c.id.label("tenant_id"), tenants.c.name, *_tokens(caller))
            .select_from(tenants)
            .outerjoin(usage_log, mine)
            .where(tenants.c.id == caller.tenant_id)
            .group_by(tenants.c.id, tenants.c.name)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return _read_tokens((await connection.execute(query)).mappings().one())

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

    async def _read_days(
        self, caller: Caller, days: Sequence[Span], widget_id: int | None, client_id: int | None
    ) -> list[UsageSums]:
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
            usage_log.c.tenant_id == caller.tenant_id,
            usage_log.c.created_at >= named.c.starts_at,
            usage_log.c.created_at < named.c.ends_at,
        )
        if widget_id is not None:
            that_day = and_(that_day, usage_log.c.widget_id == widget_id)
        if client_id is not None:
            that_day = and_(that_day, usage_log.c.client_id == client_id)
        query = (
            select(named.c.key.label("key"), *_sums(caller))
            .select_from(named)
            .outerjoin(usage_log, that_day)
            .group_by(named.c.key)
            .order_by(named.c.key)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_read_sums(row) for row in (await connection.execute(query)).mappings()]


def _in_span(
    caller: Caller,
    starts_at: datetime,
    ends_at: datetime,
    widget_id: int | None = None,
    client_id: int | None = None,
) -> ColumnElement[bool]:
    span = and_(_since(caller, starts_at, widget_id), usage_log.c.created_at < ends_at)
    return span if client_id is None else and_(span, usage_log.c.client_id == client_id)


def _since(caller: Caller, since: datetime, widget_id: int | None = None) -> ColumnElement[bool]:
    mine = and_(usage_log.c.tenant_id == caller.tenant_id, usage_log.c.created_at >= since)
    return mine if widget_id is None else and_(mine, usage_log.c.widget_id == widget_id)


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
        *_tokens(caller),
        func.sum(usage_log.c.cost_nano_usd).label("cost_nano_usd"),
        _count(caller, was_tried, usage_log.c.cost_nano_usd.is_(None)).label("attempts_without_cost"),
        _average_ms(caller),
    ]


def _tokens(caller: Caller) -> list[ColumnElement[Any]]:
    mine = usage_log.c.tenant_id == caller.tenant_id
    return [
        func.sum(usage_log.c[name]).filter(mine).label(name)
        for name in ("input_tokens", "output_tokens", "total_tokens")
    ]


def _outcomes(caller: Caller, *counted: ColumnElement[bool]) -> list[ColumnElement[Any]]:
    """The columns of `Outcomes`; the numbers are those of the records that are `counted`."""
    is_exhausted = func.coalesce(usage_log.c.error_code, "") == _OUT_OF_CREDITS
    has_failed = and_(usage_log.c.status.in_(("failed", "refused")), ~is_exhausted)
    return [
        _count(caller, *counted).label("total"),
        func.sum(usage_log.c.total_tokens).label("tokens"),
        _average_ms(caller),
        _count(caller, *counted, usage_log.c.status == "success").label("successful"),
        _count(caller, *counted, has_failed).label("failed"),
        _count(caller, *counted, is_exhausted).label("exhausted"),
    ]


def _average_ms(caller: Caller) -> ColumnElement[Any]:
    succeeded = and_(usage_log.c.tenant_id == caller.tenant_id, usage_log.c.status == "success")
    return func.avg(usage_log.c.duration_ms).filter(succeeded).label("average_ms")


def _read_sums(row: RowMapping) -> UsageSums:
    return UsageSums(key=row["key"], **_numbers(row, UsageSums.__struct_fields__))


def _read_outcomes(row: RowMapping) -> Outcomes:
    return Outcomes(provider=row["provider"], **_numbers(row, Outcomes.__struct_fields__))


def _read_tokens(row: RowMapping) -> TenantTokens:
    return TenantTokens(
        tenant_id=row["tenant_id"], name=row["name"], **_numbers(row, TenantTokens.__struct_fields__)
    )


def _numbers(row: RowMapping, names: Sequence[str]) -> dict[str, Any]:
    """PostgreSQL sums up in decimals, and nothing to sum up is NULL on both."""
    found: dict[str, Any] = {
        name: int(row[name] or 0)
        for name in names
        if name not in ("key", "provider", "tenant_id", "name", "average_ms")
    }
    if "average_ms" in names:
        found["average_ms"] = None if row["average_ms"] is None else round(float(row["average_ms"]), 1)
    return found
