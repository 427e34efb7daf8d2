"""The Gemini generateContent dialect against recorded and synthetic traffic."""

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
    LLMRateLimitError,
    LLMRequestError,
    LLMTimeoutError,
    LLMUnavailableError,
    ModelNotFound,
    NotExpressible,
)
from officium.core.llm.json_array import JsonArrayItems
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
from officium.core.llm.providers.gemini_generate import GeminiGenerate
from tests.support.recordings import (
    Exchange,
    a_deployment,
    find_exchange,
    load_exchanges,
    needs_all_recordings,
)

DIALECT = GeminiGenerate()
EXCHANGES = load_exchanges(["gemini-generate"])
ERRORS = [exchange for exchange in EXCHANGES if exchange.is_error]
ARRAYS = [
    exchange for exchange in EXCHANGES if exchange.body.lstrip().startswith("[") and not exchange.is_error
]
STREAMS = [exchange for exchange in EXCHANGES if exchange.is_stream] + ARRAYS
WHOLE = [exchange for exchange in EXCHANGES if exchange not in STREAMS and not exchange.is_error]
REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "MODEL_ARMOR": "content_filter",
}


def a_gemini(model: str = "gemini-2.5-flash", **changed: Any) -> Deployment:
    return a_deployment("gemini", model, **changed)


def read_stream(data: bytes, cuts: list[int] | None = None) -> list[Delta]:
    decoder = DIALECT.stream_decoder(a_gemini())
    deltas: list[Delta] = []
    for start, end in itertools.pairwise([0, *(cuts or []), len(data)]):
        deltas += decoder.feed(data[start:end])
    return deltas + list(decoder.close())


def build(deltas: list[Delta]) -> Completion:
    builder = CompletionBuilder()
    for delta in deltas:
        builder.add(delta)
    return builder.build()


def chunks_of(exchange: Exchange) -> list[dict[str, Any]]:
    if exchange.body.lstrip().startswith(("{", "[")):
        said = json.loads(exchange.body)
        return said if isinstance(said, list) else [said]
    return [json.loads(line[5:]) for line in exchange.body.splitlines() if line.startswith("data:")]


def assert_reads_as(completion: Completion, chunks: list[dict[str, Any]]) -> None:
    candidates = [(chunk.get("candidates") or [{}])[0] for chunk in chunks]
    parts = [part for said in candidates for part in said.get("content", {}).get("parts", [])]
    calls = [part for part in parts if "functionCall" in part]
    assert completion.text == "".join(part.get("text", "") for part in parts if not part.get("thought"))
    assert completion.reasoning == "".join(part.get("text", "") for part in parts if part.get("thought"))
    assert [(call.name, json.loads(call.arguments), call.signature) for call in completion.tool_calls] == [
        (part["functionCall"]["name"], part["functionCall"].get("args", {}), part.get("thoughtSignature"))
        for part in calls
    ]
    sent_ids = [part["functionCall"].get("id") for part in calls]
    assert all(sent in (None, call.id) for sent, call in zip(sent_ids, completion.tool_calls, strict=True))
    assert len({call.id for call in completion.tool_calls}) == len(calls)
    text_marks = [part["thoughtSignature"] for part in parts if "text" in part and "thoughtSignature" in part]
    assert [
        part.signature for part in completion.parts if isinstance(part, Text) and part.signature
    ] == text_marks
    reason = next((said["finishReason"] for said in reversed(candidates) if "finishReason" in said), None)
    blocked = chunks[0].get("promptFeedback", {}).get("blockReason")
    assert completion.finish_reason_raw == (reason or blocked)
    if reason == "STOP" and calls:
        assert completion.finish_reason == "tool_calls"
    else:
        assert completion.finish_reason == (REASONS[reason] if reason else "content_filter")
    assert completion.id == chunks[0]["responseId"]
    assert completion.model == chunks[0]["modelVersion"]


