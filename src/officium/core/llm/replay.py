"""Reading captured traffic: what a provider once answered, as we would understand it today.

A record is one exchange as a mapping with `id`, `provider`, `dialect`, `path`, `request`, `status`,
`headers` and `body` (the response's text; for streams the raw events or lines). No socket is opened.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from officium.core.llm.completion import CompletionBuilder, DialectName
from officium.core.llm.deployment import Deployment, Provider
from officium.core.llm.errors import LLMError, LLMProtocolError
from officium.core.llm.providers import DIALECTS, Dialect, find_provider, find_traits
from officium.core.llm.providers.provider_errors import UNREADABLE
from officium.core.llm.token_usage import TokenUsage, credible

Kind = Literal["completion", "models", "embeddings", "count-tokens"]

_DIALECT_PATHS: tuple[tuple[re.Pattern[str], DialectName], ...] = (
    (re.compile(r"/messages(/count_tokens)?$"), "anthropic-messages"),
    (re.compile(r":(\w*[gG]enerateContent|countTokens|\w*[eE]mbed\w*|predict)$"), "gemini-generate"),
    (re.compile(r"/api/(chat|generate|tags|embed|embeddings|show|ps|version)$"), "ollama-native"),
    (re.compile(r"/responses(/|$)"), "openai-responses"),
    (re.compile(r"/completions$|/openai/"), "openai-chat"),
)  # fmt: skip
_KIND_PATHS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"count_?tokens$|/input_tokens$", re.IGNORECASE), "count-tokens"),
    (re.compile(r"embed(dings?|contents?|text)?$", re.IGNORECASE), "embeddings"),
    (re.compile(r"/(models(/[^:/]+)?|tags|props)$"), "models"),
)
_STREAM_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")
_NAME_FIELDS = ("id", "name", "model", "model_alias", "model_path")


def replay_lines(lines: Iterable[str], split: int | None = None) -> Iterator[str]:
    """Replay one record a line, as JSON, and yield one JSON object a line; blank lines are passed over."""
    for line in lines:
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            replayed: dict[str, Any] = {"id": None, "undecodable": f"The line is not JSON: {error}"}
        else:
            replayed = replay_exchange(record, split)
        yield json.dumps(replayed, ensure_ascii=False).encode("utf-8", "replace").decode()


def replay_exchange(record: Mapping[str, Any], split: int | None = None) -> dict[str, Any]:
    """Decode one captured exchange; a stream is fed `split` bytes at a time where that is given.

    The result has `id`, `text`, `reasoning`, `tool_calls` (each with `name` and `arguments`, JSON text),
    `finish_reason`, `usage` (the fields of TokenUsage and `total_tokens`, or `None`) and `error` (`type`,
    `code`, `message`, `retry_after_s`, `status`, or `None`); `refusal` where there is one; `models` for a
    list of models, `embeddings` (`count`, `dimensions`) for vectors. A stream that failed has both what
    came so far and the error. What is no exchange at all gives `id` and `undecodable`; nothing is raised.
    """
    id = record.get("id") if isinstance(record, Mapping) else None
    try:
        return {"id": id} | _Exchange(record).replay(split)
    except Exception as error:  # a reader of foreign files goes on with the next record, whatever is in one
        return {"id": id, "undecodable": f"{type(error).__name__}: {error}"}


class _Exchange:
    """A record, with what it does not say worked out."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        if not isinstance(record, Mapping):
            raise TypeError("The record is no JSON object.")
        said = record.get("dialect")
        self._path = str(record.get("path") or "").split("?")[0].rstrip("/")
        self._status = int(record.get("status") or 200)
        self._headers = {
            str(name).lower(): str(value) for name, value in (record.get("headers") or {}).items()
        }
        self._body = _as_bytes(record.get("body"))
        self._kind = _find_kind(said, self._path)
        provider_name = str(record.get("provider") or "")
        dialect_name = _find_dialect_name(said, self._path, find_provider(provider_name))
        self._dialect: Dialect = DIALECTS[dialect_name]
        self._deployment = _find_deployment(provider_name, dialect_name, record.get("request"), self._path)

    def replay(self, split: int | None) -> dict[str, Any]:
        try:
            if not 200 <= self._status < 300:
                raise self._dialect.decode_error(self._status, self._headers, self._body, self._deployment)
            if self._kind == "models":
                return _result(models=self._read_models())
            if self._kind == "embeddings":
                return self._read_embeddings()
            if self._kind == "count-tokens":
                return _result(usage=self._read_count())
            if not self._is_stream():
                return self._read_whole()
        except LLMError as error:
            return _result(error=self._describe(error))
        return self._read_stream(split)

    def _is_stream(self) -> bool:
        """Whether a stream came, by its own looks first: some answer whole though a stream was asked for."""
        body = self._body.lstrip()
        if body.startswith(_STREAM_STARTS):
            return True
        if self._dialect.name == "gemini-generate" and body.startswith(b"["):
            return True
        if self._dialect.name == "ollama-native" and len(body.splitlines()) > 1:
            return _is_json(body.splitlines()[0])
        content_type = self._headers.get("content-type", "")
        return not body.startswith(b"{") and "event-stream" in content_type

    def _read_whole(self) -> dict[str, Any]:
        completion = self._dialect.decode(self._body, self._deployment)
        return _result(
            text=completion.text,
            reasoning=completion.reasoning,
            refusal=completion.refusal,
            tool_calls=[{"name": call.name, "arguments": call.arguments} for call in completion.tool_calls],
            finish_reason=completion.finish_reason,
            usage=completion.usage,
        )

    def _read_stream(self, split: int | None) -> dict[str, Any]:
        decoder = self._dialect.stream_decoder(self._deployment)
        builder = CompletionBuilder()
        error = None
        size = split if split is not None and split > 0 else max(1, len(self._body))
        try:
            for start in range(0, len(self._body), size):
                for delta in decoder.feed(self._body[start : start + size]):
                    builder.add(delta)
            for delta in decoder.close():
                builder.add(delta)
        except LLMError as failure:
            error = self._describe(failure)
        completion = builder.build()
        return _result(
            text=completion.text,
            reasoning=completion.reasoning,
            refusal=completion.refusal,
            tool_calls=[{"name": call.name, "arguments": call.arguments} for call in completion.tool_calls],
            finish_reason=completion.finish_reason if builder.finish_reason is not None else None,
            usage=completion.usage,
            error=error,
        )

    def _read_models(self) -> list[str]:
        """The names in a list of models, or of the one model that was asked about."""
        failure = None
        try:
            names = list(self._dialect.decode_models(self._body))
        except LLMProtocolError as error:
            names, failure = [], error
        if not names and _is_json(self._body):
            names = _find_names(json.loads(self._body))
        if not names and failure is not None:
            raise failure
        return names

    def _read_embeddings(self) -> dict[str, Any]:
        found = self._dialect.decode_embeddings(self._body, self._deployment)
        dimensions = len(found.vectors[0]) if found.vectors else 0
        embeddings = {"count": len(found.vectors), "dimensions": dimensions}
        return _result(usage=found.usage, embeddings=embeddings)

    def _read_count(self) -> TokenUsage:
        said = json.loads(self._body or b"null")
        counts = said if isinstance(said, dict) else {}
        for name in ("input_tokens", "totalTokens", "prompt_tokens"):
            if (count := credible(counts.get(name))) is not None:
                return TokenUsage(input_tokens=count)
        raise LLMProtocolError("The provider's answer holds no count of tokens.")

    def _describe(self, error: LLMError) -> dict[str, Any]:
        return {
            "type": error.code,
            "code": error.provider_code,
            "message": error.message,
            "retry_after_s": error.retry_after_s,
            "status": error.status if error.status is not None else self._status,
        }


