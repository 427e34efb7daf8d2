"""PostgreSQL as the second wall between tenants: it shows a transaction the rows of its own tenant alone.

The first wall is that every statement of a store filters by tenant. This one stands where a filter was
forgotten: a policy on every table, and a role that cannot step around it. SQLite has nothing of the kind.
Why it is built like this: docs/decisions/0014-row-level-security.md.
"""

from collections.abc import Collection

from sqlalchemy import Connection, text

APP_ROLE = "officium_app"
"""Runs the statements where the login itself would ignore policies. All databases of a cluster share it."""
ENTER = "SELECT set_config('officium.tenant_id', $1, true)"
ENTER_AS_APP = f"{ENTER}, set_config('role', '{APP_ROLE}', true)"
"""Begins a transaction for a tenant. What it sets ends with the transaction: no pool can carry it on."""

_POLICY = "tenant"
_ENTERED = "nullif(current_setting('officium.tenant_id', true), '')"
_MAY_USE = "CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END"
_LOOK_AT_LOGIN = f"""
SELECT me.rolsuper OR me.rolbypassrls, EXISTS (
    SELECT FROM pg_roles app
    WHERE app.rolname = '{APP_ROLE}' AND NOT app.rolsuper AND NOT app.rolbypassrls
        AND pg_has_role(me.oid, app.oid, {_MAY_USE})
        AND has_table_privilege(app.oid, to_regclass('alembic_version'), 'SELECT')
)
FROM pg_roles me WHERE me.rolname = current_user
"""  # noqa: S608  our own words, no input
_LOOK_AT_TABLES = """
SELECT c.relname
FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY (:names) AND NOT (
    c.relforcerowsecurity AND row_security_active(c.oid)
    AND ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid) = ARRAY[:policy]
)
ORDER BY c.relname
"""
_FOR_APP = (
    "GRANT USAGE ON SCHEMA %1$I TO %2$I",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %1$I TO %2$I",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %1$I TO %2$I",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA %1$I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %2$I",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA %1$I GRANT USAGE, SELECT ON SEQUENCES TO %2$I",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM %2$I",
)
_FROM_APP = (
    "ALTER DEFAULT PRIVILEGES IN SCHEMA %1$I REVOKE ALL ON TABLES FROM %2$I",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA %1$I REVOKE ALL ON SEQUENCES FROM %2$I",
    "REVOKE ALL ON ALL TABLES IN SCHEMA %1$I FROM %2$I",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA %1$I FROM %2$I",
    "REVOKE ALL ON SCHEMA %1$I FROM %2$I",
)


def _each(statements: Collection[str]) -> str:
    return "\n".join(
        f"        EXECUTE format('{statement}', current_schema(), '{APP_ROLE}');" for statement in statements
    )


PROVIDE_ROLE = f"""
DO $$
BEGIN
    IF NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) THEN
        RETURN;
    END IF;
    BEGIN
        CREATE ROLE {APP_ROLE} NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
        NULL;
    END;
    BEGIN
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            EXECUTE format('GRANT %I TO %I', '{APP_ROLE}', current_user);
        END IF;
    EXCEPTION WHEN insufficient_privilege OR undefined_object THEN
        NULL;
    END;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
{_each(_FOR_APP)}
    END IF;
END $$
"""  # noqa: S608
"""Gives a login that would ignore policies a role that cannot, and the rights it needs on what there is and
will be. Does nothing for an ordinary login, and what it may for one with too few rights. Can be repeated."""
TAKE_ROLE_AWAY = f"""
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
{_each(_FROM_APP)}
    END IF;
END $$
"""
"""Takes the role's rights in this database. The role itself stays: other databases may use it."""


def protect(table: str, owner: str = "tenant_id") -> None:
    """For migrations: let each transaction see and write only those rows of `table` that are its tenant's.

    `owner` is the column with the tenant's id. Does nothing on SQLite.
    """
    is_theirs = f"\"{owner}\" = {_ENTERED} OR {_ENTERED} = '*'"
    _execute(
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY {_POLICY} ON "{table}" USING ({is_theirs}) WITH CHECK ({is_theirs})',
    )


def unprotect(table: str) -> None:
    """For migrations: take back what `protect` did. A table that is dropped does not need it."""
    _execute(
        f'DROP POLICY {_POLICY} ON "{table}"',
        f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
    )


def provide_role() -> None:
    """For migrations: see `PROVIDE_ROLE`."""
    _execute(PROVIDE_ROLE)


def take_role_away() -> None:
    """For migrations: see `TAKE_ROLE_AWAY`."""
    _execute(TAKE_ROLE_AWAY)


def look_at_login(connection: Connection) -> tuple[bool, bool]:
    """Whether this login ignores policies, and whether it may use the role that does not."""
    bypasses, has_role = connection.exec_driver_sql(_LOOK_AT_LOGIN).one()
    return bool(bypasses), bool(has_role)


def unprotected(connection: Connection, tables: Collection[str]) -> list[str]:
    """Those of `tables` whose rows this transaction could see without being their tenant's."""
    if connection.dialect.name != "postgresql":
        return sorted(tables)
    asked = {"names": list(tables), "policy": _POLICY}
    return list(connection.execute(text(_LOOK_AT_TABLES), asked).scalars())


def _execute(*statements: str) -> None:
    from alembic import op

    if op.get_context().dialect.name == "postgresql":
        for statement in statements:
            op.execute(statement)
