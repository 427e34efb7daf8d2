"""Why a condition holds for some facts, or does not, or cannot be told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from officium.apps.rules.conditions.condition import (
    And,
    Between,
    Comparison,
    Condition,
    IsNull,
    Not,
    Or,
    Path,
    children_of,
)
from officium.apps.rules.conditions.formatter import text_of
from officium.apps.rules.conditions.trace import Trace, missing_in, traced
from officium.apps.rules.conditions.values import MISSING, Fault, as_truth
from officium.apps.rules.conditions.verdict import Verdict
from officium.apps.rules.conditions.words import phrase

Outcome = Literal["true", "false", "unknown", "fault", "value"]
_LONGEST_VALUE = 60
_MOST_BITS = 4_096
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class ExplainedNode:
    """One node of the tree: what it says, what came of it, and whether that settled the whole.

    `text` is the node's canonical text, or just AND, OR or NOT; `value` is what it was, as a JSON value.
    """

    text: str
    position: int
    outcome: Outcome
    value: object
    decides: bool
    children: "tuple[ExplainedNode, ...]"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict with its reasons: the tree, the leaves that settled it, and one sentence."""

    verdict: Verdict
    tree: ExplainedNode
    deciding: tuple[ExplainedNode, ...]
    sentence: str


def explain_condition(condition: Condition, facts: Mapping[str, object]) -> Explanation:
    """Evaluate a condition and keep the reasons; never raises, whatever the facts are.

    The deciding leaves are the fewest that settle the result: the first that is true in an OR, the first that
    is false in an AND, all of them where all were needed; for a result that is open, those that keep it open.
    """
    try:
        trace = traced(condition.root, facts)
        return _explained(condition, trace)
    except Exception as problem:
        fault = Fault("facts", 0, f"The facts cannot be read ({type(problem).__name__}).")
        tree = ExplainedNode(condition.text, 0, "fault", None, True, ())
        return Explanation(Verdict(None, (), fault), tree, (tree,), f"No answer: {fault.message}")


def _explained(condition: Condition, trace: Trace) -> Explanation:
    truth = as_truth(trace.value, condition.root.position)
    settling = _settling(trace)
    deciding = {id(leaf) for leaf in settling}
    tree = _node(trace, deciding, is_truth=True)
    leaves = tuple(node for node in _leaves(tree) if node.decides)
    if isinstance(truth, Fault):
        return Explanation(Verdict(None, (), truth), tree, leaves, f"No answer: {truth.message}")
    if truth is MISSING:
        missing = missing_in(trace)
        gaps = _and(tuple(f"no {name}" for name in missing))
        return Explanation(Verdict(None, missing), tree, leaves, f"Unknown: the facts have {gaps}.")
    reasons = [_reason(leaf) for leaf in settling[:_MOST_NAMED]]
    if len(settling) > _MOST_NAMED:
        reasons.append(f"{len(settling) - _MOST_NAMED} more")
    opening = "Holds" if truth is True else "Does not hold"
    return Explanation(Verdict(truth is True), tree, leaves, f"{opening}: {_and(tuple(reasons))}.")


def _settling(trace: Trace) -> list[Trace]:
    """The leaves that settle the value of a node."""
    node, value = trace.node, trace.value
    if isinstance(node, Not):
        return _settling(trace.children[0])
    if not isinstance(node, And | Or):
        return [trace]
    decisive = isinstance(node, Or)
    if value is decisive:
        return _settling(next(child for child in trace.children if child.value is decisive))
    if isinstance(value, Fault):
        faulty = (child for child in trace.children if _truth(child) == value)
        return _settling(next(faulty))
    if value is MISSING:
        return [leaf for child in trace.children if _truth(child) is MISSING for leaf in _settling(child)]
    return [leaf for child in trace.children for leaf in _settling(child)]


def _truth(trace: Trace) -> object:
    return as_truth(trace.value, trace.node.position)


