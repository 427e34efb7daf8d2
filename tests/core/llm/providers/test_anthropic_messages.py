"""The Anthropic Messages dialect against recorded and synthetic traffic."""

import itertools
import json
import random
from collections.abc import Iterator
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
    ToolCallDelta,
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
    LLMTimeoutError,
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
    assistant,
    system,
    user,
)
from officium.core.llm.providers.anthropic_messages import AnthropicMessages
from tests.support.recordings import (
    Exchange,
    a_deployment,
    find_exchange,
    load_exchanges,
    needs_all_recordings,
)

DIALECT = AnthropicMessages()
EXCHANGES = load_exchanges(["anthropic-messages"])
WHOLE = [exchange for exchange in EXCHANGES if not exchange.is_stream and not exchange.is_error]
STREAMS = [exchange for exchange in EXCHANGES if exchange.is_stream]
ERRORS = [exchange for exchange in EXCHANGES if exchange.is_error]
REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}


def a_claude(model: str = "claude-haiku-4-5", **changed: Any) -> Deployment:
    return a_deployment("anthropic", model, **changed)


def read_stream(data: bytes, cuts: list[int] | None = None) -> list[Delta]:
    decoder = DIALECT.stream_decoder(a_claude())
    deltas: list[Delta] = []
    edges = [0, *(cuts or []), len(data)]
    for start, end in itertools.pairwise(edges):
        deltas += decoder.feed(data[start:end])
    return deltas + list(decoder.close())


def build(deltas: list[Delta]) -> Completion:
    builder = CompletionBuilder()
    for delta in deltas:
        builder.add(delta)
    return builder.build()


def events(exchange: Exchange) -> Iterator[dict[str, Any]]:
    for line in exchange.body.splitlines():
        if line.startswith("data: {"):
            yield json.loads(line[6:])


def assembled(exchange: Exchange) -> dict[str, Any]:
    """A recorded stream put together to the message it stands for, after the documentation."""
    message: dict[str, Any] = {}
    for event in events(exchange):
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                message["content"].append(event["content_block"] | {"_json": ""})
            case "content_block_delta":
                block, delta = message["content"][event["index"]], event["delta"]
                for field, word in (("text", "text"), ("thinking", "thinking"), ("partial_json", "_json")):
                    if field in delta:
                        block[word] += delta[field]
                if "signature" in delta:
                    block["signature"] = delta["signature"]
            case "message_delta":
                message["stop_reason"] = event["delta"]["stop_reason"]
                message["usage"] |= event["usage"]
    for block in message["content"]:
        if block["_json"]:
            block["input"] = json.loads(block["_json"])
    return message


