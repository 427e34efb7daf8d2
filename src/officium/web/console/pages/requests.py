"""The request log: find a request, open it, take the list away as a file."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, cast, get_args
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from officium.core.tenancy.caller import Caller
from officium.core.usage.contents import KeptContent, LogBounds, LogTerms
from officium.core.usage.record import Status, WrittenRecord
from officium.core.usage.search import Found, Wanted
from officium.kit.errors import InvalidRequest, NotFound
from officium.web.console.frame import Frame, guarded, redirect
from officium.web.console.usage_figures import exact_dollars
from officium.web.csv_text import Cell, csv_response

ROOT = "/console/requests"
STATUSES: tuple[str, ...] = get_args(Status)
_FILTERS = ("app", "provider", "model", "status", "error_code", "actor", "client_id", "from", "to")
_LONGEST = 256
_LARGEST_ID = 2**63 - 1
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_HEADS = (
    "created_at",
    "request_id",
    "status",
    "error_code",
    "app",
    "provider",
    "model",
    "requested_model",
    "actor",
    "client_id",
    "widget_id",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cost_usd",
    "price_source",
    "ttft_ms",
    "duration_ms",
    "finish_reason",
)


class Searches(Protocol):
    """Finds requests."""

    async def get_time_zone(self, caller: Caller) -> str: ...

    async def search(
        self, caller: Caller, wanted: Wanted, *, cursor: str | None = None, limit: int = 50
    ) -> Found: ...

    async def list_attempts(self, caller: Caller, request_id: str) -> Sequence[WrittenRecord]: ...

    async def export(self, caller: Caller, wanted: Wanted) -> AsyncIterator[list[WrittenRecord]]: ...


class Kept(Protocol):
    """Knows whether prompts and answers are kept."""

    bounds: LogBounds

    async def get_terms(self, caller: Caller) -> LogTerms: ...

    async def list_kept(self, caller: Caller, request_id: str) -> Sequence[KeptContent]: ...


def add_requests_page(router: APIRouter, searches: Searches, contents: Kept, frame: Frame) -> None:
    """Add the list, the file and the page of one request."""

    @router.get(ROOT)
    async def listed(request: Request) -> Response:
        caller, said = request.state.session.caller, request.query_params
        wanted_id = said.get("id", "").strip()
        if wanted_id:
            return redirect(f"{ROOT}/{id_of(wanted_id)}")
        zone = await searches.get_time_zone(caller)
        asked = {name: said.get(name, "").strip() for name in _FILTERS}
        error, found = None, Found(requests=[], next_cursor=None)
        try:
            found = await searches.search(caller, _wanted(asked, zone), cursor=said.get("cursor") or None)
        except InvalidRequest as fault:
            error = fault
            request.scope["officium.error"] = fault.code
        kept = {name: value for name, value in asked.items() if value}
        return frame.page(
            request,
            "requests.html",
            status=400 if error else 200,
            asked=asked,
            error=error,
            statuses=STATUSES,
            found=found,
            zone=zone,
            is_filtered=bool(kept),
            more=f"{ROOT}?{urlencode(kept | {'cursor': found.next_cursor or ''})}",
            file=f"{ROOT}.csv?{urlencode(kept)}",
            is_first="cursor" not in said,
        )

    @router.get(f"{ROOT}.csv")
    async def file(request: Request) -> Response:
        caller, said = request.state.session.caller, request.query_params
        zone = await searches.get_time_zone(caller)
        asked = {name: said.get(name, "").strip() for name in _FILTERS}
        pages = await searches.export(caller, _wanted(asked, zone))
        return guarded(csv_response("requests.csv", _HEADS, _rows(pages)))

    @router.get(f"{ROOT}/{{id}}")
    async def show(request: Request, id: str) -> Response:
        caller = request.state.session.caller
        attempts = await searches.list_attempts(caller, id_of(id))
        if not attempts:
            raise NotFound("No request of your tenant has this id. It may be mistyped.")
        kept = await contents.list_kept(caller, id)
        terms = await contents.get_terms(caller)
        days = contents.bounds.content_days(terms)
        return frame.page(
            request,
            "request.html",
            kept=kept,
            ends=kept[0].created_at + timedelta(days=days) if kept else None,
            terms=terms,
            are_allowed=contents.bounds.are_contents_allowed,
            may_open=caller.may("admin"),
            attempts=attempts,
            last=attempts[-1],
            zone=await searches.get_time_zone(caller),
            cost=None
            if any(one.cost_nano_usd is None for one in attempts)
            else sum(one.cost_nano_usd or 0 for one in attempts),
        )


def _wanted(asked: Mapping[str, str], zone: str) -> Wanted:
    """The filters of a form. Raises InvalidRequest."""
    words: dict[str, Any] = {
        name: asked[name][:_LONGEST] or None for name in ("app", "provider", "model", "error_code", "actor")
    }
    if asked["status"] and asked["status"] not in STATUSES:
        raise InvalidRequest(f"A status is one of: {', '.join(STATUSES)}.", param="status")
    client = asked["client_id"]
    if client and not (client.isascii() and client.isdecimal() and int(client[:20]) <= _LARGEST_ID):
        raise InvalidRequest("A client is named by its number.", param="client_id")
    until = _day(asked["to"], zone, "to")
    return Wanted(
        **words,
        status=cast("Status", asked["status"]) if asked["status"] else None,
        client_id=int(client) if client else None,
        since=_day(asked["from"], zone, "from"),
        until=None if until is None else until + timedelta(days=1),
    )


def _day(said: str, zone: str, param: str) -> datetime | None:
    """The beginning of a day. Raises InvalidRequest."""
    if not said:
        return None
    try:
        day = datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise InvalidRequest("Write days as 2026-11-21.", param=param) from None
    if not 2000 <= day.year <= 2200:
        raise InvalidRequest("There is nothing of that year.", param=param)
    return day


def id_of(said: str) -> str:
    """A request's id as it came in an address. Raises NotFound."""
    if not _ID.fullmatch(said):
        raise NotFound("No request has such an id. It may be mistyped.")
    return said


async def _rows(pages: AsyncIterator[list[WrittenRecord]]) -> AsyncIterator[list[list[Cell]]]:
    async for page in pages:
        yield [[_cell(record, name) for name in _HEADS] for record in page]


def _cell(record: WrittenRecord, name: str) -> Cell:
    if name == "created_at":
        return record.created_at.isoformat()
    if name == "cost_usd":
        return None if record.cost_nano_usd is None else exact_dollars(record.cost_nano_usd)
    value: Cell = getattr(record, name)
    return value
