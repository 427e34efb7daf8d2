"""The Responses dialect against recorded traffic, and against shapes nobody recorded (synthetic)."""

import itertools
import json
import random
from collections.abc import Iterable
from typing import Any

import pytest

from officium.core.llm.completion import (
    Completion,
    CompletionBuilder,
    CompletionRequest,
    Delta,
    NativeBody,
    OutputFormat,
    Tool,
    ToolChoice,
)
from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import (
    ContextTooLong,
    LLMAuthenticationError,
    LLMError,
    LLMProtocolError,
    LLMRateLimitError,
    LLMRequestError,
    LLMUnavailableError,
    NotExpressible,
)
from officium.core.llm.message import (
    File,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    system,
    user,
)
from officium.core.llm.providers.openai_responses import OpenAIResponses
from tests.support.recordings import Exchange, a_deployment, find_exchange, load_exchanges

DIALECT = OpenAIResponses()
EXCHANGES = load_exchanges(["openai-responses"])
ANSWERS = [e for e in EXCHANGES if not e.is_error and not e.is_stream]
STREAMS = [e for e in EXCHANGES if e.is_stream]
FAILURES = [e for e in EXCHANGES if e.is_error]


def deployment(model: str = "gpt-6.1-sol") -> Deployment:
    return a_deployment("openai", model)


def read_stream(pieces: Iterable[bytes]) -> list[Delta]:
    decoder = DIALECT.stream_decoder(deployment())
    deltas = [delta for piece in pieces for delta in decoder.feed(piece)]
    return deltas + list(decoder.close())


def build(deltas: Iterable[Delta]) -> Completion:
    builder = CompletionBuilder()
    for delta in deltas:
        builder.add(delta)
    return builder.build()


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def ended(kind: str = "completed", **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "response": {"id": "resp_1", "model": "m", "status": kind, **more}}


def said_response(exchange: Exchange) -> dict[str, Any]:
    """The whole response: the body, or what the last event of a stream repeats."""
    if not exchange.is_stream:
        return json.loads(exchange.body)
    events = [json.loads(line[5:]) for line in exchange.body.splitlines() if line.startswith("data:")]
    return next(event["response"] for event in events if event["type"] == "response.completed")


@pytest.mark.parametrize("exchange", ANSWERS + STREAMS, ids=str)
def test_answer_means_what_its_items_say(exchange: Exchange) -> None:
    said = said_response(exchange)
    contents = [part for item in said["output"] if item["type"] == "message" for part in item["content"]]
    calls = [item for item in said["output"] if item["type"] == "function_call"]
    thoughts = [item for item in said["output"] if item["type"] == "reasoning"]
    usage = said["usage"]

    if exchange.is_stream:
        completion = build(read_stream([exchange.data]))
    else:
        completion = DIALECT.decode(exchange.data, deployment())
        assert completion.raw == exchange.data

    assert completion.text == "".join(part.get("text", "") for part in contents)
    assert completion.refusal == "".join(part.get("refusal", "") for part in contents)
    assert [(call.id, call.name, call.arguments) for call in completion.tool_calls] == [
        (call["call_id"], call["name"], call["arguments"]) for call in calls
    ]
    assert completion.reasoning == "".join(
        "\n\n".join(part["text"] for part in item["summary"]) for item in thoughts
    )
    encrypted = [part for part in completion.parts if isinstance(part, Reasoning) and part.encrypted]
    assert [part.id for part in encrypted] == [
        item["id"] for item in thoughts if item.get("encrypted_content")
    ]
    assert completion.finish_reason == ("tool_calls" if calls else "stop")
    assert completion.usage is not None
    assert completion.usage.input_tokens == usage["input_tokens"]
    assert completion.usage.output_tokens == usage["output_tokens"]
    assert completion.usage.cached_tokens == usage["input_tokens_details"]["cached_tokens"]
    assert completion.usage.reasoning_tokens == usage["output_tokens_details"]["reasoning_tokens"]
    assert (completion.id, completion.model) == (said["id"], said["model"])


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_stream_gives_the_same_deltas_wherever_its_bytes_are_cut(exchange: Exchange) -> None:
    data = exchange.data
    chance = random.Random(exchange.id)
    cuts = [0, *sorted(chance.randrange(len(data)) for _ in range(40)), len(data)]

    whole = read_stream([data])

    assert read_stream([data[start:end] for start, end in itertools.pairwise(cuts)]) == whole
    assert read_stream([data[place : place + 1] for place in range(len(data))]) == whole
    assert b"".join(delta.raw for delta in whole) == data


