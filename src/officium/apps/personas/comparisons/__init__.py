"""Two models answer one question side by side, and a person votes without knowing who is who."""

from officium.apps.personas.comparisons.comparison import Comparison, Side, Standing, Winner
from officium.apps.personas.comparisons.errors import AlreadyVoted, ComparisonNotFound, InvalidComparison
from officium.apps.personas.comparisons.service import BegunComparison, ComparisonService
from officium.apps.personas.comparisons.store import ComparisonStore

__all__ = [
    "AlreadyVoted",
    "BegunComparison",
    "Comparison",
    "ComparisonNotFound",
    "ComparisonService",
    "ComparisonStore",
    "InvalidComparison",
    "Side",
    "Standing",
    "Winner",
]
