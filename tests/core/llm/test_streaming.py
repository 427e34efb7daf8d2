import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from officium.core.llm.chat import LLMMessage, LLMStreamChunk
from officium.core.llm.client import LLMClient
from officium.core.llm.errors import LLMAuthenticationError, LLMProtocolError, LLMUnavailableError
from officium.core.llm.retry import RetryPolicy
from officium.core.llm.streaming import StreamOptions, api_logger, sse_logger, stream_chunks, stream_options
from officium.testing import Act, ScriptedTransport

MESSAGES = [LLMMessage(role="user", content="Hi")]


def _client(*script, provider="fireworks", model=None):
    retry = RetryPolicy(max_retries=0)
    return LLMClient(provider, model, "a-key", transport=ScriptedTransport(script), retry=retry)


async def _chunks(client, **options):
    said = StreamOptions(messages=MESSAGES, tenant_id="tenant-123", user_id="user-456", **options)
    return [chunk async for chunk in stream_chunks(client, said)]


async def test_chunks_come_as_documented():
    chunks = await _chunks(_client("Hello world !"))

    *pieces, last = chunks
    assert [chunk.content for chunk in pieces] == ["Hello", " world", " !"]
    assert not any(chunk.done for chunk in pieces)
    assert all(chunk.metadata.model == "qwen2p5-72b-instruct" for chunk in chunks)
    assert last.done
    assert last.metadata.tokens.total == last.metadata.tokens.input + last.metadata.tokens.output


async def test_log_lines_are_the_documented_ones():
    with capture_logs() as lines:
        *_, last = await _chunks(_client("Hello"))

    named = {"tenantId": "tenant-123", "userId": "user-456"}
    started, completed = (line for line in lines if line.get("context") == "api")
    assert started == {
        "event": "Starting Fireworks API stream",
        "model": "accounts/fireworks/models/qwen2p5-72b-instruct",
        "messageCount": 1,
        "log_level": "info",
        "context": "api",
        **named,
    }
    assert completed == {
        "event": "Fireworks stream completed",
        "tokens": last.metadata.tokens.model_dump(),
        "log_level": "info",
        "context": "api",
        **named,
    }


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        pytest.param(Act(status=503), LLMUnavailableError, "Fireworks API error (503)", id="503"),
        pytest.param(Act(status=401), LLMAuthenticationError, "Fireworks API error (401)", id="401"),
        pytest.param(Act(empty=True), LLMProtocolError, "No response body", id="no-body"),
    ],
)
async def test_error_names_what_went_wrong_and_is_logged(act, error, words):
    with capture_logs() as lines, pytest.raises(error) as failure:
        await _chunks(_client(act))

    logged = lines[-1]
    assert words in str(failure.value)
    assert logged["event"] == "Error in Fireworks stream"
    assert (logged["error"], logged["tenantId"], logged["userId"]) == (
        str(failure.value),
        "tenant-123",
        "user-456",
    )
    assert logged["log_level"] == "error"


async def test_other_faults_are_raised_as_they_are():
    class Faulty(ScriptedTransport):
        async def send(self, request, timeouts):
            raise ZeroDivisionError

    client = LLMClient("fireworks", api_key="a-key", transport=Faulty())

    with capture_logs() as lines, pytest.raises(ZeroDivisionError):
        await _chunks(client)

    assert (lines[-1]["event"], lines[-1]["error"]) == ("Error in Fireworks stream", "ZeroDivisionError")


async def test_failure_in_the_middle_comes_after_what_was_streamed():
    chunks = []

    with pytest.raises(LLMUnavailableError, match="break"):
        await _collect(
            stream_chunks(_client(Act(text="one two", error_after=2)), StreamOptions(messages=MESSAGES)),
            chunks,
        )

    assert [chunk.content for chunk in chunks] == ["one"]


async def test_options_reach_the_provider():
    client = _client()
    transport = client._transport

    await _chunks(client, model="accounts/fireworks/models/other", temperature=0.2, max_tokens=7)

    body = transport.requests[0].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == (
        "accounts/fireworks/models/other",
        0.2,
        7,
    )


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(StreamOptions(messages=MESSAGES, max_tokens=5, tenant_id="t"), id="object"),
        pytest.param({"messages": MESSAGES, "max_tokens": 5, "tenant_id": "t"}, id="mapping"),
        pytest.param({"messages": MESSAGES, "maxTokens": 5, "tenantId": "t"}, id="camel-case"),
    ],
)
def test_options_may_be_given_in_several_ways(said):
    options = stream_options(said, model="m", temperature=None)

    assert (options.model, options.max_tokens, options.tenant_id) == ("m", 5, "t")
    assert options.temperature == 0.7


def test_list_of_messages_takes_the_documented_defaults():
    options = stream_options(MESSAGES)

    assert (options.temperature, options.max_tokens, options.model) == (0.7, 2048, None)


def test_named_loggers_write_their_name():
    with capture_logs() as lines:
        api_logger.info("a")
        sse_logger.info("b")

    assert [line["context"] for line in lines] == ["api", "sse"]


def test_chunk_is_a_model_with_the_documented_shape():
    assert issubclass(LLMStreamChunk, BaseModel)
    assert LLMStreamChunk(content="Hello").model_dump() == {
        "content": "Hello",
        "done": False,
        "metadata": None,
    }


async def _collect(items, into):
    async for item in items:
        into.append(item)