@pytest.mark.parametrize("exchange", FAILURES, ids=str)
def test_error_answer_becomes_a_typed_error(exchange: Exchange) -> None:
    error = DIALECT.decode_error(exchange.status, exchange.headers, exchange.data, deployment())

    assert type(error) is {400: LLMRequestError, 401: LLMAuthenticationError}[exchange.status]
    assert error.provider_code == json.loads(exchange.body)["error"]["code"]
    assert error.fields.get("param") == json.loads(exchange.body)["error"]["param"]
    assert "OpenAI API error" in error.message


# Synthetic: what the documents describe and nobody recorded.


@pytest.mark.parametrize(
    ("kind", "more", "finish_reason", "raw"),
    [
        ("completed", {}, "stop", "completed"),
        (
            "incomplete",
            {"incomplete_details": {"reason": "max_output_tokens"}},
            "length",
            "max_output_tokens",
        ),
        (
            "incomplete",
            {"incomplete_details": {"reason": "content_filter"}},
            "content_filter",
            "content_filter",
        ),
        ("incomplete", {"incomplete_details": {"reason": "boredom"}}, "other", "boredom"),
        ("incomplete", {"incomplete_details": None}, "other", "incomplete"),
    ],
)
def test_synthetic_end_of_a_response(kind: str, more: dict[str, Any], finish_reason: str, raw: str) -> None:
    event = ended(kind, usage={"input_tokens": 1, "output_tokens": 0}, **more)
    streamed = build(read_stream([sse({"type": "response.output_text.delta", "delta": "x"}, event)]))
    whole = DIALECT.decode(json.dumps({**event["response"], "output": []}).encode(), deployment())

    for completion in (streamed, whole):
        assert (completion.finish_reason, completion.finish_reason_raw) == (finish_reason, raw)
        assert completion.usage is not None
        assert completion.usage.total_tokens == 1


def test_synthetic_fragments_of_parallel_calls_are_kept_apart() -> None:
    def item(place: int, **more: Any) -> dict[str, Any]:
        return {"output_index": place, "item": {"type": "function_call", "id": f"fc_{place}", **more}}

    def fragment(place: int, delta: str) -> dict[str, Any]:
        return {"type": "response.function_call_arguments.delta", "output_index": place, "delta": delta}

    data = sse(
        {"type": "response.output_item.added", **item(1, call_id="a", name="f", arguments="")},
        {"type": "response.output_item.added", **item(4, call_id="b", name="g", arguments="")},
        fragment(1, '{"x"'),
        fragment(4, "{"),
        fragment(1, ":1}"),
        {"type": "response.function_call_arguments.done", "output_index": 4, "arguments": '{"y":2}'},
        {"type": "response.output_item.done", **item(1, call_id="a", name="f", arguments='{"x":1}')},
        {"type": "response.output_item.done", **item(4, call_id="b", name="g", arguments='{"y":2}')},
        {"type": "response.output_item.done", **item(5, call_id="c", name="h", arguments="{}")},
        ended(),
    )

    deltas = read_stream([data])

    completion = build(deltas)
    assert [(call.id, call.name, call.arguments) for call in completion.tool_calls] == [
        ("a", "f", '{"x":1}'),
        ("b", "g", '{"y":2}'),
        ("c", "h", "{}"),
    ]
    assert completion.finish_reason == "tool_calls"
    assert sorted({call.index for delta in deltas for call in delta.tool_calls}) == [0, 1, 2]


def test_synthetic_reasoning_summary_streams_as_one_thought() -> None:
    def words(delta: str, part: int) -> dict[str, Any]:
        kind = "response.reasoning_summary_text.delta"
        return {"type": kind, "output_index": 0, "item_id": "rs_1", "summary_index": part, "delta": delta}

    summary = [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}]
    item = {"type": "reasoning", "id": "rs_1", "encrypted_content": "secret", "summary": summary}
    data = sse(
        words("On", 0),
        words("e.", 0),
        words("Two.", 1),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "Hi"},
        ended(),
    )
    whole = {"status": "completed", "output": [item]}

    streamed = build(read_stream([data]))
    decoded = DIALECT.decode(json.dumps(whole).encode(), deployment())

    thought = Reasoning("One.\n\nTwo.", None, "secret", "rs_1")
    assert streamed.parts == (thought, Text("Hi"))
    assert decoded.parts == (thought,)


