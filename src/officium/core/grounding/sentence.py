"""A text cut into sentences, and what stands where in each of them.

Where a sentence ends depends on the `LOOKAHEAD` characters after its mark and on nothing later, so a text
that comes in pieces is cut the same way as one that is whole.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property

from officium.core.grounding.fact import label
from officium.core.grounding.words import MONTHS

LOOKAHEAD = 24
LONGEST_SENTENCE = 4_000
_LONGEST_CLAUSE = 300

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_END = re.compile(
    rf"\n|[.!?…؟][*_\"'”)\]]{{0,4}}(?=\s)(?![ \u00a0](?:{_MONTH})\b)",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(
    r"(?:^|[^\w.])(?:[a-z]|[a-z]\.\s?[a-z]|vs|ca|approx|dr|mr|mrs|ms|no|nr|mio|mrd|inkl|incl|est|bzw)$",
    re.IGNORECASE,
)
_LIST_MARK = re.compile(r"[\s*_#>•-]*\d{1,3}")
_WORD = re.compile(r"[^\W\d_]+")
_BREAK = re.compile(
    r"[,;،؛](?=\s|$)|[()\n|→]|\s[–—-]\s|[.!?؟]\s"
    r"|\s(?:and|but|while|whereas|versus|und|aber|während|et|mais|y|pero|then)(?=\s)|\sو(?=\S)",
    re.IGNORECASE,
)


def sentence_end(text: str, start: int, *, is_whole: bool) -> int | None:
    """Where the sentence of `text` ends that begins at `start`; `None` while that depends on what follows.

    `is_whole` says that nothing follows. At the end of the whole text there is no sentence: `None`.
    """
    limit = start + LONGEST_SENTENCE
    is_whole = is_whole and len(text) <= limit + LOOKAHEAD
    for match in _END.finditer(text, start, limit + LOOKAHEAD):
        if match.end() > limit:
            break
        if match.group() == "\n":
            return match.end()
        if not is_whole and not _is_decided(text, match.end()):
            return None
        if not _LIST_MARK.fullmatch(text, start, match.start()) and not _abbreviates(text, start, match):
            return match.end()
    if len(text) >= limit + LOOKAHEAD:
        return limit
    return len(text) if is_whole and start < len(text) else None


def _is_decided(text: str, end: int) -> bool:
    return len(text) - end >= LOOKAHEAD or text.find("\n", end) >= 0


def _abbreviates(text: str, start: int, match: re.Match[str]) -> bool:
    before = text[max(start, match.start() - 10) : match.start()]
    return match.group()[0] == "." and bool(_ABBREVIATION.search(before))


def split(text: str) -> Iterator["Sentence"]:
    """The sentences of a text, in order, each with its place."""
    start = 0
    while (end := sentence_end(text, start, is_whole=True)) is not None:
        yield Sentence(text[start:end], start)
        start = end


class Word:
    """A word at `text[start:end]`; `label` is what it names."""

    __slots__ = ("end", "label", "lower", "start")

    def __init__(self, start: int, end: int, text: str) -> None:
        self.start, self.end = start, end
        self.lower = text.lower()
        self.label = label(text)


class Sentence:
    """One sentence, with the places of its words and of the breaks between its clauses."""

    def __init__(self, text: str, offset: int = 0) -> None:
        self.text = text
        self.offset = offset

    @cached_property
    def words(self) -> list[Word]:
        """Its words, in order."""
        return [Word(match.start(), match.end(), match.group()) for match in _WORD.finditer(self.text)]

    @cached_property
    def _starts(self) -> list[int]:
        return [word.start for word in self.words]

    @cached_property
    def _breaks(self) -> tuple[list[int], list[int]]:
        spans = [match.span() for match in _BREAK.finditer(self.text)]
        return [start for start, _ in spans], [end for _, end in spans]

    @property
    def is_row(self) -> bool:
        """Whether it is a row of a table."""
        return self.text.count("|") > 1 and self.text.lstrip().startswith("|")

    @property
    def is_heading(self) -> bool:
        """Whether it stands above what follows: `## Revenue`, or nothing but bold words."""
        bare = self.text.strip()
        return bare.startswith("#") or (bare.startswith("**") and bare.rstrip(":").endswith("**"))

    def between(self, start: int, end: int) -> list[Word]:
        """The words that begin in `text[start:end]`."""
        return self.words[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def clause(self, start: int, end: int) -> tuple[int, int]:
        """The clause around `text[start:end]`: up to the next comma, bracket or `and`."""
        begins, ends = self._breaks
        left = bisect_right(ends, start)
        right = bisect_left(begins, end)
        first = ends[left - 1] if left else 0
        last = begins[right] if right < len(begins) else len(self.text)
        return max(first, start - _LONGEST_CLAUSE), min(last, end + _LONGEST_CLAUSE)
