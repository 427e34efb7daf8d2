"""Whether the figures and claims in a text stand in what it was given: deterministic, and without a model."""

from officium.core.grounding.check import Checker, Report, as_json, check_figures
from officium.core.grounding.claims import Claim, ClaimKind, check_claims
from officium.core.grounding.context import read_facts
from officium.core.grounding.fact import Fact, Facts
from officium.core.grounding.figure import Figure, find_figures
from officium.core.grounding.finding import Finding, Status
from officium.core.grounding.marker import Marker

__all__ = [
    "Checker",
    "Claim",
    "ClaimKind",
    "Fact",
    "Facts",
    "Figure",
    "Finding",
    "Marker",
    "Report",
    "Status",
    "as_json",
    "check_claims",
    "check_figures",
    "find_figures",
    "read_facts",
]
