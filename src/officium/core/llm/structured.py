"""From what a model wrote to an object that fits a schema, rung by rung.

The text as it is, the Markdown code blocks in it, the first JSON inside its prose, and last the same text
mended by json-repair. Whatever a rung finds counts only once it has been validated.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin

import jiter
import json_repair
import jsonschema_rs
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from officium.core.llm.completion import Completion, OutputFormat
from officium.core.llm.errors import LLMValidationError
from officium.core.llm.message import Message, assistant, user

T = TypeVar("T")
JsonSchema = Mapping[str, Any]
Rung = Literal["whole", "code block", "prose", "repaired"]

REPAIR_LIMIT_CHARS = 100_000
"""Longer texts are not mended: json-repair is slow on them."""
_STARTS_TRIED = 32
_BLOCKS_MENDED = 4
_OPEN_LIMIT = 100
"""A text with more brackets left open is no answer that was nearly right."""
_ERRORS_SHOWN = 10
_CODE_BLOCK = re.compile(r"```[ \t]*[\w+-]*[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL)
_BRACKETS = re.compile(r'["{}\[\]]')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CLOSERS = {"{": "}", "[": "]"}
_NAME_CHARACTERS = re.compile(r"[^A-Za-z0-9_-]+")


class SchemaMismatch(Exception):
    """A JSON value does not fit; `errors` say where and why, one line each."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


class OutputSchema(Generic[T]):
    """What an answer must look like: a Pydantic model, any type Pydantic can check, or a JSON Schema."""

    def __init__(self, wanted: type[T] | JsonSchema) -> None:
        self._wanted = wanted
        self._json_schema: JsonSchema | None = wanted if isinstance(wanted, Mapping) else None
        self._adapter: TypeAdapter[T] | None = None if isinstance(wanted, Mapping) else TypeAdapter(wanted)

    @cached_property
    def json_schema(self) -> JsonSchema:
        """The JSON Schema that stands for it."""
        if self._adapter is None:
            assert self._json_schema is not None
            return self._json_schema
        return self._adapter.json_schema()

    @cached_property
    def name(self) -> str:
        """A name that providers accept: at most 64 letters, digits, `_` and `-`."""
        said = self.json_schema.get("title") or getattr(self._wanted, "__name__", "")
        return _NAME_CHARACTERS.sub("_", str(said)).strip("_")[:64] or "answer"

    @cached_property
    def output_format(self) -> OutputFormat:
        """How to ask a provider for it: strictly where the schema allows that."""
        closed = close_schema(self.json_schema)
        if closed is not None:
            return OutputFormat(schema=closed, name=self.name, strict=True)
        return OutputFormat(schema=self.json_schema, name=self.name)

    @cached_property
    def _check(self) -> jsonschema_rs.Validator:
        return jsonschema_rs.validator_for(dict(self.json_schema), offline=True)

    def read(self, text: str) -> T:
        """The JSON `text` as an object of the schema. Raises SchemaMismatch.

        Pydantic reads the text itself, so strict models accept dates. It takes numbers through a float: a
        Decimal keeps 15 digits.
        """
        if self._adapter is not None:
            try:
                return self._adapter.validate_json(text)
            except ValidationError as error:
                raise SchemaMismatch(_pydantic_errors(error)) from error
        value = jiter.from_json(text.encode())
        errors = tuple(
            f"{'.'.join(map(str, error.instance_path)) or 'the answer'}: {error.message}"
            for error, _ in zip(self._check.iter_errors(value), range(_ERRORS_SHOWN), strict=False)
        )
        if errors:
            raise SchemaMismatch(errors)
        return value  # type: ignore[no-any-return]

    def partial(self, value: Any) -> T:
        """An unvalidated object from an unfinished `value`: missing fields hold their default or `None`."""
        return _partial(self._wanted, value)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Found(Generic[T]):
    """The object, and the rung that gave it."""

    value: T
    rung: Rung


def close_schema(schema: JsonSchema) -> dict[str, Any] | None:
    """The schema as strict modes want it: every object closed and every property required.

    `None` where that would change what may be answered or uses what strict modes refuse (free-form
    objects, `oneOf`, `allOf`, ...). Source: https://platform.openai.com/docs/guides/structured-outputs
    """
    try:
        closed = _closed(schema)
    except _NotClosable:
        return None
    return closed if closed.get("type") == "object" and "anyOf" not in closed else None


