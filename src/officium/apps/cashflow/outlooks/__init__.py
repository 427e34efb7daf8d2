"""Outlooks: what the cash-flow page shows, worked out aside and kept until something changes."""

from officium.apps.cashflow.outlooks.outlook import DatedDeal, Outlook, OutlookView, Stamp, Work, listed
from officium.apps.cashflow.outlooks.service import Outlooks
from officium.apps.cashflow.outlooks.store import OutlookStore

__all__ = ["DatedDeal", "Outlook", "OutlookStore", "OutlookView", "Outlooks", "Stamp", "Work", "listed"]
