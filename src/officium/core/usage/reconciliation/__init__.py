"""Whether the counters say what the ledger says."""

from officium.core.usage.reconciliation.difference import Difference
from officium.core.usage.reconciliation.service import Reconciler
from officium.core.usage.reconciliation.store import BooksStore

__all__ = ["BooksStore", "Difference", "Reconciler"]
