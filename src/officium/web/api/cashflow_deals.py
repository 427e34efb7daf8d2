"""`/cashflow/deals` and what belongs to them: notes, customers, pipelines, files in and out."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Protocol

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from officium.apps.cashflow.deals import (
    CashflowConfig,
    Customer,
    Deal,
    DealChanges,
    DealFields,
    DealFilter,
    Imported,
    ImportOptions,
    NewNote,
    Pipeline,
    ReadImport,
    SavedConfig,
    SavedNote,
    Status,
)
from officium.apps.cashflow.deals.exporting import COLUMNS, deal_cells
from officium.apps.cashflow.deals.sample import CLOSED_DEALS, OPEN_DEALS
from officium.apps.cashflow.deals.service import LARGEST_PAGE, ImportSource
from officium.apps.cashflow.deals.table_file import FileFormat
from officium.apps.cashflow.spelling import Order
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest
from officium.web.caller import Authenticator
from officium.web.csv_text import Cell, csv_response
from officium.web.keyed import KnownCaller, RequestId, keyed_router

_ROOT = "/cashflow"
_DEALS = f"{_ROOT}/deals"
_DEAL = f"{_DEALS}/{{deal_id}}"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMATS: dict[str, FileFormat] = {"text/csv": "csv", _XLSX: "xlsx", "application/json": "json"}
_ROWS_SHOWN = 20
_LARGEST_ID = 2**63 - 1


class Deals(Protocol):
    """Knows the deals."""

    async def get_config(self, caller: Caller) -> SavedConfig: ...

    async def set_config(
        self, caller: Caller, config: CashflowConfig, *, request_id: str | None = None
    ) -> SavedConfig: ...

    async def create_deal(self, caller: Caller, fields: DealFields) -> Deal: ...

    async def get_deal(self, caller: Caller, deal_id: int) -> Deal: ...

    async def list_deals(
        self, caller: Caller, wanted: DealFilter, *, after: int = 0, limit: int = 50
    ) -> Sequence[Deal]: ...

    async def update_deal(
        self, caller: Caller, deal_id: int, changes: DealChanges, *, expected: datetime | None = None
    ) -> Deal: ...

    async def delete_deal(self, caller: Caller, deal_id: int, *, request_id: str | None = None) -> None: ...

    async def add_note(self, caller: Caller, deal_id: int, note: NewNote) -> SavedNote: ...

    async def list_notes(
        self, caller: Caller, deal_id: int, *, after: int = 0, limit: int = 50
    ) -> Sequence[SavedNote]: ...

    async def delete_note(self, caller: Caller, deal_id: int, note_id: int) -> None: ...

    async def list_customers(
        self, caller: Caller, *, after: int = 0, limit: int = 50
    ) -> Sequence[Customer]: ...

    async def set_customer_terms(
        self, caller: Caller, customer_id: int, payment_terms_days: int | None
    ) -> Customer: ...

    async def list_pipelines(self, caller: Caller) -> Sequence[Pipeline]: ...

    async def preview_import(self, caller: Caller, source: ImportSource) -> ReadImport: ...

    async def import_deals(
        self, caller: Caller, source: ImportSource, *, request_id: str | None = None
    ) -> tuple[Imported, ReadImport]: ...

    async def import_sample(
        self,
        caller: Caller,
        *,
        seed: int = 0,
        closed_deals: int = CLOSED_DEALS,
        open_deals: int = OPEN_DEALS,
        request_id: str | None = None,
    ) -> Imported: ...

    def export_pages(self, caller: Caller, wanted: DealFilter) -> AsyncIterator[Sequence[Deal]]: ...

    async def export_workbook(self, caller: Caller, wanted: DealFilter) -> bytes: ...


class ShownDeals(BaseModel):
    """A page of deals, oldest first."""

    deals: list[Deal]
    next_after: int | None = Field(description="Send it as `after` to get the next page; null at the end.")


class ShownNotes(BaseModel):
    """A page of notes, oldest first."""

    notes: list[SavedNote]
    next_after: int | None


class ShownCustomers(BaseModel):
    """A page of customers, oldest first."""

    customers: list[Customer]
    next_after: int | None


class ShownPipelines(BaseModel):
    """The tenant's pipelines."""

    pipelines: list[Pipeline]