def assert_reads_as(completion: Completion, message: dict[str, Any]) -> None:
    blocks = message["content"]
    usage, counts = message["usage"], completion.usage
    assert completion.text == "".join(block["text"] for block in blocks if block["type"] == "text")
    assert completion.reasoning == "".join(block.get("thinking", "") for block in blocks)
    assert [(call.id, call.name, json.loads(call.arguments)) for call in completion.tool_calls] == [
        (block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"
    ]
    thoughts = [part for part in completion.parts if isinstance(part, Reasoning)]
    assert [part.signature or part.encrypted for part in thoughts] == [
        block.get("signature") or block.get("data")
        for block in blocks
        if block["type"] in {"thinking", "redacted_thinking"}
    ]
    assert completion.finish_reason == REASONS[message["stop_reason"]]
    assert completion.finish_reason_raw == message["stop_reason"]
    assert counts is not None
    assert counts.input_tokens == sum(
        usage.get(name) or 0
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    assert counts.cached_tokens == usage["cache_read_input_tokens"]
    assert counts.cache_write_tokens == usage["cache_creation_input_tokens"]
    assert counts.output_tokens == usage["output_tokens"]
    assert counts.reasoning_tokens == (usage.get("output_tokens_details") or {}).get("thinking_tokens")
    assert completion.id == message["id"]
    assert completion.model == message["model"]


@pytest.mark.parametrize("exchange", WHOLE, ids=str)
def test_recorded_answer_is_read_whole(exchange: Exchange) -> None:
    completion = DIALECT.decode(exchange.data, a_claude())

    assert_reads_as(completion, json.loads(exchange.body))
    assert completion.raw == exchange.data


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_recorded_stream_adds_up_to_its_message(exchange: Exchange) -> None:
    completion = build(read_stream(exchange.data))

    assert_reads_as(completion, assembled(exchange))


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_stream_is_the_same_wherever_the_bytes_are_cut(exchange: Exchange) -> None:
    data = exchange.data
    rng = random.Random(exchange.id)

    uncut = read_stream(data)

    assert read_stream(data, list(range(1, len(data)))) == uncut
    assert read_stream(data, sorted(rng.sample(range(1, len(data)), k=min(40, len(data) - 1)))) == uncut


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_raw_bytes_of_the_deltas_are_the_stream(exchange: Exchange) -> None:
    raw = b"".join(delta.raw for delta in read_stream(exchange.data))

    assert raw == exchange.data.replace(b"event: data\ndata: [DONE]\n\n", b"")


@pytest.mark.parametrize("exchange", ERRORS, ids=str)
def test_recorded_error_is_typed(exchange: Exchange) -> None:
    said = json.loads(exchange.body)["error"]
    expected = {401: LLMAuthenticationError, 404: ModelNotFound, 400: LLMRequestError}[exchange.status]

    error = DIALECT.decode_error(exchange.status, exchange.headers, exchange.data, a_claude())

    assert isinstance(error, expected)
    assert isinstance(error, ContextTooLong) == ("prompt is too long" in said["message"])
    assert error.provider_code == said["type"]
    assert error.message == f"Anthropic API error: {exchange.status} {said['message']}"
    assert not error.is_retryable


def an_error(type: str, message: str = "Something happened.", **more: Any) -> bytes:
    return json.dumps({"type": "error", "error": {"type": type, "message": message, **more}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "expected", "is_retryable"),
    [
        pytest.param(402, an_error("billing_error"), LLMQuotaError, False, id="402"),
        pytest.param(403, an_error("permission_error"), LLMAuthenticationError, False, id="403"),
        pytest.param(409, an_error("conflict_error"), LLMUnavailableError, True, id="409"),
        pytest.param(413, an_error("request_too_large"), LLMRequestError, False, id="413"),
        pytest.param(429, an_error("rate_limit_error"), LLMRateLimitError, True, id="429"),
        pytest.param(500, an_error("api_error"), LLMUnavailableError, True, id="500"),
        pytest.param(504, an_error("timeout_error"), LLMTimeoutError, True, id="504"),
        pytest.param(529, an_error("overloaded_error"), LLMUnavailableError, True, id="529"),
        pytest.param(
            429,
            an_error("rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}),
            LLMQuotaError,
            False,
            id="spent",
        ),
        pytest.param(
            400,
            an_error("invalid_request_error", "Your credit balance is too low to access the API."),
            LLMQuotaError,
            False,
            id="no-credit",
        ),
        pytest.param(503, b"<html><title>503 Busy</title></html>", LLMUnavailableError, True, id="html"),
        pytest.param(504, b"", LLMTimeoutError, True, id="empty"),
        pytest.param(501, b"[" * 100_000, LLMUnavailableError, False, id="nested-without-end"),
        pytest.param(400, b'{"error": "plain words"}', LLMRequestError, False, id="string"),
        pytest.param(418, b"\xff\xfe", LLMRequestError, False, id="no-text"),
    ],
)
def test_synthetic_error_is_typed(
    status: int, body: bytes, expected: type[LLMError], is_retryable: bool
) -> None:
    error = DIALECT.decode_error(status, {"retry-after": "7"}, body, a_claude())

    assert type(error) is expected
    assert error.is_retryable is is_retryable
    assert error.retry_after_s == 7
    assert error.status == status
    assert error.provider == "anthropic"
    assert error.message.startswith(f"Anthropic API error: {status} ")


def test_provider_may_forbid_another_try() -> None:
    error = DIALECT.decode_error(500, {"x-should-retry": "false"}, an_error("api_error"), a_claude())

    assert not error.is_retryable


def test_error_message_names_no_key() -> None:
    deployment = a_claude(api_key="my-own-secret")
    body = an_error("authentication_error", "bad key sk-ant-api03-abcdef123456 or my-own-secret")

    error = DIALECT.decode_error(401, {}, body, deployment)

    assert "sk-ant" not in error.message
    assert "my-own-secret" not in error.message


def an_event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


START = an_event(
    "message_start",
    message={
        "id": "msg_1",
        "model": "claude",
        "content": [],
        "usage": {"input_tokens": 5, "output_tokens": 1},
    },
)
HELLO = an_event("content_block_start", index=0, content_block={"type": "text", "text": ""}) + an_event(
    "content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello"}
)
STOP = an_event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}) + an_event(
    "message_stop"
)


