"""The official OpenAI SDK against every kind of provider."""

import asyncio
import json
from pathlib import Path

import aiohttp
import openai
import pytest
from pydantic import BaseModel

from tests.support.provider import FakeProvider, Reply
from tests.support.recordings import find_exchange
from tests.support.server import RunningServer, running_server

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }
]
HELLO = [{"role": "user", "content": "Hello"}]
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class City(BaseModel):
    city: str
    country: str


async def test_whole_answer_of_the_scripted_provider_says_it_is_scripted(openai_client):
    completion = await openai_client.chat.completions.create(model="mock", messages=HELLO)

    assert "scripted" in completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert (
        completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    )


async def test_stream_of_the_scripted_provider_adds_up_to_its_whole_answer(openai_client):
    whole = await openai_client.chat.completions.create(model="mock", messages=HELLO)

    stream = await openai_client.chat.completions.create(
        model="mock", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


async def test_usage_chunk_is_sent_only_when_asked_for(openai_client):
    stream = await openai_client.chat.completions.create(model="mock", messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]

    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)


async def test_anthropic_answers_an_openai_client(openai_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("7612caff6154")))

    completion = await openai_client.chat.completions.create(
        model="anthropic/claude-3-haiku-20240307", messages=[{"role": "user", "content": "What is 4 + 5?"}]
    )

    assert completion.choices[0].message.content == "4 + 5 = 9."
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.prompt_tokens == 19
    asked = provider.asked[0]
    assert asked.path == "/v1/messages"
    assert asked.headers["x-api-key"] == "sk-provider-key"
    assert asked.body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "What is 4 + 5?"}]}
    ]


async def test_gemini_parallel_tool_calls_reach_an_openai_client(openai_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("f9baea8cd300")))

    stream = await openai_client.chat.completions.create(
        model="gemini/gemini-2.5-flash", messages=HELLO, tools=TOOLS, stream=True
    )
    chunks = [chunk async for chunk in stream]

    calls = [call for chunk in chunks if chunk.choices for call in chunk.choices[0].delta.tool_calls or []]
    assert [(call.index, call.function.name) for call in calls if call.function.name] == [
        (0, "lookup_harbor_label"),
        (1, "lookup_orchard_label"),
    ]
    assert len({call.id for call in calls if call.id}) == 2
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert provider.asked[0].path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"


async def test_anthropic_parallel_tool_calls_add_up_in_an_openai_stream(
    openai_client, provider: FakeProvider
):
    recorded = find_exchange("7dd314db1bb3")
    provider.answers(Reply.of(recorded))
    starts = [
        json.loads(line[6:])["content_block"]
        for line in recorded.body.splitlines()
        if line.startswith("data: ") and '"content_block_start"' in line
    ]
    expected = [block["name"] for block in starts if block["type"] == "tool_use"]

    async with openai_client.chat.completions.stream(
        model="anthropic/claude-sonnet-4-20250514", messages=HELLO, tools=TOOLS
    ) as stream:
        async for _ in stream:
            pass
        completion = await stream.get_final_completion()

    calls = completion.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == expected
    assert all(isinstance(json.loads(call.function.arguments), dict) for call in calls)
    assert completion.choices[0].finish_reason == "tool_calls"


async def test_groq_stream_is_relayed_with_its_tool_calls(openai_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("f31f5e96eb7f")))

    async with openai_client.chat.completions.stream(
        model="groq/llama-3.3-70b-versatile", messages=HELLO, tools=TOOLS
    ) as stream:
        async for _ in stream:
            pass
        completion = await stream.get_final_completion()

    assert len(completion.choices[0].message.tool_calls) == 2
    assert completion.choices[0].finish_reason == "tool_calls"


async def test_answer_of_one_provider_can_be_sent_to_a_strict_one(openai_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("c0a5c6dcf530")))
    completion = await openai_client.chat.completions.create(
        model="anthropic/claude-haiku-4-5", messages=HELLO, tools=TOOLS
    )
    message = completion.choices[0].message

    provider.answers(Reply.of(find_exchange("25932c5911e6")))
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "rain"}
    await openai_client.chat.completions.create(
        model="groq/x", messages=[*HELLO, message.model_dump(exclude_none=True), result], tools=TOOLS
    )

    assert message.reasoning_details
    assert set(provider.asked[0].body["messages"][1]) == {"role", "content", "tool_calls"}


async def test_stream_that_repeats_the_role_adds_up_to_a_message_that_can_be_sent_back(
    openai_client, provider: FakeProvider
):
    provider.answers(Reply.of(find_exchange("88df76819112")))

    async with openai_client.chat.completions.stream(
        model="openrouter/anthropic/claude-sonnet-4.5", messages=HELLO, tools=TOOLS
    ) as stream:
        completion = await stream.get_final_completion()
    message = completion.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Python"}
    await openai_client.chat.completions.create(
        model="mock", messages=[*HELLO, message.model_dump(), result], tools=TOOLS
    )

    assert message.role == "assistant"
    assert message.tool_calls[0].function.name == "best_language_to_learn"


