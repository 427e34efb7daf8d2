"""Flow-Bench: instructions with the workflow they mean, brought into the form of our rules.

Its programs are a few lines of Python: calls, `if`, `for`. A run of calls under one condition becomes a rule;
an `else` is a rule with the opposite condition. Rules have no loops: what is done for every item stands there
once, with the conditions on the item.
"""

import ast
import json
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from tests.support.shared import SHARED

FOLDER = SHARED / "rules"
TRIGGER = "ON_WORKFLOW_START"
_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_NOTHING = {"None", "Null", "null"}
_TRUTHS = {"true": "true", "false": "false"}


class Sample(Struct, frozen=True):
    """An instruction, the workflow it means, and the one it changes if it is about one."""

    uid: int
    utterance: str
    expected: dict[str, Any]
    prior: dict[str, Any] | None


UNSOUND = frozenset({90})
"""Samples that use an action which the benchmark's own catalogue does not have."""


def sound_samples() -> list[Sample]:
    """The samples that keep to their catalogue."""
    return [sample for sample in read_samples() if sample.uid not in UNSOUND]


def read_samples() -> list[Sample]:
    """All samples."""
    rows = [json.loads(line) for line in (FOLDER / "flowbench.jsonl").read_text("utf-8").splitlines()]
    return [
        Sample(
            row["uid"],
            row["utterance"],
            as_workflow(row["expected"][0], row["uid"]),
            as_workflow(row["prior_sequence"][0], row["uid"]) if row["prior_sequence"] else None,
        )
        for row in rows
    ]


def read_catalogue(samples: Sequence[Sample]) -> dict[str, Any]:
    """Every action of the benchmark, a step for people, and the paths that its conditions read."""
    actions = json.loads((FOLDER / "flowbench_catalog.json").read_text("utf-8"))
    paths = sorted({path for sample in samples for path in _paths(sample)})
    by_hand = {"name": "user_task", "description": "A step for a person.", "params": {"task": "string"}}
    return {
        "triggers": [{"name": TRIGGER}],
        "condition_types": [{"path": path} for path in paths],
        "action_types": [
            *({"name": each["id"], "description": each["description"], "params": {}} for each in actions),
            by_hand,
        ],
    }


def as_workflow(program: str, uid: int) -> dict[str, Any]:
    """A program as a workflow."""
    lines = program.expandtabs().splitlines()
    tree = ast.parse("\n".join(line.rstrip() for line in lines))
    rules: list[dict[str, Any]] = []
    for conditions, calls in _groups(tree.body, ()):
        condition = " AND ".join(f"({each})" for each in conditions) or "true"
        rules.append({"name": f"step-{len(rules) + 1}", "condition": condition, "then": calls})
    return {"workflow_name": f"flow-{uid}", "trigger": TRIGGER, "rules": rules}


def _groups(
    body: Sequence[ast.stmt], conditions: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], list[dict[str, Any]]]]:
    calls: list[dict[str, Any]] = []
    for statement in body:
        if isinstance(statement, ast.Assign | ast.Expr) and isinstance(statement.value, ast.Call):
            calls.append(_call(statement.value))
            continue
        if calls:
            yield conditions, calls
            calls = []
        if isinstance(statement, ast.For):
            yield from _groups(statement.body, conditions)
        elif isinstance(statement, ast.If):
            test = _condition(statement.test)
            yield from _groups(statement.body, (*conditions, test))
            yield from _groups(statement.orelse, (*conditions, f"NOT ({test})"))
    if calls:
        yield conditions, calls


def _call(call: ast.Call) -> dict[str, Any]:
    assert isinstance(call.func, ast.Name)
    params = {"task": call.args[0].value} if call.args and isinstance(call.args[0], ast.Constant) else {}
    return {"action": call.func.id, "params": params}


def _condition(node: ast.expr) -> str:
    if isinstance(node, ast.UnaryOp):
        return f"NOT ({_condition(node.operand)})"
    if isinstance(node, ast.BoolOp):
        joint = " AND " if isinstance(node.op, ast.And) else " OR "
        return joint.join(f"({_condition(value)})" for value in node.values)
    if not isinstance(node, ast.Compare):
        return _value(node)
    left, operator, right = node.left, node.ops[0], node.comparators[0]
    if isinstance(operator, ast.In):
        return f"{_value(right)} CONTAINS {_value(left)}"
    if _value(right) == "null":
        return f"{_value(left)} IS {'NOT ' if isinstance(operator, ast.NotEq) else ''}NULL"
    return f"{_value(left)} {_OPERATORS[type(operator)]} {_value(right)}"


def _value(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return "null" if node.value is None else json.dumps(node.value)
    if isinstance(node, ast.Name):
        return "null" if node.id in _NOTHING else _TRUTHS.get(node.id, f"${node.id}")
    return f"${ast.unparse(node)}"


def _paths(sample: Sample) -> Iterator[str]:
    for workflow in (sample.expected, sample.prior):
        for rule in workflow["rules"] if workflow else ():
            for word in rule["condition"].split():
                if "$" in word:
                    yield word[word.index("$") + 1 :].rstrip(")")
