"""Answers visitors, and is never silent: a model, else the knowledge base, else a friendly default."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import structlog
from msgspec import Struct
from msgspec.structs import replace

from officium.apps.widget.answers.retrieval import Found, Retrieved
from officium.apps.widget.answers.support import measure_support
from officium.apps.widget.answers.texts import default_response
from officium.apps.widget.errors import WidgetNotFound
from officium.apps.widget.usage import EXHAUSTED_NOTICE
from officium.apps.widget.visitors import (
    LONGEST_MESSAGE,
    AnswerRecord,
    Citation,
    GivenAnswer,
    NewMessage,
    Session,
    Visit,
    VisitorConversation,
    VisitorMessage,
)
from officium.apps.widget.visitors.conversation import turns_of
from officium.apps.widget.visitors.errors import InvalidMessage
from officium.apps.widget.visitors.service import WITHOUT_ORIGIN
from officium.apps.widget.widget import Widget
from officium.core.gateway import AnswerStream, CallContext
from officium.core.gateway.errors import ProviderNotConfigured
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.message import Message, assistant, system, user
from officium.core.llm.token_usage import TokenUsage
from officium.core.llm.tokens import estimate_message_tokens, estimate_tokens
from officium.core.prompts import Rendered
from officium.core.tenancy import Caller, require
from officium.core.usage.ledger.errors import OutOfCredits
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError
from officium.kit.mask import mask
from officium.kit.money import usd_of_nano

PROMPT = "widget.answer"
HISTORY_MESSAGES = 10
LONGEST_ANSWER_S = 120.0
MOST_SUGGESTIONS = 3
LEAST_SCOPE = 0.5
"""From which on a question the knowledge base may know, but not surely, gets suggestions with the default."""
LONGEST_ANSWER = 20_000
ASKED_AGAIN_WITHIN = timedelta(minutes=10)
"""A question whose answer was lost on the way is the same one so long, and stands there once."""
_LONGEST_URL = 2_048
_SUGGESTED_FROM = 0.02

Result = TypeVar("Result")
_log = structlog.get_logger("widget")


class Question(Struct, frozen=True, kw_only=True):
    """What a visitor asks. A conversation that is not theirs, or is not there, begins anew."""

    text: str
    conversation_id: int | None = None
    language: str | None = None
    page_url: str | None = None


class Begun(Struct, frozen=True, kw_only=True):
    """The conversation the answer will be in; `None` while the database is away."""

    conversation_id: int | None


class Piece(Struct, frozen=True, kw_only=True):
    """Some more text of the answer."""

    text: str


class Withdrawn(Struct, frozen=True, kw_only=True):
    """The pieces so far count no more: whoever said them broke off, and somebody else answers."""


class Finished(Struct, frozen=True, kw_only=True):
    """The whole answer. `message_id` is `None` where it could not be kept.

    `is_handed_over` says that a person will answer: the widget says nothing.
    """

    conversation_id: int | None
    message_id: int | None
    answer: GivenAnswer
    at: datetime
    is_handed_over: bool = False


AnswerEvent = Begun | Piece | Withdrawn | Finished


class Gateway(Protocol):
    """The way to a model."""

    async def open_stream(
        self, caller: Caller, request: CompletionRequest, context: CallContext
    ) -> AnswerStream: ...


class Prompts(Protocol):
    """Makes the texts of a prompt."""

    async def render(self, caller: Caller, name: str, variables: Mapping[str, object]) -> Rendered: ...


class Knowledge(Protocol):
    """Finds entries, and never fails."""

    async def search(self, caller: Caller, widget_id: int, question: str) -> Retrieved: ...


class Conversations(Protocol):
    """Keeps what is said."""

    async def open_conversation(
        self,
        caller: Caller,
        widget_id: int,
        visitor_id: str,
        conversation_id: int | None,
        language: str | None,
        page_url: str | None,
        now: datetime,
    ) -> VisitorConversation: ...

    async def list_recent(
        self, caller: Caller, conversation_id: int, most: int
    ) -> Sequence[VisitorMessage]: ...

    async def add_message(
        self, caller: Caller, widget_id: int, message: NewMessage, now: datetime
    ) -> VisitorMessage: ...

    async def add_answer(
        self, caller: Caller, widget_id: int, message: NewMessage, record: AnswerRecord, now: datetime
    ) -> VisitorMessage: ...

    async def add_spent(self, caller: Caller, conversation_id: int, tokens: int, nano_usd: int) -> None: ...


class Widgets(Protocol):
    """Knows the widgets, and where their clients are."""

    async def find_widget(self, caller: Caller, widget_id: int) -> Widget | None: ...

    async def find_time_zone(self, caller: Caller, client_id: int) -> str | None: ...


class AnswerService:
    """Answers in the order the widget's owner was promised, and writes down how."""

    def __init__(
        self,
        gateway: Gateway,
        prompts: Prompts,
        knowledge: Knowledge,
        conversations: Conversations,
        widgets: Widgets,
        clock: Clock,
    ) -> None:
        self._gateway = gateway
        self._prompts = prompts
        self._knowledge = knowledge
        self._conversations = conversations
        self._widgets = widgets
        self._clock = clock

    async def answer(self, visit: Visit, question: Question, request_id: str) -> Finished:
        """The whole answer. Raises InvalidMessage, and nothing else that can be helped."""
        async with aclosing(self.stream(visit, question, request_id)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    return event
        raise AssertionError("an answer always ends with itself")

    async def try_out(
        self, caller: Caller, widget_id: int, question: Question, request_id: str
    ) -> GivenAnswer:
        """What a visitor would be told now; nothing of it is kept. A model is asked and paid for as usual.

        Needs `config:read` and `inference`. Raises WidgetNotFound and InvalidMessage.
        """
        require(caller, "config:read")
        require(caller, "inference")
        asked = _checked(question)
        widget = await self._widgets.find_widget(caller, widget_id)
        if widget is None:
            raise WidgetNotFound(f"Your tenant has no widget {widget_id}.")
        started, now = self._clock.monotonic(), self._clock.now()
        session = Session(
            visitor_id=caller.actor,
            widget_key=widget.widget_key,
            origin=WITHOUT_ORIGIN,
            expires_at=now,
            renewable_until=now,
        )
        visit = Visit(widget=widget, caller=caller, visitor_id=caller.actor, session=session, token="")
        turn = _Turn(visit, asked, mask(asked.text), None, (), request_id)
        found = await self._knowledge.search(caller, widget_id, turn.masked)
        async with aclosing(self._ask_model(turn, found)) as events:
            async for event in events:
                if isinstance(event, GivenAnswer):
                    waited = round((self._clock.monotonic() - started) * 1000)
                    return replace(event, response_time_ms=waited)
        raise AssertionError("an answer always ends with itself")

    async def stream(
        self, visit: Visit, question: Question, request_id: str
    ) -> AsyncGenerator[AnswerEvent, None]:
        """The answer as it comes: Begun, pieces (which may be withdrawn), Finished. Raises InvalidMessage.

        Read it in one task: the time a model is waited for is the reader's.
        """
        asked = _checked(question)
        started = self._clock.monotonic()
        conversation, history = await self._open(visit, asked)
        id = conversation.id if conversation else None
        yield Begun(conversation_id=id)
        if conversation is not None and conversation.status in ("waiting", "human"):
            yield self._handed_over(conversation)
            return
        turn = _Turn(visit, asked, mask(asked.text), conversation, history, request_id)
        found = await self._knowledge.search(visit.caller, visit.widget.id, turn.masked)
        given: GivenAnswer | None = None
        async with aclosing(self._ask_model(turn, found)) as events:
            async for event in events:
                if isinstance(event, GivenAnswer):
                    given = event
                else:
                    yield event
        assert given is not None
        waited = round((self._clock.monotonic() - started) * 1000)
        given = replace(given, response_time_ms=waited)
        if given.answer_source == "llm":
            _log.info(
                f"✅ LLM response generated ({given.total_tokens} tokens, {waited}ms)",
                tenant=visit.caller.tenant_id,
                widget=visit.widget.id,
            )
        message_id = await self._keep(turn, given)
        yield Finished(conversation_id=id, message_id=message_id, answer=given, at=self._clock.now())

    async def _ask_model(
        self, turn: "_Turn", found: Retrieved
    ) -> AsyncGenerator[Piece | Withdrawn | GivenAnswer, None]:
        """The model's answer, else what comes next. The last event is the answer."""
        widget = turn.visit.widget
        if not widget.llm_enabled:
            yield self._without_model(turn, found, None)
            return
        said = _Said()
        try:
            async with aclosing(self._stream_model(turn, found, said)) as pieces:
                async for piece in pieces:
                    yield piece
            yield _grounded(said, found, widget)
            return
        except (asyncio.CancelledError, GeneratorExit):  # the visitor has gone
            if turn.conversation is not None and said.total_tokens:
                tokens, nano_usd = said.total_tokens, said.cost_nano_usd
                counting = self._conversations.add_spent(
                    turn.visit.caller, turn.conversation.id, tokens, nano_usd
                )
                await self._try(turn.visit, counting, "what was spent")
            raise
        except Exception as error:
            failure = _Failure.of(error, said, widget)
        if said.text:
            yield Withdrawn()
        _log.warning(
            f"⚠️ LLM failed for widget {widget.id}: {failure.reason} - answering from the knowledge base",
            tenant=turn.visit.caller.tenant_id,
            widget=widget.id,
            error=failure.error_code,
        )
        yield self._without_model(turn, found, failure)

    async def _stream_model(
        self, turn: "_Turn", found: Retrieved, said: "_Said"
    ) -> AsyncGenerator[Piece, None]:
        visit, widget = turn.visit, turn.visit.widget
        _log.info(
            f"🤖 LLM enabled for widget {widget.id} - Attempting AI response...",
            tenant=visit.caller.tenant_id,
            widget=widget.id,
        )
        if turn.conversation is not None:
            _check_ceiling(widget, turn.conversation)
        async with asyncio.timeout(widget.llm_timeout_s) as patience:
            rendered = await self._prompts.render(visit.caller, PROMPT, _variables(turn, found))
            request = _request(widget, rendered, turn.history)
            said.begin(request)
            context = CallContext(
                request_id=turn.request_id,
                app="widget",
                prompt=rendered.name,
                prompt_version=rendered.version,
                client_id=widget.client_id,
                widget_id=widget.id,
                visitor_id=visit.visitor_id,
            )
            stream = await self._gateway.open_stream(visit.caller, request, context)
            try:
                said.provider, said.model = stream.deployment.provider.name, stream.deployment.model
                ends = asyncio.get_running_loop().time() + LONGEST_ANSWER_S
                async for batch in stream:
                    # Silence is what is not waited for; a model that goes on speaking may take its time.
                    patience.reschedule(min(ends, asyncio.get_running_loop().time() + widget.llm_timeout_s))
                    for delta in batch:
                        said.usage = delta.usage or said.usage
                        said.finish_reason = delta.finish_reason or said.finish_reason
                        if delta.text and len(said.text) < LONGEST_ANSWER:
                            said.text += delta.text
                            yield Piece(text=delta.text)
            finally:
                await stream.aclose()
                said.cost_nano_usd = stream.cost_nano_usd
        if not said.text.strip() or said.finish_reason == "content_filter":
            raise NothingSaid("The model said nothing.")

    def _without_model(self, turn: "_Turn", found: Retrieved, failure: "_Failure | None") -> GivenAnswer:
        """The knowledge base's answer, where it is sure enough, else the default."""
        widget = turn.visit.widget
        best = found.entries[0] if found.entries else None
        if widget.fallback_to_knowledge_base and best and best.confidence >= widget.confidence_threshold:
            given = GivenAnswer(
                text=best.answer,
                answer_source="knowledge_base",
                confidence=best.confidence,
                confidence_source="calibrated",
                citations=(_citation(best),),
                suggestions=_suggestions(found.entries[1:]),
            )
        else:
            may_suggest = widget.fallback_to_knowledge_base and found.scope >= LEAST_SCOPE
            given = GivenAnswer(
                text=default_response(widget.default_response, turn.question.language, widget.languages),
                answer_source="default",
                confidence=0.0,
                confidence_source="default",
                suggestions=_suggestions(found.entries) if may_suggest else (),
            )
        return given if failure is None else failure.noted(given, widget)

    async def _open(
        self, visit: Visit, question: Question
    ) -> tuple[VisitorConversation | None, list[VisitorMessage]]:
        """The conversation and what was said in it; the question is added. Nothing without the database."""
        now = self._clock.now()

        async def open() -> tuple[VisitorConversation, list[VisitorMessage]]:
            conversation = await self._conversations.open_conversation(
                visit.caller,
                visit.widget.id,
                visit.visitor_id,
                question.conversation_id,
                question.language,
                question.page_url,
                now,
            )
            before = await self._conversations.list_recent(visit.caller, conversation.id, HISTORY_MESSAGES)
            if _is_asked_again(conversation, before, question, now):
                before = before[:-1]
            else:
                message = NewMessage(conversation_id=conversation.id, speaker="visitor", text=question.text)
                await self._conversations.add_message(visit.caller, visit.widget.id, message, now)
            return conversation, turns_of(before, HISTORY_MESSAGES)

        return await self._try(visit, open(), "question") or (None, [])

    async def _keep(self, turn: "_Turn", given: GivenAnswer) -> int | None:
        """Write the answer down; its id, or nothing while the database is away."""
        if turn.conversation is None:
            return None
        visit = turn.visit
        now = self._clock.now()
        record = AnswerRecord(
            request_id=turn.request_id,
            visitor_id=visit.visitor_id,
            question=turn.masked,
            response=mask(given.text) if given.answer_source == "llm" else given.text,
            day=await self._day(visit, now),
        )
        message = NewMessage(
            conversation_id=turn.conversation.id, speaker="widget", text=given.text, answer=given
        )
        keeping = self._conversations.add_answer(visit.caller, visit.widget.id, message, record, now)
        added = await self._try(visit, keeping, "answer")
        return None if added is None else added.id

    async def _day(self, visit: Visit, now: datetime) -> date:
        """Today, where the client is."""
        zone = await self._try(
            visit, self._widgets.find_time_zone(visit.caller, visit.widget.client_id), "time zone"
        )
        return now.astimezone(ZoneInfo(zone) if zone else UTC).date()

    async def _try(self, visit: Visit, work: Any, what: str) -> Any:
        """What comes of it; nothing, and a line in the log, where the database does not take it."""
        try:
            return await work
        except Exception as error:
            reason = error.code if isinstance(error, OfficiumError) else type(error).__name__
            _log.error(
                "widget.not_kept",
                what=what,
                tenant=visit.caller.tenant_id,
                widget=visit.widget.id,
                reason=reason,
                exc_info=not isinstance(error, OfficiumError),
            )
            return None

    def _handed_over(self, conversation: VisitorConversation) -> Finished:
        given = GivenAnswer(text="", answer_source="agent", confidence=1.0, confidence_source="default")
        return Finished(
            conversation_id=conversation.id,
            message_id=None,
            answer=given,
            at=self._clock.now(),
            is_handed_over=True,
        )


def _is_asked_again(
    conversation: VisitorConversation, before: Sequence[VisitorMessage], question: Question, now: datetime
) -> bool:
    """Whether it is the question that was said last, and that nobody has answered."""
    if not before or conversation.status != "bot":
        return False
    last = before[-1]
    is_same = last.speaker == "visitor" and last.text == question.text
    return is_same and now - last.created_at < ASKED_AGAIN_WITHIN


class NothingSaid(Exception):
    """The model's answer was empty, or was held back by its provider."""

    code = "empty_answer"


class ConversationSpent(Exception):
    """The conversation has spent what it may on models."""

    code = "conversation_spent"


class _Turn:
    """A question with what is known of it."""

    def __init__(
        self,
        visit: Visit,
        question: Question,
        masked: str,
        conversation: VisitorConversation | None,
        history: Sequence[VisitorMessage],
        request_id: str,
    ) -> None:
        self.visit = visit
        self.question = question
        self.masked = masked
        self.conversation = conversation
        self.history = history
        self.request_id = request_id


class _Said:
    """What a model has said so far, and who it was."""

    def __init__(self) -> None:
        self.text = ""
        self.usage: TokenUsage | None = None
        self.finish_reason: str | None = None
        self.provider: str | None = None
        self.model: str | None = None
        self.cost_nano_usd = 0
        self._request: CompletionRequest | None = None

    def begin(self, request: CompletionRequest) -> None:
        self._request = request

    @property
    def total_tokens(self) -> int:
        """As the provider counted, else as we estimate; 0 where nobody was asked."""
        if self.provider is None or self._request is None:
            return 0
        usage = self.usage or TokenUsage()
        taken, written = usage.input_tokens, usage.output_tokens
        return (estimate_message_tokens(self._request.messages) if taken is None else taken) + (
            estimate_tokens(self.text) if written is None else written
        )


class _Failure(Struct, frozen=True, kw_only=True):
    """Why no model answered."""

    status: Any
    error_code: str
    reason: str
    provider: str | None
    model: str | None
    tokens: int
    cost_nano_usd: int

    @classmethod
    def of(cls, error: Exception, said: _Said, widget: Widget) -> "_Failure":
        is_spent = isinstance(error, OutOfCredits | ConversationSpent)
        code = "provider_timeout" if isinstance(error, TimeoutError) else getattr(error, "code", None)
        if isinstance(error, ProviderNotConfigured):
            reason = error.message.partition(".")[0]
        elif isinstance(error, TimeoutError):
            reason = f"no answer within {widget.llm_timeout_s:g} seconds"
        elif code is None:
            reason = type(error).__name__
            _log.error("widget.llm_failed", widget=widget.id, exc_info=error)
        else:
            reason = code
        return cls(
            status="credits_exhausted" if is_spent else "failed",
            error_code=str(code or "internal_error")[:64],
            reason=reason,
            provider=said.provider or widget.llm_provider,
            model=said.model or widget.llm_model,
            tokens=said.total_tokens,
            cost_nano_usd=said.cost_nano_usd,
        )

    def noted(self, given: GivenAnswer, widget: Widget) -> GivenAnswer:
        """The answer that was given instead, with why."""
        is_out_of_credits = self.error_code == OutOfCredits.code
        return replace(
            given,
            status=self.status,
            error_code=self.error_code,
            llm_provider=self.provider,
            llm_model=self.model,
            total_tokens=self.tokens,
            cost_nano_usd=self.cost_nano_usd,
            notice=EXHAUSTED_NOTICE if is_out_of_credits else None,
            visitor_notice=(widget.visitor_notice or None) if is_out_of_credits else None,
        )


def _check_ceiling(widget: Widget, conversation: VisitorConversation) -> None:
    """Raise ConversationSpent where models were paid enough for this conversation."""
    tokens, nano_usd = widget.conversation_token_limit, widget.conversation_nano_usd_limit
    if tokens is not None and conversation.tokens >= tokens:
        raise ConversationSpent(f"The conversation has used its {tokens:,} tokens.")
    if nano_usd is not None and conversation.nano_usd >= nano_usd:
        raise ConversationSpent(f"The conversation has cost its {usd_of_nano(nano_usd)} dollars.")


def _checked(question: Question) -> Question:
    """The question as it can be kept. Raises InvalidMessage."""
    text = (
        question.text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
    )
    if not 1 <= len(text) <= LONGEST_MESSAGE:
        raise InvalidMessage(f"A message has 1 to {LONGEST_MESSAGE:,} characters.", param="message_text")
    url = question.page_url
    if url is not None and (len(url) > _LONGEST_URL or not url.startswith(("https://", "http://"))):
        url = None
    return replace(question, text=text, page_url=url and url.partition("?")[0].partition("#")[0])


def _variables(turn: _Turn, found: Retrieved) -> dict[str, object]:
    widget = turn.visit.widget
    return {
        "question": turn.masked,
        "entries": [{"question": entry.question, "answer": entry.answer} for entry in found.entries],
        "business": widget.business_info,
        "persona": widget.persona,
        "language": turn.question.language or "",
    }


def _request(widget: Widget, rendered: Rendered, history: Sequence[VisitorMessage]) -> CompletionRequest:
    said: list[Message] = [
        user(mask(message.text)) if message.speaker == "visitor" else assistant(message.text)
        for message in history
        if message.text
    ]
    return CompletionRequest(
        model=model_name(widget),
        messages=(system(rendered.system), *said, user(rendered.user)),
        temperature=widget.llm_temperature,
        max_tokens=widget.llm_max_tokens,
        stream=True,
    )


def model_name(widget: Widget) -> str:
    """Who is to answer: the widget's provider and model, else the tenant's default."""
    if widget.llm_provider and widget.llm_model:
        return f"{widget.llm_provider}/{widget.llm_model}"
    return widget.llm_provider or widget.llm_model or "default"


def _grounded(said: _Said, found: Retrieved, widget: Widget) -> GivenAnswer:
    """The model's answer, and how far what it was told supports it."""
    evidence = [f"{entry.question}\n{entry.answer}" for entry in found.entries]
    support = measure_support(said.text, [*evidence, widget.business_info])
    cited = [found.entries[place] for place in support.sources if place < len(found.entries)]
    return GivenAnswer(
        text=said.text.strip(),
        answer_source="llm",
        confidence=support.confidence,
        confidence_source=support.confidence_source,
        citations=tuple(_citation(entry) for entry in cited[:MOST_SUGGESTIONS]),
        llm_provider=said.provider,
        llm_model=said.model,
        total_tokens=said.total_tokens,
        cost_nano_usd=said.cost_nano_usd,
    )


def _citation(entry: Found) -> Citation:
    return Citation(entry_id=entry.entry_id, question=entry.question, source_url=entry.source_url)


def _suggestions(entries: Sequence[Found]) -> tuple[str, ...]:
    fitting = [entry.question for entry in entries if entry.confidence >= _SUGGESTED_FROM]
    return tuple(dict.fromkeys(fitting))[:MOST_SUGGESTIONS]