def assert_counts_as(completion: Completion, usage: dict[str, int]) -> None:
    counts = completion.usage
    if "promptTokenCount" not in usage:
        assert counts is None
        return
    assert counts is not None
    assert counts.input_tokens == usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
    assert counts.output_tokens == usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    assert counts.reasoning_tokens == usage.get("thoughtsTokenCount")
    assert counts.cached_tokens == usage.get("cachedContentTokenCount")
    assert counts.total_tokens == usage["totalTokenCount"]


@pytest.mark.parametrize("exchange", WHOLE, ids=str)
def test_recorded_answer_is_read_whole(exchange: Exchange) -> None:
    completion = DIALECT.decode(exchange.data, a_gemini())

    chunks = chunks_of(exchange)
    assert_reads_as(completion, chunks)
    assert_counts_as(completion, chunks[-1]["usageMetadata"])
    assert completion.raw == exchange.data


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_recorded_stream_adds_up_and_its_last_usage_counts(exchange: Exchange) -> None:
    completion = build(read_stream(exchange.data))

    chunks = chunks_of(exchange)
    assert_reads_as(completion, chunks)
    assert_counts_as(completion, chunks[-1]["usageMetadata"])


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_stream_is_the_same_wherever_the_bytes_are_cut(exchange: Exchange) -> None:
    data = exchange.data
    rng = random.Random(exchange.id)

    uncut = read_stream(data)

    assert read_stream(data, list(range(1, len(data)))) == uncut
    assert read_stream(data, sorted(rng.sample(range(1, len(data)), k=min(40, len(data) - 1)))) == uncut


@needs_all_recordings
def test_both_ways_to_stream_are_recorded() -> None:
    assert ARRAYS
    assert any(b"\r\n" in exchange.data for exchange in STREAMS)


@pytest.mark.parametrize("exchange", ERRORS, ids=str)
def test_recorded_error_is_typed(exchange: Exchange) -> None:
    said = json.loads(exchange.body)["error"]
    expected = {400: LLMRequestError, 404: ModelNotFound, 429: LLMRateLimitError}[exchange.status]
    if "API_KEY_INVALID" in exchange.body:
        expected = LLMAuthenticationError

    error = DIALECT.decode_error(exchange.status, exchange.headers, exchange.data, a_gemini())

    assert type(error) is expected
    assert error.provider_code == said["status"]
    assert " ".join(said["message"].split())[:400] in error.message
    assert error.is_retryable == (exchange.status == 429)
    delays = [detail["retryDelay"] for detail in said.get("details", ()) if "retryDelay" in detail]
    assert error.retry_after_s == (float(delays[0].removesuffix("s")) if delays else None)


def an_error(code: int, status: str, message: str = "It went wrong.", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, **more}}


DELAY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}
INVALID_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


@pytest.mark.parametrize(
    ("status", "said", "expected", "is_retryable"),
    [
        pytest.param(400, an_error(400, "INVALID_ARGUMENT"), LLMRequestError, False, id="400"),
        pytest.param(
            400,
            an_error(400, "INVALID_ARGUMENT", details=[INVALID_KEY]),
            LLMAuthenticationError,
            False,
            id="bad-key",
        ),
        pytest.param(
            400,
            an_error(
                400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens (8)."
            ),
            ContextTooLong,
            False,
            id="too-long",
        ),
        pytest.param(401, an_error(401, "UNAUTHENTICATED"), LLMAuthenticationError, False, id="401"),
        pytest.param(403, an_error(403, "PERMISSION_DENIED"), LLMAuthenticationError, False, id="403"),
        pytest.param(
            429, an_error(429, "RESOURCE_EXHAUSTED", details=[DELAY]), LLMRateLimitError, True, id="429"
        ),
        pytest.param(500, an_error(500, "INTERNAL"), LLMUnavailableError, True, id="500"),
        pytest.param(503, an_error(503, "UNAVAILABLE"), LLMUnavailableError, True, id="503"),
        pytest.param(504, an_error(504, "DEADLINE_EXCEEDED"), LLMTimeoutError, True, id="504"),
        pytest.param(503, [an_error(503, "UNAVAILABLE")], LLMUnavailableError, True, id="in-a-list"),
        pytest.param(429, {"error": "slow down"}, LLMRateLimitError, True, id="string"),
        pytest.param(500, [], LLMUnavailableError, True, id="empty-list"),
        pytest.param(500, {"error": {"details": "none"}}, LLMUnavailableError, True, id="odd-details"),
    ],
)
def test_synthetic_error_is_typed(
    status: int, said: Any, expected: type[LLMError], is_retryable: bool
) -> None:
    error = DIALECT.decode_error(status, {}, json.dumps(said).encode(), a_gemini())

    assert type(error) is expected
    assert error.is_retryable is is_retryable
    assert error.retry_after_s == (1.5 if "retryDelay" in json.dumps(said) else None)


