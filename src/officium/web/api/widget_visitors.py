"""`/api/chat-widget/public/widget/{widgetKey}`: what the script in a page asks, for a visitor."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Protocol

import msgspec
from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from officium.apps.widget.answers import AnswerEvent, Begun, Finished, Piece, Question, Withdrawn
from officium.apps.widget.handover import LiveEvent
from officium.apps.widget.visitors import LONGEST_MESSAGE, Visit, VisitorConversation, VisitorMessage
from officium.apps.widget.visitors.errors import VisitorSessionInvalid
from officium.apps.widget.widget import Widget
from officium.apps.widget.working_hours import is_open
from officium.kit.errors import (
    InvalidRequest,
    NotAuthenticated,
    OfficiumError,
    PermissionDenied,
    RequestTooLarge,
)
from officium.web.api.chat_widget import Asked
from officium.web.browser import find_token, is_same_origin
from officium.web.caller import Authenticator, read_headers
from officium.web.errors import openai_error, status_of
from officium.web.keyed import FaultReport, RequestId
from officium.web.lazy_routes import LazyRoute, LazyRouter
from officium.web.widget_pages import PUBLIC, origin_of

_ROOT = PUBLIC + "{widgetKey}"
_LARGEST_BODY_BYTES = 32 * 1024
_LARGEST_ID = 2**63 - 1
HEARTBEAT = b": \n\n"


class Visitors(Protocol):
    """Knows the visitors."""

    async def find_widget(
        self, widget_key: str, origin: str | None, *, viewer: str | None = None
    ) -> Widget: ...

    async def open_session(
        self,
        widget_key: str,
        origin: str | None,
        address: str,
        token: str | None = None,
        *,
        viewer: str | None = None,
    ) -> Visit: ...

    async def enter(
        self,
        widget_key: str,
        origin: str | None,
        address: str,
        token: str | None,
        *,
        is_opening: bool = False,
        viewer: str | None = None,
    ) -> Visit: ...

    async def get_conversation(self, visit: Visit, conversation_id: int) -> VisitorConversation: ...

    async def list_messages(
        self, visit: Visit, conversation_id: int, *, after: int = 0, limit: int = 200
    ) -> Sequence[VisitorMessage]: ...

    async def rate(
        self, visit: Visit, message_id: int, rating: Literal["up", "down"] | None, feedback: str | None
    ) -> None: ...

    async def leave_lead(
        self, visit: Visit, said: Mapping[str, str | None], conversation_id: int | None
    ) -> int: ...

    async def consent(self, visit: Visit) -> None: ...

    async def export(self, visit: Visit) -> Mapping[str, Any]: ...

    async def forget(self, visit: Visit) -> None: ...


class Answers(Protocol):
    """Answers visitors."""

    async def answer(self, visit: Visit, question: Question, request_id: str) -> Finished: ...

    def stream(
        self, visit: Visit, question: Question, request_id: str
    ) -> AsyncGenerator[AnswerEvent, None]: ...


class Handovers(Protocol):
    """Hands conversations over to people."""

    async def ask_for_person(self, visit: Visit, conversation_id: int) -> str: ...

    def events(self, visit: Visit, conversation_id: int, after: int) -> AsyncGenerator[LiveEvent, None]: ...


class VisitorSays(Asked):
    """A message of a visitor."""

    message_text: str = Field(min_length=1, max_length=LONGEST_MESSAGE, examples=["What are your hours?"])
    conversation_id: Annotated[int, Field(strict=True, ge=1, le=_LARGEST_ID)] | None = Field(
        None, description="One that is not this visitor's, or is not there, begins anew.", examples=[123]
    )
    language: str | None = Field(None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$", examples=["en"])
    page_url: str | None = Field(None, max_length=4096, description="Kept without what follows `?` or `#`.")


class VisitorRates(Asked):
    """What a visitor thinks of an answer; null takes it back."""

    rating: Literal["up", "down"] | None
    text: str | None = Field(None, max_length=1000)


class VisitorLeaves(Asked):
    """How a visitor can be reached. An e-mail address or a phone number is needed."""

    name: str | None = Field(None, max_length=200)
    email: str | None = Field(None, max_length=320)
    phone: str | None = Field(None, max_length=50)
    message: str | None = Field(None, max_length=2000)
    conversation_id: Annotated[int, Field(strict=True, ge=1, le=_LARGEST_ID)] | None = None


class ShownSession(BaseModel):
    """A session. Send `token` as `Authorization: Bearer ...` from pages of this origin."""

    token: str
    expires_at: datetime
    renewable_until: datetime = Field(description="Until then POST /session with it gives the next one.")


class ShownCitation(BaseModel):
    """An entry of the knowledge base that the answer stands on."""

    entry_id: int
    question: str
    source_url: str | None


class ShownAnswer(BaseModel):
    """The answer. Its text is plain text."""

    message_id: int | None = Field(description="null only where it could not be kept.")
    conversation_id: int | None
    response: str
    confidence: float
    confidence_source: str = Field(
        description="grounded, partly_grounded, ungrounded, calibrated or default."
    )
    answer_source: str = Field(description="llm, knowledge_base, default, or agent: a person will answer.")
    suggestions: list[str]
    citations: list[ShownCitation]
    notice: str | None = Field(description="For the owner of the widget. Do not show it to visitors.")
    visitor_notice: str | None = Field(description="To be shown to visitors.")
    timestamp: datetime
    session: ShownSession | None = Field(description="A new one, where the request came without.")


class ShownConfig(BaseModel):
    """What the script in the page needs to know."""

    name: str
    languages: list[str]
    appearance: dict[str, Any]
    longest_message: int
    is_open: bool | None = Field(description="Whether people answer now; null where nobody said when.")


class ShownMessage(BaseModel):
    """Something that was said."""

    id: int
    speaker: str = Field(description="visitor, widget or agent")
    text: str
    answer_source: str | None
    confidence: float | None
    confidence_source: str | None
    citations: list[ShownCitation]
    suggestions: list[str]
    rating: str | None
    created_at: datetime


class ShownConversation(BaseModel):
    """A conversation with a page of its messages, oldest first."""

    id: int
    status: str = Field(description="bot, waiting, human or closed")
    messages: list[ShownMessage]


class AskedForPerson(BaseModel):
    """What the conversation is now: waiting, or human where a person answers already."""

    status: str


class LeftLead(BaseModel):
    """What was left has this id."""

    id: int


WidgetKey = Annotated[
    str, Path(alias="widgetKey", description="It stands in the page.", pattern="^[A-Za-z0-9_-]{1,64}$")
]
ConversationId = Annotated[int, Path(alias="conversationId", ge=1, le=_LARGEST_ID)]
MessageId = Annotated[int, Path(alias="messageId", ge=1, le=_LARGEST_ID)]


def _visit(request: Request) -> Visit:
    visit: Visit = request.state.visit
    return visit


KnownVisit = Annotated[Visit, Depends(_visit)]
_SSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "The answer as server-sent events."}
}


def widget_visitors_router(
    visitors: Visitors,
    answers: Answers,
    handovers: Handovers,
    authenticator: Authenticator,
    heartbeat_s: float,
) -> LazyRouter:
    """The routes. Who asks, from where and how often is settled before a body is read."""

    class VisitorRoute(LazyRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def admitted(request: Request) -> Response:
                await _admit(visitors, authenticator, request)
                return await handle(request)

            return admitted

    faults: dict[int | str, dict[str, Any]] = {
        403: {"model": FaultReport, "description": "The page is not among those that may show the widget."},
        404: {"model": FaultReport, "description": "There is no such widget."},
        "4XX": {"model": FaultReport, "description": "The request cannot be served as asked."},
    }
    router = LazyRouter(tags=["chat widget, for pages"], route_class=VisitorRoute, responses=faults)
    _add_answers(router, answers, heartbeat_s)
    _add_conversations(router, visitors)
    _add_handover(router, visitors, handovers, heartbeat_s)
    _add_rights(router, visitors)
    return router


async def _admit(visitors: Visitors, authenticator: Authenticator, request: Request) -> None:
    scope = request.scope
    key = request.path_params.get("widgetKey", "")
    origin = origin_of(scope)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > _LARGEST_BODY_BYTES:
        raise RequestTooLarge(
            f"A message's body has at most {_LARGEST_BODY_BYTES} bytes.", limit=_LARGEST_BODY_BYTES
        )
    if request.headers.get("content-encoding", "identity") != "identity":
        raise InvalidRequest("Send the body uncompressed, without `content-encoding`.")
    token = _token(request)
    address = request.client.host if request.client else ""
    end = scope["route"].path.removeprefix(_ROOT)
    viewer = await _find_viewer(authenticator, request)
    if end == "/config":
        request.state.widget = await visitors.find_widget(key, origin, viewer=viewer)
    elif end == "/session":
        request.state.visit = await visitors.open_session(key, origin, address, token, viewer=viewer)
    else:
        is_opening = end in ("/message", "/message/stream")
        request.state.visit = await visitors.enter(
            key, origin, address, token, is_opening=is_opening, viewer=viewer
        )
    request.state.is_new = token is None
    visit: Visit | None = getattr(request.state, "visit", None)
    if visit is not None:
        scope["officium.tenant"] = visit.widget.tenant_id


async def _find_viewer(authenticator: Authenticator, request: Request) -> str | None:
    """The tenant of whoever is signed in to the console and looks at the widget on one of its pages."""
    headers = read_headers(request.scope["headers"])
    session = find_token(headers)
    if session is None or not is_same_origin(request.method, headers):
        return None
    try:
        return (await authenticator.authenticate(session)).tenant_id
    except (NotAuthenticated, PermissionDenied):
        return None


def _token(request: Request) -> str | None:
    said = request.headers.getlist("authorization")
    if not said:
        return None
    kind, _, token = said[0].partition(" ")
    if len(said) > 1 or kind.lower() != "bearer" or not token.strip():
        raise VisitorSessionInvalid("Send the session's token as `Authorization: Bearer <token>`.")
    return token.strip()


def _add_answers(router: LazyRouter, answers: Answers, heartbeat_s: float) -> None:
    @router.post(f"{_ROOT}/message", summary="Answer a visitor")
    async def answer(
        request: Request, widget_key: WidgetKey, visit: KnownVisit, request_id: RequestId, asked: VisitorSays
    ) -> ShownAnswer:
        finished = await answers.answer(visit, _question(asked), request_id)
        return _shown_answer(finished, visit if request.state.is_new else None)

    @router.post(
        f"{_ROOT}/message/stream",
        summary="Answer a visitor while the answer is being given",
        response_class=StreamingResponse,
        responses=_SSE,
    )
    async def stream(
        request: Request, widget_key: WidgetKey, visit: KnownVisit, request_id: RequestId, asked: VisitorSays
    ) -> StreamingResponse:
        new = visit if request.state.is_new else None
        events = answers.stream(visit, _question(asked), request_id)
        return event_stream(_written(events, new), heartbeat_s)


def _add_conversations(router: LazyRouter, visitors: Visitors) -> None:
    @router.get(f"{_ROOT}/config", summary="How the widget looks and what it offers")
    async def get_config(request: Request, widget_key: WidgetKey) -> ShownConfig:
        widget: Widget = request.state.widget
        return ShownConfig(
            name=widget.name,
            languages=list(widget.languages),
            appearance=dict(widget.appearance),
            longest_message=LONGEST_MESSAGE,
            is_open=is_open(widget.working_hours, datetime.now(UTC)),
        )

    @router.post(f"{_ROOT}/session", summary="Open a session, or renew one", status_code=201)
    async def open_session(widget_key: WidgetKey, visit: KnownVisit) -> ShownSession:
        return _shown_session(visit)

    @router.get(f"{_ROOT}/conversations/{{conversationId}}", summary="What was said")
    async def get_conversation(
        widget_key: WidgetKey,
        visit: KnownVisit,
        conversation_id: ConversationId,
        after: Annotated[int, Query(ge=0, le=_LARGEST_ID)] = 0,
    ) -> ShownConversation:
        found = await visitors.get_conversation(visit, conversation_id)
        messages = await visitors.list_messages(visit, conversation_id, after=after)
        return ShownConversation(
            id=found.id, status=found.status, messages=[shown_message(each) for each in messages]
        )

    @router.post(
        f"{_ROOT}/messages/{{messageId}}/feedback", summary="Say what an answer was worth", status_code=204
    )
    async def rate(
        widget_key: WidgetKey, visit: KnownVisit, message_id: MessageId, asked: VisitorRates
    ) -> None:
        await visitors.rate(visit, message_id, asked.rating, asked.text)

    @router.post(f"{_ROOT}/lead", summary="Leave a way to be reached", status_code=201)
    async def leave_lead(widget_key: WidgetKey, visit: KnownVisit, asked: VisitorLeaves) -> LeftLead:
        said = asked.model_dump(exclude={"conversation_id"})
        return LeftLead(id=await visitors.leave_lead(visit, said, asked.conversation_id))


def _add_handover(router: LazyRouter, visitors: Visitors, handovers: Handovers, heartbeat_s: float) -> None:
    @router.post(f"{_ROOT}/conversations/{{conversationId}}/person", summary="Ask for a person")
    async def ask_for_person(
        widget_key: WidgetKey, visit: KnownVisit, conversation_id: ConversationId
    ) -> AskedForPerson:
        return AskedForPerson(status=await handovers.ask_for_person(visit, conversation_id))

    @router.get(
        f"{_ROOT}/conversations/{{conversationId}}/events",
        summary="What is said, while it is being said",
        response_class=StreamingResponse,
        responses=_SSE,
    )
    async def events(
        widget_key: WidgetKey,
        visit: KnownVisit,
        conversation_id: ConversationId,
        after: Annotated[int, Query(ge=0, le=_LARGEST_ID)] = 0,
    ) -> StreamingResponse:
        await visitors.get_conversation(visit, conversation_id)
        return event_stream(_live(handovers.events(visit, conversation_id, after)), heartbeat_s)


async def _live(events: AsyncGenerator[LiveEvent, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        try:
            async for event in events:
                if event.message is not None:
                    yield sse("message", shown_message(event.message).model_dump(mode="json"))
                if event.status is not None:
                    yield sse("status", {"status": event.status})
        except OfficiumError as error:
            yield b"event: error\ndata: " + openai_error(error, status_of(error)) + b"\n\n"


def _add_rights(router: LazyRouter, visitors: Visitors) -> None:
    @router.post(f"{_ROOT}/consent", summary="Agree to the widget's terms", status_code=204)
    async def consent(widget_key: WidgetKey, visit: KnownVisit) -> None:
        await visitors.consent(visit)

    @router.get(f"{_ROOT}/visitor", summary="All that is kept of the visitor")
    async def export(widget_key: WidgetKey, visit: KnownVisit) -> dict[str, Any]:
        return dict(await visitors.export(visit))

    @router.delete(f"{_ROOT}/visitor", summary="Forget the visitor", status_code=204)
    async def forget(widget_key: WidgetKey, visit: KnownVisit) -> None:
        await visitors.forget(visit)


def event_stream(events: AsyncGenerator[bytes, None], heartbeat_s: float) -> StreamingResponse:
    """Send events as they come; a silence of `heartbeat_s` is broken by a comment."""
    return StreamingResponse(
        _beating(events, heartbeat_s),
        media_type="text/event-stream; charset=utf-8",
        headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
    )


async def _beating(events: AsyncGenerator[bytes, None], heartbeat_s: float) -> AsyncIterator[bytes]:
    """The events and heartbeats. One task reads all of them, as what it reads may count its time."""
    queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()

    async def read() -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    queue.put_nowait(event)
        except Exception as error:
            queue.put_nowait(error)
        else:
            queue.put_nowait(None)

    reading = asyncio.create_task(read())
    try:
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), heartbeat_s)
            except TimeoutError:
                yield HEARTBEAT
                continue
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reading


async def _written(
    events: AsyncGenerator[AnswerEvent, None], new: Visit | None
) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        try:
            async for event in events:
                match event:
                    case Begun(conversation_id=id):
                        session = None if new is None else _shown_session(new).model_dump(mode="json")
                        yield sse("message.started", {"conversation_id": id, "session": session})
                    case Piece(text=text):
                        yield sse("message.delta", {"text": text})
                    case Withdrawn():
                        yield sse("message.withdrawn", {})
                    case Finished():
                        yield sse("message.completed", _shown_answer(event, new).model_dump(mode="json"))
        except OfficiumError as error:
            yield b"event: error\ndata: " + openai_error(error, status_of(error)) + b"\n\n"


def sse(name: str, data: object) -> bytes:
    """An event."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def _question(asked: VisitorSays) -> Question:
    return Question(
        text=asked.message_text,
        conversation_id=asked.conversation_id,
        language=asked.language,
        page_url=asked.page_url,
    )


def _shown_answer(finished: Finished, new: Visit | None) -> ShownAnswer:
    answer = finished.answer
    return ShownAnswer(
        message_id=finished.message_id,
        conversation_id=finished.conversation_id,
        response=answer.text,
        confidence=answer.confidence,
        confidence_source=answer.confidence_source,
        answer_source=answer.answer_source,
        suggestions=list(answer.suggestions),
        citations=[ShownCitation(**msgspec.structs.asdict(each)) for each in answer.citations],
        notice=answer.notice,
        visitor_notice=answer.visitor_notice,
        timestamp=finished.at,
        session=None if new is None else _shown_session(new),
    )


def _shown_session(visit: Visit) -> ShownSession:
    session = visit.session
    return ShownSession(
        token=visit.token, expires_at=session.expires_at, renewable_until=session.renewable_until
    )


def shown_message(message: VisitorMessage) -> ShownMessage:
    """A message as pages and the inbox get it."""
    values = {name: getattr(message, name) for name in ShownMessage.model_fields}
    citations = [ShownCitation(**msgspec.structs.asdict(each)) for each in message.citations]
    return ShownMessage(**values | {"citations": citations, "suggestions": list(message.suggestions)})
