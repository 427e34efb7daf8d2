"""The door of OpenAI's chat completions.

Format: https://platform.openai.com/docs/api-reference/chat/create
"""

from collections.abc import Mapping
from typing import Any

from officium.core.llm.completion import (
    Completion,
    CompletionRequest,
    DialectName,
    NativeBody,
    OutputFormat,
    Tool,
    ToolChoice,
)
from officium.kit.errors import OfficiumError
from officium.web.api.chat_answers import ChatRenderer, render_chat
from officium.web.api.chat_messages import MessageReader, required_choice
from officium.web.api.reading import (
    choice,
    flag,
    integer,
    json_type,
    list_field,
    list_of_objects,
    list_of_texts,
    model_name,
    number,
    object_field,
    refuse,
    required_object,
    required_text,
    text_field,
)
from officium.web.api.wire import StreamRenderer
from officium.web.errors import openai_error

MOST_TOOLS = 512
MOST_STOPS = 16
MOST_CHOICES = 16
_MODELLED = frozenset(
    (
        "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop",
        "seed", "presence_penalty", "frequency_penalty", "tools", "tool_choice", "functions", "function_call",
        "parallel_tool_calls", "response_format", "reasoning_effort", "logprobs", "top_logprobs", "n", "user",
        "stream", "stream_options",
    )
)  # fmt: skip
_MEANINGLESS: Mapping[str, tuple[Any, ...]] = {
    "store": (False,),
    "service_tier": ("auto", "default"),
    "modalities": (["text"],),
    "verbosity": ("medium",),
    "logit_bias": ({},),
    "metadata": ({},),
}
"""Values that ask for what happens anyway."""
_ESSENTIAL = frozenset(("audio", "modalities", "web_search_options", "moderation"))
"""Fields without which the answer would be another one."""


class ChatWire:
    """Chat completions as OpenAI's SDK sends and reads them."""

    dialect: DialectName = "openai-chat"

    def parse(self, body: Mapping[str, Any]) -> CompletionRequest:
        """Read a request body. Raises InvalidRequest with `param` naming the faulty part."""
        reader = MessageReader()
        messages = reader.read(body)
        untranslatable = reader.untranslatable
        tools = _tools(body, untranslatable)
        max_tokens = integer(body, "max_completion_tokens", 1)
        unmodelled, essential = _leftovers(body)
        logprobs = flag(body, "logprobs") or False
        top_logprobs = integer(body, "top_logprobs", 0, 20)
        if top_logprobs is not None and not logprobs:
            refuse("top_logprobs", "needs `logprobs` to be true.")
        _check_stream_options(body)
        return CompletionRequest(
            model=model_name(body),
            messages=messages,
            max_tokens=integer(body, "max_tokens", 1) if max_tokens is None else max_tokens,
            temperature=number(body, "temperature", 0, 2),
            top_p=number(body, "top_p", 0, 1),
            top_k=_top_k(body),
            stop=_stop(body),
            seed=integer(body, "seed"),
            presence_penalty=number(body, "presence_penalty", -2, 2),
            frequency_penalty=number(body, "frequency_penalty", -2, 2),
            tools=tools,
            tool_choice=_tool_choice(body, tools, untranslatable),
            parallel_tool_calls=flag(body, "parallel_tool_calls"),
            output_format=_output_format(body),
            reasoning_effort=_reasoning_effort(body),
            logprobs=logprobs,
            top_logprobs=top_logprobs,
            n=integer(body, "n", 1, MOST_CHOICES) or 1,
            user=text_field(body, "user"),
            stream=flag(body, "stream") or False,
            native=NativeBody(self.dialect, body),
            unmodelled=unmodelled,
            untranslatable=(*untranslatable, *essential),
        )

    def render(self, completion: Completion, request: CompletionRequest, request_id: str) -> bytes:
        """The JSON body of a whole answer."""
        return render_chat(completion, request, request_id)

    def stream_renderer(self, request: CompletionRequest, request_id: str) -> StreamRenderer:
        """A fresh writer for one stream."""
        return ChatRenderer(request, request_id)

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        """The JSON body of an error answer."""
        return openai_error(error, status)


