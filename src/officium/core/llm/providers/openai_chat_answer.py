"""Answers in OpenAI's Chat Completions dialect, whole and streamed.

A whole body and a streamed chunk have the same shape (`message` there, `delta` here), so one reader serves
both. Everything a provider may send in an unexpected type is typed `Any` and looked at before it is used.
"""

import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from officium.core.llm.completion import (
    Completion,
    CompletionBuilder,
    Delta,
    FinishReason,
    TokenLogprob,
    ToolCallDelta,
    settle_finish_reason,
)
from officium.core.llm.deployment import Deployment, Quirk
from officium.core.llm.errors import LLMError
from officium.core.llm.providers.openai_errors import Fault, decode_garbled, fault_error, find_fault
from officium.core.llm.providers.openai_stream import EventStream
from officium.core.llm.providers.think_tags import ThinkTags
from officium.core.llm.providers.translation import arguments_text
from officium.core.llm.sse import ServerSentEvent
from officium.core.llm.token_usage import TokenUsage, credible

_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "completed": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "refusal": "content_filter",
}
_BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Function(Struct):
    name: Any = None
    arguments: Any = None


class _ToolCall(Struct):
    index: Any = None
    id: Any = None
    function: _Function | None = None
    extra_content: Any = None


class _Message(Struct):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None
    extra_content: Any = None
    audio: Any = None


class _Choice(Struct):
    index: Any = 0
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: Any = None
    native_finish_reason: Any = None
    finish_details: Any = None
    logprobs: Any = None
    error: Any = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    id: Any = None
    model: Any = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None


_PLAIN_COUNTS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_CHUNK = msgspec.json.Decoder(_Chunk)
_NO_MESSAGE = _Message()


def decode_completion(body: bytes, deployment: Deployment) -> Completion:
    """Read a whole answer. Raises LLMError: an error can come with a 200, too."""
    try:
        chunk = _CHUNK.decode(body)
    except _BAD_JSON as error:
        raise decode_garbled(deployment, "The answer is not a chat completion.", body) from error
    choice = _first_choice(chunk.choices)
    if _holds_error(chunk) or choice is None or choice.message is None:
        raise decode_garbled(deployment, "The answer holds no message.", body)
    choice.delta = None  # Perplexity sends an empty one beside the message
    if "think_tags" in deployment.provider.quirks:
        _open_thoughts(choice.message)
    earlier: list[Delta] = []
    reader = _ChunkReader(deployment, earlier)
    builder = CompletionBuilder()
    delta = reader.read(chunk, body, b"")
    for piece in (*earlier, delta, reader.flush()):
        if piece is not None:
            builder.add(piece)
    return msgspec.structs.replace(builder.build(), raw=body)


def read_usage(said: object, quirks: frozenset[Quirk]) -> TokenUsage | None:
    """The token counts in our meaning, or `None` where nothing credible was said."""
    if not isinstance(said, dict):
        return None
    input_tokens, total = credible(said.get("prompt_tokens")), credible(said.get("total_tokens"))
    output_tokens = credible(said.get("completion_tokens"))
    reasoning = cached = cache_write = None
    if not said.keys() <= _PLAIN_COUNTS:
        inputs, outputs = _details(said, "prompt_tokens_details"), _details(said, "completion_tokens_details")
        reasoning = _first_credible(outputs.get("reasoning_tokens"), said.get("reasoning_tokens"))
        cached = _first_credible(
            inputs.get("cached_tokens"),
            said.get("prompt_cache_hit_tokens"),  # DeepSeek
            said.get("num_cached_tokens"),  # Mistral
            said.get("cached_tokens"),  # Together
        )
        cache_write = credible(inputs.get("cache_write_tokens"))
    if "reasoning_outside_output" in quirks and output_tokens is not None and reasoning:
        is_inside = total is not None and total < (input_tokens or 0) + output_tokens + reasoning
        output_tokens += 0 if is_inside else reasoning
    if input_tokens is not None and total is not None and total >= input_tokens:
        if "output_from_total" in quirks:
            if reasoning is None and output_tokens is not None and total >= input_tokens + output_tokens:
                reasoning = total - input_tokens - output_tokens
            output_tokens = total - input_tokens
        elif output_tokens is None:
            output_tokens = total - input_tokens
    if input_tokens is output_tokens is cached is cache_write is reasoning is None:
        return None
    return TokenUsage(
        input_tokens=input_tokens,
        cached_tokens=cached,
        cache_write_tokens=cache_write,
        output_tokens=output_tokens,
        reasoning_tokens=reasoning,
    )


