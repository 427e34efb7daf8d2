"""What templates can do with values: each filter asks the budget first, and passes on whose text it is.

Only JSON's values come here, and what the language makes of them. The texts of untrusted variables stay
marked through every filter, so that they are fenced wherever they come out.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from jinja2 import Undefined

from officium.core.prompts.budget import Budget
from officium.core.prompts.errors import PromptTooCostly
from officium.core.prompts.fence import UntrustedText
from officium.core.prompts.prompt import LARGEST_INTEGER
from officium.core.prompts.syntax import COMPARE, CONCAT, COUNTED, SLICE

LONGEST_TEXT = 1024 * 1024
LONGEST_LIST = 10_000
DEEPEST = 64
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda left, right: left < right,
    "lteq": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gteq": lambda left, right: left >= right,
}
Value = TypeVar("Value")


def known(value: Value) -> Value:
    """The value itself. Raises jinja2's UndefinedError for what is not there."""
    if isinstance(value, Undefined):
        str(value)
    return value


def text_of(value: object) -> str:
    """How a single value is written; nothing for None. Raises TypeError for lists and objects."""
    known(value)
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is no text; use join or tojson")


def like(text: str, *origins: object) -> str:
    """The text, untrusted if one of those that it was made of is."""
    return UntrustedText(text) if any(isinstance(origin, UntrustedText) for origin in origins) else text


