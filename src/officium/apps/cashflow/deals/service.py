"""What a caller may do with deals."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from msgspec import Struct

from officium.apps.cashflow.deals.config import CashflowConfig, SavedConfig, check_config
from officium.apps.cashflow.deals.deal import (
    Customer,
    Deal,
    DealChanges,
    DealFields,
    DealFilter,
    NewNote,
    Pipeline,
    SavedNote,
    change_draft,
    make_draft,
)
from officium.apps.cashflow.deals.errors import (
    CustomerNotFound,
    DealImportRejected,
    DealNotFound,
    InvalidDeal,
)
from officium.apps.cashflow.deals.exporting import COLUMNS, MOST_EXPORTED, deal_cells, workbook_of
from officium.apps.cashflow.deals.importing import (
    ImportedDeal,
    ImportOptions,
    ReadImport,
    checked_deals,
    read_deals,
)
from officium.apps.cashflow.deals.sample import CLOSED_DEALS, OPEN_DEALS, make_sample
from officium.apps.cashflow.deals.store import DealStore, Imported
from officium.apps.cashflow.deals.table_file import FileFormat, read_table
from officium.core.tenancy import AuditEntry, Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import Conflict, InvalidRequest

LARGEST_PAGE = 200
_EXPORT_PAGE = 1_000
_FILES_AT_ONCE = 2
_TICK = timedelta(microseconds=1)

_log = structlog.get_logger("cashflow")


class ImportSource(Struct, frozen=True, kw_only=True):
    """A file, and how it is to be read."""

    content: bytes
    kind: FileFormat
    sheet: str | None = None
    encoding: str | None = None
    options: ImportOptions = ImportOptions()


class DealService:
    """Deals with their notes, customers and pipelines.

    Whoever may ask a model or read configuration may read them; changing takes `config:write`.
    """

    def __init__(self, store: DealStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._turns = asyncio.Semaphore(_FILES_AT_ONCE)

    async def get_config(self, caller: Caller) -> SavedConfig:
        """What the tenant wants of its forecasts. Raises PermissionDenied."""
        require_reading(caller)
        return await self._store.find_config(caller)

    async def set_config(
        self, caller: Caller, config: CashflowConfig, *, request_id: str | None = None
    ) -> SavedConfig:
        """Say what the tenant wants of its forecasts; deals keep the dates they have.

        Raises PermissionDenied and InvalidCashflowConfig.
        """
        require(caller, "config:write")
        check_config(config)
        before = await self._store.find_config(caller)
        entry = AuditEntry(
            at=self._clock.now(),
            action="cashflow_config.set",
            thing="cashflow_config",
            thing_id=caller.tenant_id,
            before=before.model_dump(mode="json") if before.updated_at else None,
            after=config.model_dump(mode="json"),
            request_id=request_id,
        )
        await self._store.put_config(caller, config, self._clock.now(), entry)
        _log.info("cashflow_config.set", tenant=caller.tenant_id, actor=caller.actor)
        return await self._store.find_config(caller)

    async def create_deal(self, caller: Caller, fields: DealFields) -> Deal:
        """Create a deal. Raises PermissionDenied, InvalidDeal and Conflict."""
        require(caller, "config:write")
        config = await self._store.find_config(caller)
        draft = make_draft(fields, config, self.today_of(config))
        deal = await self._store.add_deal(caller, draft, self._clock.now())
        _log.info("deal.created", tenant=caller.tenant_id, deal=deal.id)
        return deal

    async def get_deal(self, caller: Caller, deal_id: int) -> Deal:
        """A deal of the tenant. Raises PermissionDenied and DealNotFound."""
        require_reading(caller)
        deal = await self._store.find_deal(caller, deal_id)
        if deal is None:
            raise _no_deal(deal_id)
        return deal

    async def list_deals(
        self, caller: Caller, wanted: DealFilter, *, after: int = 0, limit: int = 50
    ) -> list[Deal]:
        """A page of the deals that are wanted, oldest first, beginning behind the id `after`."""
        require_reading(caller)
        return await self._store.list_deals(caller, wanted, after, _checked(limit))

    async def update_deal(
        self, caller: Caller, deal_id: int, changes: DealChanges, *, expected: datetime | None = None
    ) -> Deal:
        """Change a deal; in another stage its history goes on.

        `expected` is the `updated_at` the caller has seen. Raises PermissionDenied, DealNotFound,
        InvalidDeal and Conflict.
        """
        require(caller, "config:write")
        before = await self.get_deal(caller, deal_id)
        config = await self._store.find_config(caller)
        _check_nulls(changes)
        draft = change_draft(before, changes, config, self.today_of(config))
        now = max(self._clock.now(), before.updated_at + _TICK)
        is_stale = expected is not None and expected != before.updated_at
        if is_stale or not await self._store.update_deal(caller, before, draft, now):
            raise Conflict("The deal was changed meanwhile. Read it again and repeat what you wanted.")
        return Deal(**draft.model_dump(), id=deal_id, created_at=before.created_at, updated_at=now)

    async def delete_deal(self, caller: Caller, deal_id: int, *, request_id: str | None = None) -> None:
        """Delete a deal with its notes; runs that predicted it stay. Raises DealNotFound."""
        require(caller, "config:write")
        before = await self.get_deal(caller, deal_id)
        entry = self._entry("deal.deleted", str(deal_id), request_id, before.model_dump(mode="json"))
        if not await self._store.delete_deal(caller, deal_id, entry):
            raise _no_deal(deal_id)

    async def add_note(self, caller: Caller, deal_id: int, note: NewNote) -> SavedNote:
        """Add a note to a deal. Raises DealNotFound and InvalidDeal."""
        require(caller, "config:write")
        if "\0" in note.text or not note.text.strip():
            raise InvalidDeal("A note is a text.", param="text")
        config = await self._store.find_config(caller)
        written_on = note.written_on or self.today_of(config)
        saved = await self._store.add_note(caller, deal_id, note.text, written_on, self._clock.now())
        if saved is None:
            raise _no_deal(deal_id)
        return saved

    async def list_notes(
        self, caller: Caller, deal_id: int, *, after: int = 0, limit: int = 50
    ) -> list[SavedNote]:
        """A page of a deal's notes, oldest first. Raises DealNotFound."""
        await self.get_deal(caller, deal_id)
        return await self._store.list_notes(caller, deal_id, after, _checked(limit))

    async def delete_note(self, caller: Caller, deal_id: int, note_id: int) -> None:
        """Delete a note. Raises DealNotFound."""
        require(caller, "config:write")
        if not await self._store.delete_note(caller, deal_id, note_id):
            raise DealNotFound(f"Deal {deal_id} has no note {note_id}.")

    async def list_customers(self, caller: Caller, *, after: int = 0, limit: int = 50) -> list[Customer]:
        """A page of the tenant's customers."""
        require_reading(caller)
        return await self._store.list_customers(caller, after, _checked(limit))

    async def set_customer_terms(
        self, caller: Caller, customer_id: int, payment_terms_days: int | None
    ) -> Customer:
        """Set the terms agreed for all of a customer's deals without their own. Raises CustomerNotFound."""
        require(caller, "config:write")
        now = self._clock.now()
        if not await self._store.set_customer_terms(caller, customer_id, payment_terms_days, now):
            raise CustomerNotFound(f"There is no customer {customer_id}. GET /cashflow/customers lists them.")
        (customer,) = await self._store.list_customers(caller, customer_id - 1, 1)
        return customer

    async def list_pipelines(self, caller: Caller) -> list[Pipeline]:
        """The tenant's pipelines by name."""
        require_reading(caller)
        return await self._store.list_pipelines(caller)

    async def preview_import(self, caller: Caller, source: ImportSource) -> ReadImport:
        """What an import of the file would take, and what is wrong with it. Saves nothing.

        Raises PermissionDenied, and DealImportRejected for a file that cannot be read at all.
        """
        require(caller, "config:write")
        return await self._read(caller, source)

    async def import_deals(
        self, caller: Caller, source: ImportSource, *, request_id: str | None = None
    ) -> tuple[Imported, ReadImport]:
        """Save the deals of a file, all or none. Raises PermissionDenied and DealImportRejected."""
        require(caller, "config:write")
        read = await self._read(caller, source)
        return await self._import(caller, checked_deals(read), request_id), read

    async def import_sample(
        self,
        caller: Caller,
        *,
        seed: int = 0,
        closed_deals: int = CLOSED_DEALS,
        open_deals: int = OPEN_DEALS,
        request_id: str | None = None,
    ) -> Imported:
        """Save the invented deals of a seed; a second time they are only brought up to date."""
        require(caller, "config:write")
        if not 0 <= seed < 2**31:
            raise InvalidRequest("`seed` is a whole number from 0 on.", param="seed")
        config = await self._store.find_config(caller)
        today = self.today_of(config)
        made = await asyncio.to_thread(make_sample, config, today, seed, closed_deals, open_deals)
        return await self._import(caller, made, request_id)

    async def export_pages(self, caller: Caller, wanted: DealFilter) -> AsyncIterator[Sequence[Deal]]:
        """The deals that are wanted, page by page, oldest first. Raises PermissionDenied."""
        require_reading(caller)
        after = 0
        while page := await self._store.list_deals(caller, wanted, after, _EXPORT_PAGE):
            yield page
            after = page[-1].id

    async def export_workbook(self, caller: Caller, wanted: DealFilter) -> bytes:
        """The deals that are wanted as an Excel workbook. Raises PermissionDenied and InvalidRequest."""
        require_reading(caller)
        if await self._store.count_deals(caller, wanted) > MOST_EXPORTED:
            raise InvalidRequest(f"A workbook has at most {MOST_EXPORTED:,} deals. Take fewer, or take CSV.")
        rows = [deal_cells(deal) async for page in self.export_pages(caller, wanted) for deal in page]
        async with self._turns:
            return await asyncio.to_thread(workbook_of, COLUMNS, rows, "Deals")

    def today_of(self, config: CashflowConfig) -> date:
        """The present day where the tenant is."""
        return self._clock.now().astimezone(ZoneInfo(config.time_zone)).date()

    async def _read(self, caller: Caller, source: ImportSource) -> ReadImport:
        config = await self._store.find_config(caller)
        today = self.today_of(config)

        def read() -> ReadImport:
            table = read_table(source.content, source.kind, sheet=source.sheet, encoding=source.encoding)
            return read_deals(table, source.options, config, today)

        async with self._turns:
            return await asyncio.to_thread(read)

    async def _import(
        self, caller: Caller, deals: Sequence[ImportedDeal], request_id: str | None
    ) -> Imported:
        entry = self._entry("deals.imported", "", request_id, after={"deals": len(deals)})
        try:
            done = await self._store.import_deals(caller, deals, self._clock.now(), entry)
        except InvalidDeal as error:
            raise DealImportRejected(error.message) from error
        _log.info("deals.imported", tenant=caller.tenant_id, added=done.added, updated=done.updated)
        return done

    def _entry(
        self,
        action: str,
        thing_id: str,
        request_id: str | None,
        before: dict[str, object] | None = None,
        after: dict[str, object] | None = None,
    ) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            action=action,
            thing="deal",
            thing_id=thing_id,
            before=before,
            after=after,
            request_id=request_id,
        )


def require_reading(caller: Caller) -> None:
    """Raise PermissionDenied unless the caller may read deals."""
    if not caller.may("config:read") and not caller.may("config:write"):
        require(caller, "inference")


def _check_nulls(changes: DealChanges) -> None:
    for name in ("created_on", "stage_changed_on", "currency"):
        if name in changes.model_fields_set and getattr(changes, name) is None:
            raise InvalidDeal(f"`{name}` cannot be taken away.", param=name)


def _checked(limit: int) -> int:
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")
    return limit


def _no_deal(deal_id: int) -> DealNotFound:
    return DealNotFound(f"There is no deal {deal_id}. GET /cashflow/deals lists them.")
