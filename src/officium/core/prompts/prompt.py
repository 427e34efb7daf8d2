"""A prompt: its texts, what must be filled in, and what it asks of the model."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256
from math import isfinite
from typing import Any, Literal

import jsonschema_rs
import msgspec
from msgspec import Struct

from officium.core.prompts.errors import InvalidPrompt

Tier = Literal["fast", "balanced", "advanced"]
VariableType = Literal["string", "number", "integer", "boolean", "date", "list", "object"]
Source = Literal["shipped", "own"]

LARGEST_TEXT_BYTES = 64 * 1024
MOST_LINES = 2000
MOST_VARIABLES = 100
LARGEST_SCHEMA_BYTES = 64 * 1024
LARGEST_INTEGER = 2**63 - 1
LONGEST_DESCRIPTION = 2000
MOST_OUTPUT_TOKENS = 1_000_000
_NAME = re.compile(r"(?=.{1,100}\Z)[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_WORDS_OF_VALUES = ("false", "none", "true")
_WORDS_OF_JINJA = ("and", "elif", "else", "for", "if", "in", "is", "not", "or", "set")
_NAMES_OF_JINJA = ("caller", "context", "kwargs", "loop", "range", "self", "super", "varargs")
RESERVED = frozenset((*_WORDS_OF_VALUES, *_WORDS_OF_JINJA, *_NAMES_OF_JINJA))
"""What no variable can be called."""


class Variable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A blank in a prompt.

    `default` stands where an optional one is not given. `untrusted` is for text that others may have
    written, such as visitors' messages, notes and mails: it is fenced as data wherever it comes out.
    """

    type: VariableType = "string"
    required: bool = True
    default: Any = None
    untrusted: bool = False
    description: str = ""


