"""Databases for a trial, and what stands in them afterwards."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from officium.core.tenancy import Caller
from officium.core.usage.ledger.tables import holds, ledger_entries
from officium.kit.database import Database
from officium.kit.errors import OfficiumError


class DatabaseNotMade(OfficiumError):
    """The login may not make a database for the trial."""

    code = "database_not_made"


class BookedCall(Struct, frozen=True):
    """What the ledger says of a request: the kinds of its entries, and their sum in tokens."""

    kinds: tuple[str, ...]
    tokens: int


@asynccontextmanager
async def new_database_for_all_tenants(server_url: str) -> AsyncIterator[str]:
    """The address of a new, empty database on a PostgreSQL server; it is dropped afterwards.

    Nothing in the database of `server_url` itself is touched. Raises DatabaseNotMade and DatabaseUnavailable.
    """
    server = Database.open(server_url)
    name = f"officium_trial_{secrets.token_hex(6)}"
    await _execute_for_all_tenants(server, f"CREATE DATABASE {name}")
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        await _execute_for_all_tenants(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await server.close()


async def _execute_for_all_tenants(server: Database, statement: str) -> None:
    connection: Any = await server.connect_to_postgresql()
    try:
        await connection.execute(statement)
    except Exception as error:
        if getattr(error, "sqlstate", None) != "42501":
            raise
        raise DatabaseNotMade(
            "The trial needs a PostgreSQL login that may make databases: ALTER ROLE ... CREATEDB, or name "
            "another one with --database-url."
        ) from error
    finally:
        await connection.close()


class TrialStore:
    """Looks at a tenant's books from outside."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_booked(self, caller: Caller) -> dict[str, BookedCall]:
        """Every request of the caller's tenant that stands in the ledger, by its request id."""
        query = (
            select(ledger_entries.c.request_id, ledger_entries.c.kind, ledger_entries.c.tokens)
            .where(ledger_entries.c.tenant_id == caller.tenant_id)
            .order_by(ledger_entries.c.id)
        )
        found: dict[str, BookedCall] = {}
        async with self._database.reading(caller.tenant_id) as connection:
            for request_id, kind, tokens in await connection.execute(query):
                before = found.get(request_id, BookedCall((), 0))
                found[request_id] = BookedCall((*before.kinds, kind), before.tokens + tokens)
        return found

    async def count_holds(self, caller: Caller) -> int:
        """How many holds of the caller's tenant are open."""
        query = select(func.count()).select_from(holds).where(holds.c.tenant_id == caller.tenant_id)
        async with self._database.reading(caller.tenant_id) as connection:
            return int((await connection.execute(query)).scalar_one())
