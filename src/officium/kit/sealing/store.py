"""Loading and saving the sealing keys, and the values sealed with them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Table, and_, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.kit.database import ALL_TENANTS, Database, metadata
from officium.kit.sealing.envelope import Place, prefix_of
from officium.kit.sealing.tables import sealing_keys

KeyState = Literal["active", "retiring", "retired"]


class SealingKey(Struct, frozen=True, kw_only=True):
    """A key of the ring as the database has it. The active one seals; a retiring one only opens."""

    id: str
    state: KeyState
    wrapped: str | None
    wrapped_by: str
    created_at: datetime
    retired_at: datetime | None = None

    def __repr__(self) -> str:
        return f"SealingKey({self.id}, {self.state})"


class SealedColumn(Struct, frozen=True):
    """A column of sealed values. Its table has `tenant_id` and an `id` that is unique in the table."""

    table: str
    field: str

    def place(self, tenant_id: str, row_id: str) -> Place:
        """The place of a row's value."""
        return Place(tenant_id, self.table, row_id, self.field)


class SealedValue(Struct, frozen=True):
    """An envelope and where it lies."""

    place: Place
    envelope: str


class SealingStore:
    """The ring of keys. It is the installation's, so no statement here has a tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_keys_for_all_tenants(self) -> list[SealingKey]:
        """Every key there ever was, oldest first."""
        query = select(sealing_keys).order_by(sealing_keys.c.created_at, sealing_keys.c.id)
        async with self._database.reading(ALL_TENANTS) as connection:
            return [SealingKey(**row) for row in (await connection.execute(query)).mappings()]

    async def find_key_for_all_tenants(self, key_id: str) -> SealingKey | None:
        """The key with this id."""
        query = select(sealing_keys).where(sealing_keys.c.id == key_id)
        async with self._database.reading(ALL_TENANTS) as connection:
            row = (await connection.execute(query)).mappings().first()
        return SealingKey(**row) if row is not None else None

    async def get_active_for_all_tenants(
        self, make: Callable[[AsyncConnection], Awaitable[SealingKey]]
    ) -> SealingKey:
        """The active key as it is now; where there is none yet, `make` sees to it in a transaction."""
        query = select(sealing_keys).where(sealing_keys.c.state == "active")
        async with self._database.reading(ALL_TENANTS) as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is not None:
            return SealingKey(**row)
        async with self._database.writing(ALL_TENANTS) as connection:
            return await make(connection)

    async def hold_active_for_all_tenants(self, connection: AsyncConnection) -> SealingKey | None:
        """The active key; it stays the active one until the transaction of `connection` ends."""
        query = select(sealing_keys).where(sealing_keys.c.state == "active").with_for_update(read=True)
        row = (await connection.execute(query)).mappings().first()
        return SealingKey(**row) if row is not None else None

    async def add_first_for_all_tenants(self, connection: AsyncConnection, key: SealingKey) -> None:
        """Insert the very first key, unless another process was quicker."""
        build = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        values = {name: getattr(key, name) for name in key.__struct_fields__}
        await connection.execute(build(sealing_keys).values(values).on_conflict_do_nothing())

    async def begin_rotation_for_all_tenants(self, key: SealingKey) -> SealingKey:
        """Make `key` the active one and let the others retire; where that is under way, keep the active one.

        On PostgreSQL this waits for all who hold the active key, so afterwards nothing can be sealed with it.
        """
        retiring = select(func.count()).select_from(sealing_keys).where(sealing_keys.c.state == "retiring")
        step_down = update(sealing_keys).where(sealing_keys.c.state == "active").values(state="retiring")
        values = {name: getattr(key, name) for name in key.__struct_fields__}
        async with self._database.writing(ALL_TENANTS) as connection:
            if self._database.dialect == "postgresql":
                await connection.exec_driver_sql("LOCK TABLE sealing_keys IN SHARE ROW EXCLUSIVE MODE")
            active = await self.hold_active_for_all_tenants(connection)
            if active is not None and (await connection.execute(retiring)).scalar_one():
                return active
            await connection.execute(step_down)
            await connection.execute(insert(sealing_keys).values(values))
        return key

    async def retire_for_all_tenants(
        self, columns: Sequence[SealedColumn], now: datetime
    ) -> tuple[list[str], list[str]]:
        """Forget each retiring key that no value needs any more: the ids of those, and of the others."""
        query = select(sealing_keys.c.id).where(sealing_keys.c.state == "retiring")
        gone: list[str] = []
        needed: list[str] = []
        async with self._database.writing(ALL_TENANTS) as connection:
            for key_id in (await connection.execute(query.with_for_update())).scalars().all():
                if await _is_used_for_all_tenants(connection, columns, key_id):
                    needed.append(key_id)
                    continue
                gone.append(key_id)
                await connection.execute(
                    update(sealing_keys)
                    .where(sealing_keys.c.id == key_id)
                    .values(state="retired", wrapped=None, retired_at=now)
                )
        return gone, needed

    async def list_stale_for_all_tenants(
        self, column: SealedColumn, active_id: str, after: tuple[str, str], limit: int
    ) -> list[SealedValue]:
        """A page of the values not sealed with `active_id`, beginning behind the tenant and row `after`."""
        table, envelope = _column(column)
        is_behind = or_(
            table.c.tenant_id > after[0], and_(table.c.tenant_id == after[0], table.c.id > after[1])
        )
        query = (
            select(table.c.tenant_id, table.c.id, envelope)
            .where(envelope.is_not(None), ~envelope.startswith(prefix_of(active_id), autoescape=True))
            .where(is_behind)
            .order_by(table.c.tenant_id, table.c.id)
            .limit(limit)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            rows = (await connection.execute(query)).all()
        return [SealedValue(column.place(row[0], row[1]), row[2]) for row in rows]

    async def replace_for_all_tenants(
        self, column: SealedColumn, changes: Sequence[tuple[SealedValue, str]]
    ) -> int:
        """Replace envelopes, each only where the old one still lies; how many were."""
        table, envelope = _column(column)
        replaced = 0
        async with self._database.writing(ALL_TENANTS) as connection:
            for old, new in changes:
                query = (
                    update(table)
                    .where(table.c.tenant_id == old.place.tenant_id, table.c.id == old.place.row_id)
                    .where(envelope == old.envelope)
                    .values({column.field: new})
                )
                replaced += (await connection.execute(query)).rowcount
        return replaced


async def _is_used_for_all_tenants(
    connection: AsyncConnection, columns: Sequence[SealedColumn], key_id: str
) -> bool:
    for column in columns:
        table, envelope = _column(column)
        query = select(table.c.id).where(envelope.startswith(prefix_of(key_id), autoescape=True)).limit(1)
        if (await connection.execute(query)).first() is not None:
            return True
    return False


def _column(column: SealedColumn) -> tuple[Table, Any]:
    table = metadata.tables[column.table]
    return table, table.c[column.field]
