"""Reading a request of the Responses API into neutral words.

The stateless core is served: what needs memory between requests, runs later, or is run by the provider is
refused with a sentence that says what to do instead.

Format: https://platform.openai.com/docs/api-reference/responses/create, and SDK 3.52.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from officium.core.llm.completion import CompletionRequest, NativeBody, OutputFormat, Tool, ToolChoice
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
from officium.web.api.reading import (
    choice,
    flag,
    integer,
    json_type,
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

SIGNATURE_MARK = "signature:"
"""Opens an `encrypted_content` that holds a reasoning's signature of a provider other than OpenAI."""
REDACTED_MARK = "redacted:"
"""Opens an `encrypted_content` that another provider encrypted; only OpenAI's has an item's id."""

_FIELDS = frozenset(
    {
        "model",
        "input",
        "instructions",
        "max_output_tokens",
        "temperature",
        "top_p",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "text",
        "reasoning",
        "top_logprobs",
        "include",
        "metadata",
        "user",
        "safety_identifier",
        "stream",
        "stream_options",
        "store",
        "background",
        "conversation",
        "previous_response_id",
        "prompt",
    }
)
_ITEM_FIELDS = {
    "message": frozenset({"type", "id", "status", "role", "content"}),
    "function_call": frozenset({"type", "id", "status", "call_id", "name", "arguments", "extra_content"}),
    "function_call_output": frozenset({"type", "id", "status", "call_id", "output", "name"}),
    "reasoning": frozenset({"type", "id", "status", "summary", "content", "encrypted_content"}),
}
_PART_FIELDS = {
    "input_text": frozenset({"type", "text"}),
    "output_text": frozenset({"type", "text", "annotations", "logprobs"}),
    "refusal": frozenset({"type", "refusal"}),
    "input_image": frozenset({"type", "image_url", "file_id", "detail"}),
    "input_file": frozenset({"type", "file_data", "file_id", "file_url", "filename"}),
}
_TOOL_FIELDS = frozenset({"type", "name", "description", "parameters", "strict"})
_FORMAT_FIELDS = frozenset({"type", "name", "description", "schema", "strict"})
_TOOLS_CLIENTS_RUN = frozenset({"custom", "local_shell", "shell", "apply_patch", "namespace"})
_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_SERVED_INCLUDES = frozenset({"reasoning.encrypted_content", "message.output_text.logprobs"})
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^,]*)?;base64,(.*)", re.DOTALL)


def read_request(body: Mapping[str, Any]) -> CompletionRequest:
    """Read the body of `POST /v1/responses`. Raises InvalidRequest with `param`.

    `native` says `store: false`, whatever the client said: nothing is kept here, so nothing should be
    kept in our name by a provider either.
    """
    return _RequestReader().read(body)