def a_chunk(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}} | fields
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "gemini"}


def sse(*chunks: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks)


def test_synthetic_error_in_a_stream_comes_after_the_text_before_it() -> None:
    decoder = DIALECT.stream_decoder(a_gemini())

    deltas: list[Delta] = []
    with pytest.raises(LLMUnavailableError) as raised:
        deltas.extend(decoder.feed(sse(a_chunk({"text": "So"}), an_error(503, "UNAVAILABLE"))))

    assert "".join(delta.text for delta in deltas) == "So"
    assert raised.value.status == 200


def test_synthetic_error_in_an_array_is_typed() -> None:
    data = json.dumps([an_error(429, "RESOURCE_EXHAUSTED", details=[DELAY])]).encode()

    with pytest.raises(LLMRateLimitError) as raised:
        read_stream(data)

    assert raised.value.retry_after_s == 1.5


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(sse(a_chunk({"text": "So"})), id="no-finish-reason"),
        pytest.param(json.dumps([a_chunk({"text": "So"})]).encode(), id="array-without-finish-reason"),
        pytest.param(
            json.dumps([a_chunk({"text": "So"}, finishReason="STOP")]).encode()[:-20], id="array-cut"
        ),
        pytest.param(b"data: {broken\r\n\r\n", id="no-json"),
        pytest.param(b"<html>Busy</html>", id="html"),
        pytest.param(b'data: {"candidates": 7}\n\n', id="wrong-shape"),
        pytest.param(b'data: {"news": 7}\n\n', id="no-candidates"),
        pytest.param(b'data: {"candidates": [], "x": 1e999}\n\n', id="number-out-of-range"),
        pytest.param(b"data: " + b'{"candidates":' * 50_000 + b"\n\n", id="nested-without-end"),
    ],
)
def test_synthetic_stream_that_makes_no_sense_is_an_error(data: bytes) -> None:
    with pytest.raises(LLMProtocolError):
        read_stream(data)


def test_synthetic_blocked_prompt_ends_a_stream() -> None:
    data = sse(
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 3}}
    )

    completion = build(read_stream(data))

    assert (completion.finish_reason, completion.finish_reason_raw) == (
        "content_filter",
        "PROHIBITED_CONTENT",
    )


@pytest.mark.parametrize("layout", [None, 2], ids=["tight", "indented"])
def test_synthetic_array_of_tricky_texts_is_cut_into_its_objects(layout: int | None) -> None:
    texts = ['a "}] \\', "{[\n", "日本語 \\u0041", ""]
    chunks = [a_chunk({"text": text}) for text in texts]
    chunks[-1]["candidates"][0]["finishReason"] = "STOP"
    data = json.dumps(chunks, indent=layout, ensure_ascii=False).encode()

    whole = read_stream(data)

    assert [delta.text for delta in whole] == texts
    assert read_stream(data, list(range(1, len(data)))) == whole


def test_array_that_breaks_off_in_an_object_is_an_error() -> None:
    items = JsonArrayItems()
    list(items.feed(b'[{"a": "}"'))

    with pytest.raises(LLMProtocolError):
        items.close()


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("RECITATION", "content_filter"),
        ("SPII", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "other"),
        ("UNEXPECTED_TOOL_CALL", "other"),
        ("MOONRISE", "other"),
        (2, "length"),
        (99, "other"),
    ],
)
def test_synthetic_finish_reason_is_understood(raw: str | int, meant: str) -> None:
    completion = DIALECT.decode(json.dumps(a_chunk(finishReason=raw)).encode(), a_gemini())

    assert completion.finish_reason == meant