class Filters:
    """The filters, tests and operators of one rendering."""

    def __init__(self, budget: Budget) -> None:
        self._spend = budget.spend

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters by name; those that begin with `-` are for `syntax.py` alone."""
        return {
            COMPARE: self._compare,
            CONCAT: self._concat,
            COUNTED: self._counted,
            SLICE: self._slice,
            "abs": lambda value: abs(_number(value)),
            "capitalize": self._changed(str.capitalize),
            "count": self._length,
            "d": self._default,
            "default": self._default,
            "first": lambda value: self._at(value, 0),
            "float": lambda value, default=0.0: self._parsed(float, value, default),
            "indent": self._indent,
            "int": lambda value, default=0: self._parsed(int, value, default),
            "items": self._items,
            "join": self._join,
            "last": lambda value: self._at(value, -1),
            "length": self._length,
            "list": lambda value: self._list(value)[:],
            "lower": self._changed(str.lower),
            "max": lambda value: max(self._sortable(value)),
            "min": lambda value: min(self._sortable(value)),
            "replace": self._replace,
            "reverse": lambda value: self._list(value)[::-1],
            "round": self._round,
            "sort": lambda value, reverse=False: sorted(self._sortable(value), reverse=bool(reverse)),
            "string": lambda value: self._joined([value]),
            "sum": lambda value: _bounded(sum(_number(item) for item in self._list(value))),
            "title": self._changed(str.title),
            "tojson": self._tojson,
            "trim": self._changed(str.strip),
            "truncate": self._truncate,
            "unique": lambda value: list(dict.fromkeys(self._sortable(value))),
            "upper": self._changed(str.upper),
        }

    def tests(self) -> dict[str, Callable[..., Any]]:
        """The tests by name."""
        return {
            "boolean": lambda value: isinstance(value, bool),
            "defined": lambda value: not isinstance(value, Undefined),
            "divisibleby": lambda value, by: bool(_number(value) % _number(by) == 0),
            "even": lambda value: bool(_number(value) % 2 == 0),
            "mapping": lambda value: isinstance(value, dict),
            "none": lambda value: value is None,
            "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
            "odd": lambda value: bool(_number(value) % 2 == 1),
            "sequence": lambda value: isinstance(value, list | str),
            "string": lambda value: isinstance(value, str),
            "undefined": lambda value: isinstance(value, Undefined),
        }

    def calculate(self, operator: str, left: Any, right: Any) -> Any:
        """What an operator between two values gives: numbers, and `+` for texts and for lists."""
        self._spend()
        known(left), known(right)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self._joined([left, right])
        if operator == "+" and isinstance(left, list) and isinstance(right, list):
            self._check_length(len(left) + len(right))
            return left + right
        left, right = _number(left), _number(right)
        match operator:
            case "+":
                return _bounded(left + right)
            case "-":
                return _bounded(left - right)
            case "*":
                return _bounded(left * right)
            case "/":
                return left / right
            case "//":
                return left // right
            case "%":
                return left % right
        raise TypeError(f"the operator {operator} is not available")

    def range(self, *bounds: Any) -> list[int]:
        """The numbers of a range, as Python counts them."""
        if not all(isinstance(bound, int) for bound in bounds):
            raise TypeError("range() takes whole numbers")
        numbers = range(*bounds)
        self._check_length(len(numbers))
        return list(numbers)

    def written(self, value: object) -> str:
        """What comes out for a value: texts and numbers as they are, lists and objects as JSON."""
        self._spend()
        known(value)
        return self._tojson(value) if isinstance(value, list | dict) else text_of(value)

    def _check_length(self, length: int) -> None:
        if length > LONGEST_LIST:
            raise PromptTooCostly(f"A list in a template has at most {LONGEST_LIST} items.")
        self._spend(1 + length // 8, length)

    def _joined(self, values: Sequence[object], separator: str = "") -> str:
        texts = [text_of(value) for value in values]
        length = sum(map(len, texts)) + len(separator) * max(len(texts) - 1, 0)
        self._check_text(length, len(texts))
        return like(separator.join(texts), separator, *texts)

    def _check_text(self, length: int, steps: int = 1) -> None:
        if length > LONGEST_TEXT:
            raise PromptTooCostly(f"A text in a template has at most {LONGEST_TEXT} characters.")
        self._spend(steps, length)

    def _changed(self, change: Callable[[str], str]) -> Callable[[Any], str]:
        def changed(value: Any) -> str:
            text = text_of(value)
            self._check_text(len(text))
            return like(change(text), text)

        return changed

    def _concat(self, *values: Any) -> str:
        return self._joined(values)

    def _counted(self, value: Any, weight: int) -> list[Any]:
        known(value)
        if isinstance(value, str | dict):
            value = self._list(value)
        if not isinstance(value, list):
            raise TypeError(f"a {type(value).__name__} cannot be looped over")
        self._spend(1 + len(value) * weight)
        return value

    def _compare(self, left: Any, *rest: Any) -> bool:
        for operator, right in zip(rest[::2], rest[1::2], strict=True):
            if not self._holds(operator, left, right):
                return False
            left = right
        return True

    def _holds(self, operator: str, left: Any, right: Any) -> bool:
        if operator in ("in", "notin"):
            return self._contains(right, left) == (operator == "in")
        left, right = _single(left), _single(right)
        self._spend(1, min(_size(left), _size(right)))
        if operator in ("eq", "ne"):
            return bool(left == right) == (operator == "eq")
        return _ORDERED[operator](left, right)

    def _contains(self, container: Any, item: Any) -> bool:
        item = _single(item)
        known(container)
        if not isinstance(container, str | list | dict):
            raise TypeError(f"nothing is in a {type(container).__name__}")
        self._spend(1 + (len(container) // 64 if isinstance(container, str) else len(container)))
        return item in container

    def _slice(self, value: Any, start: Any, stop: Any, step: Any) -> Any:
        known(value)
        if not isinstance(value, str | list):
            raise TypeError(f"a {type(value).__name__} has no slices")
        self._spend(1 + len(value) // 64, len(value))
        part = value[start:stop:step]
        return like(part, value) if isinstance(part, str) else part

    def _default(self, value: Any, otherwise: Any = "", boolean: bool = False) -> Any:
        is_missing = isinstance(value, Undefined) or value is None or (boolean and not value)
        return otherwise if is_missing else value

    def _length(self, value: Any) -> int:
        if not isinstance(known(value), str | list | dict):
            raise TypeError(f"a {type(value).__name__} has no length")
        return len(value)

    def _list(self, value: Any) -> list[Any]:
        known(value)
        if isinstance(value, list):
            self._spend(1 + len(value) // 8)
            return value
        if not isinstance(value, str | dict):
            raise TypeError(f"a {type(value).__name__} is no list")
        self._check_length(len(value))
        return [like(item, value) for item in value] if isinstance(value, str) else list(value)

    def _items(self, value: Any) -> list[list[Any]]:
        if not isinstance(known(value), dict):
            raise TypeError(f"a {type(value).__name__} has no items")
        self._spend(1 + len(value), len(value))
        return [[key, item] for key, item in value.items()]

    def _sortable(self, value: Any) -> list[Any]:
        items = self._list(value)
        self._spend(len(items), 8 * sum(_size(_single(item)) for item in items))
        return items

    def _at(self, value: Any, index: int) -> Any:
        if not isinstance(known(value), str | list):
            raise TypeError(f"a {type(value).__name__} has no items")
        if not value:
            raise ValueError("there is no first and no last in what is empty")
        return like(value[index], value) if isinstance(value, str) else value[index]

    def _join(self, value: Any, separator: Any = "", attribute: str | None = None) -> str:
        items = self._list(value)
        if attribute is not None:
            items = [self._field(item, attribute) for item in items]
        return self._joined(items, text_of(separator))

    def _field(self, item: Any, name: Any) -> Any:
        if not isinstance(item, dict) or name not in item:
            raise TypeError(f"join finds no {str(name)[:64]!r} in an item")
        return item[name]

    def _replace(self, value: Any, old: Any, new: Any) -> str:
        text, old, new = text_of(value), text_of(old), text_of(new)
        self._check_text(len(text))
        self._check_text(len(text) + text.count(old) * max(len(new) - len(old), 0))
        return like(text.replace(old, new), text, new)

    def _indent(self, value: Any, width: int = 4, first: bool = False) -> str:
        text = text_of(value)
        if not isinstance(width, int) or not 0 <= width <= 64:
            raise ValueError("a text is indented by 0 to 64 blanks")
        self._check_text(len(text) + (text.count("\n") + 1) * width)
        indented = text.replace("\n", "\n" + " " * width)
        return like(" " * width + indented if first else indented, text)

    def _truncate(self, value: Any, length: int = 255, end: str = "...") -> str:
        text, mark = text_of(value), text_of(end)
        if not isinstance(length, int) or length < len(mark):
            raise ValueError("truncate takes a length in characters, which includes the end")
        self._check_text(min(len(text), length))
        return like(text if len(text) <= length else text[: length - len(mark)] + mark, text, mark)

    def _round(self, value: Any, digits: int = 0) -> float:
        if not isinstance(digits, int) or not 0 <= digits <= 12:
            raise ValueError("a number is rounded to 0 to 12 digits")
        number: float = _number(value)
        return round(number, digits) if digits else round(number)

    def _parsed(self, kind: Callable[[Any], float], value: Any, default: Any) -> Any:
        known(value)
        if isinstance(value, str) and len(value) > 64:
            return default
        try:
            return _bounded(kind(value))
        except (TypeError, ValueError, OverflowError):
            return default

    def _tojson(self, value: Any, indent: int | None = None) -> str:
        if indent is not None and not (isinstance(indent, int) and 0 <= indent <= 8):
            raise ValueError("JSON is indented by 0 to 8 blanks")
        is_untrusted = self._survey(value, 0, indent or 0)
        text = json.dumps(value, ensure_ascii=False, indent=indent)
        self._check_text(len(text))
        return UntrustedText(text) if is_untrusted else text

    def _survey(self, value: Any, depth: int, indent: int) -> bool:
        """Pay for all that is in a value; whether something untrusted is."""
        if depth > DEEPEST:
            raise PromptTooCostly(f"A value in a template is nested at most {DEEPEST} levels deep.")
        self._spend(1, 4 + _size(known(value)) + depth * indent)
        if isinstance(value, list):
            found = [self._survey(item, depth + 1, indent) for item in value]
            return any(found)
        if isinstance(value, dict):
            found = [self._survey(part, depth + 1, indent) for pair in value.items() for part in pair]
            return any(found)
        return isinstance(value, UntrustedText)


def _size(value: object) -> int:
    return len(value) if isinstance(value, str) else 1


def _number(value: Any) -> Any:
    known(value)
    if not isinstance(value, int | float):
        raise TypeError(f"a {type(value).__name__} is no number")
    return value


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise OverflowError("a number grew beyond 64 bits")
    return value


def _single(value: Any) -> Any:
    known(value)
    if value is not None and not isinstance(value, str | int | float):
        raise TypeError(f"a {type(value).__name__} cannot be compared; compare what is in it")
    return value
