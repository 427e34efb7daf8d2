"""The messages of a chat completions request.

Format: https://platform.openai.com/docs/api-reference/chat/create, with what others add to it and clients
send back: `reasoning_content` (DeepSeek), `reasoning_details` (OpenRouter) and
`extra_content.google.thought_signature` (Gemini).
"""

from collections.abc import Collection, Mapping
from typing import Any

from officium.core.llm.message import (
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from officium.web.api.reading import (
    choice,
    join,
    json_type,
    list_field,
    list_of_objects,
    refuse,
    required_object,
    required_text,
    text_field,
)

MOST_MESSAGES = 10_000
MOST_PARTS = 4_096
_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_PART_TYPES = ("text", "image_url", "input_audio", "file")
_SOUNDS = {"wav": "audio/wav", "mp3": "audio/mpeg"}


class MessageReader:
    """Reads the messages of one request, in order.

    `untranslatable` names what only a provider of this dialect can understand.
    """

    def __init__(self) -> None:
        self.untranslatable: list[str] = []
        self._legacy_calls: dict[str, str] = {}
        self._legacy_count = 0

    def read(self, body: Mapping[str, Any]) -> tuple[Message, ...]:
        """The messages of the request body."""
        found = list_field(body, "messages")
        if not found:
            refuse("messages", "is required and must be a list of at least one message.")
        if len(found) > MOST_MESSAGES:
            refuse("messages", f"must not have more than {MOST_MESSAGES} messages.")
        return tuple([self._message(raw, index) for index, raw in enumerate(found)])

    def _message(self, raw: Any, index: int) -> Message:
        if not isinstance(raw, dict):
            refuse(f"messages[{index}]", f"must be an object, not {json_type(raw)}.")
        content = raw.get("content")
        if type(content) is str and raw.get("role") == "user" and "name" not in raw:
            return Message("user", (Text(content),))
        path = f"messages[{index}]"
        role = _ROLES[required_choice(raw, "role", _ROLES, path)]
        if role == "assistant":
            return Message("assistant", self._assistant_parts(raw, path), text_field(raw, "name", path))
        if role == "tool":
            return Message("tool", (self._tool_result(raw, path),))
        parts = _content(raw, path, images_allowed=role == "user")
        return Message(role, parts, text_field(raw, "name", path))

    def _assistant_parts(self, raw: Mapping[str, Any], path: str) -> tuple[Part, ...]:
        parts: list[Part] = [*_reasoning(raw, path)]
        content = raw.get("content")
        if isinstance(content, list):
            parts += _assistant_content(raw, path)
        elif text_field(raw, "content", path):
            parts.append(Text(str(content), _signature(raw)))
        if refusal := text_field(raw, "refusal", path):
            parts.append(Refusal(refusal))
        for here, call in list_of_objects(raw, "tool_calls", path):
            parts.append(self._tool_call(call, here))
        if raw.get("function_call") is not None:
            parts.append(self._legacy_call(required_object(raw, "function_call", path), path))
        if raw.get("audio") is not None:
            self.untranslatable.append(f"{path}.audio")
        elif not parts and content != "":
            refuse(path, "must have `content` or `tool_calls`.")
        return tuple(parts)

    def _tool_call(self, call: Mapping[str, Any], path: str) -> ToolCall:
        kind = choice(call, "type", ("function", "custom"), path) or "function"
        call_id = required_text(call, "id", path)
        details = required_object(call, kind, path)
        name = required_text(details, "name", f"{path}.{kind}")
        if kind == "custom":
            self.untranslatable.append(path)
            return ToolCall(call_id, name, text_field(details, "input", f"{path}.custom") or "")
        arguments = text_field(details, "arguments", f"{path}.function") or "{}"
        return ToolCall(call_id, name, arguments, _signature(call))

    def _legacy_call(self, call: Mapping[str, Any], path: str) -> ToolCall:
        """Calls had no ids; the next result of the same function answers this one."""
        here = f"{path}.function_call"
        name = required_text(call, "name", here)
        call_id = self._legacy_calls[name] = f"call_{self._legacy_count}"
        self._legacy_count += 1
        return ToolCall(call_id, name, text_field(call, "arguments", here) or "{}")

    def _tool_result(self, raw: Mapping[str, Any], path: str) -> ToolResult:
        if raw["role"] == "function":
            name = required_text(raw, "name", path)
            call_id = self._legacy_calls.get(name)
            if call_id is None:
                refuse(f"{path}.name", f"answers a call to {name!r} that no message before it made.")
            return ToolResult(call_id, (Text(text_field(raw, "content", path) or ""),), name)
        call_id = required_text(raw, "tool_call_id", path)
        return ToolResult(call_id, _content(raw, path, images_allowed=True), text_field(raw, "name", path))


def required_choice(body: Mapping[str, Any], name: str, allowed: Collection[str], path: str = "") -> str:
    """The string under `name`, which must be there and be one of `allowed`."""
    value = choice(body, name, allowed, path)
    if value is None:
        refuse(join(path, name), f"is required and must be one of {', '.join(map(repr, allowed))}.")
    return value


def _content(raw: Mapping[str, Any], path: str, images_allowed: bool) -> tuple[Text | Image | File, ...]:
    content = raw.get("content")
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list) or not content:
        refuse(f"{path}.content", "is required and must be a string or a list of at least one part.")
    if len(content) > MOST_PARTS:
        refuse(f"{path}.content", f"must not have more than {MOST_PARTS} parts.")
    allowed = _PART_TYPES if images_allowed else ("text",)
    return tuple([_part(part, here, allowed) for here, part in list_of_objects(raw, "content", path)])


