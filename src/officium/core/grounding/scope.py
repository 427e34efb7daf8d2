"""What a sentence says of each of its figures: the name it has, the thing it is of, and how it came about."""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

from msgspec import Struct

from officium.core.grounding.book import Book, Mentions
from officium.core.grounding.fact import CODE, names_of_date
from officium.core.grounding.figure import Figure, find_figures, find_number_words
from officium.core.grounding.sentence import Sentence, Word
from officium.core.grounding.words import (
    ALL_CUES,
    CUES,
    MONTHS,
    NUMBERED,
    QUALIFIERS,
    SOURCES,
    SPANS,
    STOPS,
)

_YEARS = range(1990, 2101)
_REACH_AFTER = 4
_REACH_BEFORE = 7
_CLAUSES_BACK = 12
_MOST_TOKENS = 60
_MOST_WORDS = 400
_QUARTER = re.compile(
    r"\b(?:[QT](?P<number>[1-4])|(?P<word>first|second|third|fourth|erste\w*|zweite\w*|dritte\w*|vierte\w*|premier"
    r"|deuxième|troisième|quatrième|primer|segundo|tercer|cuarto)\s(?:quarter|quartal|trimestre))\b",
    re.IGNORECASE,
)
_ORDINALS = ("first erste premier primer", "second zweite deuxième segundo", "third dritte troisième tercer")
_MARKUP = " \t*_#>-•"


class Trail(Struct):
    """What earlier sentences of a text leave behind for the next."""

    heading: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    header: list[list[Word]] | None = None
    figures: int = 0
    steps: int = 0
    operands: tuple[Any, ...] = ()


class Token(Struct, frozen=True):
    """A word by which a record may go, where it stands. A reference is what something is compared with."""

    start: int
    word: str
    is_reference: bool = False


class Scope(Struct, frozen=True, kw_only=True):
    """What the sentence says of one figure.

    `near` are the labels beside it with their weights, `own` the records beside it, `mentions` those too that
    are carried on from before; `beside` are the records of its clause, `all_mentions` those of its sentence.
    `words` and `all_words` are the labels of its clause and sentence, `cues` and `all_cues` what these say.
    `direction` is 1 for a rise and -1 for a fall.
    """

    near: dict[str, float]
    own: Mentions
    mentions: Mentions
    beside: Mentions
    all_mentions: Mentions
    words: frozenset[str]
    all_words: frozenset[str]
    cues: frozenset[str]
    all_cues: frozenset[str]
    direction: int
    is_source: bool
    is_old: bool


