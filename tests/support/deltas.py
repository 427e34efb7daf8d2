"""Hypothesis strategies for streamed answers."""

from typing import get_args

import msgspec
from hypothesis import strategies as st

from officium.core.llm.completion import Delta, FinishReason, ToolCallDelta
from officium.core.llm.token_usage import TokenUsage

_WORDS = st.text(min_size=1, max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
JSON_OBJECTS = st.dictionaries(st.text(max_size=4), _JSON, max_size=3)


@st.composite
def _cut(draw: st.DrawFn, text: str) -> list[str]:
    places = draw(st.lists(st.integers(0, len(text)), max_size=4).map(sorted))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@st.composite
def _call(draw: st.DrawFn, index: int, arguments: str) -> list[Delta]:
    first, *pieces = draw(_cut(arguments))
    head = ToolCallDelta(index, f"call_{index}", f"tool_{index}", first)
    return [
        Delta(tool_calls=(head,)),
        *(Delta(tool_calls=(ToolCallDelta(index, arguments=p),)) for p in pieces),
    ]


@st.composite
def _words(draw: st.DrawFn) -> list[Delta]:
    kind = draw(st.sampled_from(("text", "refusal", "reasoning", "signed", "encrypted", "item", "marked")))
    words = draw(_WORDS)
    if kind == "text":
        return [Delta(text=words)]
    if kind == "refusal":
        return [Delta(refusal=words)]
    if kind == "reasoning":
        return [Delta(reasoning=words)]
    if kind == "signed":
        return [Delta(reasoning=words), Delta(reasoning_signature=draw(st.sampled_from(("sig-a", "sig-b"))))]
    if kind == "marked":
        return [Delta(text=words), Delta(text_signature="sig-c")]
    if kind == "item":
        item_id = draw(st.sampled_from(("rs_a", "rs_b")))
        return [
            Delta(reasoning=words, reasoning_id=item_id),
            Delta(reasoning_encrypted="locked", reasoning_id=item_id),
        ]
    return [Delta(reasoning_encrypted=draw(st.sampled_from(("locked-a", "locked-b"))))]


@st.composite
def answers(draw: st.DrawFn, objects_only: bool = True) -> list[Delta]:
    """The deltas of an answer: words, thoughts and calls in any order, the pieces of calls mixed at will.

    `objects_only`: every call's arguments are a whole JSON object, else they may be any text.
    """
    arguments = JSON_OBJECTS.map(lambda value: msgspec.json.encode(value).decode())
    if not objects_only:
        arguments = arguments | st.text(max_size=12)
    queues = [draw(_call(index, draw(arguments))) for index in range(draw(st.integers(0, 3)))]
    queues += draw(st.lists(_words(), max_size=5))
    deltas: list[Delta] = []
    started = 0
    while any(queues):
        waiting = [queue for queue in queues if queue]
        queue = waiting[draw(st.integers(0, len(waiting) - 1))]
        if queue[0].tool_calls and queue[0].tool_calls[0].name:
            queue = next(q for q in queues if q and q[0].tool_calls and q[0].tool_calls[0].index == started)
            started += 1
        deltas.append(queue.pop(0))
    usage = draw(
        st.none() | st.builds(TokenUsage, input_tokens=st.integers(0, 99), output_tokens=st.integers(0, 99))
    )
    reason = draw(st.sampled_from(get_args(FinishReason)))
    return [*deltas, Delta(finish_reason=reason, usage=usage, model="a-model-2")]
