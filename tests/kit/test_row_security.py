"""PostgreSQL keeps tenants apart, whatever the statements ask for: in every table there is."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.kit import row_security, schema
from officium.kit.database import ALL_TENANTS, Database
from tests.support.database import PostgresServer
from tests.support.rows import a_row, fill_all, owner_of, tenant_tables

TABLES = tenant_tables()
ONLY_ADDED_TO = {"audit_log"}
"""A trigger refuses every change of these, even of one's own rows."""
NAMES = [table.name for table in TABLES]
POLICY = (
    "(((OWNER)::text = NULLIF(current_setting('officium.tenant_id'::text, true), ''::text))"
    " OR (NULLIF(current_setting('officium.tenant_id'::text, true), ''::text) = '*'::text))"
)


class Undo(Exception):
    """Takes back what was done in a transaction."""


@pytest.fixture
async def migrated(postgres_server: PostgresServer) -> AsyncIterator[Database]:
    """A migrated database of this test's own."""
    database = Database.open(await asyncio.to_thread(postgres_server.create_database))
    await schema.upgrade(database)
    yield database
    await database.close()


@pytest.fixture
async def furnished(postgresql_database: Database) -> Database:
    """Two tenants, `a` and `b`, with a row each in every table."""
    async with postgresql_database.writing(ALL_TENANTS) as connection:
        await fill_all(connection, "a", "canary-a", 1)
        await fill_all(connection, "b", "canary-b", 2)
    return postgresql_database


async def unprotected(database: Database, names: list[str]) -> list[str]:
    async with database.reading(ALL_TENANTS) as connection:
        return await connection.run_sync(row_security.unprotected, names)


async def owners(connection: AsyncConnection) -> dict[str, list[str]]:
    """Whose rows each table shows."""
    return {
        table.name: sorted((await connection.execute(select(owner_of(table)))).scalars()) for table in TABLES
    }


def everywhere(seen: list[str]) -> dict[str, list[str]]:
    """The same in each table."""
    return dict.fromkeys(NAMES, seen)


async def refused(database: Database, tenant_id: str, statement: Any) -> bool:
    """Whether the policies refuse a statement, or a trigger that comes first."""
    try:
        async with database.writing(tenant_id) as connection:
            await connection.execute(statement)
    except DBAPIError as error:
        return any(
            words in str(error.orig) for words in ("violates row-level security", "only ever added to")
        )
    return False


async def test_every_table_is_protected(postgresql_database: Database) -> None:
    assert await unprotected(postgresql_database, NAMES) == [], (
        "The step that makes a table must call officium.kit.row_security.protect for it."
    )


async def test_every_policy_says_the_same(postgresql_database: Database) -> None:
    async with postgresql_database.reading(ALL_TENANTS) as connection:
        found = (
            await connection.execute(
                text("SELECT tablename, policyname, cmd, permissive, qual, with_check FROM pg_policies")
            )
        ).all()

    def expected(name: str) -> str:
        return POLICY.replace("OWNER", "id" if name == "tenants" else "tenant_id")

    assert sorted(tuple(row) for row in found) == sorted(
        (name, "tenant", "ALL", "PERMISSIVE", expected(name), expected(name)) for name in NAMES
    )


async def test_no_view_and_no_function_lends_the_rights_of_its_maker(postgresql_database: Database) -> None:
    async with postgresql_database.reading(ALL_TENANTS) as connection:
        lending = await connection.execute(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
                " AND (relkind = 'm' OR relkind = 'v'"
                " AND NOT coalesce('security_invoker=true' = ANY (reloptions), false))"
                " UNION ALL SELECT proname FROM pg_proc"
                " WHERE pronamespace = current_schema()::regnamespace AND prosecdef"
            )
        )
        assert list(lending.scalars()) == []


@pytest.mark.parametrize(
    ("tenant_id", "seen"),
    [("a", ["a"]), ("b", ["b"]), ("nobody", []), ("", []), ("a' OR true --", []), ("*", ["a", "b"])],
)
async def test_a_transaction_sees_the_rows_of_its_tenant(
    furnished: Database, tenant_id: str, seen: list[str]
) -> None:
    async with furnished.reading(tenant_id) as connection:
        assert await owners(connection) == everywhere(seen)


