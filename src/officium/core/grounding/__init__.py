"""Whether the figures and claims in a text stand in what it was given: deterministic, and without a model."""

from officium.core.grounding.check import Checker, Finding, Report, Status, as_json, check_figures
from officium.core.grounding.fact import Fact, read_facts
from officium.core.grounding.figure import Figure, find_figures

__all__ = [
    "Checker",
    "Fact",
    "Figure",
    "Finding",
    "Report",
    "Status",
    "as_json",
    "check_figures",
    "find_figures",
    "read_facts",
]
