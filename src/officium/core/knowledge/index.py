"""A knowledge base made ready for search."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from officium.core.knowledge.calibrator import Calibrator, shipped_calibrator
from officium.core.knowledge.encoder import Encoder, Fluent
from officium.core.knowledge.entry import NOTHING, QUESTION_LONGEST, Entry, Findings, Match
from officium.core.knowledge.evidence import Habits, evidence_of
from officium.core.knowledge.kept_vectors import packed, unpacked
from officium.core.knowledge.likeness import Measures
from officium.core.knowledge.rows import Floats
from officium.core.knowledge.vectors import PRESSED_FROM, Vectors
from officium.core.knowledge.words import words_of

_FLUENCY_LEAST = 0.75
_SAMPLE = 300
_NONE: Mapping[str, bytes] = {}


@dataclass(frozen=True)
class KnowledgeIndex:
    """The entries of one knowledge base, searchable. Never changes; `updated` makes another.

    Pure: the same entries and the same encoder give the same findings, whatever the order in which they came.
    """

    entries: tuple[Entry, ...]
    encoder: Encoder | None
    _texts: tuple[str, ...]
    _measures: Measures
    _habits: Habits
    _calibrator: Calibrator

    @classmethod
    def build(
        cls,
        entries: Iterable[Entry],
        encoder: Encoder | None,
        calibrator: Calibrator | None = None,
        kept: Mapping[str, bytes] = _NONE,
    ) -> "KnowledgeIndex":
        """Encode every text of `entries` but those whose packed vectors are in `kept`.

        May take minutes for many: call it in a thread.
        """
        return _build(entries, encoder, {}, kept, calibrator or shipped_calibrator())

    def updated(
        self, changed: Iterable[Entry], removed: Iterable[int], kept: Mapping[str, bytes] = _NONE
    ) -> "KnowledgeIndex":
        """Return the index with `changed` in place of entries with their ids, and without `removed`.

        Only texts that were not in it are encoded, and of those only such as are not in `kept`.
        """
        by_id = {entry.id: entry for entry in self.entries}
        by_id.update((entry.id, entry) for entry in changed)
        for entry_id in removed:
            by_id.pop(entry_id, None)
        known = {}
        if self._measures.vectors is not None:
            known = dict(zip(self._texts, self._measures.vectors.rows(slice(None)), strict=True))
        return _build(by_id.values(), self.encoder, known, kept, self._calibrator)

    def lacks(self, text: str) -> bool:
        """Whether there is no vector of `text` in it."""
        return not self.has_vectors or text not in self._encoded_texts

    @cached_property
    def _encoded_texts(self) -> frozenset[str]:
        return frozenset(self._texts)

    @cached_property
    def size_bytes(self) -> int:
        """About how much memory the index takes. Counts all texts when first asked."""
        texts = sum(len(text) + 60 for text in self._texts)
        answers = sum(len(entry.answer or "") + 200 for entry in self.entries)
        return texts + answers + self._measures.size_bytes

    @property
    def has_vectors(self) -> bool:
        """Whether meaning is compared, too: there is an encoder, and it reads the language of the entries."""
        return self._measures.vectors is not None

    def search(self, query: str, limit: int = 10) -> Findings:
        """Return the `limit` entries most likely to answer `query`, best first. Takes any text at all."""
        if not self.entries or not query[:QUESTION_LONGEST].strip():
            return NOTHING
        seen = self.look(query, limit)
        judged = self._calibrator.judge(seen.evidence, self.has_vectors)
        leftover = 1.0 - judged.confidence
        matches = []
        for rank, (place, score) in enumerate(zip(seen.places[:limit], seen.scores, strict=False)):
            confidence = judged.confidence if rank == 0 else min(judged.confidence, leftover) / 2**rank
            matches.append(Match(self.entries[place].id, score, confidence))
        return Findings(tuple(matches), judged.scope)

    def look(self, query: str, limit: int = 10) -> "Sight":
        """Compare `query`, which must not be blank, with all entries, of which there must be one."""
        question = query[:QUESTION_LONGEST]
        vector = None
        if self.encoder is not None and self._measures.vectors is not None:
            vector = self.encoder.encode([question])[0]
        likeness = self._measures.compare(question, vector)
        places = _best(likeness.scores, max(limit, 10))
        length = len(words_of(question))
        evidence = evidence_of(likeness, places, self._habits, self._measures, length)
        numbers = tuple(int(likeness.places[place]) for place in places)
        return Sight(numbers, tuple(float(likeness.scores[place]) for place in places), evidence)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a search saw: the places of the best entries, their scores, and the evidence for the first."""

    places: tuple[int, ...]
    scores: tuple[float, ...]
    evidence: Floats