async def test_a_transaction_for_nobody_sees_nothing(furnished: Database) -> None:
    async with furnished.reading("a") as connection:
        await connection.execute(text("RESET officium.tenant_id"))

        assert await owners(connection) == everywhere([])


async def test_nothing_is_inserted_for_another(furnished: Database) -> None:
    outcomes = {
        (table.name, entered): await refused(
            furnished, entered, insert(table).values(a_row(table, "b", "new", 3))
        )
        for table in TABLES
        for entered in ("a", "")
    }

    assert [place for place, was_refused in outcomes.items() if not was_refused] == []


async def test_nothing_of_another_is_changed_or_deleted(furnished: Database) -> None:
    touched = {}
    for table in reversed(TABLES):
        owner = owner_of(table)
        assert owner is not None
        async with furnished.writing("a") as connection:
            changed = await connection.execute(update(table).where(owner == "b").values({owner.name: "b"}))
            deleted = await connection.execute(delete(table).where(owner != "a"))
            touched[table.name] = (changed.rowcount, deleted.rowcount)

    assert touched == dict.fromkeys(NAMES, (0, 0))
    async with furnished.reading(ALL_TENANTS) as connection:
        assert await owners(connection) == everywhere(["a", "b"])


async def test_nothing_is_given_away_to_another(furnished: Database) -> None:
    outcomes = {
        table.name: await refused(furnished, "a", update(table).values({owner.name: "b"}))
        for table in TABLES
        if (owner := owner_of(table)) is not None
    }

    assert outcomes == dict.fromkeys(NAMES, True)


async def test_deleting_everything_deletes_ones_own(furnished: Database) -> None:
    async with furnished.writing("a") as connection:
        for table in reversed(TABLES):
            if table.name not in ONLY_ADDED_TO:
                await connection.execute(delete(table))

    async with furnished.reading(ALL_TENANTS) as connection:
        left = await owners(connection)
    assert left == everywhere(["b"]) | {name: ["a", "b"] for name in ONLY_ADDED_TO}


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE members DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON members",
        "CREATE POLICY everyone ON members USING (true)",
        "TRUNCATE members",
        "DROP TABLE members",
        "UPDATE alembic_version SET version_num = '0000'",
        "CREATE TABLE loot AS SELECT * FROM api_keys",
        "SET LOCAL row_security = off; SELECT * FROM members",
        f"ALTER ROLE {row_security.APP_ROLE} BYPASSRLS",
    ],
)
async def test_the_walls_cannot_be_torn_down_from_inside(furnished: Database, statement: str) -> None:
    async def tear_down() -> None:
        async with furnished.writing("a") as connection:
            for part in statement.split("; "):
                await connection.execute(text(part))

    with pytest.raises(DBAPIError, match=r"must be owner|permission denied|row-level security"):
        await tear_down()


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE members NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE members DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON members",
        "CREATE POLICY everyone ON members USING (true)",
        "CREATE TABLE forgotten (tenant_id text)",
    ],
)
async def test_a_table_that_is_not_protected_is_found(postgresql_database: Database, damage: str) -> None:
    found = []
    with suppress(Undo):
        async with postgresql_database.changing_schema() as connection:
            await connection.execute(text(damage))
            await connection.execute(text(f"SET LOCAL ROLE {row_security.APP_ROLE}"))
            found = await connection.run_sync(row_security.unprotected, [*NAMES, "forgotten"])
            raise Undo

    assert found == ["forgotten" if "forgotten" in damage else "members"]


async def test_a_step_sees_the_rows_of_all_tenants(furnished: Database) -> None:
    async with furnished.changing_schema() as connection:
        assert await owners(connection) == everywhere(["a", "b"])


async def test_the_role_and_the_tenant_end_with_the_transaction(furnished: Database) -> None:
    async with furnished.reading("a") as connection:
        asked = text("SELECT current_user, current_setting('officium.tenant_id')")
        assert (await connection.execute(asked)).one() == (row_security.APP_ROLE, "a")

    async with furnished._reader.connect() as connection:
        role, tenant = (await connection.execute(asked)).one()
    assert (role == row_security.APP_ROLE, tenant) == (False, "")


