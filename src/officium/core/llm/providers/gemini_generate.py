"""The Gemini generateContent dialect, as the Gemini API and Vertex AI speak it.

Format: https://ai.google.dev/api/generate-content.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from officium.core.llm.completion import (
    Completion,
    CompletionRequest,
    Delta,
    DialectName,
    FinishReason,
    TokenLogprob,
    ToolCallDelta,
    settle_finish_reason,
)
from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import EmbeddingRequest, Embeddings
from officium.core.llm.errors import (
    LLMAuthenticationError,
    LLMError,
    LLMProtocolError,
    LLMRateLimitError,
    LLMRequestError,
    LLMTimeoutError,
    LLMUnavailableError,
    ModelNotFound,
)
from officium.core.llm.http import HttpRequest
from officium.core.llm.json_array import JsonArrayItems
from officium.core.llm.message import Part, Reasoning, Text, ToolCall
from officium.core.llm.providers.dialect import StreamDecoder
from officium.core.llm.providers.gemini_request import MADE_UP_ID, apply_traits, translate
from officium.core.llm.providers.provider_errors import (
    UNREADABLE,
    build_error,
    protocol_error,
    read_error_body,
)
from officium.core.llm.providers.retry_after import parse_delay, parse_retry_after
from officium.core.llm.providers.translation import (
    arguments_text,
    auth_headers,
    encode_json,
    native_body,
    post_headers,
)
from officium.core.llm.sse import ServerSentEvent, ServerSentEvents
from officium.core.llm.token_usage import TokenUsage, credible

_FINISH_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "JAILBREAK": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
_NUMBERED_REASONS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
"""The numbers that both APIs give the same meaning, for those who ask for enums as numbers."""

_ERRORS: dict[str, type[LLMError]] = {
    "INVALID_ARGUMENT": LLMRequestError,
    "FAILED_PRECONDITION": LLMRequestError,
    "OUT_OF_RANGE": LLMRequestError,
    "UNAUTHENTICATED": LLMAuthenticationError,
    "PERMISSION_DENIED": LLMAuthenticationError,
    "NOT_FOUND": ModelNotFound,
    "RESOURCE_EXHAUSTED": LLMRateLimitError,
    "INTERNAL": LLMUnavailableError,
    "UNAVAILABLE": LLMUnavailableError,
    "DEADLINE_EXCEEDED": LLMTimeoutError,
}
_BAD_KEY = re.compile(r"API[ _]key (?:not valid|expired|not found|is invalid)", re.IGNORECASE)


class GeminiGenerate:
    """Speaks `models/{model}:generateContent` and `:streamGenerateContent`."""

    name: DialectName = "gemini-generate"

    def encode(self, request: CompletionRequest, deployment: Deployment) -> HttpRequest:
        body = native_body(request, self.name)
        notes: list[str] = []
        if body is None:
            body, notes = translate(request, deployment)
        config = dict(body.get("generationConfig") or {})
        if request.max_tokens is not None:
            config["maxOutputTokens"] = request.max_tokens
        elif deployment.traits.default_max_tokens is not None:
            config.setdefault("maxOutputTokens", deployment.traits.default_max_tokens)
        notes += apply_traits(body, config, deployment)
        if config:
            body["generationConfig"] = config
        method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
        return HttpRequest(
            "POST",
            _url(deployment, method),
            post_headers(deployment),
            encode_json(body),
            tuple(dict.fromkeys(notes)),
        )

    def decode(self, body: bytes, deployment: Deployment) -> Completion:
        chunk = _read_chunk(body, deployment)
        candidate = _first_candidate(chunk)
        parts = _read_parts(candidate, chunk.response_id)
        has_calls = any(isinstance(part, ToolCall) for part in parts)
        raw_reason, reason = _read_finish(chunk, candidate)
        return Completion(
            parts=parts,
            finish_reason=settle_finish_reason(reason or "other", has_calls),
            finish_reason_raw=raw_reason,
            usage=_read_usage(chunk.usage_metadata),
            logprobs=_read_logprobs(candidate),
            id=chunk.response_id,
            model=chunk.model_version,
            raw=body,
        )

    def stream_decoder(self, deployment: Deployment) -> StreamDecoder:
        return _ContentStream(deployment)

    def decode_error(
        self, status: int, headers: Mapping[str, str], body: bytes, deployment: Deployment
    ) -> LLMError:
        said, text = read_error_body(body)
        return _read_error(status, said, deployment, headers, text)

    def encode_embeddings(self, request: EmbeddingRequest, deployment: Deployment) -> HttpRequest:
        one: dict[str, Any] = {"model": f"models/{_bare(deployment.model)}"}
        if request.dimensions is not None:
            one["outputDimensionality"] = request.dimensions
        asked = [one | {"content": {"parts": [{"text": text}]}} for text in request.inputs]
        return HttpRequest(
            "POST",
            _url(deployment, "batchEmbedContents"),
            post_headers(deployment),
            encode_json({"requests": asked}),
        )

    def decode_embeddings(self, body: bytes, deployment: Deployment) -> Embeddings:
        try:
            said = msgspec.json.decode(body, type=_EmbeddingList)
        except UNREADABLE as error:
            raise protocol_error(deployment, "It is no list of embeddings.", body) from error
        found = said.embeddings if said.embedding is None else [said.embedding]
        if not found:
            raise protocol_error(deployment, "It is no list of embeddings.", body)
        tokens = credible((said.usage_metadata or {}).get("promptTokenCount"))
        return Embeddings(
            vectors=tuple(tuple(one.values) for one in found),
            usage=None if tokens is None else TokenUsage(input_tokens=tokens),
        )

    def encode_models(self, deployment: Deployment) -> HttpRequest:
        return HttpRequest("GET", f"{deployment.base_url}/models?pageSize=1000", auth_headers(deployment))

    def decode_models(self, body: bytes) -> Iterable[str]:
        try:
            said = msgspec.json.decode(body, type=_ModelList)
        except UNREADABLE as error:
            raise LLMProtocolError("The provider's list of models is unreadable.") from error
        return [_bare(model.name) for model in said.models or said.publisher_models]


class _Embedding(Struct):
    values: list[float]


class _EmbeddingList(Struct, rename="camel"):
    embeddings: list[_Embedding] = field(default_factory=list)
    embedding: _Embedding | None = None
    usage_metadata: dict[str, Any] | None = None


class _Model(Struct):
    name: str


class _ModelList(Struct, rename="camel"):
    models: list[_Model] = field(default_factory=list)
    publisher_models: list[_Model] = field(default_factory=list)


def _bare(model: str) -> str:
    """The model's own name, without the collection it stands in."""
    return model.rsplit("models/", 1)[-1]


