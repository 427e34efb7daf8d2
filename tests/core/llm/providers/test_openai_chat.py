"""The Chat Completions dialect against recorded traffic, and against shapes nobody recorded (synthetic)."""

import itertools
import json
import random
from collections.abc import Iterable, Iterator
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
from officium.core.llm.deployment import Deployment, ModelTraits
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.errors import (
    ContentFiltered,
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
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    assistant,
    system,
    user,
)
from officium.core.llm.providers.openai_chat import OpenAIChat
from tests.support.recordings import Exchange, a_deployment, find_exchange, load_exchanges

DIALECT = OpenAIChat()
EXCHANGES = load_exchanges(["openai-chat"])
ERRORS_IN_200 = [exchange for exchange in EXCHANGES if "error-mid-stream" in exchange.tags]
ANSWERS = [e for e in EXCHANGES if not e.is_error and not e.is_stream]
STREAMS = [e for e in EXCHANGES if e.is_stream and e not in ERRORS_IN_200]
FAILURES = [e for e in EXCHANGES if e.is_error]

FINISH = {"length": "length", "max_tokens": "length", "content_filter": "content_filter"}


def deployment_of(exchange: Exchange) -> Deployment:
    model = (exchange.request or {}).get("model", "a-model")
    if exchange.provider == "gemini":
        return a_deployment("gemini", model, dialect="openai-chat", quirks=["output_from_total"])
    return a_deployment(exchange.provider, model)


def read_stream(pieces: Iterable[bytes], deployment: Deployment) -> list[Delta]:
    decoder = DIALECT.stream_decoder(deployment)
    deltas = [delta for piece in pieces for delta in decoder.feed(piece)]
    return deltas + list(decoder.close())


def build(deltas: Iterable[Delta]) -> Completion:
    builder = CompletionBuilder()
    for delta in deltas:
        builder.add(delta)
    return builder.build()


def sse(*events: dict[str, Any] | str) -> bytes:
    lines = (event if isinstance(event, str) else json.dumps(event) for event in events)
    return b"".join(b"data: " + line.encode() + b"\n\n" for line in lines)


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": "c-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **more}


def events_of(exchange: Exchange) -> Iterator[dict[str, Any]]:
    for line in exchange.body.splitlines():
        if line.startswith("data:") and line[5:].strip() != "[DONE]":
            yield json.loads(line[5:])


# What an answer says, read straight off its JSON by code that shares nothing with the adapter.


def said_text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part["type"] == "text")
    return content or ""


def said_reasoning(message: dict[str, Any]) -> str:
    if isinstance(message.get("content"), list):
        thoughts = [part["thinking"] for part in message["content"] if part["type"] == "thinking"]
        return "".join(piece["text"] for thought in thoughts for piece in thought)
    return message.get("reasoning_content") or message.get("reasoning") or ""


def said_usage(usage: dict[str, Any], provider: str) -> dict[str, int | None]:
    inputs = usage.get("prompt_tokens_details") or {}
    outputs = usage.get("completion_tokens_details") or {}
    cached = inputs.get("cached_tokens", usage.get("prompt_cache_hit_tokens"))
    if cached is None:
        cached = usage.get("num_cached_tokens", usage.get("cached_tokens"))
    output = usage["completion_tokens"]
    reasoning = outputs.get("reasoning_tokens")
    if provider == "xai":
        output += reasoning or 0
    if provider == "gemini":
        output = usage["total_tokens"] - usage["prompt_tokens"]
        reasoning = output - usage["completion_tokens"]
    return {
        "input_tokens": usage["prompt_tokens"],
        "cached_tokens": cached,
        "cache_write_tokens": inputs.get("cache_write_tokens"),
        "output_tokens": output,
        "reasoning_tokens": reasoning,
    }


def said_finish(choices: list[dict[str, Any]], has_calls: bool) -> str:
    """The neutral finish reason of the last choice that gives one."""
    said, native = None, None
    for choice in choices:
        found = choice.get("finish_reason") or (choice.get("finish_details") or {}).get("type")
        if found:
            said, native = found, choice.get("native_finish_reason")
    if native in ("max_output_tokens", "length"):
        return "length"
    if said is None:
        return "other"
    return FINISH.get(said) or ("tool_calls" if has_calls else "stop")


@pytest.mark.parametrize("exchange", ANSWERS, ids=str)
def test_whole_answer_means_what_its_body_says(exchange: Exchange) -> None:
    said = json.loads(exchange.body)
    message = said["choices"][0]["message"]
    text, reasoning = said_text(message.get("content")), said_reasoning(message)
    if exchange.provider == "vllm" and "</think>" in text:
        reasoning, _, text = text.removeprefix("<think>").partition("</think>")
    if message.get("audio"):
        text = message["audio"]["transcript"]

    completion = DIALECT.decode(exchange.data, deployment_of(exchange))

    assert completion.text.strip() == text.strip()
    assert completion.reasoning.strip() == reasoning.strip()
    assert completion.refusal == (message.get("refusal") or "")
    calls = message.get("tool_calls") or []
    assert [(call.name, call.arguments) for call in completion.tool_calls] == [
        (call["function"]["name"], call["function"]["arguments"]) for call in calls
    ]
    assert [call.id for call in completion.tool_calls if call.id] == [
        call["id"] or completion.tool_calls[place].id for place, call in enumerate(calls)
    ]
    assert completion.finish_reason == said_finish(said["choices"][:1], bool(calls))
    assert completion.usage is not None
    assert completion.usage.model_dump() == said_usage(said["usage"], exchange.provider)
    assert (completion.id, completion.model, completion.raw) == (said["id"], said["model"], exchange.data)
    logprobs = ((said["choices"][0].get("logprobs") or {}).get("content")) or []
    assert [(token.token, token.logprob) for token in completion.logprobs] == [
        (token["token"], token["logprob"]) for token in logprobs
    ]


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_stream_means_what_its_events_say(exchange: Exchange) -> None:
    events = list(events_of(exchange))
    choices = [choice for event in events for choice in event["choices"] if choice["index"] == 0]
    messages = [choice["delta"] for choice in choices]
    text = "".join(said_text(message.get("content")) for message in messages)
    reasoning = "".join(map(said_reasoning, messages))
    if exchange.provider == "vllm" and "</think>" in text:
        reasoning, _, text = text.removeprefix("<think>").partition("</think>")
    calls: dict[int, list[str]] = {}
    for call in (call for message in messages for call in message.get("tool_calls") or ()):
        said = calls.setdefault(call["index"], ["", "", ""])
        said[0] = said[0] or call.get("id") or ""
        said[1] = said[1] or call["function"].get("name") or ""
        said[2] += call["function"].get("arguments") or ""
    told = [event.get("usage") or event.get("x_groq", {}).get("usage") for event in events]
    usages = [usage for usage in told if usage]

    completion = build(read_stream([exchange.data], deployment_of(exchange)))

    assert completion.text.strip() == text.strip()
    assert completion.reasoning.strip() == reasoning.strip()
    assert completion.refusal == "".join(message.get("refusal") or "" for message in messages)
    assert [[call.id, call.name, call.arguments] for call in completion.tool_calls] == [
        [id, name, arguments or "{}"] for id, name, arguments in calls.values()
    ]
    assert completion.finish_reason == said_finish(choices, bool(calls))
    usage = completion.usage.model_dump() if completion.usage else None
    assert usage == (said_usage(usages[-1], exchange.provider) if usages else None)
    logprobs = [token for choice in choices for token in (choice.get("logprobs") or {}).get("content") or ()]
    assert [token.token for token in completion.logprobs] == [token["token"] for token in logprobs]


