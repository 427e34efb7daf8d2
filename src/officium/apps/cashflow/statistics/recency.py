"""How fast the past fades: recent payments count for more, but only where that would have forecast better."""

from dataclasses import replace

import numpy as np

from officium.apps.cashflow.statistics.days import FloatArray, IntArray
from officium.apps.cashflow.statistics.levels import Levels, Observed, levels_of
from officium.apps.cashflow.statistics.survival import HAPPENED, OPEN

_HALF_LIVES_DAYS = (360.0, 120.0, 45.0)
_TRIALS = ((0.50, 0.35), (0.35, 0.20), (0.20, 0.08), (0.08, 0.0))
"""The invoices on which fading is tried: the shares of all between which they are, by age."""
_ENOUGH_BEFORE, _ENOUGH_TRIED = 60, 30
_BETTER = 0.97
"""Fading has to bring the error down to this share; less might be chance."""
_MOST = 8_000
_NEARLY_ALL = 0.9
"""Where fewer of the old invoices were ever paid, errors in days say little about who is right."""


def recency_weights(seen: Observed, age_days: IntArray, expected_days: float) -> FloatArray:
    """The weight of each invoice by its age: all one, unless halving it every so many days did better.

    Each half-life is tried as of four past days, on invoices issued after them, with what was known then.
    """
    even = np.ones(len(age_days))
    if np.count_nonzero(seen.outcome >= HAPPENED) < _ENOUGH_BEFORE + _ENOUGH_TRIED:
        return even
    old = age_days >= np.median(age_days)
    if np.mean(seen.outcome[old] == HAPPENED) < _NEARLY_ALL:
        return even
    newest_first = np.argsort(age_days, kind="stable")[: 2 * _MOST]
    errors = np.zeros(1 + len(_HALF_LIVES_DAYS))
    for older, newer in _TRIALS:
        cut, end = np.quantile(age_days[newest_first], (older, newer))
        ages = age_days[newest_first]
        before = newest_first[ages > cut][:_MOST]
        tried = newest_first[(ages <= cut) & (ages > end)]
        if len(before) < _ENOUGH_BEFORE or len(tried) < _ENOUGH_TRIED:
            return even
        age_then = age_days[before] - int(cut)
        known = _as_known(seen, before, age_then)
        for place, half_life in enumerate((np.inf, *_HALF_LIVES_DAYS)):
            levels = levels_of(replace(known, weight=0.5 ** (age_then / half_life)), expected_days)
            errors[place] += _error(seen, tried, levels) * len(tried)
    errors[0] *= _BETTER
    best = int(np.argmin(errors))
    return np.asarray(0.5 ** (age_days / _HALF_LIVES_DAYS[best - 1])) if best else even


def _as_known(seen: Observed, chosen: IntArray, age_then: IntArray) -> Observed:
    """These invoices as they stood when they had that age."""
    days = seen.days[chosen]
    return replace(
        seen,
        customer=seen.customer[chosen],
        pipeline=seen.pipeline[chosen],
        days=np.minimum(days, age_then),
        outcome=np.where(days <= age_then, seen.outcome[chosen], OPEN),
        weight=np.ones(len(chosen)),
    )


def _error(seen: Observed, tried: IntArray, levels: Levels) -> float:
    """The mean absolute error of the levels for the invoices tried; unpaid ones err as they are late."""
    expected = levels.usual_days + levels.by_customer[seen.customer[tried]]
    late = seen.days[tried] - expected - levels.by_pipeline[seen.pipeline[tried]]
    return float(np.mean(np.where(seen.outcome[tried] == HAPPENED, np.abs(late), np.maximum(late, 0.0))))