def _node(trace: Trace, deciding: set[int], *, is_truth: bool) -> ExplainedNode:
    node = trace.node
    is_logic = isinstance(node, And | Or | Not)
    children = tuple(_node(child, deciding, is_truth=is_logic) for child in trace.children)
    text = type(node).__name__.upper() if isinstance(node, And | Or | Not) else text_of(node)
    value = _truth(trace) if is_truth else trace.value
    return ExplainedNode(
        text, node.position, _outcome(value), as_json(value), id(trace) in deciding, children
    )


def _leaves(node: ExplainedNode) -> list[ExplainedNode]:
    return [node] if node.decides else [leaf for child in node.children for leaf in _leaves(child)]


def _outcome(value: object) -> Outcome:
    if value is MISSING:
        return "unknown"
    if isinstance(value, Fault):
        return "fault"
    return "true" if value is True else "false" if value is False else "value"


def _reason(leaf: Trace) -> str:
    """A leaf in words with the values it read: `metrics.cpu is above 80 (it is 85.5)`."""
    said = phrase(leaf.node, is_negated=leaf.value is False)
    read = {trace.node.name: trace.value for trace in _traces(leaf) if isinstance(trace.node, Path)}
    if isinstance(leaf.node, Comparison | Between | IsNull) and len(read) == 1:
        asked = leaf.node.left if isinstance(leaf.node, Comparison) else children_of(leaf.node)[0]
        if isinstance(asked, Path):
            value = shown(read[asked.name])
            return said if said.endswith(f" is {value}") else f"{said} (it is {value})"
    if not read or isinstance(leaf.node, Path):
        return said
    return f"{said} ({', '.join(f'{name} is {shown(value)}' for name, value in read.items())})"


def _traces(trace: Trace) -> list[Trace]:
    return [trace, *(below for child in trace.children for below in _traces(child))]


def shown(value: object) -> str:
    """A fact as people read it, cut where it is long."""
    if value is MISSING:
        return "missing"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value[:1].isalpha() and value.isprintable():
        text = value
    elif isinstance(value, Decimal | datetime):
        text = str(as_json(value))
    else:
        text = json.dumps(as_json(value), ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def as_json(value: object, nesting: int = 0) -> object:
    """A value of the language as a JSON value; what JSON has no form for is told in words."""
    match value:
        case int() if value.bit_length() > _MOST_BITS:
            return f"an integer of {value.bit_length():,} bits"
        case None | bool() | str() | int():
            return value
        case float() if value in (float("inf"), float("-inf")) or value != value:
            return str(value)
        case float():
            return value
        case Decimal():
            return str(value)
        case datetime():
            return value.isoformat()
        case Fault(message=message):
            return message
        case list() | tuple() if nesting < 8:
            return [as_json(item, nesting + 1) for item in value]
        case dict() if nesting < 8:
            return {str(key): as_json(item, nesting + 1) for key, item in value.items()}
        case _:
            return None if value is MISSING else str(type(value).__name__)


def _and(parts: tuple[str, ...]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def explanation_to_json(explanation: Explanation) -> dict[str, object]:
    """An explanation as JSON values: result, missing, fault, sentence, deciding (positions) and the tree."""
    fault = explanation.verdict.fault
    return {
        "result": explanation.verdict.result,
        "missing": list(explanation.verdict.missing),
        "fault": None
        if fault is None
        else {"code": fault.code, "position": fault.position, "message": fault.message},
        "sentence": explanation.sentence,
        "deciding": [{"text": node.text, "position": node.position} for node in explanation.deciding],
        "tree": _node_to_json(explanation.tree),
    }


def _node_to_json(node: ExplainedNode) -> dict[str, object]:
    return {
        "text": node.text,
        "position": node.position,
        "outcome": node.outcome,
        "value": node.value,
        "decides": node.decides,
        "children": [_node_to_json(child) for child in node.children],
    }
