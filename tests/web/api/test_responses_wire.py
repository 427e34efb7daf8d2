import json
from typing import Any

import openai
import pytest
from hypothesis import given
from openai.types.responses import Response
from pydantic import BaseModel

from officium.core.llm.completion import (
    Completion,
    CompletionRequest,
    Delta,
    OutputFormat,
    TokenLogprob,
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
from officium.web.api.responses_wire import ResponsesWire
from tests.support.deltas import answers
from tests.support.doors import REQUEST_ID, Door, Script, build, read_events, render_stream

WIRE = ResponsesWire()
MINIMAL: dict[str, Any] = {"model": "a-model", "input": "Hello"}
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": True,
}
TIME = {"type": "function", "name": "get_time", "parameters": {"type": "object"}, "strict": None}


def a_body(**changes: Any) -> dict[str, Any]:
    return MINIMAL | changes


def an_input(*items: dict[str, Any]) -> dict[str, Any]:
    return a_body(input=list(items))


def from_user(*parts: dict[str, Any]) -> dict[str, Any]:
    return an_input({"role": "user", "content": list(parts)})


def a_client(door: Door) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        api_key="a-key", base_url="http://door.test/v1", http_client=door.http_client, max_retries=0
    )


def a_door(script: Script, **options: Any) -> Door:
    return Door(WIRE, script, **options)


def a_call(index: int, arguments: str, name: str | None = None) -> Delta:
    return Delta(tool_calls=(ToolCallDelta(index, f"call_{index}" if name else None, name, arguments),))


def render(completion: Completion, **changes: Any) -> dict[str, Any]:
    return json.loads(WIRE.render(completion, WIRE.parse(a_body(**changes)), REQUEST_ID))  # type: ignore[no-any-return]


# Reading


def test_smallest_request_is_read() -> None:
    request = WIRE.parse(MINIMAL)

    assert request.model == "a-model"
    assert request.messages == (Message("user", (Text("Hello"),)),)
    assert request.unmodelled == request.untranslatable == ()


def test_no_provider_is_asked_to_store_anything() -> None:
    request = WIRE.parse(a_body(store=True))

    assert request.native is not None
    assert request.native.dialect == "openai-responses"
    assert request.native.body == MINIMAL | {"store": False}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"temperature": 1.5, "top_p": 0.5}, {"temperature": 1.5, "top_p": 0.5}, id="sampling"),
        pytest.param({"max_output_tokens": 50}, {"max_tokens": 50}, id="max-tokens"),
        pytest.param({"stream": True, "stream_options": {}}, {"stream": True}, id="stream"),
        pytest.param(
            {"tools": [WEATHER]},
            {
                "tools": (
                    Tool("get_weather", "The weather in a city.", WEATHER["parameters"], True),  # type: ignore[arg-type]
                )
            },
            id="tools",
        ),
        pytest.param({"tool_choice": "auto"}, {"tool_choice": ToolChoice("auto")}, id="choice-auto"),
        pytest.param({"tool_choice": "none"}, {"tool_choice": ToolChoice("none")}, id="choice-none"),
        pytest.param(
            {"tool_choice": "required"}, {"tool_choice": ToolChoice("required")}, id="choice-required"
        ),
        pytest.param(
            {"tool_choice": {"type": "function", "name": "f"}},
            {"tool_choice": ToolChoice("tool", "f")},
            id="choice-function",
        ),
        pytest.param(
            {
                "tools": [WEATHER, TIME],
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "name": "get_time"}],
                },
            },
            {"tool_choice": ToolChoice("required"), "tools": (Tool("get_time", None, {"type": "object"}),)},
            id="choice-among-some",
        ),
        pytest.param({"parallel_tool_calls": False}, {"parallel_tool_calls": False}, id="one-tool-at-a-time"),
        pytest.param({"text": {"format": {"type": "text"}}}, {"output_format": None}, id="text"),
        pytest.param(
            {"text": {"format": {"type": "json_object"}}}, {"output_format": OutputFormat()}, id="json-object"
        ),
        pytest.param(
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "city",
                        "schema": {"type": "object"},
                        "strict": True,
                        "description": "A city.",
                    }
                }
            },
            {"output_format": OutputFormat({"type": "object"}, "city", True, "A city.")},
            id="json-schema",
        ),
        pytest.param({"reasoning": {"effort": "low"}}, {"reasoning_effort": "low"}, id="effort"),
        pytest.param(
            {"include": ["message.output_text.logprobs"], "top_logprobs": 3},
            {"logprobs": True, "top_logprobs": 3},
            id="logprobs",
        ),
        pytest.param({"include": ["reasoning.encrypted_content"]}, {"logprobs": False}, id="no-logprobs"),
        pytest.param({"user": "u-1"}, {"user": "u-1"}, id="user"),
        pytest.param({"safety_identifier": "u-1"}, {"user": "u-1"}, id="safety-identifier"),
        pytest.param(
            {"instructions": "Be brief."},
            {"messages": (Message("system", (Text("Be brief."),)), Message("user", (Text("Hello"),)))},
            id="instructions",
        ),
    ],
)
def test_fields_are_read(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    request = WIRE.parse(a_body(**changes))

    assert {name: getattr(request, name) for name in expected} == expected
    assert request.unmodelled == request.untranslatable == ()


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        pytest.param({"type": "input_text", "text": "Hi"}, Text("Hi"), id="text"),
        pytest.param(
            {"type": "input_image", "image_url": "https://a.test/i.png", "detail": "low"},
            Image(url="https://a.test/i.png", detail="low"),
            id="image-url",
        ),
        pytest.param(
            {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
            Image(data="AA==", media_type="image/png"),
            id="image-data",
        ),
        pytest.param({"type": "input_image", "file_id": "file-1"}, File(file_id="file-1"), id="image-file"),
        pytest.param(
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
            File(data="AA==", media_type="application/pdf", name="a.pdf"),
            id="file-data",
        ),
        pytest.param(
            {"type": "input_file", "file_url": "https://a.test/a.pdf"},
            File(url="https://a.test/a.pdf"),
            id="file-url",
        ),
        pytest.param({"type": "input_file", "file_id": "file-1"}, File(file_id="file-1"), id="file-id"),
    ],
)
def test_part_of_a_user_message_is_read(part: dict[str, Any], expected: object) -> None:
    assert WIRE.parse(from_user(part)).messages[0].parts == (expected,)


