"""Reading a request of the Messages API into neutral words.

Format: https://docs.claude.com/en/api/messages, and the types of the `anthropic` SDK 2.11.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from officium.core.llm.completion import CompletionRequest, NativeBody, OutputFormat, Tool, ToolChoice
from officium.core.llm.message import (
    File,
    Image,
    Message,
    Part,
    Reasoning,
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

_FIELDS = frozenset(
    {
        "model",
        "max_tokens",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "metadata",
        "stream",
        "thinking",
        "output_config",
        "output_format",
    }
)
_TOOL_FIELDS = frozenset({"type", "name", "description", "input_schema", "strict"})
_BLOCK_FIELDS = {
    "text": frozenset({"type", "text"}),
    "image": frozenset({"type", "source"}),
    "document": frozenset({"type", "source", "title", "context"}),
    "tool_use": frozenset({"type", "id", "name", "input", "extra_content"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
}
_PLACES = {
    "text": ("user", "assistant", "system", "tool_result", "document"),
    "image": ("user", "tool_result", "document"),
    "document": ("user", "tool_result"),
    "tool_result": ("user",),
    "tool_use": ("assistant",),
    "thinking": ("assistant",),
    "redacted_thinking": ("assistant",),
}
_TOOL_CHOICES = {"auto": "auto", "any": "required", "tool": "tool", "none": "none"}
_EFFORTS_BY_BUDGET = ((4_096, "low"), (16_384, "medium"))


def read_request(body: Mapping[str, Any]) -> CompletionRequest:
    """Read the body of `POST /v1/messages`. Raises InvalidRequest with `param`."""
    return _RequestReader().read(body)


class _RequestReader:
    """Reads one request, noting on the way what our vocabulary has no word for."""

    def __init__(self) -> None:
        self._unmodelled: dict[str, None] = {}
        self._untranslatable: list[str] = []
        self._tool_names: dict[str, str] = {}
        self._has_foreign_marks = False

    def read(self, body: Mapping[str, Any]) -> CompletionRequest:
        model = model_name(body)
        max_tokens = integer(body, "max_tokens", low=1)
        if max_tokens is None:
            refuse("max_tokens", "is required: the most tokens the answer may have.")
        self._leave(body, _FIELDS)
        messages = (*self._system(body), *self._messages(body))
        tools = self._tools(body)
        tool_choice, parallel = _tool_choice(body)
        output_format, effort = self._output(body)
        return CompletionRequest(
            model=model,
            messages=messages,
            max_tokens=max_tokens,
            temperature=number(body, "temperature", 0, 1),
            top_p=number(body, "top_p", 0, 1),
            top_k=integer(body, "top_k", low=0),
            stop=list_of_texts(body, "stop_sequences"),
            tools=tools,
            tool_choice=tool_choice,
            parallel_tool_calls=parallel,
            output_format=output_format,
            reasoning_effort=effort or self._thinking_effort(body),
            user=self._user(body),
            stream=flag(body, "stream") or False,
            native=NativeBody("anthropic-messages", self._native_body(body)),
            unmodelled=tuple(self._unmodelled),
            untranslatable=tuple(self._untranslatable),
        )

    def _leave(self, body: Mapping[str, Any], known: Collection[str], kind: str = "") -> None:
        for name, value in body.items():
            if name not in known and value is not None:
                self._unmodelled[f"{kind}.{name}" if kind else name] = None

    def _native_body(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return _without_foreign_marks(body) if self._has_foreign_marks else body

    def _system(self, body: Mapping[str, Any]) -> tuple[Message, ...]:
        system = body.get("system")
        if system is None or system == "":
            return ()
        parts, _ = self._content(body, "system", "", "system")
        return (Message("system", tuple(parts)),)

    def _messages(self, body: Mapping[str, Any]) -> list[Message]:
        messages: list[Message] = []
        for path, said in list_of_objects(body, "messages"):
            role = choice(said, "role", ("user", "assistant", "system"), path)
            if role is None:
                refuse(f"{path}.role", "is required: user or assistant.")
            parts, results = self._content(said, "content", path, role)
            messages.extend(Message("tool", (result,)) for result in results)
            if role == "assistant":
                messages.append(Message("assistant", tuple(parts)))
            elif parts or not results:
                messages.append(Message("system" if role == "system" else "user", tuple(parts)))
        if not messages:
            refuse("messages", "is required and must have at least one message.")
        return messages

    def _content(
        self, owner: Mapping[str, Any], name: str, path: str, place: str
    ) -> tuple[list[Part], list[ToolResult]]:
        """The blocks under `name`; `place` is the message's role, or the type of the block they stand in."""
        content = owner.get(name)
        if isinstance(content, str):
            return [Text(content)], []
        here = f"{path}.{name}" if path else name
        if not isinstance(content, list):
            refuse(here, f"must be a string or a list of content blocks, not {json_type(content)}.")
        parts: list[Part] = []
        results: list[ToolResult] = []
        for at, block in list_of_objects(owner, name, path):
            kind = required_text(block, "type", at)
            if kind not in _PLACES:
                self._untranslatable.append(f"{at} ({kind})")
                continue
            if place not in _PLACES[kind]:
                refuse(f"{at}.type", f"is '{kind}', which has no place here ({place}).")
            self._leave(block, _BLOCK_FIELDS[kind], kind)
            if kind == "tool_result":
                results.append(self._tool_result(block, at))
            else:
                parts.extend(self._parts(kind, block, at))
        return parts, results

    def _parts(self, kind: str, block: Mapping[str, Any], path: str) -> tuple[Part, ...]:
        readers: dict[str, Callable[[Mapping[str, Any], str], tuple[Part, ...]]] = {
            "text": _text,
            "image": self._image,
            "document": self._document,
            "tool_use": self._tool_use,
            "thinking": self._thinking,
            "redacted_thinking": self._redacted_thinking,
        }
        return readers[kind](block, path)

    def _image(self, block: Mapping[str, Any], path: str) -> tuple[Part, ...]:
        source = required_object(block, "source", path)
        path += ".source"
        kind = required_text(source, "type", path)
        if kind == "base64":
            media_type = required_text(source, "media_type", path)
            return (Image(data=required_text(source, "data", path), media_type=media_type),)
        if kind == "url":
            return (Image(url=required_text(source, "url", path)),)
        self._untranslatable.append(f"{path} ({kind})")
        return ()

    def _document(self, block: Mapping[str, Any], path: str) -> tuple[Part, ...]:
        """A document; plain text becomes a text part, which every model can read."""
        source = required_object(block, "source", path)
        title = text_field(block, "title", path)
        context = text_field(block, "context", path)
        at = f"{path}.source"
        kind = required_text(source, "type", at)
        about = (Text(context),) if context else ()
        if kind == "base64":
            media_type = required_text(source, "media_type", at)
            return (*about, File(data=required_text(source, "data", at), media_type=media_type, name=title))
        if kind == "url":
            return (*about, File(url=required_text(source, "url", at), name=title))
        if kind == "file":
            return (*about, File(file_id=required_text(source, "file_id", at), name=title))
        if title:
            about = (Text(title), *about)
        if kind == "text":
            return (*about, Text(required_text(source, "data", at)))
        if kind == "content":
            parts, _ = self._content(source, "content", at, "document")
            return (*about, *parts)
        self._untranslatable.append(f"{at} ({kind})")
        return ()

    def _tool_use(self, block: Mapping[str, Any], path: str) -> tuple[Part, ...]:
        call_id = required_text(block, "id", path)
        name = required_text(block, "name", path)
        arguments = msgspec.json.encode(required_object(block, "input", path)).decode()
        google = _google_mark(block)
        self._has_foreign_marks |= "extra_content" in block
        self._tool_names[call_id] = name
        return (ToolCall(call_id, name, arguments, google),)

    def _tool_result(self, block: Mapping[str, Any], path: str) -> ToolResult:
        call_id = required_text(block, "tool_use_id", path)
        parts: list[Part] = []
        if block.get("content") is not None:
            parts, _ = self._content(block, "content", path, "tool_result")
        allowed = tuple(part for part in parts if isinstance(part, Text | Image | File))
        is_error = flag(block, "is_error", path) or False
        return ToolResult(call_id, allowed, self._tool_names.get(call_id), is_error)

    def _thinking(self, block: Mapping[str, Any], path: str) -> tuple[Part, ...]:
        signature = text_field(block, "signature", path)
        self._has_foreign_marks |= not signature
        return (Reasoning(text_field(block, "thinking", path) or "", signature or None),)

    def _redacted_thinking(self, block: Mapping[str, Any], path: str) -> tuple[Part, ...]:
        item_id, mark, encrypted = required_text(block, "data", path).rpartition(":")
        self._has_foreign_marks |= bool(mark)
        return (Reasoning(encrypted=encrypted, id=item_id or None),)

    def _tools(self, body: Mapping[str, Any]) -> tuple[Tool, ...]:
        tools = []
        for path, said in list_of_objects(body, "tools"):
            kind = text_field(said, "type", path)
            if kind not in (None, "custom"):
                self._untranslatable.append(f"{path} ({kind})")
                continue
            self._leave(said, _TOOL_FIELDS, "tool")
            tools.append(
                Tool(
                    required_text(said, "name", path),
                    text_field(said, "description", path),
                    required_object(said, "input_schema", path),
                    flag(said, "strict", path),
                )
            )
        return tuple(tools)

    def _output(self, body: Mapping[str, Any]) -> tuple[OutputFormat | None, str | None]:
        config = object_field(body, "output_config") or {}
        self._leave(config, ("format", "effort"), "output_config")
        effort = text_field(config, "effort", "output_config")
        if (said := object_field(config, "format", "output_config")) is not None:
            return _output_format(said, "output_config.format"), effort
        if (said := object_field(body, "output_format")) is not None:
            return _output_format(said, "output_format"), effort
        return None, effort

    def _thinking_effort(self, body: Mapping[str, Any]) -> str | None:
        """The effort that a `thinking` setting amounts to, where `output_config.effort` names none.

        `disabled` is "none"; a budget below 4,096 tokens is "low", below 16,384 "medium", else "high";
        with `adaptive` the model decides, so nothing is said.
        """
        thinking = object_field(body, "thinking")
        if thinking is None:
            return None
        kind = required_text(thinking, "type", "thinking")
        self._leave(thinking, ("type", "budget_tokens"), "thinking")
        if kind == "disabled":
            return "none"
        if kind == "enabled":
            budget = integer(thinking, "budget_tokens", 1, path="thinking")
            if budget is None:
                refuse("thinking.budget_tokens", "is required when thinking is enabled.")
            return next((effort for limit, effort in _EFFORTS_BY_BUDGET if budget < limit), "high")
        if kind != "adaptive":
            self._unmodelled["thinking"] = None
        return None

    def _user(self, body: Mapping[str, Any]) -> str | None:
        metadata = object_field(body, "metadata") or {}
        self._leave(metadata, ("user_id",), "metadata")
        return text_field(metadata, "user_id", "metadata")


