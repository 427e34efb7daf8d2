"""Reports: the usage log in sums, by whatever it can be told apart."""

from officium.core.usage.reports.report import GroupBy, Outcomes, TenantTokens, UsageReport, UsageSums
from officium.core.usage.reports.service import ReportService
from officium.core.usage.reports.store import ReportStore

__all__ = [
    "GroupBy",
    "Outcomes",
    "ReportService",
    "ReportStore",
    "TenantTokens",
    "UsageReport",
    "UsageSums",
]
