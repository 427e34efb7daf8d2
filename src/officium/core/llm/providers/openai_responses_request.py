"""Requests in the dialect of OpenAI's Responses API."""

from collections.abc import Iterator
from typing import Any

from officium.core.llm.completion import CompletionRequest, OutputFormat, Tool, ToolChoice
from officium.core.llm.deployment import Deployment
from officium.core.llm.http import HttpRequest
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
from officium.core.llm.providers.openai_chat_request import data_url, schema_name
from officium.core.llm.providers.openai_endpoint import leave_out_refused, post
from officium.core.llm.providers.translation import (
    json_instruction,
    native_body,
    not_expressible,
    refuse_untranslatable,
    take_knobs,
)

_WORDS = {name: name for name in ("temperature", "top_p", "logprobs", "top_logprobs", "user")}
_NO_PARAMETERS = {"type": "object", "properties": {}}


def encode_response(request: CompletionRequest, deployment: Deployment) -> HttpRequest:
    """The request as the provider wants it. Raises NotExpressible for a meaning that would be lost."""
    notes: list[str] = []
    body = native_body(request, "openai-responses")
    if body is None:
        refuse_untranslatable(request, deployment)
        body, notes = _build(request, deployment)
    body["model"] = deployment.model
    body.pop("stream", None)
    if request.stream:
        body["stream"] = True
    else:
        body.pop("stream_options", None)
    notes += _respect_traits(body, deployment)
    return post(deployment, "/responses", body, tuple(notes))


def _build(request: CompletionRequest, deployment: Deployment) -> tuple[dict[str, Any], list[str]]:
    knobs, notes = take_knobs(request, deployment, _WORDS)
    include = ["message.output_text.logprobs"] if knobs.pop("logprobs", None) else []
    if _reasons(request, deployment):
        include.append("reasoning.encrypted_content")
    instructions, messages = _split_instructions(request.messages)
    body: dict[str, Any] = {"input": list(_items(messages, deployment)), "store": False, **knobs}
    if instructions:
        body["instructions"] = instructions
    if include:
        body["include"] = include
    if request.max_tokens is not None:
        body["max_output_tokens"] = request.max_tokens
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.parallel_tool_calls is not None and request.tools:
        body["parallel_tool_calls"] = request.parallel_tool_calls
    if request.output_format is not None:
        body["text"] = {"format": _format(request.output_format)}
    if request.reasoning_effort is not None:
        body["reasoning"] = {"effort": request.reasoning_effort}
    return body, notes


def _reasons(request: CompletionRequest, deployment: Deployment) -> bool:
    """Whether the model thinks first; other models refuse to be asked for encrypted reasoning."""
    if request.reasoning_effort is not None:
        return request.reasoning_effort != "none"
    return deployment.traits.wants_max_completion_tokens


def _respect_traits(body: dict[str, Any], deployment: Deployment) -> list[str]:
    """Leave out what the model does not take, with a note for each."""
    traits = deployment.traits
    notes = leave_out_refused(body, deployment)
    if body.get("max_output_tokens") is None and traits.default_max_tokens is not None:
        body["max_output_tokens"] = traits.default_max_tokens
    if not traits.has_native_json_schema:
        notes += _ask_for_schema_in_words(body, deployment)
    return notes


def _ask_for_schema_in_words(body: dict[str, Any], deployment: Deployment) -> list[str]:
    text = body.get("text")
    asked = text.get("format") if isinstance(text, dict) else None
    if not isinstance(asked, dict) or asked.get("type") != "json_schema":
        return []
    words = json_instruction(OutputFormat(schema=asked.get("schema")))
    body["text"] = {**body["text"], "format": {"type": "json_object"}}
    body["instructions"] = "\n\n".join(filter(None, (body.get("instructions"), words)))
    return [f"{deployment.model} has no JSON Schema mode: asked in words."]


def _split_instructions(messages: tuple[Message, ...]) -> tuple[str, tuple[Message, ...]]:
    """The system messages before the conversation, as one text, and the conversation."""
    start = next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))
    return "\n\n".join(message.text for message in messages[:start]), messages[start:]


def _items(messages: tuple[Message, ...], deployment: Deployment) -> Iterator[dict[str, Any]]:
    for message in messages:
        if message.role == "assistant":
            yield from _assistant_items(message)
            continue
        for part in message.parts:
            if isinstance(part, ToolResult):
                yield _tool_output(part, deployment)
        content = [_content(part, deployment) for part in message.parts if not isinstance(part, ToolResult)]
        if content:
            role = "system" if message.role == "system" else "user"
            yield {"type": "message", "role": role, "content": content}


def _assistant_items(message: Message) -> Iterator[dict[str, Any]]:
    """The items of an earlier answer, in their order. Reasoning goes back only with the encrypted form and
    the id that OpenAI gave it: another provider's means nothing here."""
    for part in message.parts:
        if isinstance(part, Text):
            yield _said({"type": "output_text", "text": part.text})
        elif isinstance(part, Refusal):
            yield _said({"type": "refusal", "refusal": part.text})
        elif isinstance(part, ToolCall):
            arguments = part.arguments or "{}"
            yield {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments}
        elif isinstance(part, Reasoning) and part.encrypted and part.id:
            summary = [{"type": "summary_text", "text": part.text}] if part.text else []
            yield {
                "type": "reasoning",
                "id": part.id,
                "summary": summary,
                "encrypted_content": part.encrypted,
            }


def _said(content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [content]}


def _tool_output(result: ToolResult, deployment: Deployment) -> dict[str, Any]:
    output: str | list[dict[str, Any]]
    if all(isinstance(part, Text) for part in result.parts):
        output = "".join(part.text for part in result.parts if isinstance(part, Text))
    else:
        output = [_content(part, deployment) for part in result.parts]
    return {"type": "function_call_output", "call_id": result.call_id, "output": output}


def _content(part: Part, deployment: Deployment) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, Image):
        url = part.url if part.data is None else data_url(part)
        return {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}
    if isinstance(part, File):
        return _file(part, deployment)
    raise not_expressible(deployment, "messages", f"A user's message cannot hold a {type(part).__name__}.")


def _file(part: File, deployment: Deployment) -> dict[str, Any]:
    if (part.media_type or "").startswith("audio/"):
        raise not_expressible(deployment, "messages", "The Responses API takes no sound.")
    if part.file_id is not None:
        return {"type": "input_file", "file_id": part.file_id}
    if part.data is None:
        return {"type": "input_file", "file_url": part.url}
    return {"type": "input_file", "filename": part.name or "file", "file_data": data_url(part)}


def _tool(tool: Tool) -> dict[str, Any]:
    """`strict` is said either way: here it is on where nobody says anything."""
    said: dict[str, Any] = {
        "type": "function",
        "name": tool.name,
        "parameters": tool.parameters or _NO_PARAMETERS,
        "strict": bool(tool.strict),
    }
    if tool.description is not None:
        said["description"] = tool.description
    return said


def _tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    return {"type": "function", "name": choice.name} if choice.mode == "tool" else choice.mode


def _format(output_format: OutputFormat) -> dict[str, Any]:
    if output_format.schema is None:
        return {"type": "json_object"}
    said: dict[str, Any] = {
        "type": "json_schema",
        "name": schema_name(output_format),
        "schema": output_format.schema,
    }
    if output_format.description is not None:
        said["description"] = output_format.description
    if output_format.strict is not None:
        said["strict"] = output_format.strict
    return said