def _part(part: Mapping[str, Any], path: str, allowed: tuple[str, ...]) -> Text | Image | File:
    kind = required_choice(part, "type", allowed, path)
    if kind == "image_url":
        return _image(part, path)
    if kind == "input_audio":
        return _sound(required_object(part, "input_audio", path), f"{path}.input_audio")
    if kind == "file":
        return _file(required_object(part, "file", path), f"{path}.file")
    return Text(_any_text(part, "text", path))


def _image(part: Mapping[str, Any], path: str) -> Image:
    if isinstance(part.get("image_url"), str):
        part = {"image_url": {"url": part["image_url"]}}
    image = required_object(part, "image_url", path)
    here = f"{path}.image_url"
    url = required_text(image, "url", here)
    detail = text_field(image, "detail", here)
    if url.startswith("data:"):
        media_type, data = _data_url(url, f"{here}.url")
        return Image(data=data, media_type=media_type, detail=detail)
    if not url.startswith(("https://", "http://")):
        refuse(f"{here}.url", "must begin with `https://` or be a `data:` URL with base64 data.")
    return Image(url=url, detail=detail)


def _sound(sound: Mapping[str, Any], path: str) -> File:
    kind = required_choice(sound, "format", _SOUNDS, path)
    return File(data=required_text(sound, "data", path), media_type=_SOUNDS[kind])


def _file(file: Mapping[str, Any], path: str) -> File:
    name = text_field(file, "filename", path)
    if file_id := text_field(file, "file_id", path):
        return File(file_id=file_id, name=name)
    data = required_text(file, "file_data", path)
    if not data.startswith("data:"):
        return File(data=data, name=name)
    media_type, data = _data_url(data, f"{path}.file_data")
    return File(data=data, media_type=media_type, name=name)


def _data_url(url: str, path: str) -> tuple[str, str]:
    head, comma, data = url.partition(",")
    media_type, _, rest = head[5:].partition(";")
    if not comma or not media_type or not rest.endswith("base64") or not data:
        refuse(path, "must have the form `data:<media type>;base64,<data>`.")
    return media_type, data


def _assistant_content(raw: Mapping[str, Any], path: str) -> list[Part]:
    parts: list[Part] = []
    for here, part in list_of_objects(raw, "content", path):
        kind = required_choice(part, "type", ("text", "refusal"), here)
        text = _any_text(part, kind, here)
        parts.append(Refusal(text) if kind == "refusal" else Text(text, _signature(raw)))
    return parts


def _reasoning(raw: Mapping[str, Any], path: str) -> list[Reasoning]:
    """The thoughts a client sends back: the detailed form, which carries the opaque marks, if it is there."""
    parts = []
    for here, detail in list_of_objects(raw, "reasoning_details", path):
        kind = text_field(detail, "type", here)
        item_id = text_field(detail, "id", here)
        if kind == "reasoning.encrypted":
            parts.append(Reasoning(encrypted=required_text(detail, "data", here), id=item_id))
        elif kind == "reasoning.summary":
            parts.append(Reasoning(text_field(detail, "summary", here) or "", id=item_id))
        else:
            thought = text_field(detail, "text", here) or ""
            parts.append(Reasoning(thought, text_field(detail, "signature", here), id=item_id))
    if not parts and (
        text := text_field(raw, "reasoning_content", path) or text_field(raw, "reasoning", path)
    ):
        parts.append(Reasoning(text))
    return parts


def _signature(raw: Mapping[str, Any]) -> str | None:
    extra = raw.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) else None


def _any_text(part: Mapping[str, Any], name: str, path: str) -> str:
    text = text_field(part, name, path)
    if text is None:
        refuse(f"{path}.{name}", "is required and must be a string.")
    return text
