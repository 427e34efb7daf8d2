"""The chat completions wire: what is read, what is refused, what is written, and what the SDK makes of it."""

from typing import Any

import msgspec
import openai
import pytest
from hypothesis import given

from officium.core.llm.completion import (
    Completion,
    CompletionBuilder,
    CompletionRequest,
    Delta,
    OutputFormat,
    TokenLogprob,
    Tool,
    ToolCallDelta,
    ToolChoice,
)
from officium.core.llm.errors import ContextTooLong, LLMRateLimitError
from officium.core.llm.message import File, Image, Message, Reasoning, Refusal, Text, ToolCall, ToolResult
from officium.core.llm.token_usage import TokenUsage
from officium.kit.errors import InvalidRequest
from officium.web.api.chat_wire import ChatWire
from tests.support.deltas import answers
from tests.support.doors import Door

WIRE = ChatWire()
USER = {"role": "user", "content": "Hi"}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}


def parse(**fields: Any) -> CompletionRequest:
    return WIRE.parse({"model": "acme-1", "messages": [USER], **fields})


def parse_message(message: dict[str, Any], *before: dict[str, Any]) -> Message:
    return parse(messages=[*before, message]).messages[-1]


def content(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (USER, Message("user", (Text("Hi"),))),
        ({"role": "system", "content": "Be kind."}, Message("system", (Text("Be kind."),))),
        ({"role": "developer", "content": "Be kind."}, Message("system", (Text("Be kind."),))),
        ({**USER, "name": "Ann"}, Message("user", (Text("Hi"),), name="Ann")),
        (content({"type": "text", "text": "Hi"}), Message("user", (Text("Hi"),))),
        (
            content({"type": "image_url", "image_url": {"url": "https://x.y/z.png", "detail": "low"}}),
            Message("user", (Image(url="https://x.y/z.png", detail="low"),)),
        ),
        (
            content({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}),
            Message("user", (Image(data="AAAA", media_type="image/png"),)),
        ),
        (
            content({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}),
            Message("user", (File(data="AAAA", media_type="audio/mpeg"),)),
        ),
        (
            content(
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}}
            ),
            Message("user", (File(data="AA", media_type="application/pdf", name="a.pdf"),)),
        ),
        (
            content({"type": "file", "file": {"file_id": "file-1"}}),
            Message("user", (File(file_id="file-1"),)),
        ),
        ({"role": "assistant", "content": "Yes."}, Message("assistant", (Text("Yes."),))),
        (
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            Message("assistant", (ToolCall("call_1", "weather", '{"city":"Rome"}'),)),
        ),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            Message("assistant", (Refusal("No."),)),
        ),
        ({"role": "assistant", "refusal": "No."}, Message("assistant", (Refusal("No."),))),
        (
            {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."},
            Message("assistant", (Reasoning("Hm."), Text("Yes."))),
        ),
        (
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            Message("tool", (ToolResult("call_1", (Text("sunny"),)),)),
        ),
    ],
    ids=[
        "user", "system", "developer", "named", "text part", "image by address", "image inside", "sound",
        "file inside", "file by id", "assistant", "tool call", "refusal part", "refusal", "reasoning",
        "tool result",
    ],
)  # fmt: skip
def test_messages_are_read(message: dict[str, Any], expected: Message) -> None:
    assert parse_message(message) == expected


def test_detailed_reasoning_comes_back_with_its_marks() -> None:
    details = [
        {"type": "reasoning.text", "text": "Hm.", "signature": "sig"},
        {"type": "reasoning.encrypted", "data": "locked", "id": "rs_1"},
        {"type": "reasoning.summary", "summary": "In short."},
    ]

    message = parse_message({"role": "assistant", "content": "Yes.", "reasoning_details": details})

    assert message.parts == (
        Reasoning("Hm.", "sig"),
        Reasoning(encrypted="locked", id="rs_1"),
        Reasoning("In short."),
        Text("Yes."),
    )


