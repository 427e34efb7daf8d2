"""The friendlier forms of messages, tools and answers that the Python API takes and gives."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec
from pydantic import BaseModel, ConfigDict

from officium.core.llm.completion import FinishReason, Tool, ToolChoice
from officium.core.llm.message import Image, Message, Part, Role, Text, ToolCall, ToolResult, system, user
from officium.core.llm.price import CostSource
from officium.core.llm.token_usage import TokenUsage
from officium.kit.errors import InvalidRequest


class LLMMessage(BaseModel):
    """One turn of a conversation, as plain text."""

    model_config = ConfigDict(frozen=True)

    role: Role
    content: str


class LLMToolCall(BaseModel):
    """A model asks for a tool. `arguments` is JSON text as the model wrote it; it may be broken."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: str


class LLMResponse(BaseModel):
    """One answer. `cost_usd` is `None` where nobody knows the price, and 0 where it is free."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    content: str
    model: str
    provider: str
    usage: TokenUsage
    usage_source: Literal["provider", "estimate"] = "provider"
    cost_usd: Decimal | None = None
    cost_source: CostSource = "unknown"
    finish_reason: FinishReason = "stop"
    tool_calls: tuple[LLMToolCall, ...] = ()
    reasoning: str = ""
    response_time_ms: int = 0
    first_token_ms: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The same as `content`."""
        return self.content


class TokenCounts(BaseModel):
    """Tokens of one exchange; `total` is the sum."""

    model_config = ConfigDict(frozen=True)

    input: int
    output: int
    total: int


class LLMStreamMetadata(BaseModel):
    """The model's short name and, with the last chunk, the tokens it took."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model: str
    tokens: TokenCounts | None = None


class LLMStreamChunk(BaseModel):
    """A streamed piece of an answer. The last one has `done` set and carries the token counts."""

    model_config = ConfigDict(frozen=True)

    content: str = ""
    done: bool = False
    metadata: LLMStreamMetadata | None = None


MessageLike: TypeAlias = Message | LLMMessage | Mapping[str, Any]
ToolLike: TypeAlias = Tool | Mapping[str, Any]


def as_messages(
    prompt: str | Sequence[MessageLike] | None,
    system_prompt: str | None,
    messages: Sequence[MessageLike] | None,
) -> tuple[Message, ...]:
    """The conversation meant by a prompt, a list of messages, or both (the prompt is then the last turn).

    Raises InvalidRequest where nothing is said to the model.
    """
    turns = [system(system_prompt)] if system_prompt else []
    turns += map(as_message, messages or ())
    if isinstance(prompt, str):
        turns.append(user(prompt))
    elif prompt is not None:
        turns += map(as_message, prompt)
    if all(turn.role == "system" for turn in turns):
        raise InvalidRequest("Say something to the model: give `prompt` or `messages`.", param="messages")
    return tuple(turns)


def as_message(said: MessageLike) -> Message:
    """The message meant by `said`: ours, an LLMMessage, or a mapping as in OpenAI's chat API."""
    if isinstance(said, Message):
        return said
    if isinstance(said, LLMMessage):
        return Message(said.role, (Text(said.content),))
    role = _ROLES.get(str(said.get("role")))
    if role is None:
        raise InvalidRequest(
            f"A message needs a role (system, user, assistant or tool), not {said.get('role')!r}.",
            param="messages",
        )
    content = _parts(said.get("content"))
    if role == "tool":
        return Message("tool", (ToolResult(str(said.get("tool_call_id", "")), content, said.get("name")),))
    calls = tuple(_as_tool_call(call) for call in said.get("tool_calls") or ())
    return Message(role, (*content, *calls), said.get("name"))


_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


def as_tool(said: ToolLike) -> Tool:
    """The tool meant by `said`: ours, or a mapping as in OpenAI's chat API (with or without `function`)."""
    if isinstance(said, Tool):
        return said
    function = said.get("function", said)
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InvalidRequest("A tool needs a name.", param="tools")
    return Tool(
        name=function["name"],
        description=function.get("description"),
        parameters=function.get("parameters") or {"type": "object", "properties": {}},
        strict=function.get("strict"),
    )


def as_tool_choice(said: ToolChoice | str | None) -> ToolChoice | None:
    """`auto`, `none`, `required` or the name of the tool that must be called."""
    if said is None or isinstance(said, ToolChoice):
        return said
    match said:
        case "auto" | "none" | "required":
            return ToolChoice(said)
        case _:
            return ToolChoice("tool", said)


def as_stop(said: str | Iterable[str] | None) -> tuple[str, ...]:
    """The stop sequences meant by one text, several, or nothing."""
    return (said,) if isinstance(said, str) else tuple(said or ())


def _parts(content: object) -> tuple[Text | Image, ...]:
    if content is None or content == "":
        return ()
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, Sequence):
        raise InvalidRequest("A message's content is a text or a list of parts.", param="messages")
    return tuple(map(_part, content))


def _part(said: Any) -> Text | Image:
    match said:
        case Text() | Image():
            return said
        case {"type": "text", "text": str(text)}:
            return Text(text)
        case {"type": "image_url", "image_url": {"url": str(url), **more}}:
            return _image(url, more.get("detail"))
        case {"type": "image_url", "image_url": str(url)}:
            return _image(url, None)
        case _:
            raise InvalidRequest("A part of a message is neither text nor image_url.", param="messages")


def _image(url: str, detail: object) -> Image:
    detail = detail if isinstance(detail, str) else None
    if not url.startswith("data:"):
        return Image(url=url, detail=detail)
    header, _, data = url.partition(",")
    return Image(data=data, media_type=header[5:].partition(";")[0] or None, detail=detail)


def _as_tool_call(said: Any) -> ToolCall:
    if isinstance(said, ToolCall):
        return said
    if isinstance(said, LLMToolCall):
        return ToolCall(said.id, said.name, said.arguments)
    function = said.get("function") or {}
    arguments = function.get("arguments") or "{}"
    if not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments).decode()
    return ToolCall(str(said.get("id", "")), str(function.get("name", "")), arguments)


def tool_calls_of(parts: Iterable[Part]) -> tuple[LLMToolCall, ...]:
    """The tool calls among the parts of an answer."""
    return tuple(
        LLMToolCall(id=part.id, name=part.name, arguments=part.arguments)
        for part in parts
        if isinstance(part, ToolCall)
    )