def _best(scores: Floats, count: int) -> list[int]:
    """Return the places of the highest scores, best first; of equal ones the earlier."""
    count = min(count, len(scores))
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    places = np.flatnonzero(scores >= least)
    return [int(place) for place in places[np.argsort(-scores[places], kind="stable")][:count]]


def _build(
    entries: Iterable[Entry],
    encoder: Encoder | None,
    known: Mapping[str, Floats],
    kept: Mapping[str, bytes],
    calibrator: Calibrator,
) -> KnowledgeIndex:
    ordered = tuple(sorted({entry.id: entry for entry in entries}.values(), key=lambda entry: entry.id))
    texts: list[str] = []
    owners: list[int] = []
    for place, entry in enumerate(ordered):
        texts += entry.texts()
        owners += [place] * (len(texts) - len(owners))
    are_many = len(texts) > PRESSED_FROM
    vectors = None
    if texts and encoder is not None and _reads(encoder, texts):
        encode = partial(_encoded, encoder, known, kept)
        vectors = Vectors.pressed(texts, encode) if are_many else Vectors.whole(encode(texts))
    measures = Measures.build(texts, np.array(owners, np.int64), vectors, are_many)
    return KnowledgeIndex(ordered, encoder, tuple(texts), measures, Habits.of(measures, texts), calibrator)


def texts_to_encode(
    entries: Iterable[Entry], encoder: Encoder | None, before: KnowledgeIndex | None
) -> dict[str, list[int]]:
    """Return the texts that an index of `entries` needs vectors of and `before` has not, with their entries.

    There are none where the encoder does not know their language. Slow: call it in a thread.
    """
    ordered = sorted(entries, key=lambda entry: entry.id)
    pairs = [(text, entry.id) for entry in ordered for text in entry.texts()]
    if not pairs or encoder is None or not _reads(encoder, [text for text, _ in pairs]):
        return {}
    found: dict[str, list[int]] = {}
    for text, entry_id in pairs:
        found.setdefault(text, []).append(entry_id)
    if before is None or before.encoder is not encoder:
        return found
    return {text: ids for text, ids in found.items() if before.lacks(text)}


def _reads(encoder: Encoder, texts: Sequence[str]) -> bool:
    """Whether `encoder` knows the language of `texts`; what it cannot read, words and letters find better."""
    if not isinstance(encoder, Fluent):
        return True
    return encoder.fluency(texts[:: max(1, len(texts) // _SAMPLE)]) >= _FLUENCY_LEAST


def _encoded(
    encoder: Encoder, known: Mapping[str, Floats], kept: Mapping[str, bytes], texts: Sequence[str]
) -> Floats:
    """Return a vector for each text, encoding each distinct text once and none that is known or kept.

    New ones are as they will be when they were kept, so that an index is the same after the next start.
    """
    missing = [text for text in dict.fromkeys(texts) if text not in known and text not in kept]
    made = dict(zip(missing, packed(encoder.encode(missing)), strict=True)) if missing else {}
    rows: dict[str, Floats] = {text: known[text] for text in texts if text in known}
    others = [text for text in dict.fromkeys(texts) if text not in rows]
    if others:
        whole = unpacked([made.get(text) or kept[text] for text in others])
        rows.update(zip(others, whole, strict=True))
    return np.stack([rows[text] for text in texts])