def _url(deployment: Deployment, method: str) -> str:
    return f"{deployment.base_url}/models/{quote(_bare(deployment.model), safe='@:')}:{method}"


class _FunctionCall(Struct):
    name: str | None = None
    args: Any = None
    id: str | None = None


class _Part(Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _FunctionCall | None = None


class _Content(Struct):
    parts: list[_Part] | None = None


class _ScoredToken(Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class _TopCandidates(Struct):
    candidates: list[_ScoredToken] = field(default_factory=list)


class _LogprobsResult(Struct, rename="camel"):
    chosen_candidates: list[_ScoredToken] = field(default_factory=list)
    top_candidates: list[_TopCandidates] = field(default_factory=list)


class _Candidate(Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | int | None = None
    index: int | None = None
    logprobs_result: _LogprobsResult | None = None


class _Chunk(Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    usage_metadata: dict[str, Any] | None = None
    prompt_feedback: dict[str, Any] | None = None
    response_id: str | None = None
    model_version: str | None = None
    error: Any = None


_NOTHING = _Chunk()
_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def _read_chunk(data: bytes, deployment: Deployment) -> _Chunk:
    """One answer or piece of one. Raises the typed error that stands in its place."""
    try:
        chunk = _decode_chunk(data)
    except msgspec.ValidationError as error:
        said, _ = read_error_body(data)
        if isinstance(said, list) and said and isinstance(said[0], dict) and "error" in said[0]:
            raise _read_error(200, said, deployment) from error
        raise protocol_error(deployment, "It has the wrong shape.", data) from error
    except UNREADABLE as error:
        raise protocol_error(deployment, "It is not JSON.", data) from error
    if chunk.error is not None:
        raise _read_error(200, {"error": chunk.error}, deployment)
    if chunk == _NOTHING:
        raise protocol_error(deployment, "It holds no candidates.", data)
    return chunk


def _first_candidate(chunk: _Chunk) -> _Candidate | None:
    """The candidate that counts where several were asked for: the first by its index."""
    for candidate in chunk.candidates or ():
        if not candidate.index:
            return candidate
    return None


def _read_finish(chunk: _Chunk, candidate: _Candidate | None) -> tuple[str | None, FinishReason | None]:
    """The finish reason as sent and as meant; a blocked prompt ends the answer, too."""
    reason = candidate.finish_reason if candidate is not None else None
    if isinstance(reason, int):
        reason = _NUMBERED_REASONS.get(reason, str(reason))
    if reason is not None and reason not in {"FINISH_REASON_UNSPECIFIED", "0"}:
        return reason, _FINISH_REASONS.get(reason, "other")
    blocked = (chunk.prompt_feedback or {}).get("blockReason")
    return (str(blocked), "content_filter") if blocked else (None, None)


def _call_id(call: _FunctionCall, response_id: str | None, place: int) -> str:
    """The call's id, or one made of the answer's id and the call's place in it: mostly none is sent."""
    if call.id:
        return call.id
    origin = response_id or hashlib.sha256(arguments_text([call.name, call.args]).encode()).hexdigest()[:12]
    return f"{MADE_UP_ID}{origin}_{place}"


def _read_parts(candidate: _Candidate | None, response_id: str | None) -> tuple[Part, ...]:
    """The parts that mean something to us: not code that was run, not what a provider's own tool said."""
    parts: list[Part] = []
    calls = 0
    for part in _parts_of(candidate):
        if (call := part.function_call) is not None and call.name:
            id = _call_id(call, response_id, calls)
            parts.append(ToolCall(id, call.name, arguments_text(call.args), part.thought_signature))
            calls += 1
        elif part.thought and (part.text or part.thought_signature):
            parts.append(Reasoning(part.text or "", part.thought_signature))
        elif not part.thought and (part.text or (part.text is not None and part.thought_signature)):
            parts.append(Text(part.text or "", part.thought_signature))
    return tuple(parts)


def _parts_of(candidate: _Candidate | None) -> list[_Part]:
    if candidate is None or candidate.content is None:
        return []
    return candidate.content.parts or []


def _read_usage(usage: Mapping[str, Any] | None) -> TokenUsage | None:
    """The counts in our meaning: theirs leave the thoughts out of the output. Zeros are not sent."""
    usage = usage or {}
    prompt = credible(usage.get("promptTokenCount"))
    written = credible(usage.get("candidatesTokenCount"))
    thoughts = credible(usage.get("thoughtsTokenCount"))
    total = credible(usage.get("totalTokenCount"))
    tools = credible(usage.get("toolUsePromptTokenCount")) or 0
    if prompt is None and written is None and thoughts is None:
        return None
    output = None if written is None and thoughts is None else (written or 0) + (thoughts or 0)
    if output is None and total is not None and prompt is not None:
        output = max(0, total - prompt - tools)
    return TokenUsage(
        input_tokens=None if prompt is None else prompt + tools,
        cached_tokens=credible(usage.get("cachedContentTokenCount")),
        output_tokens=output,
        reasoning_tokens=thoughts,
    )


def _read_logprobs(candidate: _Candidate | None) -> tuple[TokenLogprob, ...]:
    """The chosen tokens of `logprobsResult`, each with the likeliest ones in its place."""
    result = candidate.logprobs_result if candidate is not None else None
    if result is None:
        return ()
    found = []
    for place, chosen in enumerate(result.chosen_candidates):
        rivals = result.top_candidates[place].candidates if place < len(result.top_candidates) else []
        top = tuple((rival.token, rival.log_probability) for rival in rivals)
        found.append(TokenLogprob(chosen.token, chosen.log_probability, top))
    return tuple(found)


class _ContentStream:
    """Reads a streamed answer: server-sent events, or (Vertex without `alt=sse`) a JSON array in pieces."""

    has_ended = False
    """Nothing tells the last event: some models say `STOP` in each of them."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._events: ServerSentEvents | None = None
        self._items: JsonArrayItems | None = None
        self._calls = 0
        self._has_finished = False

    def feed(self, data: bytes) -> Iterator[Delta]:
        if self._events is None and self._items is None:
            data = data.lstrip()
            if not data:
                return
            if data[:1] in b"[{":
                self._items = JsonArrayItems()
            else:
                self._events = ServerSentEvents()
        if self._items is not None:
            for item in self._items.feed(data):
                yield self._take(item.data, item.raw)
        elif self._events is not None:
            yield from self._take_events(self._events.feed(data))

    def close(self) -> Iterator[Delta]:
        if self._items is not None:
            self._items.close()
        elif self._events is not None:
            yield from self._take_events(self._events.close())
        if not self._has_finished:
            raise protocol_error(self._deployment, "The stream broke off before the answer ended.")

    def _take_events(self, events: Iterator[ServerSentEvent]) -> Iterator[Delta]:
        for event in events:
            if event.data.strip() != b"[DONE]":
                yield self._take(event.data, event.raw)

    def _take(self, data: bytes, raw: bytes) -> Delta:
        chunk = _read_chunk(data, self._deployment)
        candidate = _first_candidate(chunk)
        text, reasoning = "", ""
        text_signature, reasoning_signature = None, None
        calls = []
        for part in _parts_of(candidate):
            if (call := part.function_call) is not None and call.name:
                calls.append(self._read_call(call, part.thought_signature, chunk.response_id))
            elif part.thought:
                reasoning += part.text or ""
                reasoning_signature = part.thought_signature or reasoning_signature
            elif part.text is not None:
                text += part.text
                text_signature = part.thought_signature or text_signature
        raw_reason, reason = _read_finish(chunk, candidate)
        if reason is not None:
            self._has_finished = True
            reason = settle_finish_reason(reason, self._calls > 0)
        return Delta(
            text=text,
            reasoning=reasoning,
            tool_calls=tuple(calls),
            reasoning_signature=reasoning_signature,
            text_signature=text_signature,
            logprobs=_read_logprobs(candidate),
            finish_reason=reason,
            finish_reason_raw=raw_reason,
            usage=_read_usage(chunk.usage_metadata),
            id=chunk.response_id,
            model=chunk.model_version,
            raw=raw,
        )

    def _read_call(
        self, call: _FunctionCall, signature: str | None, response_id: str | None
    ) -> ToolCallDelta:
        place = self._calls
        self._calls += 1
        return ToolCallDelta(
            place, _call_id(call, response_id, place), call.name, arguments_text(call.args), signature
        )


def _read_error(
    status: int,
    said: object,
    deployment: Deployment,
    headers: Mapping[str, str] | None = None,
    text: str = "",
) -> LLMError:
    """The typed error for `{"error": {"code", "message", "status", "details"}}`, or for what came instead.

    Endpoints that stream an array put the object into one. A bad key is a 400 here.
    """
    if isinstance(said, list) and said:
        said = said[0]
    error = said.get("error", said) if isinstance(said, dict) else said
    if not isinstance(error, dict):
        error = {"message": error if isinstance(error, str) else text}
    message = str(error.get("message") or text)
    code = error.get("status") if isinstance(error.get("status"), str) else None
    listed = error.get("details")
    details = [detail for detail in listed if isinstance(detail, dict)] if isinstance(listed, list) else []
    kind = _ERRORS.get(code or "")
    if kind is LLMRequestError and (
        _BAD_KEY.search(message) or any(detail.get("reason") == "API_KEY_INVALID" for detail in details)
    ):
        kind = LLMAuthenticationError
    if kind is None and status == 200:
        kind = LLMUnavailableError
    return build_error(
        deployment,
        status,
        message,
        code=code,
        kind=kind,
        retry_after_s=_read_delay(details, headers or {}, status),
    )


def _read_delay(
    details: Iterable[Mapping[str, Any]], headers: Mapping[str, str], status: int
) -> float | None:
    """The delay in the headers, else the one in `RetryInfo` ("48s", "1.5s")."""
    now = datetime.now(UTC)
    delay_s = parse_retry_after(headers, now, status)
    for detail in details:
        said = detail.get("retryDelay")
        if delay_s is None and isinstance(said, str):
            delay_s = parse_delay(said, now)
    return delay_s
