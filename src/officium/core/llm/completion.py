"""What is asked of a model and what comes back, in no provider's words."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from officium.core.llm.message import Message, Part, Reasoning, Refusal, Text, ToolCall
from officium.core.llm.token_usage import TokenUsage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "other"]
DialectName = Literal[
    "openai-chat", "openai-responses", "anthropic-messages", "gemini-generate", "ollama-native"
]


class Tool(Struct, frozen=True):
    """A function the model may call. `parameters` is a JSON Schema object."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool | None = None


class ToolChoice(Struct, frozen=True):
    """`auto`: the model decides; `none`: no call; `required`: some call; `tool`: the one in `name`."""

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None


class OutputFormat(Struct, frozen=True):
    """Ask for JSON: any object where `schema` is `None`, else what the JSON Schema allows."""

    schema: Mapping[str, Any] | None = None
    name: str = "answer"
    strict: bool | None = None
    description: str | None = None


class NativeBody(Struct, frozen=True):
    """The request as its sender wrote it. A provider of the same dialect gets these very fields."""

    dialect: DialectName
    body: Mapping[str, Any]


class CompletionRequest(Struct, frozen=True, kw_only=True):
    """One question to a model.

    What our vocabulary has no word for stays in `native` (sent on where the provider speaks the same
    dialect) and is named in `unmodelled` (top-level fields: left out with a note when translated) or in
    `untranslatable` (a meaning that would be lost: an error when translated).
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output_format: OutputFormat | None = None
    reasoning_effort: str | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    n: int = 1
    user: str | None = None
    stream: bool = False
    native: NativeBody | None = None
    unmodelled: tuple[str, ...] = ()
    untranslatable: tuple[str, ...] = ()


class TokenLogprob(Struct, frozen=True):
    """The log probability of one output token, and of the most likely ones in its place."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class ToolCallDelta(Struct, frozen=True):
    """A piece of a tool call. `index` is its place among the calls of this answer, from 0, dense.

    The first piece of a call carries `id` and `name` (made up by the decoder where a provider sends
    none); `arguments` pieces are appended. `signature` as in `ToolCall`.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    signature: str | None = None


class Delta(Struct, frozen=True):
    """A streamed piece of a completion: everything one event of the provider meant.

    `raw` is that event's bytes (frame included), for a reader who speaks the provider's dialect. An event
    that means nothing to us but must reach such a reader is a delta with only `raw`.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    reasoning_signature: str | None = None
    reasoning_encrypted: str | None = None
    reasoning_id: str | None = None
    text_signature: str | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    finish_reason_raw: str | None = None
    usage: TokenUsage | None = None
    id: str | None = None
    model: str | None = None
    raw: bytes = b""

    @property
    def has_content(self) -> bool:
        """Whether the answer grew: text, reasoning, refusal or a piece of a tool call."""
        return bool(
            self.text or self.reasoning or self.refusal or self.tool_calls or self.reasoning_encrypted
        )


class Completion(Struct, frozen=True, kw_only=True):
    """One answer. `parts` keep the order the model wrote them in.

    `usage` is `None` when the provider said nothing. `raw` is the provider's body, for a reader who speaks
    its dialect. `notes` say in plain words what was left out of the request or mended in the answer.
    """

    parts: tuple[Part, ...] = ()
    finish_reason: FinishReason = "stop"
    finish_reason_raw: str | None = None
    usage: TokenUsage | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    id: str | None = None
    model: str | None = None
    raw: bytes = b""
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The answer's text, without reasoning and refusal."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        """The reasoning the provider showed."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def refusal(self) -> str:
        """The words of a refusal, or nothing."""
        return "".join(part.text for part in self.parts if isinstance(part, Refusal))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools the model asks for, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))


def settle_finish_reason(said: FinishReason, has_tool_calls: bool) -> FinishReason:
    """The finish reason as it was meant: whether there are tool calls is read off the calls alone.

    Ollama and Gemini (and OpenAI, when a function is forced) end a tool turn with "stop"; some servers
    say "tool_calls" with no call in sight.
    """
    if said == "stop" and has_tool_calls:
        return "tool_calls"
    if said == "tool_calls" and not has_tool_calls:
        return "stop"
    return said


class OpenThought(Protocol):
    """The marks of a piece of reasoning that is still growing."""

    signature: str | None
    encrypted: str | None
    id: str | None


