"""Bringing a pipeline as a file, and how the tenant works: stages, terms and calendar."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from fastapi import APIRouter, Request, Response

from officium.apps.cashflow.deals import CashflowConfig, ImportOptions
from officium.apps.cashflow.deals.errors import DealImportRejected
from officium.apps.cashflow.deals.importing import FIELDS
from officium.apps.cashflow.deals.service import ImportSource
from officium.apps.cashflow.deals.table_file import FileFormat
from officium.apps.cashflow.statistics.calendar import known_countries
from officium.core.tenancy.caller import require
from officium.kit.errors import InvalidRequest
from officium.web.console.frame import redirect
from officium.web.console.pages.advisors import caller_of
from officium.web.console.pages.cashflow import ROOT, CashflowPages
from officium.web.console.pages.cashflow_view import checked

_IMPORT = f"{ROOT}/import"
_SETTINGS = f"{ROOT}/settings"
_ENDINGS: Mapping[str, FileFormat] = {".csv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".json": "json"}
_ROWS_SHOWN = 8
_PROBLEMS_SHOWN = 50
_LISTS = ("invoiced_stages", "paid_stages", "lost_stages")
_LINES = ("currency", "country", "subdivision", "time_zone", "payment_terms_days")


def add_cashflow_files(router: APIRouter, pages: CashflowPages) -> None:
    """Add the import and the settings."""
    _add_import(router, pages)
    _add_settings(router, pages)


def _add_import(router: APIRouter, pages: CashflowPages) -> None:
    @router.get(_IMPORT)
    async def show(request: Request) -> Response:
        require(caller_of(request), "config:write")
        return pages.page(request, "cashflow_import.html")

    @router.post(f"{_IMPORT}/preview")
    async def preview(request: Request) -> Response:
        source = await _source(pages, request)
        try:
            read = await pages.deals.preview_import(caller_of(request), source)
        except DealImportRejected as error:
            columns = error.fields.get("columns")
            if not columns:
                raise
            mapping = error.fields.get("mapping", {})
            return _mapped(pages, source, columns=columns, mapping=mapping, read=None)
        return _mapped(pages, source, columns=read.columns, mapping=read.mapping, read=read)

    @router.post(_IMPORT)
    async def take(request: Request) -> Response:
        source = await _source(pages, request)
        done, _ = await pages.deals.import_deals(
            caller_of(request), source, request_id=request.scope["officium.request_id"]
        )
        return pages.frame.fragment("cashflow/imported.html", done=done, figures=pages.figures)


def _mapped(pages: CashflowPages, source: ImportSource, **values: Any) -> Response:
    """How the file was read, with what can be said otherwise."""
    read = values["read"]
    return pages.frame.fragment(
        "cashflow/preview.html",
        figures=pages.figures,
        fields=FIELDS,
        options=source.options,
        sheet=source.sheet,
        problems=[] if read is None else read.wrong[:_PROBLEMS_SHOWN],
        rows=[] if read is None else read.deals[:_ROWS_SHOWN],
        **values,
    )


async def _source(pages: CashflowPages, request: Request) -> ImportSource:
    """The file in the request's body, and how the query string wants it read. Raises InvalidRequest."""
    query = request.query_params
    name = query.get("name", "").lower()
    kind = next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), None)
    if kind is None:
        raise InvalidRequest(pages.frame.say("cashflow.fault.file"), param="file")
    try:
        mapping = msgspec.json.decode(query.get("mapping") or "{}", type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidRequest(
            "`mapping` says which column stands for which field.", param="mapping"
        ) from error
    order, mark = query.get("date_order"), query.get("decimal_mark")
    if order not in (None, "", "ymd", "dmy", "mdy") or mark not in (None, "", ".", ","):
        raise InvalidRequest("`date_order` is ymd, dmy or mdy, `decimal_mark` a point or a comma.")
    options = ImportOptions(
        mapping=mapping, date_order=cast("Any", order or None), decimal_mark=cast("Any", mark or None)
    )
    body = await request.body()
    return ImportSource(content=body, kind=kind, sheet=query.get("sheet") or None, options=options)


def _add_settings(router: APIRouter, pages: CashflowPages) -> None:
    @router.get(_SETTINGS)
    async def show(request: Request) -> Response:
        config = await pages.deals.get_config(caller_of(request))
        return pages.page(
            request,
            "cashflow_settings.html",
            said=_said(config),
            countries=_countries(pages),
            error=None,
            faulty=None,
        )

    @router.post(_SETTINGS)
    async def save(request: Request) -> Response:
        caller, form = caller_of(request), request.state.form
        require(caller, "config:write")
        try:
            config = checked(CashflowConfig, _config(form))
            await pages.deals.set_config(caller, config, request_id=request.scope["officium.request_id"])
        except InvalidRequest as error:
            request.scope["officium.error"] = error.code
            return pages.page(
                request,
                "cashflow_settings.html",
                status=400,
                said={name: form.get(name, "") for name in (*_LINES, *_LISTS, "stage_days")},
                countries=_countries(pages),
                error=error,
                faulty=str(error.fields.get("param") or "").partition(".")[0],
            )
        return redirect(ROOT, flash="cashflow_settings")


def _countries(pages: CashflowPages) -> list[tuple[str, str]]:
    """Names and codes of the countries whose holidays are known, in the order of their names."""
    return sorted((pages.figures.country(code), code) for code in known_countries())


def _said(config: CashflowConfig) -> dict[str, str]:
    """The configuration in the fields of the form; lists have a line for each entry."""
    said = {name: str(getattr(config, name) if getattr(config, name) is not None else "") for name in _LINES}
    said |= {name: "\n".join(getattr(config, name)) for name in _LISTS}
    said["stage_days"] = "\n".join(f"{stage}: {days}" for stage, days in config.stage_days.items())
    return said


def _config(form: Mapping[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {name: form.get(name, "").strip() or None for name in _LINES}
    for name in ("currency", "time_zone", "payment_terms_days"):
        if said[name] is None:
            raise InvalidRequest(f"`{name}` cannot be empty.", param=name)
    said["currency"] = said["currency"].upper()
    said |= {name: _entries(form.get(name, "")) for name in _LISTS}
    days: dict[str, str] = {}
    for line in _entries(form.get("stage_days", "")):
        stage, colon, count = line.rpartition(":")
        if not colon or not stage.strip():
            raise InvalidRequest(
                f"Write each stage as `Order Received: 10`, not {line[:60]!r}.", param="stage_days"
            )
        days[stage.strip()] = count.strip()
    return {**said, "stage_days": days}


def _entries(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
