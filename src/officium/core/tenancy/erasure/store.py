"""Closing and opening tenants, and emptying every table of what is theirs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import MetaData, Table, and_, delete, func, insert, or_, select, tuple_, update

from officium.core.tenancy.audit import AuditEntry
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.caller import Caller
from officium.core.tenancy.erasure.erasure import SETTLES_AFTER, ErasedTenant, Month
from officium.core.tenancy.erasure.errors import LastTenant, TenantErased, TenantNotClosed
from officium.core.tenancy.erasure.tables import erased_tenants as erased
from officium.core.tenancy.sign_in.tables import browser_sessions
from officium.core.tenancy.tables import tenants
from officium.kit.database import ALL_TENANTS, Database

_AUDIT_LOG = "audit_log"


class ErasureStore:
    """Tenants that are closed, and what is left of those that are gone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_closing_for_all_tenants(
        self, caller: Caller, erase_at: datetime, entry: AuditEntry
    ) -> None:
        """Close the caller's tenant and end the sessions of its people. Raises LastTenant and TenantErased.

        One that is closed already keeps its first closing, with the new `erase_at`.
        """
        others = select(tenants.c.id).where(tenants.c.closed_at.is_(None)).order_by(tenants.c.id).limit(2)
        async with self._database.writing(ALL_TENANTS) as connection:
            # Two who would each leave the other behind take turns by the tenants' rows.
            still_open = (await connection.execute(others.with_for_update(key_share=True))).scalars().all()
            if list(still_open) == [caller.tenant_id]:
                raise LastTenant(
                    "This is the only tenant that is open, and an installation has at least one. "
                    "Create another one first, with `officium tenant create`."
                )
            own = select(tenants.c.closed_at).where(tenants.c.id == caller.tenant_id)
            found = (await connection.execute(own.with_for_update(key_share=True))).first()
            if found is None or await _is_begun(caller, connection):
                raise _gone()
            values: dict[str, Any] = {"erase_at": erase_at}
            if found.closed_at is None:
                values |= {"closed_at": entry.at, "closed_by": caller.actor}
            await connection.execute(update(tenants).where(tenants.c.id == caller.tenant_id).values(values))
            sessions = delete(browser_sessions).where(browser_sessions.c.tenant_id == caller.tenant_id)
            await connection.execute(sessions)
            await record(caller, connection, entry)

    async def reopen(self, caller: Caller, entry: AuditEntry) -> None:
        """Open the caller's tenant again. Raises TenantErased and TenantNotClosed."""
        own = select(tenants.c.closed_at).where(tenants.c.id == caller.tenant_id)
        values = {"closed_at": None, "closed_by": None, "erase_at": None}
        async with self._database.writing(caller.tenant_id) as connection:
            found = (await connection.execute(own.with_for_update())).first()
            if found is None or await _is_begun(caller, connection):
                raise _gone()
            if found.closed_at is None:
                raise TenantNotClosed("This tenant is open. There is nothing to take back.")
            await connection.execute(update(tenants).where(tenants.c.id == caller.tenant_id).values(values))
            await record(caller, connection, entry)

    async def begin(
        self, caller: Caller, now: datetime, tables: Sequence[Table], months: Sequence[Month]
    ) -> bool:
        """Write down what is left of a tenant, unless that is done; `False` where its time is not over."""
        own = select(tenants).where(tenants.c.id == caller.tenant_id, tenants.c.erase_at <= now)
        async with self._database.writing(caller.tenant_id) as connection:
            tenant = (await connection.execute(own.with_for_update())).mappings().first()
            if await _is_begun(caller, connection):
                return True
            if tenant is None:
                return False
            rows = {}
            for table in tables:
                query = select(func.count()).select_from(table).where(table.c.tenant_id == caller.tenant_id)
                if count := (await connection.execute(query)).scalar_one():
                    rows[table.name] = count
            remains = ErasedTenant(
                id=caller.tenant_id,
                created_at=tenant["created_at"],
                closed_at=tenant["closed_at"],
                closed_by=tenant["closed_by"],
                begun_at=now,
                rows=rows,
                months=months,
            )
            await connection.execute(insert(erased).values(asdict(remains)))
            return True

    async def delete_some(self, caller: Caller, table: Table, limit: int) -> int:
        """Delete rows of the tenant's from a table, at most so many; how many there were."""
        key = list(table.primary_key.columns)
        some = select(*key).where(table.c.tenant_id == caller.tenant_id).limit(limit)
        query = delete(table).where((tuple_(*key) if len(key) > 1 else key[0]).in_(some))
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount

    async def delete_tenant(self, caller: Caller) -> None:
        """Delete the tenant itself. From now on the audit log lets go of what it knows of it."""
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(delete(tenants).where(tenants.c.id == caller.tenant_id))

    async def end(self, caller: Caller, now: datetime) -> None:
        """Note that nothing is left, for the first time or once more."""
        is_it = erased.c.id == caller.tenant_id
        is_later = and_(is_it, erased.c.erased_at <= now - SETTLES_AFTER)
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(update(erased).where(is_later).values(settled_at=now))
            query = update(erased).where(is_it, erased.c.erased_at.is_(None))
            await connection.execute(query.values(erased_at=now))

    async def list_due_for_all_tenants(self, now: datetime, limit: int) -> list[str]:
        """Tenants whose time is over, those that were begun, and those to look at once more."""
        is_unsettled = and_(erased.c.settled_at.is_(None), erased.c.erased_at <= now - SETTLES_AFTER)
        begun = select(erased.c.id).where(or_(erased.c.erased_at.is_(None), is_unsettled))
        due = select(tenants.c.id).where(tenants.c.erase_at <= now).order_by(tenants.c.id)
        found: dict[str, None] = {}
        async with self._database.reading(ALL_TENANTS) as connection:
            for query in (begun.order_by(erased.c.begun_at), due):
                found |= dict.fromkeys((await connection.execute(query.limit(limit))).scalars())
        return list(found)

    async def list_erased_for_all_tenants(self, after: str, limit: int) -> list[ErasedTenant]:
        """A page of what is left of tenants, in the order of their ids, beginning behind the id `after`."""
        query = select(erased).where(erased.c.id > after).order_by(erased.c.id).limit(limit)
        async with self._database.reading(ALL_TENANTS) as connection:
            return [ErasedTenant(**row) for row in (await connection.execute(query)).mappings()]

    async def find_tables_for_all_tenants(self) -> list[Table]:
        """Every table with rows of tenants, as the database has them; what refers to others comes first.

        The audit log is the last one: it lets nothing go before the tenant is gone.
        """
        found = MetaData()
        async with self._database.reading(ALL_TENANTS) as connection:
            await connection.run_sync(found.reflect)
        theirs = [table for table in reversed(found.sorted_tables) if "tenant_id" in table.c]
        return sorted(theirs, key=lambda table: table.name == _AUDIT_LOG)


async def _is_begun(caller: Caller, connection: Any) -> bool:
    query = select(erased.c.id).where(erased.c.id == caller.tenant_id)
    return (await connection.execute(query)).first() is not None


def _gone() -> TenantErased:
    return TenantErased("This tenant is being erased, or is gone. What is gone cannot be brought back.")
