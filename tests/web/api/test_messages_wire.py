import json
from typing import Any

import anthropic
import pytest
from anthropic.types import Message as SdkMessage
from hypothesis import given
from pydantic import BaseModel

from officium.core.llm.completion import (
    Completion,
    CompletionRequest,
    Delta,
    OutputFormat,
    Tool,
    ToolCallDelta,
    ToolChoice,
)
from officium.core.llm.errors import LLMUnavailableError
from officium.core.llm.message import (
    File,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from officium.core.llm.token_usage import TokenUsage
from officium.kit.errors import InvalidRequest, OfficiumError
from officium.web.api.messages_wire import MessagesWire
from tests.support.deltas import answers
from tests.support.doors import REQUEST_ID, Door, Script, build, read_events, render_stream

WIRE = MessagesWire()
MINIMAL: dict[str, Any] = {
    "model": "a-model",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def a_body(**changes: Any) -> dict[str, Any]:
    return MINIMAL | changes


def a_conversation(*contents: tuple[str, Any]) -> dict[str, Any]:
    return a_body(messages=[{"role": role, "content": content} for role, content in contents])


def a_client(door: Door) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        api_key="a-key", base_url="http://door.test", http_client=door.http_client, max_retries=0
    )


def a_door(script: Script, **options: Any) -> Door:
    return Door(WIRE, script, **options)


def a_call(index: int, arguments: str, name: str | None = None) -> Delta:
    return Delta(tool_calls=(ToolCallDelta(index, f"call_{index}" if name else None, name, arguments),))


# Reading


def test_smallest_request_is_read() -> None:
    request = WIRE.parse(MINIMAL)

    assert request.model == "a-model"
    assert request.max_tokens == 100
    assert request.messages == (Message("user", (Text("Hello"),)),)
    assert request.native is not None
    assert request.native.dialect == "anthropic-messages"
    assert request.native.body is MINIMAL
    assert request.unmodelled == request.untranslatable == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"temperature": 0.5, "top_p": 0.9, "top_k": 40},
            {"temperature": 0.5, "top_p": 0.9, "top_k": 40},
            id="sampling",
        ),
        pytest.param({"stop_sequences": ["a", "b"]}, {"stop": ("a", "b")}, id="stop"),
        pytest.param({"metadata": {"user_id": "u-1"}}, {"user": "u-1"}, id="user"),
        pytest.param({"stream": True}, {"stream": True}, id="stream"),
        pytest.param(
            {"tools": [WEATHER]},
            {"tools": (Tool("get_weather", "The weather in a city.", WEATHER["input_schema"]),)},
            id="tools",
        ),
        pytest.param(
            {"tool_choice": {"type": "auto"}},
            {"tool_choice": ToolChoice("auto"), "parallel_tool_calls": None},
            id="choice-auto",
        ),
        pytest.param(
            {"tool_choice": {"type": "any"}}, {"tool_choice": ToolChoice("required")}, id="choice-any"
        ),
        pytest.param(
            {"tool_choice": {"type": "none"}}, {"tool_choice": ToolChoice("none")}, id="choice-none"
        ),
        pytest.param(
            {"tool_choice": {"type": "tool", "name": "f"}},
            {"tool_choice": ToolChoice("tool", "f")},
            id="choice-tool",
        ),
        pytest.param(
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            {"parallel_tool_calls": False},
            id="one-tool-at-a-time",
        ),
        pytest.param(
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            {"output_format": OutputFormat({"type": "object"})},
            id="output-config",
        ),
        pytest.param(
            {"output_format": {"type": "json_schema", "schema": {"type": "object"}}},
            {"output_format": OutputFormat({"type": "object"})},
            id="older-output-format",
        ),
        pytest.param(
            {"output_config": {"effort": "max"}, "thinking": {"type": "adaptive"}},
            {"reasoning_effort": "max"},
            id="effort",
        ),
        pytest.param({"thinking": {"type": "adaptive"}}, {"reasoning_effort": None}, id="thinking-adaptive"),
        pytest.param(
            {"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}, id="thinking-disabled"
        ),
        pytest.param(
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            {"reasoning_effort": "low"},
            id="thinking-small",
        ),
        pytest.param(
            {"thinking": {"type": "enabled", "budget_tokens": 8000}},
            {"reasoning_effort": "medium"},
            id="thinking-medium",
        ),
        pytest.param(
            {"thinking": {"type": "enabled", "budget_tokens": 32000}},
            {"reasoning_effort": "high"},
            id="thinking-large",
        ),
        pytest.param(
            {"system": "Be brief."},
            {"messages": (Message("system", (Text("Be brief."),)), Message("user", (Text("Hello"),)))},
            id="system",
        ),
        pytest.param(
            {"system": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]},
            {"messages": (Message("system", (Text("A"), Text("B"))), Message("user", (Text("Hello"),)))},
            id="system-blocks",
        ),
    ],
)
def test_fields_are_read(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    request = WIRE.parse(a_body(**changes))

    assert {name: getattr(request, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("block", "parts"),
    [
        pytest.param({"type": "text", "text": "Hi"}, (Text("Hi"),), id="text"),
        pytest.param(
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
            (Image(data="AA==", media_type="image/png"),),
            id="image-base64",
        ),
        pytest.param(
            {"type": "image", "source": {"type": "url", "url": "https://a.test/i.png"}},
            (Image(url="https://a.test/i.png"),),
            id="image-url",
        ),
        pytest.param(
            {
                "type": "document",
                "title": "Report",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
            },
            (File(data="AA==", media_type="application/pdf", name="Report"),),
            id="document-base64",
        ),
        pytest.param(
            {"type": "document", "source": {"type": "url", "url": "https://a.test/d.pdf"}},
            (File(url="https://a.test/d.pdf"),),
            id="document-url",
        ),
        pytest.param(
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
            (File(file_id="file_1"),),
            id="document-file",
        ),
        pytest.param(
            {
                "type": "document",
                "title": "Notes",
                "context": "From May",
                "source": {"type": "text", "media_type": "text/plain", "data": "All went well."},
            },
            (Text("Notes"), Text("From May"), Text("All went well.")),
            id="document-text",
        ),
        pytest.param(
            {
                "type": "document",
                "source": {"type": "content", "content": [{"type": "text", "text": "One"}]},
            },
            (Text("One"),),
            id="document-content",
        ),
    ],
)
def test_user_block_is_read(block: dict[str, Any], parts: tuple[object, ...]) -> None:
    request = WIRE.parse(a_conversation(("user", [block])))

    assert request.messages == (Message("user", parts),)  # type: ignore[arg-type]


def test_tool_loop_is_read_with_results_before_the_users_words() -> None:
    body = a_conversation(
        ("user", "Weather in Bern and Basel?"),
        (
            "assistant",
            [
                {"type": "thinking", "thinking": "Two calls.", "signature": "sig"},
                {"type": "redacted_thinking", "data": "locked"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "Bern"}},
                {"type": "tool_use", "id": "t2", "name": "get_weather", "input": {}},
            ],
        ),
        (
            "user",
            [
                {"type": "tool_result", "tool_use_id": "t1", "content": "Sunny"},
                {"type": "text", "text": "Thanks"},
                {
                    "type": "tool_result",
                    "tool_use_id": "t2",
                    "is_error": True,
                    "content": [{"type": "text", "text": "No city"}],
                },
            ],
        ),
    )

    request = WIRE.parse(body)

    assert request.messages[1:] == (
        Message(
            "assistant",
            (
                Reasoning("Two calls.", "sig"),
                Reasoning(encrypted="locked"),
                Text("I look."),
                ToolCall("t1", "get_weather", '{"city":"Bern"}'),
                ToolCall("t2", "get_weather", "{}"),
            ),
        ),
        Message("tool", (ToolResult("t1", (Text("Sunny"),), "get_weather"),)),
        Message("tool", (ToolResult("t2", (Text("No city"),), "get_weather", True),)),
        Message("user", (Text("Thanks"),)),
    )
    assert request.native is not None
    assert request.native.body is body


def test_tool_result_without_content_is_empty() -> None:
    request = WIRE.parse(a_conversation(("user", [{"type": "tool_result", "tool_use_id": "t1"}])))

    assert request.messages == (Message("tool", (ToolResult("t1", ()),)),)


def test_system_message_within_the_conversation_is_read() -> None:
    request = WIRE.parse(a_conversation(("user", "Hi"), ("system", "Be kind.")))

    assert request.messages[1] == Message("system", (Text("Be kind."),))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        pytest.param(
            a_conversation(("user", [{"type": "search_result", "source": "x"}])),
            "messages[0].content[0] (search_result)",
            id="block",
        ),
        pytest.param(
            a_conversation(("assistant", [{"type": "server_tool_use", "id": "s"}])),
            "messages[0].content[0] (server_tool_use)",
            id="server-tool-use",
        ),
        pytest.param(
            a_conversation(("user", [{"type": "image", "source": {"type": "file", "file_id": "f"}}])),
            "messages[0].content[0].source (file)",
            id="image-file",
        ),
        pytest.param(
            a_body(tools=[{"type": "web_search_20260318", "name": "web_search"}]),
            "tools[0] (web_search_20260318)",
            id="server-tool",
        ),
    ],
)
def test_what_only_anthropic_knows_is_named_and_kept(body: dict[str, Any], name: str) -> None:
    request = WIRE.parse(body)

    assert request.untranslatable == (name,)
    assert request.native is not None
    assert request.native.body is body


