"""Ollama's own dialect: `/api/chat`, and reading `/api/generate`.

Format: https://github.com/ollama/ollama/blob/main/docs/api.md.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct, field

from officium.core.llm.completion import (
    Completion,
    CompletionBuilder,
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
from officium.core.llm.errors import LLMError, LLMProtocolError, LLMRequestError, LLMUnavailableError
from officium.core.llm.http import HttpRequest
from officium.core.llm.providers.dialect import StreamDecoder
from officium.core.llm.providers.ollama_request import apply_traits, translate
from officium.core.llm.providers.provider_errors import (
    UNREADABLE,
    build_error,
    class_for_status,
    protocol_error,
    read_error_body,
    speaks_of_context_length,
)
from officium.core.llm.providers.retry_after import parse_retry_after
from officium.core.llm.providers.translation import (
    arguments_text,
    auth_headers,
    encode_json,
    native_body,
    post_headers,
)
from officium.core.llm.sse import LineSplitter
from officium.core.llm.token_usage import TokenUsage, credible

_FINISH_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


class OllamaNative:
    """Speaks `POST /api/chat`."""

    name: DialectName = "ollama-native"

    def encode(self, request: CompletionRequest, deployment: Deployment) -> HttpRequest:
        body = native_body(request, self.name)
        notes: list[str] = []
        if body is None:
            body, notes = translate(request, deployment)
        options = dict(body.get("options") or {})
        max_tokens = request.max_tokens or deployment.traits.default_max_tokens
        if request.max_tokens is not None or (max_tokens is not None and "num_predict" not in options):
            options["num_predict"] = max_tokens
        notes += apply_traits(options, deployment)
        if options:
            body["options"] = options
        body["model"] = deployment.model
        body["stream"] = request.stream
        return HttpRequest(
            "POST",
            _url(deployment, "chat"),
            post_headers(deployment),
            encode_json(body),
            tuple(dict.fromkeys(notes)),
        )

    def decode(self, body: bytes, deployment: Deployment) -> Completion:
        reader = _AnswerReader(deployment)
        builder = CompletionBuilder()
        builder.add(reader.read(body, b""))
        if not reader.has_ended:
            raise protocol_error(deployment, "The answer is not complete.", body)
        return msgspec.structs.replace(builder.build(), raw=body)

    def stream_decoder(self, deployment: Deployment) -> StreamDecoder:
        return _AnswerStream(deployment)

    def decode_error(
        self, status: int, headers: Mapping[str, str], body: bytes, deployment: Deployment
    ) -> LLMError:
        said, text = read_error_body(body)
        return _read_error(status, said, deployment, headers, text)

    def encode_embeddings(self, request: EmbeddingRequest, deployment: Deployment) -> HttpRequest:
        body: dict[str, Any] = {"model": deployment.model, "input": request.inputs}
        if request.dimensions is not None:
            body["dimensions"] = request.dimensions
        return HttpRequest("POST", _url(deployment, "embed"), post_headers(deployment), encode_json(body))

    def decode_embeddings(self, body: bytes, deployment: Deployment) -> Embeddings:
        try:
            said = msgspec.json.decode(body, type=_EmbeddingList)
        except UNREADABLE as error:
            raise protocol_error(deployment, "It is no list of embeddings.", body) from error
        found = said.embeddings if said.embedding is None else [said.embedding]
        if not found:
            raise protocol_error(deployment, "It is no list of embeddings.", body)
        tokens = credible(said.prompt_eval_count)
        return Embeddings(
            vectors=tuple(tuple(vector) for vector in found),
            model=said.model,
            usage=None if tokens is None else TokenUsage(input_tokens=tokens),
        )

    def encode_models(self, deployment: Deployment) -> HttpRequest:
        return HttpRequest("GET", _url(deployment, "tags"), auth_headers(deployment))

    def decode_models(self, body: bytes) -> Iterable[str]:
        try:
            return [model.name for model in msgspec.json.decode(body, type=_ModelList).models]
        except UNREADABLE as error:
            raise LLMProtocolError("The provider's list of models is unreadable.") from error


class _EmbeddingList(Struct):
    """An answer of `/api/embed`; `embedding` is the one vector of the older `/api/embeddings`."""

    embeddings: list[list[float]] = field(default_factory=list)
    embedding: list[float] | None = None
    model: str | None = None
    prompt_eval_count: Any = None


class _Model(Struct):
    name: str


class _ModelList(Struct):
    models: list[_Model] = field(default_factory=list)


def _url(deployment: Deployment, path: str) -> str:
    """The address of a native endpoint; the catalogue's leads to the compatible one, under `/v1`."""
    return f"{deployment.base_url.removesuffix('/v1')}/api/{path}"


class _Function(Struct):
    name: str
    arguments: Any = None


class _Call(Struct):
    function: _Function
    id: str | None = None