@pytest.mark.parametrize(
    ("type", "expected", "is_retryable"),
    [
        ("overloaded_error", LLMUnavailableError, True),
        ("rate_limit_error", LLMRateLimitError, True),
        ("api_error", LLMUnavailableError, True),
        ("timeout_error", LLMTimeoutError, True),
        ("invalid_request_error", LLMRequestError, False),
        ("something_new", LLMUnavailableError, True),
    ],
)
def test_synthetic_error_event_comes_after_the_text_before_it(
    type: str, expected: type[LLMError], is_retryable: bool
) -> None:
    decoder = DIALECT.stream_decoder(a_claude())
    data = START + HELLO + b"event: error\ndata: " + an_error(type, "Overloaded") + b"\n\n"

    deltas: list[Delta] = []
    with pytest.raises(expected) as raised:
        deltas.extend(decoder.feed(data))

    assert "".join(delta.text for delta in deltas) == "Hello"
    assert raised.value.status == 200
    assert raised.value.provider_code == type
    assert raised.value.is_retryable is is_retryable


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(START + HELLO, id="cut-short"),
        pytest.param(START + HELLO + STOP[:30], id="cut-in-an-event"),
        pytest.param(START + b"data: {nonsense}\n\n" + STOP, id="no-json"),
        pytest.param(START + b"data: [1]\n\n" + STOP, id="no-object"),
        pytest.param(START + an_event("content_block_delta", delta="words") + STOP, id="wrong-shape"),
        pytest.param(START + b"data: " + b"[" * 100_000 + b"\n\n", id="nested-without-end"),
    ],
)
def test_synthetic_stream_that_makes_no_sense_is_an_error(data: bytes) -> None:
    with pytest.raises(LLMProtocolError):
        read_stream(data)


def test_synthetic_events_and_fields_nobody_knows_are_survived() -> None:
    news = an_event("content_block_delta", index=0, delta={"type": "shiny_delta", "gloss": [1]})
    news += an_event("weather", index="north", delta=3) + an_event("ping", message="hi")

    deltas = read_stream(START + HELLO + news + STOP)

    assert build(deltas).text == "Hello"
    assert b"".join(delta.raw for delta in deltas) == START + HELLO + news + STOP


def test_usage_at_the_start_says_nothing_of_the_output() -> None:
    usages = [delta.usage for delta in read_stream(START + HELLO + STOP) if delta.usage]

    assert [(usage.input_tokens, usage.output_tokens) for usage in usages] == [(5, None), (5, 9)]


def test_synthetic_input_that_comes_whole_is_given_once() -> None:
    block = {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "sky"}}
    data = an_event("content_block_start", index=3, content_block=block)
    data += an_event("content_block_delta", index=3, delta={"type": "input_json_delta", "partial_json": ""})
    data += an_event("content_block_stop", index=3)

    completion = build(read_stream(START + data + STOP))

    assert completion.tool_calls == (ToolCall("t1", "look", '{"at":"sky"}'),)
    assert completion.finish_reason == "tool_calls"


