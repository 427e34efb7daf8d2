"""The database on SQLite and on PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table, insert, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from officium.kit.database import (
    ALL_TENANTS,
    Database,
    DatabaseUnavailable,
    InvalidDatabaseUrl,
    UtcDateTime,
    sqlite_url,
)

moments = Table(
    "test_moments", MetaData(), Column("name", String(50), primary_key=True), Column("at", UtcDateTime)
)


@pytest.fixture
async def opened(new_database_url: str):
    database = Database.open(new_database_url)
    async with database.changing_schema() as connection:
        await connection.run_sync(moments.metadata.create_all)
    yield database
    await database.close()


async def names_in(database: Database) -> list[str]:
    async with database.reading(ALL_TENANTS) as connection:
        return sorted((await connection.execute(select(moments.c.name))).scalars())


async def test_moments_come_back_aware_and_in_utc(opened: Database):
    there = timezone(timedelta(hours=5, minutes=30))
    at = datetime(2026, 11, 21, 10, 30, 0, 123456, tzinfo=there)

    async with opened.writing(ALL_TENANTS) as connection:
        await connection.execute(insert(moments).values(name="a", at=at))
        await connection.execute(insert(moments).values(name="b", at=None))
    async with opened.reading(ALL_TENANTS) as connection:
        rows = dict((await connection.execute(select(moments.c.name, moments.c.at))).all())

    assert rows == {"a": at, "b": None}
    assert rows["a"].tzinfo is UTC


async def test_a_moment_without_time_zone_is_refused(opened: Database):
    with pytest.raises(StatementError, match="time zone"):
        async with opened.writing(ALL_TENANTS) as connection:
            await connection.execute(insert(moments).values(name="a", at=datetime(2026, 11, 21)))


async def test_a_reader_can_change_nothing(opened: Database):
    with pytest.raises(DBAPIError, match=r"read-?only"):
        async with opened.reading(ALL_TENANTS) as connection:
            await connection.execute(insert(moments).values(name="a"))


async def test_a_failing_block_leaves_nothing_behind(opened: Database):
    async def write_and_fail() -> None:
        async with opened.writing(ALL_TENANTS) as connection:
            await connection.execute(insert(moments).values(name="a"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await write_and_fail()

    assert await names_in(opened) == []


async def test_many_writers_and_readers_get_along(opened: Database):
    async def write(number: int) -> None:
        async with opened.writing(ALL_TENANTS) as connection:
            count = len((await connection.execute(select(moments.c.name))).all())
            await connection.execute(insert(moments).values(name=f"{number}-{count}"))

    await asyncio.gather(*(write(number) for number in range(40)), *(names_in(opened) for _ in range(40)))

    assert len(await names_in(opened)) == 40


async def test_a_cancelled_writer_frees_the_turn(opened: Database):
    is_inside = asyncio.Event()

    async def write_and_wait() -> None:
        async with opened.writing(ALL_TENANTS) as connection:
            await connection.execute(insert(moments).values(name="cancelled"))
            is_inside.set()
            await asyncio.Event().wait()

    writer = asyncio.create_task(write_and_wait())
    await is_inside.wait()
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    async with opened.writing(ALL_TENANTS) as connection:
        await connection.execute(insert(moments).values(name="next"))

    assert await names_in(opened) == ["next"]


async def test_reading_goes_on_while_someone_writes(opened: Database):
    async with opened.writing(ALL_TENANTS) as connection:
        await connection.execute(insert(moments).values(name="unfinished"))

        assert await asyncio.wait_for(names_in(opened), timeout=2) == []


async def test_foreign_keys_are_kept(database: Database):
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        async with database.writing(ALL_TENANTS) as connection:
            await connection.execute(
                text(
                    "INSERT INTO members (id, tenant_id, external_id, role, created_at)"
                    " VALUES ('m', 'nobody', 'x', 'member', '2026-01-01 00:00:00')"
                )
            )


async def test_sqlite_is_set_up_for_readers_beside_a_writer(tmp_path: Path):
    database = Database.open(sqlite_url(tmp_path), synchronous="FULL")

    async with database.writing(ALL_TENANTS) as connection:
        found = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    await database.close()

    assert found == ["wal", 2, 1, 5000]


async def test_another_process_writing_to_sqlite_is_waited_for(tmp_path: Path):
    mine, theirs = Database.open(sqlite_url(tmp_path)), Database.open(sqlite_url(tmp_path))
    async with mine.changing_schema() as connection:
        await connection.run_sync(moments.metadata.create_all)

    async def write(database: Database, name: str) -> None:
        async with database.writing(ALL_TENANTS) as connection:
            await connection.execute(insert(moments).values(name=name))
            await asyncio.sleep(0)

    await asyncio.gather(
        *(write(database, f"{n}-{id(database)}") for n in range(10) for database in (mine, theirs))
    )

    assert len(await names_in(mine)) == 20
    await mine.close()
    await theirs.close()


async def test_ping_answers(opened: Database):
    await opened.ping()


@pytest.mark.parametrize(
    "url",
    ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////nowhere/at/all/officium.db"],
    ids=["postgresql", "sqlite"],
)
async def test_a_missing_database_is_reported_as_unavailable(url: str):
    database = Database.open(url)

    with pytest.raises(DatabaseUnavailable, match="OFFICIUM_DATABASE_URL"):
        await database.ping()

    await database.close()


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("sqlite:///a.db", "sqlite"),
        ("sqlite+aiosqlite:///a.db", "sqlite"),
        ("postgres://u:p@h/d", "postgresql"),
        ("postgresql://u:p@h:5433/d?sslmode=require", "postgresql"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql"),
    ],
)
def test_usual_addresses_are_understood(url: str, dialect: str):
    assert Database.open(url).dialect == dialect


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://h/d", "postgresql+psycopg://h/d", "sqlite://", "sqlite:///:memory:"]
)
def test_other_addresses_are_refused_with_an_example(url: str):
    with pytest.raises(InvalidDatabaseUrl, match=r"sqlite:///path/to/file\.db"):
        Database.open(url)


def test_the_password_is_not_shown():
    assert "s3cret" not in repr(Database.open("postgresql://u:s3cret@h/d"))
