"""How the things in a context are told apart: by their names, and by their place in time."""

import re
from collections.abc import Mapping
from typing import Any

from officium.core.grounding.fact import CODE, labels_of, names_of_date, words_of
from officium.core.grounding.figure import find_figures
from officium.core.grounding.words import (
    MONTHS,
    NAMING_KEYS,
    PERIOD_KEYS,
    PROSE_KEYS,
    SPANS,
    STATUS_KEYS,
    TOO_COMMON,
)

LONGEST_NAME = 80
MEASURES = frozenset({"unit", "uom", "measure", "currency", "language", "author"})
"""Keys that name no thing: what it is counted in, and who wrote it down."""
_QUARTER = re.compile(r"q([1-4])(?:\D|$)", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")
_TIMES: Mapping[str, int] = {
    **dict.fromkeys(("previous", "prior", "last", "before"), 0),
    **dict.fromkeys(("this", "current", "recent"), 1),
}


def period_names(text: str) -> frozenset[str]:
    """The words for a span of the calendar in a key or a value: `m3` for March, `q2`, `y2026`, `d9`."""
    found: set[str] = set()
    for figure in find_figures(text) if len(text) <= LONGEST_NAME else ():
        for one in figure.dates[:1]:
            found |= names_of_date(one)
    found |= {f"m{MONTHS[word]}" for word in (part.lower() for part in words_of(text)) if word in MONTHS}
    found |= {f"q{match[1]}" for match in _QUARTER.finditer(text)}
    found |= {f"y{match[1]}" for match in _YEAR.finditer(text)}
    if match := re.fullmatch(r"(20\d\d)-(\d\d)", text):
        found.add(f"m{int(match[2])}")
    return frozenset(found)


def in_time(names: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """The place of each member in time, where all say what it is."""
    moments = {}
    for key, words in names.items():
        day = {word[0]: int(word[1:]) for word in words if re.fullmatch(r"[ymqd]\d+", word)}
        said = [_TIMES[word.split("~")[0]] for word in words if word.split("~")[0] in _TIMES]
        if day:
            moments[key] = (day.get("y", 0), day.get("q", 0) * 3 or day.get("m", 0), day.get("d", 0))
        elif said:
            moments[key] = (said[0], 0, 0)
        else:
            return {}
    steps = sorted(set(moments.values()))
    return {key: steps.index(moment) for key, moment in moments.items()} if len(steps) > 1 else {}


def is_period(key: str) -> bool:
    """Whether a key stands for a span of the calendar: `october`, `q3`, `lastMonth`."""
    words = [word.lower() for word in words_of(key)]
    return bool(period_names(key)) or (len(words) == 2 and words[0] in _TIMES and words[1] in SPANS)


def names_in_key(key: str) -> frozenset[str]:
    """The words a record goes by whose name is a key."""
    words = [word.lower() for word in words_of(key)]
    if len(words) == 2 and words[0] in _TIMES and words[1] in SPANS:
        return frozenset({f"{words[0]}~{SPANS[words[1]]}"})
    if plain := plain_words(key):
        return plain | {"spent"} if "actual" in plain else plain
    return period_names(key)


def plain_words(key: str) -> frozenset[str]:
    """The words of a key that are not of the calendar."""
    return frozenset(word.lower() for word in words_of(key)) - TOO_COMMON - MONTHS.keys() - {"q"}


def are_alike(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    """Whether two maps say the same of two things."""
    shared = sum(not is_period(str(key)) for key in one.keys() & other.keys())
    return shared > 0 and shared * 2 >= max(len(one), len(other))


def names_in(node: Mapping[Any, Any]) -> frozenset[str]:
    """The words a thing in a list goes by: its period, or its name, title, number, owner and the like."""
    for key, value in node.items():
        if _is_period_key(str(key)) and isinstance(value, str) and (found := period_names(value)):
            return found
    found = frozenset()
    for key, value in node.items():
        if _may_name(str(key), value):
            found |= _name_words(str(value))
    return found


def _is_period_key(key: str) -> bool:
    """Whether a key says when its record was: `month`, `weekStart`, `asOf`, `date`; not `closeDate`."""
    words = [word.lower() for word in words_of(key)]
    return bool(labels_of(key) & PERIOD_KEYS) or "".join(words) in PERIOD_KEYS


def _may_name(key: str, value: Any) -> bool:
    labels = labels_of(key)
    if labels & MEASURES:
        return False
    if isinstance(value, int) and not isinstance(value, bool):
        return key.lower() in ("id", "number")
    if not isinstance(value, str) or len(value) > LONGEST_NAME or labels & (STATUS_KEYS | PROSE_KEYS):
        return False
    return bool(labels & NAMING_KEYS) or not find_figures(value) or key.lower() == "id"


def _name_words(name: str) -> frozenset[str]:
    codes = {code.lower() for code in CODE.findall(name)}
    return frozenset({word.lower() for word in _WORD.findall(name) if len(word) > 1} - TOO_COMMON) | codes
