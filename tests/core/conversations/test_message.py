"""Metadata of answers, and the turns of a branch."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from officium.core.conversations.message import Message, Role, answer_metadata, last_turns
from officium.core.llm.token_usage import TokenUsage

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def said(id: int, role: Role, content: str = "text") -> Message:
    return Message(
        id=id,
        tenant_id="ten",
        conversation_id=1,
        parent_id=id - 1 or None,
        role=role,
        content=content,
        status="complete",
        metadata={},
        created_at=NOW,
    )


def test_metadata_has_the_shape_that_is_promised() -> None:
    usage = TokenUsage(input_tokens=245, output_tokens=128)

    assert answer_metadata("qwen2p5-72b-instruct", usage) == {
        "model": "qwen2p5-72b-instruct",
        "tokens": {"input": 245, "output": 128, "total": 373},
    }


def test_what_nobody_counted_is_nothing() -> None:
    made = answer_metadata("m", TokenUsage(output_tokens=3), prompt="ceo@4")

    assert made == {"model": "m", "prompt": "ceo@4", "tokens": {"input": 0, "output": 3, "total": 3}}


ROLES = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.sampled_from(["", " ", "text"])))


@given(ROLES, st.integers(0, 6))
def test_turns_alternate_and_are_the_last_ones(roles: list[tuple[Role, str]], turns: int) -> None:
    branch = [said(id, role, content) for id, (role, content) in enumerate(roles, 1)]

    found = last_turns(branch, turns)

    assert [message.role for message in found] == ["user", "assistant"] * (len(found) // 2)
    pairs = [
        (one, other)
        for one, other in pairwise(branch)
        if one.role == "user" and other.role == "assistant" and other.content.strip()
    ]
    expected = [message for pair in pairs[-turns:] for message in pair] if turns else []
    assert found == expected
