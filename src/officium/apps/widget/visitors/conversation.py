"""What visitors and a widget say to each other."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

Status = Literal["bot", "waiting", "human", "closed"]
"""The widget answers; a person was asked for; a person answers; it is over."""
Speaker = Literal["visitor", "widget", "agent"]
AnswerSource = Literal["llm", "knowledge_base", "default", "agent"]
ConfidenceSource = Literal["grounded", "partly_grounded", "ungrounded", "calibrated", "default"]
"""How the confidence is known: by comparing a model's answer with the knowledge base; from the knowledge
base's fitted probability; not at all."""

LONGEST_MESSAGE = 4_000
LONGEST_FEEDBACK = 1_000
MOST_MESSAGES = 2_000
"""As many may a conversation have."""


class VisitorConversation(Struct, frozen=True, kw_only=True):
    """A thread of messages between a visitor and a widget. Models were paid `nano_usd` for `tokens` in it."""

    id: int
    tenant_id: str
    widget_id: int
    visitor_id: str
    status: Status
    language: str | None
    page_url: str | None
    assigned_to: str | None
    tokens: int
    nano_usd: int
    created_at: datetime
    updated_at: datetime


class Citation(Struct, frozen=True, kw_only=True):
    """An entry of the knowledge base that an answer stands on."""

    entry_id: int
    question: str
    source_url: str | None = None


class VisitorMessage(Struct, frozen=True, kw_only=True):
    """Something that was said. What a widget says has a source and a confidence."""

    id: int
    conversation_id: int
    speaker: Speaker
    text: str
    author: str | None
    answer_source: AnswerSource | None
    confidence: float | None
    confidence_source: ConfidenceSource | None
    citations: tuple[Citation, ...]
    suggestions: tuple[str, ...]
    rating: Literal["up", "down"] | None
    feedback: str | None
    created_at: datetime


def turns_of(messages: Sequence[VisitorMessage], most: int) -> list[VisitorMessage]:
    """The last messages, beginning with one of the visitor's: what a model is told of the conversation."""
    found = list(messages[-most:])
    while found and found[0].speaker != "visitor":
        found.pop(0)
    return found
