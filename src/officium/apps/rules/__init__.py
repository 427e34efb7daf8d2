"""A sentence becomes a workflow rule of what a platform can do, checked before it is shown."""

from officium.apps.rules.capabilities import CacheStatus, Capabilities, CapabilityService
from officium.apps.rules.generation import Generator
from officium.apps.rules.rulebook import RuleBook
from officium.apps.rules.service import RuleService
from officium.apps.rules.store import RuleStore
from officium.apps.rules.trials import RuleTrials
from officium.apps.rules.upstream import UpstreamCatalogue

__all__ = [
    "CacheStatus",
    "Capabilities",
    "CapabilityService",
    "Generator",
    "RuleBook",
    "RuleService",
    "RuleStore",
    "RuleTrials",
    "UpstreamCatalogue",
]