async def test_tool_results_go_back_to_another_dialect(openai_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("7612caff6154")))

    await openai_client.chat.completions.create(
        model="anthropic/claude-haiku-4-5",
        tools=TOOLS,
        messages=[
            {"role": "user", "content": "Weather in Paris and Rome?"},
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "a",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                    },
                    {
                        "id": "b",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'},
                    },
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "rain"},
            {"role": "tool", "tool_call_id": "b", "content": "sun"},
        ],
    )

    messages = provider.asked[0].body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert [block["input"] for block in messages[1]["content"]] == [{"city": "Paris"}, {"city": "Rome"}]
    assert [block["tool_use_id"] for block in messages[2]["content"]] == ["a", "b"]


async def test_parse_gives_a_typed_answer(openai_client):
    completion = await openai_client.chat.completions.parse(
        model="mock",
        messages=[{"role": "user", "content": "The largest city in Mexico?"}],
        response_format=City,
    )

    assert isinstance(completion.choices[0].message.parsed, City)


async def test_parse_works_across_dialects(openai_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("a21cdada38ac")))

    completion = await openai_client.chat.completions.parse(
        model="gemini/gemini-2.0-flash", messages=HELLO, response_format=City
    )

    assert completion.choices[0].message.parsed == City(city="Mexico City", country="Mexico")
    assert provider.asked[0].body["generationConfig"]["responseMimeType"] == "application/json"


async def test_image_reaches_a_provider_of_another_dialect(openai_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("7612caff6154")))

    await openai_client.chat.completions.create(
        model="anthropic/claude-haiku-4-5",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": PIXEL}},
                ],
            }
        ],
    )

    image = provider.asked[0].body["messages"][0]["content"][1]
    assert image["source"]["media_type"] == "image/png"
    assert image["source"]["data"] == PIXEL.partition(",")[2]


async def test_embeddings_of_like_texts_are_alike(openai_client):
    response = await openai_client.embeddings.create(
        model="mock", input=["our opening hours", "opening hours", "zebra quantum violin"]
    )

    a, b, c = (item.embedding for item in response.data)
    assert sum(x * y for x, y in zip(a, b, strict=True)) > sum(x * y for x, y in zip(a, c, strict=True))


async def test_models_list_names_what_can_be_asked_for(openai_client):
    models = [model.id async for model in openai_client.models.list()]

    assert "mock/mock" in models


@pytest.mark.parametrize(
    ("recorded", "model", "expected"),
    [
        ("cdbcf434c403", "anthropic/claude-haiku-4-5", openai.InternalServerError),
        ("f9d35a5278b3", "anthropic/claude-haiku-4-5", openai.BadRequestError),
        ("f4ed7602f69d", "anthropic/nothing", openai.NotFoundError),
        ("4bb7c1153414", "gemini/gemini-2.5-flash", openai.InternalServerError),
        ("67c90123925a", "gemini/gemini-2.5-flash", openai.RateLimitError),
        ("7e65f40820ce", "groq/llama", openai.NotFoundError),
    ],
    ids=["our-key-refused", "bad-request", "unknown-model", "bad-gemini-key", "rate-limited", "groq-404"],
)
async def test_provider_faults_raise_the_sdks_own_exceptions(
    openai_client, provider: FakeProvider, recorded, model, expected
):
    provider.answers(Reply.of(find_exchange(recorded)))

    with pytest.raises(expected) as caught:
        await openai_client.chat.completions.create(model=model, messages=HELLO)

    assert caught.value.request_id
    assert "sk-provider-key" not in str(caught.value)


async def test_retry_after_of_the_provider_reaches_the_client(openai_client, provider: FakeProvider):
    provider.answers(Reply.json({"error": {"message": "slow down"}}, 429, **{"retry-after": "120"}))

    with pytest.raises(openai.RateLimitError) as caught:
        await openai_client.chat.completions.create(model="groq/x", messages=HELLO)

    assert caught.value.response.headers["retry-after"] == "120"
    assert len(provider.asked) == 1


async def test_error_inside_a_stream_raises_the_sdks_exception(openai_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("4648dd3b377e")))

    stream = await openai_client.chat.completions.create(
        model="groq/openai/gpt-oss-120b", messages=HELLO, stream=True
    )
    with pytest.raises(openai.APIError, match="Groq API error"):
        async for _ in stream:
            pass


@pytest.mark.parametrize("key", ["", "ofc_nothing", "sk-wrong"])
async def test_wrong_key_is_an_authentication_error(server: RunningServer, key):
    client = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key or "none", max_retries=0)

    with pytest.raises(openai.AuthenticationError):
        await client.chat.completions.create(model="mock", messages=HELLO)


async def test_unknown_model_says_what_to_write(openai_client):
    with pytest.raises(openai.NotFoundError, match="provider/model"):
        await openai_client.chat.completions.create(model="nonsense", messages=HELLO)


async def test_provider_without_key_says_which_variable_to_set(openai_client):
    with pytest.raises(openai.BadRequestError, match="FIREWORKS_API_KEY not configured"):
        await openai_client.chat.completions.create(model="fireworks/x", messages=HELLO)