def test_synthetic_parts_nobody_knows_are_survived() -> None:
    parts = (
        {"executableCode": {"code": "1"}},
        {"inlineData": {"data": "AA"}},
        {"hologram": [1]},
        {"text": "So"},
    )

    completion = DIALECT.decode(
        json.dumps(a_chunk(*parts, finishReason="STOP", groundingMetadata={})).encode(), a_gemini()
    )

    assert completion.parts == (Text("So"),)


def test_synthetic_logprobs_are_read() -> None:
    result = {
        "chosenCandidates": [{"token": "So", "logProbability": -0.5}, {"token": "!", "logProbability": -1.5}],
        "topCandidates": [
            {"candidates": [{"token": "So", "logProbability": -0.5}, {"token": "No", "logProbability": -2}]}
        ],
    }

    completion = DIALECT.decode(
        json.dumps(a_chunk({"text": "So!"}, finishReason="STOP", logprobsResult=result)).encode(), a_gemini()
    )

    assert completion.logprobs == (
        TokenLogprob("So", -0.5, (("So", -0.5), ("No", -2.0))),
        TokenLogprob("!", -1.5),
    )


def test_made_up_ids_of_calls_differ_and_are_the_same_each_time() -> None:
    data = find_exchange("697f09c92444").data

    first, second = build(read_stream(data)), build(read_stream(data))

    assert len({call.id for call in first.tool_calls}) == 2
    assert first == second


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"candidates": 3}', b"[" * 100_000, b"\xff"])
def test_whole_answer_that_makes_no_sense_is_an_error(body: bytes) -> None:
    with pytest.raises(LLMProtocolError):
        DIALECT.decode(body, a_gemini())


# What our encoder writes beside what the recorded clients wrote.


def neutral_part(part: dict[str, Any]) -> Part:
    if call := part.get("functionCall"):
        id = call.get("id", "gemini_call_of_" + call["name"])
        return ToolCall(id, call["name"], json.dumps(call.get("args", {})), part.get("thoughtSignature"))
    if result := part.get("functionResponse"):
        text = Text(json.dumps(result["response"]))
        return ToolResult(result.get("id", "gemini_call_of_" + result["name"]), (text,))
    if data := part.get("inlineData"):
        kind = Image if data["mimeType"].startswith("image/") else File
        return kind(data=data["data"], media_type=data["mimeType"])
    return Text(part["text"], part.get("thoughtSignature"))


def neutral_request(body: dict[str, Any], model: str) -> CompletionRequest:
    messages = [system(part["text"]) for part in (body.get("systemInstruction") or {}).get("parts", [])]
    for turn in body["contents"]:
        parts = tuple(neutral_part(part) for part in turn["parts"])
        has_results = any(isinstance(part, ToolResult) for part in parts)
        role = "tool" if has_results else {"user": "user", "model": "assistant"}[turn["role"]]
        messages.append(Message(role, parts))  # type: ignore[arg-type]
    config = body.get("generationConfig") or {}
    calling = ((body.get("toolConfig") or {}).get("functionCallingConfig")) or {}
    names = calling.get("allowedFunctionNames")
    modes = {"AUTO": "auto", "NONE": "none", "ANY": "tool" if names else "required"}
    is_strict = calling.get("mode") == "VALIDATED" or None
    choice = None
    if calling and not is_strict:
        choice = ToolChoice(modes[calling["mode"]], names[0] if names else None)  # type: ignore[arg-type]
    is_json = config.get("responseMimeType") == "application/json"
    return CompletionRequest(
        model=model,
        messages=tuple(messages),
        max_tokens=config.get("maxOutputTokens"),
        temperature=config.get("temperature"),
        top_p=config.get("topP"),
        seed=config.get("seed"),
        stop=tuple(config.get("stopSequences", ())),
        tools=tuple(
            Tool(tool["name"], tool.get("description"), tool.get("parametersJsonSchema", {}), is_strict)
            for group in body.get("tools") or ()
            for tool in group["functionDeclarations"]
        ),
        tool_choice=choice,
        output_format=OutputFormat(config.get("responseJsonSchema")) if is_json else None,
    )