@pytest.mark.parametrize("exchange", ANSWERS + STREAMS, ids=str)
def test_tags_of_a_recording_agree_with_what_is_decoded(exchange: Exchange) -> None:
    deployment = deployment_of(exchange)
    if exchange.is_stream:
        completion = build(read_stream([exchange.data], deployment))
    else:
        completion = DIALECT.decode(exchange.data, deployment)

    tags = exchange.tags
    assert ("tool-calls-out" in tags) == bool(completion.tool_calls)
    assert ("parallel-tool-calls" in tags) == (len(completion.tool_calls) > 1)
    assert "refusal" not in tags or completion.refusal
    if (
        "reasoning-out" in tags and exchange.provider != "gemini"
    ):  # there the tag stands for a signature alone
        assert any(isinstance(part, Reasoning) for part in completion.parts)
    if "usage-reasoning" in tags:
        assert completion.usage is not None
        assert completion.usage.reasoning_tokens
    if "usage-cached" in tags:
        assert completion.usage is not None
        assert completion.usage.cached_tokens
    if said := exchange.tagged("finish:"):
        assert completion.finish_reason_raw in said


@pytest.mark.parametrize("exchange", STREAMS + ERRORS_IN_200, ids=str)
def test_stream_gives_the_same_deltas_wherever_its_bytes_are_cut(exchange: Exchange) -> None:
    deployment, data = deployment_of(exchange), exchange.data
    chance = random.Random(exchange.id)
    cuts = sorted(chance.randrange(len(data)) for _ in range(40))
    at_random = [data[start:end] for start, end in itertools.pairwise([0, *cuts, len(data)])]
    byte_by_byte = [data[place : place + 1] for place in range(len(data))]

    def outcome(pieces: list[bytes]) -> tuple[list[Delta], str]:
        decoder = DIALECT.stream_decoder(deployment)
        deltas: list[Delta] = []
        try:
            for piece in pieces:
                deltas.extend(decoder.feed(piece))
            deltas.extend(decoder.close())
        except LLMError as error:
            return deltas, repr(error)
        return deltas, ""

    whole = outcome([data])
    assert outcome(at_random) == whole
    assert outcome(byte_by_byte) == whole
    if exchange.chunk_lengths:
        ends = itertools.accumulate(exchange.chunk_lengths, initial=0)
        assert outcome([data[start:end] for start, end in itertools.pairwise(ends)]) == whole


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_raw_bytes_of_the_deltas_are_the_events_of_the_stream(exchange: Exchange) -> None:
    lines = exchange.data.splitlines(keepends=True)
    events = [line for line in lines if line.startswith(b"data:") and line[5:].strip() != b"[DONE]"]

    deltas = read_stream([exchange.data], deployment_of(exchange))

    raws = b"".join(delta.raw for delta in deltas)
    assert [line for line in raws.splitlines(keepends=True) if line.strip()] == events


@pytest.mark.parametrize("exchange", FAILURES, ids=str)
def test_error_answer_becomes_a_typed_error(exchange: Exchange) -> None:
    deployment = deployment_of(exchange)

    error = DIALECT.decode_error(exchange.status, exchange.headers, exchange.data, deployment)

    by_status = {
        400: LLMRequestError,
        401: LLMAuthenticationError,
        404: ModelNotFound,
        429: LLMRateLimitError,
        500: LLMRequestError,  # all recorded ones are llama.cpp's answer to a client's mistake
    }
    expected = ModelNotFound if exchange.id == "54325a96bfbc" else by_status[exchange.status]
    assert isinstance(error, expected)
    assert (error.status, error.provider, error.model) == (
        exchange.status,
        exchange.provider,
        deployment.model,
    )
    assert error.is_retryable == (exchange.status == 429)
    assert f"{deployment.provider.label} API error" in error.message
    said = json.loads(exchange.body)
    inner = said.get("error", said)
    sentence = inner.get("message") or inner["detail"]
    if error.status != 401:
        assert " ".join(sentence.split())[:400] in error.message


@pytest.mark.parametrize(
    ("id", "kind", "code"),
    [
        ("7e65f40820ce", ModelNotFound, "model_not_found"),
        ("136b80f8fbe1", LLMRequestError, "tool_use_failed"),
        ("005694e7549b", ContextTooLong, "invalid_request_error"),
        ("3fe39be5ae3a", ContextTooLong, "invalid_request_error"),
        ("e0fe027f7143", ContextTooLong, "400"),
        ("5c0954d7df04", ContextTooLong, "too_many_prompt_tokens"),
        ("80f46d74706f", LLMRequestError, "3051"),
        ("c1297a0f176f", LLMRateLimitError, "RateLimitReached"),
        ("d8bdfdd07d96", ModelNotFound, "404"),
    ],
)
def test_provider_code_decides_the_class(id: str, kind: type[LLMError], code: str) -> None:
    exchange = find_exchange(id)

    error = DIALECT.decode_error(exchange.status, exchange.headers, exchange.data, deployment_of(exchange))

    assert type(error) is kind
    assert error.provider_code == code


