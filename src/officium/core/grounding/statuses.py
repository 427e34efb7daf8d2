"""What a context says of the state of its things, and what a text asserts of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from msgspec import Struct

from officium.core.grounding.book import Book
from officium.core.grounding.context import DEEPEST
from officium.core.grounding.fact import CODE, Facts, Record, labels_of
from officium.core.grounding.records import LONGEST_NAME, names_in
from officium.core.grounding.sentence import Sentence, split
from officium.core.grounding.words import ASSERTS, DENIALS, STATUS_KEYS, STATUSES, TOO_COMMON

_WORD = re.compile(r"[^\W\d_]+")
_KEY_WORD = re.compile(r"[A-Z]?[a-z]+")
_MOST_STRINGS = 2_000
_REACH = 5
"""Words between a status and what asserts it."""


class Assertion(Struct, frozen=True):
    """A status that a text asserts, at `start` to `end` of its sentence."""

    start: int
    end: int
    status: str


class _Source(Struct, frozen=True):
    """A string of the context: its words and the statuses it asserts and denies."""

    path: str
    words: frozenset[str]
    statuses: frozenset[str]
    denied: frozenset[str]


class Statuses:
    """The statuses in a context: of each record, and in each of its sentences."""

    def __init__(self, context: Any) -> None:
        strings = list(islice(_strings(context, ""), _MOST_STRINGS))
        self._own = {
            value.lower(): value.lower()
            for path, value in strings
            if labels_of(path.rsplit(".", 1)[-1]) & STATUS_KEYS and len(value) <= LONGEST_NAME
        }
        self._phrases = {**STATUSES, **self._own}
        found = sorted(self._phrases, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, found))})(?!\w)", re.IGNORECASE)
        self._sources = [self._source(path, value) for path, value in strings]
        records = list(islice(_records(context, ""), _MOST_STRINGS))
        self._of = [self._asserted_by(values) for _, values in records]
        self._book = Book(Facts((), tuple(record for record, _ in records), is_complete=True))

    def _asserted_by(self, strings: Sequence[str]) -> frozenset[str]:
        return frozenset(status for one in strings for status in self._source("", one).statuses)

    def asserted(self, sentence: Sentence) -> Iterator[Assertion]:
        """The statuses that a sentence asserts of something."""
        if sentence.text.rstrip().endswith(("?", "؟")) or sentence.is_heading:
            return
        for match in self._pattern.finditer(sentence.text):
            said = match.group().lower()
            clause = sentence.clause(match.start(), match.end())
            before = [word.lower for word in sentence.between(clause[0], match.start())]
            if set(before) & DENIALS or (sentence.words and sentence.words[0].lower in DENIALS):
                continue
            is_own = said in self._own
            is_said = is_own or set(before[-_REACH:]) & ASSERTS or self._is_verb(sentence, match)
            if is_said and (is_own or self._phrases[said] not in _VAGUE):
                yield Assertion(match.start(), match.end(), self._phrases[said])

    def _is_verb(self, sentence: Sentence, match: re.Match[str]) -> bool:
        """Whether somebody did it: `Globex paid`."""
        before = sentence.text[: match.start()].rstrip(" *").rsplit(" ", 1)[-1]
        return match.group().endswith(("ed", "id")) and (before[:1].isupper() or before.endswith(":"))

    def judge(self, assertion: Assertion, sentence: Sentence) -> tuple[bool, str | None]:
        """Whether the context says so, and what it says instead."""
        record = self._record(assertion, sentence)
        if record is not None and self._of[record]:
            return _covers(self._of[record], assertion.status), ", ".join(sorted(self._of[record]))
        near = self._nearest(sentence)
        if near is not None and (near.statuses or near.denied):
            is_so = _covers(near.statuses, assertion.status) and assertion.status not in near.denied
            return is_so, near.path
        return any(assertion.status in source.statuses for source in self._sources), None

    def _record(self, assertion: Assertion, sentence: Sentence) -> int | None:
        """The record that the status is asserted of: named in its clause, or else before it."""
        start, end = sentence.clause(assertion.start, assertion.end)
        whole = len(sentence.text)
        for first, last in ((start, assertion.start), (start, end), (0, assertion.start), (0, whole)):
            words = frozenset(_WORD.findall(sentence.text[first:last].lower()))
            codes = frozenset(CODE.findall(sentence.text[first:last].lower()))
            things = [one for found in self._book.mentions(words | codes).values() for one in found]
            if things:
                return things[0] if len(things) == 1 else self._best(things, assertion)
        return None

    def _best(self, things: Sequence[int], assertion: Assertion) -> int:
        return next((one for one in things if not _covers(self._of[one], assertion.status)), things[0])

    def _nearest(self, sentence: Sentence) -> _Source | None:
        """The string of the context that speaks of the same as a sentence."""
        words = frozenset(word.label for word in sentence.words) - TOO_COMMON
        best = max(self._sources, key=lambda source: len(source.words & words), default=None)
        return best if best is not None and len(best.words & words) >= 2 else None

    def _source(self, path: str, value: str) -> _Source:
        statuses: set[str] = set()
        denied: set[str] = set()
        for sentence in split(value[:2_000]):
            for match in self._pattern.finditer(sentence.text):
                before = {word.lower for word in sentence.between(0, match.start())[-_REACH:]}
                kind = denied if before & (DENIALS - {"to", "if", "after", "before"}) else statuses
                said = match.group().lower()
                kind |= {self._phrases[said]} | {STATUSES[word] for word in said.split() if word in STATUSES}
        words = frozenset(word.label for part in split(value[:2_000]) for word in part.words) - TOO_COMMON
        return _Source(path, words, frozenset(statuses), frozenset(denied))


_VAGUE = frozenset({"open", "active", "started", "pending"})
"""Statuses that nearly anything may have; they count where the context itself uses them."""

_IMPLIES: Mapping[str, frozenset[str]] = {
    "delivered": frozenset({"shipped", "completed"}),
    "resolved": frozenset({"closed", "completed"}),
    "completed": frozenset({"closed"}),
    "in transit": frozenset({"shipped"}),
    "delayed": frozenset({"in transit", "shipped"}),
    "overdue": frozenset({"pending", "open"}),
    "pending": frozenset({"open"}),
    "active": frozenset({"started", "open"}),
}
"""What else is true of a thing of which a status is."""


def _covers(statuses: frozenset[str], status: str) -> bool:
    return status in statuses or any(status in _IMPLIES.get(one, ()) for one in statuses)


def _strings(node: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > DEEPEST:
        return
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, bool | int | float | Decimal):
        if node > 0 and (said := _told_by_key(path, node)):
            yield path, said
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _strings(value, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(node, Sequence) and not isinstance(node, bytes):
        for index, value in enumerate(node):
            yield from _strings(value, f"{path}[{index}]", depth + 1)


def _told_by_key(path: str, value: object) -> str | None:
    """The status that a key such as `days_overdue` or `isPaid` tells of a value above nothing."""
    words = [word.lower() for word in _KEY_WORD.findall(path.rsplit(".", 1)[-1])]
    first, last = words[:-1], words[-1:]
    is_told = first in ([], ["is"], ["was"]) if value is True else first == ["days"]
    return last[0] if is_told and last and last[0] in STATUSES else None


def _records(node: Any, path: str, depth: int = 0) -> Iterator[tuple[Record, list[str]]]:
    """The things in the lists of a context, with what is said of each."""
    if depth > DEEPEST:
        return
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _records(value, f"{path}.{key}", depth + 1)
    elif isinstance(node, Sequence) and not isinstance(node, str | bytes):
        for item in node:
            if isinstance(item, Mapping):
                strings = [value for _, value in _strings(item, "")]
                yield Record(family=path, names=names_in(item)), strings
            yield from _records(item, f"{path}[]", depth + 1)
