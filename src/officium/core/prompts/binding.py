"""Filling in the blanks: are all variables there, are they what they should be, and who wrote them?"""

from collections.abc import Mapping
from datetime import date
from math import isfinite
from typing import Any

from officium.core.prompts.errors import PromptVariablesInvalid, PromptVariablesMissing
from officium.core.prompts.fence import UntrustedText
from officium.core.prompts.prompt import LARGEST_INTEGER, Prompt, Variable, is_of_type

LARGEST_VALUES_BYTES = 1024 * 1024
MOST_VALUES = 50_000
"""Texts, numbers, lists and objects in all variables together."""
DEEPEST = 32


def bind(prompt: Prompt, given: Mapping[str, object]) -> dict[str, Any]:
    """The values of all variables as plain JSON values, copied; dates become ISO texts.

    What the prompt does not declare is left out: a tenant's own version may need less than the shipped one.
    Raises PromptVariablesMissing and PromptVariablesInvalid.
    """
    missing = [name for name, variable in prompt.variables.items() if _is_missing(name, variable, given)]
    if missing:
        raise PromptVariablesMissing(
            f"{prompt.name} needs {_listed(missing)}. Hand in a value for each.", variables=missing
        )
    copier = _Copier()
    values, wrong = {}, {}
    for name, variable in prompt.variables.items():
        value = given.get(name)
        if value is None:
            value = variable.default
        try:
            values[name] = copier.copy(_checked(value, variable))
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        what = "; ".join(f"{name}: {problem}" for name, problem in wrong.items())
        raise PromptVariablesInvalid(
            f"{prompt.name} cannot be rendered with these values. {what}.", variables=list(wrong)
        )
    return values


def distrust(prompt: Prompt, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, where the texts in untrusted variables are marked as such, the keys of objects included."""
    return {
        name: _marked(value) if prompt.variables[name].untrusted else value for name, value in values.items()
    }


def plain(value: object) -> Any:
    """A copy of a value in JSON's types. Raises ValueError if it has none, or is too large."""
    return _Copier().copy(value)


def _is_missing(name: str, variable: Variable, given: Mapping[str, object]) -> bool:
    return variable.required and given.get(name) is None


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _checked(value: object, variable: Variable) -> object:
    if value is not None and not is_of_type(value, variable.type):
        raise ValueError(f"must be of type {variable.type}, not {type(value).__name__}")
    return value


def _marked(value: Any) -> Any:
    if isinstance(value, str):
        return UntrustedText(value)
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, dict):
        return {UntrustedText(key): _marked(item) for key, item in value.items()}
    return value


class _Copier:
    """Copies values as long as they are JSON's, and not too many, too large or too deep."""

    def __init__(self) -> None:
        self._bytes = LARGEST_VALUES_BYTES
        self._count = MOST_VALUES

    def copy(self, value: object, depth: int = 0) -> Any:
        self._count -= 1
        if self._count < 0:
            raise ValueError(f"all variables together have more than {MOST_VALUES} values")
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, int | float):
            return _number(value)
        if isinstance(value, list | tuple):
            return [self.copy(item, depth + 1) for item in value]
        if isinstance(value, Mapping):
            return {self._key(key): self.copy(item, depth + 1) for key, item in value.items()}
        raise ValueError(f"it contains a {type(value).__name__}, which is no JSON value")

    def _key(self, key: object) -> str:
        if not isinstance(key, str):
            raise ValueError("the keys of an object are texts")
        return self._text(key)

    def _text(self, text: str) -> str:
        try:
            self._bytes -= len(text.encode())
        except UnicodeEncodeError:
            raise ValueError("it contains half of a character, which no text may") from None
        if "\0" in text:
            raise ValueError("it contains the character NUL")
        if self._bytes < 0:
            raise ValueError(f"all variables together have more than {LARGEST_VALUES_BYTES // 1024} KB")
        return str(text)


def _number(value: float) -> float:
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise ValueError("it contains a number of more than 64 bits")
        return int(value)
    if not isfinite(value):
        raise ValueError("it contains a number that is not finite")
    return float(value)
