"""The database: SQLite in a file, or PostgreSQL, behind one small door.

Packages declare their tables in their own `tables.py` on the shared `metadata` and reach the database with
`reading()` and `writing()`. SQL that only one of the two understands stays in stores and asks `dialect`.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import DateTime, MetaData, event, text
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeDecorator

from officium.kit import row_security
from officium.kit.errors import OfficiumError, ServiceUnavailable

_T = TypeVar("_T")
DialectName = Literal["sqlite", "postgresql"]
Synchronous = Literal["NORMAL", "FULL"]

CONNECT_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 30.0
POOL_TIMEOUT_S = 10.0
ALL_TENANTS = "*"
"""In place of a tenant's id: a transaction sees the rows of all. For methods named `…_for_all_tenants`."""
_SCHEMA_CHANGE_WAIT_S = 120.0
_SCHEMA_CHANGE_LOCK = 0x0FF1C1
"""The number of PostgreSQL's advisory lock; any constant does, as long as it never changes."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of Officium. Names follow one convention, so that a migration can drop what it did not name."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, aware and in UTC on both databases. Refuses naive ones: nobody knows when they were."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment for the database must carry its time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class InvalidDatabaseUrl(OfficiumError):
    """The address names no database Officium can use."""

    code = "invalid_database_url"


class DatabaseUnavailable(ServiceUnavailable):
    """The database does not answer, or not in time. Worth another try."""

    code = "database_unavailable"


def sqlite_url(data_dir: Path) -> str:
    """The address of the SQLite database that lives in `data_dir`."""
    return f"sqlite:///{data_dir / 'officium.db'}"


class Database:
    """Connections to one database.

    On SQLite a process writes one transaction at a time and reads beside it (write-ahead log); writers of
    other processes are waited for. On PostgreSQL both come from one pool. Opening does no I/O.
    """

    def __init__(self, url: URL, *, synchronous: Synchronous = "NORMAL", pool_size: int = 10) -> None:
        self._url = url
        self._synchronous: Synchronous = synchronous
        self._turn = asyncio.Lock()
        self.turn_of_threads = threading.Lock()
        """Whoever writes to SQLite in a thread takes it, so that none polls for the others to be done."""
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._entering: str | None = None
        self._writer, self._reader = self._open_engines(pool_size)

    @classmethod
    def open(cls, url: str, *, synchronous: Synchronous = "NORMAL", pool_size: int = 10) -> "Database":
        """Open the database at `url`: `sqlite:///file`, `postgres://…` or `postgresql://…`.

        `synchronous` is SQLite's: NORMAL may lose the last moments when the power fails, FULL does not.
        PostgreSQL addresses take libpq's parameters (`?sslmode=require`). Raises InvalidDatabaseUrl.
        """
        return cls(_read_url(url), synchronous=synchronous, pool_size=pool_size)

    @property
    def dialect(self) -> DialectName:
        """Which SQL is spoken here."""
        return cast("DialectName", self._url.get_backend_name())

    @property
    def path(self) -> Path | None:
        """The SQLite file; `None` on PostgreSQL."""
        return Path(self._url.database or "") if self.dialect == "sqlite" else None

    def __repr__(self) -> str:
        return f"Database({self._url.render_as_string(hide_password=True)})"

    @asynccontextmanager
    async def reading(self, tenant_id: str) -> AsyncIterator[AsyncConnection]:
        """A transaction that can change nothing; on SQLite it sees one state. Raises DatabaseUnavailable.

        PostgreSQL shows it the rows of `tenant_id` alone, whatever the statements ask for; `ALL_TENANTS`
        shows all.
        """
        async with AsyncExitStack() as stack:
            connection = await _connect(stack, self._reader)
            with _faults_named():
                async with connection.begin():
                    await self._enter_tenant(connection, tenant_id)
                    yield connection

    @asynccontextmanager
    async def writing(self, tenant_id: str) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end and rolled back when the block raises.

        Keep it short and never wait for anything but the database inside: on SQLite the whole process
        writes one at a time. `tenant_id` is meant as in `reading`. Raises DatabaseUnavailable.
        """
        async with AsyncExitStack() as stack:
            if self.dialect == "sqlite":
                await stack.enter_async_context(self._turn)
            connection = await _connect(stack, self._writer)
            with _faults_named():
                async with connection.begin():
                    await self._enter_tenant(connection, tenant_id)
                    yield connection

    async def write_at_once(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run `work` as one transaction on SQLite, in a thread; come back when it is committed.

        For what is written all the time: `writing` comes back to the loop at each step, and on a busy loop
        all other writers wait for that. Raises DatabaseUnavailable, and what `work` raises.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._write_at_once, work)

    def _write_at_once(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        if self._connection is None:
            self._connection = self.connect_to_sqlite(self._synchronous)
        connection = self._connection
        try:
            with self.turn_of_threads:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    result = work(connection)
                    connection.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise
        except sqlite3.OperationalError as error:
            raise DatabaseUnavailable(
                f"The database stopped answering ({_first_line(error)}). Try again in a moment."
            ) from error
        return result

    def connect_to_sqlite(self, synchronous: Synchronous) -> sqlite3.Connection:
        """A connection of the driver, in autocommit mode, for a thread of its owner's. Blocks.

        Raises DatabaseUnavailable.
        """
        try:
            connection = sqlite3.connect(
                self.path or "", timeout=CONNECT_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            connection.execute(f"PRAGMA synchronous={synchronous}")
            connection.execute("PRAGMA foreign_keys=ON")
            _use_write_ahead_log(connection)
        except sqlite3.Error as error:
            raise DatabaseUnavailable(f"The database cannot be opened ({_first_line(error)}).") from error
        return connection

    async def connect_to_postgresql(self) -> Any:
        """A connection of the driver (asyncpg), apart from the pool. Raises DatabaseUnavailable.

        It has entered no tenant: its owner's transactions must, before they touch a table.
        """
        try:
            return await _connect_to_postgresql(self._url, STATEMENT_TIMEOUT_S)
        except Exception as error:
            raise _unreachable(error) from error

    @asynccontextmanager
    async def changing_schema(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, alone among all processes, in which tables may be made and rebuilt.

        It has all the rights of the login, and the rows of all tenants. On SQLite foreign keys are off
        meanwhile (rebuilding a table would otherwise delete what refers to it) and checked at the end.
        Raises DatabaseUnavailable.
        """
        engine = self._open_schema_engine()
        try:
            async with AsyncExitStack() as stack:
                connection = await _connect(stack, engine)
                with _faults_named():
                    async with connection.begin():
                        if self.dialect == "postgresql":
                            await connection.execute(
                                text("SELECT pg_advisory_xact_lock(:number)"), {"number": _SCHEMA_CHANGE_LOCK}
                            )
                            await connection.exec_driver_sql(row_security.ENTER, (ALL_TENANTS,))
                        yield connection
                        if self.dialect == "sqlite":
                            await _check_foreign_keys(connection)
        finally:
            self._entering = None
            await engine.dispose()

    def make_folder(self) -> None:
        """Make the folder of a SQLite file, where it is missing. Raises DatabaseUnavailable."""
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DatabaseUnavailable(
                    f"The folder {self.path.parent} cannot be made ({error.strerror}). "
                    "Set OFFICIUM_DATA_DIR to one that can."
                ) from error

    async def ping(self) -> None:
        """Ask the database for a sign of life. Raises DatabaseUnavailable."""
        async with self.reading(ALL_TENANTS) as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            thread.shutdown(wait=False)
        await self._reader.dispose()
        await self._writer.dispose()

    async def _enter_tenant(self, connection: AsyncConnection, tenant_id: str) -> None:
        """Tell PostgreSQL for whom this transaction is, and take a role that obeys its policies."""
        if self.dialect != "postgresql":
            return
        entering = self._entering
        if entering is None:
            bypasses, has_role = await connection.run_sync(row_security.look_at_login)
            entering = row_security.ENTER_AS_APP if bypasses and has_role else row_security.ENTER
            # A login that obeys nothing is looked at each time: another process may be giving it the role.
            self._entering = entering if has_role or not bypasses else None
        await connection.exec_driver_sql(entering, (tenant_id,))

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open_engines(self, pool_size: int) -> tuple[AsyncEngine, AsyncEngine]:
        if self.dialect == "postgresql":
            engine = _open_postgresql(
                self._url,
                command_timeout_s=STATEMENT_TIMEOUT_S,
                pool_size=pool_size,
                max_overflow=pool_size,
                pool_timeout=POOL_TIMEOUT_S,
                pool_pre_ping=True,
            )
            return engine, engine.execution_options(postgresql_readonly=True)
        writer = self._open_sqlite("BEGIN IMMEDIATE", pool_size=1, max_overflow=0)
        reader = self._open_sqlite(
            "BEGIN", "PRAGMA query_only=ON", pool_size=pool_size, max_overflow=0, pool_timeout=POOL_TIMEOUT_S
        )
        return writer, reader

    def _open_schema_engine(self) -> AsyncEngine:
        if self.dialect == "postgresql":
            return _open_postgresql(self._url, command_timeout_s=None, poolclass=NullPool)
        return self._open_sqlite(
            "BEGIN EXCLUSIVE",
            "PRAGMA foreign_keys=OFF",
            f"PRAGMA busy_timeout={int(_SCHEMA_CHANGE_WAIT_S * 1000)}",
            poolclass=NullPool,
        )

    def _open_sqlite(self, begin: str, *extra_pragmas: str, **options: Any) -> AsyncEngine:
        engine = create_async_engine(
            self._url.set(drivername="sqlite+aiosqlite"), hide_parameters=True, **options
        )
        pragmas = (
            f"PRAGMA busy_timeout={int(CONNECT_TIMEOUT_S * 1000)}",
            f"PRAGMA synchronous={self._synchronous}",
            "PRAGMA foreign_keys=ON",
            *extra_pragmas,
        )

        @event.listens_for(engine.sync_engine, "connect")
        def prepare(connection: Any, _record: object) -> None:
            # The driver's own transactions begin too late, at the first change: ours begin at BEGIN.
            connection.isolation_level = None
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(pragma)
            _use_write_ahead_log(cursor)
            cursor.close()

        @event.listens_for(engine.sync_engine, "begin")
        def begin_transaction(connection: Any) -> None:
            connection.exec_driver_sql(begin)

        return engine


def _read_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidDatabaseUrl(
            "The database address is no URL. Write sqlite:///path/to/file.db or "
            "postgresql://user:password@host:5432/name."
        ) from error
    if parsed.drivername in ("postgres", "postgresql", "postgresql+asyncpg"):
        return parsed.set(drivername="postgresql")
    if parsed.drivername not in ("sqlite", "sqlite+aiosqlite"):
        raise InvalidDatabaseUrl(
            f"Officium cannot use a database of the kind {parsed.drivername!r}. "
            "Write sqlite:///path/to/file.db or postgresql://user:password@host:5432/name."
        )
    if parsed.database in (None, "", ":memory:"):
        raise InvalidDatabaseUrl("Officium keeps SQLite in a file. Write sqlite:///path/to/file.db.")
    return parsed.set(drivername="sqlite")


def _open_postgresql(url: URL, *, command_timeout_s: float | None, **options: Any) -> AsyncEngine:
    async def connect() -> Any:
        return await _connect_to_postgresql(url, command_timeout_s)

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, hide_parameters=True, **options
    )


async def _connect_to_postgresql(url: URL, command_timeout_s: float | None) -> Any:
    import asyncpg

    # asyncpg reads the address itself, because it knows libpq's parameters and SQLAlchemy's dialect does not.
    dsn = url.render_as_string(hide_password=False)
    server_settings = {} if "application_name" in url.query else {"application_name": "officium"}
    return await asyncpg.connect(
        dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=command_timeout_s, server_settings=server_settings
    )


async def _connect(stack: AsyncExitStack, engine: AsyncEngine) -> AsyncConnection:
    try:
        return await stack.enter_async_context(engine.connect())
    except (DBAPIError, PoolTimeout, OSError, TimeoutError) as error:
        reason = error.orig if isinstance(error, DBAPIError) and error.orig else error
        raise _unreachable(reason) from error


def _unreachable(reason: object) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"The database cannot be reached ({_first_line(reason)}). "
        "Check OFFICIUM_DATABASE_URL and that it is running."
    )


@contextmanager
def _faults_named() -> Iterator[None]:
    """Turn a lost connection, a time-out and a database that stays locked into DatabaseUnavailable."""
    try:
        yield
    except DBAPIError as error:
        is_locked = "database is locked" in str(error.orig)
        if not (error.connection_invalidated or is_locked or isinstance(error.orig, TimeoutError)):
            raise
        raise DatabaseUnavailable(
            f"The database stopped answering ({_first_line(error.orig)}). Try again in a moment."
        ) from error


def _use_write_ahead_log(cursor: Any) -> None:
    """Make it the file's mode, once for all. SQLite does not wait for others to let go of a file for that."""
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


async def _check_foreign_keys(connection: AsyncConnection) -> None:
    broken = (await connection.execute(text("PRAGMA foreign_key_check"))).first()
    if broken is not None:
        raise OfficiumError(
            f"The change was undone: a row of {broken[0]} would refer to a missing row of {broken[2]}."
        )


def _first_line(error: object) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines and lines[0] else type(error).__name__
