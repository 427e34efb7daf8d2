"""How good the forecast would have been: history replayed from past days, beside naive baselines."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from officium.apps.cashflow.statistics.baselines import BASELINES, baselines
from officium.apps.cashflow.statistics.calendar import WorkingCalendar
from officium.apps.cashflow.statistics.calibration import (
    Calibration,
    CalibrationBin,
    calibration_bins,
    calibration_error,
    fit_calibration,
)
from officium.apps.cashflow.statistics.deal import DealHistory, OpenDeal
from officium.apps.cashflow.statistics.forecast import DateForecast, DealForecast
from officium.apps.cashflow.statistics.model import NEAR_DAYS, fit
from officium.apps.cashflow.statistics.periods import Period
from officium.apps.cashflow.statistics.prior import Prior
from officium.apps.cashflow.statistics.simulation import CashTable, simulate

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Score:
    """How one way to forecast did. `None` where there was nothing to score.

    `wape` is, by currency, the sum of the absolute errors of all weeks over the cash that came in.
    """

    name: str
    deals: int
    mae_days: float | None
    within_week: float | None
    coverage: float | None
    """The share of payments between P10 and P90; baselines have no range."""
    wape: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class WeekPoint:
    """The cash of one week as it was forecast at `origin`, and as it came."""

    origin: date
    period: Period
    currency: str
    mean: Decimal
    p10: Decimal
    p90: Decimal
    actual: Decimal


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """What forecasts from past days would have been worth, and what the baselines were."""

    origins: tuple[date, ...]
    horizon_days: int
    model: Score
    invoices: Score
    """The dates of the invoices alone."""
    baselines: tuple[Score, ...]
    week_coverage: float | None
    """The share of weeks whose cash was between P10 and P90."""
    calibration: tuple[CalibrationBin, ...]
    calibration_error: float
    correction: Calibration
    """How stated confidence is to be corrected; hand it to `fit`."""
    still_open: int
    """Forecasts that could not be scored, because their deals are neither paid nor lost to this day."""
    weeks: tuple[WeekPoint, ...] = field(repr=False)


def backtest(
    history: DealHistory,
    origins: Sequence[date],
    today: date,
    *,
    horizon_days: int = 90,
    prior: Prior | None = None,
    calendar: WorkingCalendar | None = None,
    runs: int = 500,
    seed: int = 0,
) -> BacktestReport:
    """Forecast from each of the `origins` with what was known on it, and compare with what came by `today`.

    Dates are scored on the deals that were paid by `today`, cash on the whole weeks before it. An origin too
    recent for its deals to be paid flatters slow ones by leaving them out, so take origins at least a quarter
    back; `still_open` says how many forecasts had no outcome yet.
    """
    replay = _Replay(history, today)
    for origin in sorted(origins):
        known = history.as_of(origin)
        model = fit(known.closed, known.open, origin, prior)
        rivals = baselines(known.closed, origin, prior or Prior())
        guesses = {name: {deal.deal_id: rival(deal) for deal in known.open} for name, rival in rivals.items()}
        for deal, forecast in zip(known.open, model.predict_all(known.open), strict=True):
            replay.compare(deal, forecast, {name: days[deal.deal_id] for name, days in guesses.items()})
        table = simulate(
            model,
            known.open,
            origin + _DAY,
            horizon_days,
            runs=runs,
            seed=seed + origin.toordinal(),
            calendar=calendar,
        )
        replay.compare_cash(origin, table, known.open, guesses)
    return replay.report(tuple(sorted(origins)), horizon_days)


class _Replay:
    """What was forecast, held against what happened."""

    def __init__(self, history: DealHistory, today: date) -> None:
        self._today = today
        self._paid: dict[int, date | None] = {deal.deal_id: deal.paid_on for deal in history.closed}
        self._lost = {deal.deal_id: deal.lost_on for deal in history.closed}
        self._invoiced = {deal.deal_id: deal.invoiced_on for deal in history.closed}
        self._invoiced.update((deal.deal_id, deal.invoiced_on) for deal in history.open)
        self._dates, self._invoices = _Dates(), _Dates()
        self._naive = {name: _Dates() for name in BASELINES}
        self._cash = _Cash()
        self._still_open = 0

    def compare(self, deal: OpenDeal, forecast: DealForecast, guesses: Mapping[str, date]) -> None:
        """Score the dates of one deal, as far as they are known."""
        invoiced = self._known(self._invoiced, deal)
        if deal.invoiced_on is None and invoiced is not None:
            self._invoices.add(forecast.invoice, invoiced, forecast.invoice.within_week)
        paid = self._known(self._paid, deal)
        if paid is None:
            self._still_open += self._known(self._lost, deal) is None
            return
        self._dates.add(forecast.payment, paid, forecast.confidence)
        for name, guess in guesses.items():
            self._naive[name].add_day(guess, paid)

    def compare_cash(
        self,
        origin: date,
        table: CashTable,
        deals: Sequence[OpenDeal],
        guesses: Mapping[str, Mapping[int, date]],
    ) -> None:
        """Score the cash of the whole weeks that are over."""
        for currency, cash in table.currencies.items():
            theirs = [deal for deal in deals if deal.currency == currency]
            for row in cash.rows:
                period = row.period
                if period.last_day > self._today or (period.last_day - period.first_day).days < 6:
                    continue
                came = _paid_in(theirs, self._paid, period)
                ours = row.cash
                point = WeekPoint(origin, period, currency, ours.mean, ours.p10, ours.p90, came)
                rivals = {name: _paid_in(theirs, days, period) for name, days in guesses.items()}
                self._cash.add(point, rivals)

    def report(self, origins: tuple[date, ...], horizon_days: int) -> BacktestReport:
        """All scores."""
        dates, cash = self._dates, self._cash
        bins = calibration_bins(dates.stated, dates.near)
        return BacktestReport(
            origins=origins,
            horizon_days=horizon_days,
            model=dates.score("model", cash.wape("model")),
            invoices=self._invoices.score("invoices", {}),
            baselines=tuple(self._naive[name].score(name, cash.wape(name)) for name in BASELINES),
            week_coverage=cash.coverage(),
            calibration=bins,
            calibration_error=calibration_error(bins),
            correction=fit_calibration(dates.stated, dates.near),
            still_open=self._still_open,
            weeks=tuple(cash.points),
        )

    def _known(self, days: Mapping[int, date | None], deal: OpenDeal) -> date | None:
        day = days.get(deal.deal_id)
        return day if day is not None and day <= self._today else None


def score_forecasts(forecasts: Iterable[DealForecast], paid: Mapping[int, date]) -> Score:
    """Score stored forecasts by the payments known now: the day of payment by deal id."""
    dates = _Dates()
    for forecast in forecasts:
        if forecast.deal_id in paid:
            dates.add(forecast.payment, paid[forecast.deal_id], forecast.confidence)
    return dates.score("model", {})


class _Dates:
    """Errors of forecast days."""

    def __init__(self) -> None:
        self._errors: list[int] = []
        self._covered: list[bool] = []
        self.stated: list[float] = []
        self.near: list[bool] = []

    def add(self, forecast: DateForecast, actual: date, confidence: float) -> None:
        self.add_day(forecast.p50, actual)
        self._covered.append(forecast.p10 <= actual <= forecast.p90)
        self.stated.append(confidence)

    def add_day(self, forecast: date, actual: date) -> None:
        error = abs((forecast - actual).days)
        self._errors.append(error)
        self.near.append(error <= NEAR_DAYS)

    def score(self, name: str, wape: Mapping[str, float]) -> Score:
        return Score(
            name=name,
            deals=len(self._errors),
            mae_days=_mean(self._errors),
            within_week=_mean(self.near),
            coverage=_mean(self._covered),
            wape=wape,
        )


class _Cash:
    """Errors of the cash by week, each currency by itself."""

    def __init__(self) -> None:
        self.points: list[WeekPoint] = []
        self._errors: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self._actual: dict[str, Decimal] = defaultdict(Decimal)

    def add(self, point: WeekPoint, rivals: Mapping[str, Decimal]) -> None:
        self.points.append(point)
        self._actual[point.currency] += point.actual
        self._errors["model", point.currency] += abs(point.mean - point.actual)
        for name, amount in rivals.items():
            self._errors[name, point.currency] += abs(amount - point.actual)

    def wape(self, name: str) -> dict[str, float]:
        return {
            currency: float(self._errors[name, currency] / actual)
            for currency, actual in sorted(self._actual.items())
            if actual
        }

    def coverage(self) -> float | None:
        return _mean([point.p10 <= point.actual <= point.p90 for point in self.points])


def _paid_in(deals: Iterable[OpenDeal], days: Mapping[int, date | None], period: Period) -> Decimal:
    total = Decimal(0)
    for deal in deals:
        day = days.get(deal.deal_id)
        if day is not None and period.first_day <= day <= period.last_day:
            total += deal.amount
    return total


def _mean(values: Sequence[int] | Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None
