"""Questions with what must stand in their answers, asked again whenever the knowledge base changes."""

from officium.apps.widget.checks.check import SavedQuestion
from officium.apps.widget.checks.service import CheckService
from officium.apps.widget.checks.store import CheckStore

__all__ = ["CheckService", "CheckStore", "SavedQuestion"]