def plain(body: dict[str, Any]) -> dict[str, Any]:
    """A body without what says nothing: nulls, defaults, the role of the system text, empty objects."""
    body = json.loads(json.dumps(body))
    (body.get("systemInstruction") or {}).pop("role", None)
    config = body.get("generationConfig") or {}
    config.pop("responseModalities", None)
    if config.get("candidateCount") == 1:
        del config["candidateCount"]
    for group in body.get("tools") or ():
        if group.get("codeExecution", 0) is None:
            del group["codeExecution"]
        for tool in group["functionDeclarations"]:
            if not tool.get("parametersJsonSchema", True):
                del tool["parametersJsonSchema"]
    return {name: value for name, value in body.items() if value}


OTHER_WORDS = {
    "parameters": "parametersJsonSchema",
    "parameters_json_schema": "parametersJsonSchema",
    "responseSchema": "responseJsonSchema",
}


def asked(exchange: Exchange) -> dict[str, Any]:
    """A recorded request, with schemas under their present name and without `thought: false`."""
    body = json.loads(json.dumps(exchange.request))
    turns = [*body["contents"], body.get("systemInstruction") or {"parts": []}]
    declared = [tool for group in body.get("tools") or () for tool in group.get("functionDeclarations", ())]
    for said in [*declared, body.get("generationConfig") or {}]:
        for word in OTHER_WORDS.keys() & said.keys():
            said[OTHER_WORDS[word]] = said.pop(word)
    for turn in turns:
        for part in turn["parts"] if isinstance(turn["parts"], list) else ():
            if part.get("thought") is False:
                del part["thought"]
    return body


