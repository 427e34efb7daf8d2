"""Putting a neutral request into the words of the Gemini generateContent dialect."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from officium.core.llm.completion import CompletionRequest, OutputFormat, Tool, ToolChoice
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

MADE_UP_ID = "gemini_call_"
"""Ids of calls that came without one begin with this; they are not sent back."""

_WORDS = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "stop": "stopSequences",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
_CHOICES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "tool": "ANY"}
_LEVELS = {"none": "minimal", "xhigh": "high", "max": "high"}
_BUDGETS = {
    "none": 0,
    "minimal": 512,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}
_TAKES_BUDGETS = re.compile(r"gemini-[12]\.")
"""Models before Gemini 3 know a budget of thinking tokens, later ones a level."""

_CHECKS_SIGNATURES = re.compile(r"gemini-(?:[3-9]|\d\d)")
_NO_SIGNATURE = "skip_thought_signature_validator"
"""Gemini 3 refuses a call without its signature. Source: https://ai.google.dev/gemini-api/docs/thought-signatures"""


def translate(request: CompletionRequest, deployment: Deployment) -> tuple[dict[str, Any], list[str]]:
    """The request as a generateContent body, and what had to be left out."""
    refuse_untranslatable(request, deployment)
    config, notes = take_knobs(request, deployment, _WORDS)
    body: dict[str, Any] = {}
    system, contents = _write_messages(request.messages, deployment, notes)
    body["contents"] = contents
    if system:
        body["systemInstruction"] = {"parts": [{"text": text} for text in system]}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declare(tool) for tool in request.tools]}]
    if calling := _write_choice(request):
        body["toolConfig"] = {"functionCallingConfig": calling}
    if request.parallel_tool_calls is False:
        notes.append(f"{deployment.provider.label} has no word for `parallel_tool_calls`: left out.")
    if request.output_format is not None:
        config |= _write_output_format(request.output_format)
    if request.reasoning_effort is not None:
        config |= _write_effort(request.reasoning_effort, deployment, notes)
    if config:
        body["generationConfig"] = config
    return body, notes


def apply_traits(body: dict[str, Any], config: dict[str, Any], deployment: Deployment) -> list[str]:
    """Take out of a body and its generation config what the model refuses, and say so."""
    refuses = deployment.traits.refuses
    notes = [
        f"{deployment.model} does not accept `{name}`: left out."
        for name, word in _WORDS.items()
        if name in refuses and config.pop(word, None) is not None
    ]
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    if "forced_tool_choice" in refuses and calling.get("mode") == "ANY":
        body["toolConfig"] = body["toolConfig"] | {"functionCallingConfig": {"mode": "AUTO"}}
        notes.append(f"{deployment.model} cannot be forced to call a tool: it decides itself.")
    return notes


def _declare(tool: Tool) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        declared["description"] = tool.description
    if tool.parameters:
        declared["parametersJsonSchema"] = tool.parameters
    return declared


def _write_choice(request: CompletionRequest) -> dict[str, Any]:
    """How to call; the model keeps to the schemas when a call is forced, and where that is asked for."""
    choice = request.tool_choice or ToolChoice("auto")
    is_strict = choice.mode == "auto" and any(tool.strict for tool in request.tools)
    if not request.tools or (request.tool_choice is None and not is_strict):
        return {}
    written: dict[str, Any] = {"mode": "VALIDATED" if is_strict else _CHOICES[choice.mode]}
    if choice.mode == "tool" and choice.name:
        written["allowedFunctionNames"] = [choice.name]
    return written


def _write_output_format(output_format: OutputFormat) -> dict[str, Any]:
    written: dict[str, Any] = {"responseMimeType": "application/json"}
    if output_format.schema is not None:
        written["responseJsonSchema"] = output_format.schema
    return written


def _write_effort(effort: str, deployment: Deployment, notes: list[str]) -> dict[str, Any]:
    if "reasoning_effort" in deployment.traits.refuses:
        notes.append(f"{deployment.model} does not accept `reasoning_effort`: left out.")
        return {}
    thinking: dict[str, Any] = {"includeThoughts": True} if effort != "none" else {}
    if _TAKES_BUDGETS.search(deployment.model):
        if effort not in _BUDGETS:
            notes.append(f"`reasoning_effort` {effort} is unknown: left out.")
            return {}
        return {"thinkingConfig": thinking | {"thinkingBudget": _BUDGETS[effort]}}
    if effort in _LEVELS:
        notes.append(f"`reasoning_effort` {effort} was asked for as {_LEVELS[effort]}.")
    return {"thinkingConfig": thinking | {"thinkingLevel": _LEVELS.get(effort, effort)}}