@pytest.mark.parametrize(
    ("body", "name"),
    [
        pytest.param(a_body(service_tier="auto"), "service_tier", id="top-level"),
        pytest.param(a_body(thinking={"type": "between_tools"}), "thinking", id="unknown-thinking"),
        pytest.param(a_body(tools=[WEATHER | {"defer_loading": True}]), "tool.defer_loading", id="tool"),
        pytest.param(
            a_conversation(("user", [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}])),
            "text.cache_control",
            id="block",
        ),
    ],
)
def test_fields_without_a_neutral_word_are_noted(body: dict[str, Any], name: str) -> None:
    assert WIRE.parse(body).unmodelled == (name,)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"max_tokens": 1, "messages": []}, "model", id="no-model"),
        pytest.param({"model": "m", "messages": []}, "max_tokens", id="no-max-tokens"),
        pytest.param(a_body(max_tokens=0), "max_tokens", id="max-tokens-zero"),
        pytest.param(a_body(max_tokens="5"), "max_tokens", id="max-tokens-text"),
        pytest.param(a_body(messages=[]), "messages", id="no-messages"),
        pytest.param(a_body(messages="Hi"), "messages", id="messages-text"),
        pytest.param(a_body(messages=["Hi"]), "messages[0]", id="message-text"),
        pytest.param(a_body(messages=[{"content": "Hi"}]), "messages[0].role", id="no-role"),
        pytest.param(
            a_body(messages=[{"role": "tool", "content": "Hi"}]), "messages[0].role", id="wrong-role"
        ),
        pytest.param(a_body(messages=[{"role": "user"}]), "messages[0].content", id="no-content"),
        pytest.param(
            a_conversation(("user", "a"), ("user", [{"text": "b"}])),
            "messages[1].content[0].type",
            id="no-block-type",
        ),
        pytest.param(
            a_conversation(("user", [{"type": "text"}])), "messages[0].content[0].text", id="no-text"
        ),
        pytest.param(
            a_conversation(("user", [{"type": "tool_use", "id": "a", "name": "f", "input": {}}])),
            "messages[0].content[0].type",
            id="call-from-user",
        ),
        pytest.param(
            a_conversation(("assistant", [{"type": "tool_use", "id": "a", "name": "f", "input": "{}"}])),
            "messages[0].content[0].input",
            id="input-text",
        ),
        pytest.param(
            a_conversation(("user", [{"type": "tool_result", "content": "a"}])),
            "messages[0].content[0].tool_use_id",
            id="no-call-id",
        ),
        pytest.param(
            a_conversation(("user", [{"type": "image", "source": {"type": "base64", "data": "A"}}])),
            "messages[0].content[0].source.media_type",
            id="no-media-type",
        ),
        pytest.param(a_body(system=[{"type": "image"}]), "system[0].type", id="image-in-system"),
        pytest.param(
            a_conversation(
                ("user", [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_result"}]}])
            ),
            "messages[0].content[0].content[0].type",
            id="result-in-result",
        ),
        pytest.param(a_body(system=5), "system", id="system-number"),
        pytest.param(a_body(temperature=1.5), "temperature", id="temperature-high"),
        pytest.param(a_body(stop_sequences=["a", 5]), "stop_sequences[1]", id="stop-number"),
        pytest.param(a_body(tools=[{"name": "f"}]), "tools[0].input_schema", id="no-schema"),
        pytest.param(a_body(tool_choice={"type": "tool"}), "tool_choice.name", id="no-tool-name"),
        pytest.param(a_body(tool_choice="auto"), "tool_choice", id="choice-text"),
        pytest.param(a_body(thinking={"type": "enabled"}), "thinking.budget_tokens", id="no-budget"),
        pytest.param(
            a_body(output_config={"format": {"type": "xml"}}), "output_config.format.type", id="xml"
        ),
        pytest.param(a_body(stream="yes"), "stream", id="stream-text"),
    ],
)
def test_mistake_is_refused_by_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        WIRE.parse(body)

    assert caught.value.fields["param"] == param
    assert caught.value.message.startswith(f"`{param}`")


