import pytest

from officium.core.llm.chat import LLMMessage, LLMToolCall, as_message, as_messages, as_tool, as_tool_choice
from officium.core.llm.completion import ToolChoice
from officium.core.llm.message import Image, Message, Text, ToolCall, ToolResult, user
from officium.kit.errors import InvalidRequest

CALL = ToolCall("c1", "get_time", '{"zone": "UTC"}')


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param(user("Hi"), user("Hi"), id="ours"),
        pytest.param(LLMMessage(role="user", content="Hi"), user("Hi"), id="llm-message"),
        pytest.param(
            {"role": "user", "content": "Hi", "name": "Ada"},
            Message("user", (Text("Hi"),), "Ada"),
            id="mapping",
        ),
        pytest.param(
            {"role": "developer", "content": "Be brief"},
            Message("system", (Text("Be brief"),)),
            id="developer",
        ),
        pytest.param({"role": "assistant", "content": None}, Message("assistant", ()), id="nothing-said"),
        pytest.param(
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "See"},
                    {"type": "image_url", "image_url": {"url": "https://e.com/a.png", "detail": "low"}},
                ],
            },
            Message("user", (Text("See"), Image(url="https://e.com/a.png", detail="low"))),
            id="parts",
        ),
        pytest.param(
            {"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,AAAA"}]},
            Message("user", (Image(data="AAAA", media_type="image/png"),)),
            id="data-url",
        ),
        pytest.param(
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "get_time", "arguments": '{"zone": "UTC"}'},
                    }
                ],
            },
            Message("assistant", (CALL,)),
            id="tool-call",
        ),
        pytest.param(
            {
                "role": "assistant",
                "tool_calls": [LLMToolCall(id="c1", name="get_time", arguments='{"zone": "UTC"}'), CALL],
            },
            Message("assistant", (CALL, CALL)),
            id="tool-calls-of-an-answer",
        ),
        pytest.param(
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}],
            },
            Message("assistant", (ToolCall("c1", "f", '{"a":1}'),)),
            id="arguments-as-object",
        ),
        pytest.param(
            {"role": "tool", "tool_call_id": "c1", "content": "noon"},
            Message("tool", (ToolResult("c1", (Text("noon"),)),)),
            id="tool-result",
        ),
    ],
)
def test_message_is_understood(said, message):
    assert as_message(said) == message


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"content": "Hi"}, id="no-role"),
        pytest.param({"role": "robot", "content": "Hi"}, id="unknown-role"),
        pytest.param({"role": "user", "content": 3}, id="number"),
        pytest.param({"role": "user", "content": [{"type": "video"}]}, id="unknown-part"),
    ],
)
def test_message_that_makes_no_sense_is_refused(said):
    with pytest.raises(InvalidRequest) as failure:
        as_message(said)

    assert failure.value.fields["param"] == "messages"


def test_system_prompt_comes_first_and_prompt_last():
    turns = as_messages("Now", "Be brief", [{"role": "assistant", "content": "Yes?"}])

    assert [turn.text for turn in turns] == ["Be brief", "Yes?", "Now"]


def test_tool_without_a_name_is_refused():
    with pytest.raises(InvalidRequest):
        as_tool({"type": "function", "function": {}})


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        (None, None),
        ("auto", ToolChoice("auto")),
        ("required", ToolChoice("required")),
        ("get_time", ToolChoice("tool", "get_time")),
        (ToolChoice("none"), ToolChoice("none")),
    ],
)
def test_tool_choice_is_a_word_or_a_name(said, choice):
    assert as_tool_choice(said) == choice
