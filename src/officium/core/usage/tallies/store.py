"""Loading and saving tallies."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    String,
    Subquery,
    Table,
    and_,
    bindparam,
    column,
    func,
    null,
    select,
    union_all,
    values,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.core.tenancy import Caller
from officium.core.usage.ledger.period import Span as Stretch
from officium.core.usage.tallies.histogram import MEASURES, Shelf, Spread, spread_of
from officium.core.usage.tallies.tables import usage_histograms as histograms
from officium.core.usage.tallies.tables import usage_tallies as tallies
from officium.core.usage.tallies.tally import DAY, FIELDS, Kind, Part, Place, Span, Tally, parts_of
from officium.kit.database import Database, UtcDateTime

_Shape = tuple[tuple[int, Span], ...]
"""The sign and the span of each part of a time: what statements about times have in common."""
_KEPT = 128

_KEYS = ("tenant_id", "kind", "span", "starts_at", "key")
_COLUMNS = (*_KEYS, *FIELDS)
_ADDED = ", ".join(f"{name} = usage_tallies.{name} + excluded.{name}" for name in FIELDS)
_INTO = f"INSERT INTO usage_tallies ({', '.join(_COLUMNS)})"
_OR_ADD = f"ON CONFLICT ({', '.join(_KEYS)}) DO UPDATE SET {_ADDED}"
_VALUES = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(_COLUMNS)))
_SQLITE = f"{_INTO} SELECT {_VALUES} FROM json_each(?) WHERE true {_OR_ADD}"  # noqa: S608  our own words
_POSTGRESQL = f"{_INTO} VALUES ({', '.join(f'${n}' for n in range(1, len(_COLUMNS) + 1))}) {_OR_ADD}"

_SHELF = ("tenant_id", "span", "starts_at", "measure", "bucket")
_INTO_SHELF = f"INSERT INTO usage_histograms ({', '.join(_SHELF)}, times)"
_OR_COUNT = f"ON CONFLICT ({', '.join(_SHELF)}) DO UPDATE SET times = usage_histograms.times + excluded.times"
_SHELF_VALUES = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(_SHELF) + 1))
_SHELVE_IN_SQLITE = f"{_INTO_SHELF} SELECT {_SHELF_VALUES} FROM json_each(?) WHERE true {_OR_COUNT}"  # noqa: S608
_SHELVE_IN_POSTGRESQL = f"{_INTO_SHELF} VALUES ($1, $2, $3, $4, $5, $6) {_OR_COUNT}"


class TallyStore:
    """The table of tallies. It is written with the usage log, in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_total(
        self, caller: Caller, kind: Kind, starts_at: datetime, ends_at: datetime, key: str | None = None
    ) -> Tally:
        """What everything of a kind, or one key of it, came to from `starts_at` until `ends_at`.

        Both are whole slots, here and in all that follows.
        """
        parts, keys = parts_of(starts_at, ends_at), None if key is None else [key]
        if not parts:
            return Tally()
        query, asked = _total(caller, _shape(parts), key is not None), _asked(kind, parts, keys)
        async with self._database.reading(caller.tenant_id) as connection:
            return _tally((await connection.execute(query, asked)).mappings().one())

    async def read_groups(
        self,
        caller: Caller,
        kind: Kind,
        starts_at: datetime,
        ends_at: datetime,
        limit: int | None = None,
        *,
        keys: Sequence[str] | None = None,
    ) -> list[tuple[str, Tally]]:
        """The same, for each key by itself: the dearest first, then those with most tokens and requests."""
        parts = parts_of(starts_at, ends_at)
        if not parts:
            return []
        query = _groups(caller, _shape(parts), keys is not None, limit)
        async with self._database.reading(caller.tenant_id) as connection:
            found = (await connection.execute(query, _asked(kind, parts, keys))).mappings().all()
        return [(row["key"], _tally(row)) for row in found]

    async def read_shares(
        self, caller: Caller, kind: Kind, starts_at: datetime, ends_at: datetime
    ) -> list[tuple[str | None, Tally]]:
        """What each key came to, and under `None` what had none; in no order."""
        parts = parts_of(starts_at, ends_at)
        if not parts:
            return []
        query = _shares(caller, _shape(parts))
        async with self._database.reading(caller.tenant_id) as connection:
            found = (await connection.execute(query, _asked(kind, parts))).mappings().all()
        shares: dict[str | None, Tally] = {row["key"]: _tally(row) for row in found}
        rest = shares[None]
        for key, tally in shares.items():
            if key is not None:
                rest.add(tally, -1)
        return [(key, tally) for key, tally in shares.items() if not tally.is_empty]

    async def read_points(
        self, caller: Caller, stretches: Sequence[Stretch], kind: Kind = "all", key: str = ""
    ) -> list[Tally]:
        """What a key came to in each of these stretches of time, in their order."""
        made_of = [parts_of(one.starts_at, one.ends_at) for one in stretches]
        parts = [part for each in made_of for part in each]
        days = await self._read_days(caller, kind, key, [part for part in parts if part.span == "day"])
        edges = {(part.starts_at, part.ends_at): Tally() for part in parts if part.span == "slot"}
        await self._read_edges(caller, kind, key, edges)
        return [_put_together(each, days, edges) for each in made_of]

    async def find_last(
        self, caller: Caller, kind: Kind, key: str, before: datetime | None = None
    ) -> datetime | None:
        """The beginning of the last slot, before a moment, in which there was something with this key."""
        query = select(func.max(tallies.c.starts_at)).where(
            tallies.c.tenant_id == caller.tenant_id,
            tallies.c.kind == kind,
            tallies.c.span == "slot",
            tallies.c.key == key,
        )
        if before is not None:
            query = query.where(tallies.c.starts_at < before)
        async with self._database.reading(caller.tenant_id) as connection:
            found: datetime | None = (await connection.execute(query)).scalar()
        return found

    async def read_spreads(self, caller: Caller, starts_at: datetime, ends_at: datetime) -> list[Spread]:
        """How long things took from `starts_at` until `ends_at`; both are whole slots."""
        parts = parts_of(starts_at, ends_at)
        if not parts:
            return [spread_of(measure, {}) for measure in MEASURES]
        query = _counts(caller, _shape(parts))
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query, _asked(None, parts))).all()
        counts = {
            measure: {bucket: int(n) for name, bucket, n in rows if name == measure and n}
            for measure in MEASURES
        }
        return [spread_of(measure, counts[measure]) for measure in MEASURES]

    async def read_months(self, caller: Caller) -> list[dict[str, int | str]]:
        """What everything ever came to, by month of UTC, the oldest first."""
        names = ("requests", "input_tokens", "output_tokens", "cost_nano_usd")
        query = (
            select(tallies.c.starts_at, *(tallies.c[name] for name in names))
            .where(tallies.c.tenant_id == caller.tenant_id, tallies.c.kind == "all", tallies.c.span == "day")
            .order_by(tallies.c.starts_at)
        )
        months: dict[str, dict[str, int | str]] = {}
        async with self._database.reading(caller.tenant_id) as connection:
            for row in (await connection.execute(query)).mappings():
                name = f"{row['starts_at']:%Y-%m}"
                month = months.setdefault(name, {"month": name, **dict.fromkeys(names, 0)})
                for each in names:
                    month[each] = int(month[each]) + int(row[each])
        return list(months.values())

    async def has_any(self, caller: Caller, besides: str, *, is_answered: bool) -> bool:
        """Whether any app but `besides` ever asked for anything, or was answered."""
        query = select(tallies.c.key).where(
            tallies.c.tenant_id == caller.tenant_id,
            tallies.c.kind == "app",
            tallies.c.span == "day",
            tallies.c.key != besides,
        )
        if is_answered:
            query = query.where(tallies.c.answered > 0)
        async with self._database.reading(caller.tenant_id) as connection:
            return (await connection.execute(query.limit(1))).first() is not None

    async def _read_days(
        self, caller: Caller, kind: Kind, key: str, parts: Sequence[Part]
    ) -> dict[datetime, Tally]:
        """The tallies of all days that occur in `parts`, by their beginning."""
        if not parts:
            return {}
        query = select(tallies.c.starts_at, *(tallies.c[name] for name in FIELDS)).where(
            tallies.c.tenant_id == caller.tenant_id,
            tallies.c.kind == kind,
            tallies.c.key == key,
            tallies.c.span == "day",
            tallies.c.starts_at >= min(part.starts_at for part in parts),
            tallies.c.starts_at < max(part.ends_at for part in parts),
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return {row["starts_at"]: _tally(row) for row in (await connection.execute(query)).mappings()}

    async def _read_edges(
        self, caller: Caller, kind: Kind, key: str, edges: dict[tuple[datetime, datetime], Tally]
    ) -> None:
        """Sum up the slots between each of these pairs of moments."""
        if not edges:
            return
        bounds = values(
            column("number", String),
            column("starts_at", UtcDateTime),
            column("ends_at", UtcDateTime),
            name="bounds",
        ).data([(f"{n:04}", *pair) for n, pair in enumerate(edges)])
        named = bounds.cte("edges")
        theirs = and_(
            tallies.c.tenant_id == caller.tenant_id,
            tallies.c.kind == kind,
            tallies.c.key == key,
            tallies.c.span == "slot",
            tallies.c.starts_at >= named.c.starts_at,
            tallies.c.starts_at < named.c.ends_at,
        )
        query = select(named.c.number, *_columns(tallies)).join(tallies, theirs).group_by(named.c.number)
        pairs = list(edges)
        async with self._database.reading(caller.tenant_id) as connection:
            for row in (await connection.execute(query)).mappings():
                edges[pairs[int(row["number"])]] = _tally(row)


async def add_to_postgresql_for_all_tenants(connection: AsyncConnection, sums: Mapping[Place, Tally]) -> None:
    """Add to the tallies, in the transaction that writes what they sum up."""
    rows = [(*place, *(getattr(tally, name) for name in FIELDS)) for place, tally in sums.items()]
    await connection.exec_driver_sql(_POSTGRESQL, rows)


def add_to_sqlite_for_all_tenants(connection: sqlite3.Connection, rows: bytes) -> None:
    """The same on SQLite, with rows as `rows_for_sqlite` makes them."""
    connection.execute(_SQLITE, (rows.decode(),))


async def shelve_in_postgresql_for_all_tenants(
    connection: AsyncConnection, counts: Mapping[Shelf, int]
) -> None:
    """Add to the histograms, in the transaction that writes what they count."""
    if counts:
        rows = [(*shelf, count) for shelf, count in counts.items()]
        await connection.exec_driver_sql(_SHELVE_IN_POSTGRESQL, rows)


def shelve_in_sqlite_for_all_tenants(connection: sqlite3.Connection, rows: bytes) -> None:
    """The same on SQLite, with rows as `shelves_for_sqlite` makes them."""
    connection.execute(_SHELVE_IN_SQLITE, (rows.decode(),))


def shelves_for_sqlite(counts: Mapping[Shelf, int]) -> bytes:
    """The counts as JSON: they go to the database in one step."""
    return msgspec.json.encode(
        [
            (tenant, span, _written(starts_at), measure, bucket, count)
            for (tenant, span, starts_at, measure, bucket), count in counts.items()
        ]
    )


def rows_for_sqlite(sums: Mapping[Place, Tally]) -> bytes:
    """The rows as JSON: they go to the database in one step."""
    return msgspec.json.encode(
        [
            (tenant, kind, span, _written(starts_at), key, *(getattr(tally, name) for name in FIELDS))
            for (tenant, kind, span, starts_at, key), tally in sums.items()
        ]
    )


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _shape(parts: Sequence[Part]) -> _Shape:
    return tuple((part.sign, part.span) for part in parts)


def _asked(kind: Kind | None, parts: Sequence[Part], keys: Sequence[str] | None = None) -> dict[str, Any]:
    """What the statements below are asked with: they are kept, since to make one takes longer than to ask."""
    asked: dict[str, Any] = {} if kind is None else {"kind": kind}
    if keys is not None:
        asked["keys"] = list(keys)
    for number, part in enumerate(parts):
        asked[f"from_{number}"], asked[f"until_{number}"] = part.starts_at, part.ends_at
    return asked


@lru_cache(_KEPT)
def _total(caller: Caller, shape: _Shape, has_keys: bool) -> Select[Any]:
    return select(*_columns(_rows(caller, shape, has_keys=has_keys)))


@lru_cache(_KEPT)
def _groups(caller: Caller, shape: _Shape, has_keys: bool, limit: int | None) -> Select[Any]:
    rows = _rows(caller, shape, has_keys=has_keys)
    return (
        select(rows.c.key, *_columns(rows))
        .group_by(rows.c.key)
        .having(func.sum(rows.c.requests) + func.sum(rows.c.attempts) > 0)
        .order_by(
            func.sum(rows.c.cost_nano_usd).desc(),
            func.sum(rows.c.total_tokens).desc(),
            func.sum(rows.c.attempts).desc(),
            rows.c.key,
        )
        .limit(limit)
    )


@lru_cache(_KEPT)
def _shares(caller: Caller, shape: _Shape) -> CompoundSelect[Any]:
    """One statement, so that what is written meanwhile is in both or in neither."""
    rows, everything = _rows(caller, shape), _rows(caller, shape, kind="all")
    return union_all(
        select(rows.c.key, *_columns(rows)).group_by(rows.c.key),
        select(null().label("key"), *_columns(everything)),
    )


@lru_cache(_KEPT)
def _counts(caller: Caller, shape: _Shape) -> Select[Any]:
    each = union_all(
        *(
            select(
                histograms.c.measure, histograms.c.bucket, (sign * histograms.c.times).label("times")
            ).where(histograms.c.tenant_id == caller.tenant_id, _within(caller, histograms, number, span))
            for number, (sign, span) in enumerate(shape)
        )
    ).subquery()
    return select(each.c.measure, each.c.bucket, func.sum(each.c.times)).group_by(
        each.c.measure, each.c.bucket
    )


def _rows(caller: Caller, shape: _Shape, *, kind: Kind | None = None, has_keys: bool = False) -> Subquery:
    """The rows of all parts below each other; what is to be taken away again with a minus."""
    wanted = [
        tallies.c.tenant_id == caller.tenant_id,
        tallies.c.kind == (bindparam("kind") if kind is None else kind),
    ]
    if has_keys:
        wanted.append(tallies.c.key.in_(bindparam("keys", expanding=True)))
    return union_all(
        *(
            select(
                tallies.c.key,
                *((tallies.c[name] if sign > 0 else -tallies.c[name]).label(name) for name in FIELDS),
            ).where(*wanted, _within(caller, tallies, number, span))
            for number, (sign, span) in enumerate(shape)
        )
    ).subquery()


def _within(caller: Caller, of: Table, number: int, span: Span) -> ColumnElement[bool]:
    return and_(
        of.c.tenant_id == caller.tenant_id,
        of.c.span == span,
        of.c.starts_at >= bindparam(f"from_{number}"),
        of.c.starts_at < bindparam(f"until_{number}"),
    )


def _columns(of: FromClause) -> list[ColumnElement[Any]]:
    return [func.sum(of.c[name]).label(name) for name in FIELDS]


def _put_together(
    parts: Sequence[Part],
    days: Mapping[datetime, Tally],
    edges: Mapping[tuple[datetime, datetime], Tally],
) -> Tally:
    total = Tally()
    for part in parts:
        if part.span == "slot":
            total.add(edges[part.starts_at, part.ends_at], part.sign)
            continue
        day = part.starts_at
        while day < part.ends_at:
            if (found := days.get(day)) is not None:
                total.add(found)
            day += DAY
    return total


def _tally(row: Mapping[Any, Any]) -> Tally:
    """PostgreSQL sums up in decimals, and nothing to sum up is NULL on both."""
    return Tally(**{name: int(row[name] or 0) for name in FIELDS})
