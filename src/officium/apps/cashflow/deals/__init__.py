"""The tenant's deals: what they are worth, where they stand, who pays, and how they come in and go out."""

from officium.apps.cashflow.deals.config import CashflowConfig, SavedConfig
from officium.apps.cashflow.deals.deal import (
    Customer,
    Deal,
    DealChanges,
    DealFields,
    DealFilter,
    NewNote,
    Pipeline,
    SavedNote,
    StageChange,
    Status,
)
from officium.apps.cashflow.deals.importing import ImportOptions, ReadImport
from officium.apps.cashflow.deals.service import DealService
from officium.apps.cashflow.deals.store import DealStore, Imported

__all__ = [
    "CashflowConfig",
    "Customer",
    "Deal",
    "DealChanges",
    "DealFields",
    "DealFilter",
    "DealService",
    "DealStore",
    "ImportOptions",
    "Imported",
    "NewNote",
    "Pipeline",
    "ReadImport",
    "SavedConfig",
    "SavedNote",
    "StageChange",
    "Status",
]