def test_tool_loop_is_read_with_one_message_for_each_answer() -> None:
    body = an_input(
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Weather in Bern?"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Look it up."}],
            "encrypted_content": "locked",
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
        },
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city":"Bern"}'},
        {"type": "function_call", "call_id": "c2", "name": "get_time", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "Sunny"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_text", "text": "Noon"}],
        },
        {"role": "assistant", "content": "Sunny at noon."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No more."}]},
    )

    request = WIRE.parse(body)

    assert request.messages == (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("Weather in Bern?"),)),
        Message(
            "assistant",
            (
                Reasoning("Look it up.", None, "locked", "rs_1"),
                Text("I look."),
                ToolCall("c1", "get_weather", '{"city":"Bern"}'),
                ToolCall("c2", "get_time", "{}"),
            ),
        ),
        Message("tool", (ToolResult("c1", (Text("Sunny"),), "get_weather"),)),
        Message("tool", (ToolResult("c2", (Text("Noon"),), "get_time"),)),
        Message("assistant", (Text("Sunny at noon."),)),
        Message("assistant", (Refusal("No more."),)),
    )


@pytest.mark.parametrize(
    ("body", "name"),
    [
        pytest.param(
            an_input({"type": "web_search_call", "id": "ws_1"}), "input[0] (web_search_call)", id="item"
        ),
        pytest.param(from_user({"type": "input_audio"}), "input[0].content[0] (input_audio)", id="part"),
        pytest.param(
            a_body(tools=[{"type": "custom", "name": "f"}]), "tools[0] (custom)", id="tool-of-the-client"
        ),
        pytest.param({"model": "a-model", "prompt": {"id": "pmpt_1"}}, "prompt", id="stored-prompt"),
    ],
)
def test_what_only_openai_knows_is_named(body: dict[str, Any], name: str) -> None:
    assert WIRE.parse(body).untranslatable == (name,)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        pytest.param(a_body(service_tier="auto"), "service_tier", id="top-level"),
        pytest.param(a_body(text={"verbosity": "low"}), "text.verbosity", id="verbosity"),
        pytest.param(a_body(reasoning={"summary": "auto"}), "reasoning.summary", id="summary"),
        pytest.param(a_body(include=["file_search_call.results"]), "include", id="include"),
        pytest.param(a_body(tools=[TIME | {"defer_loading": True}]), "tool.defer_loading", id="tool"),
    ],
)
def test_fields_without_a_neutral_word_are_noted(body: dict[str, Any], name: str) -> None:
    assert WIRE.parse(body).unmodelled == (name,)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"input": "Hi"}, "model", id="no-model"),
        pytest.param({"model": "m"}, "input", id="no-input"),
        pytest.param(a_body(input=[]), "input", id="empty-input"),
        pytest.param(a_body(input=5), "input", id="input-number"),
        pytest.param(a_body(input=["Hi"]), "input[0]", id="item-text"),
        pytest.param(an_input({"role": "tool", "content": "a"}), "input[0].role", id="wrong-role"),
        pytest.param(an_input({"role": "user"}), "input[0].content", id="no-content"),
        pytest.param(from_user({"text": "a"}), "input[0].content[0].type", id="no-part-type"),
        pytest.param(from_user({"type": "input_text"}), "input[0].content[0].text", id="no-text"),
        pytest.param(from_user({"type": "input_image"}), "input[0].content[0].image_url", id="no-image"),
        pytest.param(from_user({"type": "input_file"}), "input[0].content[0]", id="no-file"),
        pytest.param(
            from_user({"type": "input_file", "file_data": "AA=="}),
            "input[0].content[0].file_data",
            id="file-without-type",
        ),
        pytest.param(an_input({"type": "function_call", "name": "f"}), "input[0].call_id", id="no-call-id"),
        pytest.param(
            an_input({"type": "function_call_output", "call_id": "c"}), "input[0].output", id="no-output"
        ),
        pytest.param(
            an_input(
                {
                    "type": "function_call_output",
                    "call_id": "c",
                    "output": [{"type": "refusal", "refusal": "a"}],
                }
            ),
            "input[0].output",
            id="refusal-as-output",
        ),
        pytest.param(an_input({"type": "item_reference", "id": "msg_1"}), "input[0]", id="item-reference"),
        pytest.param(an_input({"id": "msg_1"}), "input[0]", id="bare-reference"),
        pytest.param(a_body(previous_response_id="resp_1"), "previous_response_id", id="previous-response"),
        pytest.param(a_body(conversation="conv_1"), "conversation", id="conversation"),
        pytest.param(a_body(background=True), "background", id="background"),
        pytest.param(a_body(store="yes"), "store", id="store-text"),
        pytest.param(a_body(tools=[{"type": "web_search"}]), "tools[0].type", id="web-search"),
        pytest.param(a_body(tools=[{"type": "mcp"}]), "tools[0].type", id="mcp"),
        pytest.param(a_body(tools=[{"type": "function"}]), "tools[0].name", id="no-tool-name"),
        pytest.param(a_body(tool_choice="any"), "tool_choice", id="unknown-choice"),
        pytest.param(
            a_body(tool_choice={"type": "web_search"}), "tool_choice.type", id="choice-of-web-search"
        ),
        pytest.param(a_body(tool_choice={"type": "function"}), "tool_choice.name", id="choice-of-nothing"),
        pytest.param(a_body(text={"format": {"type": "xml"}}), "text.format.type", id="xml"),
        pytest.param(
            a_body(text={"format": {"type": "json_schema", "name": "a"}}),
            "text.format.schema",
            id="no-schema",
        ),
        pytest.param(a_body(max_output_tokens=0), "max_output_tokens", id="max-tokens-zero"),
        pytest.param(a_body(temperature=3), "temperature", id="temperature-high"),
        pytest.param(a_body(top_logprobs=21), "top_logprobs", id="top-logprobs-high"),
        pytest.param(a_body(metadata={"a": 1}), "metadata.a", id="metadata-number"),
        pytest.param(a_body(instructions=["Be brief."]), "instructions", id="instructions-list"),
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
        Reasoning("Hm.", None, "locked", "rs_theirs"),
        Text("Hello!"),
        ToolCall("call_1", "get_weather", '{"city": "Bern"}'),
    )
    door = a_door(Completion(parts=parts, finish_reason="tool_calls", usage=usage, model="a-model-2"))

    response = await a_client(door).responses.create(**MINIMAL)

    Response.model_validate(json.loads(response.model_dump_json()))
    assert response.id.startswith("resp_")
    assert response.model == "a-model-2"
    assert response.status == "completed"
    assert response.output_text == "Hello!"
    assert [item.to_dict() for item in response.output] == [
        {
            "id": "rs_theirs",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "locked",
        },
        {
            "id": "msg_01test_1",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": "Hello!"}],
        },
        {
            "id": "fc_01test_2",
            "type": "function_call",
            "status": "completed",
            "arguments": '{"city": "Bern"}',
            "call_id": "call_1",
            "name": "get_weather",
        },
    ]
    assert response.usage is not None
    assert response.usage.to_dict() == {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 107,
    }