def test_synthetic_items_that_were_not_streamed_are_read_when_they_are_finished() -> None:
    content = [
        {"type": "output_text", "text": "Hi", "logprobs": [{"token": "Hi", "logprob": -0.5}]},
        {"type": "refusal", "refusal": "No"},
    ]
    item = {"type": "message", "content": content}
    data = sse({"type": "response.output_item.done", "output_index": 0, "item": item}, ended())

    completion = build(read_stream([data]))

    assert completion.parts == (Text("Hi"), Refusal("No"))
    assert completion.logprobs[0].logprob == -0.5


def test_synthetic_unknown_events_and_items_are_survived() -> None:
    data = sse(
        {"type": "response.something_new", "x": [1]},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "new_call", "x": 1}},
        {"type": "response.output_item.done", "output_index": 0, "item": {"type": "new_call", "x": 1}},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "Hi", "new": {}},
        {"no_type": 1},
        ended(),
    )

    deltas = read_stream([data + b"data: [DONE]\n\n"])

    assert build(deltas).text == "Hi"
    assert b"".join(delta.raw for delta in deltas) == data


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        pytest.param(
            sse(ended("failed", error={"code": "rate_limit_exceeded", "message": "slow"})),
            LLMRateLimitError,
            200,
            id="a failed response",
        ),
        pytest.param(sse(ended("failed", error=None)), LLMUnavailableError, 200, id="failed without reason"),
        pytest.param(
            sse({"type": "error", "code": "server_error", "message": "m", "param": None}),
            LLMUnavailableError,
            200,
            id="a flat error event",
        ),
        pytest.param(
            sse({"type": "error", "error": {"code": "context_length_exceeded", "message": "m"}}),
            ContextTooLong,
            200,
            id="a nested error event",
        ),
        pytest.param(b'{"error":{"message":"m","code":"429"}}', LLMRateLimitError, 429, id="plain json"),
        pytest.param(b"event: error\ndata: broken\n\n", LLMUnavailableError, 200, id="an error in words"),
    ],
)
def test_synthetic_error_in_a_stream(data: bytes, kind: type[LLMError], status: int) -> None:
    with pytest.raises(kind) as caught:
        read_stream([data])

    assert caught.value.status == status


def test_synthetic_tokens_of_a_failed_stream_are_told_before_its_error() -> None:
    data = sse(ended("failed", error={"message": "m"}, usage={"input_tokens": 3, "output_tokens": 4}))
    deltas: list[Delta] = []

    with pytest.raises(LLMUnavailableError):
        deltas.extend(DIALECT.stream_decoder(deployment()).feed(data))

    assert deltas[-1].usage is not None
    assert deltas[-1].usage.total_tokens == 7


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(sse({"type": "response.output_text.delta", "delta": "x"}), id="no end"),
        pytest.param(sse({"type": "response.created", "response": {"id": "r"}}), id="only a beginning"),
        pytest.param(b"data: {oops\n\n", id="garbage"),
        pytest.param(b"<html></html>", id="a page"),
        pytest.param(sse(ended())[:-30], id="cut inside its last event"),
    ],
)
def test_stream_without_its_end_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(LLMProtocolError):
        read_stream([data])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", LLMProtocolError),
        (b"<html>", LLMProtocolError),
        (b"{}", LLMProtocolError),
        (
            b'{"status":"failed","error":{"code":"server_error","message":"m"},"output":[]}',
            LLMUnavailableError,
        ),
        (b'{"status":"failed","error":null,"output":[]}', LLMUnavailableError),
        (b'{"error":{"code":429,"message":"m"}}', LLMRateLimitError),
    ],
)
def test_synthetic_200_that_is_no_answer(body: bytes, kind: type[LLMError]) -> None:
    with pytest.raises(kind) as caught:
        DIALECT.decode(body, deployment())

    assert "OpenAI API error" in caught.value.message


def encoded(request: CompletionRequest, model: str = "gpt-6.1-sol") -> dict[str, Any]:
    return json.loads(DIALECT.encode(request, deployment(model)).body)


def test_request_for_tools_looks_like_the_recorded_one() -> None:
    recorded = find_exchange("5899e49aa56b").request
    (tool,) = recorded["tools"]
    request = CompletionRequest(
        model="gpt-5.6",
        messages=(system(recorded["instructions"]), user(recorded["input"][0]["content"][0]["text"])),
        tools=(Tool(tool["name"], tool["description"], tool["parameters"]),),
        reasoning_effort="high",
        stream=True,
    )

    body = encoded(request, "gpt-5.6")

    assert body.pop("tools") == [{**tool, "strict": False}]
    del recorded["tools"]
    assert body == recorded