def json_candidates(text: str) -> Iterator[tuple[str, Rung]]:
    """The JSON texts that may be meant by `text`, the likeliest first."""
    text = text.strip().removeprefix("\ufeff")
    yield from _parsed([text], "whole")
    blocks = [match[1] for match in _CODE_BLOCK.finditer(text)]
    yield from _parsed(blocks, "code block")
    yield from _parsed(_balanced(text), "prose")
    for candidate in (*blocks[:_BLOCKS_MENDED], text):
        if (mended := _mended(candidate)) is not None:
            yield mended, "repaired"


def find_object(text: str, schema: OutputSchema[T]) -> Found[T]:
    """The first candidate in `text` that fits `schema`. Raises SchemaMismatch with the first one's errors."""
    first: SchemaMismatch | None = None
    for candidate, rung in json_candidates(text):
        try:
            return Found(schema.read(candidate), rung)
        except SchemaMismatch as error:
            first = first or error
    raise first or SchemaMismatch(("no JSON was found in the answer",))


def read_answer(completion: Completion, schema: OutputSchema[T]) -> Found[T]:
    """The object a completion holds. Raises LLMValidationError, with `raw_text` and `errors`.

    An answer that was refused or cut short is never searched for an object that happens to fit.
    """
    text = completion.text
    said: dict[str, Any] = {"raw_text": text, "model": completion.model}
    if completion.refusal or completion.finish_reason == "content_filter":
        raise LLMValidationError(
            "The model refused to answer, so there is no object. Rephrase the request.",
            errors=(completion.refusal or "content filtered",),
            reason="refused",
            **said,
        )
    if not text.strip():
        reason = "length" if completion.finish_reason == "length" else "empty"
        cause = " (all tokens went elsewhere: raise max_tokens)" if reason == "length" else ""
        raise LLMValidationError(
            f"The model's answer is empty{cause}.", errors=("the answer is empty",), reason=reason, **said
        )
    if completion.finish_reason == "length":
        raise LLMValidationError(
            "The answer was cut short by the token limit. Raise max_tokens.",
            errors=("the answer was cut short by the token limit",),
            reason="length",
            **said,
        )
    try:
        return find_object(text, schema)
    except SchemaMismatch as error:
        raise LLMValidationError(
            f"The answer does not fit the schema {schema.name}: {error}.",
            errors=error.errors,
            reason="mismatch",
            **said,
        ) from error


def instruction(schema: OutputSchema[T]) -> str:
    """The words that ask for the object where a provider has no mode for it."""
    return (
        "Answer with JSON alone, without any other text and without Markdown. "
        f"It must fit this JSON Schema:\n{to_json(schema.json_schema).decode()}"
    )


def correction(error: LLMValidationError) -> tuple[Message, ...]:
    """The turns that show the model its answer and what is wrong with it."""
    errors = error.fields.get("errors")
    lines = "\n".join(f"- {line}" for line in (errors if isinstance(errors, tuple) else ())[:_ERRORS_SHOWN])
    shorter = " Keep it short enough to fit." if error.fields.get("reason") == "length" else ""
    request = user(
        f"That answer cannot be used:\n{lines}\nAnswer again with the corrected JSON alone.{shorter}"
    )
    return (assistant(error.raw_text), request) if error.raw_text.strip() else (request,)


class PartialReader(Generic[T]):
    """Reads an object while it is being written.

    The text is parsed again each time it has grown by a fiftieth, so the work stays linear in its length.
    """

    def __init__(self, schema: OutputSchema[T]) -> None:
        self._schema = schema
        self._text = ""
        self._parsed_chars = 0
        self._last: Any = None

    def feed(self, text: str) -> T | None:
        """Take in the next piece; the object so far if it has changed, else `None`."""
        self._text += text
        if len(self._text) - self._parsed_chars <= self._parsed_chars // 50:
            return None
        self._parsed_chars = len(self._text)
        start = min((place for place in map(self._text.find, "{[") if place >= 0), default=-1)
        if start < 0:
            return None
        try:
            value = jiter.from_json(self._text[start:].encode(), partial_mode="trailing-strings")
        except ValueError:
            return None
        if value == self._last or not value:
            return None
        self._last = value
        return self._schema.partial(value)


def _parsed(texts: Iterable[str], rung: Rung) -> Iterator[tuple[str, Rung]]:
    for text in texts:
        try:
            jiter.from_json(text.encode("utf-8", "replace"), allow_inf_nan=False)
        except ValueError:
            continue
        yield text, rung


