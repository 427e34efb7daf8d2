"""What the pages of the rules show, put into the shapes their templates draw."""

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

from officium.apps.rules.problem import Problem
from officium.web.console.pages.rules_sheet import as_json

_CONTEXT_LINES = 3
_MOST_LINES = 2_000
_WORD = re.compile(r"\$?[\w.]+|.", re.DOTALL)


class DiffLine(Struct, frozen=True):
    """A line of a difference: what stayed, came or went, or a gap between such places."""

    kind: Literal["same", "added", "removed", "gap"]
    text: str


def json_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[DiffLine]:
    """What is another line in the JSON of two workflows, with the lines around it."""
    old, new = (as_json(each, is_pretty=True).splitlines() for each in (before, after))
    lines: list[DiffLine] = []
    for line in list(difflib.unified_diff(old, new, lineterm="", n=_CONTEXT_LINES))[2:_MOST_LINES]:
        mark, text = line[:1], line[1:]
        if mark == "@":
            if lines:
                lines.append(DiffLine("gap", ""))
        else:
            kinds: Mapping[str, Literal["added", "removed"]] = {"+": "added", "-": "removed"}
            lines.append(DiffLine(kinds.get(mark, "same"), text))
    return lines


def chart_of(outcome: Mapping[str, Any]) -> dict[str, Any] | None:
    """How often each rule fired in each stretch of a replay, for the chart and the table beside it.

    `None` where the history tells no times. Stretches in which nothing fired are zeros in the chart, and not
    in the table.
    """
    length = outcome["bucket_s"]
    if length is None or outcome["begins"] is None:
        return None
    first = int(_seconds(outcome["begins"]) // length) * length
    last = int(_seconds(outcome["ends"]) // length) * length
    times = list(range(first, last + 1, length))
    counts = [
        {int(_seconds(each["at"])): each["fires"] for each in rule["chart"]} for rule in outcome["rules"]
    ]
    return {
        "times": times,
        "bucket_s": length,
        "series": [
            {"name": rule["name"], "fires": [count.get(at, 0) for at in times]}
            for rule, count in zip(outcome["rules"], counts, strict=True)
        ],
        "rows": [
            {"at": datetime.fromtimestamp(at, UTC), "fires": [count.get(at, 0) for count in counts]}
            for at in sorted({at for count in counts for at in count})
        ],
    }


def names_instead(text: str, names: Mapping[str, str]) -> str:
    """A text in which rules are called by their names, not by their ids."""
    for rule_id, name in names.items():
        text = text.replace(rule_id, name)
    return text


def kept_ids(labels: Sequence[str]) -> list[str]:
    """The ids of the kept rules that findings speak of: `id/rule` or just `id`."""
    return list(dict.fromkeys(label.partition("/")[0] for label in labels))


def _seconds(said: str) -> float:
    return datetime.fromisoformat(said).timestamp()


class ShownProblem(Struct, frozen=True, kw_only=True):
    """A problem, and the condition it is in: what stands before the place, at it, and behind it."""

    problem: Problem
    before: str = ""
    at: str = ""
    behind: str = ""


def shown_problems(workflow: Mapping[str, Any], problems: Sequence[Problem]) -> list[ShownProblem]:
    """The problems, those of conditions with the text around their place."""
    shown = []
    for problem in problems:
        text = _text_at(workflow, problem.pointer)
        if problem.position is None or text is None:
            shown.append(ShownProblem(problem=problem))
        else:
            before, at, behind = cut_at(text, problem.position)
            shown.append(ShownProblem(problem=problem, before=before, at=at, behind=behind))
    return shown


def cut_at(text: str, position: int) -> tuple[str, str, str]:
    """A text before, at and behind the word or sign that begins at a position."""
    found = _WORD.match(text, position)
    end = position if found is None else found.end()
    return text[:position], text[position:end] or " ", text[end:]


def _text_at(value: Any, pointer: str) -> str | None:
    for word in pointer.split("/")[1:]:
        step = word.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value if isinstance(value, str) else None