def test_first_piece_of_a_call_names_it() -> None:
    deltas = read_stream(find_exchange("7dd314db1bb3").data)

    pieces = [piece for delta in deltas for piece in delta.tool_calls]

    assert pieces[0] == ToolCallDelta(0, pieces[0].id, "secret_retrieval_tool")
    assert {piece.index for piece in pieces} == {0, 1}


def test_synthetic_thoughts_that_show_no_text_stay_apart() -> None:
    blocks = [
        Reasoning(encrypted="secret"),
        Reasoning(signature="first"),
        Reasoning(signature="second"),
        Reasoning(encrypted="other"),
    ]
    data = START
    for place, thought in enumerate(blocks):
        kind = "thinking" if thought.signature else "redacted_thinking"
        block = {"type": kind, "data": thought.encrypted, "thinking": "", "signature": ""}
        data += an_event("content_block_start", index=place, content_block=block)
        if thought.signature:
            mark = {"type": "signature_delta", "signature": thought.signature}
            data += an_event("content_block_delta", index=place, delta=mark)
        data += an_event("content_block_stop", index=place)

    completion = build(read_stream(data + STOP))

    assert completion.parts == tuple(blocks)


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("refusal", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "other"),
        ("moonrise", "other"),
        (None, "other"),
    ],
)
def test_synthetic_stop_reason_is_understood(raw: str | None, meant: str) -> None:
    body = json.dumps({"type": "message", "content": [], "stop_reason": raw, "usage": {}}).encode()

    completion = DIALECT.decode(body, a_claude())

    assert (completion.finish_reason, completion.finish_reason_raw) == (meant, raw)
    assert completion.usage is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"content": 5}', b'{"id": "x"}', b"[" * 100_000, b"\xff"]
)
def test_whole_answer_that_makes_no_sense_is_an_error(body: bytes) -> None:
    with pytest.raises(LLMProtocolError):
        DIALECT.decode(body, a_claude())


def test_error_in_a_whole_200_is_an_error() -> None:
    with pytest.raises(LLMUnavailableError):
        DIALECT.decode(an_error("overloaded_error"), a_claude())


# What our encoder writes beside what the recorded clients wrote.


