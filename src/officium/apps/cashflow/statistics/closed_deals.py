"""Closed deals in columns: a hundred thousand of them take the room of a few thousand objects."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate, chain
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from officium.apps.cashflow.statistics.deal import ClosedDeal, OpenDeal, opened

NEVER = 10**7
"""The ordinal of a day that has not come; later than all days."""
NO_TERMS = -1
Day = date | str | None
"""A day, also as it is written; `None` has not come."""


class Numbers(dict[str, int]):
    """A number for each text, in the order in which they were first asked for."""

    def __missing__(self, text: str) -> int:
        return self.setdefault(text, len(self))


class Ordinals(dict[Day, int]):
    """The numbers of days, `NEVER` for one that has not come: thousands of deals share a few hundred."""

    def __init__(self) -> None:
        super().__init__({None: NEVER})

    def __missing__(self, day: Day) -> int:
        assert day is not None
        known = date.fromisoformat(day) if isinstance(day, str) else day
        return self.setdefault(day, known.toordinal())


class Words:
    """The texts and days that many deals share, each kept once and known by its number. Only ever grows."""

    def __init__(self) -> None:
        self.days = Ordinals()
        self.stages = Numbers()
        self.pipelines = Numbers()
        self.customers = Numbers()
        self.currencies = Numbers()

    def copy(self) -> "Words":
        """The same texts with the same numbers."""
        made = Words()
        made.days = self.days
        made.stages, made.pipelines = Numbers(self.stages), Numbers(self.pipelines)
        made.customers, made.currencies = Numbers(self.customers), Numbers(self.currencies)
        return made


@dataclass(frozen=True, slots=True, eq=False)
class DealColumns:
    """Deals by column; days are ordinals, `NEVER` where they have not come.

    The stage changes of the deal in place i are those from `first_change[i]` to `first_change[i + 1]`, the
    last excluded. `amount` has decimal texts.
    """

    words: Words
    deal_id: NDArray[np.int64]
    customer: NDArray[np.int32]
    pipeline: NDArray[np.int32]
    currency: NDArray[np.int32]
    amount: NDArray[np.bytes_]
    created: NDArray[np.int32]
    invoiced: NDArray[np.int32]
    paid: NDArray[np.int32]
    lost: NDArray[np.int32]
    terms: NDArray[np.int32]
    first_change: NDArray[np.int32]
    change_day: NDArray[np.int32]
    change_stage: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.deal_id)

    def chosen(self, which: NDArray[np.bool_]) -> "DealColumns":
        """The deals where `which`, one truth for each, is true."""
        if which.all():
            return self
        changes = np.diff(self.first_change)
        kept = np.repeat(which, changes)
        first = np.concatenate(([0], np.cumsum(changes[which]))).astype(np.int32)
        by_deal = {name: getattr(self, name)[which] for name in _BY_DEAL}
        return DealColumns(self.words, **by_deal, first_change=first, **_changes_of(self, kept))


_BY_DEAL = (
    "deal_id",
    "customer",
    "pipeline",
    "currency",
    "amount",
    "created",
    "invoiced",
    "paid",
    "lost",
    "terms",
)


def _changes_of(columns: DealColumns, kept: NDArray[np.bool_]) -> dict[str, Any]:
    return {"change_day": columns.change_day[kept], "change_stage": columns.change_stage[kept]}


def joined(parts: Sequence[DealColumns]) -> DealColumns:
    """One after the other; all share the same words, of which the last part's are kept."""
    if len(parts) == 1:
        return parts[0]
    by_deal = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _BY_DEAL}
    before = accumulate((len(part.change_day) for part in parts), initial=0)
    first = [part.first_change[:-1] + start for part, start in zip(parts, before, strict=False)]
    changes = sum(len(part.change_day) for part in parts)
    return DealColumns(
        parts[-1].words,
        **by_deal,
        first_change=np.concatenate([*first, [changes]]).astype(np.int32),
        change_day=np.concatenate([part.change_day for part in parts]),
        change_stage=np.concatenate([part.change_stage for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class AllChanges:
    """The stage changes of many deals, one after the other, and how many each deal has."""

    counts: Sequence[int]
    days: Sequence[Day]
    stages: Sequence[str]


def columns_of(
    words: Words,
    *,
    ids: Sequence[int],
    customers: Iterable[str],
    pipelines: Iterable[str],
    currencies: Iterable[str],
    amounts: Sequence[str],
    created: Iterable[Day],
    invoiced: Iterable[Day],
    paid: Iterable[Day],
    lost: Iterable[Day],
    terms: Iterable[int | None],
    changes: AllChanges,
) -> DealColumns:
    """Deals as columns. `words` grows by theirs."""
    ends = np.cumsum(changes.counts, dtype=np.int32)
    return DealColumns(
        words,
        deal_id=np.array(ids, dtype=np.int64),
        customer=_numbers(words.customers, customers),
        pipeline=_numbers(words.pipelines, pipelines),
        currency=_numbers(words.currencies, currencies),
        amount=np.array(amounts, dtype=np.bytes_),
        created=ordinals(words, created),
        invoiced=ordinals(words, invoiced),
        paid=ordinals(words, paid),
        lost=ordinals(words, lost),
        terms=np.array([NO_TERMS if days is None else days for days in terms], dtype=np.int32),
        first_change=np.concatenate(([0], ends)).astype(np.int32),
        change_day=ordinals(words, changes.days),
        change_stage=_numbers(words.stages, changes.stages),
    )


def columns_of_deals(words: Words, deals: Sequence[ClosedDeal] | Sequence[OpenDeal]) -> DealColumns:
    """Deals as columns; open ones have no end. `words` grows by theirs."""
    every = list(chain.from_iterable(deal.stage_changes for deal in deals))
    return columns_of(
        words,
        ids=[deal.deal_id for deal in deals],
        customers=[deal.customer for deal in deals],
        pipelines=[deal.pipeline for deal in deals],
        currencies=[deal.currency for deal in deals],
        amounts=[str(deal.amount) for deal in deals],
        created=[deal.created_on for deal in deals],
        invoiced=[deal.invoiced_on for deal in deals],
        paid=[deal.paid_on if isinstance(deal, ClosedDeal) else None for deal in deals],
        lost=[deal.lost_on if isinstance(deal, ClosedDeal) else None for deal in deals],
        terms=[deal.terms_days for deal in deals],
        changes=AllChanges(
            counts=[len(deal.stage_changes) for deal in deals],
            days=[day for day, _ in every],
            stages=[stage for _, stage in every],
        ),
    )


def ordinals(words: Words, days: Iterable[Day]) -> NDArray[np.int32]:
    """The days as numbers; `NEVER` for those that have not come."""
    return np.fromiter(map(words.days.__getitem__, days), dtype=np.int32)


def _numbers(known: Numbers, texts: Iterable[str]) -> NDArray[np.int32]:
    return np.fromiter(map(known.__getitem__, texts), dtype=np.int32)


class ClosedDeals(Sequence[ClosedDeal]):
    """Closed deals that are objects only while somebody looks at them."""

    def __init__(self, columns: DealColumns) -> None:
        self.columns = columns
        words = columns.words
        self._stages, self._pipelines = tuple(words.stages), tuple(words.pipelines)
        self._customers, self._currencies = tuple(words.customers), tuple(words.currencies)

    @classmethod
    def of(cls, deals: Iterable[ClosedDeal]) -> "ClosedDeals":
        """These deals in columns; the same object if they are."""
        if isinstance(deals, cls):
            return deals
        return cls(columns_of_deals(Words(), tuple(deals)))

    def __len__(self) -> int:
        return len(self.columns)

    @overload
    def __getitem__(self, place: int) -> ClosedDeal: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[ClosedDeal, ...]: ...
    def __getitem__(self, place: int | slice) -> ClosedDeal | tuple[ClosedDeal, ...]:
        places = range(len(self))[place]
        return tuple(map(self._deal, places)) if isinstance(places, range) else self._deal(places)

    def __iter__(self) -> Iterator[ClosedDeal]:
        return map(self._deal, range(len(self)))

    def chosen(self, which: NDArray[np.bool_]) -> "ClosedDeals":
        """The deals where `which`, one truth for each, is true."""
        return self if which.all() else ClosedDeals(self.columns.chosen(which))

    def as_of(self, day: date) -> "tuple[ClosedDeals, tuple[OpenDeal, ...]]":
        """Those that had ended by the end of `day`, and those that were open then, as they stood."""
        number = day.toordinal()
        begun = self.columns.created <= number
        ended = np.minimum(self.columns.paid, self.columns.lost) <= number
        return self.chosen(begun & ended), tuple(opened(deal, day) for deal in self.open_on(day))

    def open_on(self, day: date) -> "ClosedDeals":
        """Those that had begun by the end of `day`, and ended after it."""
        number, columns = day.toordinal(), self.columns
        return self.chosen((columns.created <= number) & (np.minimum(columns.paid, columns.lost) > number))

    def _deal(self, place: int) -> ClosedDeal:
        columns = self.columns
        first, after = int(columns.first_change[place]), int(columns.first_change[place + 1])
        days, stages = columns.change_day[first:after].tolist(), columns.change_stage[first:after].tolist()
        terms = int(columns.terms[place])
        return ClosedDeal(
            deal_id=int(columns.deal_id[place]),
            customer=self._customers[columns.customer[place]],
            pipeline=self._pipelines[columns.pipeline[place]],
            amount=Decimal(columns.amount[place].decode("ascii")),
            currency=self._currencies[columns.currency[place]],
            created_on=date.fromordinal(int(columns.created[place])),
            stage_changes=tuple(
                (date.fromordinal(day), self._stages[stage]) for day, stage in zip(days, stages, strict=True)
            ),
            invoiced_on=day_of(int(columns.invoiced[place])),
            paid_on=day_of(int(columns.paid[place])),
            lost_on=day_of(int(columns.lost[place])),
            terms_days=None if terms == NO_TERMS else terms,
        )


def day_of(number: int) -> date | None:
    """The day of that number; `None` if it has not come."""
    return None if number == NEVER else date.fromordinal(number)
