"""An example that a version must stand: what fills its blanks, and what must come of it."""

import json
import re
from collections.abc import Sequence
from typing import Any

import jsonschema_rs
import msgspec
from msgspec import Struct

from officium.core.llm.tokens import estimate_tokens
from officium.core.prompts.errors import InvalidGoldenSet
from officium.core.prompts.prompt import PromptVersion, Rendered
from officium.core.prompts.render import render
from officium.kit.errors import OfficiumError

MOST_CASES = 100
LARGEST_SET_BYTES = 512 * 1024
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Expectation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What must hold of a case.

    Of the prompt: `prompt_has` and `prompt_lacks` are looked for in both texts, `max_prompt_tokens` bounds
    them. Of an answer: it fits the output schema; `answer_has` and `answer_lacks` are looked for in it,
    without regard to case; `fields` are its values by name.
    """

    prompt_has: tuple[str, ...] = ()
    prompt_lacks: tuple[str, ...] = ()
    max_prompt_tokens: int | None = None
    answer_has: tuple[str, ...] = ()
    answer_lacks: tuple[str, ...] = ()
    fields: dict[str, Any] = {}


class GoldenCase(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An example. `answer` is what a model was recorded to say; without one only the prompt is checked."""

    id: str
    variables: dict[str, Any] = {}
    answer: Any = None
    expect: Expectation = Expectation()


class CaseFailure(Struct, frozen=True):
    """What a version does wrong in a case."""

    case: str
    problem: str


def check_cases(cases: Sequence[GoldenCase]) -> None:
    """Raise InvalidGoldenSet unless these can be a golden set."""
    if len(cases) > MOST_CASES:
        raise InvalidGoldenSet(f"A golden set has at most {MOST_CASES} cases.", param="cases")
    try:
        size_bytes = len(msgspec.json.encode(cases))
    except (ValueError, OverflowError, RecursionError) as error:
        raise InvalidGoldenSet(f"A case has a value that no JSON says: {error}", param="cases") from error
    if size_bytes > LARGEST_SET_BYTES:
        raise InvalidGoldenSet(f"A golden set has at most {LARGEST_SET_BYTES // 1024} KB.", param="cases")
    seen = set()
    for case in cases:
        if not _ID.fullmatch(case.id) or case.id in seen:
            raise InvalidGoldenSet(
                "Each case has an id of its own: up to 64 small letters, digits, `_` and `-`.", param="cases"
            )
        seen.add(case.id)


def check_version(version: PromptVersion, cases: Sequence[GoldenCase]) -> list[CaseFailure]:
    """What a version does wrong, by the recorded answers. Takes a while: call it aside."""
    failures = []
    for case in cases:
        try:
            rendered = render(version, case.variables)
        except OfficiumError as error:
            failures.append(CaseFailure(case.id, error.message))
            continue
        failures += [CaseFailure(case.id, problem) for problem in _problems_of_prompt(rendered, case.expect)]
        if case.answer is not None:
            failures += check_answer(rendered, case, case.answer)
    return failures


def check_answer(rendered: Rendered, case: GoldenCase, answer: Any) -> list[CaseFailure]:
    """What is wrong with an answer to a case: a text, or the JSON value that it is."""
    value = _value(answer)
    problems = []
    if rendered.output_schema is not None:
        validator = jsonschema_rs.validator_for(dict(rendered.output_schema), offline=True)
        error = next(iter(validator.iter_errors(value)), None)
        if error is not None:
            problems.append(f"the answer does not fit the output schema: {error.message[:200]}")
    text = (answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)).casefold()
    expect = case.expect
    problems += [f"the answer lacks {part!r}" for part in expect.answer_has if part.casefold() not in text]
    problems += [f"the answer has {part!r}" for part in expect.answer_lacks if part.casefold() in text]
    for name, wanted in expect.fields.items():
        found = value.get(name) if isinstance(value, dict) else None
        if found != wanted:
            problems.append(f"the answer's {name} is {found!r}, not {wanted!r}"[:300])
    return [CaseFailure(case.id, problem) for problem in problems]


def _problems_of_prompt(rendered: Rendered, expect: Expectation) -> list[str]:
    text = f"{rendered.system}\n{rendered.user}"
    problems = [f"the prompt lacks {part!r}" for part in expect.prompt_has if part not in text]
    problems += [f"the prompt has {part!r}" for part in expect.prompt_lacks if part in text]
    if expect.max_prompt_tokens is not None:
        tokens = estimate_tokens(rendered.system) + estimate_tokens(rendered.user)
        if tokens > expect.max_prompt_tokens:
            problems.append(f"the prompt has {tokens} tokens, more than {expect.max_prompt_tokens}")
    return problems


def _value(answer: Any) -> Any:
    if not isinstance(answer, str):
        return answer
    try:
        return json.loads(answer)
    except ValueError:
        return answer
