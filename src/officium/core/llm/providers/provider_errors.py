"""From what a provider said about a failure to our typed error: the part all dialects share."""

import re
from typing import Any

import msgspec

from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import (
    ContextTooLong,
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

MESSAGE_LIMIT_CHARS = 500
"""What a provider says is cut here: some repeat the whole request, or send a page of HTML."""

RETRYABLE_STATUSES = frozenset({408, 409, 429, 498, 500, 502, 503, 504, 529})
"""Another try may help after these; source: the providers' documents and recorded traffic."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the JSON decoder raises for bytes that make no sense, or that are nested without end."""

_CLASSES: dict[int, type[LLMError]] = {
    401: LLMAuthenticationError,
    402: LLMQuotaError,
    403: LLMAuthenticationError,
    404: ModelNotFound,
    408: LLMTimeoutError,
    409: LLMUnavailableError,
    429: LLMRateLimitError,
    498: LLMRateLimitError,
    504: LLMTimeoutError,
}

_SECRET = re.compile(
    r"\b(?:sk|pk|rk)-[-\w*]{6,}"
    r"|\b(?:gsk|csk|fw|hf|pplx|xai|tgp|org|proj)[-_](?=[-\w]*\d)[-\w*]{8,}"
    r"|\bAIza[-\w*]{10,}|\bAQ\.[-\w*]{8,}|\bya29\.[-\w.*]+"
    r"|(?<=Bearer )\S{8,}|(?<=[?&]key=)[^&\s\"']+"
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_CONTEXT_TOO_LONG = re.compile(
    r"context[ _](?:length|window|size|limit)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|(?:input )?token count .{0,40}exceeds the maximum|exceeds? the (?:available )?context",
    re.IGNORECASE,
)


def scrub(text: str, deployment: Deployment | None = None) -> str:
    """`text` without keys and organisation ids, in one line, and not longer than a message may be.

    OpenAI's 401 repeats part of the key and Groq's 429 names the organisation.
    """
    if deployment is not None and deployment.api_key:
        text = text.replace(deployment.api_key, "***")
    text = _SECRET.sub("***", " ".join(text[: 8 * MESSAGE_LIMIT_CHARS].split()))
    return text if len(text) <= MESSAGE_LIMIT_CHARS else text[: MESSAGE_LIMIT_CHARS - 1] + "…"


def class_for_status(status: int) -> type[LLMError]:
    """The class of error an HTTP status alone stands for."""
    if status in _CLASSES:
        return _CLASSES[status]
    if 400 <= status < 500:
        return LLMRequestError
    return LLMUnavailableError if 500 <= status < 600 else LLMProtocolError


def speaks_of_context_length(message: str) -> bool:
    """Whether a refusal is about messages that do not fit the model's context."""
    return _CONTEXT_TOO_LONG.search(message) is not None


def build_error(
    deployment: Deployment,
    status: int,
    message: str,
    *,
    code: str | None = None,
    kind: type[LLMError] | None = None,
    retry_after_s: float | None = None,
    is_retryable: bool | None = None,
) -> LLMError:
    """The typed error for what the provider said.

    `status` is the HTTP status (200 for an error inside a stream), `code` the provider's own code. `kind`
    overrides the class that the status stands for, `is_retryable` what the class says about another try.
    """
    kind = kind or class_for_status(status)
    if kind is LLMRequestError and status in {200, 400, 413, 422} and speaks_of_context_length(message):
        kind = ContextTooLong
    if is_retryable is None and status not in RETRYABLE_STATUSES and 400 <= status < 600:
        is_retryable = False
    said = scrub(message, deployment) or "no explanation"
    return kind(
        f"{deployment.provider.label} API error: {status} {said}",
        provider=deployment.provider.name,
        model=deployment.model,
        status=status,
        provider_code=code,
        retry_after_s=retry_after_s,
        is_retryable=is_retryable,
    )


def protocol_error(deployment: Deployment, why: str, said: bytes = b"") -> LLMProtocolError:
    """The error for an answer that makes no sense in the provider's dialect; `said` is quoted, cut short."""
    quoted = f" It begins: {scrub(said[:200].decode('utf-8', 'replace'), deployment)}" if said.strip() else ""
    return LLMProtocolError(
        f"{deployment.provider.label} answered with something unreadable. {why}{quoted}",
        provider=deployment.provider.name,
        model=deployment.model,
    )


def read_error_body(body: bytes) -> tuple[Any, str]:
    """The body as JSON (`None` if it is none) and what it says to a person where it is not.

    Proxies answer with HTML pages, plain text or nothing at all.
    """
    try:
        return msgspec.json.decode(body), ""
    except UNREADABLE:
        text = body[: 8 * MESSAGE_LIMIT_CHARS].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        title = _TITLE.search(text)
        return None, title.group(1) if title else "an HTML page"
    return None, text
