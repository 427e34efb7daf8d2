"""Failures as OpenAI and those who copy its API word them, read into our typed errors.

No two copies agree: an object, a bare string, an array of objects, Mistral's and vLLM's shapes without a
wrapper, numbers for codes, an upstream's body inside a message, a proxy's HTML. Shapes: the providers'
documents and recorded traffic.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import (
    ContentFiltered,
    ContextTooLong,
    LLMAuthenticationError,
    LLMError,
    LLMProtocolError,
    LLMQuotaError,
    LLMRequestError,
    LLMUnavailableError,
    ModelNotFound,
)
from officium.core.llm.providers.provider_errors import (
    build_error,
    class_for_status,
    read_error_body,
    speaks_of_context_length,
)
from officium.core.llm.providers.retry_after import parse_delay, parse_retry_after, parse_should_retry

_DECIDING_CODES: dict[str, type[LLMError]] = {
    "insufficient_quota": LLMQuotaError,
    "billing_hard_limit_reached": LLMQuotaError,
    "billing_not_active": LLMQuotaError,
    "insufficient_balance": LLMQuotaError,
    "exceeded_current_quota_error": LLMQuotaError,
    "model_not_found": ModelNotFound,
    "model_decommissioned": ModelNotFound,
    "model_not_available": ModelNotFound,
    "invalid_model": ModelNotFound,
    "unknown_model": ModelNotFound,
    "deploymentnotfound": ModelNotFound,
    "context_length_exceeded": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,
    "too_many_prompt_tokens": ContextTooLong,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "responsibleaipolicyviolation": ContentFiltered,
    "data_inspection_failed": ContentFiltered,
    "invalid_prompt": ContentFiltered,
    "invalid_api_key": LLMAuthenticationError,
    "api_key_invalid": LLMAuthenticationError,
}
"""Codes and types that say more than the status beside them."""

_STATUS_OF_CODE = {
    "invalid_request_error": 400,
    "invalid_value": 400,
    "tool_use_failed": 400,
    "json_validate_failed": 400,
    "badrequesterror": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "ratelimitreached": 429,
    "requests": 429,
    "tokens": 429,
    "capacity_exceeded": 498,
    "server_error": 500,
    "internal_server_error": 500,
    "internalservererror": 500,
    "api_error": 500,
    "over_capacity": 503,
    "overloaded_error": 503,
    "server_is_overloaded": 503,
    "service_unavailable_error": 503,
    "timeout": 504,
}
"""The status an error inside a 200 would have had, where it names none: it decides the class."""

_KEY_REFUSED = re.compile(
    r"\b(?:incorrect|invalid) api key|\bapi key (?:is )?(?:not valid|invalid)", re.IGNORECASE
)
_MODEL_UNKNOWN = re.compile(
    r"is not a valid model|\bmodel\b.{0,120}\b(?:does not exist|not found|been decommissioned)"
    r"|no endpoints found|\b(?:no such|unknown) model",
    re.IGNORECASE,
)
_CONTEXT_EXCEEDED = re.compile(
    r"prompt (?:is )?too long|total length of all messages|tokens per minute.{0,80}requested", re.IGNORECASE
)
_SERVER_AT_FAULT = re.compile(
    r"compute error|out of memory|failed to (?:allocate|decode)|crash", re.IGNORECASE
)
_MASKED_KEY = re.compile(r"(?<=key provided: )\S+|\S*\*{3,}\S*", re.IGNORECASE)
_ACCOUNT_SUSPENDED = 412
"""Fireworks, when an account may not be used any more."""
_VAGUE_MESSAGE = "provider returned error"
"""What OpenRouter says when only the upstream's own body explains anything."""


class Fault(Struct, frozen=True, kw_only=True):
    """What a provider said about a failure. `status` is the one it named in the body, if any."""

    message: str
    code: str | None = None
    kind: str | None = None
    param: str | None = None
    status: int | None = None
    is_moderation: bool = False
    headers: Mapping[str, str] = {}
    """Headers of an upstream that were repeated in the body, with lower-case names."""

    @property
    def words(self) -> Iterable[str]:
        """Its code and its type, in lower case."""
        return [word.lower() for word in (self.code, self.kind) if word]


def find_fault(said: object) -> Fault | None:
    """The failure in a parsed JSON body or event, or `None` if it holds none."""
    if isinstance(said, list):
        return next(filter(None, map(find_fault, said)), None)
    if not isinstance(said, dict):
        return None
    if said.get("error"):
        return _read(said["error"], said)
    choices = said.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("error"):
            return _read(choice["error"], said)
    if isinstance(said.get("x_groq"), dict) and said["x_groq"].get("error"):
        return _read(said["x_groq"]["error"], said)
    if "choices" in said or "output" in said or "data" in said:
        return None
    if said.get("detail"):
        return _read(said["detail"], said)
    if said.get("errors"):
        return _read(said["errors"], said)
    if said.get("message"):
        return _read(said, {})
    return None


def fault_error(
    fault: Fault, deployment: Deployment, status: int = 200, headers: Mapping[str, str] | None = None
) -> LLMError:
    """The typed error for a fault that came with the HTTP `status`.

    Inside a 200, the status that the fault names takes its place.
    """
    if status < 300:
        status = fault.status or status
    headers = {**fault.headers, **(headers or {})}
    now = datetime.now(UTC)
    error = build_error(
        deployment,
        status,
        _MASKED_KEY.sub("***", fault.message),
        code=fault.code or fault.kind,
        kind=_class_of(fault, status, deployment),
        retry_after_s=parse_retry_after(headers, now, _status_of(fault) if status < 300 else status),
        is_retryable=parse_should_retry(headers),
    )
    if fault.param:
        error.fields["param"] = fault.param
    return error


