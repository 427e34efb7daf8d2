"""How much two texts agree in their words and letters, without any model."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from officium.core.knowledge.rows import Floats, Ints, Rows
from officium.core.knowledge.words import grams_of, words_of

_WORDS_MOST = 256
"""Words of a text that are read."""
_TINY = 1e-9
_WORDS_FOLLOWED, _TEXTS_FOLLOWED = 24, 6_000
"""A word in more texts than that tells few of them apart; following it would take longer than it helps."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question against the words of a knowledge base.

    `by_word` and `by_letter` have a number for each word known there: how much a text gains by containing
    it. `length` and `letters_length` are the question's own lengths. `unknown` is the share of the
    question's words that are not known and resemble none, each weighed by how rare it is.
    """

    by_word: Floats
    by_letter: Floats
    length: float
    letters_length: float
    unknown: float


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of some texts, and for each text which of them it has.

    Two words resemble each other by the runs of letters they share (a cosine weighed by how rare each run
    is), so typos, endings and compounds count in part. A text is the sum of its words, weighed by how rare
    each is among the entries. A text with n words costs n numbers, however many runs of letters there are.
    """

    numbers: dict[str, int]
    rarity: Floats
    rarest: float
    """The rarity of a word that is in one entry, and of one that is in none."""
    gram_numbers: dict[str, int]
    gram_rarity: Floats
    postings: Rows
    """For each run of letters the words that have it, and how often."""
    word_lengths: Floats
    texts: Rows
    """For each text its words, and how often."""
    lengths: Floats
    letters_lengths: Floats
    found_in: Rows | None
    """For each word the texts that have it, where there are so many texts that not all are looked at."""

    @classmethod
    def build(cls, texts: Sequence[str], owners: Ints, are_many: bool = False) -> "Lexicon":
        """Read `texts`; text i belongs to the entry `owners[i]`."""
        counted = [Counter(words_of(text)[:_WORDS_MOST]) for text in texts]
        numbers = {word: number for number, word in enumerate(sorted({w for c in counted for w in c}))}
        rows = _rows(counted, numbers)
        rarity = _rarity_among_entries(rows, owners, len(numbers))
        spelled = [Counter(grams_of(word)) for word in numbers]
        gram_numbers = {gram: number for number, gram in enumerate(sorted({g for c in spelled for g in c}))}
        spelling = _rows(spelled, gram_numbers)
        found_in = np.bincount(spelling.columns, minlength=len(gram_numbers))
        gram_rarity = np.log1p(len(numbers) / np.maximum(found_in, 1)).astype(np.float32)
        word_lengths = _lengths(spelling, gram_rarity)
        postings = spelling.turned(len(gram_numbers))
        return cls(
            numbers,
            rarity,
            float(np.log1p(owners.max(initial=0) + 1)),
            gram_numbers,
            gram_rarity,
            postings,
            word_lengths,
            rows,
            _lengths(rows, rarity),
            _lengths(rows, word_lengths),
            rows.turned(max(1, len(numbers))).without_values() if are_many else None,
        )

    @property
    def size_bytes(self) -> int:
        """About how much memory this takes."""
        held = (
            self.postings.size_bytes + self.texts.size_bytes + self.rarity.nbytes + self.word_lengths.nbytes
        )
        held += 0 if self.found_in is None else self.found_in.size_bytes
        held += self.gram_rarity.nbytes + self.lengths.nbytes + self.letters_lengths.nbytes
        return held + 110 * (len(self.numbers) + len(self.gram_numbers))

    def ask(self, question: str) -> Asked:
        """Compare each word of `question` with each word known here."""
        size = len(self.numbers)
        by_word, by_letter = np.zeros(size, np.float32), np.zeros(size, np.float32)
        square = letters_square = total = unknown = 0.0
        for word, count in Counter(words_of(question)[:_WORDS_MOST]).items():
            shared, length = self._resemblance(word)
            number = self.numbers.get(word)
            weight = count * (self.rarest if number is None else float(self.rarity[number]))
            alike = shared / (self.word_lengths * length)
            by_word += weight * alike
            by_letter += count * shared
            square += weight * weight
            letters_square += (count * length) ** 2
            total += weight
            unknown += weight * (1.0 - float(alike.max(initial=0.0)))
        return Asked(
            by_word * self.rarity,
            by_letter,
            float(np.sqrt(square)) + _TINY,
            float(np.sqrt(letters_square)) + _TINY,
            unknown / total if total else 1.0,
        )

    def agree(self, asked: Asked, rows: Ints | None = None) -> tuple[Floats, Floats]:
        """Return how much each text agrees with the question by words and by letters, mostly from 0 to 1.

        By letters long words count for more. `rows` are the texts to look at, None for all.
        """
        texts, lengths, letters_lengths = self.texts, self.lengths, self.letters_lengths
        if rows is not None:
            texts, lengths, letters_lengths = texts.taken(rows), lengths[rows], letters_lengths[rows]
        words = texts.times(asked.by_word) / (lengths * asked.length)
        letters = texts.times(asked.by_letter) / (letters_lengths * asked.letters_length)
        return np.asarray(words, np.float32), np.asarray(letters, np.float32)

    def among(self, rows: Ints) -> Floats:
        """Return how much the texts `rows` agree with each other by words that are the same."""
        texts = self.texts.taken(rows)
        columns, places, found_in = np.unique(texts.columns, return_inverse=True, return_counts=True)
        # a word of one text alone agrees with nothing
        shared = np.flatnonzero(found_in > 1)
        new_places = np.zeros(len(columns), np.int64)
        new_places[shared] = np.arange(len(shared))
        kept = found_in[places] > 1
        owners = texts.owners
        weighed = texts.values * self.rarity[texts.columns] / self.lengths[rows][owners]
        matrix = np.zeros((len(rows), max(1, len(shared))), np.float32)
        matrix[owners[kept], new_places[places[kept]]] = weighed[kept]
        alike: Floats = np.vecdot(matrix[:, None], matrix[None])
        alike[np.diag_indices(len(rows))] = 1.0
        return alike

    def likely(self, asked: Asked, count: int) -> Ints:
        """Return up to `count` texts that have the words which the question resembles most."""
        if self.found_in is None or not len(asked.by_word):
            return np.zeros(0, np.int64)
        words = np.argsort(-asked.by_word, kind="stable")[:_WORDS_FOLLOWED]
        gained = np.zeros(len(self.texts), np.float32)
        for word in words[asked.by_word[words] > 0]:
            start, end = self.found_in.starts[word], self.found_in.starts[word + 1]
            if end - start <= _TEXTS_FOLLOWED:
                gained[self.found_in.columns[start:end]] += asked.by_word[word]
        gained /= self.lengths
        count = min(count, len(gained))
        found = np.argpartition(-gained, count - 1)[:count]
        return found[gained[found] > 0]

    def middle_lengths(self, owners: Ints, counts: Floats) -> tuple[Floats, Floats]:
        """Return for each entry the length of the middle of its texts, by words and by letters."""
        owner = owners[self.texts.owners]
        shape = (len(counts), max(1, len(self.numbers)))
        found = []
        for weights, lengths in ((self.rarity, self.lengths), (self.word_lengths, self.letters_lengths)):
            values = (
                self.texts.values * weights[self.texts.columns] / lengths[self.texts.owners] / counts[owner]
            )
            middles = Rows.from_pairs(owner, self.texts.columns.astype(np.int64), values, shape)
            found.append(np.sqrt(middles.totals(middles.values**2)))
        return found[0], found[1]

    def _resemblance(self, word: str) -> tuple[Floats, float]:
        """Return how much each known word shares with `word`, and the length of `word`."""
        columns, values, square = [], [], 0.0
        rarest = float(np.log1p(len(self.numbers)))
        for gram, count in Counter(grams_of(word)).items():
            number = self.gram_numbers.get(gram)
            weight = count * (rarest if number is None else float(self.gram_rarity[number]))
            square += weight * weight
            if number is None:
                continue
            start, end = self.postings.starts[number], self.postings.starts[number + 1]
            columns.append(self.postings.columns[start:end])
            values.append(self.postings.values[start:end] * (weight * self.gram_rarity[number]))
        size = len(self.numbers)
        if not columns:
            return np.zeros(size, np.float32), float(np.sqrt(square)) + _TINY
        shared = np.bincount(np.concatenate(columns), np.concatenate(values), minlength=size)
        return shared.astype(np.float32), float(np.sqrt(square)) + _TINY


def _rows(counted: Sequence[Counter[str]], numbers: dict[str, int]) -> Rows:
    owners = np.repeat(np.arange(len(counted), dtype=np.int64), [len(one) for one in counted])
    columns = np.fromiter((numbers[key] for one in counted for key in one), np.int64)
    counts = np.fromiter((count for one in counted for count in one.values()), np.float32)
    return Rows.from_pairs(owners, columns, counts, (len(counted), max(1, len(numbers))))


def _rarity_among_entries(rows: Rows, owners: Ints, size: int) -> Floats:
    """Return how rare each word is: the logarithm of entries in all to entries that have it."""
    entries = int(owners.max(initial=0)) + 1
    pairs = np.unique(rows.columns.astype(np.int64) * entries + owners[rows.owners])
    found_in = np.bincount(pairs // entries, minlength=size)
    return np.log1p(entries / np.maximum(found_in, 1)).astype(np.float32)


def _lengths(rows: Rows, weights: Floats) -> Floats:
    """Return the length of each row, its columns weighed by `weights`."""
    weighed = rows.values * weights[rows.columns]
    return np.sqrt(rows.totals(weighed * weighed)) + np.float32(_TINY)
