"""One condition from every side: its form, its words, what is wrong with it, and other languages for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from officium.apps.rules.conditions.cel import to_cel
from officium.apps.rules.conditions.checker import ConditionProblem, check_condition
from officium.apps.rules.conditions.condition import paths_in
from officium.apps.rules.conditions.errors import ConditionNotExpressible
from officium.apps.rules.conditions.explanation import Explanation, explain_condition
from officium.apps.rules.conditions.formatter import format_condition
from officium.apps.rules.conditions.jsonlogic import to_jsonlogic
from officium.apps.rules.conditions.parser import parse_condition
from officium.apps.rules.conditions.types import PathType
from officium.apps.rules.conditions.words import describe_condition


class Export(Struct, frozen=True, kw_only=True):
    """The condition in another language, or why it cannot be said there."""

    said: Any = None
    problem: str = ""


class Reading(Struct, frozen=True, kw_only=True):
    """What there is to know of a condition; `explanation` only where it was held against facts."""

    formatted: str
    words: str
    paths: Sequence[str]
    problems: Sequence[ConditionProblem]
    cel: Export
    jsonlogic: Export
    explanation: Explanation | None = None


def read_condition(
    text: str, types: Mapping[str, PathType], facts: Mapping[str, Any] | None = None
) -> Reading:
    """Read a condition; `types` are the declared paths. Raises ConditionSyntaxError."""
    condition = parse_condition(text)
    return Reading(
        formatted=format_condition(condition),
        words=describe_condition(condition, types),
        paths=paths_in(condition),
        problems=check_condition(condition, types),
        cel=_export(lambda: to_cel(condition)),
        jsonlogic=_export(lambda: to_jsonlogic(condition)),
        explanation=None if facts is None else explain_condition(condition, facts),
    )


def _export(write: Any) -> Export:
    try:
        return Export(said=write())
    except ConditionNotExpressible as error:
        return Export(problem=error.message)
