"""The one table from our errors to HTTP answers.

The statuses are chosen for what the official SDKs of OpenAI and Anthropic do with them: both raise a class
of their own per status, and both retry 408, 409, 429 and everything from 500 on unless `x-should-retry`
says otherwise.
"""

from math import ceil

from msgspec import json

from officium.apps.rules.errors import RuleNotGenerated, RuleNotPossible, RuleNotUnderstood
from officium.apps.widget.knowledge.errors import PageUnreachable
from officium.core.llm.errors import (
    AddressRefused,
    ContentFiltered,
    LLMAuthenticationError,
    LLMError,
    LLMProtocolError,
    LLMQuotaError,
    LLMRateLimitError,
    LLMRequestError,
    LLMTimeoutError,
    LLMUnavailableError,
    LLMValidationError,
    ModelNotFound,
    NotExpressible,
)
from officium.core.usage.alerts.errors import DeliveryFailed
from officium.core.usage.ledger.errors import OutOfCredits
from officium.kit.errors import (
    Conflict,
    InvalidRequest,
    LimitExceeded,
    NotAuthenticated,
    NotFound,
    OfficiumError,
    PermissionDenied,
    RequestTooLarge,
    ServiceUnavailable,
)

CLIENT_HUNG_UP = 499
"""The status that stands in log and metrics when nobody was left to answer."""
LONGEST_RETRY_S = 60.0
"""A client's own library should not wait longer than this; its program may."""


class RequestTooSlow(OfficiumError):
    """The request's body did not arrive in time."""

    code = "request_timeout"


class MethodNotAllowed(OfficiumError):
    """The path exists, but not for this method."""

    code = "method_not_allowed"


class InternalError(OfficiumError):
    """What a client is told about a mistake of ours: nothing but where to ask."""

    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side. Give the operator the id in `x-request-id`.")


_STATUSES: dict[type, int] = {
    OfficiumError: 500,
    InvalidRequest: 400,
    NotAuthenticated: 401,
    OutOfCredits: 402,
    PermissionDenied: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    RequestTooSlow: 408,
    Conflict: 409,
    RequestTooLarge: 413,
    LimitExceeded: 429,
    ServiceUnavailable: 503,
    DeliveryFailed: 502,
    RuleNotPossible: 422,
    RuleNotUnderstood: 422,
    RuleNotGenerated: 502,
    PageUnreachable: 502,
    LLMError: 502,
    AddressRefused: 400,
    LLMRequestError: 400,
    NotExpressible: 400,
    ModelNotFound: 404,
    ContentFiltered: 422,
    LLMRateLimitError: 429,
    LLMAuthenticationError: 502,
    LLMProtocolError: 502,
    LLMValidationError: 502,
    LLMQuotaError: 503,
    LLMUnavailableError: 503,
    LLMTimeoutError: 504,
}


def status_of(error: OfficiumError) -> int:
    """The HTTP status of an error: its class's own, else that of the nearest class above it."""
    kind = type(error)
    status = _STATUSES.get(kind)
    if status is None:
        status = next(_STATUSES[base] for base in kind.__mro__ if base in _STATUSES)
        _STATUSES[kind] = status
    return status


def retry_headers(error: OfficiumError, status: int) -> list[tuple[bytes, bytes]]:
    """What to tell the client's library about trying again: when, or that it cannot help."""
    if status < 500 and status not in (408, 409, 429):
        return []
    delay_s = retry_after_s(error)
    headers = []
    if delay_s is not None and delay_s > 0:
        headers.append((b"retry-after", b"%d" % ceil(delay_s)))
    if not _may_help(error, delay_s):
        headers.append((b"x-should-retry", b"false"))
    return headers


def retry_after_s(error: OfficiumError) -> float | None:
    """The seconds after which another try makes sense, where the error knows."""
    delay_s = error.retry_after_s if isinstance(error, LLMError) else error.fields.get("retry_after_s")
    return float(delay_s) if isinstance(delay_s, int | float) else None


def _may_help(error: OfficiumError, delay_s: float | None) -> bool:
    if isinstance(error, Conflict):
        return False
    if isinstance(error, LimitExceeded):
        return delay_s is not None and delay_s <= LONGEST_RETRY_S
    return not isinstance(error, LLMError) or error.is_retryable


_OPENAI_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
_OPENAI_CODES = {
    "context_too_long": "context_length_exceeded",
    "content_filtered": "content_filter",
    "key_expired": "invalid_api_key",
    "key_revoked": "invalid_api_key",
    "key_unknown": "invalid_api_key",
    "limit_exceeded": "rate_limit_exceeded",
    "not_authenticated": "invalid_api_key",
    "out_of_credits": "insufficient_quota",
    "provider_rate_limited": "rate_limit_exceeded",
    "session_invalid": "invalid_api_key",
}
"""Programs written against OpenAI compare with these; where it has no word, our own code stands."""


_TOLD_FIELDS = ("rows", "least", "problems", "position", "line", "column", "suggestion")


def openai_error(error: OfficiumError, status: int) -> bytes:
    """The JSON body `{"error": {message, type, param, code}}`, as OpenAI's SDK reads it.

    Where rows of a file are wrong, `rows` says which, too; where a ceiling is too low, `least` what would do;
    `problems` lists what is wrong with rules; where a mistake has a place in a text, that stands there, and
    what was probably meant.
    """
    more = {name: error.fields[name] for name in _TOLD_FIELDS if name in error.fields}
    return json.encode(
        {
            "error": {
                "message": error.message,
                "type": _OPENAI_TYPES.get(
                    status, "invalid_request_error" if status < 500 else "server_error"
                ),
                "param": error.fields.get("param"),
                "code": _OPENAI_CODES.get(error.code, error.code),
                **more,
            }
        }
    )
