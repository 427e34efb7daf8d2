"""The guide is true: every example in its tables is run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from officium.apps.rules.conditions import ConditionSyntaxError, compile_condition, parse_condition

_GUIDE = Path(__file__).resolve().parents[4] / "docs" / "guides" / "conditions.md"


def _tables(*head: str) -> list[list[str]]:
    """The rows of all tables with this head."""
    rows: list[list[str]] = []
    is_wanted = False
    for line in _GUIDE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            is_wanted = False
        elif cells == list(head):
            is_wanted = True
        elif is_wanted and not cells[0].startswith("---"):
            rows.append(cells)
    return rows


_EXAMPLES = _tables("condition", "facts", "answer")
_MISTAKES = _tables("text", "position", "suggestion")


def _answer(text: str, facts: dict[str, Any]) -> str:
    verdict = compile_condition(parse_condition(text)).evaluate(facts)
    if verdict.fault is not None:
        return f"fault: {verdict.fault.code}"
    return {True: "true", False: "false", None: "unknown"}[verdict.result]


def test_the_guide_has_examples() -> None:
    assert len(_EXAMPLES) >= 30
    assert len(_MISTAKES) >= 5


@pytest.mark.parametrize(("text", "facts", "answer"), _EXAMPLES)
def test_an_example_gives_the_answer_it_shows(text: str, facts: str, answer: str) -> None:
    assert _answer(text.strip("`"), json.loads(facts.strip("`"))) == answer


@pytest.mark.parametrize(("text", "position", "suggestion"), _MISTAKES)
def test_a_mistake_is_refused_as_shown(text: str, position: str, suggestion: str) -> None:
    with pytest.raises(ConditionSyntaxError) as raised:
        parse_condition(text.strip("`"))

    assert (raised.value.position, raised.value.suggestion) == (int(position), suggestion)


def test_every_operator_of_the_language_is_in_the_guide() -> None:
    text = _GUIDE.read_text("utf-8")

    for operator in (
        "IN",
        "CONTAINS",
        "STARTS_WITH",
        "ENDS_WITH",
        "MATCHES",
        "BETWEEN",
        "IS NULL",
        "%",
        "<>",
    ):
        assert re.search(rf"`[^`]*{re.escape(operator)}[^`]*`", text), operator
