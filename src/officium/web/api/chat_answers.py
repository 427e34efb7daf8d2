"""Answers in the shape of OpenAI's chat completions, whole and streamed.

Format: https://platform.openai.com/docs/api-reference/chat/object, with `reasoning_content` (DeepSeek),
`reasoning_details` (OpenRouter) and `extra_content.google.thought_signature` (Gemini) for what the format
has no word for and a client must be able to send back.
"""

import re
from collections.abc import Iterable
from time import time
from typing import Any

import msgspec

from officium.core.llm.completion import (
    Completion,
    CompletionBuilder,
    CompletionRequest,
    Delta,
    FinishReason,
    TokenLogprob,
    ToolCallDelta,
    settle_finish_reason,
)
from officium.core.llm.message import Reasoning, Text, ToolCall
from officium.core.llm.token_usage import TokenUsage
from officium.kit.errors import OfficiumError
from officium.web.errors import openai_error

_encode = msgspec.json.Encoder().encode
_DONE = b"data: [DONE]\n\n"
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_SOMETHING_ELSE = Delta(text=" ")
"""Tells one thought from the next."""
_SHORT_EVENT_BYTES = 24
"""An event this short can be nothing but the end mark."""


def render_chat(completion: Completion, request: CompletionRequest, request_id: str) -> bytes:
    """The JSON body of a whole answer."""
    choice = {
        "index": 0,
        "message": _message(completion, request),
        "logprobs": _logprobs(completion.logprobs) if completion.logprobs else None,
        "finish_reason": _finish_reason(completion.finish_reason, _is_legacy(request)),
    }
    return _encode(
        {
            "id": answer_id(request_id),
            "object": "chat.completion",
            "created": int(time()),
            "model": completion.model or request.model,
            "choices": [choice],
            "usage": chat_usage(completion.usage),
        }
    )


def answer_id(request_id: str) -> str:
    """An id of the kind OpenAI's answers have, by which ours can be found in the logs."""
    return "chatcmpl-" + request_id.removeprefix("req_")


def chat_usage(usage: TokenUsage | None) -> dict[str, Any] | None:
    """The token counts in OpenAI's words; a count nobody knows is 0 there."""
    if usage is None:
        return None
    prompt, completion = usage.input_tokens or 0, usage.output_tokens or 0
    shown: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
    }
    if usage.cache_write_tokens:
        shown["prompt_tokens_details"]["cache_write_tokens"] = usage.cache_write_tokens
    return shown


