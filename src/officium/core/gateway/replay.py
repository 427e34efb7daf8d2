"""A request that was kept, asked again of another model."""

from time import perf_counter
from typing import Protocol

from msgspec import Struct

from officium.core.gateway.call import Answer, AnswerStream, CallContext
from officium.core.gateway.errors import NotReplayable
from officium.core.llm.completion import (
    Completion,
    CompletionBuilder,
    CompletionRequest,
    OutputFormat,
    Tool,
    ToolChoice,
)
from officium.core.llm.message import Message, Part, Refusal, Text, ToolCall, ToolResult
from officium.core.tenancy import Caller
from officium.core.usage.contents import RequestContent
from officium.core.usage.contents.content import KeptMessage, KeptPart, KeptRequest

_MODES = ("auto", "none", "required")
LONGEST_ANSWER = 1_000_000
HOTTEST = 2.0


class Completions(Protocol):
    """The way to a model."""

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer: ...

    async def open_stream(
        self, caller: Caller, request: CompletionRequest, context: CallContext
    ) -> AnswerStream: ...


class Contents(Protocol):
    """Opens what was asked and answered."""

    async def open_content(
        self, caller: Caller, request_id: str, *, by: str | None = None, purpose: str = "read"
    ) -> list[RequestContent]: ...


class Wish(Struct, frozen=True, kw_only=True):
    """How to ask again: of which model, and what of the request is to be another; `None` leaves it as it was.

    `call` is the place of the call among those of its request, from 0.
    """

    model: str
    call: int = 0
    temperature: float | None = None
    max_tokens: int | None = None
    is_stream: bool = False


class Replayed(Struct, frozen=True, kw_only=True):
    """Both answers. `model` is who answered now; `first_ms` the time to the first piece of a stream."""

    before: RequestContent
    completion: Completion
    model: str
    first_ms: int
    total_ms: int


class Prepared(Struct, frozen=True, kw_only=True):
    """A kept call, and the request that asks it again."""

    before: RequestContent
    request: CompletionRequest


class ReplayService:
    """Asks a kept request again, as whoever wants it: with their rights, limits and credits."""

    def __init__(self, gateway: Completions, contents: Contents) -> None:
        self._gateway = gateway
        self._contents = contents

    async def replay(self, caller: Caller, request_id: str, wish: Wish, context: CallContext) -> Replayed:
        """Both answers, the kept one and that of now. Needs `admin`, as opening does.

        Raises ContentNotKept, NotReplayable and as `GatewayService.complete`.
        """
        prepared = await self.prepare(caller, request_id, wish, context)
        before, request = prepared.before, prepared.request
        began = perf_counter()
        if wish.is_stream:
            completion, model, first_ms = await self._stream(caller, request, context)
        else:
            answer = await self._gateway.complete(caller, request, context)
            completion, model, first_ms = answer.completion, answer.deployment.name, 0
        total_ms = round((perf_counter() - began) * 1000)
        return Replayed(
            before=before,
            completion=completion,
            model=model,
            first_ms=first_ms or total_ms,
            total_ms=total_ms,
        )

    async def prepare(self, caller: Caller, request_id: str, wish: Wish, context: CallContext) -> Prepared:
        """The kept call, and the request to send in its place. Needs `admin`, as opening does.

        Raises ContentNotKept and NotReplayable.
        """
        found = await self._contents.open_content(
            caller, request_id, by=context.request_id, purpose=f"replay with {wish.model}"[:200]
        )
        if not 0 <= wish.call < len(found):
            raise NotReplayable("This request has no such call.", param="call")
        return Prepared(before=found[wish.call], request=replayed_request(found[wish.call], wish))

    async def open_stream(self, caller: Caller, prepared: Prepared, context: CallContext) -> AnswerStream:
        """The answer of now as it is written. Close it, read to the end or not: what came is accounted for.

        Raises as `GatewayService.open_stream`.
        """
        return await self._gateway.open_stream(caller, prepared.request, context)

    async def _stream(
        self, caller: Caller, request: CompletionRequest, context: CallContext
    ) -> tuple[Completion, str, int]:
        began = perf_counter()
        stream = await self._gateway.open_stream(caller, request, context)
        first_ms = round((perf_counter() - began) * 1000)
        builder = CompletionBuilder()
        try:
            async for batch in stream:
                for delta in batch:
                    builder.add(delta)
        finally:
            await stream.aclose()
        return builder.build(stream.notes), stream.deployment.name, first_ms


def replayed_request(content: RequestContent, wish: Wish) -> CompletionRequest:
    """The request as it is asked again. Raises NotReplayable where not all of it was kept.

    What a model thought is left out: it is sealed for that model.
    """
    kept = content.request
    if kept.inputs or not kept.messages:
        raise NotReplayable("Only questions to a model can be asked again, not embeddings.")
    if kept.has_media:
        raise NotReplayable("This request had pictures or files, which are not kept. Send it again yourself.")
    if content.is_request_cut:
        raise NotReplayable("This request was too long to be kept whole, so it cannot be asked again.")
    if not wish.model.strip():
        raise NotReplayable("Choose a model.", param="model")
    if wish.temperature is not None and not 0 <= wish.temperature <= HOTTEST:
        raise NotReplayable(f"The temperature lies between 0 and {HOTTEST:g}.", param="temperature")
    if wish.max_tokens is not None and not 1 <= wish.max_tokens <= LONGEST_ANSWER:
        raise NotReplayable(f"An answer has 1 to {LONGEST_ANSWER:,} tokens.", param="max_tokens")
    settings = dict(kept.settings)
    if wish.temperature is not None:
        settings["temperature"] = wish.temperature
    if wish.max_tokens is not None:
        settings["max_tokens"] = wish.max_tokens
    return CompletionRequest(
        model=wish.model.strip(),
        messages=tuple(_message(message) for message in kept.messages),
        tools=tuple(Tool(tool.name, tool.description, tool.parameters, tool.strict) for tool in kept.tools),
        tool_choice=_choice(kept),
        output_format=OutputFormat(kept.output_schema) if kept.wants_json else None,
        stop=kept.stop,
        stream=wish.is_stream,
        **settings,
    )


def _choice(kept: KeptRequest) -> ToolChoice | None:
    said = kept.tool_choice
    if said is None or not kept.tools:
        return None
    return ToolChoice(said) if said in _MODES else ToolChoice("tool", said)  # type: ignore[arg-type]


def _message(message: KeptMessage) -> Message:
    parts = [found for part in message.parts if (found := _part(part)) is not None]
    return Message(message.role, tuple(parts), message.name)


def _part(part: KeptPart) -> Part | None:
    match part.kind:
        case "text":
            return Text(part.text)
        case "refusal":
            return Refusal(part.text)
        case "tool_call":
            return ToolCall(part.id or "", part.name or "", part.text)
        case "tool_result":
            said = tuple(Text(one.text) for one in part.parts)
            return ToolResult(part.id or "", said, part.name, part.is_error)
        case _:
            return None
