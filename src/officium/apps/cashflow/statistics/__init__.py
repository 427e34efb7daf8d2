"""Forecasts of when deals are invoiced and paid, learned from the tenant's own past. No I/O, no clock."""

from officium.apps.cashflow.statistics.backtest import (
    BacktestReport,
    Score,
    WeekPoint,
    backtest,
    score_forecasts,
)
from officium.apps.cashflow.statistics.calendar import WorkingCalendar
from officium.apps.cashflow.statistics.calibration import AS_STATED, Calibration, CalibrationBin
from officium.apps.cashflow.statistics.closed_deals import (
    AllChanges,
    ClosedDeals,
    DealColumns,
    Words,
    columns_of,
    day_of,
    joined,
)
from officium.apps.cashflow.statistics.deal import ClosedDeal, DealHistory, OpenDeal, StageChanges
from officium.apps.cashflow.statistics.forecast import DateForecast, DealForecast, Evidence
from officium.apps.cashflow.statistics.levers import Lever, levers
from officium.apps.cashflow.statistics.model import CashflowModel, Soon, fit
from officium.apps.cashflow.statistics.periods import Granularity, Period
from officium.apps.cashflow.statistics.prior import STAGE_DAYS, Prior
from officium.apps.cashflow.statistics.scenarios import (
    Change,
    Counterfactual,
    changed,
    counterfactuals,
    with_delay,
    with_invoice,
    with_terms,
    without,
)
from officium.apps.cashflow.statistics.simulation import (
    CashRange,
    CashTable,
    CurrencyCash,
    PeriodCash,
    simulate,
    simulate_invoices,
)

__all__ = [
    "AS_STATED",
    "STAGE_DAYS",
    "AllChanges",
    "BacktestReport",
    "Calibration",
    "CalibrationBin",
    "CashRange",
    "CashTable",
    "CashflowModel",
    "Change",
    "ClosedDeal",
    "ClosedDeals",
    "Counterfactual",
    "CurrencyCash",
    "DateForecast",
    "DealColumns",
    "DealForecast",
    "DealHistory",
    "Evidence",
    "Granularity",
    "Lever",
    "OpenDeal",
    "Period",
    "PeriodCash",
    "Prior",
    "Score",
    "Soon",
    "StageChanges",
    "WeekPoint",
    "Words",
    "WorkingCalendar",
    "backtest",
    "changed",
    "columns_of",
    "counterfactuals",
    "day_of",
    "fit",
    "joined",
    "levers",
    "score_forecasts",
    "simulate",
    "simulate_invoices",
    "with_delay",
    "with_invoice",
    "with_terms",
    "without",
]
