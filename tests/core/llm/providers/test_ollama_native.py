"""Ollama's own dialect against recorded and synthetic traffic."""

import itertools
import json
import random
from typing import Any

import pytest

from officium.core.llm.completion import (
    Completion,
    CompletionBuilder,
    CompletionRequest,
    Delta,
    NativeBody,
    OutputFormat,
    TokenLogprob,
    Tool,
    ToolChoice,
)
from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.errors import (
    ContextTooLong,
    LLMAuthenticationError,
    LLMError,
    LLMProtocolError,
    LLMQuotaError,
    LLMRateLimitError,
    LLMRequestError,
    LLMUnavailableError,
    ModelNotFound,
    NotExpressible,
)
from officium.core.llm.message import (
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    system,
    user,
)
from officium.core.llm.providers.ollama_native import OllamaNative
from tests.support.recordings import Exchange, a_deployment, find_exchange, load_exchanges

DIALECT = OllamaNative()
EXCHANGES = load_exchanges(["ollama-native"])
WHOLE = [exchange for exchange in EXCHANGES if not exchange.is_stream]
STREAMS = [exchange for exchange in EXCHANGES if exchange.is_stream]
CHATS = [exchange for exchange in EXCHANGES if exchange.path == "/api/chat"]


def an_ollama(model: str = "llama3.2", **changed: Any) -> Deployment:
    return a_deployment("ollama", model, **changed)


def read_stream(data: bytes, cuts: list[int] | None = None) -> list[Delta]:
    decoder = DIALECT.stream_decoder(an_ollama())
    deltas: list[Delta] = []
    for start, end in itertools.pairwise([0, *(cuts or []), len(data)]):
        deltas += decoder.feed(data[start:end])
    return deltas + list(decoder.close())


def build(deltas: list[Delta]) -> Completion:
    builder = CompletionBuilder()
    for delta in deltas:
        builder.add(delta)
    return builder.build()


def assert_reads_as(completion: Completion, lines: list[dict[str, Any]]) -> None:
    messages = [line.get("message", {}) for line in lines]
    calls = [call for message in messages for call in message.get("tool_calls", ())]
    last = lines[-1]
    assert completion.text == "".join(
        line.get("message", {}).get("content", line.get("response", "")) for line in lines
    )
    assert completion.reasoning == "".join(message.get("thinking", "") for message in messages)
    assert [(call.id, call.name, json.loads(call.arguments)) for call in completion.tool_calls] == [
        (call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls
    ]
    assert completion.finish_reason == ("tool_calls" if calls else last["done_reason"])
    assert completion.finish_reason_raw == last["done_reason"]
    assert completion.usage is not None
    assert completion.usage.input_tokens == last["prompt_eval_count"]
    assert completion.usage.output_tokens == last["eval_count"]
    assert completion.model == last["model"]


@pytest.mark.parametrize("exchange", WHOLE, ids=str)
def test_recorded_answer_is_read_whole(exchange: Exchange) -> None:
    completion = DIALECT.decode(exchange.data, an_ollama())

    assert_reads_as(completion, [json.loads(exchange.body)])
    assert completion.raw == exchange.data


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_recorded_stream_adds_up(exchange: Exchange) -> None:
    completion = build(read_stream(exchange.data))

    assert_reads_as(completion, [json.loads(line) for line in exchange.body.splitlines()])


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_stream_is_the_same_wherever_the_bytes_are_cut(exchange: Exchange) -> None:
    data = exchange.data
    rng = random.Random(exchange.id)

    uncut = read_stream(data)

    assert read_stream(data, list(range(1, len(data)))) == uncut
    assert read_stream(data, sorted(rng.sample(range(1, len(data)), k=40))) == uncut
    assert b"".join(delta.raw for delta in uncut) == data


def lines(*said: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in said)


SAID = {"model": "m", "message": {"role": "assistant", "content": "So"}, "done": False}
DONE = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({"error": "model runner has unexpectedly stopped"}, LLMUnavailableError, id="runner"),
        pytest.param({"error": "input exceeds the context length"}, ContextTooLong, id="context"),
        pytest.param({"error": "slow down", "status_code": 429}, LLMRateLimitError, id="cloud-429"),
        pytest.param({"error": {"message": "no"}}, LLMUnavailableError, id="object"),
    ],
)
def test_synthetic_error_line_comes_after_the_text_before_it(
    said: dict[str, Any], expected: type[LLMError]
) -> None:
    decoder = DIALECT.stream_decoder(an_ollama())

    deltas: list[Delta] = []
    with pytest.raises(expected) as raised:
        deltas.extend(decoder.feed(lines(SAID, said)))

    assert [delta.text for delta in deltas] == ["So"]
    assert raised.value.status == 200


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(lines(SAID), id="no-end"),
        pytest.param(lines(SAID) + json.dumps(DONE).encode()[:-9], id="cut-short"),
        pytest.param(b"<html>\n", id="html"),
        pytest.param(lines({"message": "text"}), id="wrong-shape"),
        pytest.param(b"[" * 100_000 + b"\n", id="nested-without-end"),
    ],
)
def test_synthetic_stream_that_makes_no_sense_is_an_error(data: bytes) -> None:
    with pytest.raises(LLMProtocolError):
        read_stream(data)


