"""Loading and saving what tenants want their log to keep, and the contents that are kept, sealed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from officium.core.tenancy import AuditEntry, Caller
from officium.core.tenancy.audit.store import record
from officium.core.usage.contents.content import KeptContent
from officium.core.usage.contents.tables import log_terms, request_contents
from officium.core.usage.contents.terms import LogTerms
from officium.core.usage.errors import RecordRefused
from officium.core.usage.tables import usage_log
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.sealing import KeyRing, SealedColumn

_REQUEST = SealedColumn("request_contents", "request")
_ANSWER = SealedColumn("request_contents", "answer")
CONTENT_COLUMNS = (_REQUEST, _ANSWER)
_TERMS = tuple(LogTerms.__struct_fields__)
_KEPT = tuple(KeptContent.__struct_fields__)


class ContentRow(Struct, frozen=True, kw_only=True):
    """A row to be written; `request` and `answer` in clear."""

    id: str
    tenant_id: str
    request_id: str
    created_at: datetime
    widget_id: int | None
    visitor_id: str | None
    is_masked: bool
    is_request_cut: bool
    is_answer_cut: bool
    request: str
    answer: str


class OpenedRow(Struct, frozen=True):
    """What is kept of a call, with its JSON in clear."""

    kept: KeptContent
    request: str
    answer: str


class ContentStore:
    """The tables behind contents and terms, and the statements that make the log forget."""

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database = database
        self._ring = ring

    async def find_terms(self, caller: Caller) -> LogTerms | None:
        """What the tenant has said its log should keep."""
        query = select(*(log_terms.c[name] for name in _TERMS)).where(
            log_terms.c.tenant_id == caller.tenant_id
        )
        async with self._database.reading(caller.tenant_id) as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else LogTerms(**row)

    async def put_terms(self, caller: Caller, terms: LogTerms, entry: AuditEntry) -> None:
        """Keep the log like this from now on, and say so in the audit log."""
        build = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        values = {name: getattr(terms, name) for name in _TERMS}
        put = (
            build(log_terms)
            .values(tenant_id=caller.tenant_id, **values)
            .on_conflict_do_update(index_elements=["tenant_id"], set_=values)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            await connection.execute(put)
            await record(caller, connection, entry)

    async def list_terms_for_all_tenants(self, after: str, limit: int) -> list[tuple[str, LogTerms]]:
        """A page of the tenants that have said something, beginning behind the id `after`."""
        query = (
            select(log_terms)
            .where(log_terms.c.tenant_id > after)
            .order_by(log_terms.c.tenant_id)
            .limit(limit)
        )
        async with self._database.reading(ALL_TENANTS) as connection:
            rows = [dict(row) for row in (await connection.execute(query)).mappings()]
        return [(row.pop("tenant_id"), LogTerms(**row)) for row in rows]

    async def find_logged_tenant_for_all_tenants(self, after: str) -> str | None:
        """The first tenant behind the id `after` of whom the usage log has lines."""
        query = select(func.min(usage_log.c.tenant_id)).where(usage_log.c.tenant_id > after)
        async with self._database.reading(ALL_TENANTS) as connection:
            found: str | None = (await connection.execute(query)).scalar_one()
        return found

    async def append_for_all_tenants(self, rows: Sequence[ContentRow]) -> None:
        """Seal and write a batch, in one transaction. Each row names its own tenant.

        Raises RecordRefused where a tenant is no more, DatabaseUnavailable and SecretChanged.
        """
        texts = [
            (column.place(row.tenant_id, row.id), getattr(row, column.field))
            for row in rows
            for column in CONTENT_COLUMNS
        ]
        while True:
            sealed = await self._ring.seal_ahead(texts)
            envelopes = iter(sealed.envelopes)
            values = [
                {name: getattr(row, name) for name in row.__struct_fields__}
                | {"request": next(envelopes), "answer": next(envelopes)}
                for row in rows
            ]
            try:
                async with self._database.writing(ALL_TENANTS) as connection:
                    if not await self._ring.is_active(connection, sealed):
                        continue  # the keys were exchanged in between
                    await connection.execute(insert(request_contents), values)
            except IntegrityError as error:
                raise RecordRefused("What was kept belongs to a tenant that is no more.") from error
            return

    async def list_kept(self, caller: Caller, request_id: str, limit: int) -> list[KeptContent]:
        """What is kept of a request, oldest first; not the words."""
        query = (
            select(*(request_contents.c[name] for name in _KEPT))
            .where(
                request_contents.c.tenant_id == caller.tenant_id, request_contents.c.request_id == request_id
            )
            .order_by(request_contents.c.created_at, request_contents.c.id)
            .limit(limit)
        )
        async with self._database.reading(caller.tenant_id) as connection:
            return [KeptContent(**row) for row in (await connection.execute(query)).mappings()]

    async def open_contents(
        self, caller: Caller, request_id: str, limit: int, entry: AuditEntry
    ) -> list[OpenedRow]:
        """The contents of a request, oldest first; that they were opened is said in the audit log.

        Raises SealBroken and SecretChanged.
        """
        query = (
            select(request_contents)
            .where(
                request_contents.c.tenant_id == caller.tenant_id, request_contents.c.request_id == request_id
            )
            .order_by(request_contents.c.created_at, request_contents.c.id)
            .limit(limit)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            rows = [dict(row) for row in (await connection.execute(query)).mappings()]
            if rows:
                await record(caller, connection, entry)
        return [await self._opened(caller, row) for row in rows]

    async def delete_contents(self, caller: Caller, before: datetime, limit: int) -> int:
        """Delete at most `limit` of the tenant's contents from before a moment; how many they were."""
        old = (
            select(request_contents.c.id)
            .where(request_contents.c.tenant_id == caller.tenant_id, request_contents.c.created_at < before)
            .limit(limit)
        )
        query = delete(request_contents).where(
            request_contents.c.tenant_id == caller.tenant_id, request_contents.c.id.in_(old)
        )
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount

    async def write_down(self, caller: Caller, entry: AuditEntry) -> None:
        """Say something in the audit log."""
        async with self._database.writing(caller.tenant_id) as connection:
            await record(caller, connection, entry)

    async def delete_lines(self, caller: Caller, before: datetime, limit: int) -> int:
        """Delete at most `limit` of the tenant's lines from before a moment; how many they were."""
        old = (
            select(usage_log.c.id)
            .where(usage_log.c.tenant_id == caller.tenant_id, usage_log.c.created_at < before)
            .order_by(usage_log.c.created_at)
            .limit(limit)
        )
        query = delete(usage_log).where(usage_log.c.tenant_id == caller.tenant_id, usage_log.c.id.in_(old))
        async with self._database.writing(caller.tenant_id) as connection:
            return (await connection.execute(query)).rowcount

    async def _opened(self, caller: Caller, row: dict[str, Any]) -> OpenedRow:
        request = await self._ring.open(_REQUEST.place(caller.tenant_id, row["id"]), row["request"])
        answer = await self._ring.open(_ANSWER.place(caller.tenant_id, row["id"]), row["answer"])
        kept = KeptContent(**{name: row[name] for name in _KEPT})
        return OpenedRow(kept, request.reveal(), answer.reveal())
