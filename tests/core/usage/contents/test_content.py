"""How prompts and answers are written down: cut to size, without pictures, masked."""

from datetime import UTC, datetime
from typing import Any

from officium.core.llm.completion import (
    Completion,
    CompletionRequest,
    Delta,
    OutputFormat,
    Tool,
    ToolCallDelta,
    ToolChoice,
)
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.message import File, Image, Message, Text, ToolCall, ToolResult, user
from officium.core.usage.contents import Heard, PendingContent
from officium.core.usage.contents.content import (
    LARGEST_ANSWER_BYTES,
    LARGEST_REQUEST_BYTES,
    Fault,
    KeptAnswer,
    KeptRequest,
    read_answer,
    read_request,
    write_answer,
    write_request,
)


def _kept(request: CompletionRequest | EmbeddingRequest, is_masked: bool = False) -> tuple[KeptRequest, bool]:
    text, is_cut = write_request(request, is_masked=is_masked)
    return read_request(text), is_cut


def _answered(answer: Completion | None, is_masked: bool = False, **more: Any) -> tuple[KeptAnswer, bool]:
    pending = PendingContent(
        tenant_id="ten_1",
        request_id="req_1",
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
        widget_id=None,
        visitor_id=None,
        is_masked=is_masked,
        request=CompletionRequest(model="mock", messages=()),
        answer=answer,
        **{"finish_reason": "stop", "model": "mock/mock", "faults": (), **more},
    )
    text, is_cut = write_answer(pending)
    return read_answer(text), is_cut


def test_request_is_kept_with_tools_settings_and_notes_in_the_place_of_pictures() -> None:
    call = Message("assistant", (ToolCall("call_1", "weather", '{"city":"Kyiv"}'),))
    result = Message("tool", (ToolResult("call_1", (Text("12 degrees"),), "weather"),))
    picture = Message("user", (Text("And this?"), Image(data="QUJD", media_type="image/png")))
    request = CompletionRequest(
        model="fast",
        messages=(user("How warm is it?"), call, result, picture),
        temperature=0.2,
        max_tokens=50,
        tools=(Tool("weather", "Says how warm it is", {"type": "object"}),),
        tool_choice=ToolChoice("tool", "weather"),
        output_format=OutputFormat({"type": "object"}),
        stop=("END",),
    )

    kept, is_cut = _kept(request)

    assert not is_cut
    assert [message.role for message in kept.messages] == ["user", "assistant", "tool", "user"]
    assert kept.messages[1].parts[0].text == '{"city":"Kyiv"}'
    assert kept.messages[2].parts[0].parts[0].text == "12 degrees"
    assert (kept.messages[3].parts[1].media_type, kept.messages[3].parts[1].size_bytes) == ("image/png", 3)
    assert "QUJD" not in write_request(request, is_masked=False)[0]
    assert kept.has_media
    assert kept.tools[0].parameters == {"type": "object"}
    assert kept.settings == {"max_tokens": 50, "temperature": 0.2}
    assert (kept.tool_choice, kept.stop, kept.output_schema) == ("weather", ("END",), {"type": "object"})


def test_newest_messages_are_kept_where_there_is_no_room_for_all() -> None:
    texts = [f"message {number} " + "x" * 30_000 for number in range(20)]
    request = CompletionRequest(model="mock", messages=tuple(user(text) for text in texts))

    text, is_cut = write_request(request, is_masked=False)
    kept = read_request(text)

    assert is_cut
    assert len(text.encode()) < LARGEST_REQUEST_BYTES + 10_000
    assert kept.messages[-1].parts[0].text == texts[-1]
    assert kept.dropped > 0
    assert kept.dropped + len(kept.messages) == 20


def test_one_endless_message_and_endless_parts_are_cut() -> None:
    endless = CompletionRequest(model="mock", messages=(user("ü" * 3_000_000),))
    crumbs = CompletionRequest(model="mock", messages=(Message("user", (Text(""),) * 500_000),))

    for request in (endless, crumbs):
        text, is_cut = write_request(request, is_masked=True)
        assert is_cut
        assert len(text.encode()) < LARGEST_REQUEST_BYTES + 100_000


def test_personal_data_is_masked_also_where_the_cut_is() -> None:
    address = "ada.lovelace@example.com"
    request = CompletionRequest(model="mock", messages=(user(f"Write to {address} or +49 30 1234567"),))
    tail = LARGEST_REQUEST_BYTES - 64
    crossed = [
        CompletionRequest(model="mock", messages=(user("x " * (tail // 2 - shift) + address + " y" * 2000),))
        for shift in range(0, 16, 3)
    ]

    text, _ = write_request(request, is_masked=True)

    assert "[email]" in text
    assert "[phone]" in text
    assert "ada" not in text
    assert address in write_request(request, is_masked=False)[0]
    for one in crossed:
        assert "ada" not in write_request(one, is_masked=True)[0]


def test_texts_with_half_a_character_can_be_kept() -> None:
    kept, _ = _kept(CompletionRequest(model="mock", messages=(user("a\ud800b\0c"),)))

    assert kept.messages[0].parts[0].text == "a?b\0c"


def test_embeddings_are_kept_with_their_inputs() -> None:
    kept, is_cut = _kept(EmbeddingRequest(model="embed", inputs=("one", "mail a@b.example")), is_masked=True)

    assert (kept.inputs, is_cut) == (("one", "mail [email]"), False)


def test_answer_is_kept_with_what_went_wrong_before_it() -> None:
    fault = Fault(1, "provider_unavailable", "Ask bob@example.com", "groq/x")
    completion = Completion(parts=(Text("Call +49 30 1234567"), ToolCall("c", "t", "{}")), notes=("A note",))

    kept, is_cut = _answered(completion, is_masked=True, faults=(fault,))

    assert not is_cut
    assert [part.text for part in kept.parts] == ["Call [phone]", "{}"]
    assert kept.faults == (Fault(1, "provider_unavailable", "Ask [email]", "groq/x"),)
    assert (kept.notes, kept.finish_reason, kept.model) == (("A note",), "stop", "mock/mock")
    assert _answered(None)[0].parts == ()


def test_long_answer_is_cut() -> None:
    kept, is_cut = _answered(Completion(parts=(Text("x" * 1_000_000),)))

    assert is_cut
    assert 200_000 < len(kept.parts[0].text) <= LARGEST_ANSWER_BYTES


def test_stream_is_heard_up_to_the_most_that_is_kept() -> None:
    heard = Heard()
    silent = Heard()
    silent.add([Delta(finish_reason="stop")])

    for _ in range(1_000):
        heard.add([Delta(text="y" * 1_000), Delta(raw=b"ping")])
    heard.add([Delta(tool_calls=(ToolCallDelta(0, "c", "t", "{}"),))])

    completion = heard.completion()
    assert completion is not None
    assert LARGEST_ANSWER_BYTES <= len(completion.text) < LARGEST_ANSWER_BYTES + 2_000
    assert silent.completion() is None


def test_file_is_kept_by_its_name_alone() -> None:
    file = File(data="QUJDRA==", media_type="application/pdf", name="a.pdf")
    kept, _ = _kept(CompletionRequest(model="mock", messages=(Message("user", (file,)),)))

    part = kept.messages[0].parts[0]
    assert (part.kind, part.name, part.text) == ("file", "a.pdf", "")