def blocks_of(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def neutral_part(block: dict[str, Any]) -> Part:
    match block["type"]:
        case "text":
            return Text(block["text"])
        case "image":
            return Image(data=block["source"]["data"], media_type=block["source"]["media_type"])
        case "document":
            return File(data=block["source"]["data"], media_type=block["source"]["media_type"])
        case "tool_use":
            return ToolCall(block["id"], block["name"], json.dumps(block["input"]))
        case "thinking":
            return Reasoning(block["thinking"], signature=block["signature"])
        case "redacted_thinking":
            return Reasoning(encrypted=block["data"])
        case "tool_result":
            parts = tuple(neutral_part(inner) for inner in blocks_of(block["content"]))
            return ToolResult(block["tool_use_id"], parts, is_error=block.get("is_error", False))  # type: ignore[arg-type]
    raise LookupError(block["type"])


def neutral_request(body: dict[str, Any]) -> CompletionRequest:
    messages = [system(block["text"]) for block in blocks_of(body.get("system", []))]
    messages += [
        Message(turn["role"], tuple(neutral_part(block) for block in blocks_of(turn["content"])))
        for turn in body["messages"]
    ]
    choice = body.get("tool_choice")
    modes = {"auto": "auto", "any": "required", "tool": "tool", "none": "none"}
    return CompletionRequest(
        model=body["model"],
        messages=tuple(messages),
        max_tokens=body["max_tokens"],
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        stop=tuple(body.get("stop_sequences", ())),
        tools=tuple(
            Tool(tool["name"], tool.get("description"), tool["input_schema"], tool.get("strict"))
            for tool in body.get("tools", ())
        ),
        tool_choice=ToolChoice(modes[choice["type"]], choice.get("name")) if choice else None,  # type: ignore[arg-type]
        parallel_tool_calls=False if choice and choice.get("disable_parallel_tool_use") else None,
        stream=body.get("stream", False),
    )


def plain(body: dict[str, Any]) -> dict[str, Any]:
    """A body with everything in its long form, and without what only saves money."""
    body = json.loads(json.dumps(body))
    if "system" in body:
        body["system"] = "\n\n".join(block["text"] for block in blocks_of(body["system"]))
    for turn in body["messages"]:
        turn["content"] = blocks_of(turn["content"])
        for block in turn["content"]:
            block.pop("cache_control", None)
            if block.get("citations", 0) is None:
                del block["citations"]
            if block["type"] == "tool_result":
                block["content"] = blocks_of(block["content"])
                if not block.get("is_error"):
                    block.pop("is_error", None)
    for tool in body.get("tools", ()):
        tool.pop("cache_control", None)
    body.setdefault("stream", False)
    return body


def is_expressible(body: dict[str, Any]) -> bool:
    known = {
        "model", "messages", "max_tokens", "system", "temperature", "top_p", "stop_sequences", "tools",
        "tool_choice", "stream",
    }  # fmt: skip
    if not set(body) <= known or any(
        "input_schema" not in tool or "defer_loading" in tool for tool in body.get("tools", ())
    ):
        return False
    if not all(isinstance(turn, dict) for turn in body["messages"]):
        return False
    blocks = [block for turn in body["messages"] for block in blocks_of(turn["content"])]
    inner = [
        part for block in blocks if block["type"] == "tool_result" for part in blocks_of(block["content"])
    ]
    return all(
        block["type"] in {"text", "tool_use", "tool_result", "thinking", "redacted_thinking"}
        or (
            block["type"] in {"image", "document"}
            and block["source"]["type"] == "base64"
            and "title" not in block
            and "citations" not in block
        )
        for block in blocks + inner
    )


REQUESTS = [exchange for exchange in EXCHANGES if is_expressible(exchange.request) and exchange.status == 200]


@pytest.mark.parametrize("exchange", REQUESTS, ids=str)
def test_request_is_written_as_a_recorded_client_wrote_it(exchange: Exchange) -> None:
    request = neutral_request(exchange.request)

    encoded = DIALECT.encode(request, a_claude(exchange.request["model"]))

    assert plain(json.loads(encoded.body)) == plain(exchange.request)
    assert encoded.notes == ()


@needs_all_recordings
def test_enough_recorded_requests_are_compared() -> None:
    assert len(REQUESTS) >= 20


def encode(
    request: CompletionRequest, model: str = "claude-haiku-4-5"
) -> tuple[dict[str, Any], tuple[str, ...]]:
    encoded = DIALECT.encode(request, a_claude(model))
    return json.loads(encoded.body), encoded.notes


def ask(*messages: Message, **fields: Any) -> CompletionRequest:
    return CompletionRequest(model="m", messages=messages or (user("Hi"),), **fields)


def test_request_goes_to_the_messages_endpoint_with_key_and_version() -> None:
    encoded = DIALECT.encode(ask(), a_claude())

    assert encoded.url == "https://api.anthropic.com/v1/messages"
    assert encoded.headers["x-api-key"] == "a-key"
    assert encoded.headers["anthropic-version"] == "2023-06-01"
    assert json.loads(encoded.body)["max_tokens"] == 4096


def test_results_of_parallel_calls_stand_in_one_turn_before_the_next_words() -> None:
    body, _ = encode(
        ask(
            user("Go"),
            Message("assistant", (ToolCall("a:1", "f"), ToolCall("b", "g", '{"x": 1}'))),
            Message("tool", (ToolResult("a:1", (Text("1"),)),)),
            Message("tool", (ToolResult("b", (Text("2"),), is_error=True),)),
            user("And now?"),
        )
    )

    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"][0] == {"type": "tool_use", "id": "a_1", "name": "f", "input": {}}
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a_1", "content": "1"},
        {"type": "tool_result", "tool_use_id": "b", "content": "2", "is_error": True},
        {"type": "text", "text": "And now?"},
    ]