def _leftovers(body: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields we have no word for: those that may be left out, and those that may not."""
    names = [
        name
        for name, value in body.items()
        if name not in _MODELLED and value is not None and value not in _MEANINGLESS.get(name, ())
    ]
    if not names:
        return (), ()
    return (
        tuple(name for name in names if name not in _ESSENTIAL),
        tuple(name for name in names if name in _ESSENTIAL),
    )


def _top_k(body: Mapping[str, Any]) -> int | None:
    """Not OpenAI's own, but common among those who speak the dialect; -1 and 0 switch it off there."""
    top_k = integer(body, "top_k", -1)
    return top_k if top_k is not None and top_k > 0 else None


def _stop(body: Mapping[str, Any]) -> tuple[str, ...]:
    stop = body.get("stop")
    if stop is None:
        return ()
    stops = (stop,) if isinstance(stop, str) else list_of_texts(body, "stop")
    if len(stops) > MOST_STOPS:
        refuse("stop", f"must not have more than {MOST_STOPS} sequences.")
    if not all(stops):
        refuse("stop", "must not hold an empty string.")
    return stops


def _tools(body: Mapping[str, Any], untranslatable: list[str]) -> tuple[Tool, ...]:
    if body.get("tools") is None and body.get("functions") is None:
        return ()
    for name in ("tools", "functions"):
        if len(list_field(body, name) or ()) > MOST_TOOLS:
            refuse(name, f"must not have more than {MOST_TOOLS} entries.")
    tools = [_function(function, path) for path, function in list_of_objects(body, "functions")]
    for path, tool in list_of_objects(body, "tools"):
        kind = choice(tool, "type", ("function", "custom"), path)
        if kind == "custom":
            custom = required_object(tool, "custom", path)
            tools.append(Tool(name=required_text(custom, "name", f"{path}.custom")))
            untranslatable.append(path)
        else:
            tools.append(_function(required_object(tool, "function", path), f"{path}.function"))
    return tuple(tools)


def _function(function: Mapping[str, Any], path: str) -> Tool:
    return Tool(
        name=required_text(function, "name", path),
        description=text_field(function, "description", path),
        parameters=object_field(function, "parameters", path) or {},
        strict=flag(function, "strict", path),
    )


def _tool_choice(
    body: Mapping[str, Any], tools: tuple[Tool, ...], untranslatable: list[str]
) -> ToolChoice | None:
    chosen = body.get("tool_choice")
    if chosen is None:
        return _legacy_choice(body, tools)
    if isinstance(chosen, str):
        choice(body, "tool_choice", ("none", "auto", "required"))
        return ToolChoice(chosen)  # type: ignore[arg-type]
    if not isinstance(chosen, dict):
        refuse("tool_choice", f"must be a string or an object, not {json_type(chosen)}.")
    kind = choice(chosen, "type", ("function", "custom", "allowed_tools"), "tool_choice") or "function"
    details = required_object(chosen, kind, "tool_choice")
    if kind == "allowed_tools":
        untranslatable.append("tool_choice.allowed_tools")
        mode = choice(details, "mode", ("auto", "required"), "tool_choice.allowed_tools")
        return ToolChoice("required" if mode == "required" else "auto")
    return _named_choice(details, f"tool_choice.{kind}", tools)


def _legacy_choice(body: Mapping[str, Any], tools: tuple[Tool, ...]) -> ToolChoice | None:
    chosen = body.get("function_call")
    if chosen is None:
        return None
    if isinstance(chosen, str):
        choice(body, "function_call", ("none", "auto"))
        return ToolChoice(chosen)  # type: ignore[arg-type]
    return _named_choice(required_object(body, "function_call"), "function_call", tools)


def _named_choice(details: Mapping[str, Any], path: str, tools: tuple[Tool, ...]) -> ToolChoice:
    name = required_text(details, "name", path)
    if all(tool.name != name for tool in tools):
        refuse(f"{path}.name", f"names {name!r}, which is not among `tools`.")
    return ToolChoice("tool", name)


def _output_format(body: Mapping[str, Any]) -> OutputFormat | None:
    wanted = object_field(body, "response_format")
    if wanted is None:
        return None
    path = "response_format"
    kind = required_choice(wanted, "type", ("text", "json_object", "json_schema"), path)
    if kind == "text":
        return None
    if kind == "json_object":
        return OutputFormat()
    details = required_object(wanted, "json_schema", path)
    path = "response_format.json_schema"
    return OutputFormat(
        schema=object_field(details, "schema", path) or {},
        name=required_text(details, "name", path),
        strict=flag(details, "strict", path),
        description=text_field(details, "description", path),
    )


def _reasoning_effort(body: Mapping[str, Any]) -> str | None:
    effort = text_field(body, "reasoning_effort")
    if effort is not None and not (effort.isalpha() and len(effort) <= 16):
        refuse("reasoning_effort", "must be a word such as 'low', 'medium' or 'high'.")
    return effort


def _check_stream_options(body: Mapping[str, Any]) -> None:
    options = object_field(body, "stream_options")
    if options is not None:
        flag(options, "include_usage", "stream_options")
