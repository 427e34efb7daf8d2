"""What the pages of prompts show: rooms, differences side by side, examples of values, results in words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

import msgspec

from officium.core.prompts import PRODUCTION, PromptVersion, Variable
from officium.core.prompts.experiments.service import SIGNIFICANT, VariantReport
from officium.core.prompts.golden import GoldenCase
from officium.core.prompts.service import PromptSummary
from officium.kit.errors import InvalidRequest

_ROOMS: Mapping[str, str] = {
    "persona": "advisors",
    "widget": "widget",
    "rules": "rules",
    "condition": "rules",
    "cashflow": "cashflow",
    "deal": "writer",
    "email": "writer",
    "reminder": "writer",
    "notes": "writer",
}
_LONGEST_MARKED = 2000
_BY_TYPE: Mapping[str, Any] = {
    "number": 12.5,
    "integer": 12,
    "boolean": True,
    "date": "2026-11-21",
    "list": ["…"],
    "object": {},
}
_NUMBERS = re.compile(r"(?:^|_)(?:days|hours|count|number|amount|price|value|total|percent|id)$")
_FELT = 0.005
"""A share below this is written as none."""
Kind = Literal["same", "changed", "removed", "added", "gap"]
Direction = Literal["less", "more", "alike"]


def room_of(prompt: PromptSummary) -> str:
    """The room that asks with a prompt; `own` for what the tenant brought along."""
    return _ROOMS.get(prompt.name.partition(".")[0], "own") if prompt.shipped is not None else "own"


def used_of(prompt: PromptSummary) -> str | None:
    """The version in use, such as `own/3`; `None` where none is."""
    label = next((label for label in prompt.labels if label.label == PRODUCTION), None)
    if label is not None:
        return label.ref
    return None if prompt.shipped is None else f"shipped/{prompt.shipped}"


@dataclass(frozen=True)
class Piece:
    """A part of a line; whether only one side has it."""

    text: str
    is_marked: bool = False


@dataclass(frozen=True)
class Row:
    """A line of a difference: on the left what it was, on the right what it became."""

    kind: Kind
    old_line: int | None = None
    old: tuple[Piece, ...] = ()
    new_line: int | None = None
    new: tuple[Piece, ...] = ()


def rows_of(diff: str) -> list[Row]:
    """The rows of a unified diff; removed and added lines that follow each other stand side by side."""
    rows: list[Row] = []
    old = new = 0
    removed: list[str] = []
    added: list[str] = []

    def put() -> None:
        nonlocal old, new
        for place in range(max(len(removed), len(added))):
            left = removed[place] if place < len(removed) else None
            right = added[place] if place < len(added) else None
            rows.append(_row(left, right, old, new))
            old += left is not None
            new += right is not None
        removed.clear()
        added.clear()

    for line in diff.split("\n")[2:]:
        if line.startswith("-"):
            removed.append(line[1:])
        elif line.startswith("+"):
            added.append(line[1:])
        else:
            put()
            if line.startswith("@@ "):
                old, new = _starts(line)
                rows.append(Row("gap"))
            elif line:
                rows.append(Row("same", old, (Piece(line[1:]),), new, (Piece(line[1:]),)))
                old, new = old + 1, new + 1
    put()
    return rows[1:] if rows and rows[0].kind == "gap" else rows


def _starts(line: str) -> tuple[int, int]:
    before, after = line.split(" ")[1:3]
    return int(before[1:].split(",")[0]), int(after[1:].split(",")[0])


def _row(left: str | None, right: str | None, old: int, new: int) -> Row:
    if left is None:
        return Row("added", new_line=new, new=(Piece(right or ""),))
    if right is None:
        return Row("removed", old_line=old, old=(Piece(left),))
    return Row("changed", old, tuple(_marked(left, right)), new, tuple(_marked(right, left)))


def _marked(line: str, other: str) -> Iterator[Piece]:
    """The words of a line, where those that the other has not are marked."""
    if len(line) + len(other) > _LONGEST_MARKED:
        yield Piece(line)
        return
    mine, theirs = _words(line), _words(other)
    for tag, start, end, *_ in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if text := "".join(mine[start:end]):
            yield Piece(text, tag != "equal")


def _words(line: str) -> list[str]:
    words: list[str] = []
    for sign in line:
        if words and sign.isalnum() and words[-1][-1].isalnum():
            words[-1] += sign
        else:
            words.append(sign)
    return words


def sample_of(variables: Mapping[str, Variable], cases: Sequence[GoldenCase], texts: str = "") -> str:
    """Values to try a prompt with, as JSON: those of an example where there is one.

    What is made up has the parts that the prompt's `texts` ask for.
    """
    told = next((case.variables for case in cases if case.variables), {})
    values = {name: told.get(name, _made_up(name, one, texts)) for name, one in variables.items()}
    return msgspec.json.format(msgspec.json.encode(values), indent=2).decode()


def _made_up(name: str, variable: Variable, texts: str) -> Any:
    if variable.default is not None:
        return variable.default
    if variable.type == "object":
        return _with_parts(name, texts)
    if variable.type == "list":
        loops = re.findall(rf"\bfor\s+(\w+)\s+in\s+{re.escape(name)}\b", texts)
        parts = {part: value for loop in loops for part, value in _with_parts(loop, texts).items()}
        return [parts] if parts else _BY_TYPE["list"]
    return _BY_TYPE.get(variable.type, name.replace("_", " "))


def _with_parts(name: str, texts: str) -> dict[str, Any]:
    """An object with the parts that are asked of it: numbers where the part's name sounds like one."""
    parts = dict.fromkeys(re.findall(rf"\b{re.escape(name)}\.(\w+)", texts))
    return {part: 12 if _NUMBERS.search(part) else part.replace("_", " ") for part in parts}