def test_azure_delay_is_read_from_retry_after_and_not_from_zero_milliseconds() -> None:
    exchange = find_exchange("c1297a0f176f")

    error = DIALECT.decode_error(exchange.status, exchange.headers, exchange.data, deployment_of(exchange))

    assert error.retry_after_s == 1.0


def test_openrouter_upstream_sentence_replaces_its_own_vague_one() -> None:
    exchange = find_exchange("140242e2f9ef")

    error = DIALECT.decode_error(exchange.status, exchange.headers, exchange.data, deployment_of(exchange))

    assert "is temporarily rate-limited upstream" in error.message


@pytest.mark.parametrize(
    ("id", "kind", "status", "text_before"),
    [
        ("4648dd3b377e", LLMRequestError, 400, "maybe"),
        ("2082a38dd9b5", LLMRequestError, 400, ""),
        ("99cf46ef65b3", LLMUnavailableError, 502, ""),
        ("f59fa0cb91a9", LLMUnavailableError, 502, ""),
    ],
)
def test_error_inside_a_stream_is_raised_in_its_place(
    id: str, kind: type[LLMError], status: int, text_before: str
) -> None:
    exchange = find_exchange(id)
    deltas: list[Delta] = []

    with pytest.raises(kind) as caught:
        deltas.extend(DIALECT.stream_decoder(deployment_of(exchange)).feed(exchange.data))

    assert caught.value.status == status
    assert "".join(delta.text for delta in deltas) == text_before


def test_tokens_of_a_failed_stream_are_told_before_its_error() -> None:
    exchange = find_exchange("2082a38dd9b5")
    deltas: list[Delta] = []

    with pytest.raises(LLMRequestError):
        deltas.extend(DIALECT.stream_decoder(deployment_of(exchange)).feed(exchange.data))

    assert deltas[-1].usage is not None
    assert (deltas[-1].usage.input_tokens, deltas[-1].usage.output_tokens) == (43, 10)


def test_gemini_endpoint_signature_goes_to_the_call_and_its_missing_id_is_made_up() -> None:
    exchange = find_exchange("62d8e85021ba")
    signature = json.loads(exchange.body)["choices"][0]["message"]["thought_signature"]

    first = DIALECT.decode(exchange.data, deployment_of(exchange))
    second = DIALECT.decode(exchange.data, deployment_of(exchange))

    assert first.tool_calls[0].signature == signature
    assert first.tool_calls[0].id.startswith("call_")
    assert first == second


def test_openrouter_reasoning_keeps_signature_and_encrypted_data() -> None:
    signed = DIALECT.decode(find_exchange("e0123f1489ee").data, a_deployment("openrouter"))
    encrypted = DIALECT.decode(find_exchange("77744dcc2655").data, a_deployment("openrouter"))

    said = json.loads(find_exchange("e0123f1489ee").body)["choices"][0]["message"]["reasoning_details"][0]
    assert signed.parts[0] == Reasoning(said["text"], said["signature"])
    assert encrypted.parts[1] == Reasoning("", encrypted="encrypted_reasoning_REDACTED_1", id="rs_REDACTED_1")


ODDITIES = [
    None,
    True,
    0,
    -1,
    3.5,
    10**30,
    "",
    "x",
    [],
    [1],
    [None],
    ["a", {}],
    {},
    {"a": 1},
    [[]],
    {"error": 1},
]


