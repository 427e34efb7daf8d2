"""What is believed before any deal has closed: the documented constants, worth a few observations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from officium.apps.cashflow.statistics.days import LONGEST_DAYS, FloatArray

STAGE_DAYS: Mapping[str, int] = MappingProxyType(
    {"Order Received": 10, "Under Progress": 22, "Awaiting GR": 5, "Production/Supplying": 45}
)


@dataclass(frozen=True, slots=True)
class Prior:
    """The documented constants, and how many of the tenant's own observations they are worth.

    A stage's constant counts from today, however long the deal has been there; a stage without one takes
    `other_stage_days`. After more than `stuck_after_days` in a stage `stuck_extra_days` more are expected.
    Payment comes `payment_days` after the invoice, unless other terms were agreed. Around each constant the
    days are spread symmetrically, from tomorrow to twice as far, most likely at the constant, so that median
    and mean are the constant exactly.
    """

    stage_days: Mapping[str, int] = field(default_factory=lambda: STAGE_DAYS)
    other_stage_days: int = 22
    payment_days: int = 37
    stuck_after_days: int = 60
    stuck_extra_days: int = 14
    stage_observations: float = 4.0
    payment_observations: float = 4.0
    _folded: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_folded", {_fold(stage): days for stage, days in self.stage_days.items()})

    def days_to_invoice(self, stage: str, days_in_stage: int) -> int:
        """How many days from today the invoice is expected, at least one."""
        cycle = self._folded.get(_fold(stage), self.other_stage_days)
        extra = self.stuck_extra_days if days_in_stage > self.stuck_after_days else 0
        return max(cycle + extra, 1)


def _fold(stage: str) -> str:
    """A stage's name without case and with single spaces."""
    return " ".join(stage.casefold().split())


def spread_around(days: int, earliest: int) -> FloatArray:
    """Probabilities of the days 0, 1, ... : a symmetric triangle around `days` from `earliest` on."""
    reach = min(max(days - earliest, 0), LONGEST_DAYS - days)
    mass = np.zeros(LONGEST_DAYS + 1)
    side = np.arange(reach + 1, 0, -1, dtype=np.float64)
    mass[days : days + reach + 1] = side
    mass[days - reach : days + 1] = side[::-1]
    return np.asarray(mass / mass.sum())