class Scopes:
    """The scopes of the figures of a sentence."""

    def __init__(self, sentence: Sentence, book: Book, trail: Trail) -> None:
        self.sentence = sentence
        self.book = book
        self.trail = trail
        for word in sentence.words:
            word.label = book.known(word.label)
        self.figures = self._find()
        self._used: set[int] = set()
        self._taken: set[int] = set()

    def _find(self) -> list[Figure]:
        text = self.sentence.text
        found = [one for one in find_figures(text) if not _is_mark(text, one)]
        taken = {place for one in found for place in (one.start, one.end - 1)}
        spelled = [one for one in find_number_words(text) if one.start not in taken and self._counts(one)]
        return sorted(found + spelled, key=lambda one: one.start)

    def _counts(self, figure: Figure) -> bool:
        """Whether a number written as a word counts something that the context knows."""
        if figure.kind == "duration":
            return figure.readings[0].value > 1
        following = self.sentence.between(figure.end, figure.end + 40)[:2]
        clause = self.sentence.between(*self.sentence.clause(figure.start, figure.end))
        if any(word.label in self.book.needs and word.label not in QUALIFIERS for word in clause):
            return True
        names = {word.label for word in following} & self.book.labels - QUALIFIERS
        return figure.readings[0].value > 1 and bool(names)

    @cached_property
    def tokens(self) -> list[Token]:
        """The words by which records may go, in the order of their places."""
        text, found = self.sentence.text, []
        for word in self.sentence.words:
            found += [(word.start, name) for name in _names(word)]
        for one, other in zip(self.sentence.words, self.sentence.words[1:], strict=False):
            if other.lower in SPANS:
                found.append((one.start, f"{one.lower}~{SPANS[other.lower]}"))
        found += [(match.start(), match.group().lower()) for match in CODE.finditer(text)]
        found += [(match.start(), _quarter(match)) for match in _QUARTER.finditer(text)]
        for figure in self.figures:
            for day in figure.dates[:1]:
                found += [(figure.start, name) for name in names_of_date(day)]
        return [Token(start, word, self._is_reference(start)) for start, word in sorted(found)]

    def _is_reference(self, start: int) -> bool:
        before = self.sentence.between(max(0, start - 24), start)[-3:]
        return any(word.lower in SOURCES - {"of", "de", "was", "were"} for word in before)

    @cached_property
    def words(self) -> frozenset[str]:
        """The labels in the sentence."""
        return frozenset(word.label for word in self.sentence.words)

    @cached_property
    def cues(self) -> frozenset[str]:
        """What the words of the sentence, and a plus between two figures, say of figures."""
        found = _cues(self.sentence.words)
        between = (self.sentence.text[one.end : other.start] for one, other in pairwise(self.figures))
        return found | {"total"} if any(text.strip() == "+" for text in between) else found

    @cached_property
    def all_mentions(self) -> Mentions:
        """The records that the sentence speaks of."""
        return self.book.mentions(frozenset(one.word for one in self.tokens[:_MOST_WORDS]))

    def of(self, index: int) -> Scope:
        """The scope of a figure; to be asked in their order."""
        figure = self.figures[index]
        clause = self.sentence.clause(figure.start, figure.end)
        inside = self.sentence.between(*clause)
        own = self._own(index, clause)
        before = self.sentence.between(max(0, figure.start - 30), figure.start)
        is_source = bool(before) and any(
            word.lower in SOURCES and not self.sentence.text[word.end : figure.start].strip(" $€£")
            for word in before[-1:]
        )
        cues = _cues(inside)
        return Scope(
            near=self._near(index, clause),
            own=own,
            mentions=self._carried(figure, own, is_source=is_source),
            beside=self._mentions(*clause),
            all_mentions=self.all_mentions,
            words=frozenset(word.label for word in inside),
            all_words=self.words,
            cues=cues,
            all_cues=self.cues,
            direction=self._direction(figure),
            is_source=is_source,
            is_old="earlier" in cues,
        )

    # What it is called

    def _near(self, index: int, clause: tuple[int, int]) -> dict[str, float]:
        if self.sentence.is_row:
            return self._near_in_row(self.figures[index])
        after = self._after(index, clause[1])
        weight = 0.5 if any(word.label not in QUALIFIERS for word in after) else 1.0
        found = {word.label: weight for word in self._before(index, clause[0])}
        found |= {word.label: 1.0 for word in after}
        return {word: weight * (0.6 if word in QUALIFIERS else 1.0) for word, weight in found.items()}

    def _after(self, index: int, end: int) -> list[Word]:
        figure = self.figures[index]
        end = min([end, *(one.start for one in self.figures[index + 1 : index + 2])])
        found = []
        for word in self.sentence.between(figure.end, end)[:_REACH_AFTER]:
            if word.lower in _AUXILIARIES:
                continue
            if word.lower in STOPS and word.label not in self.book.labels:
                break
            if word.label in self.book.labels:
                found.append(word)
                self._used.add(word.start)
        return found

    def _before(self, index: int, start: int) -> list[Word]:
        figure = self.figures[index]
        last = max([start, *(one.end for one in self.figures[max(0, index - 1) : index])])
        words = [one for one in self.sentence.between(last, figure.start) if one.start not in self._used]
        if last > start and all(one.lower in _ONWARD for one in words):
            words = [one for one in self.sentence.between(start, figure.start) if one.start not in self._used]
        return [word for word in words[-_REACH_BEFORE:] if word.label in self.book.labels]

    def _near_in_row(self, figure: Figure) -> dict[str, float]:
        text = self.sentence.text
        column = text.count("|", 0, figure.start)
        words = (
            list(self.trail.header[column]) if self.trail.header and column < len(self.trail.header) else []
        )
        first = text.find("|", text.find("|") + 1)
        words += self.sentence.between(0, first if first > 0 else figure.start)
        return {word.label: 1.0 for word in words if word.label in self.book.labels}

    # What it is of

    def _own(self, index: int, clause: tuple[int, int]) -> Mentions:
        figure = self.figures[index]
        if self.sentence.is_row:
            return self._mentions(0, len(self.sentence.text))
        last = max(
            [clause[0], *(one.end for one in self.figures[max(0, index - 1) : index] if not one.dates)]
        )
        found = self._mentions(last, figure.start, but=self._taken)
        end = min([clause[1], *(one.start for one in self.figures[index + 1 : index + 2] if not one.dates)])
        for word in self.sentence.between(figure.end, end):
            if word.lower in SOURCES - {"of", "de", "was", "were"}:
                end = word.start
                break
        after = self._mentions(figure.end, end)
        if after and not found:
            self._taken |= {one.start for one in self._between(figure.end, end)}
        return {**after, **found}

    def _mentions(
        self, start: int, end: int, *, with_references: bool = True, but: Collection[int] = ()
    ) -> Mentions:
        words = frozenset(
            one.word
            for one in self._between(start, end)
            if one.start not in but and (with_references or not one.is_reference)
        )
        return self.book.mentions(words) if words else {}

    def _between(self, start: int, end: int) -> list[Token]:
        first, last = (bisect_left(self.tokens, place, key=_start) for place in (start, end))
        return self.tokens[max(first, last - _MOST_TOKENS) : last]

    def _carried(self, figure: Figure, own: Mentions, *, is_source: bool) -> Mentions:
        """Its own records and, of other families, those that the sentence or the heading named last."""
        found = dict(own)
        if is_source:
            return found
        inherited = [self._last_before(figure.start)]
        if self.sentence.words and self.sentence.words[0].lower in _PRONOUNS:
            inherited.append(self.book.mentions(self.trail.before))
        inherited.append(self.book.mentions(self.trail.heading))
        for mentions in inherited:
            for family, things in mentions.items():
                found.setdefault(family, things)
        return found

    def _last_before(self, end: int) -> Mentions:
        """The record of each family that was named last before a place."""
        found: dict[str, frozenset[int]] = {}
        for _ in range(_CLAUSES_BACK):
            start = self.sentence.clause(end, end)[0]
            for family, things in self._mentions(start, end, with_references=False).items():
                found.setdefault(family, things)
            end = start - 1
            if end < 0:
                break
        return found

    def _direction(self, figure: Figure) -> int:
        """Whether the text calls the figure a rise (1) or a fall (-1)."""
        clause = self.sentence.clause(figure.start, figure.end)
        after = self.sentence.between(figure.end, clause[1])[:3]
        before = self.sentence.between(0, figure.start)[::-1][:14]
        for word in (*after, *before):
            cues = ALL_CUES.get(word.lower, ())
            if "up" in cues or "down" in cues:
                return 1 if "up" in cues else -1
        return 0