# Whole answers, as the SDK sees them


async def test_sdk_reads_whole_answer() -> None:
    usage = TokenUsage(
        input_tokens=100, cached_tokens=60, cache_write_tokens=10, output_tokens=7, reasoning_tokens=3
    )
    parts = (
        Reasoning("Hm.", "sig"),
        Reasoning(encrypted="locked"),
        Text("Hello!"),
        ToolCall("call_1", "get_weather", '{"city": "Bern"}'),
    )
    door = a_door(Completion(parts=parts, finish_reason="tool_calls", usage=usage, model="a-model-2"))

    message = await a_client(door).messages.create(**MINIMAL)

    SdkMessage.model_validate(message.model_dump())
    assert message.id.startswith("msg_")
    assert message.model == "a-model-2"
    assert message.stop_reason == "tool_use"
    assert [block.model_dump(exclude_none=True) for block in message.content] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "locked"},
        {"type": "text", "text": "Hello!"},
        {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Bern"}},
    ]
    assert message.usage.input_tokens == 30
    assert message.usage.cache_read_input_tokens == 60
    assert message.usage.cache_creation_input_tokens == 10
    assert message.usage.output_tokens == 7
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens_details.thinking_tokens == 3


async def test_answer_given_back_by_the_sdk_is_read_as_it_was() -> None:
    parts = (
        Reasoning("Hm.", "sig"),
        Reasoning("Summary", None, "locked", "rs_1"),
        Text("Hello!"),
        ToolCall("call_1", "get_weather", '{"city":"Bern"}', "thought-mark"),
    )
    door = a_door(Completion(parts=parts))
    client = a_client(door)

    message = await client.messages.create(**MINIMAL)
    history = [
        *MINIMAL["messages"],
        {"role": "assistant", "content": message.content},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "Sunny"}],
        },
    ]
    await client.messages.create(**a_body(messages=history))

    assert door.asked[1].messages[1].parts == (
        Reasoning("Hm.", "sig"),
        Reasoning("Summary"),
        Reasoning("", None, "locked", "rs_1"),
        *parts[2:],
    )


