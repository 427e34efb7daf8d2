"""The results of one step of arithmetic on what a sentence speaks of, where it hints at such a step."""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

from msgspec import Struct

from officium.core.grounding.book import Kind
from officium.core.grounding.fact import How
from officium.core.grounding.figure import Figure
from officium.core.grounding.scope import Scope
from officium.core.grounding.words import KPIS, Nature

Step = tuple[str, float]


class Operand(Struct, frozen=True):
    """Something to reckon with: a fact the sentence speaks of, or another figure in it."""

    name: str
    value: float
    nature: Nature
    kind: Kind | None = None
    order: int | None = None
    things: tuple[int, ...] = ()
    is_figure: bool = False
    how: How | None = None
    is_near: bool = False
    is_named: bool = False
    unit: str | None = None

    @property
    def labels(self) -> frozenset[str]:
        """The labels of its own name."""
        return self.kind.labels if self.kind else frozenset()


_FACTORS: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("annual", (12, 52, 4)),
    ("quarterly", (3, 0.25)),
    ("monthly", (1 / 12,)),
    ("weekly", (1 / 4, 1 / 52)),
    ("daily", (1 / 30, 1 / 7)),
    ("half", (0.5,)),
    ("double", (2,)),
)


def steps(operands: Sequence[Operand], figure: Figure, scope: Scope) -> Iterator[Step]:
    """The results with their formulas, for a figure of its kind."""
    if figure.kind == "percent":
        yield from _percentages(operands, scope)
    else:
        yield from _amounts(operands, figure, scope)


def _percentages(operands: Sequence[Operand], scope: Scope) -> Iterator[Step]:
    is_change = scope.direction != 0
    for one, other in permutations(operands, 2):
        if not _are_alike(one, other):
            continue
        if (is_change or "difference" in scope.all_cues) and other.value and _are_two_of_a_kind(one, other):
            yield from _change(one, other, scope)
        if one.nature == "percent" and other.nature == "percent":
            yield f"{one.name} - {other.name}", one.value - other.value
        if other.value and one.nature != "percent" and _is_share(one, other, scope):
            yield f"{one.name} / {other.name} x 100", one.value / other.value * 100
            if "difference" in scope.all_cues or _is_kpi(one, other, scope):
                yield f"100 - {one.name} / {other.name} x 100", 100 - one.value / other.value * 100
    for one in operands:
        if one.nature == "percent" and not is_change:
            yield f"100 - {one.name}", 100 - one.value


def _change(one: Operand, other: Operand, scope: Scope) -> Iterator[Step]:
    """Growth from `other` to `one`, in the direction that the text gives it where their order is known."""
    change = (one.value - other.value) / other.value * 100
    if _is_earlier(one, other) or (_is_earlier(other, one) and change * scope.direction < 0):
        return
    yield f"({one.name} - {other.name}) / {other.name} x 100", change


def _is_share(one: Operand, other: Operand, scope: Scope) -> bool:
    if scope.direction and not (one.is_figure and other.is_figure):
        return _is_kpi(one, other, scope) and not _are_two_of_a_kind(one, other)
    if one.is_figure and other.is_figure:
        return True
    if _is_kpi(one, other, scope):
        return True
    if other.how == "sum" and other.labels == one.labels and one.how != "sum":
        return True
    if "share" not in scope.all_cues and "per" not in scope.all_cues:
        return False
    return one.is_figure or other.is_figure or one.is_near or other.is_near


def _is_kpi(one: Operand, other: Operand, scope: Scope) -> bool:
    return any(
        words <= scope.all_words and one.labels & numerators and other.labels & denominators
        for words, numerators, denominators in KPIS
    )


