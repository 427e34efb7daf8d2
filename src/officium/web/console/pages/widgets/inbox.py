"""The tabs Inbox and Conversations: what people answer, and what visitors and the widget said."""

from collections.abc import Mapping
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from officium.apps.widget.handover.inbox import LONGEST_REPLY, LONGEST_TITLE
from officium.apps.widget.visitors.conversation import Status
from officium.apps.widget.widget import Widget
from officium.kit.errors import InvalidRequest, OfficiumError
from officium.web.console.frame import redirect
from officium.web.console.pages.widgets.room import (
    ONE,
    ROOT,
    WidgetRoom,
    caller_of,
    number_in_path,
    number_in_query,
)

_INBOX = f"{ONE}/inbox"
_TALK = f"{_INBOX}/{{conversation}}"
_LISTED = 30
_STATUSES: tuple[Status, ...] = get_args(Status)
_OPEN: tuple[Status, ...] = ("waiting", "human")


def add_inbox_pages(router: APIRouter, room: WidgetRoom) -> None:
    """Add them. Canned answers come before conversations, which have a number in the same place."""
    pages = _InboxPages(room)
    _add_canned(router, room, pages)
    _add_lists(router, room, pages)
    _add_talk(router, room, pages)


class _InboxPages:
    """Puts together what the pages show."""

    def __init__(self, room: WidgetRoom) -> None:
        self._room = room
        self._inbox = room.services.inbox

    async def waiting(self, request: Request, widget: Widget) -> list[Any]:
        """The conversations that somebody waits in first, then those that people answer."""
        caller = caller_of(request)
        found: list[Any] = []
        for status in _OPEN:
            found += await self._inbox.list_inbox(caller, widget.id, status=status, limit=_LISTED)
        return found

    async def inbox(
        self, request: Request, widget: Widget, error: OfficiumError | None = None, **said: str
    ) -> Response:
        """The inbox; `said` is what stood in the form of a canned answer that was refused."""
        return await self._room.page(
            request,
            "widget_inbox.html",
            "inbox",
            widget,
            error=error,
            conversations=await self.waiting(request, widget),
            canned=await self._inbox.list_canned(caller_of(request), widget.id),
            said={"title": "", "text": "", **said},
            longest_title=LONGEST_TITLE,
            longest_reply=LONGEST_REPLY,
        )

    async def talk(
        self, request: Request, widget: Widget, conversation_id: int, error: OfficiumError | None = None
    ) -> Response:
        """A conversation with all that can be done in it."""
        return await self._room.page(
            request,
            "widget_talk.html",
            "inbox",
            widget,
            error=error,
            canned=await self._inbox.list_canned(caller_of(request), widget.id),
            said=request.state.form.get("text", "") if error is not None else "",
            longest_reply=LONGEST_REPLY,
            **await self.said_in(request, widget, conversation_id),
        )

    async def said_in(
        self, request: Request, widget: Widget, conversation_id: int, after: int = 0
    ) -> Mapping[str, Any]:
        """A conversation with its messages behind `after`, all of them."""
        caller = caller_of(request)
        found, messages = await self._inbox.read(caller, widget.id, conversation_id, after=after)
        page = list(messages)
        while len(page) >= _READ_AT_ONCE:
            _, page = await self._inbox.read(caller, widget.id, conversation_id, after=page[-1].id)  # type: ignore[assignment]
            messages = [*messages, *page]
        return {
            "conversation": found,
            "messages": messages,
            "last": messages[-1].id if messages else after,
            "me": caller.actor,
        }


_READ_AT_ONCE = 200


