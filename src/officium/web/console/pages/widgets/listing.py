"""The list of widgets, and a new one."""

from collections.abc import Collection, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from msgspec import Struct

from officium.apps.widget.client import Client
from officium.apps.widget.reach import may_see_usage, reading_usage
from officium.apps.widget.visitors import AnswerCounts
from officium.apps.widget.widget import Widget, WidgetSettings, check_widget
from officium.core.tenancy.caller import Caller, require
from officium.core.usage.reports.service import LARGEST_REPORT
from officium.kit.errors import InvalidRequest
from officium.web.console.frame import redirect
from officium.web.console.pages.widgets.room import (
    ROOT,
    Clients,
    WidgetRoom,
    caller_of,
    number_in_query,
    request_id_of,
    share,
    usd,
)
from officium.web.console.signed_in import Form
from officium.web.errors import status_of

_LISTED = 20
_MOST_CLIENTS = 200
_SOURCES = ("llm", "knowledge_base", "default")


class Row(Struct, frozen=True, kw_only=True):
    """A widget in the list, with what is known of its last 30 days."""

    widget: Widget
    client: Client
    is_exhausted: bool
    answers: AnswerCounts | None
    cost: str | None
    unanswered: int

    @property
    def bars(self) -> list[tuple[str, float, float]]:
        """Source, beginning and length of each part of the bar of answers."""
        if self.answers is None or not self.answers.total:
            return []
        found, begins = [], 0.0
        for source in _SOURCES:
            long = share(getattr(self.answers, source), self.answers.total)
            found.append((source, begins, long))
            begins += long
        return found


def add_list_page(router: APIRouter, room: WidgetRoom) -> None:
    """Add the list and the form of a new widget."""

    @router.get(ROOT)
    async def show(request: Request) -> Response:
        caller = caller_of(request)
        after = number_in_query(request, "after") or 0
        client_id = number_in_query(request, "client")
        found = await room.services.clients.list_all_widgets(
            caller, client_id=client_id, after=after, limit=_LISTED
        )
        return room.frame.page(
            request,
            "widgets.html",
            rows=await _rows(room, caller, found),
            next_after=found[-1][0].id if len(found) == _LISTED else None,
            is_first=not after,
            client=found[0][1] if client_id is not None and found else None,
            may_write=caller.may("config:write"),
            may_see_usage=may_see_usage(caller),
        )

    async def form_page(
        request: Request, said: Mapping[str, str], error: InvalidRequest | None = None
    ) -> Response:
        if error is not None:
            request.scope["officium.error"] = error.code
        clients = await room.services.clients.list_clients(caller_of(request), limit=_MOST_CLIENTS)
        return room.frame.page(
            request,
            "widget_new.html",
            status=200 if error is None else status_of(error),
            clients=[each for each in clients if each.archived_at is None],
            said=said,
            error=error,
            faulty=None if error is None else error.fields.get("param"),
        )

    @router.get(f"{ROOT}/new")
    async def begin(request: Request) -> Response:
        require(caller_of(request), "config:write")
        said = {"client": request.query_params.get("client", ""), "new_client": "", "name": "", "origin": ""}
        return await form_page(request, said)

    @router.post(f"{ROOT}/new")
    async def create(request: Request) -> Response:
        form: Form = request.state.form
        require(caller_of(request), "config:write")
        try:
            made = await create_widget(room.services.clients, request, form)
        except InvalidRequest as error:
            names = ("client", "new_client", "name", "origin")
            return await form_page(request, {name: form.get(name, "") for name in names}, error)
        return redirect(f"{ROOT}/{made.id}/ai", flash="widget_created")


async def create_widget(clients: Clients, request: Request, form: Form) -> Widget:
    """Create what the form says: a client, where it is a new one, and the widget.

    Raises InvalidRequest, NotFound and PermissionDenied.
    """
    caller = caller_of(request)
    origin = form.get("origin", "").strip().rstrip("/").lower()
    settings = WidgetSettings(name=form.get("name", "").strip(), allowed_origins=(origin,) if origin else ())
    chosen, named = form.get("client", ""), form.get("new_client", "").strip()
    check_widget(settings)
    if chosen.isdigit():
        client_id = int(chosen[:18])
    elif named:
        made = await clients.create_client(caller, named, request_id=request_id_of(request))
        client_id = made.id
    else:
        raise InvalidRequest("Choose a client, or name a new one.", param="new_client")
    return await clients.create_widget(caller, client_id, settings, request_id=request_id_of(request))


async def _rows(room: WidgetRoom, caller: Caller, found: Any) -> list[Row]:
    services, ids = room.services, [widget.id for widget, _ in found]
    unanswered = await services.gaps.count_unanswered(caller, ids)
    answers: Mapping[int, AnswerCounts] = {}
    costs: dict[int, str] = {}
    exhausted: Collection[int] = ()
    if may_see_usage(caller) and ids:
        answers = await services.visitors.count_answers(caller, ids)
        report = await services.reports.summarize(reading_usage(caller), "widget", limit=LARGEST_REPORT)
        costs = {int(row.key): usd(row.cost_nano_usd) for row in report.rows if row.key is not None}
        exhausted = await services.clients.find_exhausted(caller, ids)
    return [
        Row(
            widget=widget,
            client=client,
            is_exhausted=widget.id in exhausted,
            answers=answers.get(widget.id),
            cost=costs.get(widget.id, usd(0)) if may_see_usage(caller) else None,
            unanswered=unanswered.get(widget.id, 0),
        )
        for widget, client in found
    ]
