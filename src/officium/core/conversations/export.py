"""A conversation as a file: Markdown to read, JSON to process."""

from typing import Any, Literal

from msgspec import json, to_builtins

from officium.core.conversations.conversation import Conversation
from officium.core.conversations.message import Message

ExportFormat = Literal["markdown", "json"]


def markdown_head(conversation: Conversation) -> str:
    """The title, and of when the conversation is."""
    return f"# {conversation.title or 'Conversation'}\n\n{conversation.created_at:%Y-%m-%d %H:%M} UTC\n"


def markdown_of(message: Message, conversation: Conversation) -> str:
    """A message under its speaker's name."""
    name = "You" if message.role == "user" else (conversation.persona or "assistant").upper()
    ended = "" if message.status == "complete" else f" ({message.status})"
    return f"\n## {name}, {message.created_at:%Y-%m-%d %H:%M}{ended}\n\n{message.content.strip()}\n"


def json_head(conversation: Conversation) -> str:
    """The beginning of the document, up to its first message."""
    return f'{{"conversation":{_text(to_builtins(conversation))},"messages":['


def json_of(message: Message, *, is_first: bool) -> str:
    """A message, with a comma before it where one is needed."""
    return f"{'' if is_first else ','}{_text(to_builtins(message))}"


JSON_END = "]}"


def _text(thing: dict[str, Any]) -> str:
    del thing["tenant_id"]
    return json.encode(thing).decode()
