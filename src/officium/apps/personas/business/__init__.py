"""What is known of a tenant's business: its profile, its figures, and what its software has found out."""

from officium.apps.personas.business.cache import ContextCache
from officium.apps.personas.business.context import BusinessContext
from officium.apps.personas.business.insight import Insight, SavedInsight
from officium.apps.personas.business.profile import BusinessProfile, SavedProfile
from officium.apps.personas.business.service import BusinessContextService
from officium.apps.personas.business.snapshot import STALE_AFTER, SavedSnapshot, Snapshot
from officium.apps.personas.business.store import BusinessStore

__all__ = [
    "STALE_AFTER",
    "BusinessContext",
    "BusinessContextService",
    "BusinessProfile",
    "BusinessStore",
    "ContextCache",
    "Insight",
    "SavedInsight",
    "SavedProfile",
    "SavedSnapshot",
    "Snapshot",
]