async def test_client_time_out_stops_the_provider(server: RunningServer, provider: FakeProvider):
    piece = {"id": "1", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}
    provider.answers(Reply.sse(*[piece] * 600, pause_s=0.05))
    client = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.api_key, max_retries=0)

    stream = await client.chat.completions.create(model="groq/x", messages=HELLO, stream=True)
    async for _ in stream:
        break
    await stream.close()
    await client.close()

    await asyncio.wait_for(provider.hung_up.wait(), 5)
    await asyncio.sleep(0.1)
    await server.parts.usage_log.flush()
    (record,) = await server.parts.usage.list_records(server.caller)
    assert record.status == "cancelled"
    assert record.usage_source == "estimated"
    assert record.output_tokens >= 1


async def test_hang_up_before_the_answer_stops_the_provider(server: RunningServer, provider: FakeProvider):
    provider.answers(Reply(200, {"content-type": "application/json"}, (b" ",) * 200, pause_s=0.05))
    client = openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key=server.api_key, max_retries=0, timeout=0.5
    )

    with pytest.raises(openai.APITimeoutError):
        await client.chat.completions.create(model="groq/x", messages=HELLO)

    await asyncio.wait_for(provider.hung_up.wait(), 5)
    await asyncio.sleep(0.1)
    await server.parts.usage_log.flush()
    (record,) = await server.parts.usage.list_records(server.caller)
    assert record.status == "cancelled"


async def test_alias_falls_back_to_its_next_deployment(
    openai_client, server: RunningServer, provider: FakeProvider
):
    await server.parts.models.set_alias(server.caller, "smart", ["groq/x", "anthropic/claude-haiku-4-5"])
    provider.answers(
        Reply.json({"error": {"message": "no such model", "code": "model_not_found"}}, 404),
        Reply.of(find_exchange("7612caff6154")),
    )

    completion = await openai_client.chat.completions.create(model="smart", messages=HELLO)

    assert completion.choices[0].message.content == "4 + 5 = 9."
    await server.parts.usage_log.flush()
    last, first = await server.parts.usage.list_records(server.caller)
    assert (first.attempt, first.provider, first.status, first.is_last) == (1, "groq", "failed", False)
    assert (last.attempt, last.provider, last.status, last.is_last) == (2, "anthropic", "success", True)
    assert first.request_id == last.request_id
    assert (last.input_tokens, last.usage_source, last.requested_model) == (19, "provider", "smart")
    assert last.cost_nano_usd > 0


async def test_responses_of_the_scripted_provider(openai_client):
    response = await openai_client.responses.create(model="mock", input="Hello", instructions="Be brief.")

    assert response.status == "completed"
    assert "scripted" in response.output_text
    assert response.usage.total_tokens > 0


async def test_responses_stream_adds_up(openai_client):
    async with openai_client.responses.stream(model="mock", input="Hello") as stream:
        deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        final = await stream.get_final_response()

    assert "".join(deltas) == final.output_text
    assert "scripted" in final.output_text


async def test_responses_parse_gives_a_typed_answer(openai_client):
    response = await openai_client.responses.parse(model="mock", input="The largest city?", text_format=City)

    assert isinstance(response.output_parsed, City)


@pytest.mark.parametrize("recorded", ["685675f8fdf2", "12d2d017503b"], ids=["whole", "stream"])
async def test_redacted_thinking_survives_a_round_trip_through_responses(
    openai_client, provider: FakeProvider, recorded
):
    exchange = find_exchange(recorded)
    provider.answers(Reply.of(exchange))
    model = "anthropic/claude-haiku-4-5"
    if exchange.is_stream:
        async with openai_client.responses.stream(model=model, input="Hello") as stream:
            response = await stream.get_final_response()
    else:
        response = await openai_client.responses.create(model=model, input="Hello")

    provider.answers(Reply.of(find_exchange("7612caff6154")))
    said = [{"role": "user", "content": "Hello"}, *(item.model_dump() for item in response.output)]
    await openai_client.responses.create(model=model, input=[*said, {"role": "user", "content": "Go on"}])

    first = provider.asked[0].body["messages"][1]["content"][0]
    assert first["type"] == "redacted_thinking"
    assert first["data"] in exchange.body


async def test_responses_tools_across_dialects(openai_client, provider: FakeProvider):
    provider.answers(Reply.of(find_exchange("5a5fa29ae757")))

    response = await openai_client.responses.create(
        model="anthropic/claude-haiku-4-5",
        input="Hello",
        tools=[{"type": "function", "strict": False, **TOOLS[0]["function"]}],
    )

    calls = [item for item in response.output if item.type == "function_call"]
    assert len(calls) == 2
    assert json.loads(calls[0].arguments) == {"password": "mellon"}


async def test_default_model_answers_requests_that_name_none(tmp_path: Path):
    async with (
        running_server(tmp_path, default_model="mock") as server,
        aiohttp.ClientSession(headers={"authorization": f"Bearer {server.api_key}"}) as client,
        client.post(f"{server.url}/v1/chat/completions", json={"messages": HELLO}) as response,
    ):
        body = await response.json()

    assert response.status == 200
    assert "scripted" in body["choices"][0]["message"]["content"]
