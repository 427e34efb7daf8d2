"""The Messages door: `POST /v1/messages` as the official `anthropic` SDK speaks it.

What other providers' answers carry and this dialect has no field for is put where a client returns it
unchanged: a call's thought signature in `extra_content` of its block (the name Google uses), OpenAI's
encrypted reasoning as `redacted_thinking` with `<item id>:<content>`.

Format: https://docs.claude.com/en/api/messages and .../messages-streaming, SDK 2.11.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from officium.core.llm.completion import (
    Completion,
    CompletionRequest,
    Delta,
    DialectName,
    FinishReason,
    TokenLogprob,
    settle_finish_reason,
)
from officium.core.llm.message import Reasoning, Refusal, Text, ToolCall
from officium.core.llm.token_usage import TokenUsage
from officium.kit.errors import OfficiumError
from officium.web.api.blocks import Block, BlockSequence, find_json_object
from officium.web.api.messages_reading import read_request
from officium.web.api.wire import StreamRenderer

_encode = msgspec.json.Encoder().encode

_STOP_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "other": "end_turn",
}
_OWN_STOP_REASONS = frozenset({"pause_turn", "model_context_window_exceeded"})
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class MessagesWire:
    """Anthropic's Messages API, from the server's side."""

    dialect: DialectName = "anthropic-messages"

    def parse(self, body: Mapping[str, Any]) -> CompletionRequest:
        """Read a request body; see `Wire.parse`."""
        return read_request(body)

    def render(self, completion: Completion, request: CompletionRequest, request_id: str) -> bytes:
        """The whole answer as a `message` object.

        A tool's `input` must be an object: arguments that are none (cut short, or not JSON) come as
        `{"_raw": "<the text>"}`, so that no tool runs on half of its arguments and nothing is lost.
        """
        stop_reason, stop_sequence = _stop(
            completion.finish_reason,
            completion.finish_reason_raw,
            request,
            has_calls=bool(completion.tool_calls),
            has_refusal=bool(completion.refusal),
        )
        return _encode(
            {
                "id": _message_id(request_id),
                "type": "message",
                "role": "assistant",
                "model": completion.model or request.model,
                "content": [block for part in completion.parts for block in _blocks(part)],
                "stop_reason": stop_reason,
                "stop_sequence": stop_sequence,
                "usage": _usage(completion.usage),
            }
        )

    def stream_renderer(self, request: CompletionRequest, request_id: str) -> StreamRenderer:
        """A fresh writer for one stream."""
        return _MessagesStream(request, request_id)

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        """The body of an error answer. Our own code stands in `details.error_code`."""
        return _encode({**_error(error, status), "request_id": request_id})


class _MessagesStream:
    """Writes one stream's events: message_start, blocks one after the other, message_delta, message_stop.

    Nothing is written before the answer grows, so `message_start` can name the model that answers.
    """

    def __init__(self, request: CompletionRequest, request_id: str) -> None:
        self._request = request
        self._request_id = request_id
        self._out = bytearray()
        self._blocks = BlockSequence(self)
        self._next_index = 0
        self._has_begun = False
        self._has_open_block = False
        self._has_refusal = False
        self._has_relayed = False
        self._model: str | None = None
        self._usage: TokenUsage | None = None
        self._finish_reason: FinishReason = "other"
        self._finish_reason_raw: str | None = None

    def render(self, deltas: list[Delta], relay: bool) -> bytes:
        """The events for these deltas; relayed ones go out as they came."""
        if relay:
            self._has_relayed = True
            return b"".join([delta.raw for delta in deltas])
        for delta in deltas:
            self._take(delta)
        return self._flush()

    def finish(self) -> bytes:
        """Close what is open and say how it ended; nothing after a relayed stream, which did so itself."""
        if self._has_relayed:
            return b""
        self._begin()
        self._blocks.finish()
        stop_reason, stop_sequence = _stop(
            self._finish_reason,
            self._finish_reason_raw,
            self._request,
            has_calls=self._blocks.has_calls,
            has_refusal=self._has_refusal,
        )
        self._event(
            "message_delta",
            delta={"stop_reason": stop_reason, "stop_sequence": stop_sequence},
            usage=_usage(self._usage),
        )
        self._event("message_stop")
        return self._flush()

    def error(self, error: OfficiumError, status: int) -> bytes:
        """The `error` event; the SDK raises it as APIStatusError with the error's type."""
        self._event("error", **{**_error(error, status), "request_id": self._request_id})
        return self._flush()

    def heartbeat(self) -> bytes:
        """A `ping`, which may come at any time."""
        return b'event: ping\ndata: {"type":"ping"}\n\n'

    def open_block(self, block: Block) -> None:
        """Begin a call's block; the others begin with their first words, as empty ones are not shown."""
        if block.kind == "call":
            self._start(_tool_use(block.id or "", block.name, msgspec.Raw(b"{}"), block.signature))

    def grow(self, block: Block, piece: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        """Write a piece of the open block."""
        if block.kind == "call":
            if piece and piece != "null":  # see find_json_object
                self._grow_block("input_json_delta", "partial_json", piece)
        elif block.kind == "reasoning":
            if piece:
                self._ensure_started({"type": "thinking", "thinking": "", "signature": ""})
                self._grow_block("thinking_delta", "thinking", piece)
        elif piece:
            self._ensure_started({"type": "text", "text": ""})
            self._grow_block("text_delta", "text", piece)

    def close_block(self, block: Block) -> None:
        """End the block; a reasoning's signature and encrypted content come here, once they are complete."""
        if block.kind == "reasoning" and block.signature:
            self._ensure_started({"type": "thinking", "thinking": "", "signature": ""})
            self._grow_block("signature_delta", "signature", block.signature)
        self._stop_block()
        if block.kind == "reasoning" and block.encrypted:
            self._start(_redacted(block.encrypted, block.id))
            self._stop_block()

    def _take(self, delta: Delta) -> None:
        self._model = self._model or delta.model
        self._usage = delta.usage or self._usage
        if delta.finish_reason is not None:
            self._finish_reason = delta.finish_reason
            self._finish_reason_raw = delta.finish_reason_raw
        self._has_refusal = self._has_refusal or bool(delta.refusal)
        self._blocks.add(delta)

    def _begin(self) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        self._event(
            "message_start",
            message={
                "id": _message_id(self._request_id),
                "type": "message",
                "role": "assistant",
                "model": self._model or self._request.model,
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": _usage(self._usage),
            },
        )

    def _ensure_started(self, content_block: dict[str, Any]) -> None:
        if not self._has_open_block:
            self._start(content_block)

    def _start(self, content_block: dict[str, Any]) -> None:
        self._begin()
        self._has_open_block = True
        self._event("content_block_start", index=self._next_index, content_block=content_block)

    def _stop_block(self) -> None:
        if self._has_open_block:
            self._event("content_block_stop", index=self._next_index)
            self._has_open_block = False
            self._next_index += 1

    def _grow_block(self, kind: str, field: str, piece: str) -> None:
        self._out += (
            b"event: content_block_delta\n"
            b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":%b}}\n\n'
            % (self._next_index, kind.encode(), field.encode(), _encode(piece))
        )

    def _event(self, kind: str, **fields: object) -> None:
        self._out += b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode({"type": kind, **fields}))

    def _flush(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out


def _message_id(request_id: str) -> str:
    return "msg_" + request_id.removeprefix("req_")


def _stop(
    said: FinishReason, raw: str | None, request: CompletionRequest, *, has_calls: bool, has_refusal: bool
) -> tuple[str, str | None]:
    """The stop reason and the stop sequence that was met, where it can be told."""
    reason = settle_finish_reason(said, has_calls)
    if has_refusal and not has_calls:
        return "refusal", None
    if raw in _OWN_STOP_REASONS:
        return raw, None
    if raw == "stop_sequence" and reason == "stop" and len(request.stop) == 1:
        return "stop_sequence", request.stop[0]
    return _STOP_REASONS[reason], None


def _blocks(part: object) -> list[dict[str, Any]]:
    if isinstance(part, Text):
        return [{"type": "text", "text": part.text}] if part.text else []
    if isinstance(part, Refusal):
        return [{"type": "text", "text": part.text}] if part.text else []
    if isinstance(part, Reasoning):
        return _thinking(part)
    if isinstance(part, ToolCall):
        arguments = find_json_object(part.arguments) or {"_raw": part.arguments}
        return [_tool_use(part.id, part.name, arguments, part.signature)]
    return []


def _thinking(part: Reasoning) -> list[dict[str, Any]]:
    blocks = []
    if part.text or part.signature:
        blocks.append({"type": "thinking", "thinking": part.text, "signature": part.signature or ""})
    if part.encrypted:
        blocks.append(_redacted(part.encrypted, part.id))
    return blocks


def _redacted(encrypted: str, item_id: str | None) -> dict[str, Any]:
    return {"type": "redacted_thinking", "data": f"{item_id}:{encrypted}" if item_id else encrypted}


def _tool_use(call_id: str, name: str, arguments: object, signature: str | None) -> dict[str, Any]:
    block = {"type": "tool_use", "id": call_id, "name": name, "input": arguments}
    if signature:
        block["extra_content"] = {"google": {"thought_signature": signature}}
    return block


def _usage(usage: TokenUsage | None) -> dict[str, Any]:
    """Anthropic's counts: `input_tokens` without what was read from a cache or written to one."""
    if usage is None:
        usage = TokenUsage()
    cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    counts: dict[str, Any] = {
        "input_tokens": max((usage.input_tokens or 0) - cached - written, 0),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.output_tokens or 0,
    }
    if usage.reasoning_tokens is not None:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return counts


def _error(error: OfficiumError, status: int) -> dict[str, Any]:
    kind = _ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": error.message, "details": {"error_code": error.code}},
    }
