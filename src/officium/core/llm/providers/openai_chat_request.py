"""Requests in OpenAI's Chat Completions dialect."""

import re
from collections.abc import Iterator, Mapping
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
from officium.core.llm.providers.openai_endpoint import leave_out_refused, post
from officium.core.llm.providers.translation import (
    json_instruction,
    native_body,
    not_expressible,
    refuse_untranslatable,
    take_knobs,
)

_WORDS = {
    name: name
    for name in (
        "temperature",
        "top_p",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "user",
    )
}
_AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
_FOREIGN_MARKS = frozenset(("reasoning_content", "reasoning_details", "extra_content"))
_NO_PARAMETERS = {"type": "object", "properties": {}}


def encode_completion(request: CompletionRequest, deployment: Deployment) -> HttpRequest:
    """The request as the provider wants it. Raises NotExpressible for a meaning that would be lost."""
    notes: list[str] = []
    body = native_body(request, "openai-chat")
    if body is None:
        refuse_untranslatable(request, deployment)
        body, notes = _build(request, deployment)
    elif "strict_messages" in deployment.provider.quirks:
        body["messages"] = [_without_foreign_marks(message) for message in body["messages"]]
    body["model"] = deployment.model
    _set_stream(body, request.stream, deployment)
    notes += _respect_traits(body, deployment)
    return post(deployment, "/chat/completions", body, tuple(notes))


def data_url(part: Image | File) -> str:
    """The bytes of a part as a data URL."""
    return f"data:{part.media_type or 'application/octet-stream'};base64,{part.data}"


def schema_name(output_format: OutputFormat) -> str:
    """The format's name in the letters OpenAI allows."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", output_format.name)[:64] or "answer"


def _without_foreign_marks(message: dict[str, Any]) -> dict[str, Any]:
    """The message without what our answers carry for other providers: the thoughts and their marks."""
    if not _FOREIGN_MARKS.isdisjoint(message):
        message = {name: value for name, value in message.items() if name not in _FOREIGN_MARKS}
    calls = message.get("tool_calls")
    if calls and any("extra_content" in call for call in calls):
        calls = [{name: value for name, value in call.items() if name != "extra_content"} for call in calls]
        message = {**message, "tool_calls": calls}
    return message


def _build(request: CompletionRequest, deployment: Deployment) -> tuple[dict[str, Any], list[str]]:
    knobs, notes = take_knobs(request, deployment, _WORDS)
    body: dict[str, Any] = {"messages": list(_messages(request.messages, deployment)), **knobs}
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.parallel_tool_calls is not None and request.tools:
        body["parallel_tool_calls"] = request.parallel_tool_calls
    if request.output_format is not None:
        body["response_format"] = _response_format(request.output_format)
    if request.reasoning_effort is not None:
        body["reasoning_effort"] = request.reasoning_effort
    return body, notes


def _set_stream(body: dict[str, Any], is_stream: bool, deployment: Deployment) -> None:
    """Ask for a stream that ends with its usage, or for a whole answer."""
    options = body.pop("stream_options", None)
    body.pop("stream", None)
    if not is_stream:
        return
    body["stream"] = True
    if "no_stream_options" not in deployment.provider.quirks:
        known = options if isinstance(options, Mapping) else {}
        body["stream_options"] = {**known, "include_usage": True}


def _respect_traits(body: dict[str, Any], deployment: Deployment) -> list[str]:
    """Leave out and rename what the model does not take; a note for each thing left out."""
    notes = leave_out_refused(body, deployment)
    _name_max_tokens(body, deployment)
    if not deployment.traits.has_native_json_schema:
        notes += _ask_for_schema_in_words(body, deployment)
    return notes


def _name_max_tokens(body: dict[str, Any], deployment: Deployment) -> None:
    traits = deployment.traits
    has_limit = body.get("max_tokens") is not None or body.get("max_completion_tokens") is not None
    if not has_limit and traits.default_max_tokens is not None:
        body["max_tokens"] = traits.default_max_tokens
    if traits.wants_max_completion_tokens or "max_completion_tokens" in deployment.provider.quirks:
        max_tokens = body.pop("max_tokens", None)
        if max_tokens is not None and body.get("max_completion_tokens") is None:
            body["max_completion_tokens"] = max_tokens


def _ask_for_schema_in_words(body: dict[str, Any], deployment: Deployment) -> list[str]:
    """Where the model knows no schema: ask for JSON, and put the schema into a system message."""
    asked = body.get("response_format")
    if not isinstance(asked, Mapping) or asked.get("type") != "json_schema":
        return []
    said = asked.get("json_schema")
    schema = said.get("schema") if isinstance(said, Mapping) else None
    words = json_instruction(OutputFormat(schema=schema if isinstance(schema, Mapping) else None))
    body["response_format"] = {"type": "json_object"}
    body["messages"] = [{"role": "system", "content": words}, *body.get("messages", ())]
    return [f"{deployment.model} has no JSON Schema mode: asked in words."]


def _messages(messages: tuple[Message, ...], deployment: Deployment) -> Iterator[dict[str, Any]]:
    """The conversation. Pictures and files that tools gave back follow their results as a user's message,
    because a tool's message holds text alone."""
    attachments: list[Part] = []
    for message in messages:
        if attachments and message.role != "tool":
            yield _user_message(Message("user", tuple(attachments)), deployment)
            attachments = []
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        for result in results:
            yield _tool_message(result)
            attachments += [part for part in result.parts if not isinstance(part, Text)]
        if message.role == "assistant":
            yield _assistant_message(message, deployment)
        elif message.role == "system":
            yield _named({"role": "system", "content": message.text}, message)
        elif rest := tuple(part for part in message.parts if not isinstance(part, ToolResult)):
            yield _user_message(Message("user", rest, message.name), deployment)
    if attachments:
        yield _user_message(Message("user", tuple(attachments)), deployment)


