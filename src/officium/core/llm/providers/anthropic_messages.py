"""The Anthropic Messages dialect.

Format: https://docs.anthropic.com/en/api/messages and .../messages-streaming.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from officium.core.llm.completion import (
    Completion,
    CompletionRequest,
    Delta,
    DialectName,
    FinishReason,
    ToolCallDelta,
    settle_finish_reason,
)
from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import EmbeddingRequest, Embeddings
from officium.core.llm.errors import (
    LLMAuthenticationError,
    LLMError,
    LLMProtocolError,
    LLMQuotaError,
    LLMRateLimitError,
    LLMRequestError,
    LLMTimeoutError,
    LLMUnavailableError,
    ModelNotFound,
)
from officium.core.llm.http import HttpRequest
from officium.core.llm.message import (
    Reasoning,
    Text,
    ToolCall,
)
from officium.core.llm.providers.anthropic_request import apply_traits, names_a_file, translate
from officium.core.llm.providers.dialect import StreamDecoder
from officium.core.llm.providers.provider_errors import (
    UNREADABLE,
    build_error,
    protocol_error,
    read_error_body,
)
from officium.core.llm.providers.retry_after import parse_retry_after, parse_should_retry
from officium.core.llm.providers.translation import (
    arguments_text,
    auth_headers,
    encode_json,
    native_body,
    not_expressible,
    post_headers,
)
from officium.core.llm.sse import ServerSentEvent, ServerSentEvents
from officium.core.llm.token_usage import TokenUsage, credible

_VERSION = {"anthropic-version": "2023-06-01"}
_FILES_BETA = {"anthropic-beta": "files-api-2025-04-14"}
_DEFAULT_MAX_TOKENS = 4096
"""`max_tokens` is required; this is asked for where neither the caller nor the model's traits say more."""

_FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_ERRORS: dict[str, type[LLMError]] = {
    "invalid_request_error": LLMRequestError,
    "request_too_large": LLMRequestError,
    "authentication_error": LLMAuthenticationError,
    "permission_error": LLMAuthenticationError,
    "billing_error": LLMQuotaError,
    "not_found_error": ModelNotFound,
    "conflict_error": LLMUnavailableError,
    "rate_limit_error": LLMRateLimitError,
    "timeout_error": LLMTimeoutError,
    "api_error": LLMUnavailableError,
    "overloaded_error": LLMUnavailableError,
}
_SPENT = "enforced_spend_limit_reached"
_OUT_OF_MONEY = re.compile(
    r"credit balance|usage limits?\b.*regain access|spend(?:ing)? limit", re.IGNORECASE
)


class AnthropicMessages:
    """Speaks `POST /v1/messages`."""

    name: DialectName = "anthropic-messages"

    def encode(self, request: CompletionRequest, deployment: Deployment) -> HttpRequest:
        body = native_body(request, self.name)
        notes: list[str] = []
        headers = post_headers(deployment) | _VERSION
        if body is None:
            body, notes = translate(request, deployment)
            if names_a_file(request.messages):
                headers |= _FILES_BETA
        body["model"] = deployment.model
        body["stream"] = request.stream
        if request.max_tokens is not None or body.get("max_tokens") is None:
            body["max_tokens"] = (
                request.max_tokens or deployment.traits.default_max_tokens or _DEFAULT_MAX_TOKENS
            )
        notes += apply_traits(body, deployment)
        return HttpRequest(
            "POST", _url(deployment, "messages"), headers, encode_json(body), tuple(dict.fromkeys(notes))
        )

    def decode(self, body: bytes, deployment: Deployment) -> Completion:
        try:
            message = msgspec.json.decode(body)
        except UNREADABLE as error:
            raise protocol_error(deployment, "It is not JSON.", body) from error
        if not isinstance(message, dict):
            raise protocol_error(deployment, "It is no message.", body)
        if message.get("type") == "error" or ("error" in message and "content" not in message):
            raise _read_error(200, message, deployment)
        blocks = message.get("content")
        if not isinstance(blocks, list):
            raise protocol_error(deployment, "It is no message.", body)
        parts = tuple(part for block in blocks if (part := _read_block(block)) is not None)
        raw_reason = _text(message.get("stop_reason"))
        said = _FINISH_REASONS.get(raw_reason or "", "other")
        usage = message.get("usage")
        return Completion(
            parts=parts,
            finish_reason=settle_finish_reason(said, any(isinstance(part, ToolCall) for part in parts)),
            finish_reason_raw=raw_reason,
            usage=_read_usage(usage) if isinstance(usage, dict) else None,
            id=_text(message.get("id")),
            model=_text(message.get("model")),
            raw=body,
        )

    def stream_decoder(self, deployment: Deployment) -> StreamDecoder:
        return _MessageStream(deployment)

    def decode_error(
        self, status: int, headers: Mapping[str, str], body: bytes, deployment: Deployment
    ) -> LLMError:
        said, text = read_error_body(body)
        return _read_error(status, said, deployment, headers, text)

    def encode_embeddings(self, request: EmbeddingRequest, deployment: Deployment) -> HttpRequest:
        raise not_expressible(
            deployment, "embeddings", "Choose a model of another provider: it has no embeddings."
        )

    def decode_embeddings(self, body: bytes, deployment: Deployment) -> Embeddings:
        raise protocol_error(deployment, "The dialect has no embeddings.", body)

    def encode_models(self, deployment: Deployment) -> HttpRequest:
        return HttpRequest("GET", _url(deployment, "models?limit=1000"), auth_headers(deployment) | _VERSION)

    def decode_models(self, body: bytes) -> Iterable[str]:
        try:
            return [model.id for model in msgspec.json.decode(body, type=_ModelList).data]
        except UNREADABLE as error:
            raise LLMProtocolError("The provider's list of models is unreadable.") from error


