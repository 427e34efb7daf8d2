"""The model classes of the business services, by the names that programs import."""

from officium.apps.cashflow.assumptions import AssumptionsReport
from officium.apps.cashflow.forecast_table import (
    ForecastOptions,
    ForecastPeriod,
    ForecastTable,
    ForecastTotals,
)
from officium.apps.cashflow.prediction import (
    CashflowBucket,
    CashflowPredictionInput,
    CashflowPredictionResult,
    DealForPrediction,
    DealPrediction,
    PredictionMetadata,
    PredictionOptions,
)
from officium.apps.writer import (
    ComplianceContext,
    ComplianceResult,
    DealContext,
    DealSummaryContext,
    DealSummaryResult,
    DraftEmailResult,
    DraftReminderResult,
    EmailDraftContext,
    Note,
    NoteSummaryContext,
    NoteSummaryResult,
    OrderReceivedContext,
    OrderReceivedResult,
    ReminderDraftContext,
)

__all__ = [
    "AssumptionsReport",
    "CashflowBucket",
    "CashflowPredictionInput",
    "CashflowPredictionResult",
    "ComplianceContext",
    "ComplianceResult",
    "DealContext",
    "DealForPrediction",
    "DealPrediction",
    "DealSummaryContext",
    "DealSummaryResult",
    "DraftEmailResult",
    "DraftReminderResult",
    "EmailDraftContext",
    "ForecastOptions",
    "ForecastPeriod",
    "ForecastTable",
    "ForecastTotals",
    "Note",
    "NoteSummaryContext",
    "NoteSummaryResult",
    "OrderReceivedContext",
    "OrderReceivedResult",
    "PredictionMetadata",
    "PredictionOptions",
    "ReminderDraftContext",
]
