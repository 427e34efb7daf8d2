"""Neither what people say nor what opens doors appears in logs, metrics, errors or the usage log."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp
import msgspec
import pytest
import structlog

from officium.kit.logs import configure_logs
from tests.support.provider import FakeProvider, Reply
from tests.support.server import RunningServer

SAID = "canary-of-the-question"
ANSWERED = "canary-of-the-answer"
PROVIDER_KEY = "sk-provider-key"


@pytest.fixture
def logs() -> Iterator[io.BytesIO]:
    """Everything that is logged, at the most talkative level."""
    before = structlog.get_config()
    written = io.BytesIO()
    configure_logs("DEBUG", is_human=False, file=written)
    yield written
    structlog.configure(**before)


@dataclass(frozen=True)
class Case:
    """A call, and what the provider answers it."""

    path: str
    body: dict[str, object]
    reply: Reply


def _chat(**more: object) -> dict[str, object]:
    return {"model": "groq/x", "messages": [{"role": "user", "content": SAID}], **more}


def _answer() -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWERED}, "finish_reason": "stop"}
    return Reply.json({"id": "1", "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})


def _chunks() -> Reply:
    choice = {"index": 0, "delta": {"content": ANSWERED}, "finish_reason": None}
    return Reply.sse(
        {"id": "1", "choices": [choice]}, {"error": {"message": f"no, {PROVIDER_KEY}", "code": 500}}
    )


CASES = {
    "whole": Case("/v1/chat/completions", _chat(), _answer()),
    "stream with an error": Case("/v1/chat/completions", _chat(stream=True), _chunks()),
    "key refused": Case(
        "/v1/chat/completions",
        _chat(),
        Reply.json({"error": {"message": f"Incorrect API key provided: {PROVIDER_KEY}"}}, 401),
    ),
    "page instead of an answer": Case(
        "/v1/chat/completions", _chat(), Reply(200, {"content-type": "text/html"}, (b"<html>",))
    ),
    "messages": Case("/v1/messages", _chat(max_tokens=5), _answer()),
    "responses": Case("/v1/responses", {"model": "groq/x", "input": SAID}, _answer()),
    "malformed": Case("/v1/chat/completions", _chat(temperature=SAID), _answer()),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_contents_and_secrets_stay_where_they_belong(
    logs: io.BytesIO, server: RunningServer, provider: FakeProvider, case: Case
):
    provider.answers(case.reply)
    headers = {"authorization": f"Bearer {server.api_key}"}

    async with aiohttp.ClientSession(headers=headers) as client:
        async with client.post(server.url + case.path, json=case.body) as response:
            answered = await response.text()
        await server.parts.usage_log.flush()
        records = await server.parts.usage.list_records(server.caller)
    usage = json.dumps([msgspec.to_builtins(record) for record in records])
    logged = logs.getvalue().decode()

    assert "request.completed" in logged
    for place, text in {"logs": logged, "usage log": usage}.items():
        for secret in (SAID, ANSWERED, PROVIDER_KEY, server.api_key):
            assert secret not in text, f"{secret} stands in the {place}"
    assert PROVIDER_KEY not in answered
    assert server.api_key not in answered