def _add_lists(router: APIRouter, room: WidgetRoom, pages: _InboxPages) -> None:
    @router.get(_INBOX)
    async def inbox(request: Request, id: str) -> Response:
        return await pages.inbox(request, await room.widget(request, id))

    @router.get(f"{_INBOX}/list")
    async def latest(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        return room.frame.fragment(
            "widgets/waiting.html",
            conversations=await pages.waiting(request, widget),
            root=f"{ROOT}/{widget.id}",
        )

    @router.get(f"{ONE}/conversations")
    async def conversations(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        before = number_in_query(request, "before")
        wanted = next((each for each in _STATUSES if each == request.query_params.get("status")), None)
        found = await room.services.inbox.list_inbox(
            caller_of(request), widget.id, status=wanted, before=before, limit=_LISTED
        )
        return await room.page(
            request,
            "widget_conversations.html",
            "conversations",
            widget,
            conversations=found,
            statuses=_STATUSES,
            wanted=wanted,
            next_before=found[-1].id if len(found) == _LISTED else None,
            is_first=before is None,
        )

    @router.post(f"{ONE}/visitors/forget")
    async def forget(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        visitor = request.state.form.get("visitor", "")[:64]
        await room.services.visitors.forget_visitor(caller_of(request), widget.id, visitor)
        return redirect(f"{ROOT}/{widget.id}/conversations", flash="visitor_forgotten")


def _add_talk(router: APIRouter, room: WidgetRoom, pages: _InboxPages) -> None:
    @router.get(_TALK)
    async def show(request: Request, id: str, conversation: str) -> Response:
        widget = await room.widget(request, id)
        return await pages.talk(request, widget, number_in_path(conversation))

    @router.get(f"{_TALK}/new")
    async def news(request: Request, id: str, conversation: str) -> Response:
        widget = await room.widget(request, id)
        after = number_in_path(request.query_params.get("after", "0"), least=0)
        said = await pages.said_in(request, widget, number_in_path(conversation), after)
        return room.frame.fragment("widgets/news.html", root=f"{ROOT}/{widget.id}", **said)

    @router.post(f"{_TALK}/reply")
    async def reply(request: Request, id: str, conversation: str) -> Response:
        widget, number = await room.widget(request, id), number_in_path(conversation)
        caller, inbox = caller_of(request), room.services.inbox
        try:
            await inbox.reply(caller, widget.id, number, request.state.form.get("text", ""))
        except InvalidRequest as error:
            return await pages.talk(request, widget, number, error)
        found, _ = await inbox.read(caller, widget.id, number)
        if found.assigned_to is None:
            await inbox.assign(caller, widget.id, number, caller.actor)
        return redirect(f"{ROOT}/{widget.id}/inbox/{number}#last")

    @router.post(f"{_TALK}/change")
    async def change(request: Request, id: str, conversation: str) -> Response:
        widget, number = await room.widget(request, id), number_in_path(conversation)
        caller, inbox, to = caller_of(request), room.services.inbox, request.state.form.get("to", "")
        match to:
            case "mine":
                await inbox.assign(caller, widget.id, number, caller.actor)
            case "nobody":
                await inbox.assign(caller, widget.id, number, None)
            case "human":
                await inbox.assign(caller, widget.id, number, caller.actor)
                await inbox.set_status(caller, widget.id, number, "human")
            case "bot" | "closed":
                await inbox.set_status(caller, widget.id, number, to)
            case _:
                raise InvalidRequest("Choose one of the buttons of the page.", param="to")
        return redirect(f"{ROOT}/{widget.id}/inbox/{number}", flash="conversation_changed")


def _add_canned(router: APIRouter, room: WidgetRoom, pages: _InboxPages) -> None:
    @router.post(f"{_INBOX}/canned")
    async def add(request: Request, id: str) -> Response:
        widget, form = await room.widget(request, id), request.state.form
        title, text = form.get("title", ""), form.get("text", "")
        try:
            await room.services.inbox.add_canned(caller_of(request), widget.id, title, text)
        except InvalidRequest as error:
            return await pages.inbox(request, widget, error, title=title, text=text)
        return redirect(f"{ROOT}/{widget.id}/inbox", flash="canned_saved")

    @router.post(f"{_INBOX}/canned/{{answer}}/delete")
    async def delete(request: Request, id: str, answer: str) -> Response:
        widget = await room.widget(request, id)
        await room.services.inbox.delete_canned(caller_of(request), widget.id, number_in_path(answer))
        return redirect(f"{ROOT}/{widget.id}/inbox", flash="canned_deleted")
