"""What a search saw, as the numbers from which its confidence is judged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from officium.core.knowledge.likeness import Likeness, Measures
from officium.core.knowledge.rows import Floats

NAMES = (
    "top", "lead_second", "lead_fifth", "share", "meaning_best", "meaning_middle", "words_best",
    "words_middle", "letters_best", "unknown", "agreement", "above_strangers", "below_kin", "strangers",
    "kin", "hits", "subject", "entries", "phrasings", "own_phrasings", "length",
)  # fmt: skip
_SAMPLE = 120
_STEEPNESS = 25.0
"""How much more a slightly better score counts in `share`; a round number, near what fits best."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How similar a knowledge base's own phrasings are to each other, by its own scores.

    `strangers` is the usual score of a phrasing with the nearest entry that is not its own, and `kin` that
    with the rest of its own entry, with how much they vary. `hits` is how often its own entry wins. Without
    entries of two phrasings there are no `kin`: then all three say what is usual elsewhere.
    """

    strangers: float
    strangers_spread: float
    kin: float
    kin_spread: float
    hits: float
    subject: float

    @classmethod
    def of(cls, measures: Measures, texts: Sequence[str]) -> "Habits":
        """Ask the knowledge base a sample of its own phrasings, each as though it were not there."""
        owners = np.repeat(np.arange(len(measures.counts)), measures.counts.astype(np.int64))
        strangers, kin, hits, subjects = [], [], [], []
        for row in range(0, len(texts), max(1, len(texts) // _SAMPLE)):
            vector = None if measures.vectors is None else measures.vectors.rows(np.array([row]))[0]
            likeness = measures.compare(texts[row], vector, without=row)
            subjects.append(likeness.subject)
            mine = likeness.places == owners[row]
            own = float(likeness.scores[mine][0])
            others = likeness.scores[~mine]
            nearest = float(others.max(initial=-1.0))
            if len(others):
                strangers.append(nearest)
            if measures.counts[owners[row]] > 1:
                kin.append(own)
                hits.append(own > nearest)
        far, far_spread = _usual(strangers, 0.3, 0.12)
        near, near_spread = _usual(kin, far + 0.15, 0.15)
        hit = (sum(hits) + 2.0) / (len(hits) + 3.0)
        return cls(far, far_spread, near, near_spread, hit, _usual(subjects, 0.3, 0.1)[0])


def _usual(values: Sequence[float], mean: float, spread: float) -> tuple[float, float]:
    """Return mean and spread of `values`, drawn to the given ones as though those were five more."""
    total = len(values) + 5
    centre = (sum(values) + 5 * mean) / total
    square = sum((value - centre) ** 2 for value in values) + 5 * spread**2
    return centre, float(np.sqrt(square / total))


def evidence_of(
    likeness: Likeness, first: Sequence[int], habits: Habits, measures: Measures, length: int
) -> Floats:
    """Return the numbers that `NAMES` names, for a search whose best entries are `first`.

    `length` is the number of words asked.
    """
    scores, place = likeness.scores, first[0]
    top = float(scores[place])
    second = float(scores[first[1]]) if len(first) > 1 else habits.strangers - habits.strangers_spread
    fifth = float(np.mean(scores[list(first[2:6])])) if len(first) > 2 else second
    parts = [part for part in (likeness.meaning, likeness.words, likeness.letters) if part is not None]
    agreement = sum(int(part.sum(axis=0).argmax()) == place for part in parts) / len(parts)
    meaning = parts[0]
    numbers = (
        top, top - second, top - fifth, -float(np.log(np.exp(_STEEPNESS * (scores - top)).sum())),
        float(meaning[0, place]), float(meaning[1, place]), float(likeness.words[0, place]),
        float(likeness.words[1, place]), float(likeness.letters[0, place]), likeness.unknown, agreement,
        (top - habits.strangers) / habits.strangers_spread, (top - habits.kin) / habits.kin_spread,
        habits.strangers, habits.kin, habits.hits, likeness.subject - habits.subject,
        float(np.log(len(measures.counts))), float(np.log(measures.counts.mean())),
        float(np.log(measures.counts[likeness.places[place]])), float(np.log1p(length)),
    )  # fmt: skip
    return np.array(numbers, np.float32)
