"""A plausible value for any JSON Schema, always the same one for the same schema.

`fill` covers what schemas of tools and answers use: types, enums, constants, nested objects and arrays,
`$ref`, `anyOf` / `oneOf` / `allOf`, bounds, lengths, formats and patterns. Where a schema contradicts itself
there is no valid value, and the nearest one is returned. Schemas come from anybody: what is none, or asks for
too much work, is refused, and nothing is fetched that a schema points to.
"""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from re import _constants as rc  # type: ignore[attr-defined]
from re import _parser as rp  # type: ignore[attr-defined]
from typing import Any

import jsonschema_rs

Schema = Mapping[str, Any]

_DEPTH_LIMIT = 12
_DEEPEST = 60
_VALUES_WANTED = 300
"""Past this many values, or this deep, only what is required is filled."""
_PATTERN_REPEAT_LIMIT = 40
_BRANCHES_LIMIT = 64
_WORK_LIMIT = 2_000_000
"""In steps of about a tenth of a microsecond, or characters."""
_VALUE_STEPS = 100
_PATTERN_STEPS = 5
_PATTERN_OPTIONS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)
_FORMATS = {
    "date-time": "2026-01-15T09:30:00Z",
    "date": "2026-01-15",
    "time": "09:30:00Z",
    "duration": "P3D",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/page",
    "uri-reference": "https://example.com/page",
    "iri": "https://example.com/page",
    "url": "https://example.com/page",
    "uuid": "3f2b8c1e-5d4a-4e6f-8a9b-0c1d2e3f4a5b",
    "json-pointer": "/a/b",
    "regex": "^a+$",
    "binary": "ZXhhbXBsZQ==",
    "decimal": "12.50",
}
_STRINGS = {
    "email": "ada@example.com",
    "name": "Ada Example",
    "first_name": "Ada",
    "last_name": "Example",
    "city": "Springfield",
    "location": "Springfield",
    "country": "Examplia",
    "language": "en",
    "currency": "USD",
    "url": "https://example.com/page",
    "date": "2026-01-15",
    "time": "09:30",
    "phone": "+1 555 0100",
}
_NUMBERS = {
    "confidence": 0.85,
    "probability": 0.5,
    "score": 0.5,
    "age": 36,
    "year": 2026,
    "quantity": 3,
    "count": 3,
}


class SchemaUnusable(ValueError):
    """The schema is none, or only a huge value fits it."""


def fill(schema: Schema | bool, hints: Mapping[str, str] | None = None) -> Any:
    """A JSON value that fits `schema`. `hints` are the texts for free string properties, by name.

    Raises SchemaUnusable.
    """
    if isinstance(schema, bool):
        return {}
    try:
        jsonschema_rs.meta.validate({key: value for key, value in schema.items() if key != "$schema"})
        return _Filler(schema, hints or {}).value(schema, "", 0)
    except jsonschema_rs.ValidationError as error:
        raise SchemaUnusable(f"It is no JSON Schema: {error.message}.") from error
    except (OverflowError, RecursionError) as error:
        raise SchemaUnusable("It asks for too large a value.") from error


class _Work:
    """What filling a schema may cost. `spend` raises SchemaUnusable when it is used up."""

    def __init__(self) -> None:
        self._left = _WORK_LIMIT

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise SchemaUnusable("It asks for too large a value.")


