"""A workflow as people read it: when it is looked at, if what, then what is done."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from officium.apps.rules.catalogue import Catalogue, TriggerKind
from officium.apps.rules.conditions import Condition, describe_condition, parse_condition
from officium.apps.rules.conditions.condition import And, Node, Not, Or
from officium.apps.rules.conditions.formatter import text_of
from officium.apps.rules.conditions.types import Declarations, declarations
from officium.apps.rules.conditions.words import phrase
from officium.apps.rules.description import action_words, trigger_details
from officium.apps.rules.rule import ActionCall, Rule, WorkflowRules

ClauseKind = Literal["all", "any", "not_all", "none", "says"]


class Clause(Struct, frozen=True, kw_only=True):
    """A condition, or a part of one: all or any or none of others, or one that says something by itself."""

    kind: ClauseKind
    words: str = ""
    text: str = ""
    clauses: "Sequence[Clause]" = ()


class CardAction(Struct, frozen=True, kw_only=True):
    """What is done, and with what; `description` is the catalogue's."""

    name: str
    words: str
    description: str
    params: Mapping[str, Any]


class CardRule(Struct, frozen=True, kw_only=True):
    """One rule."""

    name: str
    condition: str
    words: str
    is_always: bool
    clause: Clause
    actions: Sequence[CardAction]


class Card(Struct, frozen=True, kw_only=True):
    """The whole workflow; `details` say what its trigger was told, such as `every day at 09:00 UTC`."""

    name: str
    trigger: str
    trigger_kind: TriggerKind
    trigger_description: str
    details: Sequence[str]
    rules: Sequence[CardRule]


def card_of(workflow: WorkflowRules, catalogue: Catalogue) -> Card:
    """A workflow that was checked, as a card."""
    declared = declarations(catalogue.path_types)
    trigger = catalogue.trigger_by_name[workflow.trigger]
    return Card(
        name=workflow.workflow_name,
        trigger=workflow.trigger,
        trigger_kind=trigger.kind,
        trigger_description=trigger.description,
        details=trigger_details(workflow),
        rules=[_rule(rule, catalogue, declared) for rule in workflow.rules],
    )


def clause_of(condition: Condition, declared: Declarations) -> Clause:
    """What must hold, as a tree of clauses in words."""
    return _clause(condition.root, declared)


def _rule(rule: Rule, catalogue: Catalogue, declared: Declarations) -> CardRule:
    condition = parse_condition(rule.condition)
    return CardRule(
        name=rule.name,
        condition=rule.condition,
        words=describe_condition(condition, catalogue.path_types),
        is_always=rule.condition.strip("() ").casefold() == "true",
        clause=clause_of(condition, declared),
        actions=[_action(call, catalogue) for call in rule.then],
    )


def _action(call: ActionCall, catalogue: Catalogue) -> CardAction:
    return CardAction(
        name=call.action,
        words=action_words(call.action),
        description=catalogue.action_by_name[call.action].description,
        params=call.params,
    )


def _clause(node: Node, declared: Declarations) -> Clause:
    match node:
        case And(operands):
            return _group("all", operands, declared)
        case Or(operands):
            return _group("any", operands, declared)
        case Not(And(operands)):
            return _group("not_all", operands, declared)
        case Not(Or(operands)):
            return _group("none", operands, declared)
        case _:
            return Clause(kind="says", words=phrase(node, declared), text=text_of(node))


def _group(kind: ClauseKind, operands: Sequence[Node], declared: Declarations) -> Clause:
    return Clause(kind=kind, clauses=[_clause(operand, declared) for operand in operands])