def decode_error(status: int, headers: Mapping[str, str], body: bytes, deployment: Deployment) -> LLMError:
    """The typed error for an answer that is not a 2xx; never raises, whatever the body holds."""
    said, text = _read_body(body)
    fault = find_fault(said) or Fault(message=text or body.decode("utf-8", "replace"))
    return fault_error(fault, deployment, status, headers)


def decode_garbled(deployment: Deployment, why: str, body: bytes = b"") -> LLMError:
    """The error for a 2xx that makes no sense: the failure it reports, or else LLMProtocolError."""
    said, text = _read_body(body)
    if fault := find_fault(said):
        return fault_error(fault, deployment)
    if text and said is None:
        why = f"{why} It begins: {text[:200]}"
    return build_error(deployment, 200, why, kind=LLMProtocolError)


def _read_body(body: bytes) -> tuple[Any, str]:
    try:
        return read_error_body(body)
    except RecursionError:
        return None, "JSON that is nested too deeply"


def _read(error: object, around: Mapping[str, Any]) -> Fault:
    if isinstance(error, list):
        return Fault(message="; ".join(filter(None, map(_sentence, error))), status=_status_in(around))
    if not isinstance(error, dict):
        code = around.get("code")
        return Fault(
            message=_text(error),
            code=_word(code) if isinstance(code, str) else None,
            kind=_word(around.get("type")) if "object" not in around else None,
            status=_status_in(around),
        )
    metadata = _object(error.get("metadata"))
    status = _status_in(error) or _status_in(around)
    code, kind = _word(error.get("code")), _word(error.get("type") or error.get("status"))
    if code is not None and code.isdigit() and int(code) == status and kind:
        code = None
    inner = error.get("innererror")
    if isinstance(inner, dict) and inner.get("code"):
        kind = _word(inner["code"])
    return Fault(
        message=_explanation(error, metadata),
        code=code,
        kind=kind,
        param=error["param"] if isinstance(error.get("param"), str) else None,
        status=status,
        is_moderation=bool(metadata.get("reasons") or metadata.get("flagged_input")),
        headers=_headers(error, metadata),
    )


def _explanation(error: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    message = _sentence(error)
    raw = metadata.get("raw")
    if raw and (not message or message.lower() == _VAGUE_MESSAGE):
        message = f"{message}: {_upstream(raw)}" if message else _upstream(raw)
    return message or _text(error.get("code")) or _text(error.get("type"))


def _upstream(raw: object) -> str:
    """The sentence in an upstream's body, that OpenRouter hands on as text."""
    said = raw
    if isinstance(raw, str):
        try:
            said = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            return raw
    fault = find_fault(said)
    return fault.message if fault else _text(raw)


def _sentence(error: object) -> str:
    """The words of one error: its message, or what FastAPI says about a field."""
    if not isinstance(error, dict):
        return _text(error)
    message = error.get("message") or error.get("msg") or error.get("detail") or error.get("error")
    if isinstance(message, dict):
        message = message.get("detail") or message.get("message") or message
    if isinstance(message, list):
        return "; ".join(filter(None, map(_sentence, message)))
    words = _text(message)
    place = error.get("loc")
    return f"{'.'.join(map(str, place))}: {words}" if isinstance(place, list) and place else words


def _headers(error: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, str]:
    """Headers in OpenRouter's metadata; Google's delay, as the header it stands for."""
    said = _object(metadata.get("headers"))
    headers = {str(name).lower(): str(value) for name, value in said.items()}
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = _object(detail).get("retryDelay")
        delay_s = parse_delay(delay, datetime.now(UTC)) if isinstance(delay, str) else None
        if delay_s is not None:
            headers.setdefault("retry-after", str(delay_s))
    return headers


def _class_of(fault: Fault, status: int, deployment: Deployment) -> type[LLMError] | None:
    """The class the words of a fault stand for, where they say more than the status."""
    for word in fault.words:
        if kind := _DECIDING_CODES.get(word):
            return kind
    if fault.is_moderation:
        return ContentFiltered
    if status == 500 and "client_mistakes_as_500" in deployment.provider.quirks and fault.kind:
        return LLMUnavailableError if _SERVER_AT_FAULT.search(fault.message) else LLMRequestError
    if status == _ACCOUNT_SUSPENDED:
        return LLMQuotaError
    if status < 300:
        return _class_of_refusal(fault.message) or class_for_status(_status_of(fault))
    return _class_of_refusal(fault.message) if status in {400, 413, 422} else None


def _class_of_refusal(message: str) -> type[LLMError] | None:
    if _CONTEXT_EXCEEDED.search(message) or speaks_of_context_length(message):
        return ContextTooLong
    if _KEY_REFUSED.search(message):
        return LLMAuthenticationError
    return ModelNotFound if _MODEL_UNKNOWN.search(message) else None


def _status_of(fault: Fault) -> int:
    """The status that a fault's code or type stands for; words we do not know stand for a busy provider."""
    return next((_STATUS_OF_CODE[word] for word in fault.words if word in _STATUS_OF_CODE), 503)


def _status_in(said: Mapping[str, Any]) -> int | None:
    """The HTTP status a body names: `code`, `status`, `status_code`, `raw_status_code`."""
    for name in ("status_code", "raw_status_code", "code", "status"):
        value = said.get(name)
        if isinstance(value, str) and value.isdigit() and len(value) == 3:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    return None


def _word(value: object) -> str | None:
    """A code or type as a word; `None` for what is neither text nor number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
