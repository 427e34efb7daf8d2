"""The database's schema: which revision it is at, and how to bring it to another.

The steps are Alembic's, in `officium/migrations`. Alembic is imported only when there is something to do,
so a server whose database is up to date starts without it.
"""

import io
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from officium.kit import row_security
from officium.kit.database import ALL_TENANTS, Database, DialectName, metadata
from officium.kit.errors import OfficiumError

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_LINK = re.compile(r"^(revision|down_revision)\s*=\s*(?:\"([^\"]+)\"|None)\s*$", re.MULTILINE)


class SchemaTooNew(OfficiumError):
    """A newer Officium has changed this database; `revision` is where it stands."""

    code = "schema_too_new"


class SchemaOutdated(OfficiumError):
    """The database lacks steps this version needs; `revision` is where it stands, `head` where it must be."""

    code = "schema_outdated"


class UnknownRevision(OfficiumError):
    """There is no such step."""

    code = "unknown_revision"


def revisions() -> list[str]:
    """The known revisions, oldest first: each follows the one its file names, whatever their numbers are."""
    return list(_chain())


def head_revision() -> str:
    """The revision this version of Officium works with."""
    return revisions()[-1]


async def current_revision(database: Database) -> str | None:
    """The revision the database is at; `None` where nothing was ever made. Raises DatabaseUnavailable."""
    async with database.reading(ALL_TENANTS) as connection:
        return await connection.run_sync(_read_revision)


async def check(database: Database) -> None:
    """Raise SchemaOutdated or SchemaTooNew unless the database is at the head. Changes nothing."""
    current = await current_revision(database)
    _refuse_newer(current)
    if current != head_revision():
        raise SchemaOutdated(
            f"The database is at revision {current or 'none'}, and this version needs {head_revision()}. "
            "Run `officium migrate`.",
            revision=current,
            head=head_revision(),
        )


async def upgrade(database: Database) -> list[str]:
    """Bring the database to the head; gives the revisions that were applied, in order.

    Safe to run in many processes at once: one does the work, the others wait and find nothing to do. All
    steps are one transaction. Where the role is missing that obeys the policies, it is made: a backup of a
    database does not contain it. Raises SchemaTooNew and DatabaseUnavailable.
    """
    database.make_folder()
    async with database.reading(ALL_TENANTS) as connection:
        if await connection.run_sync(_is_in_order):
            return []
    async with database.changing_schema() as connection:
        return await connection.run_sync(_upgrade)


async def downgrade(database: Database, revision: str) -> list[str]:
    """Take back every step after `revision` (`base`: all), with the data it held; gives what was undone.

    Raises UnknownRevision, SchemaTooNew and DatabaseUnavailable.
    """
    if revision != "base" and revision not in revisions():
        raise UnknownRevision(
            f"There is no revision {revision!r}. Known are: base, {', '.join(revisions())}.",
            revision=revision,
        )
    async with database.changing_schema() as connection:
        return await connection.run_sync(_downgrade, revision)


async def unprotected_tables(database: Database) -> tuple[list[str], int]:
    """The tables whose rows PostgreSQL would show to any tenant, and how many belong to tenants in all.

    Knows the tables whose packages have been imported. Raises DatabaseUnavailable.
    """
    names = [name for name, table in metadata.tables.items() if name == "tenants" or "tenant_id" in table.c]
    async with database.reading(ALL_TENANTS) as connection:
        return await connection.run_sync(row_security.unprotected, names), len(names)


def upgrade_sql(dialect: DialectName) -> str:
    """The SQL from an empty database to the head, for operators who apply it by hand. Needs no database."""
    from alembic import command

    output = io.StringIO()
    config = _config(output)
    config.attributes["dialect"] = dialect
    command.upgrade(config, "head", sql=True)
    return output.getvalue()


@cache
def _chain() -> tuple[str, ...]:
    """The revisions in the order in which they follow each other, read without Alembic."""
    following: dict[str | None, str] = {}
    for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"):
        said = {name: value or None for name, value in _LINK.findall(file.read_text("utf-8"))}
        following[said["down_revision"]] = str(said["revision"])
    found: list[str] = []
    while (after := following.get(found[-1] if found else None)) is not None:
        found.append(after)
    return tuple(found)


def _is_in_order(connection: Connection) -> bool:
    if _read_revision(connection) != head_revision():
        return False
    if connection.dialect.name != "postgresql":
        return True
    bypasses, has_role = row_security.look_at_login(connection)
    return has_role or not bypasses


def _upgrade(connection: Connection) -> list[str]:
    before = _read_revision(connection)
    _refuse_newer(before)
    if before != head_revision():
        from alembic import command

        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(row_security.PROVIDE_ROLE)
    known = revisions()
    return known if before is None else known[known.index(before) + 1 :]


def _downgrade(connection: Connection, target: str) -> list[str]:
    from alembic import command

    before = _read_revision(connection)
    _refuse_newer(before)
    known = revisions()
    end = 0 if before is None else known.index(before) + 1
    undone = known[0 if target == "base" else known.index(target) + 1 : end][::-1]
    if undone:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, target)
    return undone


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _refuse_newer(current: str | None) -> None:
    if current is not None and current not in revisions():
        raise SchemaTooNew(
            f"The database is at revision {current}, but this version of Officium knows none after "
            f"{head_revision()}. Run the newer version, or restore the backup made before the upgrade.",
            revision=current,
        )


def _config(output: io.StringIO | None = None) -> "Config":
    from alembic.config import Config

    config = Config(output_buffer=output) if output is not None else Config()
    # Alembic's options go through ConfigParser, where a percent sign begins an interpolation.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
