"""Which part of Jinja's language a prompt may use, and how each costly part is made to ask first.

What is allowed is listed; everything else is refused before it is compiled. The parts that the sandbox
cannot see at work (comparing, joining with `~`, slicing, looping) are rewritten into filters of ours.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from math import isfinite
from typing import Any, cast

from jinja2 import Environment, TemplateSyntaxError, meta, nodes
from jinja2.visitor import NodeTransformer

from officium.core.prompts.errors import InvalidPrompt
from officium.core.prompts.prompt import LARGEST_INTEGER, LARGEST_TEXT_BYTES, MOST_LINES, RESERVED

MOST_NODES = 4000
DEEPEST = 40
DEEPEST_LOOP = 5
COMPARE, CONCAT, COUNTED, SLICE = "-compare", "-concat", "-counted", "-slice"
"""Names of filters that no template can write."""

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.For,
    nodes.If,
    nodes.Assign,
    nodes.With,
    nodes.Name,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Dict,
    nodes.Pair,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Keyword,
    nodes.Test,
    nodes.Call,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Compare,
    nodes.Operand,
    nodes.Concat,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Pos,
)
_CALLABLE = "range"
_LOOP = "loop"


def parse(env: Environment, text: str, variables: frozenset[str]) -> nodes.Template:
    """The template as a tree that can be compiled. Raises InvalidPrompt with the line."""
    _check_size(text)
    try:
        tree = env.parse(text)
    except TemplateSyntaxError as error:
        raise _refusal(error.lineno, error.message or "This is no template.") from error
    except (RecursionError, ValueError, OverflowError, MemoryError) as error:
        raise _refusal(1, "The template is nested too deeply, or has a number that is too large.") from error
    for node, depth, loops in _walk(tree):
        if depth > DEEPEST or loops > DEEPEST_LOOP:
            raise _refusal(node.lineno, "The template is nested too deeply.")
        _check(env, node)
    unknown = meta.find_undeclared_variables(tree) - variables - {_CALLABLE}
    if unknown:
        raise _unknown(tree, text, unknown, variables)
    rewritten = _Rewriter(env).visit(tree)
    assert isinstance(rewritten, nodes.Template)
    return rewritten


def _check_size(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _refusal(1, "The text contains half of a character.") from None
    if size > LARGEST_TEXT_BYTES:
        raise _refusal(1, f"A text of a prompt has at most {LARGEST_TEXT_BYTES // 1024} KB.")
    if text.count("\n") >= MOST_LINES:
        raise _refusal(1, f"A text of a prompt has at most {MOST_LINES} lines.")
    if "\0" in text:
        raise _refusal(1, "The text contains the character NUL.")


def _refusal(line: int, problem: str) -> InvalidPrompt:
    return InvalidPrompt(f"Line {line}: {problem}", line=line)


def _unknown(tree: nodes.Template, text: str, unknown: set[str], variables: frozenset[str]) -> InvalidPrompt:
    """Names what is not declared, and says where the first of it stands."""
    first = min((node for node in tree.find_all(nodes.Name) if node.name in unknown), key=_line_of)
    line = text.splitlines()[first.lineno - 1] if first.lineno <= len(text.splitlines()) else ""
    found = re.search(rf"(?<![\w.'\"]){re.escape(first.name)}\b", line)
    column = found.start() + 1 if found else 1
    names = [first.name, *sorted(unknown - {first.name})]
    near = get_close_matches(first.name, sorted(variables), 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return InvalidPrompt(
        f"Line {first.lineno}, column {column}: The template uses {', '.join(names[:10])}, which `variables` "
        f"does not declare.{meant}",
        line=first.lineno,
        column=column,
        variables=names,
    )


def _line_of(node: nodes.Node) -> int:
    return node.lineno


def _walk(tree: nodes.Template) -> Iterator[tuple[nodes.Node, int, int]]:
    """Every node with its depth and the number of loops around it; no recursion: trees may be deep."""
    stack: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    count = 0
    while stack:
        node, depth, loops = stack.pop()
        count += 1
        if count > MOST_NODES:
            raise _refusal(node.lineno, f"The template has more than {MOST_NODES} parts.")
        yield node, depth, loops
        loops += isinstance(node, nodes.For)
        stack.extend((child, depth + 1, loops) for child in node.iter_child_nodes())


def _check(env: Environment, node: nodes.Node) -> None:
    if not isinstance(node, _ALLOWED):
        raise _refusal(node.lineno, f"{type(node).__name__} is not available in prompts.")
    if isinstance(node, nodes.Name):
        _check_name(node)
    elif isinstance(node, nodes.Const):
        _check_constant(node)
    elif isinstance(node, nodes.For) and node.recursive:
        raise _refusal(node.lineno, "Recursive loops are not available in prompts.")
    elif isinstance(node, nodes.Filter | nodes.Test | nodes.Call):
        _check_call(env, node)
    elif isinstance(node, nodes.Pair) and not (
        isinstance(node.key, nodes.Const) and isinstance(node.key.value, str)
    ):
        raise _refusal(node.lineno, "The keys of an object are texts that stand there as they are.")


def _check_name(node: nodes.Name) -> None:
    is_free = node.name not in RESERVED or (node.ctx == "load" and node.name in (_CALLABLE, _LOOP))
    if not is_free or node.name.startswith("_"):
        raise _refusal(node.lineno, f"The name {node.name[:64]!r} is not available in prompts.")


def _check_constant(node: nodes.Const) -> None:
    value = node.value
    is_too_large = isinstance(value, int) and abs(value) > LARGEST_INTEGER
    if is_too_large or (isinstance(value, float) and not isfinite(value)):
        raise _refusal(node.lineno, "A number is too large.")


def _check_call(env: Environment, node: nodes.Filter | nodes.Test | nodes.Call) -> None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise _refusal(node.lineno, "Arguments with * are not available in prompts.")
    if isinstance(node, nodes.Call):
        if not isinstance(node.node, nodes.Name) or node.node.name != _CALLABLE:
            raise _refusal(
                node.lineno, "Only range() can be called in prompts. Use filters, such as name|upper."
            )
    elif isinstance(node, nodes.Filter):
        if node.node is None or node.name not in env.filters or node.name.startswith("-"):
            raise _refusal(node.lineno, f"There is no filter {node.name[:64]!r} in prompts.")
    elif node.name not in env.tests:
        raise _refusal(node.lineno, f"There is no test {node.name[:64]!r} in prompts.")


class _Rewriter(NodeTransformer):
    """Puts our filters where the sandbox could not look."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        """The node that stands in the place of `node`, with all within it rewritten."""
        weight = _weight(node) if isinstance(node, nodes.For) else 0
        self.generic_visit(node)
        match node:
            case nodes.For():
                node.iter = self._filter(COUNTED, node.iter, nodes.Const(weight))
            case nodes.Compare():
                parts = [part for operand in node.ops for part in (nodes.Const(operand.op), operand.expr)]
                return self._filter(COMPARE, node.expr, *parts)
            case nodes.Concat():
                first, *rest = node.nodes
                return self._filter(CONCAT, first, *rest)
            case nodes.Getitem(arg=nodes.Slice() as bounds):
                parts = [part or nodes.Const(None) for part in (bounds.start, bounds.stop, bounds.step)]
                return self._filter(SLICE, node.node, *parts)
            case nodes.Tuple(ctx="load"):
                return self._placed(nodes.List(node.items), node.lineno)
        return node

    def _filter(self, name: str, value: nodes.Node, *args: nodes.Expr) -> nodes.Expr:
        return self._placed(
            nodes.Filter(cast("nodes.Expr", value), name, list(args), [], None, None), value.lineno
        )

    def _placed(self, node: nodes.Expr, line: int) -> nodes.Expr:
        node.set_lineno(line)
        node.set_environment(self._env)
        return node


def _weight(loop: nodes.For) -> int:
    """How many steps one turn of a loop takes at most, without the turns of the loops in it."""
    return 1 + sum(_count(part) for part in (*loop.body, loop.test) if part is not None)


def _count(node: nodes.Node) -> int:
    return 1 + sum(_count(child) for child in node.iter_child_nodes())
