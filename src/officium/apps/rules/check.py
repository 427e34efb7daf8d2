"""Is it a rule, and does it use only what the catalogue has? Every mistake with its place."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from officium.apps.rules.catalogue import ActionType, Catalogue, ConditionType, Trigger
from officium.apps.rules.closest import closest
from officium.apps.rules.conditions import (
    Condition,
    ConditionSyntaxError,
    check_condition,
    parse_condition,
    paths_in,
)
from officium.apps.rules.problem import Problem, pointer
from officium.apps.rules.rule import (
    LARGEST_PARAMS_BYTES,
    LONGEST_CONDITION,
    LONGEST_NAME,
    MOST_ACTIONS,
    MOST_RULES,
    WorkflowRules,
    workflow_from,
)
from officium.apps.rules.words import words_of

_MOST_PROBLEMS = 50
_WORKFLOW_FIELDS = ("workflow_name", "trigger", "trigger_params", "rules")
_RULE_FIELDS = ("name", "condition", "then")
_CALL_FIELDS = ("action", "params")
_COMPARING = re.compile(
    r"\b(above|below|over|under|exceed\w*|more than|less than|higher|lower|greater|drops?|falls?|rises?"
    r"|reach\w*|at least|at most)\b|[<>]|\d\s*%",
    re.IGNORECASE,
)


class Checked(Struct, frozen=True, kw_only=True):
    """What came of a check: the workflow where nothing is wrong with it, and what is wrong or odd.

    `conditions` are the parsed conditions of its rules.
    """

    workflow: WorkflowRules | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    conditions: tuple[Condition, ...] = ()


def check_workflow(said: object, catalogue: Catalogue, intent: str = "") -> Checked:
    """Check a workflow's JSON against a catalogue; `intent` is what it is to do, where that is known."""
    checker = _Checker(catalogue)
    if can_be_kept(said):
        checker.workflow(said)
    else:
        checker.problems.append(
            Problem(pointer="", code="not_json", message="This holds what JSON in UTF-8 cannot.")
        )
    if checker.problems:
        return Checked(workflow=None, problems=tuple(checker.problems[:_MOST_PROBLEMS]))
    assert isinstance(said, Mapping)
    workflow = workflow_from(said)
    conditions = tuple(checker.conditions)
    return Checked(
        workflow=workflow,
        warnings=tuple(_warnings(workflow, conditions, catalogue, intent)),
        conditions=conditions,
    )