def _write_messages(
    messages: Sequence[Message], deployment: Deployment, notes: list[str]
) -> tuple[list[str], list[dict[str, Any]]]:
    """The system texts, and the turns; parallel results of tools stand in one."""
    system: list[str] = []
    contents: list[dict[str, Any]] = []
    speaker: str | None = None
    names = {
        part.id: part.name for message in messages for part in message.parts if isinstance(part, ToolCall)
    }
    for message in messages:
        if message.role == "system":
            if contents:
                notes.append("A system message in the middle was moved to the top.")
            system.extend(_system_texts(message, deployment))
            continue
        if message.name:
            notes.append(f"{deployment.provider.label} has no word for a speaker's name: left out.")
        parts = [written for part in message.parts for written in _write_part(part, names, deployment, notes)]
        if not parts:
            continue
        if speaker == message.role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": "model" if message.role == "assistant" else "user", "parts": parts})
        speaker = message.role
    if _CHECKS_SIGNATURES.search(deployment.model):
        _sign_calls(contents, notes)
    return system, contents


def _sign_calls(contents: list[dict[str, Any]], notes: list[str]) -> None:
    """Mark calls that lost their signature, or come from another provider, with the stand-in for it."""
    for content in contents:
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls and "thoughtSignature" not in calls[0]:
            calls[0]["thoughtSignature"] = _NO_SIGNATURE
            notes.append("A tool call without its thought signature was sent with the stand-in for it.")


def _system_texts(message: Message, deployment: Deployment) -> list[str]:
    if not all(isinstance(part, Text) for part in message.parts):
        raise not_expressible(deployment, "messages", "A system message can only be text.")
    return [part.text for part in message.parts if isinstance(part, Text) and part.text]


def _write_part(
    part: Part, names: Mapping[str, str], deployment: Deployment, notes: list[str]
) -> list[dict[str, Any]]:
    match part:
        case Text():
            return [_signed({"text": part.text}, part.signature)] if part.text or part.signature else []
        case Refusal(text):
            return [{"text": text}] if text else []
        case Image() | File():
            return [_write_attachment(part, deployment)]
        case Reasoning():
            # Signatures of other providers would be refused, and theirs stand on texts and calls.
            return []
        case ToolCall():
            return [_write_call(part, notes)]
        case ToolResult():
            return _write_result(part, names, deployment)


def _signed(part: dict[str, Any], signature: str | None) -> dict[str, Any]:
    return part if signature is None else part | {"thoughtSignature": signature}


def _write_call(part: ToolCall, notes: list[str]) -> dict[str, Any]:
    arguments = parse_arguments(part.arguments)
    if arguments is None:
        notes.append(f"The arguments of a call of `{part.name}` are no JSON object: sent as text.")
        arguments = {"_unparsed": part.arguments}
    call = _identified({"name": part.name, "args": arguments}, part.id)
    return _signed({"functionCall": call}, part.signature)


def _identified(said: dict[str, Any], id: str) -> dict[str, Any]:
    return said if not id or id.startswith(MADE_UP_ID) else said | {"id": id}


def _write_result(part: ToolResult, names: Mapping[str, str], deployment: Deployment) -> list[dict[str, Any]]:
    """The result under the name of the function that was called; pictures in it follow as parts."""
    name = part.name or names.get(part.call_id)
    if not name:
        raise not_expressible(
            deployment, "messages", f"No call in it has the id {part.call_id} of a tool's result."
        )
    text = "".join(item.text for item in part.parts if isinstance(item, Text))
    parsed = parse_arguments(text) if text.lstrip().startswith("{") else None
    response = {"error": text} if part.is_error else {"result": text} if parsed is None else parsed
    written = [{"functionResponse": _identified({"name": name, "response": response}, part.call_id)}]
    return written + [
        _write_attachment(item, deployment) for item in part.parts if not isinstance(item, Text)
    ]


def _write_attachment(part: Image | File, deployment: Deployment) -> dict[str, Any]:
    if part.data is not None:
        fallback = "image/png" if isinstance(part, Image) else "application/pdf"
        return {"inlineData": {"mimeType": part.media_type or fallback, "data": part.data}}
    uri = part.url or (part.file_id if isinstance(part, File) else None)
    if uri is None:
        raise not_expressible(deployment, "messages", "A picture or file in it is empty.")
    file_data = {"fileUri": uri}
    if part.media_type:
        file_data["mimeType"] = part.media_type
    return {"fileData": file_data}
