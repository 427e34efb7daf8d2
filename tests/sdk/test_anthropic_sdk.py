"""The official Anthropic SDK against every kind of provider."""

import asyncio

import anthropic
import pytest
from pydantic import BaseModel

from tests.support.provider import FakeProvider, Reply
from tests.support.recordings import find_exchange
from tests.support.server import RunningServer

TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather of a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]
HELLO = [{"role": "user", "content": "Hello"}]


class City(BaseModel):
    city: str
    country: str


async def test_whole_answer_of_the_scripted_provider(anthropic_client):
    message = await anthropic_client.messages.create(model="mock", max_tokens=200, messages=HELLO)

    assert "scripted" in message.content[0].text
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0


async def test_stream_adds_up_to_the_whole_answer(anthropic_client):
    whole = await anthropic_client.messages.create(model="mock", max_tokens=200, messages=HELLO)

    async with anthropic_client.messages.stream(model="mock", max_tokens=200, messages=HELLO) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        final = await stream.get_final_message()

    assert text == whole.content[0].text
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == whole.usage.output_tokens


async def test_groq_answers_an_anthropic_client_with_parallel_tools(anthropic_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("f31f5e96eb7f")))

    async with anthropic_client.messages.stream(
        model="groq/llama-3.3-70b-versatile", max_tokens=200, messages=HELLO, tools=TOOLS
    ) as stream:
        final = await stream.get_final_message()

    assert [block.type for block in final.content] == ["tool_use", "tool_use"]
    assert all(isinstance(block.input, dict) for block in final.content)
    assert final.stop_reason == "tool_use"
    assert provider.asked[0].path == "/openai/v1/chat/completions"
    assert provider.asked[0].body["tools"][0]["function"]["name"] == "get_weather"


async def test_whole_tool_calls_of_groq(anthropic_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("25932c5911e6")))

    message = await anthropic_client.messages.create(
        model="groq/x", max_tokens=200, messages=HELLO, tools=TOOLS
    )

    assert message.content[0].input == {"city": "Paris"}
    assert len(message.content) == 2


async def test_anthropic_stream_is_relayed(anthropic_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("7dd314db1bb3")))

    async with anthropic_client.messages.stream(
        model="claude-sonnet-4-20250514", max_tokens=200, messages=HELLO, tools=TOOLS
    ) as stream:
        final = await stream.get_final_message()

    assert final.id == "msg_013zKrzHmx2EAPhcF2gQKQ4k"
    assert final.stop_reason == "tool_use"


async def test_parse_gives_a_typed_answer(anthropic_client):
    message = await anthropic_client.messages.parse(
        model="mock", max_tokens=500, messages=HELLO, output_format=City
    )

    assert isinstance(message.parsed_output, City)


async def test_image_reaches_gemini(anthropic_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("08c30d8c673f")))

    message = await anthropic_client.messages.create(
        model="gemini/gemini-2.5-flash",
        max_tokens=100,
        messages=[
            {
                "role": "user",
                "content": [
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "aWJt"},
                    },
                    {"type": "text", "text": "What is it?"},
                ],
            }
        ],
    )

    assert message.content[0].text == "probe still ready"
    parts = provider.asked[0].body["contents"][0]["parts"]
    assert parts[0]["inlineData"] == {"mimeType": "image/png", "data": "aWJt"}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            Reply.json({"error": {"message": "no", "type": "invalid_request_error"}}, 400),
            anthropic.BadRequestError,
        ),
        (Reply.json({"error": {"message": "no", "code": "model_not_found"}}, 404), anthropic.NotFoundError),
        (
            Reply.json({"error": {"message": "slow down"}}, 429, **{"retry-after": "300"}),
            anthropic.RateLimitError,
        ),
        (Reply.json({"error": {"message": "broken"}}, 500), anthropic.InternalServerError),
        (Reply(200, {"content-type": "text/html"}, (b"<html>",)), anthropic.InternalServerError),
    ],
    ids=["bad-request", "unknown-model", "rate-limited", "broken", "html"],
)
async def test_provider_faults_raise_the_sdks_own_exceptions(
    anthropic_client, provider: FakeProvider, reply, expected
):
    provider.answers(reply)

    with pytest.raises(expected) as caught:
        await anthropic_client.messages.create(model="groq/x", max_tokens=10, messages=HELLO)

    assert caught.value.request_id


async def test_wrong_key_is_an_authentication_error(server: RunningServer):
    client = anthropic.AsyncAnthropic(base_url=server.url, api_key="ofc_wrong", max_retries=0)

    with pytest.raises(anthropic.AuthenticationError):
        await client.messages.create(model="mock", max_tokens=10, messages=HELLO)


async def test_error_inside_a_stream_raises_the_sdks_exception(anthropic_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("4648dd3b377e")))

    with pytest.raises(anthropic.APIStatusError):
        async with anthropic_client.messages.stream(
            model="groq/openai/gpt-oss-120b", max_tokens=10, messages=HELLO
        ) as stream:
            await stream.get_final_message()


async def test_hang_up_stops_the_provider(server: RunningServer, provider: FakeProvider):
    piece = {"id": "1", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}
    provider.answers(Reply.sse(*[piece] * 600, pause_s=0.05))
    client = anthropic.AsyncAnthropic(base_url=server.url, api_key=server.api_key, max_retries=0)

    async with client.messages.stream(model="groq/x", max_tokens=900, messages=HELLO) as stream:
        async for _ in stream:
            break
    await client.close()

    await asyncio.wait_for(provider.hung_up.wait(), 5)


async def test_models_come_in_anthropics_shape(anthropic_client):
    models = [model async for model in anthropic_client.models.list()]

    assert "mock/mock" in [model.id for model in models]


async def test_tokens_are_estimated_ahead_without_asking_a_provider(anthropic_client, provider: FakeProvider):
    short = await anthropic_client.messages.count_tokens(model="groq/x", messages=HELLO)
    long = await anthropic_client.messages.count_tokens(
        model="groq/x", messages=[{"role": "user", "content": "Hello world. " * 100}], tools=TOOLS
    )

    assert 1 <= short.input_tokens < 30
    assert 250 < long.input_tokens < 500
    assert provider.asked == []
