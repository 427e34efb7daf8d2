"""The advisers' page: ask, read the answer as it comes, and find again what was said."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from officium.apps.personas.business import BusinessContext
from officium.apps.personas.persona import PERSONAS
from officium.apps.personas.persona_prompt import LONGEST_QUESTION_BYTES
from officium.apps.personas.service import BegunAnswer
from officium.core.conversations import (
    Conversation,
    ExportFormat,
    Feedback,
    Found,
    Message,
    Page,
    Rating,
    ShownMessage,
    Wanted,
)
from officium.core.conversations.conversation import LONGEST_TITLE
from officium.core.conversations.live import NumberedEvent
from officium.core.conversations.message import LONGEST_FEEDBACK
from officium.core.gateway.call import CallContext
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest, NotFound
from officium.web.console.frame import Frame, guarded, redirect
from officium.web.console.markdown import GrowingMarkdown
from officium.web.console.pages.advisors_stream import drawn
from officium.web.console.pages.advisors_view import State, Turn, as_ended, growing_text, turn_of
from officium.web.console.signed_in import takes_form
from officium.web.events import last_event_id

ROOT = "/console/advisors"
_ONE = "/console/advisors/conversations/{id}"
_QUESTION_FORM_BYTES = 4 * LONGEST_QUESTION_BYTES
_TURNS = 40
_LISTED = 30
_LARGEST_ID = 2**63 - 1
_READABLE_FOR = timedelta(days=1)
_EXPORTS: Mapping[str, tuple[str, str]] = {
    "markdown": ("text/markdown", "md"),
    "json": ("application/json", "json"),
}
_WANTED = Wanted(app="personas")
_EVERYWHERE = Wanted(app="personas", is_archived=None)


class Advisers(Protocol):
    """Knows the advisers."""

    async def chat(
        self,
        caller: Caller,
        persona: str,
        message: str,
        context: CallContext,
        *,
        conversation_id: int | None = None,
    ) -> BegunAnswer: ...

    async def regenerate(self, caller: Caller, message_id: int, context: CallContext) -> BegunAnswer: ...

    async def edit(
        self, caller: Caller, message_id: int, message: str, context: CallContext
    ) -> BegunAnswer: ...

    async def read(
        self, caller: Caller, message_id: int, after_event_id: int = 0
    ) -> AsyncGenerator[NumberedEvent, None]: ...

    async def stop(self, caller: Caller, message_id: int) -> bool: ...

    async def get_conversation(self, caller: Caller, conversation_id: int) -> Conversation: ...


class Conversations(Protocol):
    """Knows what was said."""

    async def list_conversations(
        self, caller: Caller, wanted: Wanted = ..., *, cursor: str | None = None, limit: int = 50
    ) -> Page[Conversation]: ...

    async def search(
        self, caller: Caller, words: str, wanted: Wanted = ..., *, cursor: str | None = None, limit: int = 20
    ) -> Page[Found]: ...

    async def get_message(self, caller: Caller, message_id: int) -> Message: ...

    async def list_messages(
        self,
        caller: Caller,
        conversation_id: int,
        *,
        leaf_id: int | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[ShownMessage]: ...

    async def rename(self, caller: Caller, conversation_id: int, title: str) -> Conversation: ...

    async def delete_conversation(self, caller: Caller, conversation_id: int) -> None: ...

    async def export(
        self, caller: Caller, conversation_id: int, form: ExportFormat
    ) -> AsyncIterator[str]: ...

    async def select_branch(self, caller: Caller, message_id: int) -> Conversation: ...

    async def give_feedback(
        self, caller: Caller, answer_id: int, rating: Rating, text: str | None = None
    ) -> Feedback: ...

    async def withdraw_feedback(self, caller: Caller, answer_id: int) -> None: ...


class Businesses(Protocol):
    """Knows what the advisers are told."""

    async def get_context(self, caller: Caller) -> BusinessContext: ...


def add_advisors_page(
    router: APIRouter,
    advisers: Advisers,
    conversations: Conversations,
    businesses: Businesses,
    heartbeat_s: float,
    frame: Frame,
) -> None:
    """Add the page, and what its script asks for."""
    page = _AdvisorsPage(advisers, conversations, businesses, heartbeat_s, frame)
    _add_reading(router, page)
    _add_asking(router, page)
    _add_keeping(router, page)


class _AdvisorsPage:
    """Puts together what the page shows."""

    def __init__(
        self,
        advisers: Advisers,
        conversations: Conversations,
        businesses: Businesses,
        heartbeat_s: float,
        frame: Frame,
    ) -> None:
        self.advisers = advisers
        self.conversations = conversations
        self.businesses = businesses
        self.heartbeat_s = heartbeat_s
        self.frame = frame

    async def show(self, request: Request, conversation: Conversation | None) -> Response:
        """The whole page, with a conversation or where one begins."""
        caller = caller_of(request)
        wanted = request.query_params.get("persona", "")
        turns = [] if conversation is None else await self.turns(caller, conversation)
        return self.frame.page(
            request,
            "advisors.html",
            conversation=conversation,
            turns=turns,
            earlier=_earlier(turns),
            personas=PERSONAS,
            chosen=wanted if wanted in PERSONAS else "ceo",
            known=await self.businesses.get_context(caller),
            longest_question_bytes=LONGEST_QUESTION_BYTES,
            longest_title=LONGEST_TITLE,
            longest_opinion=LONGEST_FEEDBACK,
            may_tell=caller.may("config:write"),
            **await self.found(request),
        )

    async def found(self, request: Request) -> dict[str, Any]:
        """The conversations that the request searches for, else the latest."""
        caller, words = caller_of(request), request.query_params.get("q", "").strip()
        cursor = request.query_params.get("cursor")
        if not words:
            page = await self.conversations.list_conversations(caller, _WANTED, cursor=cursor, limit=_LISTED)
            items: list[dict[str, Any]] = [{"conversation": each, "excerpt": None} for each in page.items]
            return {"found": items, "next_cursor": page.next_cursor, "words": ""}
        hits = await self.conversations.search(caller, words, _EVERYWHERE, cursor=cursor, limit=_LISTED)
        items = [{"conversation": each.conversation, "excerpt": each.excerpt} for each in hits.items]
        return {"found": items, "next_cursor": hits.next_cursor, "words": words}

    async def thread(self, request: Request, conversation_id: int, before_id: int | None = None) -> Response:
        """The turns of the branch that is shown, or those before one of them."""
        caller = caller_of(request)
        conversation = await self.advisers.get_conversation(caller, conversation_id)
        turns = await self.turns(caller, conversation, before_id)
        return self.piece("advisors/thread.html", conversation, turns=turns, earlier=_earlier(turns))

    async def turns(
        self, caller: Caller, conversation: Conversation, before_id: int | None = None
    ) -> list[Turn]:
        """The last turns of the branch that is shown."""
        messages = await self.conversations.list_messages(
            caller, conversation.id, before_id=before_id, limit=_TURNS
        )
        return await asyncio.to_thread(self.shown, messages, conversation)

    def shown(self, messages: Sequence[ShownMessage], conversation: Conversation) -> list[Turn]:
        """The messages as they are shown."""
        live_since = datetime.now(UTC) - _READABLE_FOR
        return [turn_of(message, conversation, self.frame, live_since) for message in messages]

    async def begun(self, request: Request, begun: BegunAnswer) -> Response:
        """The question that was just asked, and the place where its answer will stand."""
        caller = caller_of(request)
        conversation = await self.advisers.get_conversation(caller, begun.conversation_id)
        messages = await self.conversations.list_messages(
            caller, begun.conversation_id, leaf_id=begun.message_id, limit=2
        )
        turns = await asyncio.to_thread(self.shown, messages, conversation)
        return self.piece("advisors/thread.html", conversation, turns=turns, earlier=None)

    def piece(self, template: str, conversation: Conversation, **values: Any) -> Response:
        """A piece of the page, and which conversation it is of."""
        response = self.frame.fragment(
            template,
            conversation=conversation,
            longest_question_bytes=LONGEST_QUESTION_BYTES,
            longest_opinion=LONGEST_FEEDBACK,
            **values,
        )
        response.headers["officium-conversation-id"] = str(conversation.id)
        return response

    async def events(self, request: Request, message_id: int) -> Response:
        """The answer as it is drawn, from where the page has seen it."""
        caller = caller_of(request)
        after = last_event_id(request.headers.get("last-event-id"))
        conversation, _ = await self.conversation_of(caller, message_id)
        events = await self.advisers.read(caller, message_id)

        async def finish(state: State, fault: str, text: GrowingMarkdown) -> dict[str, Any]:
            return await self.finished(caller, message_id, state, fault, text)

        written = drawn(
            events, growing_text(self.frame, conversation.persona), after, self.heartbeat_s, finish
        )
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        kind = "text/event-stream; charset=utf-8"
        return guarded(StreamingResponse(written, media_type=kind, headers=headers))

    async def finished(
        self, caller: Caller, message_id: int, state: State, fault: str, text: GrowingMarkdown
    ) -> dict[str, Any]:
        """An answer that has ended, as it stands in its conversation from now on."""
        conversation, shown = await self.conversation_of(caller, message_id)
        turn = await asyncio.to_thread(
            turn_of, as_ended(shown, state, text), conversation, self.frame, datetime.now(UTC), fault
        )
        html = self.frame.render(
            "advisors/turn.html",
            turn=turn,
            conversation=conversation,
            longest_question_bytes=LONGEST_QUESTION_BYTES,
            longest_opinion=LONGEST_FEEDBACK,
        )
        return {"html": html, "say": self.frame.say(f"advisors.said.{turn.state}", text=turn.text or fault)}

    async def conversation_of(self, caller: Caller, message_id: int) -> tuple[Conversation, ShownMessage]:
        """The conversation with a message, and the message in its place. Raises NotFound."""
        found = await self.conversations.get_message(caller, message_id)
        conversation = await self.advisers.get_conversation(caller, found.conversation_id)
        shown = await self.conversations.list_messages(caller, conversation.id, leaf_id=message_id, limit=1)
        return conversation, shown[-1]


def _add_reading(router: APIRouter, page: _AdvisorsPage) -> None:
    @router.get(ROOT)
    async def begin(request: Request) -> Response:
        return await page.show(request, None)

    @router.get(f"{ROOT}/list")
    async def listed(request: Request) -> Response:
        current = request.query_params.get("current", "")
        return page.frame.fragment("advisors/list.html", current=current, **await page.found(request))

    @router.get(_ONE)
    async def show(request: Request, id: str) -> Response:
        before = request.query_params.get("before")
        if before is not None:
            return await page.thread(request, id_of(id), id_of(before))
        return await page.show(request, await page.advisers.get_conversation(caller_of(request), id_of(id)))

    @router.get(f"{_ONE}/export")
    async def export(request: Request, id: str) -> Response:
        form = request.query_params.get("format", "markdown")
        if form not in _EXPORTS:
            raise InvalidRequest("Export as `markdown` or `json`.", param="format")
        kind, ending = _EXPORTS[form]
        await page.advisers.get_conversation(caller_of(request), id_of(id))
        pieces = await page.conversations.export(caller_of(request), id_of(id), cast("ExportFormat", form))
        name = f"conversation-{id_of(id)}.{ending}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return guarded(StreamingResponse(pieces, media_type=f"{kind}; charset=utf-8", headers=headers))

    @router.get(f"{ROOT}/answers/{{id}}/events")
    async def events(request: Request, id: str) -> Response:
        return await page.events(request, id_of(id))


def _add_asking(router: APIRouter, page: _AdvisorsPage) -> None:
    @router.post(f"{ROOT}/ask")
    @takes_form(_QUESTION_FORM_BYTES)
    async def ask(request: Request) -> Response:
        form = request.state.form
        going_on = form.get("conversation", "")
        begun = await page.advisers.chat(
            caller_of(request),
            form.get("persona", ""),
            _text(form, "message"),
            _context(request),
            conversation_id=id_of(going_on) if going_on else None,
        )
        return await page.begun(request, begun)

    @router.post(f"{ROOT}/messages/{{id}}/regenerate")
    async def regenerate(request: Request, id: str) -> Response:
        begun = await page.advisers.regenerate(caller_of(request), id_of(id), _context(request))
        return await page.thread(request, begun.conversation_id)

    @router.post(f"{ROOT}/messages/{{id}}/edit")
    @takes_form(_QUESTION_FORM_BYTES)
    async def edit(request: Request, id: str) -> Response:
        message = _text(request.state.form, "message")
        begun = await page.advisers.edit(caller_of(request), id_of(id), message, _context(request))
        return await page.thread(request, begun.conversation_id)

    @router.post(f"{ROOT}/answers/{{id}}/stop")
    async def stop(request: Request, id: str) -> Response:
        await page.advisers.stop(caller_of(request), id_of(id))
        return guarded(Response(status_code=204))


def _add_keeping(router: APIRouter, page: _AdvisorsPage) -> None:
    @router.post(f"{ROOT}/messages/{{id}}/select")
    async def select(request: Request, id: str) -> Response:
        caller = caller_of(request)
        conversation, _ = await page.conversation_of(caller, id_of(id))
        await page.conversations.select_branch(caller, id_of(id))
        return await page.thread(request, conversation.id)

    @router.post(f"{ROOT}/messages/{{id}}/feedback")
    @takes_form(4 * LONGEST_FEEDBACK)
    async def feedback(request: Request, id: str) -> Response:
        caller, rating = caller_of(request), request.state.form.get("rating", "")
        text = _text(request.state.form, "text").strip()
        await page.conversation_of(caller, id_of(id))
        if rating in ("up", "down"):
            await page.conversations.give_feedback(caller, id_of(id), cast("Rating", rating), text or None)
        else:
            await page.conversations.withdraw_feedback(caller, id_of(id))
        return guarded(Response(status_code=204))

    @router.post(f"{_ONE}/rename")
    async def rename(request: Request, id: str) -> Response:
        caller = caller_of(request)
        await page.advisers.get_conversation(caller, id_of(id))
        await page.conversations.rename(caller, id_of(id), request.state.form.get("title", ""))
        return redirect(f"{ROOT}/conversations/{id_of(id)}")

    @router.post(f"{_ONE}/delete")
    async def delete(request: Request, id: str) -> Response:
        caller = caller_of(request)
        await page.advisers.get_conversation(caller, id_of(id))
        await page.conversations.delete_conversation(caller, id_of(id))
        return redirect(ROOT, flash="conversation_deleted")


def caller_of(request: Request) -> Caller:
    """Who is signed in."""
    caller: Caller = request.state.session.caller
    return caller


def id_of(said: str) -> int:
    """The id in an address. Raises NotFound: what is no number is the address of nothing."""
    if not (said.isascii() and said.isdecimal() and len(said) <= 19 and 1 <= int(said) <= _LARGEST_ID):
        raise NotFound("The address may be mistyped, or what was here is gone.")
    return int(said)


def _earlier(turns: Sequence[Turn]) -> int | None:
    """The turn before which there are more."""
    return turns[0].id if len(turns) == _TURNS else None


def _context(request: Request) -> CallContext:
    return CallContext(request_id=request.scope["officium.request_id"])


def _text(form: Mapping[str, str], name: str) -> str:
    """A field's text; browsers send the ends of lines in a way of their own."""
    return form.get(name, "").replace("\r\n", "\n")