def test_thought_signature_of_a_call_comes_back() -> None:
    call = {**CALL, "extra_content": {"google": {"thought_signature": "sig"}}}

    message = parse_message({"role": "assistant", "tool_calls": [call]})

    assert message.parts == (ToolCall("call_1", "weather", '{"city":"Rome"}', "sig"),)


def test_legacy_functions_become_tools_and_their_results_find_their_call() -> None:
    asked = {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}}
    told = {"role": "function", "name": "weather", "content": "sunny"}

    request = parse(
        messages=[USER, asked, told, asked, told],
        functions=[{"name": "weather", "parameters": {"type": "object"}}],
        function_call={"name": "weather"},
    )

    calls = [part for message in request.messages for part in message.parts if isinstance(part, ToolCall)]
    results = [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    assert [call.id for call in calls] == [result.call_id for result in results] == ["call_0", "call_1"]
    assert request.tools == (Tool("weather", parameters={"type": "object"}),)
    assert request.tool_choice == ToolChoice("tool", "weather")


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"max_completion_tokens": 7, "max_tokens": 5}, "max_tokens", 7),
        ({"temperature": 0}, "temperature", 0),
        ({"stop": "END"}, "stop", ("END",)),
        ({"stop": ["a", "b"]}, "stop", ("a", "b")),
        ({"stop": None}, "stop", ()),
        ({"seed": -3}, "seed", -3),
        ({"top_k": -1}, "top_k", None),
        ({"top_k": 40}, "top_k", 40),
        ({"n": 2}, "n", 2),
        ({"logprobs": True, "top_logprobs": 3}, "top_logprobs", 3),
        ({"reasoning_effort": "xhigh"}, "reasoning_effort", "xhigh"),
        ({"response_format": {"type": "text"}}, "output_format", None),
        ({"response_format": {"type": "json_object"}}, "output_format", OutputFormat()),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"a": 1}}}},
            "output_format",
            OutputFormat(schema={"a": 1}, name="x"),
        ),
        ({"tools": [WEATHER], "tool_choice": "required"}, "tool_choice", ToolChoice("required")),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
            "tool_choice",
            ToolChoice("tool", "weather"),
        ),
        ({"parallel_tool_calls": False}, "parallel_tool_calls", False),
        ({"stream": True}, "stream", True),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_fields_are_read(fields: dict[str, Any], name: str, value: Any) -> None:
    assert getattr(parse(**fields), name) == value


def test_native_body_is_what_was_sent() -> None:
    request = parse(metadata={"a": "b"})

    assert request.native is not None
    assert request.native.dialect == "openai-chat"
    assert request.native.body["metadata"] == {"a": "b"}


def test_fields_without_a_word_of_ours_are_named() -> None:
    request = parse(
        logit_bias={"1": 2},
        modalities=["text", "audio"],
        audio={"voice": "x"},
        store=False,
        min_p=0.1,
        foo=None,
    )

    assert set(request.unmodelled) == {"logit_bias", "min_p"}
    assert set(request.untranslatable) == {"modalities", "audio"}


def test_custom_tools_are_untranslatable() -> None:
    custom = {"type": "custom", "custom": {"name": "sql"}}

    request = parse(tools=[WEATHER, custom])

    assert [tool.name for tool in request.tools] == ["weather", "sql"]
    assert request.untranslatable == ("tools[1]",)


