"""What a draft claims: names, amounts, dates and statuses, each with whether the context has it.

For letters and summaries, where a wrong name costs as much as a wrong figure. What a text only plans, denies,
asks or makes a condition of is no claim.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal

from msgspec import Struct

from officium.core.grounding.check import LONGEST_TEXT, Checker
from officium.core.grounding.context import read_facts
from officium.core.grounding.finding import Finding
from officium.core.grounding.names import Names
from officium.core.grounding.sentence import split
from officium.core.grounding.statuses import Statuses

ClaimKind = Literal["name", "amount", "date", "status"]


MOST_CLAIMS = 1_000
"""Names and statuses of a text that are looked at, of each."""


class Claim(Struct, frozen=True, kw_only=True):
    """A claim at `text[start:end]`. `said` is what the context says instead, if it speaks of the matter."""

    start: int
    end: int
    text: str
    kind: ClaimKind
    is_matched: bool
    said: str | None = None


def check_claims(text: str, context: Any) -> tuple[Claim, ...]:
    """The claims in `text`, in order, compared with a JSON-like `context`; at most 200,000 characters."""
    text = text[:LONGEST_TEXT]
    found = [*_figures(text, context), *_names(text, context), *_statuses(text, context)]
    return tuple(sorted(found, key=lambda claim: (claim.start, claim.end)))


def _figures(text: str, context: Any) -> Iterator[Claim]:
    for finding in Checker(read_facts(context)).check(text).findings:
        if finding.status != "proposed":
            yield _of_figure(finding)


def _of_figure(finding: Finding) -> Claim:
    figure = finding.figure
    return Claim(
        start=figure.start,
        end=figure.end,
        text=figure.text,
        kind="date" if figure.kind == "date" else "amount",
        is_matched=finding.status != "unmatched",
        said=finding.said,
    )


def _names(text: str, context: Any) -> Iterator[Claim]:
    names = Names(context)
    for sentence, name in islice(
        ((part, one) for part in split(text) for one in names.read(part)), MOST_CLAIMS
    ):
        start, end = name.start + sentence.offset, name.end + sentence.offset
        yield Claim(start=start, end=end, text=text[start:end], kind="name", is_matched=name.is_known)


def _statuses(text: str, context: Any) -> Iterator[Claim]:
    statuses = Statuses(context)
    asserted = ((part, one) for part in split(text) for one in statuses.asserted(part))
    for sentence, one in islice(asserted, MOST_CLAIMS):
        is_matched, said = statuses.judge(one, sentence)
        start, end = one.start + sentence.offset, one.end + sentence.offset
        yield Claim(
            start=start,
            end=end,
            text=text[start:end],
            kind="status",
            is_matched=is_matched,
            said=None if is_matched else said,
        )