class ChatRenderer:
    """Writes one streamed answer as `chat.completion.chunk` events."""

    def __init__(self, request: CompletionRequest, request_id: str) -> None:
        self._request = request
        self._id = answer_id(request_id)
        self._wants_usage = _wants_usage(request)
        self._is_legacy = _is_legacy(request)
        self._model: str | None = None
        self._usage: TokenUsage | None = None
        self._calls: dict[int, bool] = {}
        self._thoughts: CompletionBuilder | None = None
        self._has_moved_on = False
        self._has_relayed_usage = False
        self._has_begun = False
        self._head = b""
        self._tail = b""
        self._before_text = b""
        self._after_text = b""

    def render(self, deltas: list[Delta], relay: bool) -> bytes:
        """The events for these deltas; `relay` sends the provider's own on."""
        if relay:
            return self._relay(deltas)
        return b"".join([self._event(delta) for delta in deltas])

    def finish(self) -> bytes:
        """The usage, if the client asked for it, and the end mark."""
        if not self._wants_usage or self._usage is None or self._has_relayed_usage:
            return _DONE
        self._begin()
        return self._chunk([], usage=chat_usage(self._usage)) + _DONE

    def error(self, error: OfficiumError, status: int) -> bytes:
        """An event that OpenAI's SDK raises as APIError."""
        return b"data: " + openai_error(error, status) + b"\n\n"

    def heartbeat(self) -> bytes:
        """A comment."""
        return b": still here\n\n"

    def _relay(self, deltas: list[Delta]) -> bytes:
        pieces = []
        for delta in deltas:
            raw = delta.raw
            if delta.usage is not None:
                self._usage = delta.usage
                if _is_usage_alone(delta):
                    if not self._wants_usage:
                        continue
                    self._has_relayed_usage = True
            if len(raw) > _SHORT_EVENT_BYTES or b"[DONE]" not in raw:
                pieces.append(raw)
        return b"".join(pieces)

    def _event(self, delta: Delta) -> bytes:
        if delta.usage is not None:
            self._usage = delta.usage
        if not self._has_begun:
            return self._first_event(delta)
        if delta.text and _is_plain(delta):
            self._has_moved_on = True
            return b"%b%b%b" % (self._before_text, _encode(delta.text), self._after_text)
        return self._any_event(delta, {})

    def _first_event(self, delta: Delta) -> bytes:
        """Nothing is said until there is something to say; then the role comes with it."""
        self._model = self._model or delta.model
        if not delta.has_content and delta.finish_reason is None and _is_plain(delta):
            return b""
        self._begin()
        return self._any_event(delta, {"role": "assistant", "content": ""})

    def _begin(self) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        head = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": int(time()),
            "model": self._model or self._request.model,
        }
        self._head = b"data: " + _encode(head)[:-1] + b',"choices":'
        self._tail = b',"usage":null}\n\n' if self._wants_usage else b"}\n\n"
        self._before_text = self._head + b'[{"index":0,"delta":{"content":'
        self._after_text = b'},"finish_reason":null}]' + self._tail

    def _any_event(self, delta: Delta, content: dict[str, Any]) -> bytes:
        if delta.text:
            content["content"] = delta.text
        if delta.text_signature:
            content["extra_content"] = _google(delta.text_signature)
        if delta.refusal:
            content["refusal"] = delta.refusal
        if delta.reasoning:
            content["reasoning_content"] = delta.reasoning
        self._think(delta)
        if pieces := (*delta.tool_calls, *self._empty_arguments(delta)):
            self._add_calls(pieces, content)
        if not content and delta.finish_reason is None and not delta.logprobs:
            return b""
        choice: dict[str, Any] = {"index": 0, "delta": content, "finish_reason": None}
        if delta.logprobs:
            choice["logprobs"] = _logprobs(delta.logprobs)
        if delta.finish_reason is not None:
            settled = settle_finish_reason(delta.finish_reason, bool(self._calls))
            choice["finish_reason"] = _finish_reason(settled, self._is_legacy)
            if self._thoughts is not None and (details := _reasoning_details(self._thoughts.build())):
                content["reasoning_details"] = details
        return self._chunk([choice])

    def _think(self, delta: Delta) -> None:
        """Collect the thoughts: their marks are told at the end, each with the thought it belongs to."""
        if delta.reasoning or delta.reasoning_signature or delta.reasoning_encrypted or delta.reasoning_id:
            if self._thoughts is None:
                self._thoughts = CompletionBuilder()
            elif self._has_moved_on:
                self._thoughts.add(_SOMETHING_ELSE)
            self._has_moved_on = False
            self._thoughts.add(
                Delta(
                    reasoning=delta.reasoning,
                    reasoning_signature=delta.reasoning_signature,
                    reasoning_encrypted=delta.reasoning_encrypted,
                    reasoning_id=delta.reasoning_id,
                )
            )
        has_new_call = any(piece.index not in self._calls for piece in delta.tool_calls)
        if delta.text or delta.text_signature or delta.refusal or has_new_call:
            self._has_moved_on = True

    def _empty_arguments(self, delta: Delta) -> list[ToolCallDelta]:
        """Where the model has called without arguments, an empty object: an SDK reads them as JSON."""
        for piece in delta.tool_calls:
            self._calls[piece.index] = self._calls.get(piece.index, False) or bool(piece.arguments)
        if delta.finish_reason is None:
            return []
        return [
            ToolCallDelta(index=index, arguments="{}")
            for index, has_any in self._calls.items()
            if not has_any
        ]

    def _add_calls(self, pieces: Iterable[ToolCallDelta], content: dict[str, Any]) -> None:
        if not self._is_legacy:
            content["tool_calls"] = [_call_piece(piece) for piece in pieces]
            return
        for piece in pieces:
            if piece.index == 0:
                call = content.setdefault("function_call", {"arguments": ""})
                call["arguments"] += piece.arguments
                if piece.name:
                    call["name"] = piece.name

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        tail = self._tail if usage is None else b',"usage":%b}\n\n' % _encode(usage)
        return self._head + _encode(choices) + tail


