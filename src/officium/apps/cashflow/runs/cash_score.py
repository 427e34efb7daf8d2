"""A forecast of cash that was kept, held against what has come in since."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from officium.apps.cashflow.forecast_table import ForecastPeriod, ForecastTable
from officium.apps.cashflow.spelling import Record
from officium.apps.cashflow.statistics import ClosedDeal, OpenDeal


class ScoredPeriod(Record):
    """A period that is over: what was forecast for it, and what came."""

    period: str
    start_date: date
    end_date: date
    expected: Decimal
    p10: Decimal | None
    p90: Decimal | None
    actual: Decimal


class CashScore(Record):
    """How good one table of a forecast has proved to be in one currency, over its periods that have ended.

    `wape` is the sum of the absolute errors of all periods over what came in; null where nothing came.
    """

    basis: str
    currency: str
    periods: int
    expected: Decimal
    actual: Decimal
    wape: float | None
    coverage: float | None
    lines: tuple[ScoredPeriod, ...] = ()


class Came(NamedTuple):
    """An amount that came in, or was invoiced, on a day."""

    day: date
    currency: str
    amount: Decimal


def invoices_of(deals: Iterable[ClosedDeal | OpenDeal]) -> list[Came]:
    """What was invoiced."""
    return [Came(deal.invoiced_on, deal.currency, deal.amount) for deal in deals if deal.invoiced_on]


def payments_of(deals: Iterable[ClosedDeal]) -> list[Came]:
    """What was paid."""
    return [Came(deal.paid_on, deal.currency, deal.amount) for deal in deals if deal.paid_on]


def score_cash(table: ForecastTable, came: Iterable[Came], made_on: date, today: date) -> list[CashScore]:
    """Score the periods that ended before `today`; what came by the day of the forecast was no forecast."""
    amounts = [one for one in came if made_on < one.day < today]
    scores = []
    for currency in dict.fromkeys(line.currency for line in table.periods):
        over = [line for line in table.periods if line.currency == currency and line.end_date < today]
        if not over:
            continue
        theirs = [one for one in amounts if one.currency == currency]
        actuals = [_sum(theirs, line) for line in over]
        errors = [abs(line.expected_value - actual) for line, actual in zip(over, actuals, strict=True)]
        whole = sum(actuals, Decimal(0))
        covered = [
            line.p10 <= actual <= line.p90
            for line, actual in zip(over, actuals, strict=True)
            if line.p10 is not None and line.p90 is not None
        ]
        scores.append(
            CashScore(
                basis=table.basis,
                currency=currency,
                periods=len(over),
                expected=sum((line.expected_value for line in over), Decimal(0)),
                actual=whole,
                wape=round(float(sum(errors, Decimal(0)) / whole), 4) if whole else None,
                coverage=round(sum(covered) / len(covered), 4) if covered else None,
                lines=tuple(map(_scored, over, actuals)),
            )
        )
    return scores


def _sum(came: Sequence[Came], line: ForecastPeriod) -> Decimal:
    return sum((one.amount for one in came if line.start_date <= one.day <= line.end_date), Decimal(0))


def _scored(line: ForecastPeriod, actual: Decimal) -> ScoredPeriod:
    return ScoredPeriod(
        period=line.period,
        start_date=line.start_date,
        end_date=line.end_date,
        expected=line.expected_value,
        p10=line.p10,
        p90=line.p90,
        actual=actual,
    )
