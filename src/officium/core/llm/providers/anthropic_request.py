"""Putting a neutral request into the words of the Anthropic Messages dialect."""

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Any

from officium.core.llm.completion import CompletionRequest, OutputFormat
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
from officium.core.llm.providers.anthropic_schema import close_schema
from officium.core.llm.providers.translation import (
    json_instruction,
    not_expressible,
    parse_arguments,
    refuse_untranslatable,
    take_knobs,
)

_WORDS = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "stop": "stop_sequences"}
_EFFORTS = {"minimal": "low"}
_FORCED = frozenset({"any", "tool"})
_ID_CHARACTERS = re.compile(r"[^a-zA-Z0-9_-]")


def translate(request: CompletionRequest, deployment: Deployment) -> tuple[dict[str, Any], list[str]]:
    """The request as a Messages body, and what had to be left out."""
    refuse_untranslatable(request, deployment)
    body, notes = take_knobs(request, deployment, _WORDS | {"user": "user"})
    if user := body.pop("user", None):
        body["metadata"] = {"user_id": user}
    system, turns = _write_messages(request.messages, deployment, notes)
    body["messages"] = turns
    _write_tools(request, body)
    if request.output_format is not None:
        instruction = _write_output_format(request.output_format, deployment, body, notes)
        if instruction:
            system.append(instruction)
    if system:
        body["system"] = "\n\n".join(system)
    if request.reasoning_effort is not None:
        _write_effort(request.reasoning_effort, deployment, body, notes)
    return body, notes


def _write_messages(
    messages: Sequence[Message], deployment: Deployment, notes: list[str]
) -> tuple[list[str], list[dict[str, Any]]]:
    """The system texts, and the turns: user and assistant by turns, tool results in the user's."""
    system: list[str] = []
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            if turns:
                notes.append("A system message in the middle was moved to the top.")
            system.extend(_system_texts(message, deployment))
            continue
        if message.name:
            notes.append(f"{deployment.provider.label} has no word for a speaker's name: left out.")
        role = "assistant" if message.role == "assistant" else "user"
        blocks = [block for part in message.parts if (block := _write_part(part, role, deployment, notes))]
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    for turn in turns:
        if turn["role"] == "user":
            # Results must stand before anything else the user says in the same turn.
            turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    return system, turns


def _system_texts(message: Message, deployment: Deployment) -> Iterator[str]:
    for part in message.parts:
        if not isinstance(part, Text):
            raise not_expressible(deployment, "messages", "A system message can only be text.")
        if part.text:
            yield part.text


def _write_part(part: Part, role: str, deployment: Deployment, notes: list[str]) -> dict[str, Any] | None:
    match part:
        case Text(text) | Refusal(text):
            return {"type": "text", "text": text} if text else None
        case Image() | File():
            if role == "assistant":
                raise not_expressible(
                    deployment, "messages", "An assistant's turn cannot hold pictures or files."
                )
            return _write_attachment(part, deployment)
        case Reasoning():
            return _write_reasoning(part, notes)
        case ToolCall():
            arguments = parse_arguments(part.arguments)
            if arguments is None:
                notes.append(f"The arguments of a call of `{part.name}` are no JSON object: sent as text.")
                arguments = {"_unparsed": part.arguments}
            return {"type": "tool_use", "id": _call_id(part.id), "name": part.name, "input": arguments}
        case ToolResult():
            return _write_result(part, deployment)


def _call_id(id: str) -> str:
    """An id of any provider in the characters that are accepted here."""
    return _ID_CHARACTERS.sub("_", id)


def _write_reasoning(part: Reasoning, notes: list[str]) -> dict[str, Any] | None:
    """Thoughts go back unchanged; those of another provider, which are not signed, cannot."""
    if part.encrypted is not None and part.id is None:
        return {"type": "redacted_thinking", "data": part.encrypted}
    if part.signature is not None:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    notes.append("Reasoning that this provider has not signed was left out.")
    return None


def _write_result(part: ToolResult, deployment: Deployment) -> dict[str, Any]:
    content: str | list[dict[str, Any]] = [
        {"type": "text", "text": item.text} if isinstance(item, Text) else _write_attachment(item, deployment)
        for item in part.parts
        if not isinstance(item, Text) or item.text
    ]
    if all(isinstance(item, Text) for item in part.parts):
        content = "".join(item.text for item in part.parts if isinstance(item, Text))
    block = {"type": "tool_result", "tool_use_id": _call_id(part.call_id), "content": content}
    return block | {"is_error": True} if part.is_error else block


def _write_attachment(part: Image | File, deployment: Deployment) -> dict[str, Any]:
    media_type = part.media_type or ("image/png" if isinstance(part, Image) else "application/pdf")
    is_image = isinstance(part, Image) or media_type.startswith("image/")
    source: dict[str, Any]
    if part.data is not None:
        if not is_image and media_type.startswith("text/"):
            source = {"type": "text", "media_type": "text/plain", "data": _decode_text(part.data, deployment)}
        elif is_image or media_type == "application/pdf":
            source = {"type": "base64", "media_type": media_type, "data": part.data}
        else:
            raise not_expressible(deployment, "messages", f"It does not read files of type {media_type}.")
    elif part.url is not None:
        source = {"type": "url", "url": part.url}
    elif isinstance(part, File) and part.file_id is not None:
        source = {"type": "file", "file_id": part.file_id}
    else:
        raise not_expressible(deployment, "messages", "A picture or file in it is empty.")
    block: dict[str, Any] = {"type": "image" if is_image else "document", "source": source}
    if isinstance(part, File) and part.name and not is_image:
        block["title"] = part.name
    return block