def _message(completion: Completion, request: CompletionRequest) -> dict[str, Any]:
    calls = completion.tool_calls
    text = completion.text
    message: dict[str, Any] = {"role": "assistant", "content": text if text or not calls else None}
    message["refusal"] = completion.refusal or None
    if reasoning := completion.reasoning:
        message["reasoning_content"] = reasoning
    if details := _reasoning_details(completion):
        message["reasoning_details"] = details
    if calls and _is_legacy(request):
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments}
    elif calls:
        message["tool_calls"] = [_call(call) for call in calls]
    signatures = [part.signature for part in completion.parts if isinstance(part, Text) and part.signature]
    if signatures:
        message["extra_content"] = _google(signatures[-1])
    return message


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    shown: dict[str, Any] = {"id": call.id, "type": "function", "function": function}
    if call.signature:
        shown["extra_content"] = _google(call.signature)
    return shown


def _call_piece(piece: ToolCallDelta) -> dict[str, Any]:
    shown: dict[str, Any] = {"index": piece.index, "function": {"arguments": piece.arguments}}
    if piece.id is not None:
        shown["id"] = piece.id
        shown["type"] = "function"
    if piece.name is not None:
        shown["function"]["name"] = piece.name
    if piece.signature:
        shown["extra_content"] = _google(piece.signature)
    return shown


def _reasoning_details(completion: Completion) -> list[dict[str, Any]]:
    """Only the thoughts that carry an opaque mark; the others need not come back."""
    details: list[dict[str, Any]] = []
    for part in completion.parts:
        if not isinstance(part, Reasoning):
            continue
        if part.encrypted:
            detail: dict[str, Any] = {"type": "reasoning.encrypted", "data": part.encrypted}
        elif part.signature:
            detail = {"type": "reasoning.text", "text": part.text, "signature": part.signature}
        else:
            continue
        details.append(_numbered(detail, part.id, len(details)))
    return details


def _numbered(detail: dict[str, Any], item_id: str | None, index: int) -> dict[str, Any]:
    if item_id is not None:
        detail["id"] = item_id
    detail["index"] = index
    return detail


def _logprobs(tokens: Iterable[TokenLogprob]) -> dict[str, Any]:
    content = []
    for token in tokens:
        shown = _logprob(token.token, token.logprob)
        shown["top_logprobs"] = [_logprob(text, logprob) for text, logprob in token.top]
        content.append(shown)
    return {"content": content, "refusal": None}


def _logprob(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}


def _finish_reason(reason: FinishReason, is_legacy: bool) -> str:
    if reason == "other":
        return "stop"
    return "function_call" if is_legacy and reason == "tool_calls" else reason


def _google(signature: str) -> dict[str, Any]:
    return {"google": {"thought_signature": signature}}


def _is_plain(delta: Delta) -> bool:
    return not (
        delta.finish_reason
        or delta.tool_calls
        or delta.reasoning
        or delta.refusal
        or delta.logprobs
        or delta.text_signature
        or delta.reasoning_signature
        or delta.reasoning_encrypted
        or delta.reasoning_id
    )


def _is_usage_alone(delta: Delta) -> bool:
    """Whether the event is the one that `stream_options.include_usage` asks for."""
    if delta.has_content or delta.finish_reason is not None:
        return False
    return b'"choices"' not in delta.raw or _NO_CHOICES.search(delta.raw) is not None


def _is_legacy(request: CompletionRequest) -> bool:
    return request.native is not None and "functions" in request.native.body


def _wants_usage(request: CompletionRequest) -> bool:
    options = request.native.body.get("stream_options") if request.native else None
    return isinstance(options, dict) and options.get("include_usage") is True
