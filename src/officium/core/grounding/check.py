"""Whether the figures in a text are in what it was given, or follow from it.

Deterministic and without a model. A figure is *matched* when the context states it, *computed* when it is the
result of a step of arithmetic on what the context states, *proposed* when the text itself calls it a plan
(a target, the next 30 days), and *unmatched* otherwise. How well that works is measured in `bench`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from officium.core.grounding.book import Book
from officium.core.grounding.context import read_facts
from officium.core.grounding.fact import Facts
from officium.core.grounding.finding import Finding, Status
from officium.core.grounding.judge import Judge
from officium.core.grounding.scope import Scopes, Trail, leave_behind
from officium.core.grounding.sentence import Sentence, split

LONGEST_TEXT = 200_000
MOST_FIGURES = 2_000


class Report(Struct, frozen=True):
    """The findings in a text, in order. Beyond 200,000 characters or 2,000 figures it is not complete."""

    findings: tuple[Finding, ...]
    is_complete: bool = True

    @property
    def unmatched(self) -> tuple[Finding, ...]:
        """The figures that nothing in the context stands behind."""
        return tuple(finding for finding in self.findings if finding.status == "unmatched")


def check_figures(text: str, context: Any) -> Report:
    """Compare the figures in `text` with a JSON-like `context`."""
    return Checker(read_facts(context)).check(text)


class Checker:
    """Facts, ready to be compared with one text after another."""

    def __init__(self, facts: Facts) -> None:
        self.book = Book(facts)

    def check(self, text: str) -> Report:
        """The findings in `text`."""
        trail = Trail()
        found = [one for part in split(text[:LONGEST_TEXT]) for one in self.read(part, trail)]
        return Report(tuple(found), len(text) <= LONGEST_TEXT and trail.figures < MOST_FIGURES)

    def read(self, sentence: Sentence, trail: Trail) -> list[Finding]:
        """The findings in one sentence, placed in the whole text. `trail` remembers the sentences before."""
        if trail.figures >= MOST_FIGURES:
            return []
        if sentence.text.isspace():
            trail.before, trail.header = frozenset(), None
            return []
        scopes = Scopes(sentence, self.book, trail)
        trail.figures += len(scopes.figures)
        judged = Judge(scopes, self.book, trail).judge()
        leave_behind(scopes, trail)
        return [_moved(finding, sentence.offset) for finding in judged]


def _moved(finding: Finding, offset: int) -> Finding:
    figure = finding.figure
    return replace(finding, figure=replace(figure, start=figure.start + offset, end=figure.end + offset))


def as_json(report: Report) -> Mapping[str, Any]:
    """The report as the doors give it."""
    return {
        "figures": [_shown(finding) for finding in report.findings],
        "matched": _count(report.findings, ("matched", "computed")),
        "unmatched": _count(report.findings, ("unmatched",)),
        "proposed": _count(report.findings, ("proposed",)),
        "complete": report.is_complete,
    }


def _shown(finding: Finding) -> dict[str, Any]:
    figure = finding.figure
    return {
        "text": figure.text,
        "start": figure.start,
        "end": figure.end,
        "kind": figure.kind,
        "value": f"{figure.readings[0].value:f}" if figure.readings else None,
        "status": finding.status,
        "matched": finding.status in ("matched", "computed"),
        "source": finding.source,
        "context_says": finding.said,
    }


def _count(findings: Iterable[Finding], statuses: Sequence[Status]) -> int:
    return sum(finding.status in statuses for finding in findings)