async def test_marks_of_other_providers_do_not_reach_anthropic() -> None:
    parts = (
        Reasoning("From elsewhere"),
        Reasoning("", None, "locked", "rs_1"),
        ToolCall("call_1", "f", "{}", "mark"),
    )
    said = json.loads(WIRE.render(Completion(parts=parts), WIRE.parse(MINIMAL), REQUEST_ID))
    only_thoughts = [{"type": "thinking", "thinking": "Hm", "signature": ""}]

    request = WIRE.parse(
        a_conversation(("user", "a"), ("assistant", said["content"]), ("assistant", only_thoughts))
    )

    assert request.native is not None
    assert request.native.body["messages"] == [
        {"role": "user", "content": "a"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "call_1", "name": "f", "input": {}}],
        },
    ]


@pytest.mark.parametrize(
    ("completion", "stop_reason"),
    [
        (Completion(finish_reason="stop"), "end_turn"),
        (Completion(finish_reason="length"), "max_tokens"),
        (Completion(finish_reason="content_filter"), "refusal"),
        (Completion(finish_reason="other"), "end_turn"),
        (Completion(finish_reason="tool_calls"), "end_turn"),
        (Completion(finish_reason="stop", parts=(ToolCall("a", "f"),)), "tool_use"),
        (Completion(finish_reason="stop", parts=(Refusal("No."),)), "refusal"),
        (Completion(finish_reason="other", finish_reason_raw="pause_turn"), "pause_turn"),
        (Completion(finish_reason="other", finish_reason_raw="SAFETY"), "end_turn"),
    ],
)
def test_stop_reason_says_how_it_ended(completion: Completion, stop_reason: str) -> None:
    said = json.loads(WIRE.render(completion, WIRE.parse(MINIMAL), REQUEST_ID))

    assert said["stop_reason"] == stop_reason
    assert said["stop_sequence"] is None


