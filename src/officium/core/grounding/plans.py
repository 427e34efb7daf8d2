"""Which figures a text itself calls a plan, a target, an assumption or a time ahead."""

import re

from officium.core.grounding.figure import Figure
from officium.core.grounding.sentence import Sentence
from officium.core.grounding.words import HORIZON_WORDS, IMPERATIVES, PLAN_WORDS, PLANNED_NOUNS, SOURCES

_UNTIL = frozenset({"by", "before", "until", "bis", "avant", "antes"})
_AIMS = frozenset({"target", "targets", "goal", "goals", "objective", "plan", "ziel", "objectif", "objetivo"})
_OWNED = frozenset({"the", "your", "its", "our", "their", "das", "ihr", "votre", "su"})


def is_proposed(sentence: Sentence, figure: Figure) -> bool:
    """Whether the sentence says that the figure is no claim about how things are."""
    before = [word.lower for word in sentence.between(0, figure.start)]
    clause = sentence.clause(figure.start, figure.end)
    beside = [word.lower for word in sentence.between(clause[0], figure.start)]
    after = [word.lower for word in sentence.between(figure.end, clause[1])][:2]
    if before[-1:] and before[-1] in SOURCES - {"of", "de"}:
        return False
    if HORIZON_WORDS & set(beside[-3:]) or PLANNED_NOUNS & set(after):
        return True
    if re.match(r"[-\s]day\b", sentence.text[figure.end : figure.end + 5]):
        return True
    if figure.kind == "date":
        return _advises(sentence, figure) and bool(_UNTIL & set(beside[-3:]))
    return _is_planned(before) or _advises(sentence, figure)


def _is_planned(before: list[str]) -> bool:
    """Whether a word before a figure makes a plan of it; `the goal` and `your goal` are there already."""
    return any(
        word in PLAN_WORDS
        and not (word in _AIMS and before[place - 1 : place] and before[place - 1] in _OWNED)
        for place, word in enumerate(before)
    )


def _advises(sentence: Sentence, figure: Figure) -> bool:
    """Whether the sentence, or the clause with the figure, begins with a verb that gives advice."""
    words = sentence.words
    clause = sentence.between(*sentence.clause(figure.start, figure.end))
    opening = [word.lower for word in words[:1]] + [word.lower for word in clause[:1]]
    colon = sentence.text.rfind(":", 0, figure.start)
    if colon >= 0:
        opening += [word.lower for word in sentence.between(colon, figure.start)[:1]]
    return any(word in IMPERATIVES for word in opening)
