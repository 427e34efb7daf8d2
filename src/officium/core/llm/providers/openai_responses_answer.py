"""Answers of OpenAI's Responses API, whole and streamed.

A whole answer is a list of items; a stream tells how they grow. What other readers need of an item we have
no word for (a web search, a computer call) reaches them through the raw bytes.
"""

from collections.abc import Iterator
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
from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import LLMError
from officium.core.llm.providers.openai_chat_answer import read_logprob
from officium.core.llm.providers.openai_errors import Fault, decode_garbled, fault_error, find_fault
from officium.core.llm.providers.openai_stream import EventStream
from officium.core.llm.providers.translation import arguments_text
from officium.core.llm.sse import ServerSentEvent
from officium.core.llm.token_usage import TokenUsage, credible

_BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_INCOMPLETE: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_PART_BREAK = "\n\n"
"""Stands between the parts of a reasoning summary."""


class _Item(Struct):
    type: Any = None
    id: Any = None
    call_id: Any = None
    name: Any = None
    arguments: Any = None
    content: Any = None
    summary: Any = None
    encrypted_content: Any = None


class _Response(Struct):
    id: Any = None
    model: Any = None
    status: Any = None
    error: Any = None
    incomplete_details: Any = None
    usage: Any = None


class _Body(_Response):
    output: list[_Item] | None = None


class _Event(Struct):
    type: Any = None
    delta: Any = None
    item: _Item | None = None
    response: _Response | None = None
    item_id: Any = None
    output_index: Any = None
    summary_index: Any = None
    content_index: Any = None
    arguments: Any = None
    logprobs: Any = None


_BODY = msgspec.json.Decoder(_Body)
_EVENT = msgspec.json.Decoder(_Event)


def decode_response(body: bytes, deployment: Deployment) -> Completion:
    """Read a whole answer. Raises LLMError: a failed answer comes with a 200, too."""
    try:
        response = _BODY.decode(body)
    except _BAD_JSON as error:
        raise decode_garbled(deployment, "The answer is not a response.", body) from error
    if failure := _failure(response, deployment):
        raise failure
    if response.output is None:
        raise decode_garbled(deployment, "The answer holds no output.", body)
    builder, calls = CompletionBuilder(), 0
    for item in response.output:
        for delta in _item_deltas(item, calls):
            calls += len(delta.tool_calls)
            builder.add(delta)
    builder.add(_end(response, has_calls=calls > 0, raw=b""))
    return msgspec.structs.replace(builder.build(), raw=body)


