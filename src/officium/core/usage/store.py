"""Loading and saving the usage log."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Dialect,
    Double,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    tuple_,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from officium.core.tenancy import Caller
from officium.core.usage.errors import RecordRefused
from officium.core.usage.record import UsageRecord, WrittenRecord
from officium.core.usage.tables import usage_log
from officium.core.usage.tallies.histogram import shelve
from officium.core.usage.tallies.store import (
    add_to_postgresql_for_all_tenants,
    add_to_sqlite_for_all_tenants,
    rows_for_sqlite,
    shelve_in_postgresql_for_all_tenants,
    shelve_in_sqlite_for_all_tenants,
    shelves_for_sqlite,
)
from officium.core.usage.tallies.tally import tally_up
from officium.kit.database import ALL_TENANTS, Database

_FIELDS = UsageRecord.__struct_fields__
_SQLITE_APPEND = "INSERT INTO usage_log ({}) SELECT {} FROM json_each(?)".format(  # noqa: S608  our own words
    ", ".join(f'"{name}"' for name in _FIELDS),
    ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(_FIELDS))),
)
_DATA_FAULTS = ("22", "23")
"""PostgreSQL's classes of errors in the data and in its integrity."""
_SQLITE_DATA_FAULTS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
_place = tuple_(usage_log.c.created_at, usage_log.c.id)
"""A record's place in the order of the log: attempts of one moment stand in the order of their writing."""


class UsageStore:
    """The table behind the usage log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append_for_all_tenants(self, records: Sequence[UsageRecord]) -> None:
        """Write a batch, and what it adds to the tallies, in one transaction.

        Each record names its own tenant: the batch is everyone's.

        Raises RecordRefused where a record breaks the table's rules, and DatabaseUnavailable.

        The rows go to the driver as they are: thousands a second would pay dearly for more care.
        """
        rows = [_row(record, self._database.dialect) for record in records]
        try:
            if self._database.dialect == "sqlite":
                added = rows_for_sqlite(tally_up(records))
                counted = shelves_for_sqlite(shelve(records))
                work = partial(_append_for_all_tenants, msgspec.json.encode(rows), added, counted)
                await self._database.write_at_once(work)
                return
            async with self._database.writing(ALL_TENANTS) as connection:
                statement = _insert_for_all_tenants(connection.dialect)
                await connection.exec_driver_sql(statement, rows)
                await add_to_postgresql_for_all_tenants(connection, tally_up(records))
                await shelve_in_postgresql_for_all_tenants(connection, shelve(records))
        except (StatementError, sqlite3.Error, TypeError, ValueError, OverflowError) as error:
            if _is_their_own_fault(error):
                raise RecordRefused("A record of the usage log does not fit its table.") from error
            raise

    async def list_records(
        self, caller: Caller, *, request_id: str | None, before: int | None, limit: int
    ) -> list[WrittenRecord]:
        """The tenant's records, newest first; of one request, or those before the record with an id."""
        query = select(usage_log).where(usage_log.c.tenant_id == caller.tenant_id)
        if request_id is not None:
            # So written that SQLite does not walk through the tenant's whole log in the order of its times.
            theirs = usage_log.c.tenant_id.concat("") == caller.tenant_id
            query = select(usage_log).where(theirs, usage_log.c.request_id == request_id)
        if before is not None:
            then = select(usage_log.c.created_at).where(
                usage_log.c.tenant_id == caller.tenant_id, usage_log.c.id == before
            )
            query = query.where(_place < tuple_(then.scalar_subquery(), literal(before, BigInteger)))
        query = query.order_by(usage_log.c.created_at.desc(), usage_log.c.id.desc()).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [WrittenRecord(**row) for row in rows]

    async def sum_by_prompt_version(
        self, caller: Caller, prompt: str, since: datetime, until: datetime | None
    ) -> list[dict[str, Any]]:
        """What the attempts with a prompt took, by its version: counts, sums and sums of squares."""
        cost, duration = cast(usage_log.c.cost_nano_usd, Double), cast(usage_log.c.duration_ms, Double)
        query = (
            select(
                usage_log.c.prompt_version.label("version"),
                func.count().label("calls"),
                func.sum(case((usage_log.c.status == "success", 0), else_=1)).label("failed"),
                func.count(usage_log.c.cost_nano_usd).label("costs"),
                func.sum(cost).label("cost"),
                func.sum(cost * cost).label("cost_squares"),
                func.sum(duration).label("duration"),
                func.sum(duration * duration).label("duration_squares"),
            )
            .where(
                usage_log.c.tenant_id == caller.tenant_id,
                usage_log.c.prompt == prompt,
                usage_log.c.prompt_version.is_not(None),
                usage_log.c.is_last.is_(True),
                usage_log.c.created_at >= since,
            )
            .group_by(usage_log.c.prompt_version)
        )
        if until is not None:
            query = query.where(usage_log.c.created_at < until)
        async with self._database.reading(caller.tenant_id) as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]


def _append_for_all_tenants(
    rows: bytes, tallies: bytes, counts: bytes, connection: sqlite3.Connection
) -> None:
    """Insert all rows in one step: between two steps the thread waits for the loop to let it go on."""
    connection.execute(_SQLITE_APPEND, (rows.decode(),))
    add_to_sqlite_for_all_tenants(connection, tallies)
    shelve_in_sqlite_for_all_tenants(connection, counts)


@lru_cache(maxsize=1)
def _insert_for_all_tenants(dialect: Dialect) -> str:
    """The INSERT in the driver's own words, its places in the order of a record's fields."""
    fields: dict[str, Any] = {name: bindparam(name) for name in UsageRecord.__struct_fields__}
    return str(insert(usage_log).values(fields).inline().compile(dialect=dialect))


def _row(record: UsageRecord, dialect: str) -> tuple[Any, ...]:
    """The record's fields as the driver takes them: on SQLite a moment is text, as `UtcDateTime` reads it."""
    created_at, *others = msgspec.structs.astuple(record)
    if dialect == "sqlite":
        created_at = created_at.astimezone(UTC).isoformat(" ", "microseconds")[:26]
    return (created_at, *others)


def _is_their_own_fault(error: Exception) -> bool:
    """Whether the values are to blame, and not the database's state (locked, full, read-only, gone)."""
    if isinstance(error, sqlite3.Error):
        return isinstance(error, _SQLITE_DATA_FAULTS)
    if not isinstance(error, DBAPIError) or isinstance(error, DataError | IntegrityError):
        return True
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""
    return str(code).startswith(_DATA_FAULTS)
