"""The schema's history, on SQLite and on PostgreSQL."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

import officium
from officium.kit import schema
from officium.kit.database import ALL_TENANTS, Database, DatabaseUnavailable, metadata, sqlite_url

PACKAGE = Path(officium.__file__).parent


@pytest.fixture
async def opened(new_database_url: str):
    database = Database.open(new_database_url)
    yield database
    await database.close()


async def test_upgrade_from_nothing_reaches_the_head(opened: Database):
    applied = await schema.upgrade(opened)

    assert applied == schema.revisions()
    assert await schema.current_revision(opened) == schema.head_revision()


async def test_upgrade_makes_the_folder_of_a_new_database(tmp_path: Path):
    database = Database.open(sqlite_url(tmp_path / "not" / "yet"))

    await schema.upgrade(database)

    await schema.check(database)
    await database.close()


async def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(DatabaseUnavailable, match="OFFICIUM_DATA_DIR"):
        await schema.upgrade(Database.open(sqlite_url(tmp_path / "file" / "data")))


async def test_upgrade_of_an_up_to_date_database_does_nothing(opened: Database):
    await schema.upgrade(opened)

    assert await schema.upgrade(opened) == []


async def test_models_and_migrations_agree(database: Database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    for file in PACKAGE.rglob("tables.py"):
        importlib.import_module(".".join(("officium", *file.relative_to(PACKAGE).with_suffix("").parts)))

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, metadata))

    async with database.reading(ALL_TENANTS) as connection:
        assert await connection.run_sync(differences) == []


async def test_last_step_can_be_taken_back_and_done_again(database: Database, request: pytest.FixtureRequest):
    *_, before, last = ["base", *schema.revisions()]

    try:
        assert await schema.downgrade(database, before) == [last]
    finally:
        assert await schema.upgrade(database) == [last]


async def test_all_steps_can_be_taken_back(opened: Database):
    await schema.upgrade(opened)

    await schema.downgrade(opened, "base")

    async with opened.reading(ALL_TENANTS) as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert set(names) <= {"alembic_version"}
    assert await schema.current_revision(opened) is None


def test_two_processes_starting_at_once_migrate_once(new_database_url: str):
    script = (
        "import asyncio, sys\n"
        "from officium.kit import schema\n"
        "from officium.kit.database import Database\n"
        "print(asyncio.run(schema.upgrade(Database.open(sys.argv[1]))))\n"
    )

    processes = [
        subprocess.Popen([sys.executable, "-c", script, new_database_url], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = sorted(process.communicate(timeout=50)[0].strip() for process in processes)

    assert [process.returncode for process in processes] == [0, 0]
    assert outputs == sorted(["[]", str(schema.revisions())])


async def test_a_newer_database_is_left_alone(opened: Database):
    await schema.upgrade(opened)
    async with opened.changing_schema() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    for act in (schema.upgrade(opened), schema.check(opened), schema.downgrade(opened, "base")):
        with pytest.raises(schema.SchemaTooNew, match="newer version"):
            await act


async def test_check_says_how_to_mend_an_outdated_database(opened: Database):
    with pytest.raises(schema.SchemaOutdated, match="officium migrate"):
        await schema.check(opened)

    await schema.upgrade(opened)
    await schema.check(opened)


async def test_an_unknown_revision_is_refused(opened: Database):
    with pytest.raises(schema.UnknownRevision, match="base, 0001"):
        await schema.downgrade(opened, "4711")


def test_revisions_are_one_line_as_alembic_sees_them():
    from alembic.script import ScriptDirectory

    history = list(ScriptDirectory(str(PACKAGE / "migrations")).walk_revisions())

    assert [step.revision for step in reversed(history)] == schema.revisions()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_steps_can_be_written_as_sql_without_a_database(dialect):
    sql = schema.upgrade_sql(dialect)

    assert "CREATE TABLE tenants" in sql
    assert f"'{schema.head_revision()}'" in sql


def test_an_up_to_date_database_needs_no_alembic(tmp_path: Path):
    script = (
        "import asyncio, sys\n"
        "from officium.kit import schema\n"
        "from officium.kit.database import Database\n"
        "asyncio.run(schema.upgrade(Database.open(sys.argv[1])))\n"
        "print('alembic' in sys.modules)\n"
    )

    def run() -> str:
        command = [sys.executable, "-c", script, f"sqlite:///{tmp_path}/a.db"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=50).stdout.strip()

    assert (run(), run()) == ("True", "False")
