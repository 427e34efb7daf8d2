"""A message of a conversation, what it cost, and what people think of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from officium.core.conversations.conversation import clean
from officium.core.conversations.errors import InvalidConversation
from officium.core.llm.token_usage import TokenUsage

Role = Literal["user", "assistant"]
Status = Literal["complete", "partial", "stopped", "failed"]
"""`partial` is an answer under way, or one whose process died; `stopped` was cut short on purpose."""
Rating = Literal["up", "down"]
Metadata = Mapping[str, Any]
"""What JSON can hold. That of an answer has `model` and `tokens`: see `answer_metadata`."""

LONGEST_QUESTION = 200_000
LONGEST_ANSWER = 1_000_000
"""In characters; of a longer answer the rest is left out."""
LONGEST_FEEDBACK = 4_000
_MOST_TOKENS = 2_000_000_000


class Message(Struct, frozen=True, kw_only=True):
    """Something that was said. `parent_id` is the message it follows, `None` at the beginning."""

    id: int
    tenant_id: str
    conversation_id: int
    parent_id: int | None
    role: Role
    content: str
    status: Status
    metadata: Metadata
    created_at: datetime


class Draft(Struct, frozen=True, kw_only=True):
    """A message that is to be added; without a `parent_id` it follows the last one of the current branch."""

    conversation_id: int
    role: Role
    content: str
    status: Status
    parent_id: int | UnsetType | None = UNSET
    metadata: Metadata = field(default_factory=dict)


class Feedback(Struct, frozen=True, kw_only=True):
    """What somebody thinks of an answer. `author` is a `member:<id>` or `key:<id>`."""

    message_id: int
    author: str
    rating: Rating
    text: str | None
    created_at: datetime
    updated_at: datetime


class ShownMessage(Struct, frozen=True, kw_only=True):
    """A message in its place: `sibling_ids` are those it can be exchanged for, itself included, oldest first.

    `feedback` is that of whoever looks.
    """

    message: Message
    sibling_ids: tuple[int, ...]
    feedback: Feedback | None


def answer_metadata(model: str, usage: TokenUsage, **more: object) -> dict[str, Any]:
    """The metadata of an answer: `{"model": …, "tokens": {"input", "output", "total"}}`, and `more`.

    `model` is the short name. What nobody knows counts as 0; `total` is always input and output together.
    """
    spent = {"input": usage.input_tokens or 0, "output": usage.output_tokens or 0}
    return {**more, "model": model, "tokens": {**spent, "total": spent["input"] + spent["output"]}}


def last_turns(branch: Sequence[Message], turns: int) -> list[Message]:
    """The last `turns` questions of a branch with their answers, oldest first.

    What has no answer with a text in it is left out, so questions and answers always alternate.
    """
    found: list[Message] = []
    answer: Message | None = None
    for message in reversed(branch):
        if len(found) >= 2 * turns:
            break
        if message.role == "assistant":
            answer = message if message.content.strip() else None
        elif answer is not None:
            found += (answer, message)
            answer = None
    return found[::-1]


def checked_question(content: str) -> str:
    """The content, as it can be stored. Raises InvalidConversation where it is empty or too long."""
    if not content.strip() or len(content) > LONGEST_QUESTION:
        raise InvalidConversation(f"A message has 1 to {LONGEST_QUESTION:,} characters.", param="content")
    return clean(content)


def checked_metadata(metadata: Metadata) -> Metadata:
    """The metadata, if its tokens can be summed up. Raises InvalidConversation."""
    tokens = metadata.get("tokens", {"input": 0, "output": 0, "total": 0})
    counts = (
        [tokens.get(name) for name in ("input", "output", "total")] if isinstance(tokens, dict) else [None]
    )
    if not all(type(count) is int and 0 <= count <= _MOST_TOKENS for count in counts):
        raise InvalidConversation("`tokens` has the whole numbers input, output and total.", param="metadata")
    return metadata


def in_order(messages: Iterable[Message], ids: Sequence[int]) -> list[Message]:
    """The messages in the order of `ids`; those that are gone are left out."""
    known = {message.id: message for message in messages}
    return [known[id] for id in ids if id in known]
