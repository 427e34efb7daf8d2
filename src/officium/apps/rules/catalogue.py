"""The capability catalogue: which triggers, facts and actions a platform has, and what they take.

It is the `aggregated_context` of the generating doors. Nothing that does not stand in it can be in a rule.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import jsonschema_rs
import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from officium.apps.rules.catalogue_forms import normal_form
from officium.apps.rules.conditions import PathType
from officium.apps.rules.errors import InvalidCatalogue

TriggerKind = Literal["periodic", "metric", "event"]
FactType = Literal["number", "integer", "string", "boolean", "timestamp", "list", "object", "any"]

LARGEST_BYTES = 1024 * 1024
DEEPEST = 24
MOST_TRIGGERS = 500
MOST_FACTS = 5_000
MOST_ACTIONS = 5_000
_LONGEST_NAME = 512
_LONGEST_DESCRIPTION = 2_000
_NAME = re.compile(r"[A-Za-z_][\w.:-]*", re.ASCII)
_PATH = re.compile(r"[A-Za-z_]\w*(\.\w+|\[\])*", re.ASCII)
_PATTERNS = jsonschema_rs.RegexOptions(size_limit=1_000_000)
"""Regular expressions without backtracking: what a tenant wrote must not hold up the server."""


def _checked_name(name: str) -> str:
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise ValueError(f"a name has 1 to {_LONGEST_NAME} letters, digits and `_ . : -`")
    return name


def _checked_path(path: str) -> str:
    path = path.removeprefix("$")
    if len(path) > _LONGEST_NAME or not _PATH.fullmatch(path):
        raise ValueError("a path is written like metrics.cpu: words of letters, digits and `_`, with dots")
    return path


def _checked_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type", "object") != "object":
        raise ValueError("the parameters of a trigger or action are an object")
    try:
        jsonschema_rs.meta.validate(schema)
        compile_schema(schema)
    except (ValueError, jsonschema_rs.ReferencingError, jsonschema_rs.ValidationError) as error:
        raise ValueError(f"this is no JSON schema that can be used: {str(error)[:200]}") from error
    return schema


Name = Annotated[str, AfterValidator(_checked_name)]
Path = Annotated[str, AfterValidator(_checked_path)]
Schema = Annotated[dict[str, Any], AfterValidator(_checked_schema)]
Description = Annotated[str, Field(max_length=_LONGEST_DESCRIPTION)]


class Capability(BaseModel):
    """What all entries have in common. Fields that are not known are passed over."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    name: Name
    description: Description = ""


class Trigger(Capability):
    """When rules are looked at.

    `periodic` comes by the clock, `metric` with every measured value, `event` when something happens.
    """

    kind: TriggerKind = "event"
    parameters: Schema = Field(
        default_factory=lambda: {"type": "object", "properties": {}, "additionalProperties": False}
    )


class ConditionType(Capability):
    """A fact that conditions may speak of: `$path`, its type, its unit and the values it takes."""

    path: Path
    type: FactType = "any"
    unit: str = Field(default="", max_length=64)
    is_metric: bool | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = Field(default=(), max_length=500)

    @property
    def is_measured(self) -> bool:
        """Whether it is a metric: as it says, else if its path begins with `metrics`."""
        if self.is_metric is not None:
            return self.is_metric
        return self.path.split(".", 1)[0] in ("metric", "metrics")

    @property
    def path_type(self) -> PathType:
        """The type as the condition language knows it."""
        kind = "number" if self.type == "integer" else self.type
        return PathType(kind, values=self.values, unit=self.unit or None)


class ActionType(Capability):
    """Something a rule can do.

    `emits` are the triggers it sets off, `writes` the paths it changes, `opposes` the actions that undo it,
    `target` the parameters that say on what it acts.
    """

    parameters: Schema = Field(default_factory=lambda: {"type": "object"})
    emits: tuple[str, ...] = ()
    writes: tuple[Path, ...] = ()
    opposes: tuple[str, ...] = ()
    target: tuple[str, ...] = ()


