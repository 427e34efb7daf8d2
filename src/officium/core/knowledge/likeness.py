"""How alike a question and each entry are: by meaning, by words and by letters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from officium.core.knowledge.explanation import PHRASINGS_ASKED, explained
from officium.core.knowledge.lexicon import Asked, Lexicon
from officium.core.knowledge.rows import Floats, Ints
from officium.core.knowledge.vectors import Vectors

_TINY = 1e-9
_LEXICAL_SHARE = 0.17
"""Of the score where there are sentence vectors."""
_MIDDLE_SHARE, _MIDDLE_SHARE_LEXICAL = 0.5, 0.7
"""How much the middle of an entry's phrasings counts beside the best, with and without sentence vectors."""
_CROWDING, _CROWDING_LEXICAL = 0.4, 0.3
_EXPLAINED = 0.4
"""How much it counts that phrasings explain a question. Half of it finds fewer, 0.6 no more."""
_NEIGHBOURS = 5
_SAMPLE_LARGEST, _SAMPLE_LARGEST_LEXICAL = 4_096, 800
_COMPARED_MOST = 40_000_000
_COMPARED_BY_MEANING_MOST = 100_000_000
"""Pairs of texts that are compared while an index is built; a few seconds."""
_LIKELY_BY_MEANING, _LIKELY_BY_WORDS = 300, 100


@dataclass(frozen=True, slots=True)
class Likeness:
    """A question against the entries `places`, which are all of them, or the likely ones of very many.

    `meaning`, `words` and `letters` have shape (2, places): the best phrasing, and the middle of all
    phrasings, mostly from 0 to 1. `scores` orders the entries. `unknown` is as in the lexicon; `subject`
    says how much the question is like the knowledge base as a whole.
    """

    places: Ints
    meaning: Floats | None
    words: Floats
    letters: Floats
    scores: Floats
    unknown: float
    subject: float


@dataclass(frozen=True, slots=True)
class Measures:
    """What it takes to compare a question with every entry.

    Texts stand in the order of their entries; the entry e has `counts[e]` texts, from `starts[e]` on.
    """

    starts: Ints
    counts: Floats
    lexicon: Lexicon
    vectors: Vectors | None
    meaning_lengths: Floats
    words_lengths: Floats
    letters_lengths: Floats
    crowding: Floats
    """For each entry how close its phrasings are to others'; one that is close to all is found too often."""
    are_many: bool
    """Whether a question is compared with the likely texts only."""

    @classmethod
    def build(cls, texts: Sequence[str], owners: Ints, vectors: Vectors | None, are_many: bool) -> "Measures":
        """`owners` ascends from 0; `vectors` has one for each text, or is None."""
        counts = np.bincount(owners).astype(np.float32)
        starts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))[: len(counts)]
        lexicon = Lexicon.build(texts, owners, are_many)
        words, letters = lexicon.middle_lengths(owners, counts)
        lengths = np.ones(len(counts), np.float32)
        if vectors is not None and len(counts):
            lengths = _middle_lengths(vectors, starts, counts)
        crowding = np.zeros(len(counts), np.float32)
        if len(counts) > 1:
            close = (
                _crowding(lexicon, texts, owners)
                if vectors is None
                else _crowding_by_meaning(vectors, owners)
            )
            crowding = np.asarray(np.add.reduceat(close, starts) / counts, np.float32)
        lengths, words, letters = (np.asarray(one + _TINY, np.float32) for one in (lengths, words, letters))
        return cls(starts, counts, lexicon, vectors, lengths, words, letters, crowding, are_many)

    @property
    def size_bytes(self) -> int:
        """About how much memory this takes."""
        return self.lexicon.size_bytes + (0 if self.vectors is None else self.vectors.size_bytes)

    def compare(self, question: str, vector: Floats | None, without: int | None = None) -> Likeness:
        """Compare `question`, whose sentence vector is `vector`, with the entries.

        `without` leaves out a text by its number, so that a knowledge base can be asked its own phrasings.
        """
        asked = self.lexicon.ask(question)
        chosen = self._choose(asked, vector, without)
        words, letters = self.lexicon.agree(asked, chosen.rows)
        by_words = chosen.both(words, self.words_lengths)
        by_letters = chosen.both(letters, self.letters_lengths)
        lexical = np.asarray((by_words + by_letters) / 2, np.float32)
        crowding = self.crowding[chosen.places]
        if self.vectors is None or vector is None:
            scores: Floats = _mixed(lexical, _MIDDLE_SHARE_LEXICAL) - _CROWDING_LEXICAL * crowding
            subject = float(lexical[1].mean()) if len(chosen.places) else 0.0
            return Likeness(chosen.places, None, by_words, by_letters, scores, asked.unknown, subject)
        alike = (
            self.vectors.scan(vector) if chosen.rows is None else self.vectors.compare(chosen.rows, vector)
        )
        meaning = chosen.both(alike, self.meaning_lengths)
        near = _mixed(meaning, _MIDDLE_SHARE) - _CROWDING * crowding
        agreed = np.asarray((words + letters) / 2, np.float32)
        shares = self._explained(chosen, _blended(alike, agreed))
        scores = _blended(near, _mixed(lexical, _MIDDLE_SHARE)) + _EXPLAINED * shares
        subject = float(self.vectors.middle @ vector)
        return Likeness(chosen.places, meaning, by_words, by_letters, scores, asked.unknown, subject)

    def _explained(self, chosen: "_Chosen", near: Floats) -> Floats:
        """Return how much of the question each entry explains; `near` has how close each text is to it."""
        texts = chosen.nearest(near, PHRASINGS_ASKED)
        if self.vectors is None or not len(texts):
            return np.zeros(len(chosen.places), np.float32)
        rows = texts if chosen.rows is None else chosen.rows[texts]
        among = _blended(self.vectors.among(rows), self.lexicon.among(rows))
        owners = np.searchsorted(chosen.starts, texts, "right") - 1
        shares = np.bincount(owners, explained(near[texts], among), len(chosen.places))
        return np.asarray(shares, np.float32)

    def _choose(self, asked: Asked, vector: Floats | None, without: int | None) -> "_Chosen":
        """Return all entries where they are few, and else those of which a text looks likely."""
        if not self.are_many:
            return _Chosen(np.arange(len(self.counts)), None, self.starts, self.counts, without)
        rows = [self.lexicon.likely(asked, _LIKELY_BY_WORDS)]
        if self.vectors is not None and vector is not None:
            alike = self.vectors.scan(vector)
            count = min(_LIKELY_BY_MEANING, len(alike))
            rows.append(np.argpartition(-alike, count - 1)[:count])
        owners = (
            np.searchsorted(
                self.starts, np.concatenate((*rows, [0] if without is None else [without])), "right"
            )
            - 1
        )
        places = np.unique(owners)
        counts = self.counts[places]
        starts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        texts = np.arange(starts[-1]) + np.repeat(self.starts[places] - starts[:-1], counts.astype(np.int64))
        left_out = None if without is None else int(np.searchsorted(texts, without))
        return _Chosen(places, texts, starts[:-1], counts, left_out)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The entries a question is compared with, and their texts; `rows` is None for all texts.

    `starts` and `without` count the texts in `rows`.
    """

    places: Ints
    rows: Ints | None
    starts: Ints
    counts: Floats
    without: int | None

    def nearest(self, near: Floats, count: int) -> Ints:
        """Return up to `count` texts that are nearest, by their places in `near`."""
        if self.without is not None:
            near = near.copy()
            near[self.without] = -np.inf
        count = min(count, len(near) - (self.without is not None))
        return np.sort(np.argpartition(-near, max(count - 1, 0))[:count])

    def both(self, by_text: Floats, lengths: Floats) -> Floats:
        """Return the best and the middle of each entry's texts; -1 where only the one left out is there."""
        counts, lengths = self.counts, lengths[self.places]
        if self.without is None:
            best = np.maximum.reduceat(by_text, self.starts)
        else:
            owner = int(np.searchsorted(self.starts, self.without, side="right")) - 1
            counts = counts.copy()
            counts[owner] -= 1
            by_text = by_text.copy()
            by_text[self.without] = -1.0
            best = np.maximum.reduceat(by_text, self.starts)
            by_text[self.without] = 0.0
        middle = np.add.reduceat(by_text, self.starts) / (np.maximum(counts, 1) * lengths)
        return np.stack((best, np.where(counts > 0, middle, -1.0))).astype(np.float32)