class ChangedDeal(DealChanges):
    """What is to become of a deal; `updated_at` is the one you have seen, if that matters."""

    updated_at: AwareDatetime | None = None


class CustomerTerms(Order):
    """The terms agreed with a customer; null means the tenant's usual ones."""

    payment_terms_days: int | None = Field(ge=0, le=3650)


class SampleOrder(Order):
    """Which sample to bring in."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    closed_deals: int = Field(default=CLOSED_DEALS, ge=0, le=2_000)
    open_deals: int = Field(default=OPEN_DEALS, ge=0, le=500)


class ImportReport(BaseModel):
    """What an import did."""

    added: int
    updated: int
    unchanged: int
    notes: int
    notices: list[str] = Field(description="What was assumed while reading.")


class ProblemRow(BaseModel):
    """What is wrong with a row; rows count as in a spreadsheet."""

    row: int
    column: str | None
    problem: str


class PreviewRow(BaseModel):
    """A row as it would be imported."""

    row: int
    deal: dict[str, Any]
    note: str | None


class ImportPreview(BaseModel):
    """How a file would be read. Nothing was saved."""

    columns: list[str]
    mapping: dict[str, str] = Field(description="Which column stands for which field of a deal.")
    date_order: Literal["ymd", "dmy", "mdy"]
    decimal_mark: Literal[".", ","]
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    sheets: list[str]
    right: int = Field(description="How many rows could be imported.")
    wrong: int = Field(description="How many could not; with any of them nothing is imported.")
    problems: list[ProblemRow] = Field(description="The first 100 of them.")
    rows: list[PreviewRow] = Field(description="The first 20 right rows.")
    notices: list[str]


DealId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
After = Annotated[int, Query(description="Those behind this id.", ge=0, le=_LARGEST_ID)]
PageSize = Annotated[int, Query(description="How many at most.", ge=1, le=LARGEST_PAGE)]
_Name = Annotated[str | None, Query(max_length=200)]

_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "title,stage,value,currency\nProject Alpha,Order Received,125000.00,SAR\n",
            },
            _XLSX: {"schema": {"type": "string", "format": "binary"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}


def _wanted(
    status: Status | None = None,
    pipeline: _Name = None,
    stage: _Name = None,
    customer: _Name = None,
    owner_name: _Name = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
    text: Annotated[str | None, Query(description="Stands in the title.", max_length=200)] = None,
) -> DealFilter:
    return DealFilter(
        status=status,
        pipeline=pipeline,
        stage=stage,
        customer=customer,
        owner_name=owner_name,
        currency=currency,
        text=text,
    )


def _source(
    request: Request,
    mapping: Annotated[
        str | None,
        Query(description="JSON: field → column, where the names do not tell.", max_length=8_000),
    ] = None,
    sheet: Annotated[str | None, Query(max_length=200)] = None,
    encoding: Annotated[str | None, Query(max_length=20, examples=["cp1256"])] = None,
    date_order: Literal["ymd", "dmy", "mdy"] | None = None,
    decimal_mark: Annotated[Literal[".", ","] | None, Query()] = None,
) -> ImportSource:
    kind = _FORMATS.get(_content_type(request))
    if kind is None:
        raise InvalidRequest(
            f"Send the file with `content-type: text/csv`, `application/json` or `{_XLSX}`.",
            param="content-type",
        )
    options = ImportOptions(mapping=_read_mapping(mapping), date_order=date_order, decimal_mark=decimal_mark)
    return ImportSource(content=b"", kind=kind, sheet=sheet, encoding=encoding, options=options)


def cashflow_deals_router(deals: Deals, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "cash flow")
    _add_config(router, deals)
    _add_files(router, deals)
    _add_deals(router, deals)
    _add_notes(router, deals)
    _add_customers(router, deals)
    return router


def _add_config(router: APIRouter, deals: Deals) -> None:
    @router.get(f"{_ROOT}/config", summary="Stages, terms and calendar of the tenant's forecasts")
    async def get_config(caller: KnownCaller) -> SavedConfig:
        return await deals.get_config(caller)

    @router.put(f"{_ROOT}/config", summary="Say them; replaces what was said before")
    async def set_config(caller: KnownCaller, request_id: RequestId, asked: CashflowConfig) -> SavedConfig:
        return await deals.set_config(caller, asked, request_id=request_id)


def _add_deals(router: APIRouter, deals: Deals) -> None:
    @router.get(_DEALS, summary="The tenant's deals, oldest first")
    async def list_deals(
        caller: KnownCaller,
        wanted: Annotated[DealFilter, Depends(_wanted)],
        after: After = 0,
        limit: PageSize = 50,
    ) -> ShownDeals:
        found = await deals.list_deals(caller, wanted, after=after, limit=limit)
        return ShownDeals(deals=list(found), next_after=found[-1].id if len(found) == limit else None)

    @router.post(_DEALS, summary="Create a deal", status_code=201)
    async def create_deal(caller: KnownCaller, asked: DealFields) -> Deal:
        return await deals.create_deal(caller, asked)

    @router.get(_DEAL, summary="A deal with the stages it went through")
    async def get_deal(caller: KnownCaller, deal_id: DealId) -> Deal:
        return await deals.get_deal(caller, deal_id)

    @router.put(_DEAL, summary="Change a deal; what is left out stays")
    async def update_deal(caller: KnownCaller, deal_id: DealId, asked: ChangedDeal) -> Deal:
        named = asked.model_fields_set - {"updated_at"}
        changes = DealChanges.model_construct(
            named, **{name: getattr(asked, name) for name in DealChanges.model_fields}
        )
        return await deals.update_deal(caller, deal_id, changes, expected=asked.updated_at)

    @router.delete(_DEAL, summary="Delete a deal with its notes", status_code=204)
    async def delete_deal(caller: KnownCaller, request_id: RequestId, deal_id: DealId) -> None:
        await deals.delete_deal(caller, deal_id, request_id=request_id)


def _add_notes(router: APIRouter, deals: Deals) -> None:
    @router.get(f"{_DEAL}/notes", summary="A deal's notes, oldest first")
    async def list_notes(
        caller: KnownCaller, deal_id: DealId, after: After = 0, limit: PageSize = 50
    ) -> ShownNotes:
        found = await deals.list_notes(caller, deal_id, after=after, limit=limit)
        return ShownNotes(notes=list(found), next_after=found[-1].id if len(found) == limit else None)

    @router.post(f"{_DEAL}/notes", summary="Add a note to a deal", status_code=201)
    async def add_note(caller: KnownCaller, deal_id: DealId, asked: NewNote) -> SavedNote:
        return await deals.add_note(caller, deal_id, asked)

    @router.delete(f"{_DEAL}/notes/{{note_id}}", summary="Delete a note", status_code=204)
    async def delete_note(caller: KnownCaller, deal_id: DealId, note_id: DealId) -> None:
        await deals.delete_note(caller, deal_id, note_id)


def _add_customers(router: APIRouter, deals: Deals) -> None:
    @router.get(f"{_ROOT}/customers", summary="The tenant's customers")
    async def list_customers(caller: KnownCaller, after: After = 0, limit: PageSize = 50) -> ShownCustomers:
        found = await deals.list_customers(caller, after=after, limit=limit)
        return ShownCustomers(customers=list(found), next_after=found[-1].id if len(found) == limit else None)

    @router.put(f"{_ROOT}/customers/{{customer_id}}", summary="Set the terms agreed with a customer")
    async def set_terms(caller: KnownCaller, customer_id: DealId, asked: CustomerTerms) -> Customer:
        return await deals.set_customer_terms(caller, customer_id, asked.payment_terms_days)

    @router.get(f"{_ROOT}/pipelines", summary="The tenant's pipelines and their stages")
    async def list_pipelines(caller: KnownCaller) -> ShownPipelines:
        return ShownPipelines(pipelines=list(await deals.list_pipelines(caller)))


def _add_files(router: APIRouter, deals: Deals) -> None:
    @router.post(
        f"{_DEALS}/import/preview", summary="How a file would be read; saves nothing", openapi_extra=_FILE
    )
    async def preview_import(
        caller: KnownCaller, request: Request, source: Annotated[ImportSource, Depends(_source)]
    ) -> ImportPreview:
        source = msgspec.structs.replace(source, content=await request.body())
        return _preview(await deals.preview_import(caller, source))

    @router.post(
        f"{_DEALS}/import", summary="Import a file's deals: all of them, or none", openapi_extra=_FILE
    )
    async def import_deals(
        caller: KnownCaller,
        request_id: RequestId,
        request: Request,
        source: Annotated[ImportSource, Depends(_source)],
    ) -> ImportReport:
        source = msgspec.structs.replace(source, content=await request.body())
        done, read = await deals.import_deals(caller, source, request_id=request_id)
        return _report(done, read.notices)

    @router.post(f"{_ROOT}/sample", summary="Import invented deals to try things with")
    async def import_sample(caller: KnownCaller, request_id: RequestId, asked: SampleOrder) -> ImportReport:
        return _report(await deals.import_sample(caller, request_id=request_id, **asked.model_dump()), ())

    @router.get(f"{_DEALS}.csv", summary="The deals as CSV", response_class=Response)
    async def export_csv(caller: KnownCaller, wanted: Annotated[DealFilter, Depends(_wanted)]) -> Response:
        pages = deals.export_pages(caller, wanted)
        found: Sequence[Deal] | None = await anext(pages, None)
        first = found or ()

        async def lines() -> AsyncIterator[Sequence[Sequence[Cell]]]:
            yield list(map(_csv_cells, first))
            async for page in pages:
                yield list(map(_csv_cells, page))

        return csv_response("deals.csv", COLUMNS, lines())

    @router.get(f"{_DEALS}.xlsx", summary="The deals as an Excel workbook", response_class=Response)
    async def export_workbook(
        caller: KnownCaller, wanted: Annotated[DealFilter, Depends(_wanted)]
    ) -> Response:
        return Response(
            await deals.export_workbook(caller, wanted),
            media_type=_XLSX,
            headers={"content-disposition": 'attachment; filename="deals.xlsx"'},
        )


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _read_mapping(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidRequest(
            '`mapping` is a JSON object such as {"title": "Opportunity"}.', param="mapping"
        ) from error


def _report(done: Imported, notices: Sequence[str]) -> ImportReport:
    return ImportReport(**msgspec.structs.asdict(done), notices=list(notices))


def _preview(read: ReadImport) -> ImportPreview:
    return ImportPreview(
        columns=list(read.columns),
        mapping=dict(read.mapping),
        date_order=read.date_order,
        decimal_mark=read.decimal_mark,
        encoding=read.encoding,
        delimiter=read.delimiter,
        sheet=read.sheet,
        sheets=list(read.sheets),
        right=len(read.deals),
        wrong=len(read.wrong),
        problems=[ProblemRow(**msgspec.structs.asdict(each)) for each in read.wrong[:100]],
        rows=[
            PreviewRow(row=each.row, deal=each.draft.model_dump(mode="json"), note=each.note)
            for each in read.deals[:_ROWS_SHOWN]
        ],
        notices=list(read.notices),
    )


def _csv_cells(deal: Deal) -> list[Cell]:
    return [
        f"{cell:f}" if isinstance(cell, Decimal) else cell if isinstance(cell, int) else _text(cell)
        for cell in deal_cells(deal)
    ]


def _text(cell: object) -> str | None:
    return None if cell is None else str(cell)
