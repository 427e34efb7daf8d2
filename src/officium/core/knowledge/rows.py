"""Sparse rows of numbers, as three arrays: the little of it that a search needs."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Row r holds `values[starts[r]:starts[r + 1]]`, in the columns `columns[starts[r]:starts[r + 1]]`."""

    starts: Ints
    columns: NDArray[np.int32]
    values: Floats

    @classmethod
    def from_pairs(cls, rows: Ints, columns: Ints, values: Floats, shape: tuple[int, int]) -> Self:
        """Return the rows that hold `values` where they say, added up where two say the same place."""
        keys = rows.astype(np.int64) * shape[1] + columns
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.concatenate((np.ones(min(1, len(keys)), bool), keys[1:] != keys[:-1])))
        total = np.add.reduceat(values[order], first) if len(first) else values[:0]
        places = keys[first]
        starts = np.searchsorted(places, np.arange(shape[0] + 1, dtype=np.int64) * shape[1])
        return cls(starts, (places % shape[1]).astype(np.int32), total.astype(np.float32))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def size_bytes(self) -> int:
        """The memory of the arrays."""
        return self.starts.nbytes + self.columns.nbytes + self.values.nbytes

    @property
    def owners(self) -> Ints:
        """The row of each value."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.starts))

    def turned(self, columns: int) -> "Rows":
        """Return the same values with rows and columns exchanged; there are `columns` columns."""
        return Rows.from_pairs(self.columns.astype(np.int64), self.owners, self.values, (columns, len(self)))

    def without_values(self) -> "Rows":
        """Return where the values stand, and forget them."""
        return Rows(self.starts, self.columns, self.values[:0].copy())

    def taken(self, rows: Ints) -> "Rows":
        """Return the rows `rows`, in that order."""
        counts = self.starts[rows + 1] - self.starts[rows]
        starts = np.concatenate(([0], np.cumsum(counts)))
        places = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], counts)
        return Rows(starts, self.columns[places], self.values[places])

    def times(self, vector: Floats) -> Floats:
        """Return the product of each row with `vector`, which has a number for each column."""
        return self.totals(vector[self.columns] * self.values)

    def totals(self, values: Floats) -> Floats:
        """Return the sum of each row, were `values` its values."""
        ends = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
        return (ends[self.starts[1:]] - ends[self.starts[:-1]]).astype(np.float32)

    def scaled(self, factors: Floats) -> "Rows":
        """Return the rows, each multiplied by its factor."""
        return Rows(self.starts, self.columns, self.values * np.repeat(factors, np.diff(self.starts)))
