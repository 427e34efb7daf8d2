"""The condition language: `$metrics.cpu > 80 AND $status == running`, read, checked and answered without
I/O."""

from officium.apps.rules.conditions.cel import to_cel
from officium.apps.rules.conditions.checker import ConditionProblem, check_condition
from officium.apps.rules.conditions.compiler import CompiledCondition, compile_condition
from officium.apps.rules.conditions.condition import MAX_DEPTH, MAX_LENGTH, Condition, paths_in
from officium.apps.rules.conditions.errors import (
    ConditionNotExpressible,
    ConditionSyntaxError,
    InvalidConditionTree,
)
from officium.apps.rules.conditions.explanation import (
    ExplainedNode,
    Explanation,
    explain_condition,
    explanation_to_json,
)
from officium.apps.rules.conditions.formatter import format_condition
from officium.apps.rules.conditions.json_tree import condition_from_json, condition_to_json
from officium.apps.rules.conditions.jsonlogic import to_jsonlogic
from officium.apps.rules.conditions.parser import parse_condition
from officium.apps.rules.conditions.types import PathType
from officium.apps.rules.conditions.values import Fault
from officium.apps.rules.conditions.verdict import Verdict
from officium.apps.rules.conditions.words import describe_condition

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "CompiledCondition",
    "Condition",
    "ConditionNotExpressible",
    "ConditionProblem",
    "ConditionSyntaxError",
    "ExplainedNode",
    "Explanation",
    "Fault",
    "InvalidConditionTree",
    "PathType",
    "Verdict",
    "check_condition",
    "compile_condition",
    "condition_from_json",
    "condition_to_json",
    "describe_condition",
    "explain_condition",
    "explanation_to_json",
    "format_condition",
    "parse_condition",
    "paths_in",
    "to_cel",
    "to_jsonlogic",
]