def _start(token: Token) -> int:
    return token.start


_AUXILIARIES = frozenset({"was", "were", "been", "wurden", "have", "had", "été", "fueron", "se"})
_ONWARD = frozenset({"to", "from", "at", "now", "a", "à", "au", "auf", "hasta", "nach", "bis"})
"""Words that lead from one figure to the next of the same thing."""
_PRONOUNS = frozenset(
    {"it", "its", "they", "their", "this", "that", "he", "she", "er", "es", "sie", "il", "elle"}
)


def leave_behind(scopes: Scopes, trail: Trail) -> None:
    """Note what the next sentences need to know of this one."""
    sentence = scopes.sentence
    words = frozenset(token.word for token in scopes.tokens)
    if sentence.is_row:
        if trail.header is None:
            trail.header = _cells(sentence)
        return
    trail.header = None
    if sentence.is_heading:
        trail.heading = words
    if not sentence.text.strip():
        trail.before = frozenset()
    elif words:
        trail.before = words


def _cells(sentence: Sentence) -> list[list[Word]]:
    bars = (
        [-1] + [place for place, letter in enumerate(sentence.text) if letter == "|"] + [len(sentence.text)]
    )
    return [sentence.between(left, right) for left, right in pairwise(bars)]


def _cues(words: Iterable[Word]) -> frozenset[str]:
    found = {cue for word in words for cue in ALL_CUES.get(word.lower, ())}
    previous = ""
    for word in words:
        if previous in ("this", "dieser", "diesem") and word.lower in SPANS:
            found.add("latest")
        previous = word.lower
    return frozenset(found)


def _names(word: Word) -> Sequence[str]:
    month = MONTHS.get(word.lower)
    if month is not None:
        return (f"m{month}", word.lower)
    return (word.lower,) if word.label == word.lower else (word.lower, word.label)


def _quarter(match: re.Match[str]) -> str:
    if match["number"]:
        return f"q{match['number']}"
    said = match["word"].lower()
    number = next(
        (n for n, words in enumerate(_ORDINALS, 1) if any(said.startswith(w) for w in words.split())), 4
    )
    return f"q{number}"


def _is_mark(text: str, figure: Figure) -> bool:
    """Whether a number numbers something instead of counting it: a list, a step, a year, a quarter."""
    if figure.kind != "number":
        return False
    before, after = text[max(0, figure.start - 24) : figure.start], text[figure.end : figure.end + 24]
    if not text[: figure.start].strip(_MARKUP) and re.match(r"[.):]\s|\.?$|\)$|\*\*|\.\*\*", after):
        return True
    if before.endswith(("#", "№")) or re.search(r"[A-Za-z]{2,}-$", before):
        return True
    word = re.search(r"([^\W\d_]+)\.?\s?$", before)
    if word and word[1].lower() in NUMBERED and not word[1].islower():
        return True
    if word and word[1].lower() in NUMBERED - set(SPANS) - _COUNTED:
        return True
    if re.match(r"\s?/\s?\d{1,2}(?!\d)|x\d|(?:st|nd|rd|th)\b|-in-\d", after) or re.search(
        r"\d\s?/\s?$", before
    ):
        return not re.match(r"\s?/\s?[\d,.]{3,}", after) and not re.search(r"[\d,.]{2,}\s?/\s?$", before)
    value = figure.readings[0].value
    return value == value.to_integral_value() and value in _YEARS and figure.text.isdecimal()


_COUNTED = CUES["points"] | {"page", "item", "order", "stage", "number"}