def _user_message(message: Message, deployment: Deployment) -> dict[str, Any]:
    if all(isinstance(part, Text) for part in message.parts) and len(message.parts) == 1:
        return _named({"role": "user", "content": message.text}, message)
    content = [_content(part, deployment) for part in message.parts]
    return _named({"role": "user", "content": content}, message)


def _content(part: Part, deployment: Deployment) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        url: dict[str, Any] = {"url": part.url if part.data is None else data_url(part)}
        if part.detail is not None:
            url["detail"] = part.detail
        return {"type": "image_url", "image_url": url}
    if isinstance(part, File):
        return _file(part, deployment)
    raise not_expressible(deployment, "messages", f"A user's message cannot hold a {type(part).__name__}.")


def _file(part: File, deployment: Deployment) -> dict[str, Any]:
    if part.file_id is not None:
        return {"type": "file", "file": {"file_id": part.file_id}}
    if part.data is None and deployment.provider.name != "openrouter":
        raise not_expressible(deployment, "messages", "Send the file's data: it fetches no files from a URL.")
    audio_format = _AUDIO_FORMATS.get(part.media_type or "")
    if audio_format is not None and part.data is not None:
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": audio_format}}
    said = {"filename": part.name or "file", "file_data": part.url if part.data is None else data_url(part)}
    return {"type": "file", "file": said}


def _tool_message(result: ToolResult) -> dict[str, Any]:
    text = "".join(part.text for part in result.parts if isinstance(part, Text))
    return {"role": "tool", "tool_call_id": result.call_id, "content": text}


def _assistant_message(message: Message, deployment: Deployment) -> dict[str, Any]:
    calls = [_tool_call(part, deployment) for part in message.parts if isinstance(part, ToolCall)]
    refusal = "".join(part.text for part in message.parts if isinstance(part, Refusal))
    said: dict[str, Any] = {"role": "assistant", "content": message.text}
    if not message.text and (calls or refusal):
        said["content"] = None
    if refusal:
        said["refusal"] = refusal
    if calls:
        said["tool_calls"] = calls
    if deployment.provider.name == "openrouter" and (details := list(_reasoning_details(message))):
        said["reasoning_details"] = details
    return _named(said, message)


def _tool_call(call: ToolCall, deployment: Deployment) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments or "{}"},
    }
    if call.signature and "output_from_total" in deployment.provider.quirks:  # Gemini checks it
        said["extra_content"] = {"google": {"thought_signature": call.signature}}
    return said


def _reasoning_details(message: Message) -> Iterator[dict[str, Any]]:
    """Earlier reasoning as OpenRouter takes it back, so that a tool loop can go on where it was."""
    for part in message.parts:
        if not isinstance(part, Reasoning):
            continue
        if part.text or part.signature:
            said: dict[str, Any] = {"type": "reasoning.text", "text": part.text}
            yield said | ({"signature": part.signature} if part.signature else {})
        if part.encrypted:
            said = {"type": "reasoning.encrypted", "data": part.encrypted}
            yield said | ({"id": part.id} if part.id else {})


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or _NO_PARAMETERS}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if choice.mode == "tool":
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode


def _response_format(output_format: OutputFormat) -> dict[str, Any]:
    if output_format.schema is None:
        return {"type": "json_object"}
    said: dict[str, Any] = {"name": schema_name(output_format), "schema": output_format.schema}
    if output_format.description is not None:
        said["description"] = output_format.description
    if output_format.strict is not None:
        said["strict"] = output_format.strict
    return {"type": "json_schema", "json_schema": said}


def _named(said: dict[str, Any], message: Message) -> dict[str, Any]:
    """The message with its speaker's name, if it has one."""
    if message.name is not None:
        said["name"] = message.name
    return said