class Prompt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a version says. Fields that are added later need a default: digests leave defaults out.

    `system` and `user` are templates. `tier` says what kind of model it needs, `output_schema` is the JSON
    schema of the answer, `language` a code such as `en` where the texts or answers have one.
    """

    name: str
    description: str = ""
    variables: dict[str, Variable] = {}
    tier: Tier = "balanced"
    temperature: float | None = None
    max_tokens: int | None = None
    output_schema: dict[str, Any] | None = None
    language: str | None = None
    system: str = ""
    user: str = ""


class PromptVersion(Struct, frozen=True, kw_only=True):
    """A prompt as it was published. It never changes; `digest` is that of its contents.

    `source` says whose numbers `version` counts in: those that came with Officium, or the tenant's own.
    """

    prompt: Prompt
    source: Source
    version: int
    digest: str
    created_at: datetime | None = None
    created_by: str | None = None

    @property
    def ref(self) -> str:
        """Source and number in one word, such as `own/3`."""
        return f"{self.source}/{self.version}"


class Rendered(Struct, frozen=True, kw_only=True):
    """Texts with the blanks filled in, and what the call needs to know of the version they are from."""

    system: str
    user: str
    name: str
    version: str
    digest: str
    tier: Tier
    temperature: float | None = None
    max_tokens: int | None = None
    output_schema: Mapping[str, Any] | None = None
    language: str | None = None
    experiment: str | None = None
    """The experiment whose variant this version is, where it was chosen by one."""


def shipped_version(prompt: Prompt, version: int) -> PromptVersion:
    """The prompt as a version that comes with Officium."""
    return PromptVersion(prompt=prompt, source="shipped", version=version, digest=digest_of(prompt))


def digest_of(prompt: Prompt) -> str:
    """Identifies what a version says: a SHA-256 in hex.

    Of the prompt as it is read back: whether a default is left out depends on which object says it.
    """
    kept = msgspec.json.decode(msgspec.json.encode(prompt), type=Prompt)
    return sha256(msgspec.json.encode(kept, order="deterministic")).hexdigest()


def parse_ref(ref: str) -> tuple[Source, int]:
    """Source and number of a word such as `own/3`. Raises InvalidPrompt."""
    source, _, number = ref.partition("/")
    if source in ("shipped", "own") and number.isascii() and number.isdecimal() and len(number) <= 9:
        return ("shipped" if source == "shipped" else "own"), int(number)
    raise InvalidPrompt("A version is written `shipped/<number>` or `own/<number>`.", param="version")


def check_name(name: str) -> None:
    """Raise InvalidPrompt unless a prompt can have this name."""
    if not _NAME.fullmatch(name):
        raise InvalidPrompt(
            "A prompt's name has up to 100 small letters, digits, `_` and `-` in parts with a dot between, "
            "such as deal.summarize.v1.",
            param="name",
        )


def check_label(label: str) -> None:
    """Raise InvalidPrompt unless a version can have this label."""
    if not _LABEL.fullmatch(label):
        raise InvalidPrompt(
            "A label has up to 32 small letters, digits, `_` and `-`, such as candidate.", param="label"
        )


def check_prompt(prompt: Prompt) -> None:
    """Raise InvalidPrompt unless everything about it but its templates is acceptable."""
    check_name(prompt.name)
    _check_metadata(prompt)
    if len(prompt.variables) > MOST_VARIABLES:
        raise InvalidPrompt(f"A prompt has at most {MOST_VARIABLES} variables.", param="variables")
    for name, variable in prompt.variables.items():
        _check_variable(name, variable)
    _check_schema(prompt.output_schema)
    if not prompt.system.strip() and not prompt.user.strip():
        raise InvalidPrompt("A prompt needs a system text or a user text.", param="system")


def _check_metadata(prompt: Prompt) -> None:
    if len(prompt.description) > LONGEST_DESCRIPTION:
        raise InvalidPrompt(
            f"A description has at most {LONGEST_DESCRIPTION} characters.", param="description"
        )
    if prompt.temperature is not None and not 0 <= prompt.temperature <= 2:
        raise InvalidPrompt("The temperature lies between 0 and 2.", param="temperature")
    if prompt.max_tokens is not None and not 1 <= prompt.max_tokens <= MOST_OUTPUT_TOKENS:
        raise InvalidPrompt(f"max_tokens lies between 1 and {MOST_OUTPUT_TOKENS}.", param="max_tokens")
    if prompt.language is not None and not _LANGUAGE.fullmatch(prompt.language):
        raise InvalidPrompt("The language is a code such as en or pt-BR.", param="language")


def _check_variable(name: str, variable: Variable) -> None:
    param = f"variables.{name[:64]}"
    if not _VARIABLE_NAME.fullmatch(name) or name in RESERVED:
        raise InvalidPrompt(
            f"{name[:64]!r} cannot be a variable's name: up to 64 small letters, digits and `_`, "
            "and no word of the template language.",
            param=param,
        )
    if variable.default is None:
        return
    if variable.required:
        raise InvalidPrompt(
            f"{name} is required, so its default would never be used. Say `required: false`.", param=param
        )
    if not is_of_type(variable.default, variable.type):
        raise InvalidPrompt(f"The default of {name} is no {variable.type}.", param=param)


def _check_schema(schema: dict[str, Any] | None) -> None:
    if schema is None:
        return
    if len(msgspec.json.encode(schema)) > LARGEST_SCHEMA_BYTES:
        raise InvalidPrompt(
            f"An output schema has at most {LARGEST_SCHEMA_BYTES // 1024} KB.", param="output_schema"
        )
    try:
        jsonschema_rs.validator_for(schema, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise InvalidPrompt(f"This is no JSON schema: {error}"[:300], param="output_schema") from error


def is_of_type(value: object, type_: VariableType) -> bool:
    """Whether the value can be given for a variable of this type."""
    match type_:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_INTEGER
        case "number":
            return is_of_type(value, "integer") or (isinstance(value, float) and isfinite(value))
        case "date":
            return _is_date(value)
        case "list":
            return isinstance(value, list | tuple)
        case "object":
            return isinstance(value, Mapping)


def _is_date(value: object) -> bool:
    if isinstance(value, date):
        return not isinstance(value, datetime)
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False