def begins_another_thought(last: OpenThought, delta: Delta) -> bool:
    """Whether the reasoning in `delta` is another part than `last`: what is sealed by a mark has ended."""
    is_sealed = bool(last.signature or last.encrypted)
    if delta.reasoning_encrypted:
        return delta.reasoning_id is None or delta.reasoning_id != last.id
    if delta.reasoning and is_sealed:
        return True
    if delta.reasoning_signature and is_sealed:
        return delta.reasoning_signature != last.signature
    return bool(last.id and delta.reasoning_id and delta.reasoning_id != last.id)


class _Segment:
    """A part that is still growing."""

    __slots__ = ("call", "encrypted", "id", "kind", "signature", "texts")

    def __init__(self, kind: Literal["text", "reasoning", "refusal", "call"]) -> None:
        self.kind = kind
        self.texts: list[str] = []
        self.signature: str | None = None
        self.encrypted: str | None = None
        self.id: str | None = None
        self.call: str = ""

    def part(self) -> Part:
        text = "".join(self.texts)
        if self.kind == "text":
            return Text(text, self.signature)
        if self.kind == "refusal":
            return Refusal(text)
        if self.kind == "reasoning":
            return Reasoning(text, self.signature, self.encrypted, self.id)
        return ToolCall(self.id or "", self.call, text or "{}", self.signature)


class CompletionBuilder:
    """Adds deltas up to the completion they are pieces of."""

    def __init__(self) -> None:
        self._segments: list[_Segment] = []
        self._calls: dict[int, _Segment] = {}
        self._logprobs: list[TokenLogprob] = []
        self._finish_reason_raw: str | None = None
        self._id: str | None = None
        self._model: str | None = None
        self.finish_reason: FinishReason | None = None
        self.usage: TokenUsage | None = None

    def add(self, delta: Delta) -> None:
        """Take in the next delta. A later `usage` replaces an earlier one."""
        self._id = self._id or delta.id
        self._model = self._model or delta.model
        if delta.reasoning or delta.reasoning_signature or delta.reasoning_encrypted or delta.reasoning_id:
            self._add_reasoning(delta)
        if delta.text or delta.text_signature:
            segment = self._open("text")
            segment.texts.append(delta.text)
            segment.signature = delta.text_signature or segment.signature
        if delta.refusal:
            self._open("refusal").texts.append(delta.refusal)
        for piece in delta.tool_calls:
            self._add_call(piece)
        self._logprobs.extend(delta.logprobs)
        if delta.finish_reason is not None:
            self.finish_reason = delta.finish_reason
            self._finish_reason_raw = delta.finish_reason_raw
        if delta.usage is not None:
            self.usage = delta.usage

    def build(self, notes: Sequence[str] = ()) -> Completion:
        """The completion so far."""
        return Completion(
            parts=tuple(segment.part() for segment in self._segments),
            finish_reason=settle_finish_reason(self.finish_reason or "other", bool(self._calls)),
            finish_reason_raw=self._finish_reason_raw,
            usage=self.usage,
            logprobs=tuple(self._logprobs),
            id=self._id,
            model=self._model,
            notes=tuple(notes),
        )

    def _open(self, kind: Literal["text", "reasoning", "refusal"]) -> _Segment:
        if not self._segments or self._segments[-1].kind != kind:
            self._segments.append(_Segment(kind))
        return self._segments[-1]

    def _add_reasoning(self, delta: Delta) -> None:
        last = self._segments[-1] if self._segments else None
        if last is None or last.kind != "reasoning" or begins_another_thought(last, delta):
            last = _Segment("reasoning")
            self._segments.append(last)
        last.texts.append(delta.reasoning)
        last.signature = delta.reasoning_signature or last.signature
        last.encrypted = delta.reasoning_encrypted or last.encrypted
        last.id = delta.reasoning_id or last.id

    def _add_call(self, piece: ToolCallDelta) -> None:
        segment = self._calls.get(piece.index)
        if segment is None:
            segment = self._calls[piece.index] = _Segment("call")
            self._segments.append(segment)
        segment.id = segment.id or piece.id
        segment.call = segment.call or piece.name or ""
        segment.signature = segment.signature or piece.signature
        segment.texts.append(piece.arguments)