def places_in(said: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    keys = said.keys() if isinstance(said, dict) else range(len(said)) if isinstance(said, list) else ()
    for key in keys:
        yield from places_in(said[key], (*path, key))


def distort(said: Any, chance: random.Random) -> None:
    """Put something odd into a random place."""
    *path, last = chance.choice(list(places_in(said)))
    for key in path:
        said = said[key]
    said[last] = chance.choice(ODDITIES)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
def test_distorted_answer_is_read_or_is_a_typed_error(exchange: Exchange) -> None:
    chance, deployment = random.Random(exchange.id), deployment_of(exchange)
    for _ in range(10):
        if exchange.is_stream:
            events = list(events_of(exchange))
            distort(chance.choice(events), chance)
        else:
            said = json.loads(exchange.body)
            distort(said, chance)

        raised: LLMError | None = None
        try:
            if exchange.is_stream:
                build(read_stream([sse(*events)], deployment))
            elif exchange.is_error:
                raised = DIALECT.decode_error(exchange.status, {}, json.dumps(said).encode(), deployment)
            else:
                DIALECT.decode(json.dumps(said).encode(), deployment)
        except LLMError as error:
            raised = error
        assert raised is None or f"{deployment.provider.label} API error" in raised.message


# Synthetic: shapes the providers' documents describe and nobody recorded.


def test_synthetic_think_tags_are_found_wherever_they_are_cut() -> None:
    words = "<think>\nA plan: `a < b`.</think>\n\nThe answer is <b>4</b>, said in `<think>`."
    for cut in range(1, 12):
        pieces = [words[place : place + cut] for place in range(0, len(words), cut)]
        data = sse(*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop"))

        completion = build(read_stream([data], a_deployment("vllm")))

        assert completion.reasoning == "A plan: `a < b`."
        assert completion.text == "The answer is <b>4</b>, said in `<think>`."


def test_synthetic_unfinished_tag_at_the_end_is_text() -> None:
    data = sse(chunk({"content": "1 <thi"}), chunk({}, "stop"))

    assert build(read_stream([data], a_deployment("vllm"))).text == "1 <thi"


def test_synthetic_thoughts_without_opening_tag_in_a_whole_answer() -> None:
    body = {"choices": [{"message": {"content": "First I\n</think>\n4"}, "finish_reason": "stop"}]}

    completion = DIALECT.decode(json.dumps(body).encode(), a_deployment("vllm"))

    assert (completion.reasoning, completion.text) == ("First I\n", "4")


def test_synthetic_whole_answer_with_an_empty_delta_beside_its_message() -> None:
    choice = {"delta": {"content": ""}, "message": {"content": "Hi"}, "finish_reason": "stop"}

    completion = DIALECT.decode(json.dumps({"choices": [choice]}).encode(), a_deployment("perplexity"))

    assert completion.text == "Hi"


def test_synthetic_think_tags_stay_text_where_the_provider_has_no_such_quirk() -> None:
    data = sse(chunk({"content": "<think>x</think>y"}, "stop"))

    assert build(read_stream([data], a_deployment("openai"))).text == "<think>x</think>y"


def piece(arguments: Any = None, **more: Any) -> dict[str, Any]:
    function = {key: more.pop(key) for key in ("name",) if key in more}
    if arguments is not None:
        function["arguments"] = arguments
    return {**more, "function": function}


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        pytest.param(
            [piece("", index=0, id="a", name="f"), piece('{"x"', index=0), piece(":1}", index=0)],
            [("a", "f", '{"x":1}')],
            id="fragments by index",
        ),
        pytest.param(
            [piece('{"x":1}', id="a", name="f"), piece('{"x":2}', id="b", name="f")],
            [("a", "f", '{"x":1}'), ("b", "f", '{"x":2}')],
            id="whole calls by id, without index",
        ),
        pytest.param(
            [piece('{"x', id="a", name="f"), piece('":1}', id="a")],
            [("a", "f", '{"x":1}')],
            id="fragments by id, without index",
        ),
        pytest.param(
            [piece('{"x', id="a", name="f"), piece('":1}'), piece("{}", id="b", name="g")],
            [("a", "f", '{"x":1}'), ("b", "g", "{}")],
            id="fragments by order, without index and id",
        ),
        pytest.param(
            [piece('{"x":1}', index=0, id="a", name="f"), piece('{"x":2}', index=0, id="b", name="f")],
            [("a", "f", '{"x":1}'), ("b", "f", '{"x":2}')],
            id="whole calls that all have the index 0",
        ),
        pytest.param(
            [piece("{}", index=3, id="a", name="f"), piece("{}", index=7, id="b", name="g")],
            [("a", "f", "{}"), ("b", "g", "{}")],
            id="indices with gaps",
        ),
        pytest.param(
            [piece({"x": [1, "ü"]}, index=0, id="a", name="f")],
            [("a", "f", '{"x":[1,"ü"]}')],
            id="arguments as an object",
        ),
        pytest.param([piece(None, index=0, id="a", name="f")], [("a", "f", "{}")], id="no arguments"),
        pytest.param(
            [piece('{"x":1}', index=0, id="a", name="f"), piece('{"x":1}', index=0, id="a", name="f")],
            [("a", "f", '{"x":1}')],
            id="the same chunk twice",
        ),
        pytest.param(
            [piece("{", index=0, id="a"), piece("}", index=0, name="f")],
            [("a", "f", "{}")],
            id="the name comes late",
        ),
        pytest.param(
            [piece('{"x"', index=0, id="a", name="f"), piece(":1}", index=0, id="other", name="f")],
            [("a", "f", '{"x":1}')],
            id="a fresh id on each fragment",
        ),
    ],
)
def test_synthetic_tool_calls_are_collected(
    pieces: list[dict[str, Any]], calls: list[tuple[str, str, str]]
) -> None:
    data = sse(*(chunk({"tool_calls": [one]}) for one in pieces), chunk({}, "stop"))

    deltas = read_stream([data], a_deployment("openai"))
    completion = build(deltas)

    assert [(call.id, call.name, call.arguments) for call in completion.tool_calls] == calls
    assert completion.finish_reason == "tool_calls"
    indices = [one.index for delta in deltas for one in delta.tool_calls]
    assert sorted(set(indices)) == list(range(len(calls)))


def test_synthetic_ids_are_made_up_and_differ() -> None:
    calls = [piece("{}", index=0, name="f"), piece("{}", index=1, name="f")]

    completion = build(read_stream([sse(chunk({"tool_calls": calls}, "tool_calls"))], a_deployment("ollama")))

    first, second = completion.tool_calls
    assert first.id
    assert second.id
    assert first.id != second.id


def test_synthetic_legacy_function_call() -> None:
    data = sse(
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
        chunk({}, "function_call"),
    )

    completion = build(read_stream([data], a_deployment("openai")))

    assert [(call.name, call.arguments) for call in completion.tool_calls] == [("f", "{}")]
    assert (completion.finish_reason, completion.finish_reason_raw) == ("tool_calls", "function_call")


@pytest.mark.parametrize(
    ("said", "finish_reason"),
    [("eos", "stop"), ("error", "other"), ("something_new", "other"), ("tool_calls", "stop")],
)
def test_synthetic_finish_reasons(said: str, finish_reason: str) -> None:
    completion = build(read_stream([sse(chunk({"content": "x"}, said))], a_deployment("together")))

    assert (completion.finish_reason, completion.finish_reason_raw) == (finish_reason, said)


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        pytest.param({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, (0, 0), id="zero"),
        pytest.param({"prompt_tokens": -1, "completion_tokens": 5}, (None, 5), id="negative"),
        pytest.param({"prompt_tokens": 3, "completion_tokens": 10**15}, (3, None), id="huge"),
        pytest.param({"prompt_tokens": 3.0, "completion_tokens": 2.5}, (3, None), id="fractions"),
        pytest.param({"prompt_tokens": 3, "total_tokens": 5}, (3, 2), id="output from the total"),
        pytest.param({"prompt_tokens": "3", "completion_tokens": True}, None, id="no numbers"),
        pytest.param({}, None, id="empty"),
        pytest.param(None, None, id="null"),
    ],
)
def test_synthetic_usage(usage: Any, counts: tuple[int | None, int | None] | None) -> None:
    data = sse(chunk({"content": "x"}, "stop"), {"choices": [], "usage": usage}, "[DONE]")

    found = build(read_stream([data], a_deployment("openai"))).usage

    assert (found and (found.input_tokens, found.output_tokens)) == counts


