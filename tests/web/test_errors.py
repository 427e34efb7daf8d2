"""The table of statuses, and what it makes the official SDKs do."""

from typing import Any

import anthropic
import httpx2
import openai
import pytest

from officium.core.llm.errors import (
    ContentFiltered,
    ContextTooLong,
    LLMAuthenticationError,
    LLMConnectionError,
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
from officium.web.errors import InternalError, RequestTooSlow, openai_error, retry_headers, status_of

TABLE: list[tuple[OfficiumError, int, bool]] = [
    (InvalidRequest("x"), 400, False),
    (NotAuthenticated("x"), 401, False),
    (PermissionDenied("x"), 403, False),
    (NotFound("x"), 404, False),
    (RequestTooSlow("x"), 408, True),
    (Conflict("x"), 409, False),
    (RequestTooLarge("x"), 413, False),
    (LimitExceeded("x", retry_after_s=2), 429, True),
    (LimitExceeded("x", retry_after_s=3600), 429, False),
    (LimitExceeded("x"), 429, False),
    (ServiceUnavailable("x"), 503, True),
    (InternalError(), 500, True),
    (LLMError("x"), 502, False),
    (LLMError("x", is_retryable=True), 502, True),
    (LLMRateLimitError("x"), 429, True),
    (LLMQuotaError("x"), 503, False),
    (LLMAuthenticationError("x"), 502, False),
    (LLMRequestError("x"), 400, False),
    (ContextTooLong("x"), 400, False),
    (NotExpressible("x"), 400, False),
    (ModelNotFound("x"), 404, False),
    (ContentFiltered("x"), 422, False),
    (LLMUnavailableError("x"), 503, True),
    (LLMConnectionError("x"), 503, True),
    (LLMTimeoutError("x"), 504, True),
    (LLMProtocolError("x"), 502, True),
    (LLMValidationError("x"), 502, False),
]


def _id(value: object) -> str:
    return type(value).__name__ if isinstance(value, OfficiumError) else str(value)


@pytest.mark.parametrize(("error", "status"), [row[:2] for row in TABLE], ids=_id)
def test_every_error_has_its_status(error: OfficiumError, status: int) -> None:
    assert status_of(error) == status


def test_class_nobody_listed_has_the_status_of_the_one_above() -> None:
    class TooManyCats(LimitExceeded):
        pass

    assert status_of(TooManyCats("x")) == 429


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
@pytest.mark.parametrize(("error", "is_retried"), [(row[0], row[2]) for row in TABLE], ids=_id)
async def test_sdks_try_again_only_where_it_can_help(
    sdk: str, error: OfficiumError, is_retried: bool
) -> None:
    status = status_of(error)
    headers = {name.decode(): value.decode() for name, value in retry_headers(error, status)}
    if "retry-after" in headers:
        headers["retry-after-ms"] = "1"
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(status, content=openai_error(error, status), headers=headers)

    http_client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    client: Any = (
        openai.AsyncOpenAI(api_key="k", base_url="http://door/v1", http_client=http_client, max_retries=1)
        if sdk == "openai"
        else anthropic.AsyncAnthropic(
            api_key="k", base_url="http://door", http_client=http_client, max_retries=1
        )
    )
    client._calculate_retry_timeout = lambda *args: 0.0

    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)):
        await client.models.list()

    assert len(asked) == (2 if is_retried else 1)


@pytest.mark.parametrize(
    ("delay_s", "header"), [(0.2, b"1"), (1, b"1"), (1.2, b"2"), (0, None), (None, None)], ids=str
)
def test_delays_are_whole_seconds_rounded_up(delay_s: float | None, header: bytes | None) -> None:
    headers = dict(retry_headers(LLMRateLimitError("x", retry_after_s=delay_s), 429))

    assert headers.get(b"retry-after") == header


def test_param_is_told() -> None:
    assert b'"param":"messages[0]"' in openai_error(InvalidRequest("x", param="messages[0]"), 400)
