"""What a model wrote, read as a workflow, or what is wrong with it: nothing unchecked gets through."""

from collections.abc import Iterator, Mapping
from typing import Any

import jiter
from msgspec import Struct

from officium.apps.rules.answer_schema import NOT_POSSIBLE, as_rule
from officium.apps.rules.catalogue import Catalogue
from officium.apps.rules.check import Checked, check_workflow
from officium.apps.rules.problem import Problem
from officium.core.llm.completion import Completion
from officium.core.llm.structured import Rung, json_candidates

_LONGEST_REASON = 500


class ReadAnswer(Struct, frozen=True, kw_only=True):
    """A checked answer: the workflow's JSON, or why there cannot be one, or what is wrong.

    `is_final` says that asking again is of no use.
    """

    said: Mapping[str, Any] | None = None
    checked: Checked | None = None
    not_possible: str = ""
    problems: tuple[Problem, ...] = ()
    is_final: bool = False


def read_answer(completion: Completion, catalogue: Catalogue, intent: str) -> ReadAnswer:
    """Read an answer strictly.

    What was refused, cut short or said twice is never searched for a rule that happens to fit, and what
    json-repair mends counts only if nothing was missing at its end.
    """
    text = completion.text
    if completion.refusal or completion.finish_reason == "content_filter":
        return _wrong("refused", "The model refused to answer.", is_final=True)
    if not text.strip():
        return _wrong("empty", "The answer is empty.")
    if completion.finish_reason == "length":
        return _wrong("cut_short", "The answer was cut short by the token limit; make it shorter.")
    found, rung = _objects(text)
    if not found:
        return _wrong("no_json", "There is no JSON object in the answer.")
    if rung == "repaired" and _is_open_at_its_end(text):
        return _wrong("cut_short", "The answer's JSON is cut short or broken at its end.")
    distinct = [each for index, each in enumerate(found) if each not in found[:index]]
    if len(distinct) > 1:
        return _wrong("several", f"The answer has {len(distinct)} different JSON objects; give one.")
    if _has_doubles(distinct[0][0]):
        return _wrong("double_key", "A key stands twice in one object of the answer.")
    return _read(distinct[0][1], catalogue, intent)


def _read(said: Mapping[str, Any], catalogue: Catalogue, intent: str) -> ReadAnswer:
    inner = said.get("workflow_rules", said)
    reason = said.get(NOT_POSSIBLE) or (inner.get(NOT_POSSIBLE) if isinstance(inner, Mapping) else None)
    if isinstance(reason, str) and reason.strip() and not said.get("rules"):
        shown = " ".join(reason.split())[:_LONGEST_REASON]
        return ReadAnswer(not_possible=shown, is_final=True)
    shaped = as_rule(said, catalogue)
    checked = check_workflow(shaped, catalogue, intent)
    if checked.problems:
        return ReadAnswer(problems=checked.problems)
    return ReadAnswer(said=shaped, checked=checked)


def _objects(text: str) -> tuple[list[tuple[str, Mapping[str, Any]]], Rung | None]:
    """The objects found on the first rung that has some that could be meant, as text and as values."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    at: Rung | None = None
    spare: tuple[list[tuple[str, Mapping[str, Any]]], Rung | None] = ([], None)
    for source, rung in json_candidates(text):
        if found and rung != at:
            break
        value = jiter.from_json(source.encode("utf-8", "replace"), allow_inf_nan=False)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, Mapping):
            continue
        if _is_meant(value):
            found.append((source, value))
            at = rung
        elif not spare[0]:
            spare = ([(source, value)], rung)
    return (found, at) if found else spare


def _is_open_at_its_end(text: str) -> bool:
    """Whether brackets or a string are still open where the text ends: then something may be missing."""
    open_brackets = 0
    is_string = is_escaped = False
    for sign in text[max(0, text.find("{")) :]:
        if is_escaped:
            is_escaped = False
        elif is_string:
            is_escaped = sign == "\\"
            is_string = sign != '"'
        elif sign == '"':
            is_string = True
        elif sign in "{[":
            open_brackets += 1
        elif sign in "}]":
            open_brackets -= 1
    return is_string or open_brackets > 0


def _is_meant(value: Mapping[str, Any]) -> bool:
    return any(name in value for name in ("rules", "workflow_rules", "workflow_name", NOT_POSSIBLE))


def _has_doubles(source: str) -> bool:
    try:
        jiter.from_json(source.encode("utf-8", "replace"), catch_duplicate_keys=True)
    except ValueError:
        return True
    return False


def _wrong(code: str, message: str, *, is_final: bool = False) -> ReadAnswer:
    return ReadAnswer(problems=(Problem(pointer="", code=code, message=message),), is_final=is_final)


def shown_problems(problems: tuple[Problem, ...]) -> Iterator[str]:
    """The problems in lines, as they are quoted to the model."""
    for problem in problems[:20]:
        yield f"- {problem.line()}"
