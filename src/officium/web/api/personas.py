"""`/c-suite` and `/chat`: asking the advisers, and reading their answers as they come."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Header, Path
from fastapi.responses import StreamingResponse
from pydantic import Field

from officium.apps.personas.persona import PERSONAS, PersonaType, checked_persona
from officium.apps.personas.persona_config import PersonaConfig, SavedPersonaConfig
from officium.apps.personas.service import BegunAnswer
from officium.core.conversations.live import NumberedEvent
from officium.core.gateway.call import CallContext
from officium.core.llm.streaming import sse_logger
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.events import event_response, last_event_id
from officium.web.keyed import KnownCaller, RequestId, keyed_router
from officium.web.spelling import Camel, CamelBody

_LARGEST_ID = 2**63 - 1
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "The answer as server-sent events."}
}


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
        language: str = "",
    ) -> BegunAnswer: ...

    async def regenerate(
        self, caller: Caller, message_id: int, context: CallContext, *, language: str = ""
    ) -> BegunAnswer: ...

    async def edit(
        self, caller: Caller, message_id: int, message: str, context: CallContext, *, language: str = ""
    ) -> BegunAnswer: ...

    async def read(
        self, caller: Caller, message_id: int, after_event_id: int = 0
    ) -> AsyncGenerator[NumberedEvent, None]: ...

    async def stop(self, caller: Caller, message_id: int) -> bool: ...

    async def check(self, caller: Caller, text: str, context: Mapping[str, Any]) -> Mapping[str, Any]: ...


class PersonaConfigs(Protocol):
    """Knows how personas are to answer."""

    async def list_configs(self, caller: Caller) -> Sequence[SavedPersonaConfig]: ...

    async def set_config(
        self, caller: Caller, persona: PersonaType, config: PersonaConfig, *, request_id: str | None = None
    ) -> SavedPersonaConfig: ...

    async def reset_config(
        self, caller: Caller, persona: PersonaType, *, request_id: str | None = None
    ) -> None: ...


Language = Annotated[
    str,
    Field(
        pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?)?$",
        description="The language to answer in, such as `de`; that of the question where left out.",
    ),
]


class Question(CamelBody):
    """A message to an adviser."""

    message: str = Field(description="At most 16 KB.", examples=["What should I focus on this quarter?"])
    conversation_id: Annotated[int, Field(ge=1, le=_LARGEST_ID)] | None = Field(
        None, description="The conversation to go on with; a new one where left out or null."
    )
    language: Language = ""


class QuestionToSomebody(Question):
    """A message to the adviser it names."""

    persona: str = Field("ceo", examples=list(PERSONAS))


class Again(CamelBody):
    """How to answer once more."""

    language: Language = ""


class OtherWords(CamelBody):
    """A question in other words."""

    message: str
    language: Language = ""


class TextToCheck(CamelBody):
    """A text, and what its figures may come from."""

    context: dict[str, Any] = Field(examples=[{"recentAnalytics": {"users": 450}}])
    text: str = Field(examples=["You have 450 users, and 12 % of them pay."])


class CheckedFigure(Camel):
    """A figure in the text, and whether the context has it."""

    text: str
    start: int
    end: int
    kind: str
    value: str | None
    status: str = Field(description="matched, computed, proposed (a plan) or unmatched.")
    matched: bool
    source: str | None = Field(description="The place in the context, or the step that gives the figure.")
    context_says: str | None = Field(description="What the context says of the same thing instead.")


class CheckedText(Camel):
    """The figures of a text in their order, and how many of them are what."""

    figures: list[CheckedFigure]
    matched: int
    unmatched: int
    proposed: int
    complete: bool = Field(description="Whether all figures were looked at; of very many they are not.")


class Stopped(Camel):
    """Whether the answer was under way."""

    stopped: bool


class AskedConfig(CamelBody):
    """How a persona shall answer. What is left out, or null, is as everywhere else."""

    model: str | None = Field(None, description="A model's name, as any request may name it.")
    temperature: float | None = None
    max_tokens: int | None = None


class ShownConfig(Camel):
    """How a persona answers; null is as everywhere else."""

    persona: PersonaType
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None


class ShownConfigs(Camel):
    """All personas."""

    personas: list[ShownConfig]


PersonaName = Annotated[str, Path(description="ceo, cfo, cmo or cto.", examples=list(PERSONAS))]
MessageId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", description="The `id` of the last event you have seen.")
]
TraceParent = Annotated[str | None, Header(max_length=512, include_in_schema=False)]


class Reading:
    """Answers a request with the events of an answer."""

    def __init__(self, advisers: Advisers, heartbeat_s: float) -> None:
        self._advisers = advisers
        self._heartbeat_s = heartbeat_s

    async def begin(self, caller: Caller, begun: BegunAnswer) -> StreamingResponse:
        """The events of an answer from its beginning, and where to find it again."""
        headers = {
            "officium-conversation-id": str(begun.conversation_id),
            "officium-message-id": str(begun.message_id),
        }
        return await self.go_on(caller, begun.message_id, 0, headers)

    async def go_on(
        self, caller: Caller, message_id: int, after: int, headers: Mapping[str, str] | None = None
    ) -> StreamingResponse:
        """The events of an answer after one of them."""
        events = await self._advisers.read(caller, message_id, after)
        sse_logger.info("answer.read", tenantId=caller.tenant_id, message=message_id, after=after)
        return event_response(events, self._heartbeat_s, headers or {})


def personas_router(
    advisers: Advisers, configs: PersonaConfigs, authenticator: Authenticator, heartbeat_s: float
) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "advisers")
    reading = Reading(advisers, heartbeat_s)
    _add_chat(router, advisers, reading)
    _add_answers(router, advisers, reading)
    _add_configs(router, configs)

    @router.post("/c-suite/check", summary="Which figures in a text are in a context, or follow from it")
    async def check(caller: KnownCaller, asked: TextToCheck) -> CheckedText:
        return CheckedText.model_validate(await advisers.check(caller, asked.text, asked.context))

    return router


def _add_chat(router: APIRouter, advisers: Advisers, reading: Reading) -> None:
    @router.post(
        "/c-suite/{persona}/chat",
        summary="Ask an adviser; the answer is streamed",
        response_class=StreamingResponse,
        responses=STREAM,
    )
    async def chat_with(
        caller: KnownCaller,
        request_id: RequestId,
        persona: PersonaName,
        asked: Question,
        traceparent: TraceParent = None,
    ) -> StreamingResponse:
        context = CallContext(request_id=request_id, traceparent=traceparent)
        begun = await advisers.chat(
            caller,
            persona,
            asked.message,
            context,
            conversation_id=asked.conversation_id,
            language=asked.language,
        )
        return await reading.begin(caller, begun)

    @router.post(
        "/chat",
        summary="Ask the adviser that the body names, else the CEO; the answer is streamed",
        response_class=StreamingResponse,
        responses=STREAM,
    )
    async def chat(
        caller: KnownCaller,
        request_id: RequestId,
        asked: QuestionToSomebody,
        traceparent: TraceParent = None,
    ) -> StreamingResponse:
        return await chat_with(caller, request_id, asked.persona, asked, traceparent)

    @router.post(
        "/c-suite/messages/{id}/regenerate",
        summary="Have another answer beside this one, streamed",
        response_class=StreamingResponse,
        responses=STREAM,
    )
    async def regenerate(
        caller: KnownCaller,
        request_id: RequestId,
        id: MessageId,
        asked: Again | None = None,
        traceparent: TraceParent = None,
    ) -> StreamingResponse:
        context = CallContext(request_id=request_id, traceparent=traceparent)
        language = asked.language if asked is not None else ""
        return await reading.begin(caller, await advisers.regenerate(caller, id, context, language=language))

    @router.post(
        "/c-suite/messages/{id}/edit",
        summary="Ask a question in other words, in a branch beside it; the answer is streamed",
        response_class=StreamingResponse,
        responses=STREAM,
    )
    async def edit(
        caller: KnownCaller,
        request_id: RequestId,
        id: MessageId,
        asked: OtherWords,
        traceparent: TraceParent = None,
    ) -> StreamingResponse:
        context = CallContext(request_id=request_id, traceparent=traceparent)
        begun = await advisers.edit(caller, id, asked.message, context, language=asked.language)
        return await reading.begin(caller, begun)


def _add_answers(router: APIRouter, advisers: Advisers, reading: Reading) -> None:
    @router.get(
        "/c-suite/answers/{id}/events",
        summary="Read an answer again, or go on reading it; for a day",
        response_class=StreamingResponse,
        responses=STREAM,
    )
    async def read_answer(caller: KnownCaller, id: MessageId, last: LastEventId = None) -> StreamingResponse:
        return await reading.go_on(caller, id, last_event_id(last))

    @router.post("/c-suite/answers/{id}/stop", summary="Stop an answer; what there is of it is kept")
    async def stop_answer(caller: KnownCaller, id: MessageId) -> Stopped:
        return Stopped(stopped=await advisers.stop(caller, id))


def _add_configs(router: APIRouter, configs: PersonaConfigs) -> None:
    @router.get("/c-suite/personas", summary="How each persona answers")
    async def list_configs(caller: KnownCaller) -> ShownConfigs:
        made = {config.persona: config for config in await configs.list_configs(caller)}
        return ShownConfigs(personas=[_shown(persona, made.get(persona)) for persona in PERSONAS])

    @router.put("/c-suite/personas/{persona}", summary="Give a persona a model of its own")
    async def set_config(
        caller: KnownCaller, request_id: RequestId, persona: PersonaName, asked: AskedConfig
    ) -> ShownConfig:
        name = checked_persona(persona)
        config = PersonaConfig(**asked.model_dump())
        return _shown(name, await configs.set_config(caller, name, config, request_id=request_id))

    @router.delete(
        "/c-suite/personas/{persona}", summary="Let a persona answer like everything else", status_code=204
    )
    async def reset_config(caller: KnownCaller, request_id: RequestId, persona: PersonaName) -> None:
        await configs.reset_config(caller, checked_persona(persona), request_id=request_id)


def _shown(persona: PersonaType, config: SavedPersonaConfig | None) -> ShownConfig:
    if config is None:
        return ShownConfig(persona=persona)
    return ShownConfig(**{name: getattr(config, name) for name in SavedPersonaConfig.__struct_fields__})
