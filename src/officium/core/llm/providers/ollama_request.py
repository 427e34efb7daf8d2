"""Putting a neutral request into the words of Ollama's own dialect."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.message import (
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from officium.core.llm.providers.translation import (
    not_expressible,
    parse_arguments,
    refuse_untranslatable,
    take_knobs,
)

_OPTIONS = {
    name: name
    for name in ("temperature", "top_p", "top_k", "stop", "seed", "presence_penalty", "frequency_penalty")
}
_TOP_LEVEL = ("logprobs", "top_logprobs")
_LEVELS = frozenset({"low", "medium", "high"})


def translate(request: CompletionRequest, deployment: Deployment) -> tuple[dict[str, Any], list[str]]:
    """The request as a body of `/api/chat`, and what had to be left out."""
    refuse_untranslatable(request, deployment)
    options, notes = take_knobs(request, deployment, _OPTIONS | {name: name for name in _TOP_LEVEL})
    body: dict[str, Any] = {name: options.pop(name) for name in _TOP_LEVEL if name in options}
    if options:
        body["options"] = options
    body["messages"] = list(_write_messages(request.messages, deployment, notes))
    _write_tools(request, deployment, body, notes)
    if request.output_format is not None:
        body["format"] = "json" if request.output_format.schema is None else request.output_format.schema
    if request.reasoning_effort is not None:
        body["think"] = _write_effort(request.reasoning_effort, deployment)
    return body, notes


def apply_traits(options: dict[str, Any], deployment: Deployment) -> list[str]:
    """Take out of the options what the model refuses, and say so."""
    return [
        f"{deployment.model} does not accept `{name}`: left out."
        for name in _OPTIONS
        if name in deployment.traits.refuses and options.pop(name, None) is not None
    ]


def _write_effort(effort: str, deployment: Deployment) -> bool | str:
    """Levels are known to the gpt-oss models alone; the others think or do not."""
    if effort in _LEVELS and "gpt-oss" in deployment.model:
        return effort
    return effort != "none"


def _write_tools(
    request: CompletionRequest, deployment: Deployment, body: dict[str, Any], notes: list[str]
) -> None:
    mode = request.tool_choice.mode if request.tool_choice is not None else "auto"
    if not request.tools or mode == "none":
        return
    if mode != "auto":
        notes.append(f"{deployment.provider.label} cannot be forced to call a tool: left out.")
    if request.parallel_tool_calls is False:
        notes.append(f"{deployment.provider.label} has no word for `parallel_tool_calls`: left out.")
    body["tools"] = []
    for tool in request.tools:
        function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or {"type": "object"}}
        if tool.description is not None:
            function["description"] = tool.description
        if tool.strict:
            notes.append("Strict tool arguments cannot be asked for: left out.")
        body["tools"].append({"type": "function", "function": function})


def _write_messages(
    messages: Sequence[Message], deployment: Deployment, notes: list[str]
) -> Iterator[dict[str, Any]]:
    """The messages one by one; each result of a tool is a message of its own, under the tool's name."""
    names = {
        part.id: part.name for message in messages for part in message.parts if isinstance(part, ToolCall)
    }
    for message in messages:
        if message.name:
            notes.append(f"{deployment.provider.label} has no word for a speaker's name: left out.")
        for part in message.parts:
            if isinstance(part, ToolResult):
                yield _write_result(part, names, deployment)
        said = [part for part in message.parts if not isinstance(part, ToolResult)]
        if said:
            yield _write_message(message.role, said, deployment, notes)


def _write_result(part: ToolResult, names: Mapping[str, str], deployment: Deployment) -> dict[str, Any]:
    written = _write_message("tool", part.parts, deployment, [])
    if name := part.name or names.get(part.call_id):
        written["tool_name"] = name
    return written


def _write_message(
    role: str, parts: Sequence[Part], deployment: Deployment, notes: list[str]
) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    images: list[str] = []
    calls: list[dict[str, Any]] = []
    for part in parts:
        match part:
            case Text(text) | Refusal(text):
                texts.append(text)
            case Reasoning(text):
                thoughts.append(text)
            case Image() | File():
                _write_attachment(part, texts, images, deployment)
            case ToolCall():
                calls.append(_write_call(part, notes))
            case ToolResult():
                raise not_expressible(deployment, "messages", "A tool's result cannot stand in another.")
    message: dict[str, Any] = {"role": role, "content": "".join(texts)}
    if thinking := "".join(thoughts):
        message["thinking"] = thinking
    if images:
        message["images"] = images
    if calls:
        message["tool_calls"] = calls
    return message


def _write_call(part: ToolCall, notes: list[str]) -> dict[str, Any]:
    arguments = parse_arguments(part.arguments)
    if arguments is None:
        notes.append(f"The arguments of a call of `{part.name}` are no JSON object: sent as text.")
        arguments = {"_unparsed": part.arguments}
    return {"type": "function", "function": {"name": part.name, "arguments": arguments}}


def _write_attachment(
    part: Image | File, texts: list[str], images: list[str], deployment: Deployment
) -> None:
    """Put a picture among the images and a text file among the texts; nothing else can be sent."""
    media_type = part.media_type or ("image/png" if isinstance(part, Image) else "unknown")
    if part.data is None:
        raise not_expressible(deployment, "messages", "Send pictures as data: it does not fetch addresses.")
    if media_type.startswith("image/"):
        images.append(part.data)
    elif media_type.startswith("text/"):
        texts.append(base64.b64decode(part.data).decode("utf-8", "replace"))
    else:
        raise not_expressible(deployment, "messages", f"It reads no files of type {media_type}.")