class _Checker:
    """Goes through a workflow once and notes what it finds."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.problems: list[Problem] = []
        self.conditions: list[Condition] = []

    def workflow(self, said: object) -> None:
        """Check the whole."""
        if not self._is_object(said, (), _WORKFLOW_FIELDS, ("workflow_name", "trigger", "rules")):
            return
        assert isinstance(said, Mapping)
        self._name(said.get("workflow_name"), ("workflow_name",))
        self._trigger(said)
        rules = said.get("rules")
        if not isinstance(rules, list | tuple):
            if "rules" in said:
                self._note(("rules",), "wrong_type", "The rules are a list.")
            return
        if not 1 <= len(rules) <= MOST_RULES:
            self._note(("rules",), "wrong_size", f"A workflow has 1 to {MOST_RULES} rules.")
            return
        names: set[str] = set()
        for index, rule in enumerate(rules):
            self._rule(rule, ("rules", index), names)

    def _trigger(self, said: Mapping[str, Any]) -> None:
        name, params = said.get("trigger"), said.get("trigger_params", {})
        if not isinstance(name, str):
            if "trigger" in said:
                self._note(("trigger",), "wrong_type", "The trigger is the name of one.")
            return
        trigger = self._catalogue.trigger_by_name.get(name)
        if trigger is None:
            known = closest(name, self._catalogue.trigger_by_name)
            self._note(("trigger",), "unknown_trigger", f"There is no trigger {name[:100]!r}.", known)
        else:
            self._params(trigger, params, ("trigger_params",))

    def _rule(self, said: object, place: tuple[str | int, ...], names: set[str]) -> None:
        if not self._is_object(said, place, _RULE_FIELDS, _RULE_FIELDS):
            return
        assert isinstance(said, Mapping)
        name = said.get("name")
        if self._name(name, (*place, "name")):
            if name in names:
                self._note((*place, "name"), "duplicate_name", f"Two rules are called {name!r}.")
            names.add(str(name))
        if "condition" in said:
            self._condition(said["condition"], (*place, "condition"))
        calls = said.get("then")
        if not isinstance(calls, list | tuple):
            if "then" in said:
                self._note((*place, "then"), "wrong_type", "What is done is a list of actions.")
            return
        if not 1 <= len(calls) <= MOST_ACTIONS:
            self._note((*place, "then"), "wrong_size", f"A rule has 1 to {MOST_ACTIONS} actions.")
            return
        for index, call in enumerate(calls):
            self._call(call, (*place, "then", index))

    def _condition(self, said: object, place: tuple[str | int, ...]) -> None:
        if not isinstance(said, str):
            self._note(place, "wrong_type", "A condition is text, such as $metrics.cpu > 80.")
            return
        if len(said) > LONGEST_CONDITION:
            self._note(place, "too_long", f"A condition has at most {LONGEST_CONDITION:,} characters.")
            return
        try:
            condition = parse_condition(said)
        except ConditionSyntaxError as error:
            hint = f" {error.suggestion}" if error.suggestion else ""
            self._note(place, "condition_syntax", f"{error.message}{hint}", position=error.position)
            return
        self.conditions.append(condition)
        for problem in check_condition(condition, self._catalogue.path_types):
            hint = f" {problem.suggestion}" if problem.suggestion else ""
            self._note(
                place, f"condition_{problem.code}", f"{problem.message}{hint}", position=problem.position
            )

    def _call(self, said: object, place: tuple[str | int, ...]) -> None:
        if not self._is_object(said, place, _CALL_FIELDS, ("action",)):
            return
        assert isinstance(said, Mapping)
        name = said.get("action")
        if not isinstance(name, str):
            if "action" in said:
                self._note((*place, "action"), "wrong_type", "The action is the name of one.")
            return
        action = self._catalogue.action_by_name.get(name)
        if action is None:
            known = closest(name, self._catalogue.action_by_name)
            self._note((*place, "action"), "unknown_action", f"There is no action {name[:100]!r}.", known)
        else:
            self._params(action, said.get("params", {}), (*place, "params"))

    def _params(self, capability: Trigger | ActionType, params: object, place: tuple[str | int, ...]) -> None:
        if not isinstance(params, Mapping):
            self._note(place, "wrong_type", "Parameters are an object.")
            return
        if _size_of(params) > LARGEST_PARAMS_BYTES:
            self._note(place, "too_long", f"Parameters have at most {LARGEST_PARAMS_BYTES // 1024} KB.")
            return
        validator = self._catalogue.validator_of(capability)
        for error, _ in zip(validator.iter_errors(dict(params)), range(_MOST_PROBLEMS), strict=False):
            self._note_param(capability, error, place)

    def _note_param(self, capability: Trigger | ActionType, error: Any, place: tuple[str | int, ...]) -> None:
        where = (*place, *error.instance_path)
        kind = error.kind.name
        if kind == "additionalProperties":
            known = list(capability.parameters.get("properties", {}))
            for name in error.kind.unexpected:
                message = f"{capability.name} has no parameter {str(name)[:100]!r}."
                self._note((*where, name), "unknown_parameter", message, closest(str(name), known))
        elif kind == "required":
            missing = str(error.kind.property).strip('"')
            self._note(
                (*where, missing), "missing_parameter", f"{capability.name} needs the parameter {missing}."
            )
        else:
            options = [str(each) for each in getattr(error.kind, "options", ())]
            value = str(error.instance)[:100] if isinstance(error.instance, str) else ""
            known_values = closest(value, options) if value else ()
            self._note(where, "invalid_parameter", f"{_short(error.message)}.", known_values)

    def _name(self, said: object, place: tuple[str | int, ...]) -> bool:
        if said is None:
            return False
        if not isinstance(said, str) or not said.strip() or not said.isprintable():
            self._note(place, "wrong_type", "A name is one line of text.")
        elif len(said) > LONGEST_NAME:
            self._note(place, "too_long", f"A name has at most {LONGEST_NAME} characters.")
        else:
            return True
        return False

    def _is_object(
        self, said: object, place: tuple[str | int, ...], known: Iterable[str], needed: Iterable[str]
    ) -> bool:
        if not isinstance(said, Mapping):
            self._note(place, "wrong_type", "This must be an object.")
            return False
        for name in needed:
            if said.get(name) is None:
                self._note((*place, name), "missing", f"{name} is missing.")
        for name in said:
            if name not in known:
                suggestions = closest(str(name), known)
                message = f"There is no field {str(name)[:100]!r} here."
                self._note((*place, str(name)), "unknown_field", message, suggestions)
        return True

    def _note(
        self,
        place: tuple[str | int, ...],
        code: str,
        message: str,
        suggestions: Iterable[str] = (),
        position: int | None = None,
    ) -> None:
        self.problems.append(
            Problem(
                pointer=pointer(*place),
                code=code,
                message=message,
                suggestions=tuple(suggestions),
                position=position,
            )
        )


def metrics_in(intent: str, catalogue: Catalogue) -> list[ConditionType]:
    """The metrics that a sentence speaks of by their names, where it compares something."""
    if not _COMPARING.search(intent):
        return []
    said = set(words_of(intent))
    return [
        fact
        for fact in catalogue.condition_types
        if fact.is_measured and said & (set(words_of(fact.path)) - _VAGUE)
    ]


_VAGUE = frozenset(words_of("metrics metric percent rate count value ms second minute hour day left used"))


def _warnings(
    workflow: WorkflowRules, conditions: Iterable[Condition], catalogue: Catalogue, intent: str
) -> Iterator[Problem]:
    trigger = catalogue.trigger_by_name[workflow.trigger]
    if trigger.kind == "event":
        facts = catalogue.fact_by_path
        read = [path for condition in conditions for path in paths_in(condition)]
        measured = list(dict.fromkeys(path for path in read if path in facts and facts[path].is_measured))
        measured = measured or [fact.path for fact in metrics_in(intent, catalogue)[:3]]
        if measured:
            better = [other.name for other in catalogue.triggers if other.kind in ("metric", "periodic")]
            named = " and ".join(f"${path}" for path in measured[:3])
            yield Problem(
                pointer="/trigger",
                code="trigger_cannot_see_metric",
                message=f"{trigger.name} fires on an event only: a change of {named} in between goes unseen. "
                "Choose a periodic or metric trigger.",
                suggestions=tuple(better[:3]),
            )


def can_be_kept(value: object) -> bool:
    """Whether a value can be written as JSON: halves of characters, for one, cannot."""
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _size_of(params: Mapping[str, Any]) -> int:
    try:
        return len(msgspec.json.encode(params))
    except (TypeError, ValueError, RecursionError):
        return LARGEST_PARAMS_BYTES + 1


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:300]}…"