class _RequestReader:
    """Reads one request, noting on the way what our vocabulary has no word for."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._unmodelled: dict[str, None] = {}
        self._untranslatable: list[str] = []
        self._tool_names: dict[str, str] = {}
        self._has_foreign_marks = False

    def read(self, body: Mapping[str, Any]) -> CompletionRequest:
        model = model_name(body)
        _refuse_what_needs_memory(body)
        self._leave(body, _FIELDS)
        self._read_instructions(body)
        self._read_input(body)
        tools = self._tools(body)
        tool_choice = _tool_choice(body)
        if tool_choice and (names := _allowed_names(body)):
            tools = tuple(tool for tool in tools if tool.name in names)
        top_logprobs = integer(body, "top_logprobs", 0, 20)
        return CompletionRequest(
            model=model,
            messages=tuple(self._messages),
            max_tokens=integer(body, "max_output_tokens", low=1),
            temperature=number(body, "temperature", 0, 2),
            top_p=number(body, "top_p", 0, 1),
            tools=tools,
            tool_choice=tool_choice,
            parallel_tool_calls=flag(body, "parallel_tool_calls"),
            output_format=self._output_format(body),
            reasoning_effort=self._effort(body),
            logprobs=self._wants_logprobs(body) or bool(top_logprobs),
            top_logprobs=top_logprobs or None,
            user=_user(body),
            stream=_stream(body),
            native=NativeBody("openai-responses", self._native_body(body)),
            unmodelled=tuple(self._unmodelled),
            untranslatable=tuple(self._untranslatable),
        )

    def _leave(self, body: Mapping[str, Any], known: Collection[str], kind: str = "") -> None:
        for name, value in body.items():
            if name not in known and value is not None:
                self._unmodelled[f"{kind}.{name}" if kind else name] = None

    def _native_body(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**(_without_foreign_marks(body) if self._has_foreign_marks else body), "store": False}

    def _read_instructions(self, body: Mapping[str, Any]) -> None:
        if instructions := text_field(body, "instructions"):
            self._messages.append(Message("system", (Text(instructions),)))

    def _read_input(self, body: Mapping[str, Any]) -> None:
        said = body.get("input")
        if object_field(body, "prompt") is not None:
            self._untranslatable.append("prompt")
        elif not said:
            refuse("input", "is required: a string, or a list of items with at least one.")
        if isinstance(said, str):
            self._messages.append(Message("user", (Text(said),)))
            return
        for path, item in list_of_objects(body, "input"):
            self._read_item(item, path)

    def _read_item(self, item: Mapping[str, Any], path: str) -> None:
        kind = text_field(item, "type", path) or ("message" if "role" in item else "item_reference")
        if kind == "item_reference":
            refuse(path, "refers to a stored item, but nothing is stored here: send the item itself.")
        if kind not in _ITEM_FIELDS:
            self._untranslatable.append(f"{path} ({kind})")
            return
        self._leave(item, _ITEM_FIELDS[kind], kind)
        if kind == "message":
            self._read_message(item, path)
        elif kind == "function_call":
            self._read_call(item, path)
        elif kind == "function_call_output":
            self._read_result(item, path)
        else:
            self._read_reasoning(item, path)

    def _read_message(self, item: Mapping[str, Any], path: str) -> None:
        role = choice(item, "role", _ROLES, path)
        if role is None:
            refuse(f"{path}.role", "is required: user, assistant, system or developer.")
        parts = self._content(item, "content", path)
        if role == "assistant":
            self._add_said(parts)
        else:
            self._messages.append(Message("user" if role == "user" else "system", parts))

    def _add_said(self, parts: tuple[Part, ...]) -> None:
        """Add to what the model said: the items of one answer make one message.

        A message item begins a new one where the last had its words, unless calls in it still wait for
        their results.
        """
        last = self._messages[-1] if self._messages else None
        if last is not None and last.role == "assistant":
            is_spoken = any(isinstance(part, Text | Refusal) for part in last.parts)
            waits = any(isinstance(part, ToolCall) for part in last.parts)
            if waits or not is_spoken or any(isinstance(part, ToolCall) for part in parts):
                self._messages[-1] = Message("assistant", last.parts + parts)
                return
        self._messages.append(Message("assistant", parts))

    def _read_call(self, item: Mapping[str, Any], path: str) -> None:
        call_id = required_text(item, "call_id", path)
        name = required_text(item, "name", path)
        self._has_foreign_marks |= "extra_content" in item
        self._tool_names[call_id] = name
        arguments = text_field(item, "arguments", path) or "{}"
        self._add_said((ToolCall(call_id, name, arguments, _google_mark(item)),))

    def _read_result(self, item: Mapping[str, Any], path: str) -> None:
        call_id = required_text(item, "call_id", path)
        name = text_field(item, "name", path) or self._tool_names.get(call_id)
        parts = self._content(item, "output", path)
        allowed = tuple(part for part in parts if isinstance(part, Text | Image | File))
        if len(allowed) < len(parts):
            refuse(f"{path}.output", "may hold text, images and files, but no refusal.")
        self._messages.append(Message("tool", (ToolResult(call_id, allowed, name),)))

    def _read_reasoning(self, item: Mapping[str, Any], path: str) -> None:
        texts = [required_text(part, "text", at) for at, part in list_of_objects(item, "summary", path)]
        full = [required_text(part, "text", at) for at, part in list_of_objects(item, "content", path)]
        item_id = text_field(item, "id", path)
        encrypted = text_field(item, "encrypted_content", path)
        text = "\n\n".join(texts or full)
        if encrypted and encrypted.startswith(SIGNATURE_MARK):
            self._has_foreign_marks = True
            self._add_said((Reasoning(text, encrypted.removeprefix(SIGNATURE_MARK)),))
        elif encrypted and encrypted.startswith(REDACTED_MARK):
            self._has_foreign_marks = True
            self._add_said((Reasoning(text, None, encrypted.removeprefix(REDACTED_MARK)),))
        else:
            self._add_said((Reasoning(text, None, encrypted, item_id),))

    def _content(self, owner: Mapping[str, Any], name: str, path: str) -> tuple[Part, ...]:
        content = owner.get(name)
        if isinstance(content, str):
            return (Text(content),)
        if not isinstance(content, list):
            refuse(f"{path}.{name}", f"must be a string or a list of parts, not {json_type(content)}.")
        parts: list[Part] = []
        for at, part in list_of_objects(owner, name, path):
            kind = required_text(part, "type", at)
            if kind not in _PART_FIELDS:
                self._untranslatable.append(f"{at} ({kind})")
                continue
            self._leave(part, _PART_FIELDS[kind], kind)
            if kind in ("input_text", "output_text"):
                parts.append(Text(_text(part, "text", at)))
            elif kind == "refusal":
                parts.append(Refusal(_text(part, "refusal", at)))
            elif kind == "input_image":
                parts.append(_image(part, at))
            else:
                parts.append(_file(part, at))
        return tuple(parts)

    def _tools(self, body: Mapping[str, Any]) -> tuple[Tool, ...]:
        tools = []
        for path, said in list_of_objects(body, "tools"):
            kind = required_text(said, "type", path)
            if kind in _TOOLS_CLIENTS_RUN:
                self._untranslatable.append(f"{path} ({kind})")
                continue
            if kind != "function":
                _refuse_server_tool(f"{path}.type", kind)
            self._leave(said, _TOOL_FIELDS, "tool")
            parameters = object_field(said, "parameters", path) or {}
            description = text_field(said, "description", path)
            strict = flag(said, "strict", path)
            tools.append(Tool(required_text(said, "name", path), description, parameters, strict))
        return tuple(tools)

    def _output_format(self, body: Mapping[str, Any]) -> OutputFormat | None:
        config = object_field(body, "text") or {}
        self._leave(config, ("format",), "text")
        said = object_field(config, "format", "text")
        if said is None:
            return None
        path = "text.format"
        kind = choice(said, "type", ("text", "json_object", "json_schema"), path)
        if kind == "json_object":
            return OutputFormat()
        if kind != "json_schema":
            return None
        self._leave(said, _FORMAT_FIELDS, path)
        return OutputFormat(
            required_object(said, "schema", path),
            required_text(said, "name", path),
            flag(said, "strict", path),
            text_field(said, "description", path),
        )

    def _effort(self, body: Mapping[str, Any]) -> str | None:
        config = object_field(body, "reasoning") or {}
        self._leave(config, ("effort",), "reasoning")
        return text_field(config, "effort", "reasoning")

    def _wants_logprobs(self, body: Mapping[str, Any]) -> bool:
        include = list_of_texts(body, "include")
        if not _SERVED_INCLUDES.issuperset(include):
            self._unmodelled["include"] = None
        return "message.output_text.logprobs" in include


def _refuse_what_needs_memory(body: Mapping[str, Any]) -> None:
    if body.get("previous_response_id") is not None:
        refuse(
            "previous_response_id",
            "cannot be used, because responses are not stored here: send the whole conversation in `input`.",
        )
    if body.get("conversation") is not None:
        refuse(
            "conversation",
            "cannot be used, because conversations are not stored here: send all of it in `input`.",
        )
    if flag(body, "background"):
        refuse("background", "must be false: a response is given at once or streamed, never fetched later.")
    flag(body, "store")


def _refuse_server_tool(path: str, kind: str) -> NoReturn:
    refuse(
        path,
        f"is '{kind}', a tool that the provider would run, which is not available here: define a tool of type"
        " 'function' and run it yourself.",
    )


def _text(part: Mapping[str, Any], name: str, path: str) -> str:
    text = text_field(part, name, path)
    if text is None:
        refuse(f"{path}.{name}", "is required and must be a string.")
    return text


def _image(part: Mapping[str, Any], path: str) -> Image | File:
    detail = text_field(part, "detail", path)
    if file_id := text_field(part, "file_id", path):
        return File(file_id=file_id)
    url = text_field(part, "image_url", path)
    if not url:
        refuse(f"{path}.image_url", "is required: an address, a data URL, or `file_id` instead.")
    if found := _DATA_URL.fullmatch(url):
        return Image(data=found[2], media_type=found[1] or None, detail=detail)
    return Image(url=url, detail=detail)


def _file(part: Mapping[str, Any], path: str) -> File:
    name = text_field(part, "filename", path)
    if file_id := text_field(part, "file_id", path):
        return File(file_id=file_id, name=name)
    if url := text_field(part, "file_url", path):
        return File(url=url, name=name)
    data = text_field(part, "file_data", path)
    if not data:
        refuse(path, "must have `file_data`, `file_url` or `file_id`.")
    found = _DATA_URL.fullmatch(data)
    if not found:
        refuse(f"{path}.file_data", "must be a data URL such as 'data:application/pdf;base64,...'.")
    return File(data=found[2], media_type=found[1] or None, name=name)


def _tool_choice(body: Mapping[str, Any]) -> ToolChoice | None:
    said = body.get("tool_choice")
    if said is None:
        return None
    if not isinstance(said, dict):
        mode = choice(body, "tool_choice", ("auto", "none", "required"))
        return ToolChoice(mode)  # type: ignore[arg-type]
    kind = required_text(said, "type", "tool_choice")
    if kind == "function":
        return ToolChoice("tool", required_text(said, "name", "tool_choice"))
    if kind == "allowed_tools":
        mode = choice(said, "mode", ("auto", "required"), "tool_choice")
        return ToolChoice(mode or "auto")  # type: ignore[arg-type]
    _refuse_server_tool("tool_choice.type", kind)


def _allowed_names(body: Mapping[str, Any]) -> frozenset[str]:
    """The tools that `allowed_tools` leaves; none where it does not stand."""
    said = body["tool_choice"]
    if not isinstance(said, dict) or said["type"] != "allowed_tools":
        return frozenset()
    return frozenset(
        required_text(tool, "name", at) for at, tool in list_of_objects(said, "tools", "tool_choice")
    )


def _user(body: Mapping[str, Any]) -> str | None:
    metadata = object_field(body, "metadata") or {}
    for name in metadata:
        text_field(metadata, name, "metadata")
    user = text_field(body, "user")
    return text_field(body, "safety_identifier") or user


def _stream(body: Mapping[str, Any]) -> bool:
    object_field(body, "stream_options")
    return flag(body, "stream") or False


def _google_mark(item: Mapping[str, Any]) -> str | None:
    extra = item.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    mark = google.get("thought_signature") if isinstance(google, dict) else None
    return mark if isinstance(mark, str) else None


def _without_foreign_marks(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body without what only other providers' answers leave in it, and OpenAI refuses."""
    items = [
        {name: value for name, value in item.items() if name != "extra_content"}
        for item in body["input"]
        if item.get("type") != "reasoning" or not _is_foreign(item)
    ]
    return {**body, "input": items}


def _is_foreign(reasoning: Mapping[str, Any]) -> bool:
    return (reasoning.get("encrypted_content") or "").startswith((SIGNATURE_MARK, REDACTED_MARK))
