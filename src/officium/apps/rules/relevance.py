"""The part of a large catalogue that a sentence is about.

A model reads, and is charged for, everything in its prompt; most of a catalogue of hundreds of actions has
nothing to do with one sentence. Entries are ranked by the words they share with it (rare words count more,
as in BM25 without its length term), and by shared runs of three letters for words that only look alike.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from math import log
from typing import TypeVar

from msgspec import Struct

from officium.apps.rules.catalogue import ActionType, Catalogue, ConditionType, Trigger
from officium.apps.rules.words import words_of

MOST_ACTIONS = 40
MOST_FACTS = 60
MOST_TRIGGERS = 30
_FEWEST = 12
"""As many are shown even if they share no word with the sentence."""
_LOOKS_ALIKE = 0.35
_IN_NAME = 1.5

Entry = TypeVar("Entry", Trigger, ConditionType, ActionType)


class Part(Struct, frozen=True):
    """The part that was chosen, and how much there was to choose from."""

    catalogue: Catalogue
    of_triggers: int
    of_facts: int
    of_actions: int

    @property
    def is_all(self) -> bool:
        """Whether nothing was left out."""
        chosen = self.catalogue
        return (len(chosen.triggers), len(chosen.condition_types), len(chosen.action_types)) == (
            self.of_triggers,
            self.of_facts,
            self.of_actions,
        )


def relevant_part(catalogue: Catalogue, intent: str, keep: Collection[str] = ()) -> Part:
    """What of the catalogue goes into a prompt for `intent`; names and paths in `keep` always do."""
    chosen = catalogue.model_copy(
        update={
            "triggers": _best(catalogue.triggers, intent, MOST_TRIGGERS, keep, lambda entry: entry.name),
            "condition_types": _best(
                catalogue.condition_types, intent, MOST_FACTS, keep, lambda entry: entry.path
            ),
            "action_types": _best(
                catalogue.action_types, intent, MOST_ACTIONS, keep, lambda entry: entry.name
            ),
        }
    )
    return Part(chosen, len(catalogue.triggers), len(catalogue.condition_types), len(catalogue.action_types))


def ranked(entries: Sequence[Entry], intent: str, name_of: Callable[[Entry], str]) -> list[tuple[float, int]]:
    """Score and place of every entry, the best first; entries of one score keep their order."""
    names: list[frozenset[str]] = [frozenset(words_of(name_of(entry))) for entry in entries]
    texts: list[frozenset[str]] = [frozenset(words_of(entry.description)) for entry in entries]
    present: Counter[str] = Counter()
    for index in range(len(entries)):
        present.update(names[index] | texts[index])
    said = list(dict.fromkeys(words_of(intent)))
    grams = {word: _grams(word) for word in said}
    weights = {word: log(1 + len(entries) / present[word]) if present[word] else 0.0 for word in said}
    fallback = log(1 + len(entries))
    scores = []
    for index in range(len(entries)):
        score = 0.0
        for word in said:
            if word in names[index]:
                score += _IN_NAME * weights[word]
            elif word in texts[index]:
                score += weights[word]
            elif len(word) >= 4:
                others = names[index] | texts[index]
                alike = max((_alike(grams[word], other) for other in others), default=0.0)
                if alike >= _LOOKS_ALIKE:
                    score += 0.5 * alike * (weights[word] or fallback)
        scores.append((-score, index))
    return [(-score, index) for score, index in sorted(scores)]


def _best(
    entries: Sequence[Entry],
    intent: str,
    most: int,
    keep: Collection[str],
    name_of: Callable[[Entry], str],
) -> tuple[Entry, ...]:
    """The best `most` of the entries in the order in which they stand in the catalogue."""
    if len(entries) <= most:
        return tuple(entries)
    kept = {index for index, entry in enumerate(entries) if name_of(entry) in keep}
    for score, index in ranked(entries, intent, name_of):
        if len(kept) >= most or (score == 0 and len(kept) >= _FEWEST):
            break
        kept.add(index)
    return tuple(entries[index] for index in sorted(kept))


def _grams(word: str) -> frozenset[str]:
    return frozenset(word[at : at + 3] for at in range(len(word) - 2))


_KNOWN: dict[str, frozenset[str]] = {}


def _alike(grams: frozenset[str], other: str) -> float:
    """The share of a word's runs of three letters that the other has, too."""
    theirs = _KNOWN.get(other)
    if theirs is None:
        if len(_KNOWN) > 50_000:
            _KNOWN.clear()
        theirs = _KNOWN[other] = _grams(other)
    return len(grams & theirs) / len(grams) if grams else 0.0


def names_of(entries: Iterable[Trigger | ConditionType | ActionType]) -> list[str]:
    """The names by which rules use the entries: paths of facts with their `$`."""
    return [f"${entry.path}" if isinstance(entry, ConditionType) else entry.name for entry in entries]