class _Model(Struct):
    id: str


class _ModelList(Struct):
    data: list[_Model]


def _url(deployment: Deployment, path: str) -> str:
    return f"{deployment.base_url.removesuffix('/v1')}/v1/{path}"


class _EventDelta(Struct):
    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None


class _Event(Struct):
    type: str | None = None
    index: int | None = None
    delta: _EventDelta | None = None
    content_block: dict[str, Any] | None = None
    message: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_decode_event = msgspec.json.Decoder(_Event).decode
_KNOWN_EVENTS = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    }
)


class _Call:
    """A tool call whose block is open. `given` is input that came whole with the block's start."""

    __slots__ = ("given", "has_pieces", "place")

    def __init__(self, place: int, given: dict[str, Any]) -> None:
        self.place = place
        self.given = given
        self.has_pieces = False


class _MessageStream:
    """Reads a streamed message."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._events = ServerSentEvents()
        self._open_calls: dict[int | None, _Call] = {}
        self._calls = 0
        self._usage: dict[str, Any] = {}
        self._has_reason = False
        self.has_ended = False

    def feed(self, data: bytes) -> Iterator[Delta]:
        for event in self._events.feed(data):
            if (delta := self._take(event)) is not None:
                yield delta

    def close(self) -> Iterator[Delta]:
        for event in self._events.close():
            if (delta := self._take(event)) is not None:
                yield delta
        if not self._has_reason and not self.has_ended:
            raise protocol_error(self._deployment, "The stream broke off before the message ended.")

    def _take(self, event: ServerSentEvent) -> Delta | None:
        raw = event.raw
        try:
            said = _decode_event(event.data)
        except UNREADABLE as error:
            return self._pass_unknown(event, error)
        kind = said.type
        if kind == "content_block_delta" and said.delta is not None:
            return self._read_piece(said.index, said.delta, raw)
        if kind == "content_block_start" and said.content_block is not None:
            return self._open_block(said.index, said.content_block, raw)
        if kind == "content_block_stop":
            return self._close_block(said.index, raw)
        if kind == "message_start" and said.message is not None:
            return self._start(said.message, raw)
        if kind == "message_delta":
            return self._finish(said, raw)
        if kind == "message_stop":
            self.has_ended = True
            return Delta(raw=raw) if self._has_reason else Delta(finish_reason="other", raw=raw)
        if kind == "error" or said.error is not None:
            raise _read_error(200, {"error": said.error}, self._deployment)
        return Delta(raw=raw)

    def _pass_unknown(self, event: ServerSentEvent, error: Exception) -> Delta | None:
        """An event that is none of ours: fine if its type is unknown, or if it is a gateway's end mark."""
        if event.data.strip() == b"[DONE]":
            return None
        try:
            said = msgspec.json.decode(event.data)
        except UNREADABLE:
            raise protocol_error(self._deployment, "An event is not JSON.", event.data) from error
        kind = said.get("type") if isinstance(said, dict) else None
        if not isinstance(kind, str) or kind in _KNOWN_EVENTS:
            raise protocol_error(self._deployment, "An event has the wrong shape.", event.data) from error
        if kind == "error":
            raise _read_error(200, said, self._deployment) from error
        return Delta(raw=event.raw)

    def _start(self, message: dict[str, Any], raw: bytes) -> Delta:
        usage = message.get("usage")
        if isinstance(usage, dict):
            self._usage = dict(usage)
        # The count of output tokens is only a small starting value here, not what was written so far.
        started = _read_usage(self._usage | {"output_tokens": None, "output_tokens_details": None})
        return Delta(id=_text(message.get("id")), model=_text(message.get("model")), usage=started, raw=raw)

    def _finish(self, said: _Event, raw: bytes) -> Delta:
        usage = None
        if said.usage is not None:
            # Cumulative: what it repeats replaces what was said at the start, the rest stays.
            self._usage |= {name: value for name, value in said.usage.items() if value is not None}
            usage = _read_usage(self._usage)
        reason = said.delta.stop_reason if said.delta is not None else None
        if reason is None:
            return Delta(usage=usage, raw=raw)
        self._has_reason = True
        finish_reason = settle_finish_reason(_FINISH_REASONS.get(reason, "other"), self._calls > 0)
        return Delta(finish_reason=finish_reason, finish_reason_raw=reason, usage=usage, raw=raw)

    def _open_block(self, index: int | None, block: dict[str, Any], raw: bytes) -> Delta:
        part = _read_block(block)
        if isinstance(part, ToolCall):
            given = block.get("input")
            self._open_calls[index] = call = _Call(self._calls, given if isinstance(given, dict) else {})
            self._calls += 1
            return Delta(tool_calls=(ToolCallDelta(call.place, part.id, part.name),), raw=raw)
        if isinstance(part, Reasoning):
            return Delta(
                reasoning=part.text,
                reasoning_signature=part.signature,
                reasoning_encrypted=part.encrypted,
                raw=raw,
            )
        return Delta(text=part.text, raw=raw) if isinstance(part, Text) else Delta(raw=raw)

    def _read_piece(self, index: int | None, piece: _EventDelta, raw: bytes) -> Delta:
        kind = piece.type
        if kind == "text_delta":
            return Delta(text=piece.text or "", raw=raw)
        if kind == "thinking_delta":
            return Delta(reasoning=piece.thinking or "", raw=raw)
        if kind == "signature_delta":
            return Delta(reasoning_signature=piece.signature, raw=raw)
        if kind == "input_json_delta" and (call := self._open_calls.get(index)) and piece.partial_json:
            call.has_pieces = True
            return Delta(tool_calls=(ToolCallDelta(call.place, arguments=piece.partial_json),), raw=raw)
        return Delta(raw=raw)

    def _close_block(self, index: int | None, raw: bytes) -> Delta:
        call = self._open_calls.pop(index, None)
        if call is None or call.has_pieces or not call.given:
            return Delta(raw=raw)
        return Delta(tool_calls=(ToolCallDelta(call.place, arguments=arguments_text(call.given)),), raw=raw)


