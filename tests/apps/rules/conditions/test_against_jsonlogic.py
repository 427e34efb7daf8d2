"""Exported conditions say in JSONLogic what they say here, wherever JSONLogic coerces nothing."""

import json
import random
from collections import Counter
from typing import Any

import pytest

from officium.apps.rules.conditions import (
    ConditionNotExpressible,
    compile_condition,
    format_condition,
    parse_condition,
    to_jsonlogic,
)
from tests.support.cel_oracle import Writer, random_facts
from tests.support.jsonlogic import OPERATORS, Coerced, is_true, jsonlogic
from tests.support.shared import SHARED

SUITES = SHARED / "rules" / "jsonlogic_suites.json"


def test_evaluator_of_the_tests_answers_as_the_public_suites_say():
    if not SUITES.is_file():
        pytest.skip("The public suites are not on this machine.")
    answered, wrong = 0, []
    for name, cases in json.loads(SUITES.read_text("utf-8")).items():
        for case in cases:
            if (
                not isinstance(case, dict)
                or "result" not in case
                or not _operators(case["rule"]) <= OPERATORS
            ):
                continue
            try:
                got = jsonlogic(case["rule"], case.get("data"))
            except (Coerced, ValueError, TypeError, IndexError):
                continue
            answered += 1
            if got != case["result"] or isinstance(got, bool) != isinstance(case["result"], bool):
                wrong.append(f"{name}: {case['rule']} over {case.get('data')}: {got}, not {case['result']}")

    assert wrong == []
    assert answered > 150


def test_random_conditions_are_answered_in_jsonlogic_as_they_are_here():
    dice = random.Random(20_261_121)
    writer = Writer(dice, confusion=0.02)
    outcomes: Counter[str] = Counter()
    different = []
    while sum(outcomes.values()) < 4_000:
        condition = parse_condition(format_condition(writer.condition()))
        facts = random_facts(dice)
        ours = compile_condition(condition).evaluate(facts).result
        if ours is None:
            outcomes["no answer here"] += 1
            continue
        try:
            rule = json.loads(json.dumps(to_jsonlogic(condition)))
            theirs = is_true(jsonlogic(rule, facts))
        except ConditionNotExpressible:
            outcomes["not expressible"] += 1
            continue
        except Coerced:
            outcomes["coerced"] += 1
            continue
        outcomes[str(ours)] += 1
        if ours is not theirs:
            different.append(f"{format_condition(condition)} over {facts}: {ours}, there {theirs}")

    assert different == []
    assert outcomes["True"] > 300
    assert outcomes["False"] > 300


def _operators(rule: Any) -> set[str]:
    if isinstance(rule, list):
        return set().union(*map(_operators, rule)) if rule else set()
    if isinstance(rule, dict):
        return set(rule).union(*(_operators(each) for each in rule.values()))
    return set()