async def test_response_repeats_the_request() -> None:
    said: dict[str, Any] = {
        "instructions": "Be brief.",
        "max_output_tokens": 50,
        "metadata": {"a": "b"},
        "temperature": 0.5,
        "top_p": 0.9,
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "name": "get_weather"},
        "parallel_tool_calls": False,
        "text": {"format": {"type": "json_object"}},
        "reasoning": {"effort": "low"},
        "user": "u-1",
    }

    response = await a_client(a_door(Completion())).responses.create(**a_body(**said, store=True))

    shown = response.to_dict()
    assert {name: shown[name] for name in said} == said | {"reasoning": {"effort": "low", "summary": None}}
    assert shown["store"] is False


async def test_answer_given_back_by_the_sdk_is_read_as_it_was() -> None:
    parts = (
        Reasoning("Hm.", "sig"),
        Reasoning("", None, "locked", "rs_1"),
        Text("Hello!"),
        ToolCall("call_1", "get_weather", '{"city":"Bern"}', "thought-mark"),
    )
    door = a_door(Completion(parts=parts))
    client = a_client(door)

    response = await client.responses.create(**MINIMAL)
    result: Any = {"type": "function_call_output", "call_id": "call_1", "output": "Sunny"}
    question: Any = {"role": "user", "content": "Hello"}
    await client.responses.create(**a_body(input=[question, *response.output, result]))

    assert door.asked[1].messages[1].parts == parts


