"""Taking entries in from a file, a text, a page or a sitemap: first to look at, then for good."""

from typing import get_args

from fastapi import APIRouter, Request, Response

from officium.apps.widget.knowledge import ImportReport
from officium.apps.widget.knowledge.errors import ImportRefused
from officium.apps.widget.knowledge.import_file import COLUMNS, LARGEST_FILE_BYTES, FileFormat
from officium.core.tenancy.caller import require
from officium.kit.errors import InvalidRequest
from officium.web.console.pages.widgets.knowledge import KNOWLEDGE
from officium.web.console.pages.widgets.room import ROOT, WidgetRoom, caller_of
from officium.web.console.signed_in import takes_form

_KINDS: tuple[FileFormat, ...] = get_args(FileFormat)
_SHOWN = 20
_FORM_BYTES = 4 * 1024 * 1024


def add_import_page(router: APIRouter, room: WidgetRoom) -> None:
    """Add the page, and what it sends: a file as it is, or a form with a text or an address."""

    @router.get(f"{KNOWLEDGE}/import")
    async def show(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        require(caller_of(request), "config:write")
        return await room.page(
            request,
            "widget_import.html",
            "knowledge",
            widget,
            kinds=_KINDS,
            columns=COLUMNS,
            largest_mb=LARGEST_FILE_BYTES // 2**20,
        )

    @router.post(f"{KNOWLEDGE}/import/file")
    async def take_file(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        require(caller_of(request), "config:write")
        if request.state.form:
            raise InvalidRequest("Send the file as it is, not as a form.", param="content-type")
        kind, is_preview = request.query_params.get("kind", ""), request.query_params.get("for") != "good"
        return await take(request, widget.id, await request.body(), kind, "", is_preview=is_preview)

    @router.post(f"{KNOWLEDGE}/import/text")
    @takes_form(_FORM_BYTES)
    async def take_text(request: Request, id: str) -> Response:
        widget, form = await room.widget(request, id), request.state.form
        require(caller_of(request), "config:write")
        is_preview = form.get("for") != "good"
        content, url = form.get("content", "").encode(), form.get("url", "").strip()
        return await take(request, widget.id, content, form.get("kind", ""), url, is_preview=is_preview)

    async def take(
        request: Request, widget_id: int, content: bytes, kind: str, url: str, *, is_preview: bool
    ) -> Response:
        root = f"{ROOT}/{widget_id}"
        try:
            report = await _take_in(room, request, widget_id, content, kind, url, is_preview=is_preview)
        except ImportRefused as error:
            request.scope["officium.error"] = error.code
            rows = error.fields.get("rows", ())
            return room.frame.fragment("widgets/import_refused.html", message=error.message, rows=rows)
        return room.frame.fragment(
            "widgets/imported.html", report=report, is_preview=is_preview, shown=_SHOWN, root=root
        )


async def _take_in(
    room: WidgetRoom,
    request: Request,
    widget_id: int,
    content: bytes,
    kind: str,
    url: str,
    *,
    is_preview: bool,
) -> ImportReport:
    knowledge, caller = room.services.knowledge, caller_of(request)
    if url:
        return await knowledge.import_page(caller, widget_id, url, is_preview=is_preview)
    for known in _KINDS:
        if kind == known:
            return await knowledge.import_file(caller, widget_id, content, known, is_preview=is_preview)
    raise InvalidRequest("Say what kind of file it is: CSV, JSON, JSON lines or Markdown.", param="kind")
