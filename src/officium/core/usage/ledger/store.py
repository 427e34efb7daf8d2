"""Loading and saving the ledger. Batches are written in one transaction each, in the database's own words.

Rows travel as JSON, all of a kind in one statement: so a batch of hundreds costs a handful of steps of the
database, and on SQLite as few hand-overs between the writing thread and the rest of the process.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any, Protocol

import msgspec
from msgspec.structs import astuple
from sqlalchemy import BigInteger, Boolean, Column, Integer, RowMapping, Table, and_, select

from officium.core.tenancy import Caller
from officium.core.usage.ledger.batch import Batch
from officium.core.usage.ledger.books import (
    Alert,
    BudgetRow,
    Changes,
    Counter,
    Entry,
    HoldRow,
    NewCounter,
    PastEntry,
    moment_text,
)
from officium.core.usage.ledger.budget import Budget, Subject
from officium.core.usage.ledger.entry import Balance, LedgerEntry
from officium.core.usage.ledger.errors import NotWritten, OperationRefused, PerhapsWritten
from officium.core.usage.ledger.operation import Answer, Operation
from officium.core.usage.ledger.period import period_of
from officium.core.usage.ledger.tables import (
    budget_alerts,
    budget_counters,
    budgets,
    holds,
    ledger_entries,
)
from officium.kit.database import ALL_TENANTS, Database, DatabaseUnavailable, DialectName, UtcDateTime
from officium.kit.ids import new_id

_encode = msgspec.json.Encoder().encode
_read_budgets = msgspec.json.Decoder(list[BudgetRow]).decode
_read_holds = msgspec.json.Decoder(list[HoldRow]).decode
_read_counters = msgspec.json.Decoder(list[Counter]).decode
_read_entries = msgspec.json.Decoder(list[PastEntry]).decode
_MOST_ROUNDS = 5
_SQLITE_DATA_FAULTS = (sqlite3.IntegrityError, sqlite3.DataError)
_POSTGRES_DATA_FAULTS = ("22", "23", "54")
"""PostgreSQL's classes of errors in the data, in its integrity and of what is too large."""


class _Books(Protocol):
    """One of the two databases."""

    async def write_for_all_tenants(self, operations: Sequence[Operation]) -> list[Answer]: ...

    async def close(self) -> None: ...