def test_synthetic_groq_usage_in_its_own_field_alone() -> None:
    x_groq = {"id": "req_1", "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}}

    deltas = read_stream([sse(chunk({}, "stop", x_groq=x_groq))], a_deployment("groq"))

    usage = build(deltas).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (4, 2)


def test_synthetic_xai_usage_that_includes_the_reasoning_is_not_counted_twice() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 30,
        "total_tokens": 40,
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    data = sse(chunk({"content": "x"}, "stop", usage=usage))

    found = build(read_stream([data], a_deployment("xai"))).usage

    assert found is not None
    assert found.output_tokens == 30


def test_synthetic_fireworks_stream() -> None:
    data = sse(
        chunk({"role": "assistant", "reasoning_content": "Hm."}, perf_metrics=None, token_ids=[1]),
        chunk({"content": "Hi"}, raw_output={"a": 1}),
        chunk({}, "stop"),
        {
            "id": "c-1",
            "choices": [],
            "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
        },
        "[DONE]",
    )

    completion = build(read_stream([data], a_deployment("fireworks")))

    assert (completion.reasoning, completion.text, completion.finish_reason) == ("Hm.", "Hi", "stop")
    assert completion.usage is not None
    assert completion.usage.total_tokens == 5


def test_synthetic_stream_survives_what_it_does_not_know() -> None:
    data = (
        b"\xef\xbb\xbf\r\n: comment\r\nid: 7\r\nretry: 100\r\n"
        b'event: ping\r\ndata: {"type": "ping"}\r\n\r\n'
        b"data:\r\n\r\n"
        b'data:{"choices":[{"delta":{"content":"a","new":{"x":[1]}},"index":0}],"more":1}\r\n\r\n'
        b'data: {"choices":[{"delta":null,"index":0}]}\r\n\r\n'
        b'data: {"choices":[{"delta":{"content":7},"index":0,"logprobs":[]}]}\r\n\r\n'
        b'data: {"choices":null,"error":null}\r\n\r\n'
        b'data: {"choices":[{"delta":{"content":"b"},"index":1}]}\r\n\r\n'
        b'data: {"choices":[{"delta":{},"index":0,"finish_reason":"stop"}]}\r\n\r\n'
        b"data: [DONE]\r\n\r\ndata: after the end\r\n\r\n"
    )

    for size in (1, 7, len(data)):
        pieces = [data[place : place + size] for place in range(0, len(data), size)]
        completion = build(read_stream(pieces, a_deployment("openai")))
        assert (completion.text, completion.finish_reason) == ("a", "stop")


def test_synthetic_duplicate_chunks_are_tolerated() -> None:
    last = chunk({}, "stop", usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})

    completion = build(read_stream([sse(chunk({"content": "x"}), last, last, last)], a_deployment("openai")))

    assert (completion.text, completion.finish_reason) == ("x", "stop")
    assert completion.usage is not None
    assert completion.usage.total_tokens == 2


def test_stream_without_end_mark_is_whole_if_it_gave_a_finish_reason() -> None:
    assert build(read_stream([sse(chunk({"content": "x"}, "stop"))], a_deployment("openai"))).text == "x"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b": OPENROUTER PROCESSING\n\n", id="a comment alone"),
        pytest.param(sse(chunk({"content": "x"})), id="no finish reason"),
        pytest.param(sse(chunk({"content": "x"}), "[DONE]"), id="an end mark without finish reason"),
        pytest.param(sse(chunk({"content": "x"}))[:-20], id="cut inside an event"),
        pytest.param(sse("{oops"), id="garbage"),
        pytest.param(sse("null"), id="null"),
        pytest.param(sse('{"choices": "many"}'), id="choices that are none"),
        pytest.param(b"<html><title>502 Bad Gateway</title></html>", id="a page"),
        pytest.param(b"upstream connect error", id="plain text"),
        pytest.param(b'{"choices": []}', id="a whole body"),
        pytest.param(b"data: " + b"[" * 100_000 + b"\n\n", id="deep nesting"),
    ],
)
def test_stream_that_makes_no_sense_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(LLMProtocolError):
        read_stream([data], a_deployment("openai"))


def test_stream_cut_behind_its_finish_reason_is_whole() -> None:
    data = sse(chunk({"content": "x"}, "stop")) + b'data: {"choices":[],"usa'

    assert build(read_stream([data], a_deployment("openai"))).text == "x"


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        pytest.param(
            b'{"error":{"message":"Slow down","code":429}}', LLMRateLimitError, 429, id="plain json"
        ),
        pytest.param(b' \n{"error":"overloaded"}', LLMUnavailableError, 200, id="plain json, a bare string"),
        pytest.param(
            b'[{"error":{"code":503,"message":"busy"}}]', LLMUnavailableError, 503, id="a json list"
        ),
        pytest.param(
            b'data: {"error":{"type":"insufficient_quota","message":"no money"}}\n\n',
            LLMQuotaError,
            200,
            id="quota",
        ),
        pytest.param(
            sse(
                {"object": "error", "message": "context length 4096", "type": "BadRequestError", "code": 400}
            ),
            ContextTooLong,
            400,
            id="vllm",
        ),
        pytest.param(b"event: error\ndata: it broke\n\n", LLMUnavailableError, 200, id="an error in words"),
        pytest.param(
            sse({"choices": [{"index": 0, "delta": {}, "error": {"code": 502, "message": "upstream"}}]}),
            LLMUnavailableError,
            502,
            id="an error in a choice",
        ),
        pytest.param(
            sse({"choices": [], "x_groq": {"error": "over_capacity"}}),
            LLMUnavailableError,
            200,
            id="groq's own field",
        ),
        pytest.param(
            sse({"error": {"type": "rate_limit_error", "message": "busy"}}),
            LLMRateLimitError,
            200,
            id="by its type",
        ),
    ],
)
def test_synthetic_error_in_a_200_stream(data: bytes, kind: type[LLMError], status: int) -> None:
    for pieces in ([data], [data[place : place + 1] for place in range(len(data))]):
        with pytest.raises(kind) as caught:
            read_stream(pieces, a_deployment("groq"))
        assert caught.value.status == status
        assert not isinstance(caught.value, LLMProtocolError)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        pytest.param(b"", LLMProtocolError, 200, id="empty"),
        pytest.param(b"<html>hi</html>", LLMProtocolError, 200, id="a page"),
        pytest.param(b"ok", LLMProtocolError, 200, id="text"),
        pytest.param(b"{}", LLMProtocolError, 200, id="an empty object"),
        pytest.param(b'{"choices":[]}', LLMProtocolError, 200, id="no choices"),
        pytest.param(b'{"choices":[{}]}', LLMProtocolError, 200, id="no message"),
        pytest.param(
            b'{"error":{"message":"m","code":502}}', LLMUnavailableError, 502, id="an error with a code"
        ),
        pytest.param(b'{"error":{"message":"m","code":"402"}}', LLMQuotaError, 402, id="a code in digits"),
        pytest.param(
            b'{"choices":[{"message":{"content":""},"error":{"code":429,"message":"m"}}]}',
            LLMRateLimitError,
            429,
            id="an error in a choice",
        ),
        pytest.param(b'{"choices":[], "error":"down"}', LLMUnavailableError, 200, id="an error in words"),
    ],
)
def test_synthetic_200_that_is_no_answer(body: bytes, kind: type[LLMError], status: int) -> None:
    with pytest.raises(kind) as caught:
        DIALECT.decode(body, a_deployment("openrouter"))

    assert caught.value.status == status
    assert "OpenRouter API error" in caught.value.message