class Catalogue(BaseModel):
    """Everything a tenant's rules may use."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    triggers: tuple[Trigger, ...] = Field(max_length=MOST_TRIGGERS)
    condition_types: tuple[ConditionType, ...] = Field(max_length=MOST_FACTS)
    action_types: tuple[ActionType, ...] = Field(max_length=MOST_ACTIONS)

    @cached_property
    def trigger_by_name(self) -> Mapping[str, Trigger]:
        """The triggers."""
        return {trigger.name: trigger for trigger in self.triggers}

    @cached_property
    def fact_by_path(self) -> Mapping[str, ConditionType]:
        """The facts, by their paths without `$`."""
        return {fact.path: fact for fact in self.condition_types}

    @cached_property
    def path_types(self) -> Mapping[str, PathType]:
        """The types of the facts, for checking conditions."""
        return {fact.path: fact.path_type for fact in self.condition_types}

    @cached_property
    def action_by_name(self) -> Mapping[str, ActionType]:
        """The actions."""
        return {action.name: action for action in self.action_types}

    @cached_property
    def _validators(self) -> dict[str, jsonschema_rs.Validator]:
        return {}

    def validator_of(self, capability: Trigger | ActionType) -> jsonschema_rs.Validator:
        """What checks its parameters; made once."""
        key = f"{type(capability).__name__} {capability.name}"
        validator = self._validators.get(key)
        if validator is None:
            validator = self._validators[key] = compile_schema(capability.parameters)
        return validator

    def without(self, actions: frozenset[str]) -> "Catalogue":
        """The catalogue without some of its actions."""
        return self.model_copy(
            update={"action_types": tuple(each for each in self.action_types if each.name not in actions)}
        )


def compile_schema(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """What checks values. Raises ValueError and ReferencingError; nothing is ever fetched."""
    return jsonschema_rs.validator_for(
        dict(schema), offline=True, pattern_options=_PATTERNS, validate_formats=True
    )


def read_catalogue(said: object) -> Catalogue:
    """The catalogue in a JSON value, in its own form or one of the shorter ones. Raises InvalidCatalogue.

    Names alone, mappings from names, and `params` that map names to types are understood, too. A catalogue
    that says nothing of triggers has one: `ON_WORKFLOW_START`.
    """
    if not isinstance(said, Mapping):
        raise InvalidCatalogue("A capability catalogue is a JSON object.", param="/")
    _check_size(said)
    try:
        catalogue = Catalogue.model_validate(normal_form(said))
    except ValidationError as error:
        raise _as_invalid(error) from error
    for kind, entries in (
        ("triggers", [trigger.name for trigger in catalogue.triggers]),
        ("condition_types", [fact.path for fact in catalogue.condition_types]),
        ("action_types", [action.name for action in catalogue.action_types]),
    ):
        _check_unique(kind, entries)
    return catalogue


def digest_source(said: Mapping[str, Any]) -> bytes:
    """The bytes by which one catalogue is told from another. Raises InvalidCatalogue."""
    try:
        return msgspec.json.encode(said, order="sorted")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidCatalogue("The catalogue has values that JSON cannot hold.", param="/") from error


def _check_size(said: Mapping[str, Any]) -> None:
    pending: list[tuple[object, int]] = [(said, 1)]
    while pending:
        value, depth = pending.pop()
        if depth > DEEPEST:
            raise InvalidCatalogue(f"A catalogue is nested at most {DEEPEST} levels deep.", param="/")
        if isinstance(value, Mapping):
            pending.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list | tuple):
            pending.extend((item, depth + 1) for item in value)
    if len(digest_source(said)) > LARGEST_BYTES:
        raise InvalidCatalogue(f"A catalogue has at most {LARGEST_BYTES // 1024} KB.", param="/")


def _check_unique(kind: str, names: list[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise InvalidCatalogue(f"{name} stands twice in {kind}.", param=f"/{kind}/{index}")
        seen.add(name)


def _as_invalid(error: ValidationError) -> InvalidCatalogue:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    pointer = "/" + "/".join(_pointer_words(first["loc"]))
    return InvalidCatalogue(f"At {pointer}: {message[:1].lower()}{message[1:]}.", param=pointer)


def _pointer_words(place: tuple[str | int, ...]) -> Iterator[str]:
    for word in place:
        yield str(word).replace("~", "~0").replace("/", "~1")
