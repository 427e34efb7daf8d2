"""Loading and saving exports, and reading what goes into them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, func, insert, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from officium.core.tenancy.audit import AuditEntry
from officium.core.tenancy.audit.store import record
from officium.core.tenancy.caller import Caller
from officium.core.tenancy.export.contents import ExportFile
from officium.core.tenancy.export.errors import ExportUnderWay
from officium.core.tenancy.export.export import MOST_KEPT, Export
from officium.core.tenancy.export.tables import tenant_export_pieces as pieces
from officium.core.tenancy.export.tables import tenant_exports as exports
from officium.core.tenancy.tables import tenants
from officium.kit.database import ALL_TENANTS, Database, metadata

Row = Mapping[str, Any]


class ExportStore:
    """A tenant's exports, their pieces, and every table that goes along."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_export(self, caller: Caller, export: Export, entry: AuditEntry) -> None:
        """Insert an export. Raises ExportUnderWay where one is being made, or as many are kept as may be."""
        values = {name: getattr(export, name) for name in Export.__struct_fields__}
        async with self._database.writing(caller.tenant_id) as connection:
            # Two who ask at once take turns by the tenant's row.
            own = select(tenants.c.id).where(tenants.c.id == caller.tenant_id)
            await connection.execute(own.with_for_update(key_share=True))
            query = select(exports.c.state).where(exports.c.tenant_id == caller.tenant_id)
            states = (await connection.execute(query)).scalars().all()
            if {"waiting", "building"} & set(states):
                raise ExportUnderWay("An export is being made. Wait until it is ready, or delete it.")
            if len(states) >= MOST_KEPT:
                raise ExportUnderWay(f"At most {MOST_KEPT} exports are kept. Delete one first.")
            await connection.execute(insert(exports).values(values | {"tenant_id": caller.tenant_id}))
            await record(caller, connection, entry)

    async def list_exports(self, caller: Caller) -> list[Export]:
        """The tenant's exports, newest first."""
        query = select(exports).where(exports.c.tenant_id == caller.tenant_id).order_by(exports.c.id.desc())
        async with self._database.reading(caller.tenant_id) as connection:
            return [_export(row) for row in (await connection.execute(query)).mappings()]

    async def find_export(self, caller: Caller, export_id: str) -> Export | None:
        """The export with this id."""
        query = select(exports).where(exports.c.tenant_id == caller.tenant_id, exports.c.id == export_id)
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _export(row)

    async def delete_export(self, caller: Caller, export_id: str, entry: AuditEntry | None) -> bool:
        """Delete an export and its pieces; whether there was one."""
        async with self._database.writing(caller.tenant_id) as connection:
            await _delete_pieces(caller, connection, export_id)
            query = delete(exports).where(exports.c.tenant_id == caller.tenant_id, exports.c.id == export_id)
            if (await connection.execute(query)).rowcount == 0:
                return False
            if entry is not None:
                await record(caller, connection, entry)
            return True

    async def note(self, caller: Caller, entry: AuditEntry) -> None:
        """Write into the audit log what changes nothing: that a file was taken."""
        async with self._database.writing(caller.tenant_id) as connection:
            await record(caller, connection, entry)

    async def begin(self, caller: Caller, export_id: str, total_rows: int) -> int | None:
        """Begin an export, from the start also where it was begun before.

        The number of the attempt: a process that still works at an earlier one changes nothing any more.
        `None` where the export is not wanted any more.
        """
        is_it = (exports.c.tenant_id == caller.tenant_id) & (exports.c.id == export_id)
        values = {"state": "building", "total_rows": total_rows, "done_rows": 0, "size_bytes": 0, "pieces": 0}
        query = update(exports).where(is_it).values(**values, attempts=exports.c.attempts + 1)
        async with self._database.writing(caller.tenant_id) as connection:
            begun = await connection.execute(query.returning(exports.c.attempts))
            attempt: int | None = begun.scalar_one_or_none()
            await _delete_pieces(caller, connection, export_id)
        return attempt

    async def add_piece(
        self, caller: Caller, export_id: str, attempt: int, number: int, content: bytes, **progress: int
    ) -> bool:
        """Keep the next piece and how far it is now; whether the attempt is still wanted."""
        changes = {"pieces": number + 1, **progress}
        async with self._database.writing(caller.tenant_id) as connection:
            if not await _change(caller, connection, export_id, attempt, changes):
                return False
            values = {"export_id": export_id, "number": number, "content": content}
            await connection.execute(insert(pieces).values(values | {"tenant_id": caller.tenant_id}))
            return True

    async def change(self, caller: Caller, export_id: str, attempt: int, **values: Any) -> bool:
        """Change what is known of an export; whether the attempt is still wanted."""
        async with self._database.writing(caller.tenant_id) as connection:
            return await _change(caller, connection, export_id, attempt, values)

    async def fail(self, caller: Caller, export_id: str, attempt: int, failure: str) -> None:
        """Give an export up, and forget its pieces, unless another attempt was begun."""
        values = {"state": "failed", "failure": failure}
        async with self._database.writing(caller.tenant_id) as connection:
            if await _change(caller, connection, export_id, attempt, values):
                await _delete_pieces(caller, connection, export_id)

    async def read_piece(self, caller: Caller, export_id: str, number: int) -> bytes | None:
        """A piece as it was kept."""
        query = select(pieces.c.content).where(
            pieces.c.tenant_id == caller.tenant_id,
            pieces.c.export_id == export_id,
            pieces.c.number == number,
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def count_rows(self, caller: Caller, files: Sequence[ExportFile]) -> int:
        """How many rows of the tenant go into these files."""
        total = 0
        async with self._database.reading(caller.tenant_id) as connection:
            for file in files:
                table = metadata.tables[file.table]
                query = select(func.count()).select_from(table).where(_is_of(caller, table))
                total += (await connection.execute(query)).scalar_one()
        return total

    async def read_rows(
        self, caller: Caller, file: ExportFile, after: Row | None, limit: int, *, is_long: bool = False
    ) -> list[dict[str, Any]]:
        """The tenant's rows of a table by their primary key, beginning behind the row `after`.

        They have the columns that are left out, too: the last one is the next `after`. Where the tenant has
        many, `is_long` walks along the primary key: SQLite would look for them by tenant and sort all of them
        again for each page.
        """
        table = metadata.tables[file.table]
        key = list(table.primary_key.columns)
        is_theirs = _is_of(caller, table)
        if is_long and self._database.dialect == "sqlite" and "tenant_id" not in table.primary_key.columns:
            is_theirs = table.c.tenant_id.concat("") == caller.tenant_id
        query = select(table).where(is_theirs).order_by(*key).limit(limit)
        if after is not None:
            seen = tuple_(*(literal(after[column.name], column.type) for column in key))
            query = query.where(tuple_(*key) > seen)
        async with self._database.reading(caller.tenant_id) as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def list_due_for_all_tenants(self, now: datetime, limit: int) -> list[tuple[str, Export]]:
        """Exports that are to be made, the oldest first, with the ids of their tenants."""
        query = (
            select(exports)
            .where(exports.c.state.in_(("waiting", "building")), exports.c.expires_at > now)
            .order_by(exports.c.id)
            .limit(limit)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [(row["tenant_id"], _export(row)) for row in rows]

    async def list_expired_for_all_tenants(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """The tenants and ids of exports whose time is over."""
        query = select(exports.c.tenant_id, exports.c.id).where(exports.c.expires_at <= now).limit(limit)
        async with self._database.reading(ALL_TENANTS) as connection:
            return [(row[0], row[1]) for row in (await connection.execute(query)).all()]


async def _change(
    caller: Caller, connection: AsyncConnection, export_id: str, attempt: int, values: Mapping[str, Any]
) -> bool:
    query = update(exports).where(
        exports.c.tenant_id == caller.tenant_id,
        exports.c.id == export_id,
        exports.c.attempts == attempt,
        exports.c.state.in_(("waiting", "building")),
    )
    return (await connection.execute(query.values(**values))).rowcount > 0


async def _delete_pieces(caller: Caller, connection: AsyncConnection, export_id: str) -> None:
    query = delete(pieces).where(pieces.c.tenant_id == caller.tenant_id, pieces.c.export_id == export_id)
    await connection.execute(query)


def _is_of(caller: Caller, table: Table) -> Any:
    """Whether a row is of the caller's tenant; the table of tenants has one row for each."""
    column = table.c.id if table is tenants else table.c.tenant_id
    return column == caller.tenant_id


def _export(row: Any) -> Export:
    return Export(**{name: row[name] for name in Export.__struct_fields__})