def test_allowed_tools_are_untranslatable() -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [WEATHER]}}

    request = parse(tools=[WEATHER], tool_choice=allowed)

    assert request.tool_choice == ToolChoice("required")
    assert request.untranslatable == ("tool_choice.allowed_tools",)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": "x" * 300}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [USER, {"role": "user"}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"messages": [USER, USER, content({"type": "smell"})]}, "messages[2].content[0].type"),
        ({"messages": [content({"type": "text"})]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].type",
        ),
        (
            {"messages": [content({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}})]},
            "messages[0].content[0].image_url.url",
        ),
        (
            {"messages": [content({"type": "image_url", "image_url": {"url": "data:image/png,AA"}})]},
            "messages[0].content[0].image_url.url",
        ),
        (
            {"messages": [content({"type": "input_audio", "input_audio": {"data": "A", "format": "ogg"}})]},
            "messages[0].content[0].input_audio.format",
        ),
        ({"messages": [content({"type": "file", "file": {}})]}, "messages[0].content[0].file.file_data"),
        ({"messages": [{"role": "assistant"}]}, "messages[0]"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"type": "function", "function": {}}]}]},
            "messages[0].tool_calls[0].id",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].name"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": "1"}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"stop": ""}, "stop"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "web"}]}, "tools[0].type"),
        ({"tools": [WEATHER] * 513}, "tools"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": 1}, "tool_choice"),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "news"}}},
            "tool_choice.function.name",
        ),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "response_format.json_schema.name",
        ),
        ({"reasoning_effort": "very much"}, "reasoning_effort"),
        ({"user": 7}, "user"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value)[:60],
)
def test_faults_are_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(**fields)

    assert caught.value.fields["param"] == param
    assert f"`{param}`" in caught.value.message


FULL = Completion(
    parts=(
        Reasoning("Let me see.", signature="sig"),
        Text("It is "),
        Text("sunny."),
        ToolCall("call_1", "weather", '{"city":"Rome"}', "mark"),
    ),
    finish_reason="tool_calls",
    usage=TokenUsage(input_tokens=10, cached_tokens=4, output_tokens=6, reasoning_tokens=2),
    logprobs=(TokenLogprob("It", -0.5, (("It", -0.5), ("He", -1.5))),),
    model="acme-1",
)


def test_whole_answer_has_every_part_in_its_place() -> None:
    answer = msgspec.json.decode(WIRE.render(FULL, parse(), "req_1"))

    choice = answer["choices"][0]
    assert answer["id"] == "chatcmpl-1"
    assert answer["object"] == "chat.completion"
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "It is sunny."
    assert choice["message"]["reasoning_content"] == "Let me see."
    assert choice["message"]["tool_calls"] == [
        {**CALL, "extra_content": {"google": {"thought_signature": "mark"}}}
    ]
    assert choice["logprobs"]["content"][0]["top_logprobs"][1]["token"] == "He"
    assert answer["usage"]["total_tokens"] == 16
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 4
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2


def test_answer_sent_back_is_read_as_it_was_meant() -> None:
    answer = msgspec.json.decode(WIRE.render(FULL, parse(), "req_1"))

    message = parse_message(answer["choices"][0]["message"])

    assert message.parts == (
        Reasoning("Let me see.", signature="sig"),
        Text("It is sunny."),
        ToolCall("call_1", "weather", '{"city":"Rome"}', "mark"),
    )


@pytest.mark.parametrize(
    ("reason", "shown"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("other", "stop")],
)
def test_finish_reasons_are_openais(reason: Any, shown: str) -> None:
    answer = msgspec.json.decode(WIRE.render(Completion(finish_reason=reason), parse(), "req_1"))

    assert answer["choices"][0]["finish_reason"] == shown


def test_caller_with_legacy_functions_gets_a_legacy_call() -> None:
    request = parse(functions=[{"name": "weather"}])

    answer = msgspec.json.decode(WIRE.render(FULL, request, "req_1"))

    choice = answer["choices"][0]
    assert choice["finish_reason"] == "function_call"
    assert choice["message"]["function_call"] == {"name": "weather", "arguments": '{"city":"Rome"}'}
    assert "tool_calls" not in choice["message"]


SPOKEN = [
    Delta(reasoning="Let me ", model="acme-1"),
    Delta(reasoning="see."),
    Delta(reasoning_signature="sig"),
    Delta(text="It is "),
    Delta(text="süß.\n"),
    Delta(tool_calls=(ToolCallDelta(0, "call_1", "weather", '{"city"'),)),
    Delta(tool_calls=(ToolCallDelta(0, arguments=':"Rome"}'),)),
    Delta(finish_reason="stop", usage=FULL.usage),
]