def _result(
    *,
    text: str = "",
    reasoning: str = "",
    refusal: str = "",
    tool_calls: list[dict[str, str]] | None = None,
    finish_reason: str | None = None,
    usage: TokenUsage | None = None,
    error: dict[str, Any] | None = None,
    **more: object,
) -> dict[str, Any]:
    counts = None if usage is None else usage.model_dump() | {"total_tokens": usage.total_tokens}
    said: dict[str, Any] = {
        "text": text,
        "reasoning": reasoning,
        "tool_calls": tool_calls or [],
        "finish_reason": finish_reason,
        "usage": counts,
        "error": error,
    }
    return said | ({"refusal": refusal} if refusal else {}) | more


def _as_bytes(body: object) -> bytes:
    if body is None:
        return b""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text.encode("utf-8", "replace")


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except UNREADABLE:
        return False
    return True


def _find_kind(said: object, path: str) -> Kind:
    if said in {"models", "embeddings", "count-tokens"}:
        return said
    if said in DIALECTS:
        return "completion"
    return next((kind for pattern, kind in _KIND_PATHS if pattern.search(path)), "completion")


def _find_dialect_name(said: object, path: str, provider: Provider | None) -> DialectName:
    """The dialect that was spoken: as the record says, else by the path, else by the provider."""
    if said in DIALECTS:
        return said
    for pattern, name in _DIALECT_PATHS:
        if pattern.search(path):
            return name
    if provider is None:
        raise LookupError("Neither dialect, path nor provider say how to read it.")
    return provider.dialect


def _find_deployment(provider_name: str, dialect: DialectName, request: object, path: str) -> Deployment:
    row = find_provider(provider_name) or Provider(
        name=provider_name or "unknown",
        label=provider_name or "The provider",
        dialect=dialect,
        base_url=None,
    )
    if row.name == "gemini" and dialect == "openai-chat":
        row = msgspec.structs.replace(row, quirks=row.quirks | {"output_from_total"})
    asked = request.get("model") if isinstance(request, Mapping) else None
    in_path = re.search(r"/models/([^:/]+)", path)
    model = asked if isinstance(asked, str) else in_path.group(1) if in_path else ""
    return Deployment(
        provider=row, model=model, base_url=row.base_url or "", traits=find_traits(row.name, model)
    )


def _find_names(said: object) -> list[str]:
    if isinstance(said, list):
        return [name for item in said for name in _find_names(item)]
    if not isinstance(said, dict):
        return []
    names = [str(said[field]) for field in _NAME_FIELDS if said.get(field)]
    return [name.removeprefix("models/") for name in names[:1]]
