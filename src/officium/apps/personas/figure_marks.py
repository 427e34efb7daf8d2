"""The number guard at work on an answer that is still growing."""

from collections.abc import Iterable, Mapping
from typing import Any

from officium.core.grounding import Checker, Finding, Marker, read_facts

Mark = Mapping[str, Any]
"""A figure: its `text`, from `start` to `end` in the answer, its `kind` and `status`, and its `source`.

`contextSays` is what the answer was told of the same thing instead.
"""


class FigureMarks:
    """Takes an answer piece by piece, and says of each figure whether the facts have it.

    A figure is judged when its sentence is over, since what comes after it may say what it counts.
    `facts` are what the answer was told, as JSON.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._marker = Marker(Checker(read_facts(facts)))
        self._counts = {"matched": 0, "unmatched": 0, "proposed": 0}

    @property
    def counts(self) -> dict[str, int]:
        """How many figures the facts have, how many not, and how many are plans, until now."""
        return dict(self._counts)

    def feed(self, piece: str) -> list[Mark]:
        """Take the next piece; the marks of the figures that are settled with it."""
        return self._mark(self._marker.feed(piece))

    def finish(self) -> list[Mark]:
        """The marks of the figures that were still open."""
        return self._mark(self._marker.close())

    def _mark(self, findings: Iterable[Finding]) -> list[Mark]:
        marks = []
        for finding in findings:
            self._counts["matched" if finding.status == "computed" else finding.status] += 1
            marks.append(_mark_of(finding))
        return marks


def _mark_of(finding: Finding) -> Mark:
    figure = finding.figure
    mark: dict[str, Any] = {
        "text": figure.text,
        "start": figure.start,
        "end": figure.end,
        "kind": figure.kind,
        "status": finding.status,
    }
    if finding.source is not None:
        mark["source"] = finding.source
    if finding.said is not None:
        mark["contextSays"] = finding.said
    return mark