def is_expressible(body: dict[str, Any]) -> bool:
    """Whether a body uses only the words our encoder uses, too."""
    known = {"contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "safetySettings"}
    config = {
        "maxOutputTokens", "temperature", "topP", "seed", "stopSequences", "responseMimeType",
        "responseJsonSchema", "responseModalities", "candidateCount",
    }  # fmt: skip
    tools = [tool for group in body.get("tools") or () for tool in group.get("functionDeclarations", [{}])]
    parts = [part for turn in body.get("contents", ()) for part in turn["parts"]]
    words = {"text", "functionCall", "functionResponse", "inlineData", "thoughtSignature"}
    instruction = (body.get("systemInstruction") or {}).get("parts", [])
    names = ((body.get("toolConfig") or {}).get("functionCallingConfig") or {}).get(
        "allowedFunctionNames", []
    )
    return (
        set(body) <= known
        and not body.get("safetySettings")
        and set(body.get("generationConfig") or ()) <= config
        and (body.get("generationConfig") or {}).get("candidateCount", 1) == 1
        and all(
            set(tool) <= {"name", "description", "parametersJsonSchema"} and "name" in tool for tool in tools
        )
        and all(set(part) <= words for part in parts)
        and all("parts" not in part.get("functionResponse", {}) for part in parts)
        and isinstance(instruction, list)
        and all(set(part) == {"text"} for part in instruction)
        and "includeServerSideToolInvocations" not in (body.get("toolConfig") or {})
        and len(names) <= 1
    )


REQUESTS = [exchange for exchange in EXCHANGES if exchange.status == 200 and is_expressible(asked(exchange))]


@pytest.mark.parametrize("exchange", REQUESTS, ids=str)
def test_request_is_written_as_a_recorded_client_wrote_it(exchange: Exchange) -> None:
    model = exchange.path.split("/models/")[1].split(":")[0]
    request = neutral_request(asked(exchange), model)

    encoded = DIALECT.encode(request, a_gemini(model))

    assert plain(json.loads(encoded.body)) == plain(asked(exchange))
    assert encoded.notes == ()


@needs_all_recordings
def test_enough_recorded_requests_are_compared() -> None:
    assert len(REQUESTS) >= 12


def ask(*messages: Message, **fields: Any) -> CompletionRequest:
    return CompletionRequest(model="m", messages=messages or (user("Hi"),), **fields)


def encode(
    request: CompletionRequest, model: str = "gemini-2.5-flash"
) -> tuple[dict[str, Any], tuple[str, ...]]:
    encoded = DIALECT.encode(request, a_gemini(model))
    return json.loads(encoded.body), encoded.notes


@pytest.mark.parametrize(
    ("is_streamed", "method"), [(False, "generateContent"), (True, "streamGenerateContent?alt=sse")]
)
def test_request_goes_to_the_models_method_with_the_key_in_a_header(is_streamed: bool, method: str) -> None:
    encoded = DIALECT.encode(ask(stream=is_streamed), a_gemini("models/gemini-2.5-pro"))

    assert encoded.url == f"https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:{method}"
    assert encoded.headers["x-goog-api-key"] == "a-key"


def test_model_name_cannot_leave_its_place_in_the_address() -> None:
    encoded = DIALECT.encode(ask(), a_gemini("../secret?x=1#"))

    assert encoded.url.endswith("/models/..%2Fsecret%3Fx%3D1%23:generateContent")


def test_results_of_parallel_calls_stand_in_one_turn_under_their_functions_names() -> None:
    body, _ = encode(
        ask(
            user("Go"),
            Message("assistant", (ToolCall("a", "f"), ToolCall("gemini_call_r1_1", "g", '{"x": 1}', "sig"))),
            Message("tool", (ToolResult("a", (Text("one"),)),)),
            Message("tool", (ToolResult("gemini_call_r1_1", (Text('{"y": 2}'),)),)),
        )
    )

    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "f", "args": {}, "id": "a"}},
                {"functionCall": {"name": "g", "args": {"x": 1}}, "thoughtSignature": "sig"},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"result": "one"}, "id": "a"}},
                {"functionResponse": {"name": "g", "response": {"y": 2}}},
            ],
        },
    ]


def test_result_without_its_call_is_refused() -> None:
    with pytest.raises(NotExpressible):
        encode(ask(Message("tool", (ToolResult("lost", (Text("1"),)),))))


def test_failed_result_says_so() -> None:
    body, _ = encode(ask(Message("tool", (ToolResult("a", (Text("no"),), name="f", is_error=True),))))

    assert body["contents"][0]["parts"][0]["functionResponse"]["response"] == {"error": "no"}


@pytest.mark.parametrize(
    ("model", "is_marked"), [("gemini-2.5-pro", False), ("gemini-3.1-pro-preview", True)]
)
def test_unsigned_call_gets_the_stand_in_where_signatures_are_checked(model: str, is_marked: bool) -> None:
    calls = Message("assistant", (ToolCall("a", "f"), ToolCall("b", "f")))

    body, notes = encode(ask(user("Go"), calls), model)

    assert ["thoughtSignature" in part for part in body["contents"][1]["parts"]] == [is_marked, False]
    assert len(notes) == is_marked


@pytest.mark.parametrize(
    ("part", "written"),
    [
        pytest.param(
            Image(url="https://x.test/a.png", media_type="image/png"),
            {"fileData": {"fileUri": "https://x.test/a.png", "mimeType": "image/png"}},
            id="image-url",
        ),
        pytest.param(
            File(data="AAAA", media_type="audio/wav"),
            {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
            id="sound",
        ),
    ],
)
def test_attachment_is_written(part: Part, written: dict[str, Any]) -> None:
    body, _ = encode(ask(Message("user", (part,))))

    assert body["contents"][0]["parts"] == [written]


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "low", {"includeThoughts": True, "thinkingBudget": 1024}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-3.1-pro-preview", "high", {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-3.1-pro-preview", "xhigh", {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-3.1-pro-preview", "none", {"thinkingLevel": "minimal"}),
    ],
)
def test_effort_asks_for_thinking(model: str, effort: str, config: dict[str, Any]) -> None:
    body, _ = encode(ask(reasoning_effort=effort), model)

    assert body["generationConfig"]["thinkingConfig"] == config