def stream(deltas: list[Delta], relay: bool = False, **fields: Any) -> list[Any]:
    """The stream's events, parsed; the end mark stays text."""
    renderer = WIRE.stream_renderer(parse(stream=True, **fields), "req_1")
    sent = b"".join([renderer.render([delta], relay) for delta in deltas]) + renderer.finish()
    datas = [event.removeprefix(b"data: ") for event in sent.split(b"\n\n")[:-1]]
    return [data.decode() if data == b"[DONE]" else msgspec.json.decode(data) for data in datas]


def test_stream_says_what_the_whole_answer_would() -> None:
    *chunks, done = stream(SPOKEN)

    pieces = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert done == "[DONE]"
    assert pieces[0]["role"] == "assistant"
    assert "".join(piece.get("reasoning_content", "") for piece in pieces) == "Let me see."
    assert "".join(piece.get("content", "") for piece in pieces) == "It is süß.\n"
    assert [piece["reasoning_details"] for piece in pieces if "reasoning_details" in piece] == [
        [{"type": "reasoning.text", "text": "Let me see.", "signature": "sig", "index": 0}]
    ]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert {chunk["model"] for chunk in chunks} == {"acme-1"}
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-1"}
    assert all("usage" not in chunk for chunk in chunks)


def test_usage_comes_last_and_only_when_asked_for() -> None:
    *chunks, usage, _ = stream(SPOKEN, stream_options={"include_usage": True})

    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 6
    assert all(chunk["usage"] is None for chunk in chunks)


def test_model_named_before_the_first_words_is_the_streams() -> None:
    chunk, *_ = stream([Delta(model="acme-1"), Delta(text="Hi"), Delta(finish_reason="stop")])

    assert chunk["model"] == "acme-1"


def test_call_without_arguments_is_streamed_with_an_empty_object() -> None:
    call = Delta(tool_calls=(ToolCallDelta(0, "call_1", "now"), ToolCallDelta(1, "call_2", "add", '{"a":1}')))

    *chunks, _ = stream([call, Delta(finish_reason="stop")])

    pieces = [piece for chunk in chunks for piece in chunk["choices"][0]["delta"]["tool_calls"]]
    assert [(piece["index"], piece["function"]["arguments"]) for piece in pieces] == [
        (0, ""),
        (1, '{"a":1}'),
        (0, "{}"),
    ]


def test_legacy_caller_gets_a_legacy_call_in_pieces() -> None:
    *chunks, _ = stream(SPOKEN, functions=[{"name": "weather"}])

    calls = [chunk["choices"][0]["delta"].get("function_call") for chunk in chunks]
    assert [call for call in calls if call] == [
        {"name": "weather", "arguments": '{"city"'},
        {"arguments": ':"Rome"}'},
    ]
    assert chunks[-1]["choices"][0]["finish_reason"] == "function_call"


def test_signature_alone_is_not_lost_at_the_beginning() -> None:
    deltas = [Delta(reasoning_signature="sig"), Delta(text="Hi"), Delta(finish_reason="stop")]

    last = stream(deltas)[-2]

    assert last["choices"][0]["delta"]["reasoning_details"][0]["signature"] == "sig"


def raw(data: str, **fields: Any) -> Delta:
    return Delta(raw=f"data: {data}\n\n".encode(), **fields)


USAGE_EVENT = raw('{"choices": [ ],"usage":{"prompt_tokens":1}}', usage=TokenUsage(input_tokens=1))


def test_relayed_events_are_passed_on_untouched() -> None:
    deltas = [raw('{"choices":[{"x":1}]}', text="a"), raw('{"odd":true}'), Delta(raw=b"data: [DONE]\n\n")]

    assert stream(deltas, relay=True) == [{"choices": [{"x": 1}]}, {"odd": True}, "[DONE]"]


def test_relayed_usage_event_nobody_asked_for_is_dropped() -> None:
    assert stream([raw('{"a":1}', text="a"), USAGE_EVENT], relay=True) == [{"a": 1}, "[DONE]"]


