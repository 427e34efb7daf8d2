"""Cash by week or month with ranges: what the deals' distributions add up to."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

import numpy as np
from pydantic import Field

from officium.apps.cashflow.forecast_table import ForecastPeriod, ForecastTable, ForecastTotals
from officium.apps.cashflow.history import TenantHistory
from officium.apps.cashflow.period import later, period_of
from officium.apps.cashflow.prediction import LONGEST_HORIZON_DAYS, Basis, Currency, Day, Granularity
from officium.apps.cashflow.spelling import Order, Record
from officium.apps.cashflow.statistics import (
    CashRange,
    CashTable,
    CurrencyCash,
    Lever,
    OpenDeal,
    levers,
    simulate,
    simulate_invoices,
)
from officium.apps.cashflow.statistics.periods import periods_from

MOST_RUNS = 5_000
_CENT = Decimal("0.01")
_Money = Annotated[Decimal, Field(ge=-(10**15), le=10**15, decimal_places=4, allow_inf_nan=False)]


class CashFloor(Order):
    """An account to watch: what is on it, what goes out in each period, and the limit not to fall under."""

    currency: Currency
    limit: _Money = Decimal(0)
    opening: _Money = Decimal(0)
    outgoing: tuple[_Money, ...] = Field(
        default=(), max_length=200, description="By period; the last one counts for those behind it, too."
    )


class CashForecastInput(Order):
    """Which deals to forecast, how far, and in which periods."""

    pipeline_name: Annotated[str, Field(max_length=200)] | None = None
    currency: Currency | None = None
    granularity: Granularity = "week"
    horizon_days: int = Field(default=90, ge=1, le=LONGEST_HORIZON_DAYS)
    runs: int = Field(default=2_000, ge=100, le=MOST_RUNS, description="Simulated futures.")
    seed: int = Field(default=0, ge=0, lt=2**31)
    floor: CashFloor | None = None
    today: Day | None = None


class PeriodBalance(Record):
    """The watched account at the end of a period, and how probable it is that it is under its limit then."""

    period: str
    start_date: date
    end_date: date
    p10: Decimal
    p50: Decimal
    p90: Decimal
    probability_below: float


class FloorOutlook(Record):
    """How the watched account fares. The lowest balance is that at the end of any period."""

    currency: Currency
    limit: Decimal
    probability_below: float
    lowest_p10: Decimal
    lowest_p50: Decimal
    lowest_p90: Decimal
    balances: tuple[PeriodBalance, ...] = ()


class ShownLever(Record):
    """One thing to do, and by how much it lifts the lowest expected balance."""

    kind: str
    customer: str
    deal_id: int | None
    days: int
    currency: Currency
    lowest_before: Decimal
    lowest_after: Decimal
    lift: Decimal
    text: str


class OverdueDeal(Record):
    """An invoice that should have been paid by now."""

    deal_id: int
    deal_title: str
    customer: str
    value: Decimal
    currency: Currency
    invoiced_on: date
    due_on: date
    days_overdue: int


class CashForecast(Record):
    """Both tables, what is overdue, and the watched account."""

    run_id: int | None = None
    today: date
    has_history: bool = Field(description="Whether closed deals have taught anything yet.")
    deals_counted: int
    deals_filtered: int = Field(
        description="Open deals of other pipelines or currencies than those asked for."
    )
    payments: ForecastTable
    invoices: ForecastTable
    overdue: tuple[OverdueDeal, ...]
    floor: FloorOutlook | None
    levers: tuple[ShownLever, ...]
    country: str | None


def forecast_cash(history: TenantHistory, asked: CashForecastInput) -> CashForecast:
    """Add up the open deals. Takes seconds with tens of thousands of them."""
    return forecast_deals(history, asked, wanted_deals(history, asked))


FORECAST_COLUMNS = ("table", "period", "start", "end", "currency", "expected", "p10", "p50", "p90")
"""The heads of a forecast as a table."""


def forecast_rows(made: CashForecast) -> list[tuple[str | date | Decimal | None, ...]]:
    """A forecast as a table: a row for each period and currency, payments first."""
    return [
        (
            *(table.basis, line.period, line.start_date, line.end_date, line.currency),
            *(line.expected_value, line.p10, line.p50, line.p90),
        )
        for table in (made.payments, made.invoices)
        for line in table.periods
    ]


def wanted_deals(history: TenantHistory, asked: CashForecastInput) -> list[OpenDeal]:
    """The open deals of the pipeline and currency that are asked for."""
    return [
        deal
        for deal in history.open
        if asked.pipeline_name in (None, deal.pipeline) and asked.currency in (None, deal.currency)
    ]


def forecast_deals(
    history: TenantHistory, asked: CashForecastInput, deals: Sequence[OpenDeal]
) -> CashForecast:
    """The forecast of these deals, which need not be as they are kept."""
    today, calendar = history.today, history.config.calendar
    start = period_of(today, asked.granularity).start
    days = min((later(today, asked.horizon_days) - start).days + 1, LONGEST_HORIZON_DAYS)
    table = simulate(
        history.model,
        deals,
        start,
        days,
        runs=asked.runs,
        seed=asked.seed,
        granularity=asked.granularity,
        calendar=calendar,
    )
    overdue = _overdue(history, deals)
    floor, found = None, []
    if asked.floor is not None:
        outgoing = _outgoing(asked.floor, len(periods_from(start, days, asked.granularity)))
        floor = _floor(table, asked.floor, outgoing, asked.granularity)
        found = levers(
            history.model,
            deals,
            start,
            days,
            asked.floor.currency,
            opening=asked.floor.opening,
            outgoing=outgoing,
            granularity=asked.granularity,
            calendar=calendar,
        )
    return CashForecast(
        today=today,
        has_history=history.has_taught,
        deals_counted=len(deals),
        deals_filtered=len(history.open) - len(deals),
        payments=_payments(table, deals, overdue, asked, today),
        invoices=_invoices(history, deals, asked, start, days),
        overdue=overdue,
        floor=floor,
        levers=tuple(map(_shown_lever, found)),
        country=history.config.country,
    )


def _payments(
    table: CashTable,
    deals: Sequence[OpenDeal],
    overdue: Sequence[OverdueDeal],
    asked: CashForecastInput,
    today: date,
) -> ForecastTable:
    lines: list[ForecastPeriod] = []
    totals: list[ForecastTotals] = []
    for currency, cash in sorted(table.currencies.items()):
        theirs = [deal for deal in deals if deal.currency == currency]
        lines += [
            _line(
                row.period.first_day, row.period.last_day, asked.granularity, currency, len(theirs), row.cash
            )
            for row in cash.rows
        ]
        late = [deal for deal in overdue if deal.currency == currency]
        within = cash.rows[-1].cumulated if cash.rows else None
        expected = Decimal(0) if within is None else within.mean
        whole = sum((deal.amount for deal in theirs), Decimal(0))
        totals.append(
            ForecastTotals(
                currency=currency,
                deal_count=len(theirs),
                expected_value=expected,
                overdue_count=len(late),
                overdue_value=sum((deal.value for deal in late), Decimal(0)),
                beyond_value=max(whole - expected, Decimal(0)),
                p10=None if within is None else within.p10,
                p50=None if within is None else within.p50,
                p90=None if within is None else within.p90,
            )
        )
    return _table("payment", lines, totals, asked, today)


def _invoices(
    history: TenantHistory, deals: Sequence[OpenDeal], asked: CashForecastInput, start: date, days: int
) -> ForecastTable:
    """Invoices to come: each deal by its own luck, in as many simulated futures."""
    waiting = [deal for deal in deals if deal.invoiced_on is None]
    periods = periods_from(start, days, asked.granularity)
    lines: list[ForecastPeriod] = []
    totals: list[ForecastTotals] = []
    for currency in sorted({deal.currency for deal in waiting}):
        theirs = [deal for deal in waiting if deal.currency == currency]
        cash = simulate_invoices(history.model, theirs, periods, runs=asked.runs, seed=asked.seed)
        lines += [
            _line(
                row.period.first_day, row.period.last_day, asked.granularity, currency, len(theirs), row.cash
            )
            for row in cash.rows
        ]
        within = cash.rows[-1].cumulated
        whole = sum((deal.amount for deal in theirs), Decimal(0))
        totals.append(
            ForecastTotals(
                currency=currency,
                deal_count=len(theirs),
                expected_value=within.mean,
                beyond_value=max(whole - within.mean, Decimal(0)),
                p10=within.p10,
                p50=within.p50,
                p90=within.p90,
            )
        )
    return _table("invoice", lines, totals, asked, history.today)


def _table(
    basis: Basis,
    lines: Sequence[ForecastPeriod],
    totals: Sequence[ForecastTotals],
    asked: CashForecastInput,
    today: date,
) -> ForecastTable:
    return ForecastTable(
        granularity=asked.granularity,
        basis=basis,
        today=today,
        horizon_days=asked.horizon_days,
        periods=tuple(sorted(lines, key=lambda line: (line.start_date, line.currency))),
        totals=tuple(totals),
    )


def _line(
    first: date, last: date, granularity: Granularity, currency: str, deals: int, cash: CashRange
) -> ForecastPeriod:
    return ForecastPeriod(
        period=period_of(first, granularity).name,
        start_date=first,
        end_date=last,
        currency=currency,
        deal_count=deals,
        expected_value=cash.mean,
        p10=cash.p10,
        p50=cash.p50,
        p90=cash.p90,
    )


def _range(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", mean: float) -> CashRange:
    p10, p50, p90 = np.quantile(values, (0.1, 0.5, 0.9))
    return CashRange(*(Decimal(repr(float(value))).quantize(_CENT) for value in (mean, p10, p50, p90)))


def _overdue(history: TenantHistory, deals: Sequence[OpenDeal]) -> tuple[OverdueDeal, ...]:
    found = []
    for deal in deals:
        if deal.invoiced_on is None:
            continue
        terms = history.config.payment_terms_days if deal.terms_days is None else deal.terms_days
        due_on = deal.invoiced_on + timedelta(days=terms)
        if due_on < history.today:
            row = history.rows[deal.deal_id]
            found.append(
                OverdueDeal(
                    deal_id=deal.deal_id,
                    deal_title=row["title"],
                    customer=row["customer"] or "",
                    value=deal.amount,
                    currency=deal.currency,
                    invoiced_on=deal.invoiced_on,
                    due_on=due_on,
                    days_overdue=(history.today - due_on).days,
                )
            )
    return tuple(sorted(found, key=lambda deal: (-deal.days_overdue, deal.deal_id)))


def _outgoing(floor: CashFloor, periods: int) -> list[Decimal]:
    said = list(floor.outgoing) or [Decimal(0)]
    return [said[min(number, len(said) - 1)] for number in range(periods)]


def _floor(
    table: CashTable, floor: CashFloor, outgoing: Sequence[Decimal], granularity: Granularity
) -> FloorOutlook:
    """The account under its simulated futures; one without any cash to come has a single future."""
    cash = table.currencies.get(floor.currency)
    periods = periods_from(table.start, table.horizon_days, granularity)
    if cash is None:
        cash = CurrencyCash(floor.currency, (), np.zeros((len(periods), 1)))
    span = cash.lowest_balance(floor.opening, outgoing)
    balances = cash.balances(floor.opening, outgoing)
    ranges = [_range(balance, float(balance.mean())) for balance in balances]
    below = (balances < float(floor.limit)).mean(axis=1)
    return FloorOutlook(
        currency=floor.currency,
        limit=floor.limit,
        probability_below=round(cash.probability_below(floor.limit, floor.opening, outgoing), 4),
        lowest_p10=span.p10,
        lowest_p50=span.p50,
        lowest_p90=span.p90,
        balances=tuple(
            PeriodBalance(
                period=period_of(period.first_day, granularity).name,
                start_date=period.first_day,
                end_date=period.last_day,
                p10=each.p10,
                p50=each.p50,
                p90=each.p90,
                probability_below=round(float(share), 4),
            )
            for period, each, share in zip(periods, ranges, below, strict=True)
        ),
    )


_LEVERS: Mapping[str, str] = {
    "collect_sooner": "Get {customer} to pay {days} days sooner",
    "shorten_terms": "Agree terms of {days} days with {customer}",
    "invoice_now": "Invoice deal {deal_id} of {customer} tomorrow",
}


def _shown_lever(lever: Lever) -> ShownLever:
    customer = "an unnamed customer" if lever.customer.startswith("#") else lever.customer
    said = _LEVERS[lever.kind].format(customer=customer, days=lever.days, deal_id=lever.deal_id)
    return ShownLever(
        kind=lever.kind,
        customer=lever.customer,
        deal_id=lever.deal_id,
        days=lever.days,
        currency=lever.currency,
        lowest_before=lever.lowest_before,
        lowest_after=lever.lowest_after,
        lift=lever.lift,
        text=f"{said}: the lowest expected balance rises by {lever.lift:,.2f} {lever.currency}.",
    )
