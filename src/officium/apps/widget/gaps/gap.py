"""Questions without a good answer, put together by what they ask."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from officium.apps.widget.knowledge.entry import folded

LEAST_ALIKE = 0.34
"""From which share of common parts of words on two questions are taken to ask for the same."""
MOST_GAPS = 100
_SHOWN = 20


class UnansweredQuestion(Struct, frozen=True, kw_only=True):
    """A question that got the default, or an answer its visitor did not like. Personal data is masked."""

    id: int
    text: str
    is_disliked: bool
    asked_at: datetime


class Gap(Struct, frozen=True, kw_only=True):
    """Questions that ask for the same, the newest first. `count` is how often it was asked."""

    question: str
    phrasings: tuple[str, ...]
    count: int
    disliked: int
    last_asked_at: datetime
    request_ids: tuple[int, ...]


def find_gaps(questions: Sequence[UnansweredQuestion]) -> list[Gap]:
    """The gaps, those asked most often first.

    Goes through the questions, newest first: each joins the gap whose first question it is most like, by
    Jaccard's measure of character triples, or opens one.
    """
    leaders: list[frozenset[str]] = []
    groups: list[list[UnansweredQuestion]] = []
    for question in sorted(questions, key=lambda each: -each.id):
        parts = _parts(question.text)
        if not parts:
            continue
        alike = [len(parts & leader) / len(parts | leader) for leader in leaders]
        best = max(range(len(alike)), key=alike.__getitem__, default=None)
        if best is not None and alike[best] >= LEAST_ALIKE:
            groups[best].append(question)
        elif len(leaders) < 1_000:
            leaders.append(parts)
            groups.append([question])
    gaps = [_gap(group) for group in groups]
    return sorted(gaps, key=lambda gap: (-gap.count, -gap.request_ids[0]))[:MOST_GAPS]


def _gap(group: Sequence[UnansweredQuestion]) -> Gap:
    texts = list(dict.fromkeys(question.text for question in group))
    return Gap(
        question=texts[0],
        phrasings=tuple(texts[:_SHOWN]),
        count=len(group),
        disliked=sum(question.is_disliked for question in group),
        last_asked_at=max(question.asked_at for question in group),
        request_ids=tuple(question.id for question in group),
    )


def _parts(text: str) -> frozenset[str]:
    plain = f" {folded(text)} "
    return frozenset(plain[place : place + 3] for place in range(max(0, len(plain) - 2)))