def _decode_text(data: str, deployment: Deployment) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except ValueError as error:
        raise not_expressible(deployment, "messages", "A text file in it is not UTF-8 in base64.") from error


def names_a_file(messages: Sequence[Message]) -> bool:
    parts = (part for message in messages for part in message.parts)
    inner = (item for part in parts for item in (part.parts if isinstance(part, ToolResult) else (part,)))
    return any(isinstance(item, File) and item.file_id is not None for item in inner)


def _write_tools(request: CompletionRequest, body: dict[str, Any]) -> None:
    if not request.tools:
        return
    body["tools"] = []
    for tool in request.tools:
        declared: dict[str, Any] = {
            "name": tool.name,
            "input_schema": {"type": "object", **(tool.parameters or {"properties": {}})},
        }
        if tool.description is not None:
            declared["description"] = tool.description
        if tool.strict is not None:
            declared["strict"] = tool.strict
        body["tools"].append(declared)
    choice: dict[str, Any] = {}
    if request.tool_choice is not None:
        choice["type"] = "any" if request.tool_choice.mode == "required" else request.tool_choice.mode
        if request.tool_choice.mode == "tool":
            choice["name"] = request.tool_choice.name
    if request.parallel_tool_calls is False and choice.get("type") != "none":
        choice.setdefault("type", "auto")
        choice["disable_parallel_tool_use"] = True
    if choice:
        body["tool_choice"] = choice


def _write_output_format(
    output_format: OutputFormat, deployment: Deployment, body: dict[str, Any], notes: list[str]
) -> str | None:
    """Ask for the schema natively where model and schema allow; else the words to ask for it with."""
    schema = None
    if output_format.schema is not None and deployment.traits.has_native_json_schema:
        schema = close_schema(output_format.schema)
    if schema is None:
        notes.append("The output format was asked for in words.")
        return json_instruction(output_format)
    body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return None


def _write_effort(effort: str, deployment: Deployment, body: dict[str, Any], notes: list[str]) -> None:
    """Ask for that much thinking. Thinking allows neither a temperature of one's own nor a forced tool."""
    if "reasoning_effort" in deployment.traits.refuses:
        notes.append(f"{deployment.model} does not accept `reasoning_effort`: left out.")
        return
    if effort == "none":
        body["thinking"] = {"type": "disabled"}
        return
    body["output_config"] = body.get("output_config", {}) | {"effort": _EFFORTS.get(effort, effort)}
    if body.get("tool_choice", {}).get("type") in _FORCED:
        notes.append("Thinking was not asked for, because a tool call is forced.")
        return
    body["thinking"] = {"type": "adaptive"}
    clashing = [name for name in ("temperature", "top_p", "top_k") if body.pop(name, None) is not None]
    notes += [f"Thinking does not go with `{name}`: left out." for name in clashing]


def apply_traits(body: dict[str, Any], deployment: Deployment) -> list[str]:
    """Take out of a body what the model answers with a 400, and say so.

    Raises NotExpressible where that would change the meaning: an answer begun by the caller.
    """
    refuses = deployment.traits.refuses
    notes = []
    for name, word in _WORDS.items():
        if name in refuses and body.pop(word, None) is not None:
            notes.append(f"{deployment.model} does not accept `{name}`: left out.")
    choice = body.get("tool_choice")
    if "forced_tool_choice" in refuses and isinstance(choice, dict) and choice.get("type") in _FORCED:
        body["tool_choice"] = {word: value for word, value in choice.items() if word != "name"} | {
            "type": "auto"
        }
        notes.append(f"{deployment.model} cannot be forced to call a tool: it decides itself.")
    thinking = body.get("thinking")
    if "thinking_budget" in refuses and isinstance(thinking, dict) and thinking.get("type") == "enabled":
        body["thinking"] = {"type": "adaptive"}
        notes.append(f"{deployment.model} does not accept a thinking budget: it decides itself.")
    if "prefill" in refuses and _ends_with_answer(body.get("messages")):
        raise not_expressible(
            deployment, "messages", "This model cannot continue an answer: end with a user's turn."
        )
    return notes


def _ends_with_answer(turns: object) -> bool:
    """Whether the last turn is the beginning of an answer (and not a paused turn to go on with)."""
    last = turns[-1] if isinstance(turns, list) and turns else None
    if not isinstance(last, dict) or last.get("role") != "assistant":
        return False
    content = last.get("content")
    blocks = content if isinstance(content, list) else []
    return not any(isinstance(block, dict) and block.get("type") == "server_tool_use" for block in blocks)
