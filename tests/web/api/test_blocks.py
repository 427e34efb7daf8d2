import pytest
from hypothesis import given

from officium.core.llm.completion import Delta, TokenLogprob, ToolCallDelta
from officium.core.llm.message import Part, Reasoning, Refusal, Text, ToolCall
from officium.web.api.blocks import Block, BlockSequence, find_json_object
from tests.support.deltas import answers
from tests.support.doors import build


class Recorder:
    """Writes down what a sequence shows, and that no block comes before the last is closed."""

    def __init__(self) -> None:
        self.closed: list[Block] = []
        self.open: Block | None = None
        self.shown = ""
        self.pieces: list[str] = []

    def open_block(self, block: Block) -> None:
        assert self.open is None
        self.open, self.shown = block, ""

    def grow(self, block: Block, piece: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        assert block is self.open
        self.shown += piece
        self.pieces.append(piece)

    def close_block(self, block: Block) -> None:
        assert block is self.open
        assert self.shown == block.text
        self.closed.append(block)
        self.open = None


def show(*deltas: Delta, finish: bool = True) -> Recorder:
    recorder = Recorder()
    sequence = BlockSequence(recorder)
    for delta in deltas:
        sequence.add(delta)
    if finish:
        sequence.finish()
        assert recorder.open is None
    return recorder


def a_call(index: int, arguments: str) -> Delta:
    return Delta(tool_calls=(ToolCallDelta(index, f"call_{index}", "f", arguments),))


def as_part(block: Block) -> Part:
    if block.kind == "text":
        return Text(block.text)
    if block.kind == "refusal":
        return Refusal(block.text)
    if block.kind == "reasoning":
        return Reasoning(block.text, block.signature, block.encrypted, block.id)
    return ToolCall(block.id or "", block.name, block.text or "{}", block.signature)


def test_words_are_passed_on_at_once() -> None:
    recorder = show(Delta(text="Hel"), Delta(text="lo"), finish=False)

    assert recorder.pieces == ["Hel", "lo"]


def test_text_gives_way_to_a_call() -> None:
    recorder = show(Delta(text="I look."), a_call(0, '{"a"'), finish=False)

    assert [block.kind for block in recorder.closed] == ["text"]
    assert recorder.shown == '{"a"'


def test_whole_call_gives_way_to_the_next() -> None:
    recorder = show(a_call(0, '{"a": 1}'), a_call(1, "{"), finish=False)

    assert recorder.open is not None
    assert recorder.open.id == "call_1"


@pytest.mark.parametrize("arguments", ["", '{"a": {}', '{"a": "}'])
def test_unfinished_call_makes_others_wait(arguments: str) -> None:
    recorder = show(a_call(0, arguments), a_call(1, "{}"), Delta(text="So."), finish=False)

    assert recorder.open is not None
    assert recorder.open.id == "call_0"
    assert recorder.closed == []


def test_all_that_waits_follows_once_the_call_is_whole() -> None:
    recorder = show(a_call(0, "{"), a_call(1, "{}"), Delta(text="So."), a_call(0, "}"), finish=False)

    assert [block.id for block in recorder.closed] == ["call_0", "call_1"]
    assert recorder.shown == "So."


def test_end_shows_all_that_waits() -> None:
    recorder = show(a_call(0, '{"a'), Delta(text="So."), a_call(1, '{"b'))

    assert [as_part(block) for block in recorder.closed] == [
        ToolCall("call_0", "f", '{"a'),
        Text("So."),
        ToolCall("call_1", "f", '{"b'),
    ]


def test_what_follows_whole_arguments_is_left_out_once_others_have_begun() -> None:
    recorder = show(a_call(0, "{}"), Delta(text="So."), a_call(0, " garbage"))

    assert [block.text for block in recorder.closed] == ["{}", "So."]


def test_log_probabilities_stay_with_their_words() -> None:
    recorder = show(a_call(0, "{"), Delta(text="a", logprobs=(TokenLogprob("a", -1.0),)), a_call(0, "}"))

    assert recorder.closed[1].logprobs == [TokenLogprob("a", -1.0)]


def test_another_id_begins_another_thought() -> None:
    deltas = [Delta(reasoning="a", reasoning_id="rs_1"), Delta(reasoning="b", reasoning_id="rs_2")]

    recorder = show(*deltas)

    assert [as_part(block) for block in recorder.closed] == [
        Reasoning("a", id="rs_1"),
        Reasoning("b", id="rs_2"),
    ]
    assert build(deltas).parts == (Reasoning("a", id="rs_1"), Reasoning("b", id="rs_2"))


@given(answers())
def test_blocks_are_the_parts_of_the_completion(deltas: list[Delta]) -> None:
    recorder = show(*deltas)

    assert tuple(as_part(block) for block in recorder.closed) == tuple(
        Text(part.text) if isinstance(part, Text) else part for part in build(deltas).parts
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', b'{"a": 1}'),
        (' {"a": [true, null]} ', b' {"a": [true, null]} '),
        ("", b"{}"),
        ("  ", b"{}"),
        ("[]", None),
        ('"a"', None),
        ("null", b"{}"),
        ('{"a": NaN}', None),
        ('{"a": 1', None),
        ("{}{}", None),
        ("{a: 1}", None),
    ],
)
def test_only_whole_json_objects_are_found(text: str, expected: bytes | None) -> None:
    found = find_json_object(text)

    assert (None if found is None else bytes(found)) == expected