async def test_what_was_entered_cannot_be_committed_away(furnished: Database) -> None:
    async with furnished.reading("a") as connection:
        await connection.commit()

        with pytest.raises(Exception, match="inside context manager"):
            await connection.execute(text("SELECT 1"))


@pytest.fixture
async def opened_as(postgres_server: PostgresServer) -> AsyncIterator[Callable[[str], Any]]:
    """Opens a database of its own for a new login with these rights."""
    opened: list[Database] = []

    async def open_as(rights: str) -> Database:
        name, password = f"officium_test_{secrets.token_hex(4)}", secrets.token_hex(8)
        url = make_url(await asyncio.to_thread(postgres_server.create_database))
        admin = Database.open(url.render_as_string(hide_password=False))
        async with admin.changing_schema() as connection:
            await connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' {rights}"))
            await connection.execute(text(f"GRANT CREATE, USAGE ON SCHEMA public TO {name}"))
        await admin.close()
        login = url.set(username=name, password=password).render_as_string(hide_password=False)
        opened.append(Database.open(login))
        return opened[-1]

    yield open_as
    for database in opened:
        await database.close()


@pytest.mark.parametrize(
    ("rights", "role"),
    [
        pytest.param("NOSUPERUSER", None, id="an-ordinary-owner"),
        pytest.param("SUPERUSER", row_security.APP_ROLE, id="a-superuser"),
        pytest.param(
            f"BYPASSRLS IN ROLE {row_security.APP_ROLE}",
            row_security.APP_ROLE,
            id="one-above-policies-that-was-given-the-role",
        ),
    ],
)
async def test_every_login_is_kept_inside(
    postgresql_database: Database, opened_as: Callable[[str], Any], rights: str, role: str | None
) -> None:
    database = await opened_as(rights)
    await schema.upgrade(database)
    async with database.writing(ALL_TENANTS) as connection:
        await fill_all(connection, "a", "canary-a", 1)
        await fill_all(connection, "b", "canary-b", 2)

    async with database.reading("a") as connection:
        seen = await owners(connection)
        user = (await connection.execute(text("SELECT current_user"))).scalar()

    assert seen == everywhere(["a"])
    assert role is None or user == role
    assert await unprotected(database, NAMES) == []


async def test_a_login_without_the_rights_works_and_is_found_out(opened_as: Callable[[str], Any]) -> None:
    database = await opened_as("BYPASSRLS NOCREATEROLE")

    await schema.upgrade(database)
    await schema.upgrade(database)

    assert sorted(await unprotected(database, NAMES)) == sorted(NAMES)


async def test_the_role_is_given_its_rights_anew_where_a_backup_did_not_bring_them(
    migrated: Database,
) -> None:
    async with migrated.changing_schema() as connection:
        await connection.exec_driver_sql(row_security.TAKE_ROLE_AWAY)
    assert sorted(await unprotected(migrated, NAMES)) == sorted(NAMES)

    assert await schema.upgrade(migrated) == []

    assert await unprotected(migrated, NAMES) == []


async def test_a_table_made_later_is_open_to_the_role(migrated: Database) -> None:
    async with migrated.changing_schema() as connection:
        await connection.execute(text("CREATE TABLE later (id serial, tenant_id text)"))
    async with migrated.writing("a") as connection:
        await connection.execute(text("INSERT INTO later (tenant_id) VALUES ('a')"))
        assert (await connection.execute(text("SELECT count(*) FROM later"))).scalar() == 1


async def test_protection_can_be_taken_back(migrated: Database) -> None:
    await schema.downgrade(migrated, "0007")

    def left(connection: Connection) -> list[str]:
        found = connection.execute(text("SELECT relname FROM pg_class WHERE relrowsecurity"))
        return list(found.scalars())

    async with migrated.reading("nobody") as connection:
        assert await connection.run_sync(left) == []
        assert (await connection.execute(select(func.count()).select_from(TABLES[0]))).scalar() == 0


async def test_on_sqlite_nothing_is_protected_by_the_database(sqlite_database: Database) -> None:
    assert await unprotected(sqlite_database, ["members"]) == ["members"]