def test_thoughts_of_another_provider_are_left_out_with_a_note() -> None:
    thoughts = Message("assistant", (Reasoning("hm"), Reasoning(encrypted="x", id="rs_1"), Text("Yes")))

    body, notes = encode(ask(user("Hi"), thoughts, user("Sure?")))

    assert body["messages"][1]["content"] == [{"type": "text", "text": "Yes"}]
    assert notes == ("Reasoning that this provider has not signed was left out.",)


@pytest.mark.parametrize(
    ("part", "block"),
    [
        pytest.param(
            Image(url="https://x.test/a.png"),
            {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
            id="image-url",
        ),
        pytest.param(
            File(data="aGVsbG8=", media_type="text/csv", name="a.csv"),
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "hello"},
                "title": "a.csv",
            },
            id="text-file",
        ),
        pytest.param(
            File(file_id="file_1"),
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
            id="file-id",
        ),
    ],
)
def test_attachment_is_written(part: Part, block: dict[str, Any]) -> None:
    body, _ = encode(ask(Message("user", (part,))))

    assert body["messages"][0]["content"] == [block]


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        pytest.param(ask(n=2), "n", id="n"),
        pytest.param(ask(untranslatable=("modalities",)), "modalities", id="untranslatable"),
        pytest.param(
            ask(Message("user", (File(data="AAAA", media_type="audio/wav"),))), "messages", id="audio"
        ),
        pytest.param(ask(Message("assistant", (Image(url="https://x.test"),))), "messages", id="image-out"),
    ],
)
def test_meaning_without_a_word_is_refused(request_: CompletionRequest, param: str) -> None:
    with pytest.raises(NotExpressible) as raised:
        DIALECT.encode(request_, a_claude())

    assert raised.value.fields["param"] == param


def test_knobs_without_a_word_are_left_out_with_a_note_each() -> None:
    body, notes = encode(
        ask(
            seed=1,
            presence_penalty=0.5,
            frequency_penalty=0.5,
            logprobs=True,
            top_k=3,
            user="u",
            unmodelled=("tier",),
        )
    )

    assert body["top_k"] == 3
    assert body["metadata"] == {"user_id": "u"}
    for name in ("seed", "presence_penalty", "frequency_penalty", "logprobs", "tier"):
        assert name not in body
        assert sum(f"`{name}`" in note for note in notes) == 1


def test_what_a_model_refuses_is_left_out_with_a_note_each() -> None:
    tool = Tool("f", None, {"type": "object"})
    asked = ask(temperature=0.2, top_p=0.9, top_k=4, tools=(tool,), tool_choice=ToolChoice("tool", "f"))

    body, notes = encode(asked, "claude-sonnet-5-5")

    assert not {"temperature", "top_p", "top_k"} & set(body)
    assert body["tool_choice"] == {"type": "auto"}
    assert len(notes) == 4


def test_thinking_budget_gives_way_where_the_model_refuses_it() -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    native = {"max_tokens": 9, "messages": [], "thinking": thinking}

    body, notes = encode(ask(native=NativeBody("anthropic-messages", native)), "claude-sonnet-5-5")
    older, _ = encode(ask(native=NativeBody("anthropic-messages", native)), "claude-sonnet-4-5")

    assert body["thinking"] == {"type": "adaptive"}
    assert len(notes) == 1
    assert older["thinking"] == thinking