def test_relayed_usage_event_is_kept_where_it_was_asked_for() -> None:
    events = stream([raw('{"a":1}', text="a"), USAGE_EVENT], True, stream_options={"include_usage": True})

    assert len(events) == 3
    assert events[1]["usage"] == {"prompt_tokens": 1}


def test_usage_that_came_with_other_words_is_told_once_more_where_it_was_asked_for() -> None:
    last = raw('{"choices":[{}]}', finish_reason="stop", usage=TokenUsage(input_tokens=1, output_tokens=2))

    events = stream([last], relay=True, stream_options={"include_usage": True})

    assert events[1]["usage"]["total_tokens"] == 3


@given(answers())
def test_every_answer_survives_the_stream(deltas: list[Delta]) -> None:
    builder = CompletionBuilder()
    for delta in deltas:
        builder.add(delta)
    meant = builder.build()

    *chunks, _ = stream(deltas)

    pieces = [chunk["choices"][0]["delta"] for chunk in chunks]
    arguments: dict[int, str] = {}
    for piece in pieces:
        for call in piece.get("tool_calls", ()):
            arguments[call["index"]] = arguments.get(call["index"], "") + call["function"]["arguments"]
    assert "".join(piece.get("content") or "" for piece in pieces) == meant.text
    assert "".join(piece.get("reasoning_content", "") for piece in pieces) == meant.reasoning
    assert "".join(piece.get("refusal", "") for piece in pieces) == meant.refusal
    assert sorted(arguments.values()) == sorted(call.arguments for call in meant.tool_calls)


@given(answers())
def test_marks_of_thoughts_survive_the_stream(deltas: list[Delta]) -> None:
    builder = CompletionBuilder()
    for delta in deltas:
        builder.add(delta)
    whole = msgspec.json.decode(WIRE.render(builder.build(), parse(), "req_1"))

    *chunks, _ = stream(deltas)

    pieces = [chunk["choices"][0]["delta"] for chunk in chunks]
    details = [detail for piece in pieces for detail in piece.get("reasoning_details", ())]
    assert details == whole["choices"][0]["message"].get("reasoning_details", [])


def client(door: Door) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        api_key="k", base_url="http://door/v1", http_client=door.http_client, max_retries=0
    )


async def test_sdk_reads_a_whole_answer() -> None:
    answer = await client(Door(WIRE, FULL)).chat.completions.create(model="acme-1", messages=[USER])  # type: ignore[list-item]

    assert answer.choices[0].message.content == "It is sunny."
    assert answer.usage is not None
    assert answer.usage.total_tokens == 16


async def test_sdk_reads_a_stream() -> None:
    chunks = await client(Door(WIRE, SPOKEN)).chat.completions.create(
        model="acme-1",
        messages=[USER],  # type: ignore[list-item]
        stream=True,
        stream_options={"include_usage": True},
    )

    read = [chunk async for chunk in chunks]

    assert "".join(c.choices[0].delta.content or "" for c in read if c.choices) == "It is süß.\n"
    assert read[-1].usage is not None
    assert read[-1].usage.completion_tokens == 6


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (503, openai.InternalServerError),
    ],
)
async def test_sdk_raises_its_own_classes(status: int, raised: type[openai.APIStatusError]) -> None:
    door = Door(WIRE, ContextTooLong("Too long."), status=status)

    with pytest.raises(raised) as caught:
        await client(door).chat.completions.create(model="acme-1", messages=[USER])  # type: ignore[list-item]

    assert caught.value.code == "context_length_exceeded"
    assert "Too long." in caught.value.message


async def test_sdk_raises_an_error_inside_a_stream() -> None:
    door = Door(WIRE, [Delta(text="Hel"), LLMRateLimitError("Slow down.")], status=429)
    chunks = await client(door).chat.completions.create(model="acme-1", messages=[USER], stream=True)  # type: ignore[list-item]

    with pytest.raises(openai.APIError, match=r"Slow down\."):
        async for _ in chunks:
            pass
