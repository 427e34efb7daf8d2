"""Predictions added up by week or month: one line for each period and currency, never across currencies."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from pydantic import Field

from officium.apps.cashflow.period import OVERDUE, Period, later, period_of, periods_between
from officium.apps.cashflow.prediction import (
    LONGEST_HORIZON_DAYS,
    Basis,
    CashflowBucket,
    Currency,
    Day,
    DealPrediction,
    Granularity,
)
from officium.apps.cashflow.spelling import Order, Record


class ForecastOptions(Order):
    """How to add predictions up: by which of their dates, in which periods, from which day on."""

    granularity: Granularity = "week"
    basis: Basis = "invoice"
    horizon_days: int = Field(default=90, ge=1, le=LONGEST_HORIZON_DAYS)
    today: Day | None = Field(default=None, description="The first day; the clock's if left out.")


class ForecastPeriod(Record):
    """What a week or month brings in one currency.

    The quantiles are of its total, where they are known; then `deal_count` counts all deals that are spread
    over the periods, and `expected_value` is their value times its probability.
    """

    period: str
    start_date: date
    end_date: date
    currency: Currency
    deal_count: int
    expected_value: Decimal
    p10: Decimal | None = None
    p50: Decimal | None = None
    p90: Decimal | None = None


class ForecastTotals(Record):
    """A currency's sums over the whole horizon, and what lies outside of it."""

    currency: Currency
    deal_count: int = 0
    expected_value: Decimal = Decimal(0)
    overdue_count: int = 0
    overdue_value: Decimal = Decimal(0)
    beyond_count: int = 0
    beyond_value: Decimal = Decimal(0)
    p10: Decimal | None = None
    p50: Decimal | None = None
    p90: Decimal | None = None


class ForecastTable(Record):
    """A line for each period and currency, empty periods included, and the totals of each currency."""

    granularity: Granularity
    basis: Basis
    today: date
    horizon_days: int
    periods: tuple[ForecastPeriod, ...]
    totals: tuple[ForecastTotals, ...]


def generate_forecast_table(
    predictions: Sequence[DealPrediction], options: ForecastOptions, today: date
) -> ForecastTable:
    """Add up whole deals by their invoice or payment date from `today` on.

    What is overdue, and what comes behind the horizon, stands in the totals.
    """
    last = later(today, options.horizon_days)
    sums: dict[tuple[str, str], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    totals: dict[str, dict[str, int | Decimal]] = {}
    for prediction in predictions:
        day = _day(prediction, options.basis)
        if day is None:
            continue
        place = _place(prediction, day, today, last)
        total = totals.setdefault(prediction.currency, defaultdict(int))
        for name, amount in ((_COUNTS[place], 1), (_VALUES[place], prediction.value)):
            total[name] = total[name] + amount
        if place == "within":
            key = (period_of(day, options.granularity).name, prediction.currency)
            count, value = sums[key]
            sums[key] = (count + 1, value + prediction.value)
    currencies = sorted(totals)
    return ForecastTable(
        granularity=options.granularity,
        basis=options.basis,
        today=today,
        horizon_days=options.horizon_days,
        periods=tuple(
            _line(period, currency, *sums.get((period.name, currency), (0, Decimal(0))))
            for period in periods_between(today, last, options.granularity)
            for currency in currencies
        ),
        totals=tuple(
            ForecastTotals.model_validate({"currency": each, **totals[each]}) for each in currencies
        ),
    )


def aggregate(
    predictions: Iterable[DealPrediction], today: date, horizon_days: int, granularity: Granularity
) -> tuple[CashflowBucket, ...]:
    """The buckets in which something happens, by period and currency; what is overdue comes first."""
    last = later(today, horizon_days)
    found: dict[tuple[date, str], Period] = {}
    sums: dict[tuple[date, str], dict[str, int | Decimal]] = {}
    for prediction in predictions:
        for day, count, value in _happenings(prediction, today, last):
            period = _OVERDUE if day is None else period_of(day, granularity)
            key = (period.start, prediction.currency)
            found[key] = period
            line = sums.setdefault(key, defaultdict(int))
            line[count] = line[count] + 1
            line[value] = line[value] + prediction.value
    return tuple(
        CashflowBucket.model_validate(
            {
                "period": found[key].name,
                "start_date": None if found[key] is _OVERDUE else found[key].start,
                "end_date": None if found[key] is _OVERDUE else found[key].end,
                "currency": key[1],
                **sums[key],
            }
        )
        for key in sorted(sums)
    )


def is_within(prediction: DealPrediction, today: date, horizon_days: int) -> bool:
    """Whether any of what is predicted of the deal happens until the horizon, or is overdue."""
    first = first_happening(prediction, today)
    return first is not None and first <= later(today, horizon_days)


def first_happening(prediction: DealPrediction, today: date) -> date | None:
    """The first day on which any of what is predicted of the deal counts: today where it is overdue."""
    days = [day or today for day, _, _ in _happenings(prediction, today, date.max)]
    return min(days, default=None)


_OVERDUE = Period(OVERDUE, date.min, date.min)
_COUNTS = {"within": "deal_count", "overdue": "overdue_count", "beyond": "beyond_count"}
_VALUES = {"within": "expected_value", "overdue": "overdue_value", "beyond": "beyond_value"}


def _happenings(
    prediction: DealPrediction, today: date, last: date
) -> Iterable[tuple[date | None, str, str]]:
    """Day (`None` if overdue), and the names of count and value, of what is to come until the last day."""
    invoice, payment = prediction.predicted_invoice_date, prediction.predicted_payment_date
    if invoice is not None and not prediction.is_invoiced and today <= invoice <= last:
        yield invoice, "deal_count", "expected_invoice_value"
    if (prediction.is_overdue and payment is None) or (payment is not None and payment < today):
        yield None, "payment_count", "expected_payment_value"
    elif payment is not None and payment <= last:
        yield payment, "payment_count", "expected_payment_value"


def _day(prediction: DealPrediction, basis: Basis) -> date | None:
    if basis == "payment":
        return prediction.predicted_payment_date
    return None if prediction.is_invoiced else prediction.predicted_invoice_date


def _place(prediction: DealPrediction, day: date, today: date, last: date) -> str:
    if day < today:
        return "overdue"
    return "within" if day <= last else "beyond"


def _line(period: Period, currency: str, count: int, value: Decimal) -> ForecastPeriod:
    return ForecastPeriod(
        period=period.name,
        start_date=period.start,
        end_date=period.end,
        currency=currency,
        deal_count=count,
        expected_value=value,
    )