class _Message(Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _ScoredToken(Struct):
    token: str = ""
    logprob: float = 0.0


class _Logprob(_ScoredToken):
    top_logprobs: list[_ScoredToken] | None = None


class _Line(Struct):
    """A line of a stream, or a whole answer; `response` and `thinking` are `/api/generate`'s."""

    model: str | None = None
    message: _Message | None = None
    response: str | None = None
    thinking: str | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    logprobs: list[_Logprob] | None = None
    error: Any = None
    status_code: Any = None


_decode_line = msgspec.json.Decoder(_Line).decode


class _AnswerReader:
    """Reads one line after the other and counts the calls in them."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._calls = 0
        self.has_ended = False

    def read(self, data: bytes, raw: bytes) -> Delta:
        """What the line says. Raises the typed error it reports instead."""
        try:
            line = _decode_line(data)
        except UNREADABLE as error:
            raise protocol_error(self._deployment, "A line is no answer.", data) from error
        if line.error is not None:
            raise _read_error(200, {"error": line.error, "status_code": line.status_code}, self._deployment)
        if line.message is None and line.response is None and line.done is None:
            return Delta(raw=raw)
        message = line.message or _Message(line.response, line.thinking)
        calls = tuple(self._read_call(call) for call in message.tool_calls or ())
        return Delta(
            text=message.content or "",
            reasoning=message.thinking or "",
            tool_calls=calls,
            logprobs=tuple(_read_logprob(said) for said in line.logprobs or ()),
            finish_reason=self._finish(line) if line.done else None,
            finish_reason_raw=line.done_reason if line.done else None,
            usage=_read_usage(line) if line.done else None,
            model=line.model,
            raw=raw,
        )

    def _finish(self, line: _Line) -> FinishReason:
        """Old versions give no reason at the end of an answer."""
        self.has_ended = True
        said = _FINISH_REASONS.get(line.done_reason, "other") if line.done_reason else "stop"
        return settle_finish_reason(said, self._calls > 0)

    def _read_call(self, call: _Call) -> ToolCallDelta:
        place = self._calls
        self._calls += 1
        arguments = arguments_text(call.function.arguments)
        id = call.id or _make_id(call.function.name, arguments, place)
        return ToolCallDelta(place, id, call.function.name, arguments)


class _AnswerStream:
    """Reads a streamed answer: a JSON object a line."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._lines = LineSplitter()
        self._reader = _AnswerReader(deployment)

    @property
    def has_ended(self) -> bool:
        return self._reader.has_ended

    def feed(self, data: bytes) -> Iterator[Delta]:
        for line in self._lines.feed(data):
            if not line.isspace():
                yield self._reader.read(line, line)

    def close(self) -> Iterator[Delta]:
        for line in self._lines.close():
            if not line.isspace():
                yield self._reader.read(line, line)
        if not self._reader.has_ended:
            raise protocol_error(self._deployment, "The stream broke off before the answer ended.")


def _make_id(name: str, arguments: str, place: int) -> str:
    """An id for a call that came without one, as old versions send it."""
    digest = hashlib.sha256(f"{name} {arguments}".encode()).hexdigest()[:16]
    return f"call_{digest}_{place}"


def _read_usage(line: _Line) -> TokenUsage | None:
    read, written = credible(line.prompt_eval_count), credible(line.eval_count)
    if read is None and written is None:
        return None
    return TokenUsage(input_tokens=read, output_tokens=written)


def _read_logprob(said: _Logprob) -> TokenLogprob:
    top = tuple((rival.token, rival.logprob) for rival in said.top_logprobs or ())
    return TokenLogprob(said.token, said.logprob, top)


def _read_error(
    status: int,
    said: object,
    deployment: Deployment,
    headers: Mapping[str, str] | None = None,
    text: str = "",
) -> LLMError:
    """The typed error for `{"error": "text"}`, the compatible endpoint's object, or what came instead.

    In a stream the status stays 200, and mostly the model's runner failed; the cloud adds a `status_code`.
    """
    error = said.get("error", said) if isinstance(said, dict) else said
    message, code = error if isinstance(error, str) else text, None
    if isinstance(error, dict):
        message = str(error.get("message") or text)
        code = next((str(error[name]) for name in ("code", "type") if error.get(name)), None)
    kind: type[LLMError] | None = None
    if status == 200:
        meant = said.get("status_code") if isinstance(said, dict) else None
        kind = class_for_status(meant) if isinstance(meant, int) and meant >= 400 else LLMUnavailableError
        if kind is LLMUnavailableError and speaks_of_context_length(message):
            kind = LLMRequestError
    return build_error(
        deployment,
        status,
        message,
        code=code,
        kind=kind,
        retry_after_s=parse_retry_after(headers or {}, datetime.now(UTC), status),
    )
