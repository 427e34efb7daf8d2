"""What all dialects share about failures."""

import pytest

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
from officium.core.llm.providers.provider_errors import (
    MESSAGE_LIMIT_CHARS,
    build_error,
    class_for_status,
    read_error_body,
    scrub,
)
from tests.support.recordings import a_deployment


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("Incorrect API key provided: sk-proj-****abcd.", "Incorrect API key provided: ***."),
        ("key sk-ant-api03-Ab_9-x is bad", "key *** is bad"),
        ("in organization `org_01hxyz9abcdef` of groq", "in organization `***` of groq"),
        ("gsk_Ab12Cd34Ef56 and AIzaSyD-abc_123456", "*** and ***"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"),
        ("GET /v1beta/models?key=abc123&x=1", "GET /v1beta/models?key=***&x=1"),
        ("a my-secret b", "a *** b"),
        (
            "sk-learn, hf_transfer and a task-based org-chart stay",
            "sk-learn, hf_transfer and a task-based org-chart stay",
        ),
        ("two\n  lines", "two lines"),
    ],
)
def test_keys_and_organisations_are_scrubbed(text: str, scrubbed: str) -> None:
    assert scrub(text, a_deployment(api_key="my-secret")) == scrubbed


def test_long_message_is_cut() -> None:
    assert len(scrub("word " * 10_000)) == MESSAGE_LIMIT_CHARS


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, LLMRequestError),
        (401, LLMAuthenticationError),
        (402, LLMQuotaError),
        (403, LLMAuthenticationError),
        (404, ModelNotFound),
        (408, LLMTimeoutError),
        (409, LLMUnavailableError),
        (422, LLMRequestError),
        (429, LLMRateLimitError),
        (498, LLMRateLimitError),
        (500, LLMUnavailableError),
        (504, LLMTimeoutError),
        (529, LLMUnavailableError),
        (302, LLMProtocolError),
    ],
)
def test_status_stands_for_a_class(status: int, expected: type[LLMError]) -> None:
    assert class_for_status(status) is expected


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 501])
def test_clients_mistakes_are_not_retried(status: int) -> None:
    assert not build_error(a_deployment(), status, "no").is_retryable


@pytest.mark.parametrize("status", [408, 409, 429, 498, 500, 502, 503, 504, 529])
def test_busy_provider_is_asked_again(status: int) -> None:
    assert build_error(a_deployment(), status, "no").is_retryable


@pytest.mark.parametrize(
    "message",
    [
        "prompt is too long: 3333404 tokens > 200000 maximum",
        "This model's maximum context length is 8192 tokens.",
        "The input token count (9) exceeds the maximum number of tokens allowed (8).",
        "the request exceeds the available context size",
    ],
)
def test_messages_that_do_not_fit_are_told_from_other_mistakes(message: str) -> None:
    assert type(build_error(a_deployment(), 400, message)) is ContextTooLong


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html><head><title>502 Bad\nGateway</title></head></html>", "502 Bad\nGateway"),
        (b"<html>", "an HTML page"),
        (b"  upstream timed out ", "upstream timed out"),
        (b"", ""),
        (b'{"a": 1}', ""),
    ],
)
def test_body_that_is_no_json_is_read_for_people(body: bytes, text: str) -> None:
    assert read_error_body(body)[1] == text