@pytest.mark.parametrize(
    ("stops", "expected"),
    [(["END"], ("stop_sequence", "END")), (["END", "STOP"], ("end_turn", None))],
    ids=["only-one-possible", "cannot-be-told"],
)
def test_stop_sequence_is_named_where_it_can_be_told(stops: list[str], expected: tuple[str, Any]) -> None:
    completion = Completion(finish_reason="stop", finish_reason_raw="stop_sequence")

    said = json.loads(WIRE.render(completion, WIRE.parse(a_body(stop_sequences=stops)), REQUEST_ID))

    assert (said["stop_reason"], said["stop_sequence"]) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        (" ", {}),
        ('{"path": "/tmp', {"_raw": '{"path": "/tmp'}),
        ("[1]", {"_raw": "[1]"}),
        ("not json", {"_raw": "not json"}),
    ],
)
def test_tool_input_is_always_an_object(arguments: str, expected: dict[str, Any]) -> None:
    completion = Completion(parts=(ToolCall("a", "f", arguments),))

    said = json.loads(WIRE.render(completion, WIRE.parse(MINIMAL), REQUEST_ID))

    assert said["content"][0]["input"] == expected


def test_usage_nobody_told_is_zero() -> None:
    said = json.loads(WIRE.render(Completion(), WIRE.parse(MINIMAL), REQUEST_ID))

    assert said["usage"]["input_tokens"] == said["usage"]["output_tokens"] == 0


class City(BaseModel):
    name: str
    inhabitants: int


async def test_sdk_parses_structured_output() -> None:
    door = a_door(Completion(parts=(Text('{"name": "Bern", "inhabitants": 137000}'),)))

    message = await a_client(door).messages.parse(**MINIMAL, output_format=City)

    assert message.parsed_output == City(name="Bern", inhabitants=137000)
    asked = door.asked[0].output_format
    assert asked is not None
    assert asked.schema is not None
    assert set(asked.schema["properties"]) == {"name", "inhabitants"}


# Streams, as the SDK sees them


async def final_message(door: Door, **changes: Any) -> SdkMessage:
    async with a_client(door).messages.stream(**a_body(**changes)) as stream:
        return await stream.get_final_message()


async def test_sdk_reads_stream() -> None:
    door = a_door(
        [
            Delta(id="x", model="a-model-2"),
            Delta(reasoning="Hm"),
            Delta(reasoning=", so."),
            Delta(reasoning_signature="sig"),
            Delta(text="Hel"),
            Delta(text="lo!"),
            Delta(finish_reason="stop", finish_reason_raw="stop"),
            Delta(usage=TokenUsage(input_tokens=30, cached_tokens=10, output_tokens=4)),
        ]
    )

    message = await final_message(door)

    assert message.model == "a-model-2"
    assert [block.model_dump(exclude_none=True) for block in message.content] == [
        {"type": "thinking", "thinking": "Hm, so.", "signature": "sig"},
        {"type": "text", "text": "Hello!"},
    ]
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens == 20
    assert message.usage.cache_read_input_tokens == 10
    assert message.usage.output_tokens == 4
    assert [event["type"] for event in read_events(door.streamed) if event["type"] != "ping"] == [
        "message_start",
        *("content_block_start", "content_block_delta", "content_block_delta"),
        *("content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"),
        "message_delta",
        "message_stop",
    ]


async def test_sdk_reads_parallel_tool_calls_whose_pieces_alternate() -> None:
    door = a_door(
        [
            a_call(0, "", "get_weather"),
            a_call(1, "", "get_time"),
            a_call(0, '{"city"'),
            a_call(1, '{"zone'),
            a_call(0, ': "Bern"}'),
            a_call(1, '": "CET"}'),
            Delta(finish_reason="stop"),
        ]
    )

    message = await final_message(door)

    assert [block.model_dump(exclude_none=True) for block in message.content] == [
        {"type": "tool_use", "id": "call_0", "name": "get_weather", "input": {"city": "Bern"}},
        {"type": "tool_use", "id": "call_1", "name": "get_time", "input": {"zone": "CET"}},
    ]
    assert message.stop_reason == "tool_use"