class ResponsesStream(EventStream):
    """Reads a streamed response: named events, the last of which tells how it ended."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(deployment)
        self._items: dict[object, _OpenItem] = {}
        self._calls = 0

    def _read(self, event: ServerSentEvent) -> Delta | None:
        try:
            said = _EVENT.decode(event.data)
        except _BAD_JSON as error:
            if event.name == "error":
                raise _reported(event.data, self._deployment) from error
            raise decode_garbled(
                self._deployment, "An event is not one of a response.", event.data
            ) from error
        raw = event.raw
        match said.type:
            case "response.output_text.delta":
                self._open(said).has_words = True
                logprobs = _logprobs(said.logprobs) if said.logprobs else ()
                return Delta(text=_words(said.delta), logprobs=logprobs, raw=raw)
            case "response.function_call_arguments.delta":
                return self._grow_call(said, _words(said.delta), raw)
            case "response.function_call_arguments.done":
                return self._complete_call(said, said.arguments, raw)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                return self._grow_reasoning(said, raw)
            case "response.refusal.delta":
                self._open(said).has_words = True
                return Delta(refusal=_words(said.delta), raw=raw)
            case "response.output_item.added" if said.item is not None and said.item.type == "function_call":
                return self._announce_call(said, said.item, raw)
            case "response.output_item.done" if said.item is not None:
                return self._finish_item(said, said.item, raw)
            case "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled":
                return self._end(said.response or _Response(), raw)
            case "error":
                raise _reported(event.data, self._deployment)
        if event.name == "error" or (said.type is None and find_fault(msgspec.json.decode(event.data))):
            raise _reported(event.data, self._deployment)
        response = said.response or _Response()
        return Delta(id=_string(response.id), model=_string(response.model), raw=raw)

    def _open(self, said: _Event) -> "_OpenItem":
        """The item an event speaks of."""
        place = said.output_index if type(said.output_index) is int else _string(said.item_id)
        item = self._items.get(place)
        if item is None:
            item = self._items[place] = _OpenItem()
        return item

    def _announce_call(self, said: _Event, item: _Item, raw: bytes) -> Delta:
        opened = self._open(said)
        opened.index = self._calls
        self._calls += 1
        arguments = _arguments(item)
        opened.arguments.append(arguments)
        call = ToolCallDelta(opened.index, _call_id(item, opened.index), _string(item.name) or "", arguments)
        return Delta(tool_calls=(call,), raw=raw)

    def _grow_call(self, said: _Event, arguments: str, raw: bytes) -> Delta:
        opened = self._open(said)
        if opened.index is None:  # nobody has told its name yet: the finished item will
            return Delta(raw=raw)
        opened.arguments.append(arguments)
        return Delta(tool_calls=(ToolCallDelta(opened.index, arguments=arguments),), raw=raw)

    def _complete_call(self, said: _Event, arguments: object, raw: bytes) -> Delta:
        """All the arguments are known: say what of them has not been said."""
        opened = self._open(said)
        sent = "".join(opened.arguments)
        if opened.index is None or not isinstance(arguments, str) or not arguments.startswith(sent):
            return Delta(raw=raw)
        rest = arguments[len(sent) :]
        return self._grow_call(said, rest, raw) if rest else Delta(raw=raw)

    def _grow_reasoning(self, said: _Event, raw: bytes) -> Delta:
        opened = self._open(said)
        part = (said.type, said.summary_index, said.content_index)
        words = _words(said.delta)
        if opened.part is not None and opened.part != part:
            words = _PART_BREAK + words
        opened.part, opened.has_words = part, True
        return Delta(reasoning=words, reasoning_id=_string(said.item_id), raw=raw)

    def _finish_item(self, said: _Event, item: _Item, raw: bytes) -> Delta:
        """A finished item repeats all that was streamed; what was not is taken from it."""
        opened = self._open(said)
        if item.type == "function_call":
            if opened.index is None:
                return self._announce_call(said, item, raw)
            return self._complete_call(said, item.arguments, raw)
        if item.type == "reasoning" and opened.has_words:
            encrypted = _string(item.encrypted_content)
            return Delta(reasoning_encrypted=encrypted, reasoning_id=encrypted and _string(item.id), raw=raw)
        if opened.has_words:
            return Delta(raw=raw)
        deltas = list(_item_deltas(item, self._calls))
        if not deltas:
            return Delta(raw=raw)
        *earlier, last = deltas
        self._earlier.extend(earlier)
        return msgspec.structs.replace(last, raw=raw)

    @property
    def has_ended(self) -> bool:
        """Whether the event with the complete response has come."""
        return self._is_finished

    def _end(self, response: _Response, raw: bytes) -> Delta:
        self._failure = _failure(response, self._deployment)
        if self._failure is not None:
            return Delta(usage=_usage(response.usage))
        self._is_finished = True
        return _end(response, has_calls=self._calls > 0, raw=raw)


class _OpenItem:
    """An item that is still growing. `index` is its place among the tool calls, once it is known as one."""

    __slots__ = ("arguments", "has_words", "index", "part")

    def __init__(self) -> None:
        self.has_words = False
        self.index: int | None = None
        self.arguments: list[str] = []
        self.part: tuple[object, ...] | None = None


def _item_deltas(item: _Item, calls: int) -> Iterator[Delta]:
    """What a whole item means; `calls` are the tool calls before it."""
    if item.type == "function_call":
        call = ToolCallDelta(calls, _call_id(item, calls), _string(item.name) or "", _arguments(item))
        yield Delta(tool_calls=(call,))
    elif item.type == "reasoning":
        words = _PART_BREAK.join(_part_texts(item.summary) + _part_texts(item.content))
        encrypted = _string(item.encrypted_content)
        if words or encrypted:
            yield Delta(reasoning=words, reasoning_encrypted=encrypted, reasoning_id=_string(item.id))
    elif item.type == "message":
        for part in item.content if isinstance(item.content, list) else ():
            if isinstance(part, dict):
                yield from _message_part(part)


def _message_part(part: dict[str, Any]) -> Iterator[Delta]:
    if part.get("type") == "refusal":
        yield Delta(refusal=_words(part.get("refusal")))
    elif part.get("type") == "output_text":
        yield Delta(text=_words(part.get("text")), logprobs=_logprobs(part.get("logprobs")))


def _end(response: _Response, has_calls: bool, raw: bytes) -> Delta:
    """The delta that tells how a response ended."""
    details = response.incomplete_details
    reason = details.get("reason") if isinstance(details, dict) else None
    said: FinishReason = "stop" if response.status in ("completed", None) else "other"
    if response.status == "incomplete" or reason:
        said = _INCOMPLETE.get(str(reason), "other")
    return Delta(
        finish_reason=settle_finish_reason(said, has_calls),
        finish_reason_raw=_string(reason) or _string(response.status),
        usage=_usage(response.usage),
        id=_string(response.id),
        model=_string(response.model),
        raw=raw,
    )


def _failure(response: _Response, deployment: Deployment) -> LLMError | None:
    fault = find_fault({"error": response.error})
    if fault is None and response.status in ("failed", "cancelled"):
        fault = Fault(message=f"The response was {response.status}.")
    return None if fault is None else fault_error(fault, deployment)


def _reported(data: bytes, deployment: Deployment) -> LLMError:
    """The error an `error` event reports: flat, or in an object of its own."""
    try:
        said = msgspec.json.decode(data)
    except _BAD_JSON:
        said = None
    if isinstance(said, dict) and said.get("type") == "error":
        said = {name: value for name, value in said.items() if name != "type"}
    fault = find_fault(said) or Fault(message=data.decode("utf-8", "replace"))
    return fault_error(fault, deployment)


def _usage(said: object) -> TokenUsage | None:
    if not isinstance(said, dict):
        return None
    inputs, outputs = said.get("input_tokens_details"), said.get("output_tokens_details")
    inputs, outputs = inputs if isinstance(inputs, dict) else {}, outputs if isinstance(outputs, dict) else {}
    usage = TokenUsage(
        input_tokens=credible(said.get("input_tokens")),
        cached_tokens=credible(inputs.get("cached_tokens")),
        cache_write_tokens=credible(inputs.get("cache_write_tokens")),
        output_tokens=credible(said.get("output_tokens")),
        reasoning_tokens=credible(outputs.get("reasoning_tokens")),
    )
    return None if usage == TokenUsage() else usage


def _logprobs(said: object) -> tuple[TokenLogprob, ...]:
    items = said if isinstance(said, list) else []
    return tuple(read_logprob(item) for item in items if isinstance(item, dict))


def _part_texts(parts: object) -> list[str]:
    items = parts if isinstance(parts, list) else []
    return [text for part in items if isinstance(part, dict) and (text := _words(part.get("text")))]


def _call_id(item: _Item, index: int) -> str:
    return _string(item.call_id) or _string(item.id) or f"call_{index}"


def _arguments(item: _Item) -> str:
    if isinstance(item.arguments, str):
        return item.arguments
    return "" if item.arguments is None else arguments_text(item.arguments)


def _words(value: object) -> str:
    return value if isinstance(value, str) else ""


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