def _mended(text: str) -> str | None:
    """What json-repair makes of the text from its first bracket on, if that is an object or an array."""
    start = min((place for place in map(text.find, "{[") if place >= 0), default=-1)
    if start < 0 or len(text) - start > REPAIR_LIMIT_CHARS:
        return None
    if max(text.count("{") - text.count("}"), text.count("[") - text.count("]")) > _OPEN_LIMIT:
        return None
    try:
        value = json_repair.loads(text[start:], skip_json_loads=True)
        return to_json(value).decode() if value and isinstance(value, dict | list) else None
    except (ValueError, RecursionError):  # also for halves of characters, which no JSON text can hold
        return None


def _balanced(text: str) -> Iterator[str]:
    """The outermost balanced objects and arrays in `text`; a few beginnings are tried."""
    at = 0
    for _ in range(_STARTS_TRIED):
        start = min((place for place in (text.find("{", at), text.find("[", at)) if place >= 0), default=-1)
        if start < 0:
            return
        end = _end_of_value(text, start)
        if end is None:
            at = start + 1
        else:
            yield text[start:end]
            at = end


def _end_of_value(text: str, start: int) -> int | None:
    open_brackets: list[str] = []
    at = start
    while (match := _BRACKETS.search(text, at)) is not None:
        sign = match[0]
        at = match.end()
        if sign == '"':
            string = _STRING.match(text, match.start())
            if string is None:
                return None
            at = string.end()
        elif sign in _CLOSERS:
            open_brackets.append(_CLOSERS[sign])
        elif not open_brackets or open_brackets.pop() != sign:
            return None
        if not open_brackets:
            return at
    return None


def _pydantic_errors(error: ValidationError) -> tuple[str, ...]:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return tuple(
        f"{'.'.join(map(str, detail['loc'])) or 'the answer'}: {detail['msg']}"
        for detail in details[:_ERRORS_SHOWN]
    )


class _NotClosable(Exception):
    """The schema cannot be made strict."""


_STRICT_KEYWORDS = {"type", "title", "description", "enum", "const", "anyOf", "$ref", "$defs", "default"}
_STRICT_KEYWORDS |= {"properties", "required", "additionalProperties", "items", "minItems", "maxItems"}
_STRICT_KEYWORDS |= {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_STRICT_KEYWORDS |= {"pattern", "format"}
_STRICT_FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
)


def _closed(schema: JsonSchema) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or not schema.keys() <= _STRICT_KEYWORDS:
        raise _NotClosable
    closed = {name: value for name, value in schema.items() if name != "default"}
    if closed.get("format", "date") not in _STRICT_FORMATS:
        raise _NotClosable
    if closed.keys().isdisjoint(("type", "anyOf", "$ref", "enum", "const")):
        raise _NotClosable
    if "object" in _types(closed):
        if closed.get("additionalProperties", False) is not False or "properties" not in closed:
            raise _NotClosable
        closed["properties"] = {name: _closed(part) for name, part in closed["properties"].items()}
        closed["required"] = list(closed["properties"])
        closed["additionalProperties"] = False
    if "array" in _types(closed):
        if "items" not in closed:
            raise _NotClosable
        closed["items"] = _closed(closed["items"])
    if "anyOf" in closed:
        closed["anyOf"] = [_closed(part) for part in closed["anyOf"]]
    if "$defs" in closed:
        closed["$defs"] = {name: _closed(part) for name, part in closed["$defs"].items()}
    return closed


def _types(schema: JsonSchema) -> tuple[str, ...]:
    said = schema.get("type", ())
    return (said,) if isinstance(said, str) else tuple(said)


def _partial(wanted: Any, value: Any) -> Any:
    origin = get_origin(wanted)
    if origin in (list, tuple, set, frozenset) and isinstance(value, list):
        inner = (get_args(wanted) or (Any,))[0]
        return [_partial(inner, item) for item in value]
    if origin is dict and isinstance(value, dict):
        inner = get_args(wanted)[1]
        return {name: _partial(inner, item) for name, item in value.items()}
    if isinstance(value, dict):
        for choice in (wanted, *get_args(wanted)):
            if isinstance(choice, type) and issubclass(choice, BaseModel):
                return _partial_model(choice, value)
    return value


def _partial_model(model: type[BaseModel], value: dict[str, Any]) -> BaseModel:
    known: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias or name
        if alias in value or name in value:
            known[name] = _partial(info.annotation, value.get(alias, value.get(name)))
        elif info.is_required():
            known[name] = None
    return model.model_construct(**known)