def test_second_call_is_shown_while_it_grows_once_the_first_is_whole() -> None:
    renderer = WIRE.stream_renderer(WIRE.parse(MINIMAL), REQUEST_ID)
    renderer.render([a_call(0, '{"a": {}', "f"), a_call(1, '{"b"', "g")], False)

    held = renderer.render([a_call(1, ": 1")], False)
    shown = renderer.render([a_call(0, "}")], False)
    streamed = renderer.render([a_call(1, "}")], False)

    assert held == b""
    assert [event["type"] for event in read_events(shown)] == [
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
    ]
    assert read_events(streamed)[0]["delta"]["partial_json"] == "}"


async def test_sdk_reads_tool_call_cut_short() -> None:
    door = a_door([a_call(0, '{"city": "Be', "get_weather"), Delta(finish_reason="length")])

    message = await final_message(door)

    assert message.stop_reason == "max_tokens"
    assert message.content[0].type == "tool_use"
    assert json.dumps(message.content[0].input) in ("{}", '{"city": "Be"}')


async def test_call_without_arguments_has_an_empty_input() -> None:
    message = await final_message(a_door([a_call(0, "", "now"), Delta(finish_reason="tool_calls")]))

    assert message.content[0].type == "tool_use"
    assert message.content[0].input == {}


async def test_sdk_reads_streamed_refusal() -> None:
    message = await final_message(
        a_door([Delta(refusal="I can"), Delta(refusal="not."), Delta(finish_reason="stop")])
    )

    assert message.stop_reason == "refusal"
    assert [block.model_dump(exclude_none=True) for block in message.content] == [
        {"type": "text", "text": "I cannot."}
    ]


async def test_sdk_reads_stream_without_content() -> None:
    message = await final_message(a_door([Delta(finish_reason="stop")]))

    assert message.content == []
    assert message.stop_reason == "end_turn"


async def test_sdk_parses_streamed_structured_output() -> None:
    door = a_door(
        [Delta(text='{"name": "Bern",'), Delta(text=' "inhabitants": 1}'), Delta(finish_reason="stop")]
    )

    async with a_client(door).messages.stream(**MINIMAL, output_format=City) as stream:
        message = await stream.get_final_message()

    assert message.parsed_output == City(name="Bern", inhabitants=1)


async def test_thought_signature_survives_the_stream() -> None:
    call = ToolCallDelta(0, "call_0", "f", "{}", "mark")
    message = await final_message(a_door([Delta(tool_calls=(call,)), Delta(finish_reason="stop")]))

    request = WIRE.parse(a_conversation(("user", "a"), ("assistant", [message.content[0].to_dict()])))

    assert request.messages[1].parts == (ToolCall("call_0", "f", "{}", "mark"),)


def test_nothing_is_sent_for_a_lone_role_piece() -> None:
    renderer = WIRE.stream_renderer(WIRE.parse(MINIMAL), REQUEST_ID)

    assert renderer.render([Delta(id="x", model="m")], False) == b""


async def test_relayed_stream_goes_out_as_it_came() -> None:
    raw = [
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message",'
        b'"role":"assistant","content":[],"model":"claude","stop_reason":null,"stop_sequence":null,'
        b'"usage":{"input_tokens":3,"output_tokens":1}}}\n\n',
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"pause_turn",'
        b'"stop_sequence":null},"usage":{"output_tokens":2}}\n\n',
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ]

    pieces = render_stream(WIRE, WIRE.parse(MINIMAL), [Delta(raw=said) for said in raw], relay=True)

    assert [piece for piece in pieces if b"ping" not in piece] == [*raw, b""]


# Errors, as the SDK sees them