@pytest.mark.parametrize(
    ("status", "body", "provider", "kind", "is_retryable"),
    [
        pytest.param(
            402, '{"error":{"code":402,"message":"no credits"}}', "openrouter", LLMQuotaError, False
        ),
        pytest.param(403, '{"error":{"message":"no access"}}', "openai", LLMAuthenticationError, False),
        pytest.param(
            403,
            '{"error":{"code":403,"message":"flagged","metadata":{"reasons":["hate"]}}}',
            "openrouter",
            ContentFiltered,
            False,
        ),
        pytest.param(404, '{"error":{"code":"NOT_FOUND","message":"x"}}', "fireworks", ModelNotFound, False),
        pytest.param(408, "", "openai", LLMTimeoutError, True),
        pytest.param(412, '{"error":{"message":"suspended"}}', "fireworks", LLMQuotaError, False),
        pytest.param(413, '{"error":{"message":"Entity too large"}}', "groq", LLMRequestError, False),
        pytest.param(
            413,
            '{"error":{"message":"Request too large on tokens per minute (TPM): Limit 6000, Requested 8000",'
            '"type":"tokens","code":"rate_limit_exceeded"}}',
            "groq",
            ContextTooLong,
            False,
        ),
        pytest.param(
            422, '{"detail":[{"loc":["body","n"],"msg":"too small"}]}', "mistral", LLMRequestError, False
        ),
        pytest.param(
            400,
            '{"object":"error","message":{"detail":[{"loc":["body"],"msg":"too small"}]},"type":"x"}',
            "mistral",
            LLMRequestError,
            False,
        ),
        pytest.param(
            400, '{"error":{"code":"model_decommissioned","message":"gone"}}', "groq", ModelNotFound, False
        ),
        pytest.param(
            400,
            '{"code":"c","error":"Incorrect API key provided: ab***yz"}',
            "xai",
            LLMAuthenticationError,
            False,
        ),
        pytest.param(
            400,
            '[{"error":{"code":400,"message":"API key not valid."}}]',
            "gemini",
            LLMAuthenticationError,
            False,
        ),
        pytest.param(
            400, '{"error":{"code":"content_filter","message":"no"}}', "azure", ContentFiltered, False
        ),
        pytest.param(
            429, '{"error":{"type":"insufficient_quota","message":"pay"}}', "openai", LLMQuotaError, False
        ),
        pytest.param(429, "slow down", "vllm", LLMRateLimitError, True),
        pytest.param(498, '{"error":{"code":"capacity_exceeded"}}', "groq", LLMRateLimitError, True),
        pytest.param(500, "boom", "llamacpp", LLMUnavailableError, True),
        pytest.param(
            500,
            '{"error":{"code":500,"message":"Compute error.","type":"server_error"}}',
            "llamacpp",
            LLMUnavailableError,
            True,
        ),
        pytest.param(501, '{"error":{"message":"off"}}', "llamacpp", LLMUnavailableError, False),
        pytest.param(502, "<html><head><title>502 Bad Gateway</title>", "groq", LLMUnavailableError, True),
        pytest.param(503, '{"error":{"message":"overload"}}', "fireworks", LLMUnavailableError, True),
        pytest.param(504, "", "openai", LLMTimeoutError, True),
        pytest.param(529, "{}", "openai", LLMUnavailableError, True),
    ],
)
def test_synthetic_error_answers(
    status: int, body: str, provider: str, kind: type[LLMError], is_retryable: bool
) -> None:
    deployment = a_deployment(provider)

    error = DIALECT.decode_error(status, {}, body.encode(), deployment)

    assert type(error) is kind
    assert (error.status, error.is_retryable) == (status, is_retryable)
    assert f"{deployment.provider.label} API error" in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"[" * 50_000,
        b"null",
        b"[]",
        b"7",
        b'{"error":[]}',
        b'{"error":{"message":{"a":1}}}',
        b'"',
    ],
)
def test_synthetic_error_bodies_of_any_kind_are_survived(body: bytes) -> None:
    error = DIALECT.decode_error(500, {}, body, a_deployment("openai"))

    assert isinstance(error, LLMUnavailableError)


def test_synthetic_page_is_quoted_by_its_title_and_the_message_stays_short() -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head>" + b"<p>x</p>" * 10_000

    error = DIALECT.decode_error(502, {}, page, a_deployment("groq"))

    assert "502 Bad Gateway" in error.message
    assert len(error.message) < 600


def test_synthetic_secrets_leave_the_message() -> None:
    said = "Bad key: sk-abcdef1234567890 of organization org_01hxyz9876543210 (key provided: no***pe)"
    body = json.dumps({"error": {"message": said}}).encode()

    error = DIALECT.decode_error(401, {}, body, a_deployment("openai", api_key="sk-abcdef1234567890"))

    assert not any(word in error.message for word in ("abcdef", "01hxyz", "no***pe"))


def test_synthetic_delay_of_an_upstream_and_of_google_is_found_in_the_body() -> None:
    openrouter = {"error": {"code": 429, "message": "m", "metadata": {"headers": {"Retry-After": "7"}}}}
    google = {"error": {"code": 429, "message": "m", "details": [{"retryDelay": "48s"}]}}

    def delay(body: dict[str, Any]) -> float | None:
        return DIALECT.decode_error(
            429, {}, json.dumps(body).encode(), a_deployment("openrouter")
        ).retry_after_s

    assert (delay(openrouter), delay(google)) == (7.0, 48.0)


def test_synthetic_provider_has_the_last_word_on_retrying() -> None:
    error = DIALECT.decode_error(503, {"x-should-retry": "false"}, b"{}", a_deployment("openai"))

    assert error.is_retryable is False


def encoded(request: CompletionRequest, deployment: Deployment | None = None) -> dict[str, Any]:
    return json.loads(DIALECT.encode(request, deployment or a_deployment("openai")).body)