def _text(block: Mapping[str, Any], path: str) -> tuple[Part, ...]:
    text = text_field(block, "text", path)
    if text is None:
        refuse(f"{path}.text", "is required and must be a string.")
    return (Text(text),)


def _tool_choice(body: Mapping[str, Any]) -> tuple[ToolChoice | None, bool | None]:
    said = object_field(body, "tool_choice")
    if said is None:
        return None, None
    kind = choice(said, "type", _TOOL_CHOICES, "tool_choice")
    if kind is None:
        refuse("tool_choice.type", "is required: auto, any, tool or none.")
    name = required_text(said, "name", "tool_choice") if kind == "tool" else None
    one_at_a_time = flag(said, "disable_parallel_tool_use", "tool_choice")
    parallel = None if one_at_a_time is None else not one_at_a_time
    return ToolChoice(_TOOL_CHOICES[kind], name), parallel  # type: ignore[arg-type]


def _output_format(said: Mapping[str, Any], path: str) -> OutputFormat:
    if text_field(said, "type", path) != "json_schema":
        refuse(f"{path}.type", "must be 'json_schema'.")
    return OutputFormat(required_object(said, "schema", path))


def _google_mark(block: Mapping[str, Any]) -> str | None:
    extra = block.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    mark = google.get("thought_signature") if isinstance(google, dict) else None
    return mark if isinstance(mark, str) else None


def _without_foreign_marks(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body without what only other providers' answers leave in it, and Anthropic refuses."""
    messages = []
    for message in body["messages"]:
        content = message["content"]
        if message["role"] != "assistant" or isinstance(content, str):
            messages.append(message)
        elif kept := [_plain(block) for block in content if not _is_foreign(block)]:
            messages.append({**message, "content": kept})
    return {**body, "messages": messages}


def _is_foreign(block: Mapping[str, Any]) -> bool:
    if block["type"] == "thinking":
        return not block.get("signature")
    return block["type"] == "redacted_thinking" and ":" in block["data"]


def _plain(block: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in block.items() if name != "extra_content"}