@pytest.mark.parametrize(
    ("status", "kind", "exception"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (402, "billing_error", anthropic.APIStatusError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (408, "invalid_request_error", anthropic.APIStatusError),
        (409, "conflict_error", anthropic.ConflictError),
        (413, "request_too_large", anthropic.APIStatusError),
        (422, "invalid_request_error", anthropic.UnprocessableEntityError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (502, "api_error", anthropic.InternalServerError),
        (503, "overloaded_error", anthropic.APIStatusError),
        (504, "timeout_error", anthropic.APIStatusError),
        (529, "overloaded_error", anthropic.APIStatusError),
    ],
)
async def test_sdk_raises_its_own_exception(status: int, kind: str, exception: type[Exception]) -> None:
    door = a_door(LLMUnavailableError("Try later."), status=status)

    with pytest.raises(exception) as caught:
        await a_client(door).messages.create(**MINIMAL)

    assert isinstance(caught.value, anthropic.APIStatusError)
    assert caught.value.status_code == status
    assert caught.value.type == kind
    assert caught.value.api_message == "Try later."
    assert caught.value.error_code == "provider_unavailable"
    assert caught.value.body["request_id"] == REQUEST_ID  # type: ignore[index]


async def test_sdk_raises_error_that_comes_within_the_stream() -> None:
    script: list[Delta | OfficiumError] = [Delta(text="Hel"), LLMUnavailableError("The provider broke off.")]

    with pytest.raises(anthropic.APIStatusError) as caught:
        await final_message(a_door(script))

    assert caught.value.type == "api_error"
    assert caught.value.api_message == "The provider broke off."


# Any stream at all


def read_blocks(data: bytes) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The content blocks and the message_delta of a stream, checked against the protocol's order."""
    events = [event for event in read_events(data) if event["type"] != "ping"]
    assert events[0]["type"] == "message_start"
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    blocks: list[dict[str, Any]] = []
    is_open = False
    for event in events[1:-2]:
        if event["type"] == "content_block_start":
            assert not is_open
            assert event["index"] == len(blocks)
            blocks.append(event["content_block"] | {"partial_json": ""})
            is_open = True
            continue
        assert is_open
        assert event["index"] == len(blocks) - 1
        if event["type"] == "content_block_stop":
            is_open = False
            continue
        delta = event["delta"]
        field = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
        if delta["type"] == "signature_delta":
            blocks[-1]["signature"] = delta["signature"]
        else:
            name = field[delta["type"]]
            blocks[-1][name] += delta[name]
    assert not is_open
    return blocks, events[-2]


def shown_parts(completion: Completion) -> list[tuple[str, ...]]:
    """What of a completion a Messages client is shown; neighbouring words are one."""
    shown: list[tuple[str, ...]] = []
    for part in completion.parts:
        if isinstance(part, Text | Refusal) and part.text:
            shown.append(("text", part.text))
        elif isinstance(part, Reasoning):
            if part.text or part.signature:
                shown.append(("thinking", part.text, part.signature or ""))
            if part.encrypted:
                data = f"{part.id}:{part.encrypted}" if part.id else part.encrypted
                shown.append(("redacted_thinking", data))
        elif isinstance(part, ToolCall):
            shown.append(("tool_use", part.id, part.name, part.arguments))
    return shown


def read_parts(blocks: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    def read(block: dict[str, Any]) -> tuple[str, ...]:
        if block["type"] == "text":
            return ("text", block["text"])
        if block["type"] == "thinking":
            return ("thinking", block["thinking"], block["signature"])
        if block["type"] == "redacted_thinking":
            return ("redacted_thinking", block["data"])
        return ("tool_use", block["id"], block["name"], block["partial_json"] or "{}")

    return [read(block) for block in blocks]


@given(answers())
def test_any_stream_is_legal_and_says_what_the_whole_answer_says(deltas: list[Delta]) -> None:
    request = CompletionRequest(model="a-model", messages=())
    completion = build(deltas)

    blocks, end = read_blocks(b"".join(render_stream(WIRE, request, deltas)))

    whole = json.loads(WIRE.render(completion, request, REQUEST_ID))
    assert read_parts(blocks) == shown_parts(completion)
    assert end["delta"]["stop_reason"] == whole["stop_reason"]
    assert end["usage"] == whole["usage"]


@given(answers(objects_only=False))
def test_broken_arguments_never_break_the_order_of_events(deltas: list[Delta]) -> None:
    request = CompletionRequest(model="a-model", messages=())

    blocks, _ = read_blocks(b"".join(render_stream(WIRE, request, deltas)))

    assert [part[0] for part in read_parts(blocks)] == [part[0] for part in shown_parts(build(deltas))]
