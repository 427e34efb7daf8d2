"""Writing the audit log in the transaction of the change, and reading it."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.core.tenancy.audit.entry import AuditEntry, RecordedEntry
from officium.core.tenancy.audit.tables import audit_log
from officium.core.tenancy.caller import Caller
from officium.kit.database import Database


async def record(caller: Caller, connection: AsyncConnection, entry: AuditEntry) -> None:
    """Write down what `caller` changes in the transaction of `connection`: both happen, or neither does."""
    values: dict[str, Any] = {name: getattr(entry, name) for name in AuditEntry.__struct_fields__}
    values |= {"tenant_id": caller.tenant_id, "actor": caller.actor}
    await connection.execute(insert(audit_log).values(values))


class AuditStore:
    """The audit log. It is only ever added to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_entries(
        self,
        caller: Caller,
        *,
        action: str | None,
        thing: str | None,
        thing_id: str | None,
        actor: str | None,
        since: datetime | None,
        until: datetime | None,
        before: str | None,
        limit: int,
    ) -> list[RecordedEntry]:
        """A page of the tenant's entries, newest first, of those that are older than the id `before`."""
        query = select(audit_log).where(audit_log.c.tenant_id == caller.tenant_id)
        wanted = {"action": action, "thing": thing, "thing_id": thing_id, "actor": actor}
        for name, value in wanted.items():
            if value is not None:
                query = query.where(audit_log.c[name] == value)
        if since is not None:
            query = query.where(audit_log.c.at >= since)
        if until is not None:
            query = query.where(audit_log.c.at < until)
        if before is not None:
            query = query.where(audit_log.c.id < before)
        query = query.order_by(audit_log.c.id.desc()).limit(limit)
        async with self._database.reading(caller.tenant_id) as connection:
            return [RecordedEntry(**row) for row in (await connection.execute(query)).mappings()]
