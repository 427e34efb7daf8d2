"""Prompts and answers as they are kept: cut to size, without pictures, masked where that is wanted."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from officium.core.llm.completion import Completion, CompletionBuilder, CompletionRequest, Delta
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.message import (
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from officium.kit.mask import mask

LARGEST_REQUEST_BYTES = 256 * 1024
LARGEST_ANSWER_BYTES = 256 * 1024
_PART_BYTES = 64
"""What a part takes besides its text."""
_MARGIN_CHARS = 1024
"""Where a text is cut nobody can tell whether an address was cut in two, so as much again is left out."""
_PARAMETERS = (
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "parallel_tool_calls",
    "reasoning_effort",
)

PartKind = Literal["text", "image", "file", "reasoning", "refusal", "tool_call", "tool_result"]


class KeptPart(Struct, frozen=True, omit_defaults=True):
    """A piece of a message. Of pictures and files only `media_type`, `name` and `size_bytes` are kept.

    `text` of a tool call are its arguments; `id` is the call's, in its result, too.
    """

    kind: PartKind
    text: str = ""
    id: str | None = None
    name: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    is_error: bool = False
    parts: tuple["KeptPart", ...] = ()


class KeptMessage(Struct, frozen=True, omit_defaults=True):
    """One turn of what was sent."""

    role: Role
    parts: tuple[KeptPart, ...]
    name: str | None = None


class KeptTool(Struct, frozen=True, omit_defaults=True):
    """A function the model could call; `parameters` is a JSON Schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] = {}
    strict: bool | None = None


class KeptRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked. `inputs` are the texts of an embedding, `dropped` what of a chat was left out for size.

    `settings` are temperature, longest answer and the like, as far as they were said.
    """

    model: str
    messages: tuple[KeptMessage, ...] = ()
    inputs: tuple[str, ...] = ()
    tools: tuple[KeptTool, ...] = ()
    tool_choice: str | None = None
    settings: dict[str, Any] = {}
    stop: tuple[str, ...] = ()
    output_schema: dict[str, Any] | None = None
    wants_json: bool = False
    dropped: int = 0

    @property
    def has_media(self) -> bool:
        """Whether pictures or files were sent, which are not kept."""
        return any(_is_medium(part) for message in self.messages for part in message.parts)


class Fault(Struct, frozen=True, omit_defaults=True):
    """What went wrong with an attempt, 0 for what did before the first; in the provider's words or ours."""

    attempt: int
    code: str
    message: str
    model: str = ""


class KeptAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was answered, as far as it came, and what went wrong."""

    parts: tuple[KeptPart, ...] = ()
    finish_reason: str | None = None
    model: str = ""
    notes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


class Heard:
    """What was heard of a stream so far, up to the most that is kept of an answer."""

    def __init__(self) -> None:
        self._builder = CompletionBuilder()
        self._room = LARGEST_ANSWER_BYTES
        self._has_content = False

    def add(self, batch: Iterable[Delta]) -> None:
        """Take in the next deltas."""
        for delta in batch:
            if self._room > 0 and delta.has_content:
                self._has_content = True
                self._room -= len(delta.text) + len(delta.reasoning) + len(delta.refusal)
                self._room -= sum(len(piece.arguments) for piece in delta.tool_calls)
                self._builder.add(delta)

    def completion(self) -> Completion | None:
        """The answer so far; `None` where nothing was said."""
        return self._builder.build() if self._has_content else None


class PendingContent(Struct, frozen=True, kw_only=True):
    """A request that is over and waits to be kept; it holds what was asked and answered as they were."""

    tenant_id: str
    request_id: str
    created_at: datetime
    widget_id: int | None
    visitor_id: str | None
    is_masked: bool
    request: CompletionRequest | EmbeddingRequest
    answer: Completion | None
    finish_reason: str | None
    model: str
    faults: tuple[Fault, ...]

    @property
    def size_bytes(self) -> int:
        """About how much memory it holds."""
        request = self.request
        if isinstance(request, EmbeddingRequest):
            return sum(map(len, request.inputs))
        size = sum(_size_of(part) for message in request.messages for part in message.parts)
        if self.answer is not None:
            size += sum(_size_of(part) for part in self.answer.parts) + len(self.answer.raw)
        return size + 1024


class KeptContent(Struct, frozen=True, kw_only=True):
    """That something is kept of a request, and what; not the words."""

    id: str
    request_id: str
    created_at: datetime
    is_masked: bool
    is_request_cut: bool
    is_answer_cut: bool


class RequestContent(KeptContent, frozen=True, kw_only=True):
    """The same, opened."""

    request: KeptRequest
    answer: KeptAnswer


def write_request(request: CompletionRequest | EmbeddingRequest, *, is_masked: bool) -> tuple[str, bool]:
    """The request as JSON, and whether something of it was cut.

    The newest messages come first where there is no room for all: they are what was asked.
    """
    scissors = _Scissors(LARGEST_REQUEST_BYTES, mask if is_masked else _as_it_is)
    if isinstance(request, EmbeddingRequest):
        inputs = tuple(scissors.text(text) for text in request.inputs if scissors.take(_PART_BYTES))
        kept = KeptRequest(model=request.model, inputs=inputs, dropped=len(request.inputs) - len(inputs))
        return _to_json(kept), scissors.has_cut
    messages: list[KeptMessage] = []
    for message in reversed(request.messages):
        if not scissors.take(_PART_BYTES):
            break
        messages.append(_message(message, scissors))
    schema = request.output_format.schema if request.output_format is not None else None
    tools = tuple(_tool(tool, scissors) for tool in request.tools if scissors.take(_PART_BYTES))
    choice = request.tool_choice
    kept = KeptRequest(
        model=request.model,
        messages=tuple(reversed(messages)),
        tools=tools,
        tool_choice=None if choice is None else choice.name or choice.mode,
        settings={name: value for name in _PARAMETERS if (value := getattr(request, name)) is not None},
        stop=tuple(scissors.text(text) for text in request.stop),
        output_schema=scissors.schema(schema),
        wants_json=request.output_format is not None,
        dropped=len(request.messages) - len(messages),
    )
    return _to_json(kept), scissors.has_cut


def write_answer(pending: PendingContent) -> tuple[str, bool]:
    """The answer as JSON, and whether something of it was cut."""
    scissors = _Scissors(LARGEST_ANSWER_BYTES, mask if pending.is_masked else _as_it_is)
    faults = tuple(
        Fault(fault.attempt, fault.code, scissors.text(fault.message), fault.model)
        for fault in pending.faults
    )
    answer = pending.answer
    parts = answer.parts if answer is not None else ()
    kept = KeptAnswer(
        parts=tuple(_part(part, scissors) for part in parts if scissors.take(_PART_BYTES)),
        finish_reason=pending.finish_reason,
        model=pending.model,
        notes=tuple(scissors.text(note) for note in answer.notes) if answer is not None else (),
        faults=faults,
    )
    return _to_json(kept), scissors.has_cut


def read_request(text: str) -> KeptRequest:
    """A request as it was kept."""
    return msgspec.json.decode(text, type=KeptRequest)


def read_answer(text: str) -> KeptAnswer:
    """An answer as it was kept."""
    return msgspec.json.decode(text, type=KeptAnswer)


class _Scissors:
    """Cuts texts so that all together fit into some bytes, and treats each with `clean`."""

    def __init__(self, size_bytes: int, clean: Callable[[str], str]) -> None:
        self._room = size_bytes
        self._clean = clean
        self.has_cut = False

    def take(self, size_bytes: int) -> bool:
        """Take room for something; whether there was any."""
        if self._room < size_bytes:
            self.has_cut = True
            return False
        self._room -= size_bytes
        return True

    def text(self, text: str) -> str:
        """As much of a text as there is room for."""
        if len(text) > self._room:
            self.has_cut = True
            head = text[: self._room + _MARGIN_CHARS]
            text = self._clean(head)[: -_MARGIN_CHARS if len(head) > _MARGIN_CHARS else 0]
        else:
            text = self._clean(text)
        said = text.encode("utf-8", "replace")
        if len(said) > self._room:
            self.has_cut = True
            said = said[: self._room]
        self._room -= len(said)
        return said.decode("utf-8", "ignore")

    def schema(self, schema: Any) -> dict[str, Any] | None:
        """A JSON Schema, if there is room for it: half of one would be none."""
        if schema is None:
            return None
        try:
            written = msgspec.json.encode(schema)
        except (msgspec.MsgspecError, TypeError, ValueError):
            self.has_cut = True
            return None
        if not self.take(len(written)):
            return None
        read: dict[str, Any] = msgspec.json.decode(written)
        return read if isinstance(read, dict) else None


def _message(message: Message, scissors: _Scissors) -> KeptMessage:
    parts = tuple(_part(part, scissors) for part in message.parts if scissors.take(_PART_BYTES))
    return KeptMessage(message.role, parts, None if message.name is None else scissors.text(message.name))


def _part(part: Part, scissors: _Scissors) -> KeptPart:
    match part:
        case Image() | File():
            name = part.name if isinstance(part, File) else None
            return KeptPart(
                "image" if isinstance(part, Image) else "file",
                name=None if name is None else scissors.text(name),
                media_type=part.media_type,
                size_bytes=None if part.data is None else len(part.data) * 3 // 4,
            )
        case ToolCall():
            return KeptPart("tool_call", scissors.text(part.arguments), part.id, part.name)
        case ToolResult():
            parts = tuple(_part(one, scissors) for one in part.parts if scissors.take(_PART_BYTES))
            return KeptPart("tool_result", "", part.call_id, part.name, is_error=part.is_error, parts=parts)
        case Reasoning():
            return KeptPart("reasoning", scissors.text(part.text))
        case Refusal():
            return KeptPart("refusal", scissors.text(part.text))
        case Text():
            return KeptPart("text", scissors.text(part.text))


def _tool(tool: Any, scissors: _Scissors) -> KeptTool:
    description = None if tool.description is None else scissors.text(tool.description)
    return KeptTool(tool.name, description, scissors.schema(tool.parameters) or {}, tool.strict)


def _is_medium(part: KeptPart) -> bool:
    return part.kind in ("image", "file") or any(_is_medium(one) for one in part.parts)


def _size_of(part: Part) -> int:
    match part:
        case Image() | File():
            return len(part.data or "")
        case ToolCall():
            return len(part.arguments)
        case ToolResult():
            return sum(_size_of(one) for one in part.parts)
        case _:
            return len(part.text)


def _as_it_is(text: str) -> str:
    return text


def _to_json(kept: KeptRequest | KeptAnswer) -> str:
    return msgspec.json.encode(kept).decode()