class LedgerStore:
    """The tables of the ledger. Its batches hold rows of many tenants; each row names its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._books: _Books = (
            _SqliteBooks(database) if database.dialect == "sqlite" else _PostgresBooks(database)
        )

    async def write_for_all_tenants(self, operations: Sequence[Operation]) -> list[Answer]:
        """Carry out operations in one transaction, in order; their answers stand in the same order.

        One call at a time. Raises NotWritten, PerhapsWritten and OperationRefused.
        """
        return await self._books.write_for_all_tenants(operations)

    async def close(self) -> None:
        """Close the connection batches are written with."""
        await self._books.close()

    async def list_overdue_for_all_tenants(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """Holds that nobody has renewed in time, longest overdue first: their ids, and their tenants'."""
        query = select(holds.c.id, holds.c.tenant_id).where(holds.c.expires_at <= now)
        query = query.order_by(holds.c.expires_at, holds.c.id).limit(limit)
        async with self._database.reading(ALL_TENANTS) as connection:
            return [(row.id, row.tenant_id) for row in await connection.execute(query)]

    async def find_budgets(self, caller: Caller, budget_ids: Sequence[str]) -> list[Budget]:
        """Those of the budgets that exist in the caller's tenant."""
        query = select(budgets).where(
            budgets.c.tenant_id == caller.tenant_id, budgets.c.id.in_(list(budget_ids))
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [_budget(row) for row in (await connection.execute(query)).mappings()]

    async def read_balances(self, caller: Caller, subject: Subject, now: datetime) -> list[Balance]:
        """Where each budget of `subject` stands in the period of `now`."""
        query = (
            select(
                budgets,
                *(
                    budget_counters.c[name]
                    for name in ("period_start", "used", "held", "exhausted_at", "starts_at", "ends_at")
                ),
            )
            .outerjoin(
                budget_counters,
                and_(
                    budget_counters.c.budget_id == budgets.c.id,
                    budget_counters.c.starts_at <= now,
                    budget_counters.c.ends_at > now,
                ),
            )
            .where(
                budgets.c.tenant_id == caller.tenant_id,
                budgets.c.subject_kind == subject.kind,
                budgets.c.subject_id == subject.id,
            )
            .order_by(budgets.c.id)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [_balance(row, now) for row in rows]

    async def list_entries(self, caller: Caller, before: int | None, limit: int) -> list[LedgerEntry]:
        """The tenant's entries, newest first, from before the one with the id `before`."""
        names = LedgerEntry.__struct_fields__
        query = select(*(ledger_entries.c[name] for name in names)).where(
            ledger_entries.c.tenant_id == caller.tenant_id
        )
        if before is not None:
            query = query.where(ledger_entries.c.id < before)
        async with self._database.reading(caller.tenant_id) as connection:
            rows = await connection.execute(query.order_by(ledger_entries.c.id.desc()).limit(limit))
            return [LedgerEntry(**row) for row in rows.mappings()]


class _SqliteBooks:
    """Batches on SQLite: a connection and a thread of their own, and the disk waited for at each commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    async def write_for_all_tenants(self, operations: Sequence[Operation]) -> list[Answer]:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._write, operations)

    async def close(self) -> None:
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            thread.shutdown(wait=False)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, operations: Sequence[Operation]) -> list[Answer]:
        try:
            if self._connection is None:
                self._connection = self._database.connect_to_sqlite("FULL")
            with self._database.turn_of_threads:
                return self._write_for_all_tenants(self._connection, operations)
        except (PerhapsWritten, DatabaseUnavailable) as error:
            self._disconnect()
            raise error if isinstance(error, PerhapsWritten) else NotWritten(str(error)) from error
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, _SQLITE_DATA_FAULTS):
                raise NotWritten(str(error)) from error
            raise OperationRefused(type(error).__name__) from error

    def _write_for_all_tenants(
        self, connection: sqlite3.Connection, operations: Sequence[Operation]
    ) -> list[Answer]:
        batch = Batch(operations)
        connection.execute("BEGIN IMMEDIATE")
        try:
            _read_sqlite_for_all_tenants(connection, batch)
            answers = batch.apply()
            for name, rows in _rows_to_write(batch.changes):
                _save_sqlite_for_all_tenants(connection, name, rows)
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        try:
            connection.execute("ROLLBACK" if batch.changes.is_empty else "COMMIT")
        except sqlite3.Error as error:
            raise PerhapsWritten(str(error)) from error
        return answers


def _read_sqlite_for_all_tenants(connection: sqlite3.Connection, batch: Batch) -> None:
    subjects, hold_ids = _text(batch.subjects()), _text(batch.hold_ids())
    found, open_holds = connection.execute(_SQLITE_BUDGETS_AND_HOLDS, (subjects, hold_ids)).fetchone()
    batch.take_budgets(_read_budgets(found))
    batch.take_holds(_read_holds(open_holds))
    if missing := batch.missing_holds():
        past = connection.execute(_SQLITE_ENTRIES, (_text(missing),)).fetchone()[0]
        batch.take_entries(_read_entries(past))
    keys = _text(batch.counter_keys())
    batch.take_counters(_read_counters(connection.execute(_SQLITE_COUNTERS, (keys,)).fetchone()[0]))
    if made := batch.new_counters():
        connection.execute(_statements_for_all_tenants("sqlite")["made_counters"], (_text(_made_rows(made)),))
        batch.take_counters(_read_counters(connection.execute(_SQLITE_COUNTERS, (keys,)).fetchone()[0]))


def _save_sqlite_for_all_tenants(connection: sqlite3.Connection, name: str, rows: list[Any]) -> None:
    inserted = _SQLITE_INSERTED.get(name)
    if inserted is None:
        connection.execute(_statements_for_all_tenants("sqlite")[name], (_text(rows),))
        return
    table, fields = inserted
    start = 0
    for size in _SQLITE_AT_ONCE:
        while len(rows) - start >= size:
            values = tuple(chain.from_iterable(map(astuple, rows[start : start + size])))
            connection.execute(_inserting_values(table, fields, size), values)
            start += size


class _PostgresBooks:
    """Batches on PostgreSQL: one connection of their own; counters are locked first, in order, then holds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    async def write_for_all_tenants(self, operations: Sequence[Operation]) -> list[Answer]:
        if self._connection is not None:
            # It may have died while nothing was written: that shows now, and is nobody's loss.
            with suppress(NotWritten):
                return await self._write(operations)
        return await self._write(operations)

    async def close(self) -> None:
        self._disconnect()

    async def _write(self, operations: Sequence[Operation]) -> list[Answer]:
        try:
            for _ in range(_MOST_ROUNDS):
                answers = await self._try_for_all_tenants(operations)
                if answers is not None:
                    return answers
            raise NotWritten("Counters were deleted as fast as they were made.")
        except (PerhapsWritten, NotWritten):
            self._disconnect()
            raise
        except Exception as error:
            if _is_their_own_fault(error):
                raise OperationRefused(type(error).__name__) from error
            self._disconnect()
            raise NotWritten(str(error) or type(error).__name__) from error

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _try_for_all_tenants(self, operations: Sequence[Operation]) -> list[Answer] | None:
        """One attempt; `None` where counters had to be made first."""
        if self._connection is None:
            self._connection = await self._database.connect_to_postgresql()
        connection, batch = self._connection, Batch(operations)
        await connection.execute(_POSTGRES_BEGIN)
        try:
            await _read_postgres_for_all_tenants(connection, batch)
            made, answers = batch.new_counters(), None
            if made:
                statement = _statements_for_all_tenants("postgresql")["made_counters"]
                await connection.execute(statement, _text(_made_rows(made)))
            else:
                answers = batch.apply()
                if changed := dict(_rows_to_write(batch.changes)):
                    rows = map(_text, changed.values())
                    await connection.execute(_all_at_once(tuple(changed)), *rows)
        except BaseException:
            await self._undo_for_all_tenants(connection)
            raise
        try:
            await connection.execute("COMMIT")
        except BaseException as error:
            raise PerhapsWritten(type(error).__name__) from error
        return answers

    async def _undo_for_all_tenants(self, connection: Any) -> None:
        try:
            await connection.execute("ROLLBACK")
        except BaseException:
            self._disconnect()


async def _read_postgres_for_all_tenants(connection: Any, batch: Batch) -> None:
    """Read twice what others may be writing: to know which counters to lock, and then, behind the locks."""
    subjects, hold_ids = _text(batch.subjects()), batch.hold_ids()
    found, open_holds = await connection.fetchrow(_POSTGRES_BUDGETS_AND_HOLDS, subjects, hold_ids)
    batch.take_budgets(_read_budgets(found))
    batch.take_holds(_read_holds(open_holds))
    await _read_past_for_all_tenants(connection, batch)
    if keys := batch.counter_keys():
        columns = [key[0] for key in keys], [key[1] for key in keys]
        batch.take_counters(_read_counters(await connection.fetchval(_POSTGRES_COUNTERS, *columns)))
    if hold_ids and not batch.new_counters():
        batch.take_holds(_read_holds(await connection.fetchval(_POSTGRES_HOLDS, hold_ids)))
        await _read_past_for_all_tenants(connection, batch)


async def _read_past_for_all_tenants(connection: Any, batch: Batch) -> None:
    if missing := batch.missing_holds():
        batch.take_entries(_read_entries(await connection.fetchval(_POSTGRES_ENTRIES, missing)))


def _is_their_own_fault(error: Exception) -> bool:
    """Whether an operation is to blame, and not the database's state or our connection to it."""
    if isinstance(error, DatabaseUnavailable | OSError | TimeoutError):
        return False
    is_drivers = type(error).__module__.startswith("asyncpg")
    return not is_drivers or str(getattr(error, "sqlstate", None)).startswith(_POSTGRES_DATA_FAULTS)


def _text(rows: object) -> str:
    return _encode(rows).decode()


def _made_rows(counters: Iterable[NewCounter]) -> list[tuple[Any, ...]]:
    return [
        (
            one.budget_id,
            one.period_start,
            one.tenant_id,
            moment_text(one.starts_at),
            moment_text(one.ends_at),
            0,
            0,
            0,
        )
        for one in counters
    ]


def _rows_to_write(changes: Changes) -> Iterable[tuple[str, list[Any]]]:
    """What to write: the names of statements, each with its rows."""
    if changes.counters:
        yield "counters", [_counted_row(one) for one in changes.counters.values()]
    if changes.gone_holds:
        yield "gone_holds", changes.gone_holds
    if changes.changed_holds:
        yield "changed_holds", [_changed_row(hold) for hold in changes.changed_holds.values()]
    if changes.new_holds:
        yield "new_holds", list(changes.new_holds.values())
    if changes.alerts:
        yield "alerts", [(new_id("alert"), *astuple(one), 0, one.created_at) for one in changes.alerts]
    if changes.entries:
        yield "entries", changes.entries


def _counted_row(counter: Counter) -> tuple[Any, ...]:
    exhausted_at = counter.exhausted_at and moment_text(counter.exhausted_at)
    return (
        counter.budget_id,
        counter.period_start,
        counter.used,
        counter.held,
        counter.alerted,
        exhausted_at,
    )


def _changed_row(hold: HoldRow) -> tuple[Any, ...]:
    return (
        hold.id,
        hold.tokens,
        hold.requests,
        hold.nano_usd,
        hold.streamed_tokens,
        hold.streamed_nano_usd,
        hold.expires_at,
    )


_HOLD_FIELDS = HoldRow.__struct_fields__
_ENTRY_FIELDS = Entry.__struct_fields__
_ALERT_FIELDS = ("id", *Alert.__struct_fields__, "attempts", "next_attempt_at")
_MADE_FIELDS = (*NewCounter.__struct_fields__, "used", "held", "alerted")
_COUNTED_FIELDS = ("budget_id", "period_start", "used", "held", "alerted", "exhausted_at")
_CHANGED_FIELDS = (
    "id",
    "tokens",
    "requests",
    "nano_usd",
    "streamed_tokens",
    "streamed_nano_usd",
    "expires_at",
)


@cache
def _statements_for_all_tenants(dialect: DialectName) -> dict[str, str]:
    """What is written, each for rows in a JSON array."""
    return {
        "counters": _updating(dialect, budget_counters, _COUNTED_FIELDS, keys=2),
        "changed_holds": _updating(dialect, holds, _CHANGED_FIELDS, keys=1),
        "new_holds": _inserting(dialect, holds, _HOLD_FIELDS),
        "alerts": _inserting(dialect, budget_alerts, _ALERT_FIELDS),
        "entries": _inserting(dialect, ledger_entries, _ENTRY_FIELDS),
        "made_counters": _inserting(dialect, budget_counters, _MADE_FIELDS) + " ON CONFLICT DO NOTHING",
        "gone_holds": "DELETE FROM holds WHERE id IN (SELECT value FROM json_each(?))"
        if dialect == "sqlite"
        else "DELETE FROM holds WHERE id IN (SELECT jsonb_array_elements_text($1::jsonb))",
    }


_SQLITE_INSERTED = {
    "new_holds": ("holds", _HOLD_FIELDS),
    "entries": ("ledger_entries", _ENTRY_FIELDS),
}
"""What is inserted by the hundred: values by themselves are half the work for SQLite that JSON is."""
_SQLITE_AT_ONCE = (64, 8, 1)


@cache
def _inserting_values(table: str, fields: tuple[str, ...], size: int) -> str:
    row = f"({', '.join('?' * len(fields))})"
    return f"INSERT INTO {table} ({', '.join(fields)}) VALUES {', '.join([row] * size)}"  # noqa: S608


@cache
def _all_at_once(names: tuple[str, ...]) -> str:
    """PostgreSQL's statements of these names as one: a single trip to the server."""
    statements = [
        _statements_for_all_tenants("postgresql")[name].replace("$1", f"${number}")
        for number, name in enumerate(names, 1)
    ]
    parts = ", ".join(f"w{number} AS ({words})" for number, words in enumerate(statements[:-1]))
    return f"WITH {parts} {statements[-1]}" if parts else statements[-1]


def _inserting(dialect: DialectName, table: Table, names: Sequence[str]) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(_value(dialect, table.c[name], place) for place, name in enumerate(names))
    # "WHERE true" keeps SQLite from reading ON CONFLICT as the beginning of a join.
    return f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM {_rows(dialect)} WHERE true"  # noqa: S608


def _updating(dialect: DialectName, table: Table, names: Sequence[str], *, keys: int) -> str:
    values = [_value(dialect, table.c[name], place) for place, name in enumerate(names)]
    pairs = [f"{name} = {value}" for name, value in zip(names, values, strict=True)]
    which = " AND ".join(f"{table.name}.{pair}" for pair in pairs[:keys])
    return f"UPDATE {table.name} SET {', '.join(pairs[keys:])} FROM {_rows(dialect)} WHERE {which}"  # noqa: S608


def _rows(dialect: DialectName) -> str:
    return "json_each(?) AS r" if dialect == "sqlite" else "jsonb_array_elements($1::jsonb) AS r(value)"


def _value(dialect: DialectName, column: Column[Any], place: int) -> str:
    """The field of a row at `place`, as the column takes it."""
    if dialect == "sqlite":
        return f"json_extract(r.value, '$[{place}]')"
    match column.type:
        case UtcDateTime():
            return f"((r.value->>{place}) || '+00')::timestamptz"
        case Boolean():
            return f"(r.value->>{place})::int::boolean"
        case BigInteger() | Integer():
            return f"(r.value->>{place})::bigint"
    return f"r.value->>{place}"


_SQLITE_BUDGETS_AND_HOLDS = """
SELECT (
    SELECT json_group_array(json_array(
        b.tenant_id, b.subject_kind, b.subject_id, b.id, b.unit, b.period, b.time_zone))
    FROM json_each(?) AS s CROSS JOIN budgets AS b ON b.tenant_id = json_extract(s.value, '$[0]')
        AND b.subject_kind = json_extract(s.value, '$[1]') AND b.subject_id = json_extract(s.value, '$[2]')
), (
    SELECT json_group_array(json_array(
        h.id, h.tenant_id, h.request_id, h.actor, h.app, h.model, h.client_id, h.widget_id, h.counters,
        h.tokens, h.requests, h.nano_usd, h.streamed_tokens, h.streamed_nano_usd, h.is_stream,
        h.created_at, h.expires_at))
    FROM json_each(?) AS s CROSS JOIN holds AS h ON h.id = s.value
)
"""
_SQLITE_COUNTERS = """
SELECT json_group_array(json_array(
    c.budget_id, c.period_start, c.tenant_id, c.starts_at || 'Z', c.ends_at || 'Z', c.used, c.held, c.alerted,
    c.exhausted_at || 'Z', b."limit", coalesce(b.is_hard, 0), json(coalesce(b.alert_at, '[]'))))
FROM json_each(?) AS s CROSS JOIN budget_counters AS c ON c.budget_id = json_extract(s.value, '$[0]')
    AND c.period_start = json_extract(s.value, '$[1]')
LEFT JOIN budgets AS b ON b.id = c.budget_id
"""
_SQLITE_ENTRIES = """
SELECT json_group_array(json_array(e.hold_id, e.kind, e.counters, e.tokens, e.requests, e.nano_usd))
FROM json_each(?) AS s CROSS JOIN ledger_entries AS e ON e.hold_id = s.value
"""
_POSTGRES_BEGIN = f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL officium.tenant_id = '{ALL_TENANTS}'"
_UTC = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
_TEXT = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
_POSTGRES_HOLD = f"""
    h.id, h.tenant_id, h.request_id, h.actor, h.app, h.model, h.client_id, h.widget_id, h.counters,
    h.tokens, h.requests, h.nano_usd, h.streamed_tokens, h.streamed_nano_usd, h.is_stream::int,
    {_TEXT.format("h.created_at")}, {_TEXT.format("h.expires_at")}
"""
_POSTGRES_BUDGETS_AND_HOLDS = f"""
SELECT (
    SELECT coalesce(json_agg(json_build_array(
        b.tenant_id, b.subject_kind, b.subject_id, b.id, b.unit, b.period, b.time_zone)), '[]')::text
    FROM jsonb_array_elements($1::jsonb) AS s(value) JOIN budgets AS b ON b.tenant_id = s.value->>0
        AND b.subject_kind = s.value->>1 AND b.subject_id = s.value->>2
), (
    SELECT coalesce(json_agg(json_build_array({_POSTGRES_HOLD})), '[]')::text
    FROM holds AS h WHERE h.id = ANY($2::text[])
)
"""  # noqa: S608  our own words, no input
_POSTGRES_COUNTERS = f"""
WITH c AS (
    SELECT c.* FROM budget_counters AS c
    JOIN unnest($1::text[], $2::text[]) AS s(budget_id, period_start) USING (budget_id, period_start)
    ORDER BY c.budget_id, c.period_start FOR UPDATE OF c
)
SELECT coalesce(json_agg(json_build_array(
    c.budget_id, c.period_start, c.tenant_id, {_UTC.format("c.starts_at")}, {_UTC.format("c.ends_at")},
    c.used, c.held, c.alerted, {_UTC.format("c.exhausted_at")},
    b."limit", coalesce(b.is_hard, false)::int, coalesce(b.alert_at, '[]'))), '[]')::text
FROM c LEFT JOIN budgets AS b ON b.id = c.budget_id
"""  # noqa: S608  our own words, no input
_POSTGRES_HOLDS = f"""
WITH h AS (SELECT * FROM holds WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE)
SELECT coalesce(json_agg(json_build_array({_POSTGRES_HOLD})), '[]')::text FROM h
"""  # noqa: S608  our own words, no input
_POSTGRES_ENTRIES = """
SELECT coalesce(json_agg(json_build_array(e.hold_id, e.kind, e.counters, e.tokens, e.requests, e.nano_usd)),
    '[]')::text
FROM ledger_entries AS e WHERE e.hold_id = ANY($1::text[])
"""


def _budget(row: RowMapping) -> Budget:
    values = {name: row[name] for name in Budget.__struct_fields__ if name not in ("subject", "alert_at")}
    subject = Subject(row["subject_kind"], row["subject_id"])
    return Budget(**values, subject=subject, alert_at=tuple(row["alert_at"]))


def _balance(row: RowMapping, now: datetime) -> Balance:
    budget = _budget(row)
    span = period_of(budget.period, budget.time_zone, now)
    return Balance(
        budget=budget,
        period_start=row["period_start"] or span.key,
        starts_at=row["starts_at"] or span.starts_at,
        ends_at=row["ends_at"] or span.ends_at,
        used=row["used"] or 0,
        held=row["held"] or 0,
        exhausted_at=row["exhausted_at"],
    )
