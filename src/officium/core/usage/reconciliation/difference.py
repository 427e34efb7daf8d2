"""Where a counter and the lines it sums up do not agree."""

from typing import Literal

from msgspec import Struct, field

from officium.core.usage.ledger.books import UNITS, read_counters
from officium.core.usage.ledger.budget import Unit
from officium.core.usage.ledger.operation import CounterKey

Column = Literal["used", "held"]


class Difference(Struct, frozen=True, kw_only=True):
    """`counter` stands in a column of a counter, `lines` is the sum of its entries or of its open holds.

    `counter` is `None` where entries name a counter that is not there.
    """

    budget_id: str
    period_start: str
    unit: Unit
    column: Column
    counter: int | None
    lines: int

    @property
    def delta(self) -> int:
        """What must be added to the counter."""
        return self.lines - (self.counter or 0)


class Counted(Struct, frozen=True):
    """A counter as it stands in its table; the unit is unknown where its budget is gone."""

    used: int
    held: int
    unit: Unit | None


class Books(Struct):
    """All of a tenant's counters, and the sums of the lines that name them, at one moment."""

    counters: dict[CounterKey, Counted] = field(default_factory=dict)
    budgets: set[str] = field(default_factory=set)
    lines: dict[Column, dict[CounterKey, int]] = field(default_factory=lambda: {"used": {}, "held": {}})
    units: dict[CounterKey, Unit] = field(default_factory=dict)

    def add_lines(self, column: Column, counters: str, amounts: tuple[int, int, int]) -> None:
        """Take in the sum of all lines that name the same `counters`, in tokens, requests and money."""
        sums = self.lines[column]
        for budget_id, period_start, unit in read_counters(counters):
            key = budget_id, period_start
            sums[key] = sums.get(key, 0) + amounts[UNITS[unit]]
            self.units[key] = unit

    def differences(self) -> list[Difference]:
        """What does not agree, by budget and period.

        Lines that name a budget which is no more, and no counter, are history: nothing must agree with them.
        """
        found = []
        for key in sorted(self.counters.keys() | self.units.keys()):
            counted = self.counters.get(key)
            if counted is None and key[0] not in self.budgets:
                continue
            for column in ("used", "held"):
                counter = None if counted is None else getattr(counted, column)
                lines = self.lines[column].get(key, 0)
                if lines != (counter or 0):
                    found.append(self._difference(key, column, counter, lines))
        return found

    def _difference(self, key: CounterKey, column: Column, counter: int | None, lines: int) -> Difference:
        counted = self.counters.get(key)
        unit = self.units.get(key) or (counted.unit if counted is not None else None) or "tokens"
        return Difference(
            budget_id=key[0],
            period_start=key[1],
            unit=unit,
            column=column,
            counter=counter,
            lines=lines,
        )
