"""The decision log: what was decided, what was expected, and what came of it."""

from officium.apps.personas.decisions.decision import Decision, DecisionDraft, Direction, Outcome
from officium.apps.personas.decisions.service import DecisionService, Status
from officium.apps.personas.decisions.store import DecisionStore

__all__ = [
    "Decision",
    "DecisionDraft",
    "DecisionService",
    "DecisionStore",
    "Direction",
    "Outcome",
    "Status",
]