def test_last_line_needs_no_line_end() -> None:
    completion = build(read_stream(lines(SAID, DONE).rstrip()))

    assert completion.text == "So"
    assert completion.finish_reason == "stop"


def test_synthetic_answer_of_an_old_version_is_read() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    body = {"model": "m", "message": {"content": "", "tool_calls": [call, call]}, "done": True}

    completion = DIALECT.decode(json.dumps(body).encode(), an_ollama())

    assert [(call.name, call.arguments) for call in completion.tool_calls] == [("f", '{"a":1}')] * 2
    assert len({call.id for call in completion.tool_calls}) == 2
    assert completion.finish_reason == "tool_calls"
    assert completion.usage is None


@pytest.mark.parametrize(("raw", "meant"), [("length", "length"), ("unload", "other"), ("moonrise", "other")])
def test_synthetic_done_reason_is_understood(raw: str, meant: str) -> None:
    completion = DIALECT.decode(json.dumps(DONE | {"done_reason": raw, "news": [1]}).encode(), an_ollama())

    assert (completion.finish_reason, completion.finish_reason_raw) == (meant, raw)


def test_synthetic_logprobs_are_read() -> None:
    said = [{"token": "So", "logprob": -0.5, "top_logprobs": [{"token": "No", "logprob": -1.0}]}]

    completion = DIALECT.decode(json.dumps(DONE | {"logprobs": said}).encode(), an_ollama())

    assert completion.logprobs == (TokenLogprob("So", -0.5, (("No", -1.0),)),)


@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (400, b'{"error": "does not support tools"}', LLMRequestError, None),
        (401, b'{"error": "unauthorized"}', LLMAuthenticationError, None),
        (402, b'{"error": "no credit"}', LLMQuotaError, None),
        (404, b'{"error": "model \'x\' not found"}', ModelNotFound, None),
        (404, b'{"error": {"message": "no", "type": "api_error", "code": null}}', ModelNotFound, "api_error"),
        (413, b'{"error": "too large"}', LLMRequestError, None),
        (429, b'{"error": "slow down"}', LLMRateLimitError, None),
        (502, b"<html><title>Bad Gateway</title>", LLMUnavailableError, None),
        (500, b"", LLMUnavailableError, None),
    ],
)
def test_synthetic_error_is_typed(
    status: int, body: bytes, expected: type[LLMError], code: str | None
) -> None:
    error = DIALECT.decode_error(status, {}, body, an_ollama())

    assert type(error) is expected
    assert error.provider_code == code
    assert error.message.startswith(f"Ollama API error: {status} ")


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", json.dumps(SAID).encode(), b'{"done": "yes"}'])
def test_whole_answer_that_makes_no_sense_is_an_error(body: bytes) -> None:
    with pytest.raises(LLMProtocolError):
        DIALECT.decode(body, an_ollama())


# What our encoder writes beside what the recorded clients wrote.


def neutral_messages(said: list[dict[str, Any]]) -> list[Message]:
    messages = []
    for place, message in enumerate(said):
        if message["role"] == "tool":
            result = ToolResult(f"id{place}", (Text(message["content"]),), name=message["tool_name"])
            messages.append(Message("tool", (result,)))
            continue
        parts: list[Part] = [Reasoning(message["thinking"])] if "thinking" in message else []
        parts.append(Text(message["content"]))
        for call in message.get("tool_calls", ()):
            function = call["function"]
            parts.append(ToolCall("id", function["name"], json.dumps(function["arguments"])))
        messages.append(Message(message["role"], tuple(parts)))
    return messages


@pytest.mark.parametrize("exchange", CHATS, ids=str)
def test_request_is_written_as_a_recorded_client_wrote_it(exchange: Exchange) -> None:
    body = exchange.request
    efforts = {None: None, False: "none", True: "medium"}
    request = CompletionRequest(
        model=body["model"],
        messages=tuple(neutral_messages(body["messages"])),
        max_tokens=body.get("options", {}).get("num_predict"),
        tools=tuple(
            Tool(
                tool["function"]["name"], tool["function"].get("description"), tool["function"]["parameters"]
            )
            for tool in body.get("tools") or ()
        ),
        output_format=OutputFormat(body["format"]) if body.get("format") else None,
        reasoning_effort=efforts[body.get("think")],
        stream=body["stream"],
    )

    encoded = DIALECT.encode(request, an_ollama(body["model"]))

    assert json.loads(encoded.body) == {
        name: value for name, value in body.items() if value not in (None, [], {})
    }
    assert encoded.url == "http://localhost:11434/api/chat"
    assert encoded.notes == ()