def _amounts(operands: Sequence[Operand], figure: Figure, scope: Scope) -> Iterator[Step]:
    cues = scope.all_cues
    for one, other in permutations(operands, 2):
        alike = _are_alike(one, other)
        if alike and cues & {"up", "down", "difference"} and _may_subtract(one, other):
            yield from _difference(one, other, scope)
        if other.value and _divides(one, other, figure) and _may_divide(one, other, scope):
            yield f"{one.name} / {other.name}", one.value / other.value
        if other.nature == "percent" and not (one.how or other.how) and one.nature != "percent":
            yield f"{one.name} x {other.name}", one.value * _as_share(other.value)
    for one, other in combinations(operands, 2):
        if "total" in cues and _are_alike(one, other) and _may_add(one, other):
            yield f"{one.name} + {other.name}", one.value + other.value
        if cues & {"product", "total"} and _may_multiply(one, other):
            yield f"{one.name} x {other.name}", one.value * other.value
    yield from _sums(operands, scope)
    yield from _scaled(operands, scope)


def _difference(one: Operand, other: Operand, scope: Scope) -> Iterator[Step]:
    difference = one.value - other.value
    is_later = _is_earlier(other, one)
    if (
        _is_earlier(one, other)
        or (is_later and difference * scope.direction < 0)
        or (not is_later and difference < 0)
    ):
        return
    yield f"{one.name} - {other.name}", difference


def _may_subtract(one: Operand, other: Operand) -> bool:
    if "mean" in (one.how, other.how) or (one.how == "sum") != (other.how == "sum"):
        return False
    if one.is_figure or other.is_figure:
        return True
    return one.is_near or other.is_near or _are_two_of_a_kind(one, other)


def _may_add(one: Operand, other: Operand) -> bool:
    if one.how or other.how:
        return False
    return (one.is_named and other.is_named) or _are_two_of_a_kind(one, other)


def _may_multiply(one: Operand, other: Operand) -> bool:
    if one.how in ("sum", "mean") or other.how in ("sum", "mean") or 1 in (one.value, other.value):
        return False
    if "percent" in (one.nature, other.nature) or (one.order is not None and one.things == other.things):
        return False
    return bool({one.nature, other.nature} & {"count", "any", "duration"})


def _may_divide(one: Operand, other: Operand, scope: Scope) -> bool:
    if _is_kpi(one, other, scope):
        return True
    if other.value == 1 or one.how == "sum" or (one.order is not None and one.labels == other.labels):
        return False
    return "per" in scope.all_cues


def _divides(one: Operand, other: Operand, figure: Figure) -> bool:
    """Whether dividing such amounts gives what the figure is: money by a count is money."""
    if figure.kind == "money":
        return one.nature in ("money", "any") and other.nature in ("count", "any", "duration")
    return "percent" not in (one.nature, other.nature)


def _sums(operands: Sequence[Operand], scope: Scope) -> Iterator[Step]:
    """Three and more amounts of a kind together, and figures in a sentence one after the other."""
    if "total" not in scope.all_cues:
        return
    groups: dict[object, list[Operand]] = {}
    for one in operands:
        if one.how is None:
            groups.setdefault(one.kind, []).append(one)
            if one.is_figure:
                groups.setdefault(("figures", one.nature), []).append(one)
    for group in groups.values():
        if len(group) > 2:
            yield " + ".join(one.name for one in group), sum(one.value for one in group)


def _scaled(operands: Sequence[Operand], scope: Scope) -> Iterator[Step]:
    for cue, factors in _FACTORS:
        if cue in scope.all_cues:
            for one in operands:
                for factor in factors:
                    yield f"{one.name} x {factor:.4g}", one.value * factor


def _as_share(value: float) -> float:
    return value if abs(value) <= 1 else value / 100


def _are_alike(one: Operand, other: Operand) -> bool:
    if one.unit and other.unit and one.unit != other.unit:
        return False
    return "any" in (one.nature, other.nature) or one.nature == other.nature


def _is_earlier(one: Operand, other: Operand) -> bool:
    return one.order is not None and other.order is not None and one.order < other.order


def _are_two_of_a_kind(one: Operand, other: Operand) -> bool:
    """Whether they are the same figure of two things, or simply two figures of the sentence."""
    if one.is_figure and other.is_figure:
        return True
    if one.kind is None or other.kind is None:
        return False
    return one.labels == other.labels and one.name != other.name and one.how == other.how