def test_knobs_are_written_and_what_has_no_word_gets_a_note_each() -> None:
    body, notes = encode(
        ask(
            temperature=0.5,
            top_k=4,
            seed=1,
            presence_penalty=0.1,
            frequency_penalty=0.2,
            logprobs=True,
            top_logprobs=2,
            user="u",
            parallel_tool_calls=False,
            unmodelled=("tier",),
        )
    )

    assert body["generationConfig"] == {
        "temperature": 0.5,
        "topK": 4,
        "seed": 1,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 2,
    }
    assert len(notes) == 3


def test_what_a_model_refuses_is_left_out_with_a_note_each() -> None:
    body, notes = encode(ask(temperature=0.5, top_p=0.5, max_tokens=7), "gemini-3.8-flash")

    assert body["generationConfig"] == {"maxOutputTokens": 7}
    assert len(notes) == 2


def test_system_text_in_the_middle_moves_up_with_a_note() -> None:
    body, notes = encode(ask(system("A"), user("Hi"), assistant("Yes?"), system("B"), user("So")))

    assert body["systemInstruction"] == {"parts": [{"text": "A"}, {"text": "B"}]}
    assert len(notes) == 1


@pytest.mark.parametrize("request_", [ask(n=2), ask(untranslatable=("audio",))], ids=["n", "untranslatable"])
def test_meaning_without_a_word_is_refused(request_: CompletionRequest) -> None:
    with pytest.raises(NotExpressible):
        DIALECT.encode(request_, a_gemini())


def test_thoughts_are_not_sent_back() -> None:
    body, _ = encode(ask(user("Hi"), Message("assistant", (Reasoning("hm", "sig"), Text("Yes", "mark")))))

    assert body["contents"][1]["parts"] == [{"text": "Yes", "thoughtSignature": "mark"}]


def test_native_body_is_kept_but_for_the_limit_and_what_is_refused() -> None:
    native = {
        "contents": [],
        "generationConfig": {"temperature": 1, "maxOutputTokens": 9},
        "safetySettings": [1],
    }

    body, notes = encode(ask(max_tokens=4, native=NativeBody("gemini-generate", native)), "gemini-3.8-flash")

    assert body == {"contents": [], "generationConfig": {"maxOutputTokens": 4}, "safetySettings": [1]}
    assert len(notes) == 1
    assert native["generationConfig"] == {"temperature": 1, "maxOutputTokens": 9}


def test_recorded_embeddings_are_asked_for_and_read() -> None:
    exchange = find_exchange("543ca723ca84")
    said = json.loads(exchange.body)
    deployment = a_gemini("gemini-embedding-2")
    text = exchange.request["requests"][0]["content"]["parts"][0]["text"]

    encoded = DIALECT.encode_embeddings(
        EmbeddingRequest(model="m", inputs=(text,), dimensions=768), deployment
    )
    embeddings = DIALECT.decode_embeddings(exchange.data, deployment)

    assert json.loads(encoded.body) == exchange.request
    assert encoded.url.endswith(exchange.path)
    assert embeddings.vectors == (tuple(said["embeddings"][0]["values"]),)
    assert embeddings.usage is not None
    assert embeddings.usage.input_tokens == said["usageMetadata"]["promptTokenCount"]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"embeddings": [{"values": "x"}]}'])
def test_embeddings_that_make_no_sense_are_an_error(body: bytes) -> None:
    with pytest.raises(LLMProtocolError):
        DIALECT.decode_embeddings(body, a_gemini())


def test_recorded_list_of_models_is_read_without_the_collection() -> None:
    exchange = find_exchange("710de028677f")

    names = list(DIALECT.decode_models(exchange.data))

    assert names == [model["name"].removeprefix("models/") for model in json.loads(exchange.body)["models"]]