def test_marks_of_other_providers_do_not_reach_openai() -> None:
    parts = (Reasoning("Hm", "sig"), ToolCall("call_1", "f", "{}", "mark"))
    output = render(Completion(parts=parts))["output"]

    request = WIRE.parse(a_body(input=[{"role": "user", "content": "a"}, *output]))

    assert request.native is not None
    assert request.native.body["input"] == [
        {"role": "user", "content": "a"},
        {
            "id": "fc_01test_1",
            "type": "function_call",
            "status": "completed",
            "arguments": "{}",
            "call_id": "call_1",
            "name": "f",
        },
    ]


@pytest.mark.parametrize(
    ("completion", "status", "details"),
    [
        (Completion(finish_reason="stop"), "completed", None),
        (Completion(finish_reason="other"), "completed", None),
        (Completion(finish_reason="tool_calls"), "completed", None),
        (Completion(finish_reason="length"), "incomplete", {"reason": "max_output_tokens"}),
        (Completion(finish_reason="content_filter"), "incomplete", {"reason": "content_filter"}),
    ],
)
def test_status_says_how_it_ended(completion: Completion, status: str, details: object) -> None:
    said = render(completion)

    assert said["status"] == status
    assert said["incomplete_details"] == details
    assert (said["completed_at"] is not None) == (status == "completed")


def test_item_cut_short_is_marked() -> None:
    said = render(Completion(parts=(Text("Hel"), ToolCall("c", "f", '{"a')), finish_reason="length"))

    assert [item["status"] for item in said["output"]] == ["completed", "incomplete"]


def test_words_and_refusal_make_one_message() -> None:
    said = render(Completion(parts=(Text("Well,"), Refusal("no."))))

    assert [content["type"] for content in said["output"][0]["content"]] == ["output_text", "refusal"]


def test_logprobs_are_shown() -> None:
    logprobs = (TokenLogprob("Hé", -0.5, (("Hé", -0.5), ("Ha", -2.0))),)

    said = render(Completion(parts=(Text("Hé"),), logprobs=logprobs))

    assert said["output"][0]["content"][0]["logprobs"] == [
        {
            "token": "Hé",
            "logprob": -0.5,
            "bytes": [72, 195, 169],
            "top_logprobs": [
                {"token": "Hé", "logprob": -0.5, "bytes": [72, 195, 169]},
                {"token": "Ha", "logprob": -2.0, "bytes": [72, 97]},
            ],
        }
    ]


