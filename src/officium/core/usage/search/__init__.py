"""Finding requests in the usage log, however long it is."""

from officium.core.usage.search.service import Found, SearchService
from officium.core.usage.search.store import SearchStore
from officium.core.usage.search.wanted import Wanted

__all__ = ["Found", "SearchService", "SearchStore", "Wanted"]
