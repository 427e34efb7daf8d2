"""A backtest as it is shown: how good forecasts from past days would have been, beside naive ones."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from officium.apps.cashflow.history import TenantHistory, usual_origins
from officium.apps.cashflow.period import period_of
from officium.apps.cashflow.prediction import Currency, Day
from officium.apps.cashflow.spelling import Order, Record
from officium.apps.cashflow.statistics import Score, backtest

MOST_ORIGINS = 24


class BacktestInput(Order):
    """From which past days to forecast, and how far. The first days of six months, where none are said."""

    origins: tuple[Day, ...] = Field(default=(), max_length=MOST_ORIGINS)
    horizon_days: Annotated[int, Field(ge=7, le=365)] = 90
    pipeline_name: Annotated[str, Field(max_length=200)] | None = None


class ShownScore(Record):
    """How one way to forecast did; null where there was nothing to score."""

    name: str
    deals: int
    mae_days: float | None
    within_week: float | None
    coverage: float | None
    wape: dict[str, float] = Field(description="By currency: absolute errors of all weeks over their cash.")


class ShownBin(Record):
    """Forecasts of about the same confidence, and how many of them were right."""

    lower: float
    upper: float
    count: int
    stated: float
    right: float


class Correction(Record):
    """How stated confidence is to be corrected, on the scale of log odds."""

    slope: float
    shift: float


class ShownWeek(Record):
    """A week's cash as it was forecast, and as it came."""

    origin: date
    period: str
    start_date: date
    end_date: date
    currency: Currency
    expected: Decimal
    p10: Decimal
    p90: Decimal
    actual: Decimal


class BacktestResult(Record):
    """What forecasts from past days would have been worth."""

    run_id: int | None = None
    today: date
    origins: tuple[date, ...]
    horizon_days: int
    model: ShownScore
    invoices: ShownScore
    baselines: tuple[ShownScore, ...]
    week_coverage: float | None
    calibration: tuple[ShownBin, ...]
    calibration_error: float
    correction: Correction | None = None
    still_open: int
    weeks: tuple[ShownWeek, ...]


def run_backtest(history: TenantHistory, asked: BacktestInput) -> BacktestResult:
    """Replay the past. Takes seconds with tens of thousands of deals."""
    deals = history.all_deals
    if asked.pipeline_name is not None:
        deals = type(deals)(
            closed=tuple(deal for deal in deals.closed if deal.pipeline == asked.pipeline_name),
            open=tuple(deal for deal in deals.open if deal.pipeline == asked.pipeline_name),
        )
    report = backtest(
        deals,
        asked.origins or usual_origins(history.today),
        history.today,
        horizon_days=asked.horizon_days,
        prior=history.config.prior,
        calendar=history.config.calendar,
    )
    return BacktestResult(
        today=history.today,
        origins=report.origins,
        horizon_days=report.horizon_days,
        model=_score(report.model),
        invoices=_score(report.invoices),
        baselines=tuple(map(_score, report.baselines)),
        week_coverage=report.week_coverage,
        calibration=tuple(
            ShownBin(lower=one.lower, upper=one.upper, count=one.count, stated=one.stated, right=one.right)
            for one in report.calibration
        ),
        calibration_error=report.calibration_error,
        correction=Correction(slope=report.correction.slope, shift=report.correction.shift),
        still_open=report.still_open,
        weeks=tuple(
            ShownWeek(
                origin=week.origin,
                period=period_of(week.period.first_day, "week").name,
                start_date=week.period.first_day,
                end_date=week.period.last_day,
                currency=week.currency,
                expected=week.mean,
                p10=week.p10,
                p90=week.p90,
                actual=week.actual,
            )
            for week in report.weeks
        ),
    )


def _score(score: Score) -> ShownScore:
    return ShownScore(
        name=score.name,
        deals=score.deals,
        mae_days=score.mae_days,
        within_week=score.within_week,
        coverage=score.coverage,
        wape=dict(score.wape),
    )