class ChatStream(EventStream):
    """Reads a streamed chat completion: a chunk an event, `[DONE]` at the end."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(deployment)
        self._reader = _ChunkReader(deployment, self._earlier)

    def _flush(self) -> Delta | None:
        return self._reader.flush()

    def _read(self, event: ServerSentEvent) -> Delta | None:
        data = event.data
        try:
            chunk = _CHUNK.decode(data)
        except _BAD_JSON as error:
            if event.name == "error":
                raise fault_error(Fault(message=data.decode("utf-8", "replace")), self._deployment) from error
            raise decode_garbled(self._deployment, "An event is not a chunk of an answer.", data) from error
        if chunk.choices is None or event.name == "error" or _holds_error(chunk):
            self._failure = self._find_failure(event)
            if self._failure is not None:
                usage = self._reader.usage(chunk)
                return None if usage is None else Delta(usage=usage)
        delta = self._reader.read(chunk, data, event.raw)
        if delta.finish_reason is not None:
            self._is_finished = True
        return delta

    def _find_failure(self, event: ServerSentEvent) -> LLMError | None:
        """The error an event reports. What its tokens cost is told before it is raised."""
        fault = find_fault(msgspec.json.decode(event.data))
        if fault is None and event.name == "error":
            fault = Fault(message=event.data.decode("utf-8", "replace"))
        return None if fault is None else fault_error(fault, self._deployment)


class _ChunkReader:
    """What chunks mean, one after the other. Choices but the first are for readers of the raw bytes."""

    def __init__(self, deployment: Deployment, earlier: list[Delta]) -> None:
        self._quirks = deployment.provider.quirks
        self._calls = _ToolCalls()
        self._tags: ThinkTags | None = None
        if "think_tags" in self._quirks:
            self._tags = ThinkTags()
        elif "output_from_total" in self._quirks:
            self._tags = ThinkTags("thought")  # how Gemini's OpenAI endpoint shows its thoughts
        self._earlier = earlier

    def read(self, chunk: _Chunk, data: bytes, raw: bytes) -> Delta:
        """The delta of one chunk; `data` is its JSON, `raw` its event. What precedes it goes to `earlier`."""
        id, model = chunk.id, chunk.model
        id = id if type(id) is str and id else None
        model = model if type(model) is str and model else None
        usage = None if chunk.usage is None and chunk.x_groq is None else self.usage(chunk)
        choice = _first_choice(chunk.choices)
        if choice is None:
            return Delta(usage=usage, id=id, model=model, raw=raw)
        message = choice.delta or choice.message or _NO_MESSAGE
        if type(message.content) is str and usage is None and self._is_plain(choice, message):
            return Delta(text=message.content, id=id, model=model, raw=raw)
        text = message.content if type(message.content) is str else self._read_content(message)
        reasoning = message.reasoning_content or message.reasoning
        if type(reasoning) is not str:
            reasoning = ""
        signature = encrypted = reasoning_id = None
        if message.reasoning_details:
            reasoning, signature, encrypted, reasoning_id = self._read_details(
                message.reasoning_details, reasoning
            )
        calls: tuple[ToolCallDelta, ...] = ()
        if message.tool_calls or message.function_call:
            calls = self._calls.take(message, data)
        finish_reason, finish_reason_raw = None, _said_finish_reason(choice)
        if finish_reason_raw is not None:
            said = _finish_reason(finish_reason_raw, choice.native_finish_reason)
            finish_reason = settle_finish_reason(said, self._calls.is_any)
        if self._tags is not None:
            text, thought = self._split(text, is_end=bool(calls) or finish_reason is not None)
            reasoning += thought
        text_signature = None
        if message.extra_content is not None:
            text_signature = _google_signature(message.extra_content)
            if text_signature and calls and calls[0].signature is None:
                calls = (msgspec.structs.replace(calls[0], signature=text_signature), *calls[1:])
                text_signature = None
        return Delta(
            text=text,
            reasoning=reasoning,
            refusal=message.refusal if type(message.refusal) is str else "",
            tool_calls=calls,
            reasoning_signature=signature,
            reasoning_encrypted=encrypted,
            reasoning_id=reasoning_id,
            text_signature=text_signature,
            logprobs=_logprobs(choice.logprobs) if choice.logprobs else (),
            finish_reason=finish_reason,
            finish_reason_raw=finish_reason_raw,
            usage=usage,
            id=id,
            model=model,
            raw=raw,
        )

    def _is_plain(self, choice: _Choice, message: _Message) -> bool:
        """Whether a chunk holds nothing but text: nearly all do, so they take a short way."""
        return (
            message.tool_calls is None
            and not message.reasoning_content
            and not message.reasoning
            and not message.refusal
            and message.reasoning_details is None
            and message.function_call is None
            and message.extra_content is None
            and choice.finish_reason is None
            and choice.logprobs is None
            and choice.finish_details is None
            and self._tags is None
        )

    def usage(self, chunk: _Chunk) -> TokenUsage | None:
        """What a chunk says about tokens; Groq says it in its own field, too."""
        usage = read_usage(chunk.usage, self._quirks)
        if usage is None and isinstance(chunk.x_groq, dict):
            usage = read_usage(chunk.x_groq.get("usage"), self._quirks)
        return usage

    def flush(self) -> Delta | None:
        """What was held back at the end of the text."""
        text, reasoning = self._tags.close() if self._tags is not None else ("", "")
        return Delta(text=text, reasoning=reasoning) if text or reasoning else None

    def _split(self, said: str, is_end: bool) -> tuple[str, str]:
        assert self._tags is not None
        text, thought = self._tags.feed(said)
        if is_end:
            last_text, last_thought = self._tags.close()
            text, thought = text + last_text, thought + last_thought
        return text, thought

    def _read_content(self, message: _Message) -> str:
        """The text of content that is no string: parts (Mistral), or the words of spoken audio."""
        if isinstance(message.content, list):
            pieces = [piece for part in message.content if (piece := _content_piece(part))]
            while pieces and (len(pieces) > 1 or pieces[0].reasoning):
                self._earlier.append(pieces.pop(0))
            return pieces[0].text if pieces else ""
        transcript = message.audio.get("transcript") if isinstance(message.audio, dict) else None
        return _string(transcript) or ""

    def _read_details(
        self, details: object, reasoning: str
    ) -> tuple[str, str | None, str | None, str | None]:
        """The last piece of OpenRouter's `reasoning_details`: text, signature, encrypted data and id.

        `reasoning` repeats the text of the details.
        """
        pieces = [piece for part in _list(details) if (piece := _reasoning_piece(part))]
        texts = [piece.reasoning for piece in pieces if piece.reasoning]
        if reasoning and not texts:
            pieces.insert(0, Delta(reasoning=reasoning))
        if not pieces:
            return "", None, None, None
        *earlier, last = pieces
        self._earlier.extend(earlier)
        return last.reasoning, last.reasoning_signature, last.reasoning_encrypted, last.reasoning_id


class _OpenCall:
    """A tool call whose pieces are still coming."""

    __slots__ = ("id", "index", "name", "pieces")

    def __init__(self, id: str) -> None:
        self.id = id
        self.index = -1
        self.name = ""
        self.pieces: list[str] = []

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)


class _ToolCalls:
    """Sorts pieces of tool calls: by index, where there is one, else by id, else by order.

    A call without a name is held back until its name comes: nobody could call it.
    """

    def __init__(self) -> None:
        self._calls: list[_OpenCall] = []
        self._by_index: dict[int, _OpenCall] = {}
        self._named = 0

    @property
    def is_any(self) -> bool:
        """Whether there is a call so far."""
        return self._named > 0

    def take(self, message: _Message, data: bytes) -> tuple[ToolCallDelta, ...]:
        """The pieces in one message, with dense indices. `data` seeds the ids that must be made up."""
        pieces = message.tool_calls or []
        if message.function_call is not None:  # what OpenAI had before tools
            pieces = [*pieces, _ToolCall(index=-1, function=message.function_call)]
        deltas = (self._add(piece, piece.function, data) for piece in pieces if piece.function is not None)
        return tuple(delta for delta in deltas if delta is not None)

    def _add(self, piece: _ToolCall, function: _Function, data: bytes) -> ToolCallDelta | None:
        id = piece.id if type(piece.id) is str else ""
        name = function.name if type(function.name) is str else ""
        arguments = function.arguments
        if type(arguments) is not str:
            arguments = "" if arguments is None else arguments_text(arguments)
        call = self._find(piece.index, id, name, arguments)
        if call is None:
            call = self._open(piece.index, id)
        elif (name, id) == (call.name, call.id) and _is_object(arguments) and arguments == call.arguments:
            return None  # the same chunk a second time
        call.pieces.append(arguments)
        call.id = call.id or id
        if not name and not call.name:
            return None
        signature = _google_signature(piece.extra_content) if piece.extra_content is not None else None
        if call.name:
            return ToolCallDelta(call.index, arguments=arguments, signature=signature)
        call.name, call.index = name, self._named
        self._named += 1
        call.id = call.id or _made_up_id(data, call.index)
        return ToolCallDelta(call.index, call.id, name, call.arguments, signature)

    def _find(self, index: object, id: str, name: str, arguments: str) -> _OpenCall | None:
        """The call a piece belongs to, or `None` for a new one."""
        if type(index) is int:
            call = self._by_index.get(index)
            return None if call is None or _is_next(call, id, name, arguments) else call
        if id:
            return next((call for call in self._calls if call.id == id), None)
        return self._calls[-1] if self._calls and not name else None

    def _open(self, index: object, id: str) -> _OpenCall:
        call = _OpenCall(id)
        self._calls.append(call)
        if type(index) is int:
            self._by_index[index] = call
        return call


def _is_next(call: _OpenCall, id: str, name: str, arguments: str) -> bool:
    """Whether a piece begins another call under a used index: some give each call the index 0."""
    if not name or not call.name:
        return False
    if id and id != call.id:
        return not call.arguments or _is_object(call.arguments)
    return not id and _is_object(arguments) and _is_object(call.arguments)


def _is_object(arguments: str) -> bool:
    """Whether the text is a complete JSON object."""
    if arguments[:1] != "{":
        return False
    try:
        msgspec.json.decode(arguments)
    except _BAD_JSON:
        return False
    return True


def _made_up_id(data: bytes, index: int) -> str:
    """An id for a call that has none: the same each time the same bytes are read."""
    return "call_" + hashlib.blake2b(data + str(index).encode(), digest_size=12).hexdigest()


def _holds_error(chunk: _Chunk) -> bool:
    """Whether a chunk reports an error in one of its places; `null` and `{}` are none."""
    if chunk.error or (chunk.x_groq is not None and find_fault({"x_groq": chunk.x_groq})):
        return True
    return bool([choice for choice in chunk.choices or () if choice.error])


def _open_thoughts(message: _Message) -> None:
    """Put the opening tag back that a chat template has already written into the prompt."""
    content = message.content
    if isinstance(content, str) and "</think>" in content and "<think>" not in content:
        message.content = "<think>" + content


def _first_choice(choices: list[_Choice] | None) -> _Choice | None:
    for choice in choices or ():
        if not choice.index:
            return choice
    return None


def _said_finish_reason(choice: _Choice) -> str | None:
    """The finish reason as sent; early vision models of OpenAI sent `finish_details` instead."""
    said = choice.finish_reason
    if said is None and isinstance(choice.finish_details, dict):
        said = choice.finish_details.get("type")
    return str(said) if said else None


def _finish_reason(said: str, native: object) -> FinishReason:
    """`native` is OpenRouter's original, that says "length" where the other was made out of broken calls."""
    if isinstance(native, str) and _FINISH_REASONS.get(native.lower()) == "length":
        return "length"
    return _FINISH_REASONS.get(said.lower(), "other")


