"""Three-valued logic: true, false and MISSING, and a Fault where something does not fit.

What one side decides alone is decided: `unknown OR true` is true and `unknown AND false` is false, and a
fault is treated alike, whatever the order. Where nothing decides, a fault is told before a missing value, and
the first in the text before the others.
"""

from collections.abc import Iterable

from officium.apps.rules.conditions.values import MISSING, Fault, ordered


def opposite(truth: object) -> object:
    """NOT."""
    if truth is True:
        return False
    if truth is False:
        return True
    return truth


def joined(truths: Iterable[object], decisive: bool) -> object:
    """AND (`decisive` is False) or OR (`decisive` is True) of values that are True, False, MISSING or a
    Fault."""
    verdict: object = not decisive
    for truth in truths:
        if truth is decisive:
            return decisive
        if truth is MISSING:
            if not isinstance(verdict, Fault):
                verdict = MISSING
        elif isinstance(truth, Fault) and not isinstance(verdict, Fault):
            verdict = truth
    return verdict


def between(value: object, low: object, high: object, position: int) -> object:
    """BETWEEN: `value >= low AND value <= high`."""
    if isinstance(value, Fault):
        return value
    bounds = ((">=", low), ("<=", high))
    return joined(
        (
            bound if isinstance(bound, Fault) else ordered(operator, value, bound, position)
            for operator, bound in bounds
        ),
        decisive=False,
    )