def test_request_goes_to_the_endpoint_with_the_key() -> None:
    request = DIALECT.encode(CompletionRequest(model="m", messages=(user("Hi"),)), a_deployment("groq"))

    assert (request.method, request.url) == ("POST", "https://api.groq.com/openai/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer a-key"
    assert request.headers["content-type"] == "application/json"


def test_request_without_a_key_has_no_authorization() -> None:
    request = CompletionRequest(model="m", messages=(user("Hi"),))

    assert "authorization" not in DIALECT.encode(request, a_deployment("ollama", api_key=None)).headers


def test_path_goes_before_the_query_of_an_azure_address() -> None:
    deployment = a_deployment("azure")
    azure = Deployment(
        provider=deployment.provider,
        model="m",
        base_url="https://r.azure.com/openai/deployments/d?api-version=1",
    )

    url = DIALECT.encode(CompletionRequest(model="m", messages=()), azure).url

    assert url == "https://r.azure.com/openai/deployments/d/chat/completions?api-version=1"


def test_request_for_tools_in_a_stream_looks_like_the_recorded_one() -> None:
    recorded = find_exchange("a22c025f34ed").request
    calls = recorded["messages"][1]["tool_calls"]
    request = CompletionRequest(
        model="gpt-4o",
        messages=(
            user(recorded["messages"][0]["content"]),
            Message("assistant", tuple(ToolCall(call["id"], call["function"]["name"]) for call in calls)),
            *(
                Message("tool", (ToolResult(said["tool_call_id"], (Text(said["content"]),)),))
                for said in recorded["messages"][2:]
            ),
        ),
        tools=tuple(Tool(**tool["function"]) for tool in recorded["tools"]),
        tool_choice=ToolChoice("required"),
        stream=True,
    )

    body = encoded(request, a_deployment("openai", "gpt-4o"))

    recorded["messages"][1]["content"] = None
    assert {key: body[key] for key in recorded} == recorded


def test_request_for_a_schema_looks_like_the_recorded_one() -> None:
    recorded = find_exchange("eddb4f87e282").request
    said = recorded["response_format"]["json_schema"]
    request = CompletionRequest(
        model="m",
        messages=(user("Hi"),),
        output_format=OutputFormat(schema=said["schema"], name=said["name"], strict=said["strict"]),
    )

    assert encoded(request)["response_format"] == recorded["response_format"]


def test_request_with_files_looks_like_the_recorded_ones() -> None:
    image = find_exchange("e132b9d136a7").request["messages"][-1]["content"][1]
    sound = find_exchange("4582832c284f").request["messages"][-1]["content"][1]
    document = find_exchange("bc8330477679").request["messages"][-1]["content"][0]

    def base64_of(url: str) -> str:
        return url.partition("base64,")[2]

    parts = (
        Image(base64_of(image["image_url"]["url"]), "image/png"),
        File(sound["input_audio"]["data"], "audio/mpeg"),
        File(base64_of(document["file"]["file_data"]), "application/pdf", name="filename.pdf"),
    )

    body = encoded(CompletionRequest(model="m", messages=(Message("user", parts),)))

    assert body["messages"] == [{"role": "user", "content": [image, sound, document]}]


def test_earlier_reasoning_goes_back_to_openrouter_as_recorded_and_to_nobody_else() -> None:
    recorded = find_exchange("ce7821acb44f").request["messages"][1]["reasoning_details"][0]
    thought = Reasoning(encrypted=recorded["data"], id=recorded["id"])
    request = CompletionRequest(model="m", messages=(Message("assistant", (thought, Text("Hi"))),))

    to_openrouter = encoded(request, a_deployment("openrouter"))["messages"][0]
    to_deepseek = encoded(request, a_deployment("deepseek"))["messages"][0]

    details = to_openrouter["reasoning_details"]
    assert details == [{key: recorded[key] for key in ("type", "data", "id")}]
    assert to_deepseek == {"role": "assistant", "content": "Hi"}


def test_neutral_fields_have_their_words() -> None:
    request = CompletionRequest(
        model="m",
        messages=(
            system("Be brief."),
            user("Hi"),
            assistant("Hello"),
            Message("user", (Text("a"), Text("b"))),
        ),
        max_tokens=5,
        temperature=0.0,
        top_p=0.5,
        stop=("x",),
        seed=0,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        reasoning_effort="low",
        logprobs=True,
        top_logprobs=2,
        user="u",
        tools=(Tool("f"),),
        tool_choice=ToolChoice("tool", "f"),
        parallel_tool_calls=False,
        output_format=OutputFormat(),
    )

    assert encoded(request) == {
        "model": "a-model",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        ],
        "max_tokens": 5,
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ["x"],
        "seed": 0,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "reasoning_effort": "low",
        "logprobs": True,
        "top_logprobs": 2,
        "user": "u",
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
    }


def test_pictures_of_tools_follow_as_a_users_message_after_all_results() -> None:
    picture = Image(url="https://example.com/a.png")
    request = CompletionRequest(
        model="m",
        messages=(
            Message("tool", (ToolResult("a", (Text("seen"), picture)),)),
            Message("tool", (ToolResult("b", (Text("done"),)),)),
            user("And?"),
        ),
    )

    roles = [(said["role"], said.get("tool_call_id")) for said in encoded(request)["messages"]]

    assert roles == [("tool", "a"), ("tool", "b"), ("user", None), ("user", None)]


def test_native_body_passes_through_with_what_we_do_not_know() -> None:
    body = {"model": "alias", "messages": [{"role": "user", "content": "Hi"}], "new_field": {"x": 1}, "n": 2}
    native = NativeBody("openai-chat", body)
    request = CompletionRequest(model="alias", messages=(), native=native, untranslatable=("new_field",))

    assert encoded(request) == {**body, "model": "a-model"}
    assert body["model"] == "alias"


