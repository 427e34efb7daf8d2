"""What is said to a model, in no provider's words."""

from typing import Literal

from msgspec import Struct

Role = Literal["system", "user", "assistant", "tool"]


class Text(Struct, frozen=True, tag="text"):
    """Plain text. `signature` is a provider's opaque mark that must go back with it (Gemini)."""

    text: str
    signature: str | None = None


class Image(Struct, frozen=True, tag="image"):
    """A picture: either `data` (base64) with its `media_type`, or a `url` the provider fetches."""

    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    detail: str | None = None


class File(Struct, frozen=True, tag="file"):
    """A document or a sound: `data` (base64) with its `media_type`, a `url`, or a provider's `file_id`."""

    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None


class Reasoning(Struct, frozen=True, tag="reasoning"):
    """What a model thought before it answered.

    `signature` (Anthropic, Gemini) and `encrypted` (Anthropic's redacted thinking, OpenAI's encrypted
    reasoning) are opaque and must be returned unchanged in a tool loop. `id` is OpenAI's item id.
    """

    text: str = ""
    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None


class Refusal(Struct, frozen=True, tag="refusal"):
    """The words in which a model declined to answer."""

    text: str


class ToolCall(Struct, frozen=True, tag="tool_call"):
    """A model asks for a tool. `arguments` is JSON text as it was sent; it may be cut short or broken."""

    id: str
    name: str
    arguments: str = "{}"
    signature: str | None = None


class ToolResult(Struct, frozen=True, tag="tool_result"):
    """What a tool answered to the call with `call_id`. `name` repeats the tool's name, where known."""

    call_id: str
    parts: "tuple[Text | Image | File, ...]"
    name: str | None = None
    is_error: bool = False


Part = Text | Image | File | Reasoning | Refusal | ToolCall | ToolResult


class Message(Struct, frozen=True):
    """One turn of a conversation. Tool results stand in messages of role `tool`."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def system(text: str) -> Message:
    """A system message of plain text."""
    return Message("system", (Text(text),))


def user(text: str) -> Message:
    """A user message of plain text."""
    return Message("user", (Text(text),))


def assistant(text: str) -> Message:
    """An assistant message of plain text."""
    return Message("assistant", (Text(text),))