def ask(*messages: Message, **fields: Any) -> CompletionRequest:
    return CompletionRequest(model="m", messages=messages or (user("Hi"),), **fields)


def encode(request: CompletionRequest, model: str = "llama3.2") -> tuple[dict[str, Any], tuple[str, ...]]:
    encoded = DIALECT.encode(request, an_ollama(model))
    return json.loads(encoded.body), encoded.notes


def test_knobs_are_options_and_what_has_no_word_gets_a_note_each() -> None:
    tool = Tool("f", None, {"type": "object"})

    body, notes = encode(
        ask(
            temperature=0.1,
            top_k=3,
            stop=("END",),
            seed=4,
            max_tokens=5,
            logprobs=True,
            top_logprobs=2,
            user="u",
            tools=(tool,),
            tool_choice=ToolChoice("required"),
            parallel_tool_calls=False,
            unmodelled=("tier",),
        )
    )

    assert body["options"] == {"temperature": 0.1, "top_k": 3, "stop": ["END"], "seed": 4, "num_predict": 5}
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    assert len(notes) == 4


def test_forbidden_tools_are_not_sent() -> None:
    body, notes = encode(ask(tools=(Tool("f"),), tool_choice=ToolChoice("none")))

    assert "tools" not in body
    assert notes == ()


@pytest.mark.parametrize(
    ("model", "effort", "think"),
    [
        ("qwen3", "high", True),
        ("qwen3", "none", False),
        ("gpt-oss:20b", "high", "high"),
        ("gpt-oss:20b", "none", False),
    ],
)
def test_effort_asks_for_thinking(model: str, effort: str, think: bool | str) -> None:
    body, _ = encode(ask(reasoning_effort=effort), model)

    assert body["think"] == think


@pytest.mark.parametrize(("schema", "written"), [(None, "json"), ({"type": "object"}, {"type": "object"})])
def test_output_format_is_written(schema: dict[str, Any] | None, written: object) -> None:
    body, _ = encode(ask(output_format=OutputFormat(schema)))

    assert body["format"] == written


def test_attachments_and_results_are_written() -> None:
    body, _ = encode(
        ask(
            system("Look."),
            Message(
                "user",
                (
                    Text("What?"),
                    Image(data="AAAA", media_type="image/png"),
                    File(data="aGk=", media_type="text/plain"),
                ),
            ),
            Message("assistant", (ToolCall("c1", "f", "broken"),)),
            Message("tool", (ToolResult("c1", (Text("1"),)), ToolResult("c2", (Text("2"),), name="g"))),
        )
    )

    assert body["messages"][1:] == [
        {"role": "user", "content": "What?hi", "images": ["AAAA"]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"type": "function", "function": {"name": "f", "arguments": {"_unparsed": "broken"}}}
            ],
        },
        {"role": "tool", "content": "1", "tool_name": "f"},
        {"role": "tool", "content": "2", "tool_name": "g"},
    ]


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(ask(n=2), id="n"),
        pytest.param(ask(untranslatable=("audio",)), id="untranslatable"),
        pytest.param(ask(Message("user", (Image(url="https://x.test/a.png"),))), id="image-url"),
        pytest.param(ask(Message("user", (File(data="AA", media_type="application/pdf"),))), id="pdf"),
    ],
)
def test_meaning_without_a_word_is_refused(request_: CompletionRequest) -> None:
    with pytest.raises(NotExpressible):
        DIALECT.encode(request_, an_ollama())


def test_native_body_is_kept_but_for_model_stream_and_limit() -> None:
    native = {"model": "theirs", "messages": [], "options": {"num_ctx": 8, "num_predict": 9}, "keep_alive": 5}

    body, _ = encode(ask(max_tokens=4, stream=True, native=NativeBody("ollama-native", native)))

    assert body == native | {"model": "llama3.2", "stream": True, "options": {"num_ctx": 8, "num_predict": 4}}


def test_recorded_list_of_models_is_read() -> None:
    exchange = find_exchange("ee06127627ba")

    names = list(DIALECT.decode_models(exchange.data))

    assert names == [model["name"] for model in json.loads(exchange.body)["models"]]
    assert DIALECT.encode_models(an_ollama()).url == "http://localhost:11434/api/tags"


def test_synthetic_embeddings_are_asked_for_and_read() -> None:
    deployment = an_ollama("all-minilm")

    encoded = DIALECT.encode_embeddings(
        EmbeddingRequest(model="m", inputs=("a", "b"), dimensions=2), deployment
    )
    embeddings = DIALECT.decode_embeddings(
        b'{"model": "all-minilm", "embeddings": [[0.5, 1], [2, 3]], "prompt_eval_count": 4}', deployment
    )

    assert json.loads(encoded.body) == {"model": "all-minilm", "input": ["a", "b"], "dimensions": 2}
    assert embeddings.vectors == ((0.5, 1.0), (2.0, 3.0))
    assert embeddings.usage is not None
    assert embeddings.usage.input_tokens == 4
