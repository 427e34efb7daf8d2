"""Of the knowledge base: its versions, how to go back to one, and entries that ask the same."""

from fastapi import APIRouter, Request, Response

from officium.kit.errors import Conflict
from officium.web.console.frame import redirect
from officium.web.console.pages.widgets.knowledge import KNOWLEDGE
from officium.web.console.pages.widgets.room import (
    ROOT,
    WidgetRoom,
    caller_of,
    number_in_path,
    number_in_query,
)

_VERSIONS = f"{KNOWLEDGE}/versions"
_LISTED = 25
_CHANGES = 100
_MOST_PAIRS = 100


def add_history_pages(router: APIRouter, room: WidgetRoom) -> None:
    """Add them."""

    @router.get(_VERSIONS)
    async def versions(request: Request, id: str) -> Response:
        widget, caller = await room.widget(request, id), caller_of(request)
        before = number_in_query(request, "before")
        found = await room.services.knowledge.list_versions(caller, widget.id, before=before, limit=_LISTED)
        return await room.page(
            request,
            "widget_versions.html",
            "knowledge",
            widget,
            versions=found,
            newest=await room.services.knowledge.get_version(caller, widget.id),
            next_before=found[-1].version if len(found) == _LISTED else None,
            is_first=before is None,
        )

    @router.get(f"{_VERSIONS}/{{version}}")
    async def version(request: Request, id: str, version: str) -> Response:
        widget, caller = await room.widget(request, id), caller_of(request)
        number = min(number_in_path(version, least=0), 2**31 - 1)
        after = number_in_query(request, "after") or 0
        found = await room.services.knowledge.list_changes(
            caller, widget.id, number, after=after, limit=_CHANGES
        )
        return await room.page(
            request,
            "widget_version.html",
            "knowledge",
            widget,
            version=number,
            changes=found,
            newest=await room.services.knowledge.get_version(caller, widget.id),
            next_after=found[-1].entry_id if len(found) == _CHANGES else None,
        )

    @router.post(f"{_VERSIONS}/{{version}}/restore")
    async def restore(request: Request, id: str, version: str) -> Response:
        widget = await room.widget(request, id)
        number = min(number_in_path(version, least=0), 2**31 - 1)
        there = f"{ROOT}/{widget.id}/knowledge/versions"
        try:
            await room.services.knowledge.restore(caller_of(request), widget.id, number)
        except Conflict:
            return redirect(there, flash="knowledge_changed")
        return redirect(there, flash="knowledge_restored")

    @router.get(f"{KNOWLEDGE}/duplicates")
    async def duplicates(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        found = await room.services.knowledge.find_duplicates(caller_of(request), widget.id)
        return await room.page(
            request,
            "widget_duplicates.html",
            "knowledge",
            widget,
            pairs=found[:_MOST_PAIRS],
            count=len(found),
        )