def test_request_for_a_schema_looks_like_the_recorded_one() -> None:
    recorded = find_exchange("41cd852803e5").request["text"]
    said = recorded["format"]
    request = CompletionRequest(
        model="m",
        messages=(user("Hi"),),
        output_format=OutputFormat(schema=said["schema"], name=said["name"], strict=True),
    )

    assert encoded(request)["text"] == recorded


def test_conversation_becomes_items() -> None:
    request = CompletionRequest(
        model="m",
        messages=(
            system("One."),
            system("Two."),
            Message(
                "user",
                (Text("See"), Image("aGk=", "image/png"), File("aGk=", "application/pdf", name="a.pdf")),
            ),
            Message(
                "assistant",
                (
                    Reasoning("Hm.", encrypted="secret", id="rs_1"),
                    Reasoning("of another provider", signature="s"),
                    Text("Let me look."),
                    ToolCall("a", "f", '{"x":1}'),
                ),
            ),
            Message("tool", (ToolResult("a", (Text("4"),)),)),
            Message(
                "tool", (ToolResult("b", (Text("See"), Image(url="https://e.com/a.png", detail="low"))),)
            ),
            system("Now be brief."),
            Message("assistant", (Refusal("No."),)),
        ),
    )

    body = encoded(request)

    assert body["instructions"] == "One.\n\nTwo."
    assert body["input"] == [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "See"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "secret",
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Let me look."}],
        },
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"x":1}'},
        {"type": "function_call_output", "call_id": "a", "output": "4"},
        {
            "type": "function_call_output",
            "call_id": "b",
            "output": [
                {"type": "input_text", "text": "See"},
                {"type": "input_image", "image_url": "https://e.com/a.png", "detail": "low"},
            ],
        },
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Now be brief."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    ]
    assert body["store"] is False
    assert body["include"] == ["reasoning.encrypted_content"]


def test_neutral_fields_have_their_words_and_the_rest_is_noted() -> None:
    request = CompletionRequest(
        model="m",
        messages=(user("Hi"),),
        max_tokens=5,
        temperature=0.5,
        top_p=0.5,
        top_k=3,
        stop=("x",),
        seed=1,
        logprobs=True,
        top_logprobs=2,
        tools=(Tool("f", strict=True),),
        tool_choice=ToolChoice("tool", "f"),
        parallel_tool_calls=True,
        output_format=OutputFormat(),
        user="u",
    )

    sent = DIALECT.encode(request, deployment("gpt-4.1"))

    assert sent.url == "https://api.openai.com/v1/responses"
    assert json.loads(sent.body) == {
        "model": "gpt-4.1",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
        "store": False,
        "max_output_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.5,
        "top_logprobs": 2,
        "user": "u",
        "include": ["message.output_text.logprobs"],
        "tools": [
            {
                "type": "function",
                "name": "f",
                "parameters": {"type": "object", "properties": {}},
                "strict": True,
            }
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": True,
        "text": {"format": {"type": "json_object"}},
    }
    assert len(sent.notes) == 3
    assert all(any(name in note for note in sent.notes) for name in ("top_k", "stop", "seed"))


def test_native_body_passes_through_with_what_we_do_not_know() -> None:
    body = {
        "model": "alias",
        "input": "Hi",
        "previous_response_id": "resp_1",
        "stream": True,
        "temperature": 1,
    }
    native = NativeBody("openai-responses", body)
    request = CompletionRequest(
        model="alias", messages=(), native=native, stream=True, untranslatable=("previous_response_id",)
    )

    sent = DIALECT.encode(request, deployment())

    expected = {**body, "model": "gpt-6.1-sol"}
    del expected["temperature"]
    assert json.loads(sent.body) == expected
    assert any("temperature" in note for note in sent.notes)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(
            CompletionRequest(model="m", messages=(), untranslatable=("audio",)), id="untranslatable"
        ),
        pytest.param(CompletionRequest(model="m", messages=(), n=2), id="two answers"),
        pytest.param(
            CompletionRequest(model="m", messages=(Message("user", (File("aGk=", "audio/mpeg"),)),)),
            id="sound",
        ),
    ],
)
def test_meaning_that_would_be_lost_is_an_error(request_: CompletionRequest) -> None:
    with pytest.raises(NotExpressible):
        DIALECT.encode(request_, deployment())