def test_native_stream_asks_for_usage_and_keeps_other_options() -> None:
    body = {"messages": [], "stream": True, "stream_options": {"include_obfuscation": False}}
    request = CompletionRequest(model="m", messages=(), stream=True, native=NativeBody("openai-chat", body))

    assert encoded(request)["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert "stream_options" not in encoded(request, a_deployment("openai", quirks=["no_stream_options"]))


def test_native_stream_is_asked_whole_when_a_whole_answer_is_wanted() -> None:
    body = {"messages": [], "stream": True, "stream_options": {"include_usage": True}}
    request = CompletionRequest(model="m", messages=(), native=NativeBody("openai-chat", body))

    assert encoded(request).keys() == {"messages", "model"}


@pytest.mark.parametrize("is_native", [True, False], ids=["native", "built"])
def test_what_the_model_refuses_is_left_out_with_a_note(is_native: bool) -> None:
    body = {"messages": [], "temperature": 0.7, "max_tokens": 9, "tool_choice": "required"}
    request = CompletionRequest(
        model="m",
        messages=(),
        temperature=0.7,
        max_tokens=9,
        tool_choice=ToolChoice("required"),
        native=NativeBody("openai-chat", body) if is_native else None,
    )
    plain = a_deployment("openai", "gpt-6-luna")
    traits = ModelTraits(
        refuses=plain.traits.refuses | {"forced_tool_choice"}, wants_max_completion_tokens=True
    )
    deployment = Deployment(provider=plain.provider, model="gpt-6-luna", base_url="https://a", traits=traits)

    sent = DIALECT.encode(request, deployment)

    said = json.loads(sent.body)
    assert "temperature" not in said
    assert "max_tokens" not in said
    assert (said["max_completion_tokens"], said["tool_choice"]) == (9, "auto")
    assert any("temperature" in note for note in sent.notes)
    assert len(sent.notes) == 2


def test_schema_is_asked_for_in_words_where_the_model_knows_none() -> None:
    request = CompletionRequest(
        model="m", messages=(user("Hi"),), output_format=OutputFormat(schema={"type": "object", "title": "T"})
    )

    sent = DIALECT.encode(request, a_deployment("openai", "gpt-4"))

    said = json.loads(sent.body)
    assert said["response_format"] == {"type": "json_object"}
    assert '"title":"T"' in said["messages"][0]["content"]
    assert sent.notes


def test_what_has_no_word_is_noted() -> None:
    request = CompletionRequest(model="m", messages=(), top_k=5, unmodelled=("verbosity",))

    sent = DIALECT.encode(request, a_deployment("openai"))

    assert len(sent.notes) == 2
    assert any("top_k" in note for note in sent.notes)
    assert any("verbosity" in note for note in sent.notes)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(
            CompletionRequest(model="m", messages=(), untranslatable=("thinking",)), id="untranslatable"
        ),
        pytest.param(CompletionRequest(model="m", messages=(), n=2), id="two answers"),
        pytest.param(
            CompletionRequest(
                model="m", messages=(Message("user", (File(url="https://example.com/a.pdf"),)),)
            ),
            id="a file by its address",
        ),
    ],
)
def test_meaning_that_would_be_lost_is_an_error(request_: CompletionRequest) -> None:
    with pytest.raises(NotExpressible):
        DIALECT.encode(request_, a_deployment("openai"))


EMBEDDINGS = [
    exchange
    for exchange in load_exchanges(["embeddings"])
    if exchange.path.partition("?")[0].endswith("/embeddings") and not exchange.is_error
]


@pytest.mark.parametrize("exchange", EMBEDDINGS, ids=str)
def test_embeddings_are_read_plain_and_packed(exchange: Exchange) -> None:
    said = json.loads(exchange.body)

    embeddings = DIALECT.decode_embeddings(exchange.data, a_deployment(exchange.provider))

    inputs = exchange.request["input"]
    assert len(embeddings.vectors) == (len(inputs) if isinstance(inputs, list) else 1)
    if dimensions := exchange.request.get("dimensions"):
        assert {len(vector) for vector in embeddings.vectors} == {dimensions}
    if isinstance(said["data"][0]["embedding"], list):
        assert list(embeddings.vectors[0]) == said["data"][0]["embedding"]
    elif exchange.provider != "perplexity":  # OpenAI's vectors have length 1
        assert sum(number * number for number in embeddings.vectors[0]) == pytest.approx(1.0, abs=1e-3)
    else:
        assert all(number == int(number) and -128 <= number < 128 for number in embeddings.vectors[0])
    assert embeddings.usage is not None
    assert embeddings.usage.input_tokens == said["usage"]["prompt_tokens"]
    assert embeddings.usage.total_tokens == said["usage"]["total_tokens"]
    assert embeddings.model == said["model"]


def test_synthetic_embeddings_come_in_the_order_of_their_index() -> None:
    body = {"data": [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1]}]}

    embeddings = DIALECT.decode_embeddings(json.dumps(body).encode(), a_deployment("openai"))

    assert embeddings.vectors == ((1.0,), (2.0,))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", LLMProtocolError),
        (b'{"data":[]}', LLMProtocolError),
        (b'{"data":[{"embedding":"%%"}]}', LLMProtocolError),
        (b'{"data":[{"embedding":null}]}', LLMProtocolError),
        (b"<html>", LLMProtocolError),
        (b'{"error":{"code":429,"message":"m"}}', LLMRateLimitError),
    ],
)
def test_synthetic_200_without_embeddings(body: bytes, kind: type[LLMError]) -> None:
    with pytest.raises(kind):
        DIALECT.decode_embeddings(body, a_deployment("openai"))


def test_embeddings_request() -> None:
    request = EmbeddingRequest(model="m", inputs=("a", "b"), dimensions=8)

    sent = DIALECT.encode_embeddings(request, a_deployment("mistral", "mistral-embed"))

    assert sent.url == "https://api.mistral.ai/v1/embeddings"
    assert json.loads(sent.body) == {
        "model": "mistral-embed",
        "input": ["a", "b"],
        "encoding_format": "float",
        "dimensions": 8,
    }


MODEL_LISTS = [
    exchange
    for exchange in load_exchanges(["models"])
    if not exchange.is_error and isinstance(json.loads(exchange.body).get("data"), list)
]


@pytest.mark.parametrize("exchange", MODEL_LISTS, ids=str)
def test_models_are_listed(exchange: Exchange) -> None:
    said = json.loads(exchange.body)

    assert list(DIALECT.decode_models(exchange.data)) == [model["id"] for model in said["data"]]


def test_synthetic_bare_list_of_models_and_a_body_that_is_none() -> None:
    assert list(DIALECT.decode_models(b'[{"id":"a"},{"id":"b"}]')) == ["a", "b"]
    with pytest.raises(LLMProtocolError):
        DIALECT.decode_models(b"<html>")
    assert DIALECT.encode_models(a_deployment("zai")).url == "https://api.z.ai/api/paas/v4/models"
