"""The tests that travel with a rule: given these facts, then these actions."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from officium.apps.rules.check import can_be_kept
from officium.apps.rules.errors import InvalidRule
from officium.apps.rules.firing import ready
from officium.apps.rules.rule import ActionCall, WorkflowRules

MOST_TESTS = 100


class TestOutcome(Struct, frozen=True, kw_only=True):
    """What came of a test."""

    __test__ = False

    name: str
    passed: bool
    expected: Sequence[str]
    did: Sequence[str]
    message: str = ""


def checked_tests(said: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tests in one form: `name`, `given`, and `then` as a list of `action`, with `params` where named.

    Raises InvalidRule.
    """
    if not can_be_kept(said):
        raise InvalidRule("The tests hold what JSON in UTF-8 cannot.", param="tests")
    if len(said) > MOST_TESTS:
        raise InvalidRule(f"A rule has at most {MOST_TESTS} tests.", param="tests")
    return [_checked(test, index) for index, test in enumerate(said)]


def run_tests(workflow: WorkflowRules, tests: Sequence[Mapping[str, Any]]) -> list[TestOutcome]:
    """Run tests that were checked."""
    rules = ready(workflow)
    outcomes = []
    for test in tests:
        did = [call for each in rules if each.fires(test["given"]) for call in each.rule.then]
        outcomes.append(_outcome(test, did))
    return outcomes


def _checked(test: Mapping[str, Any], index: int) -> dict[str, Any]:
    place = f"/tests/{index}"
    if not isinstance(test, Mapping) or not isinstance(test.get("given"), Mapping):
        raise InvalidRule("A test has `given`, the facts as an object.", param=f"{place}/given")
    then = test.get("then")
    if not isinstance(then, list | tuple):
        raise InvalidRule("A test has `then`, a list of actions; empty for none.", param=f"{place}/then")
    calls = []
    for at, call in enumerate(then):
        shaped = {"action": call} if isinstance(call, str) else call
        if not isinstance(shaped, Mapping) or not isinstance(shaped.get("action"), str):
            raise InvalidRule("An action is its name, or an object with it.", param=f"{place}/then/{at}")
        calls.append({name: shaped[name] for name in ("action", "params") if name in shaped})
    name = test.get("name")
    return {
        "name": name[:200] if isinstance(name, str) and name else f"test {index + 1}",
        "given": dict(test["given"]),
        "then": calls,
    }


def _outcome(test: Mapping[str, Any], did: Sequence[ActionCall]) -> TestOutcome:
    expected = test["then"]
    names, done = [call["action"] for call in expected], [call.action for call in did]
    message = ""
    if names != done:
        message = f"It did {', '.join(done) or 'nothing'}, not {', '.join(names) or 'nothing'}."
    else:
        for call, real in zip(expected, did, strict=True):
            if "params" in call and dict(call["params"]) != dict(real.params):
                message = f"{real.action} got other parameters."
                break
    return TestOutcome(name=test["name"], passed=not message, expected=names, did=done, message=message)