def test_begun_answer_is_refused_where_the_model_cannot_continue_it() -> None:
    with pytest.raises(NotExpressible):
        encode(ask(user("Hi"), assistant("Well,")), "claude-sonnet-5-5")

    body, _ = encode(ask(user("Hi"), assistant("Well,")), "claude-haiku-4-5")
    assert body["messages"][-1]["role"] == "assistant"


def test_native_body_is_kept_but_for_model_stream_and_what_is_refused() -> None:
    native = {
        "model": "theirs",
        "max_tokens": 9,
        "temperature": 0.1,
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
            }
        ],
        "novelty": {"a": 1},
    }
    asked = ask(
        max_tokens=5,
        stream=True,
        native=NativeBody("anthropic-messages", native),
        untranslatable=("novelty",),
    )

    body, notes = encode(asked, "claude-opus-5-5")

    kept = {name: value for name, value in native.items() if name != "temperature"}
    assert body == kept | {"model": "claude-opus-5-5", "max_tokens": 5, "stream": True}
    assert len(notes) == 1
    assert native["model"] == "theirs"


SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1, "description": "How many"}},
    "required": ["n"],
}


def test_schema_is_asked_for_in_the_enforced_subset() -> None:
    body, notes = encode(ask(output_format=OutputFormat(SCHEMA)))

    assert body["output_config"]["format"] == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {"n": {"type": "integer", "description": "How many\n\n{minimum: 1}"}},
            "required": ["n"],
            "additionalProperties": False,
        },
    }
    assert notes == ()


@pytest.mark.parametrize(
    ("schema", "model"),
    [
        pytest.param(SCHEMA, "claude-3-haiku-20240307", id="old-model"),
        pytest.param(
            {"type": "object", "additionalProperties": {"type": "integer"}}, "claude-haiku-4-5", id="map"
        ),
        pytest.param({"type": "object"}, "claude-haiku-4-5", id="any-object"),
        pytest.param(None, "claude-haiku-4-5", id="no-schema"),
    ],
)
def test_json_is_asked_for_in_words_where_it_cannot_be_enforced(
    schema: dict[str, Any] | None, model: str
) -> None:
    body, notes = encode(ask(system("Be brief."), user("Hi"), output_format=OutputFormat(schema)), model)

    assert "output_config" not in body
    assert body["system"].startswith("Be brief.\n\nAnswer with one JSON object")
    assert (json.dumps(schema, separators=(",", ":")) in body["system"]) == (schema is not None)
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("effort", "written"),
    [
        ("high", {"output_config": {"effort": "high"}, "thinking": {"type": "adaptive"}}),
        ("minimal", {"output_config": {"effort": "low"}, "thinking": {"type": "adaptive"}}),
        ("none", {"thinking": {"type": "disabled"}}),
    ],
)
def test_effort_asks_for_thinking(effort: str, written: dict[str, Any]) -> None:
    body, _ = encode(ask(reasoning_effort=effort))

    assert {name: body[name] for name in ("output_config", "thinking") if name in body} == written


def test_thinking_gives_way_to_a_forced_tool_and_drives_out_the_temperature() -> None:
    tool = Tool("f", None, {"type": "object"})

    forced, _ = encode(ask(reasoning_effort="low", tools=(tool,), tool_choice=ToolChoice("required")))
    warm, notes = encode(ask(reasoning_effort="low", temperature=0.3))

    assert "thinking" not in forced
    assert "temperature" not in warm
    assert any("`temperature`" in note for note in notes)


def test_embeddings_are_not_expressible() -> None:
    with pytest.raises(NotExpressible):
        DIALECT.encode_embeddings(EmbeddingRequest(model="m", inputs=("x",)), a_claude())


def test_recorded_list_of_models_is_read() -> None:
    exchange = find_exchange("34b77294cf43")

    names = list(DIALECT.decode_models(exchange.data))

    assert names == [model["id"] for model in json.loads(exchange.body)["data"]]
    assert DIALECT.encode_models(a_claude()).url == "https://api.anthropic.com/v1/models?limit=1000"
