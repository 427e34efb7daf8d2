"""What a knowledge base holds, and what is found in it."""

from dataclasses import dataclass

PHRASING_LONGEST = 2_000
"""Characters of a phrasing that are read; what comes after them does not help to find it."""
QUESTION_LONGEST = 1_000
"""Characters of a visitor's question that are read."""
PHRASINGS_MOST = 200
"""Phrasings of one entry that are read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer and the ways to ask for it.

    `language` is a tag such as `de`, or None where nobody said. An entry without phrasings is found by its
    answer.
    """

    id: int
    phrasings: tuple[str, ...]
    answer: str | None
    language: str | None = None
    tags: tuple[str, ...] = ()

    def texts(self) -> tuple[str, ...]:
        """Return the texts by which the entry is found, as far as they are read; never none."""
        written = dict.fromkeys(text[:PHRASING_LONGEST] for text in self.phrasings if text.strip())
        return tuple(written)[:PHRASINGS_MOST] or ((self.answer or "")[:PHRASING_LONGEST],)


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that was found.

    `score` orders the matches of one search and means nothing beyond it. `confidence` is the probability
    that this entry answers the question: fitted for the first match, and for the others what the first
    leaves over.
    """

    entry_id: int
    score: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What a search found, best first. `scope` is the probability that some entry has the answer."""

    matches: tuple[Match, ...]
    scope: float


NOTHING = Findings((), 0.0)