class City(BaseModel):
    name: str
    inhabitants: int


async def test_sdk_parses_structured_output() -> None:
    door = a_door(Completion(parts=(Text('{"name": "Bern", "inhabitants": 137000}'),)))

    response = await a_client(door).responses.parse(**MINIMAL, text_format=City)

    assert response.output_parsed == City(name="Bern", inhabitants=137000)
    asked = door.asked[0].output_format
    assert asked is not None
    assert asked.name == "City"
    assert asked.strict is True


# Streams, as the SDK sees them


async def final_response(door: Door, **changes: Any) -> Any:
    async with a_client(door).responses.stream(**a_body(**changes)) as stream:
        return await stream.get_final_response()


async def test_sdk_reads_stream() -> None:
    door = a_door(
        [
            Delta(id="x", model="a-model-2"),
            Delta(reasoning="Hm"),
            Delta(reasoning=", so."),
            Delta(reasoning_signature="sig"),
            Delta(text="Hel", logprobs=(TokenLogprob("Hel", -0.1),)),
            Delta(text="lo!"),
            Delta(finish_reason="stop"),
            Delta(usage=TokenUsage(input_tokens=30, output_tokens=4)),
        ]
    )

    response = await final_response(door)

    assert response.model == "a-model-2"
    assert response.output_text == "Hello!"
    assert response.output[0].summary[0].text == "Hm, so."
    assert response.output[0].encrypted_content == "signature:sig"
    assert response.output[1].content[0].logprobs[0].token == "Hel"
    assert response.usage.total_tokens == 34
    assert [event["type"].removeprefix("response.") for event in read_events(door.streamed)] == [
        *("created", "in_progress"),
        *("output_item.added", "reasoning_summary_part.added"),
        *("reasoning_summary_text.delta", "reasoning_summary_text.delta", "reasoning_summary_text.done"),
        *("reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done"),
        "completed",
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

    response = await final_response(door)

    assert [(item.name, item.call_id, item.arguments) for item in response.output] == [
        ("get_weather", "call_0", '{"city": "Bern"}'),
        ("get_time", "call_1", '{"zone": "CET"}'),
    ]


async def test_call_without_arguments_has_an_empty_object() -> None:
    response = await final_response(a_door([a_call(0, "", "now"), Delta(finish_reason="tool_calls")]))

    assert response.output[0].arguments == "{}"


async def test_sdk_reads_streamed_refusal() -> None:
    response = await final_response(
        a_door([Delta(refusal="I can"), Delta(refusal="not."), Delta(finish_reason="stop")])
    )

    assert response.output[0].content[0].to_dict() == {"type": "refusal", "refusal": "I cannot."}


async def test_sdk_reads_stream_cut_short() -> None:
    door = a_door([Delta(text="Hel"), Delta(finish_reason="length")])

    async with a_client(door).responses.stream(**MINIMAL) as stream:
        events = [event async for event in stream]

    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details is not None
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"
    assert events[-1].response.output_text == "Hel"


async def test_sdk_reads_stream_without_content() -> None:
    response = await final_response(a_door([Delta(finish_reason="stop")]))

    assert response.output == []
    assert response.status == "completed"


async def test_sdk_parses_streamed_structured_output() -> None:
    door = a_door(
        [Delta(text='{"name": "Bern",'), Delta(text=' "inhabitants": 1}'), Delta(finish_reason="stop")]
    )

    response = await final_response(door, text_format=City)

    assert response.output_parsed == City(name="Bern", inhabitants=1)


def test_heartbeat_is_a_comment() -> None:
    assert WIRE.stream_renderer(WIRE.parse(MINIMAL), REQUEST_ID).heartbeat().startswith(b":")


def test_nothing_is_sent_for_a_lone_role_piece() -> None:
    renderer = WIRE.stream_renderer(WIRE.parse(MINIMAL), REQUEST_ID)

    assert renderer.render([Delta(id="x", model="m")], False) == b""


def test_relayed_stream_goes_out_as_it_came() -> None:
    raw = [
        b'event: response.created\ndata: {"type":"response.created","sequence_number":0}\n\n',
        b'event: response.completed\ndata: {"type":"response.completed","sequence_number":1}\n\n',
    ]

    pieces = render_stream(WIRE, WIRE.parse(MINIMAL), [Delta(raw=said) for said in raw], relay=True)

    assert [piece for piece in pieces if not piece.startswith(b":")] == [*raw, b""]


def test_error_in_a_relayed_stream_takes_the_next_number() -> None:
    raw = b'event: response.created\ndata: {"type":"response.created","sequence_number": 6}\n\n'
    script: list[Delta | OfficiumError] = [Delta(raw=raw), LLMUnavailableError("Broken off.")]

    pieces = render_stream(WIRE, WIRE.parse(MINIMAL), script, relay=True)

    assert read_events(pieces[-1])[0]["sequence_number"] == 7


# Errors, as the SDK sees them


@pytest.mark.parametrize(
    ("status", "exception"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (503, openai.InternalServerError),
    ],
)
async def test_sdk_raises_its_own_exception(status: int, exception: type[Exception]) -> None:
    door = a_door(LLMUnavailableError("Try later."), status=status)

    with pytest.raises(exception, match=r"Try later\.") as caught:
        await a_client(door).responses.create(**MINIMAL)

    assert isinstance(caught.value, openai.APIStatusError)
    assert caught.value.status_code == status
    assert caught.value.code == "provider_unavailable"


async def test_sdk_is_told_which_part_is_wrong() -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await a_client(a_door(Completion())).responses.create(**a_body(previous_response_id="resp_1"))

    assert caught.value.param == "previous_response_id"
    assert "whole conversation" in caught.value.message


async def test_sdk_raises_error_that_comes_within_the_stream() -> None:
    script: list[Delta | OfficiumError] = [Delta(text="Hel"), LLMUnavailableError("The provider broke off.")]
    door = a_door(script)

    with pytest.raises(openai.APIError, match=r"The provider broke off\.") as caught:
        await final_response(door)

    assert caught.value.code == "provider_unavailable"
    event = read_events(door.streamed)[-1]
    assert event["type"] == "error"
    assert event["message"] == "The provider broke off."
    assert event["code"] == "provider_unavailable"


# Any stream at all


def read_stream(data: bytes) -> dict[str, Any]:
    """The final response of a stream, checked against the protocol's order and against its own events."""
    events = read_events(data)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    done: list[dict[str, Any]] = []
    item: dict[str, Any] | None = None
    pieces = ""
    for event in events[2:-1]:
        kind = event["type"].removeprefix("response.")
        assert event["output_index"] == len(done)
        if kind == "output_item.added":
            assert item is None
            item, pieces = event["item"], ""
        elif kind == "output_item.done":
            assert item is not None
            assert item["id"] == event["item"]["id"]
            done.append(event["item"])
            item = None
        else:
            assert item is not None
            assert event["item_id"] == item["id"]
            if kind.endswith("_part.added"):
                pieces = ""
            elif kind.endswith(".delta"):
                pieces += event["delta"]
            elif kind in ("output_text.done", "refusal.done", "reasoning_summary_text.done"):
                assert event.get("text", event.get("refusal")) == pieces
            elif kind == "function_call_arguments.done":
                assert event["arguments"] == pieces
    assert item is None
    response: dict[str, Any] = events[-1]["response"]
    assert events[-1]["type"] == f"response.{response['status']}"
    assert response["output"] == done
    assert len({item["id"] for item in done}) == len(done)
    return response


@given(answers())
def test_any_stream_is_legal_and_says_what_the_whole_answer_says(deltas: list[Delta]) -> None:
    request = CompletionRequest(model="a-model", messages=())

    streamed = read_stream(b"".join(render_stream(WIRE, request, deltas)))

    whole = json.loads(WIRE.render(build(deltas), request, REQUEST_ID))
    assert _comparable(streamed) == _comparable(whole)


def _comparable(response: dict[str, Any]) -> dict[str, Any]:
    """A response without its times, and without the ids of thoughts, which a stream must name too early."""
    for item in response["output"]:
        if item["type"] == "reasoning":
            del item["id"]
    return response | {"created_at": 0, "completed_at": 0}


@given(answers(objects_only=False))
def test_broken_arguments_never_break_the_order_of_events(deltas: list[Delta]) -> None:
    request = CompletionRequest(model="a-model", messages=())

    streamed = read_stream(b"".join(render_stream(WIRE, request, deltas)))

    whole = json.loads(WIRE.render(build(deltas), request, REQUEST_ID))
    assert [item["type"] for item in streamed["output"]] == [item["type"] for item in whole["output"]]