def _middle_lengths(vectors: Vectors, starts: Ints, counts: Floats) -> Floats:
    """Return for each entry the length of the mean of its vectors."""
    found = np.empty(len(starts), np.float32)
    for first in range(0, len(starts), 1_024):
        part = slice(first, first + 1_024)
        begin = int(starts[first])
        rows = vectors.rows(slice(begin, begin + int(counts[part].sum())))
        sums = np.add.reduceat(rows, starts[part] - begin)
        found[part] = np.linalg.norm(sums / counts[part, None], axis=1)
    return found


def _mixed(both: Floats, middle_share: float) -> Floats:
    mixed: Floats = (1 - middle_share) * both[0] + middle_share * both[1]
    return mixed


def _blended(meaning: Floats, lexical: Floats) -> Floats:
    blended: Floats = (1 - _LEXICAL_SHARE) * meaning + _LEXICAL_SHARE * lexical
    return blended


def _crowding_by_meaning(vectors: Vectors, owners: Ints) -> Floats:
    """Return for each text the mean likeness of the nearest texts of other entries, of a sample of them."""
    sample = _sample(len(vectors), min(_SAMPLE_LARGEST, max(1, _COMPARED_BY_MEANING_MOST // len(vectors))))
    compared = vectors.rows(sample).T
    neighbours = _neighbours(owners, sample)
    found = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), 1_024):
        part = slice(start, start + 1_024)
        alike = vectors.rows(part) @ compared
        alike[owners[part, None] == owners[sample][None]] = -1.0
        found[part] = np.partition(alike, -neighbours, axis=1)[:, -neighbours:].mean(axis=1)
    return found


def _crowding(lexicon: Lexicon, texts: Sequence[str], owners: Ints) -> Floats:
    """Return the same by words and letters."""
    sample = _sample(len(texts), min(_SAMPLE_LARGEST_LEXICAL, max(1, _COMPARED_MOST // len(texts))))
    neighbours = _neighbours(owners, sample)
    nearest = np.full((neighbours + 1, len(texts)), -1.0, np.float32)
    for row in sample:
        asked = lexicon.ask(texts[row])
        words, letters = lexicon.agree(asked)
        alike = (words + letters) / 2
        alike[owners == owners[row]] = -1.0
        nearest[0] = alike
        nearest.partition(1, axis=0)
    return np.asarray(nearest[1:].mean(axis=0), np.float32)


def _sample(size: int, largest: int) -> Ints:
    return np.arange(0, size, -(-size // largest))


def _neighbours(owners: Ints, sample: Ints) -> int:
    return max(1, min(_NEIGHBOURS, len(sample) - int(np.bincount(owners[sample]).max())))
