"""Fixtures every test may use. How to run on your own PostgreSQL and Redis: see `support/database.py`."""

import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from officium.kit.database import Database, sqlite_url
from tests.support import database as servers

# The same examples in every run, however slow the machine is: what a run finds is found by the next one, too.
hypothesis.settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("steady")


@pytest.fixture(autouse=True)
def logs_stay_as_they_are() -> Iterator[None]:
    """Undo what a test did to the process's logging, so that no test depends on those before it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    config = structlog.get_config() if structlog.is_configured() else None
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    if config is not None:
        structlog.configure(**config)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.PostgresServer]:
    with servers.postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis shared by the whole session; use names of your own in it."""
    with servers.redis_url() as url:
        yield url


@pytest.fixture
def redis_server() -> Iterator[servers.RedisServer]:
    """A Redis of this test's own, which it may stop."""
    with servers.redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite() -> Path:
    return servers.migrated_sqlite()


@pytest.fixture(scope="session")
def migrated_postgresql(postgres_server: servers.PostgresServer) -> str:
    return servers.migrated_postgresql(postgres_server)


@pytest.fixture
async def sqlite_database(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty, migrated SQLite database."""
    shutil.copy(migrated_sqlite, tmp_path / "officium.db")
    opened = Database.open(sqlite_url(tmp_path))
    yield opened
    await opened.close()


@pytest.fixture
async def postgresql_database(migrated_postgresql: str) -> AsyncIterator[Database]:
    """An empty, migrated PostgreSQL database."""
    opened = Database.open(migrated_postgresql)
    await servers.empty_tables(opened)
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty, migrated database: each test that asks for it runs on SQLite and on PostgreSQL."""
    opened: Database = request.getfixturevalue(f"{request.param}_database")
    return opened


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database in which nothing was ever made, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server: servers.PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database()