def _content_piece(part: object) -> Delta | None:
    if not isinstance(part, dict):
        return None
    text = part.get("text")
    if part.get("type") == "thinking":
        thinking = part.get("thinking")
        if isinstance(thinking, list):
            thinking = "".join(str(said.get("text") or "") for said in thinking if isinstance(said, dict))
        return Delta(reasoning=thinking) if isinstance(thinking, str) and thinking else None
    return Delta(text=text) if isinstance(text, str) and text else None


def _reasoning_piece(part: object) -> Delta | None:
    """One of OpenRouter's details: `reasoning.text`, `reasoning.summary` or `reasoning.encrypted`."""
    if not isinstance(part, dict):
        return None
    if part.get("type") == "reasoning.encrypted":
        return Delta(reasoning_encrypted=_string(part.get("data")), reasoning_id=_string(part.get("id")))
    text = _string(part.get("text")) or _string(part.get("summary")) or ""
    signature = _string(part.get("signature"))
    return Delta(reasoning=text, reasoning_signature=signature) if text or signature else None


def _google_signature(extra_content: object) -> str | None:
    google = extra_content.get("google") if isinstance(extra_content, dict) else None
    return _string(google.get("thought_signature")) if isinstance(google, dict) else None


def _logprobs(said: object) -> tuple[TokenLogprob, ...]:
    """OpenAI's list of tokens, or the parallel lists of its predecessor (Together, Fireworks)."""
    if not isinstance(said, dict):
        return ()
    if isinstance(said.get("content"), list):
        return tuple(read_logprob(item) for item in said["content"] if isinstance(item, dict))
    tokens, numbers = _list(said.get("tokens")), _list(said.get("token_logprobs"))
    return tuple(
        TokenLogprob(token, float(number))
        for token, number in zip(tokens, numbers, strict=False)
        if isinstance(token, str) and isinstance(number, int | float)
    )


def read_logprob(item: dict[str, Any]) -> TokenLogprob:
    """One token of OpenAI's list, with the most likely ones in its place."""
    top = (other for other in _list(item.get("top_logprobs")) if isinstance(other, dict))
    return TokenLogprob(
        str(item.get("token") or ""),
        _number(item.get("logprob")),
        tuple((str(other.get("token") or ""), _number(other.get("logprob"))) for other in top),
    )


def _details(said: dict[str, Any], name: str) -> dict[str, Any]:
    details = said.get(name)
    return details if isinstance(details, dict) else {}


def _first_credible(*counts: object) -> int | None:
    return next((count for said in counts if (count := credible(said)) is not None), None)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
