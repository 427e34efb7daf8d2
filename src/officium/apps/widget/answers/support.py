"""How far an answer stands on what the knowledge base says: deterministic, and without a model.

A sentence is supported when most of its words stand in one place of the evidence, it says no figure that the
evidence does not, and it does not deny what the evidence affirms. Greetings and questions claim nothing.
Why like this: docs/decisions/0022-answers-of-the-widget.md.
"""

import re
import unicodedata
from collections.abc import Sequence

from msgspec import Struct

from officium.apps.widget.visitors.conversation import ConfidenceSource
from officium.core.grounding import find_figures

GROUNDED = 0.95
"""The confidence of a model's answer that is supported throughout."""
_LEAST_PARTLY = 0.55
_MOST_PARTLY = 0.80
UNGROUNDED = 0.35
"""The confidence of an answer that nothing supports."""
_ENOUGH = 0.6
"""From which share of its words in one place of the evidence a sentence counts as supported."""
_LEAST_WORDS = 3
"""A sentence of fewer words of its own claims nothing, unless it says a figure."""
_LONGEST = 20_000
_SENTENCE = re.compile(r"(?<=[.!?。！？؟])\s+|(?<=[。！？])|\n+")  # noqa: RUF001
_WORD = re.compile(r"[^\W_]+")
_CLOCK = re.compile(r"\b(\d{1,2})[:.h](\d{2})\b")
_BROAD = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
"""Scripts without spaces between words, or whose words take endings beyond counting."""
_EMPTY = frozenset(
    (
        *("a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "but", "by", "can", "do"),
        *("for", "from", "have", "here", "how", "i", "if", "in", "is", "it", "me", "more", "my", "of", "on"),
        *("or", "our", "please", "so", "that", "the", "their", "there", "they", "this", "to", "us", "was"),
        *("we", "will", "with", "you", "your", "help", "happy", "let", "know", "feel", "free", "ask"),
        *("aber", "auch", "auf", "bei", "das", "dem", "den", "der", "die", "ein", "eine", "einen", "für"),
        *("haben", "ich", "ihr", "ihre", "im", "ist", "mit", "oder", "sie", "sind", "und", "uns", "unsere"),
        *("von", "wir", "zu", "zum", "zur", "de", "des", "du", "en", "est", "et", "la", "le", "les", "nous"),
        *("pour", "que", "un", "une", "votre", "vous", "con", "el", "es", "los", "las", "por", "su", "una"),
        *("y", "che", "di", "e", "il", "per", "è", "een", "het", "van", "wij", "u", "ve", "bir", "o", "os"),
    )
)
_DENIALS = frozenset(
    (
        *("no", "not", "never", "none", "cannot", "without", "don", "doesn", "isn", "aren", "won", "can't"),
        *("nicht", "kein", "keine", "keinen", "keiner", "nie", "ohne", "pas", "jamais", "aucun", "aucune"),
        *("sin", "nunca", "ningún", "ninguna", "non", "mai", "senza", "nessun", "não", "sem", "niet", "geen"),
        *("nooit", "değil", "yok", "لا", "ليس", "بدون"),
    )
)


class Support(Struct, frozen=True, kw_only=True):
    """What the comparison found. `share` of the claiming sentences are supported, 0 to 1.

    `sources` are the places in the evidence that support one, those that support most first.
    """

    share: float
    confidence: float
    confidence_source: ConfidenceSource
    sources: tuple[int, ...] = ()


def measure_support(answer: str, evidence: Sequence[str]) -> Support:
    """Compare an answer with the places of the evidence, each a text."""
    places = [_Place(text[:_LONGEST]) for text in evidence if text.strip()]
    numbers = {index for index, text in enumerate(evidence) if text.strip()}
    owners = sorted(numbers)
    claims = [_Claim(part) for part in _SENTENCE.split(answer[:_LONGEST]) if part and part.strip()]
    claims = [claim for claim in claims if claim.claims]
    votes: dict[int, int] = {}
    supported = 0
    for claim in claims:
        standing = [place for place in range(len(places)) if claim.is_supported_by(places[place])]
        if standing:
            supported += 1
            best = max(standing, key=lambda place: claim.shared(places[place]))
            votes[owners[best]] = votes.get(owners[best], 0) + 1
    sources = tuple(sorted(votes, key=lambda place: (-votes[place], place)))
    if not claims or not supported:
        return Support(share=0.0, confidence=UNGROUNDED, confidence_source="ungrounded")
    share = supported / len(claims)
    if share == 1:
        return Support(share=1.0, confidence=GROUNDED, confidence_source="grounded", sources=sources)
    confidence = round(_LEAST_PARTLY + (_MOST_PARTLY - _LEAST_PARTLY) * share, 2)
    return Support(share=share, confidence=confidence, confidence_source="partly_grounded", sources=sources)


class _Place:
    """A piece of evidence."""

    def __init__(self, text: str) -> None:
        self.words = frozenset(_stems(text))
        self.figures = _figures(text)
        self.denials = [_denies(part) for part in _SENTENCE.split(text) if part]
        self.sentences = [frozenset(_stems(part)) for part in _SENTENCE.split(text) if part]

    def denies_beside(self, words: frozenset[str]) -> bool:
        """Whether the sentence closest to these words denies something."""
        if not self.sentences:
            return False
        best = max(range(len(self.sentences)), key=lambda place: len(words & self.sentences[place]))
        return self.denials[best]


class _Claim:
    """A sentence of an answer."""

    def __init__(self, text: str) -> None:
        self.words = frozenset(_stems(text))
        self.figures = _figures(text)
        self.denies = _denies(text)
        is_question = text.rstrip().endswith(("?", "？", "؟"))  # noqa: RUF001
        self.claims = bool(self.figures) or (not is_question and len(self.words) >= _LEAST_WORDS)

    def shared(self, place: _Place) -> float:
        if not self.words:
            return float(bool(self.figures and self.figures <= place.figures))
        return len(self.words & place.words) / len(self.words)

    def is_supported_by(self, place: _Place) -> bool:
        if self.shared(place) < _ENOUGH or not self.figures <= place.figures:
            return False
        return self.denies == place.denies_beside(self.words)


def _stems(text: str) -> list[str]:
    """The words that carry meaning, cut to where endings begin; of scripts without spaces pairs of signs."""
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        if _BROAD.search(word):
            found += [word[place : place + 2] for place in range(len(word) - 1)] or [word]
        elif word not in _EMPTY and word not in _DENIALS and not word.isdigit() and len(word) > 1:
            found.append(word[:5] if len(word) > 6 else word[:4])
    return found


def _figures(text: str) -> frozenset[str]:
    """The figures in a text by their values, and times of day."""
    found = {f"{int(hour)}:{minute}" for hour, minute in _CLOCK.findall(text)}
    for figure in find_figures(text):
        found |= {f"{reading.value.normalize():f}" for reading in figure.readings[:1]}
        found |= {str(day) for day in figure.dates[:1]}
    return frozenset(found)


def _denies(text: str) -> bool:
    words = set(_WORD.findall(text.casefold()))
    return bool(words & _DENIALS) or "n't" in text