def values_in(text: str, param: str) -> dict[str, Any]:
    """The JSON object that a field of a form holds; nothing stands for an empty one.

    Raises InvalidRequest with the line and column of the fault.
    """
    return object_in(text, param) or {}


def object_in(text: str, param: str) -> dict[str, Any] | None:
    """The JSON object in a field of a form, `None` where it holds nothing. Raises InvalidRequest."""
    if not text.strip():
        return None
    found = json_in(text, param)
    if not isinstance(found, dict):
        raise InvalidRequest(
            f"`{param}` is a JSON object: names with values, in braces.", param=param, line=1
        )
    return found


def json_in(text: str, param: str) -> Any:
    """The JSON value in a field of a form. Raises InvalidRequest with the line and column of the fault."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        said = str(error)
        place = said.rpartition("byte ")[2].rstrip(")")
        before = text.encode()[: int(place)].decode(errors="ignore") if place.isdecimal() else text
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        raise InvalidRequest(
            f"`{param}` is no JSON at line {line}, column {column}.", param=param, line=line, column=column
        ) from error


@dataclass(frozen=True)
class Compared:
    """How a variant differs from the first in one respect; `chance` is the probability that it is luck."""

    what: str
    direction: Direction
    percent: int
    chance: float | None

    @property
    def verdict(self) -> str:
        """`sure`, `unsure`, or `unknown` where there are too few answers."""
        if self.chance is None:
            return "unknown"
        return "sure" if self.chance < SIGNIFICANT else "unsure"

    @property
    def luck(self) -> str:
        """The probability of luck in percent."""
        chance = self.chance or 0.0
        return "less than 0.1" if chance < 0.001 else f"{chance * 100:.1f}"


def compared(first: VariantReport, other: VariantReport) -> list[Compared]:
    """A variant against the first, in cost, time and what people made of the answers."""
    pairs = (
        ("cost", first.mean_cost_usd, other.mean_cost_usd, other.p_cost),
        ("duration", first.mean_duration_ms, other.mean_duration_ms, other.p_duration),
        ("worth", first.mean_worth, other.mean_worth, other.p_worth),
    )
    return [_compared(*pair) for pair in pairs]


def _compared(what: str, old: float | None, new: float | None, chance: float | None) -> Compared:
    if old is None or new is None:
        return Compared(what, "alike", 0, None)
    share = (new - old) / old if old else (1.0 if new else 0.0)
    if abs(share) < _FELT:
        return Compared(what, "alike", 0, chance)
    return Compared(what, "more" if share > 0 else "less", round(abs(share) * 100) or 1, chance)


def split_of(variants: Sequence[Any]) -> list[int]:
    """The percent of subjects that each variant is given."""
    total = sum(variant.weight for variant in variants)
    return [round(100 * variant.weight / total) for variant in variants]


def choices_of(versions: Sequence[PromptVersion], used: str | None) -> list[str]:
    """The refs one may choose from, with that in use even if it is older than those listed."""
    refs = [version.ref for version in versions]
    return refs if used is None or used in refs else [*refs, used]
