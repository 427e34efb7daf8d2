"""Loading and saving idempotency keys."""

from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from officium.core.tenancy import Caller
from officium.core.usage.idempotency.service import KeyRow
from officium.core.usage.idempotency.tables import idempotency_keys as keys
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.errors import ServiceUnavailable

_TRIES = 5


class IdempotencyStore:
    """The table behind the keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, caller: Caller, row: KeyRow, now: datetime) -> KeyRow | None:
        """Make `row` the caller's own, unless its key is taken: then the row that has it.

        A key is free again when its answer has expired, or its process must be dead.
        """
        values = {name: getattr(row, name) for name in row.__struct_fields__}
        values["tenant_id"] = caller.tenant_id
        is_over = or_(keys.c.expires_at <= now, keys.c.status.is_(None) & (keys.c.busy_until <= now))
        is_it = (keys.c.tenant_id == caller.tenant_id) & (keys.c.key == row.key)
        for _ in range(_TRIES):
            try:
                async with self._database.writing(caller.tenant_id) as connection:
                    await connection.execute(delete(keys).where(is_it, is_over))
                    await connection.execute(insert(keys).values(values))
            except IntegrityError:
                taken = await self.find(caller, row.key)
                if taken is not None:
                    return taken
                continue  # it was set free in between
            return None
        raise ServiceUnavailable("This `Idempotency-Key` is asked for too often at once. Try again.")

    async def find(self, caller: Caller, key: str) -> KeyRow | None:
        """The tenant's row with this key."""
        query = select(keys).where(keys.c.tenant_id == caller.tenant_id, keys.c.key == key)
        async with self._database.reading(caller.tenant_id) as connection:
            found = (await connection.execute(query)).mappings().first()
        return None if found is None else KeyRow(**{name: found[name] for name in KeyRow.__struct_fields__})

    async def finish(
        self, caller: Caller, key: str, status: int, headers: list[list[str]], body: bytes | None
    ) -> None:
        """Keep the answer of a request that was carried out."""
        query = (
            update(keys)
            .where(keys.c.tenant_id == caller.tenant_id, keys.c.key == key)
            .values(status=status, headers=headers, body=body)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def forget(self, caller: Caller, key: str) -> None:
        """Free the key of a request that came to nothing."""
        query = delete(keys).where(
            keys.c.tenant_id == caller.tenant_id, keys.c.key == key, keys.c.status.is_(None)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(query)

    async def forget_expired_for_all_tenants(self, now: datetime, limit: int) -> int:
        """Delete at most `limit` answers whose time is over; how many there were."""
        old = select(keys.c.tenant_id, keys.c.key).where(keys.c.expires_at <= now).limit(limit)
        async with self._database.writing(ALL_TENANTS) as connection:
            rows = (await connection.execute(old)).all()
            for tenant_id, key in rows:
                await connection.execute(
                    delete(keys).where(
                        keys.c.tenant_id == tenant_id, keys.c.key == key, keys.c.expires_at <= now
                    )
                )
        return len(rows)