class _Filler:
    """Fills one schema; knows its root, to which references point."""

    def __init__(self, root: Schema, hints: Mapping[str, str]) -> None:
        self._root = root
        self._hints = hints
        self._filled = 0
        self._work = _Work()

    def _is_enough(self, depth: int) -> bool:
        return depth >= _DEPTH_LIMIT or self._filled > _VALUES_WANTED

    def value(self, schema: Any, name: str, depth: int) -> Any:
        self._filled += 1
        self._work.spend(_VALUE_STEPS)
        if depth > _DEEPEST or not isinstance(schema, Mapping):
            return "example"
        best: Any = None
        for index, plain in enumerate(self._alternatives(schema, depth)):
            self._work.spend(_VALUE_STEPS)
            value = self._plain(plain, name, depth)
            if index == 0:
                best = value
            if not _needs_check(schema) or self._fits(schema, value):
                return value
        return best

    def _fits(self, schema: Schema, value: Any) -> bool:
        rooted = {**{key: self._root[key] for key in ("$defs", "definitions") if key in self._root}, **schema}
        try:
            return jsonschema_rs.is_valid(rooted, value, pattern_options=_PATTERN_OPTIONS, offline=True)
        except (ValueError, jsonschema_rs.ReferencingError):
            return True

    def _alternatives(self, schema: Schema, depth: int) -> Iterator[dict[str, Any]]:
        """The schema without references and combinations, once for each branch of `anyOf` or `oneOf`."""
        schema = self._without_references(schema)
        for branches in ("anyOf", "oneOf"):
            if isinstance(schema.get(branches), list) and schema[branches] and depth < 4 * _DEPTH_LIMIT:
                rest = {key: value for key, value in schema.items() if key != branches}
                ordered = sorted(schema[branches], key=lambda branch: self._rank(branch, depth))
                for branch in ordered[:8]:
                    yield from self._alternatives(merge(rest, branch), depth + 1)
                return
        yield dict(schema)

    def _rank(self, branch: Any, depth: int) -> int:
        """Prefer something over null, and what ends over what nests when it has gone deep."""
        if not isinstance(branch, Mapping):
            return 2
        if branch.get("type") == "null" or branch.get("const", 0) is None:
            return 0 if self._is_enough(depth) else 1
        if self._is_enough(depth) and ("$ref" in branch or branch.get("type") in ("object", "array")):
            return 1
        return 0

    def _without_references(self, schema: Schema) -> dict[str, Any]:
        plain = dict(schema)
        for _ in range(64):
            self._work.spend(_VALUE_STEPS)
            if isinstance(plain.get("$ref"), str):
                target = self._resolve(plain.pop("$ref"))
            elif isinstance(plain.get("allOf"), list):
                target = {}
                for part in plain.pop("allOf"):
                    target = merge(
                        target, self._without_references(part) if isinstance(part, Mapping) else {}
                    )
            else:
                break
            plain = merge(plain, target)
        return plain

    def _resolve(self, reference: str) -> Schema:
        target: Any = self._root
        for step in reference.lstrip("#").split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            target = target.get(step, {}) if isinstance(target, Mapping) else {}
        return target if isinstance(target, Mapping) else {}

    def _plain(self, schema: Schema, name: str, depth: int) -> Any:
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return self._from_enum(schema)
        match _type_of(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer":
                return _number(schema, name, whole=True)
            case "number":
                return _number(schema, name, whole=False)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _string(schema, name, self._hints, self._work)

    def _from_enum(self, schema: Schema) -> Any:
        rest = {key: value for key, value in schema.items() if key != "enum"}
        return next((value for value in schema["enum"] if self._fits(rest, value)), schema["enum"][0])

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = list(schema.get("required") or ())
        names = required if self._is_enough(depth) else list(dict.fromkeys((*properties, *required)))
        if (most := schema.get("maxProperties")) is not None:
            names = list(dict.fromkeys((*required, *names)))[: max(most, len(required))]
        other = schema.get("additionalProperties", True)
        filled: dict[str, Any] = {}
        for name in names:
            part = properties.get(name, self._pattern_property(schema, name, other))
            if part is False and name not in required:
                continue
            filled[name] = self.value(part if isinstance(part, Mapping) else {}, name, depth + 1)
        for number in range(1, 100):
            if len(filled) >= (schema.get("minProperties") or 0):
                break
            name = f"key_{number}"
            filled.setdefault(name, self.value(other if isinstance(other, Mapping) else {}, name, depth + 1))
        return filled

    def _pattern_property(self, schema: Schema, name: str, otherwise: Any) -> Any:
        for pattern, part in (schema.get("patternProperties") or {}).items():
            if _is_found(pattern, name):
                return part
        return otherwise

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        least, most = schema.get("minItems") or 0, schema.get("maxItems")
        first = list(schema.get("prefixItems") or ())
        items = schema.get("items", {})
        wanted = max(least, len(first), 0 if self._is_enough(depth) else 1)
        if items is False:
            wanted = max(least, len(first))
        if most is not None:
            wanted = min(wanted, most)
        self._work.spend(wanted)
        values = [
            self.value(first[place] if place < len(first) else items, _singular(name), depth + 1)
            for place in range(wanted)
        ]
        if schema.get("uniqueItems"):
            values = self._unique(values, items)
        if (contained := schema.get("contains")) and not any(
            self._fits(contained, value) for value in values
        ):
            values.append(self.value(contained, name, depth + 1))
        return values

    def _unique(self, values: list[Any], items: Any) -> list[Any]:
        """The values made different from each other, as far as the schema of the items lets them be."""
        plain = next(self._alternatives(items, 0)) if isinstance(items, Mapping) else {}
        unique: list[Any] = []
        for value in values:
            self._work.spend(len(unique) * len(unique))
            others = (other for other in _others(value, plain) if other not in unique)
            fitting = (other for other in others if not plain or self._fits(items, other))
            unique.append(next(fitting, value))
        return unique


def _others(value: Any, schema: Schema) -> Iterator[Any]:
    """`value`, and then values like it."""
    yield value
    if "enum" in schema or isinstance(value, bool):
        yield from schema.get("enum") or (True, False)
        return
    for number in range(1, 200):
        if isinstance(value, int | float):
            step = schema.get("multipleOf") or 1
            yield value + step * number
            yield value - step * number
        elif isinstance(value, str):
            yield value[: max(0, len(value) - len(str(number)))] + str(number)
        elif isinstance(value, list):
            yield [*value, *value[-1:] * number]
        elif isinstance(value, dict):
            yield {key: f"{part} {number}" if isinstance(part, str) else part for key, part in value.items()}
            yield {key: part + number if type(part) is int else part for key, part in value.items()}


def merge(left: Schema, right: Any) -> dict[str, Any]:
    """A schema that asks for what both ask for, as far as the two can be written as one."""
    if not isinstance(right, Mapping):
        return dict(left)
    merged = dict(left)
    for key, value in right.items():
        merged[key] = _merged_keyword(key, merged[key], value) if key in merged else value
    return merged


_LARGER = frozenset(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"))
_SMALLER = frozenset(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"))


def _merged_keyword(key: str, ours: Any, theirs: Any) -> Any:
    if key in _LARGER:
        return max(ours, theirs)
    if key in _SMALLER:
        return min(ours, theirs)
    if key in ("properties", "$defs", "definitions", "patternProperties"):
        return {
            **ours,
            **{name: merge(ours[name], part) if name in ours else part for name, part in theirs.items()},
        }
    if key == "required":
        return list(dict.fromkeys((*ours, *theirs)))
    if key == "enum":
        return [value for value in ours if value in theirs]
    if key == "type":
        common = [said for said in _types(ours) if said in _types(theirs) or _is_narrower(said, theirs)]
        common += [said for said in _types(theirs) if said not in common and _is_narrower(said, ours)]
        return common or theirs
    if key == "multipleOf":
        return (
            math.lcm(ours, theirs) if isinstance(ours, int) and isinstance(theirs, int) else max(ours, theirs)
        )
    if key in ("items", "additionalProperties"):
        if ours is False or theirs is False:
            return False
        return merge(ours, theirs) if isinstance(ours, Mapping) else theirs
    if key in ("anyOf", "oneOf", "allOf"):
        if key == "allOf":
            return [*ours, *theirs]
        both = (merge(one, other) for one in ours for other in theirs)
        return list(islice(both, _BRANCHES_LIMIT))
    return theirs


def _types(said: Any) -> list[str]:
    return [said] if isinstance(said, str) else list(said)


def _is_narrower(said: str, than: Any) -> bool:
    return said == "integer" and "number" in _types(than)


def _needs_check(schema: Schema) -> bool:
    """Whether choosing a branch can go wrong, so that the value must be checked."""
    return any(key in schema for key in ("anyOf", "oneOf", "allOf", "not", "if", "$ref"))


def _type_of(schema: Schema) -> str:
    said = _types(schema.get("type") or ())
    for choice in said:
        if choice != "null":
            return choice
    if said:
        return "null"
    if any(key in schema for key in ("properties", "required", "additionalProperties", "minProperties")):
        return "object"
    if any(key in schema for key in ("items", "prefixItems", "minItems")):
        return "array"
    if any(
        key in schema for key in ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")
    ):
        return "number"
    return "string"


def _number(schema: Schema, name: str, whole: bool) -> int | float:
    step = schema.get("multipleOf")
    low = schema.get("minimum")
    high = schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if whole or step:
        wish = _NUMBERS.get(name, 3 if whole else 0)
        return _stepped_number(step or 1, low, high, above, below, wish, whole)
    return _number_between(low, high, above, below, _NUMBERS.get(name, 12.5))


def _number_between(low: Any, high: Any, above: Any, below: Any, wish: float) -> float:
    """`wish` where the bounds allow it, else something well inside them."""
    least: float | None = max((bound for bound in (low, above) if bound is not None), default=None)
    most: float | None = min((bound for bound in (high, below) if bound is not None), default=None)
    if (least is None or wish > least) and (most is None or wish < most):
        return wish
    if least is not None and most is not None:
        return least if least == most else least + (most - least) / 2
    if least is not None:
        return least + 1 if abs(least) < 2**52 else math.nextafter(least, math.inf)
    assert most is not None
    return most - 1 if abs(most) < 2**52 else math.nextafter(most, -math.inf)


def _stepped_number(
    step: Any, low: Any, high: Any, above: Any, below: Any, wish: float, whole: bool
) -> int | float:
    """The multiple of `step` inside the bounds that lies nearest to `wish`."""
    at_least = [math.ceil(low / step)] if low is not None else []
    at_least += [math.floor(above / step) + 1] if above is not None else []
    at_most = [math.floor(high / step)] if high is not None else []
    at_most += [math.ceil(below / step) - 1] if below is not None else []
    count = max([min([round(wish / step), *at_most]), *at_least])
    return int(count * step) if whole else float(count * step)


def _string(schema: Schema, name: str, hints: Mapping[str, str], work: _Work) -> str:
    least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
    most = None if most is None else int(most)
    work.spend(least)
    if (
        isinstance(schema.get("pattern"), str)
        and (text := matching_text(schema["pattern"], least, most, work)) is not None
    ):
        return text
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    key = name.lower()
    text = hints.get(key) or _STRINGS.get(key) or f"Example {name.replace('_', ' ').strip() or 'text'}"
    if len(text) < least:
        text = (text + " " + "x" * least)[:least]
    return text if most is None else text[:most]


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def matching_text(
    pattern: str, least: int = 0, most: int | None = None, work: _Work | None = None
) -> str | None:
    """A text in which `pattern` is found, of a length in the bounds; `None` where none was found.

    Covers literals, classes, groups, alternatives and repeats; look-around and back-references do not.
    """
    try:
        parsed = rp.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return None
    work = work or _Work()
    for extra in range(_PATTERN_REPEAT_LIMIT + 1):
        try:
            text = "".join(_written(parsed, extra, work))
        except _NotWritable:
            return None
        candidates = [text]
        if len(text) < least:
            candidates += [text + "x" * (least - len(text)), "x" * (least - len(text)) + text]
        for candidate in candidates:
            if (
                least <= len(candidate)
                and (most is None or len(candidate) <= most)
                and _is_found(pattern, candidate)
            ):
                return candidate
    return None


def _is_found(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text, by an engine that no pattern keeps busy for long."""
    schema = {"type": "string", "pattern": pattern}
    try:
        return jsonschema_rs.is_valid(schema, text, pattern_options=_PATTERN_OPTIONS)
    except ValueError:
        return False


class _NotWritable(Exception):
    """The pattern uses something no text is written for."""


_CLASS_CHARACTERS = {
    rc.CATEGORY_DIGIT: "5",
    rc.CATEGORY_WORD: "a",
    rc.CATEGORY_SPACE: " ",
    rc.CATEGORY_NOT_DIGIT: "a",
    rc.CATEGORY_NOT_WORD: "-",
    rc.CATEGORY_NOT_SPACE: "a",
}
_TRIED_CHARACTERS = "aA5 -_.x0Zé"


def _written(parsed: Any, extra: int, work: _Work) -> Iterator[str]:
    """The pieces of a text for a parsed pattern; each open repeat is used `extra` times more than it must."""
    for op, argument in parsed:
        work.spend(_PATTERN_STEPS)
        if op is rc.LITERAL:
            yield chr(argument)
        elif op is rc.NOT_LITERAL:
            yield next(sign for sign in _TRIED_CHARACTERS if ord(sign) != argument)
        elif op is rc.ANY:
            yield "a"
        elif op is rc.IN:
            yield _character_in(argument)
        elif op in (rc.MAX_REPEAT, rc.MIN_REPEAT, rc.POSSESSIVE_REPEAT):
            least, most, inner = argument
            for _ in range(min(least + extra, int(most))):
                work.spend(_PATTERN_STEPS)
                yield from _written(inner, extra, work)
        elif op is rc.SUBPATTERN:
            yield from _written(argument[-1], extra, work)
        elif op is rc.ATOMIC_GROUP:
            yield from _written(argument, extra, work)
        elif op is rc.BRANCH:
            yield from _written(argument[1][0], extra, work)
        elif op is not rc.AT:
            raise _NotWritable


def _character_in(choices: Any) -> str:
    if choices[0][0] is rc.NEGATE:
        for sign in _TRIED_CHARACTERS:
            if not any(_contains(choice, sign) for choice in choices[1:]):
                return sign
        raise _NotWritable
    op, argument = choices[0]
    if op is rc.LITERAL:
        return chr(argument)
    if op is rc.RANGE:
        return chr(argument[0])
    return _CLASS_CHARACTERS[argument]


def _contains(choice: Any, sign: str) -> bool:
    op, argument = choice
    if op is rc.LITERAL:
        return bool(ord(sign) == argument)
    if op is rc.RANGE:
        return bool(argument[0] <= ord(sign) <= argument[1])
    kinds = {
        rc.CATEGORY_DIGIT: sign.isdigit(),
        rc.CATEGORY_NOT_DIGIT: not sign.isdigit(),
        rc.CATEGORY_SPACE: sign.isspace(),
        rc.CATEGORY_NOT_SPACE: not sign.isspace(),
        rc.CATEGORY_WORD: sign.isalnum() or sign == "_",
        rc.CATEGORY_NOT_WORD: not (sign.isalnum() or sign == "_"),
    }
    return kinds[argument]