def _read_block(block: object) -> Text | Reasoning | ToolCall | None:
    """The part that a content block is; `None` for one that says nothing, or nothing to us.

    Blocks of the provider's own tools (`server_tool_use` and the results) are none of our calls.
    """
    if not isinstance(block, dict):
        return None
    match block.get("type"):
        case "text" if text := block.get("text"):
            return Text(str(text))
        case "thinking" if block.get("thinking") or block.get("signature"):
            return Reasoning(str(block.get("thinking") or ""), signature=block.get("signature") or None)
        case "redacted_thinking":
            return Reasoning(encrypted=str(block.get("data") or ""))
        case "tool_use":
            return ToolCall(
                str(block.get("id") or ""), str(block.get("name") or ""), arguments_text(block.get("input"))
            )
        case _:
            return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read_usage(usage: Mapping[str, Any]) -> TokenUsage | None:
    """The counts in our meaning: theirs leave the cached and the newly cached tokens out of the input."""
    fresh = credible(usage.get("input_tokens"))
    cached = credible(usage.get("cache_read_input_tokens"))
    written = credible(usage.get("cache_creation_input_tokens"))
    output = credible(usage.get("output_tokens"))
    if fresh is None and output is None:
        return None
    details = usage.get("output_tokens_details")
    return TokenUsage(
        input_tokens=None if fresh is None else fresh + (cached or 0) + (written or 0),
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output,
        reasoning_tokens=credible(details.get("thinking_tokens")) if isinstance(details, dict) else None,
    )


def _read_error(
    status: int,
    said: object,
    deployment: Deployment,
    headers: Mapping[str, str] | None = None,
    text: str = "",
) -> LLMError:
    """The typed error for `{"type": "error", "error": {"type", "message"}}`, or for whatever came instead."""
    error = said.get("error", said) if isinstance(said, dict) else said
    message, code, details = text, None, None
    if isinstance(error, dict):
        message = str(error.get("message") or error.get("detail") or text)
        code = _text(error.get("type"))
        details = error.get("details")
    elif isinstance(error, str):
        message = error
    kind = _ERRORS.get(code or "")
    if isinstance(details, dict) and details.get("error_code") == _SPENT:
        kind, code = LLMQuotaError, _SPENT
    elif kind is LLMRequestError and status in {200, 400} and _OUT_OF_MONEY.search(message):
        kind = LLMQuotaError
    if kind is None and status == 200:
        kind = LLMUnavailableError
    headers = headers or {}
    return build_error(
        deployment,
        status,
        message,
        code=code,
        kind=kind,
        retry_after_s=parse_retry_after(headers, datetime.now(UTC), status),
        is_retryable=False if kind is LLMQuotaError else parse_should_retry(headers),
    )
