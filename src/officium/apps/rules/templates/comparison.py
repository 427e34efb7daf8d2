"""The part behind `when`: comparisons of facts, and things that happen."""

import re
from collections.abc import Iterable

from msgspec import Struct

from officium.apps.rules.catalogue import Catalogue, ConditionType, Trigger
from officium.apps.rules.closest import closest, did_you_mean
from officium.apps.rules.conditions.condition import quoted
from officium.apps.rules.templates.quantity import number_in
from officium.apps.rules.templates.understanding import NotUnderstood
from officium.apps.rules.words import words_of

_BE = (
    r"(?:is|are|was|were|gets|goes|becomes|stays|rises|climbs|jumps|grows|has|have|drops|falls|sinks|remains)"
)
_OPERATORS: tuple[tuple[str, str], ...] = (
    (rf"(?:{_BE} )?(?:at least|not (?:less|lower|fewer) than|no less than|>=|≥)", ">="),
    (r"(?:reach(?:es)?|hits?)", ">="),
    (rf"(?:{_BE} )?(?:at most|not (?:more|higher|greater) than|no more than|up to|<=|≤)", "<="),
    (
        rf"(?:{_BE} )?(?:(?:to )?(?:above|over|greater than|more than|higher than|larger than|older than"
        r"|longer than|beyond|>))|exceeds?|exceeded|pass(?:es)?|surpass(?:es)?|tops?",
        ">",
    ),
    (
        rf"(?:{_BE} )?(?:to )?(?:below|under|less than|lower than|smaller than|fewer than|younger than"
        r"|shorter than|beneath|<)",
        "<",
    ),
    (rf"(?:{_BE} )?(?:not equal to|different from)|{_BE} not|isn't|aren't|is no longer|!=|<>", "!="),
    (r"(?:does not|doesn't) (?:contain|include|mention)", "NOT CONTAINS"),
    (r"contains?|includes?|mentions?", "CONTAINS"),
    (r"(?:starts|begins) with", "STARTS_WITH"),
    (r"ends with", "ENDS_WITH"),
    (rf"equals?|(?:{_BE} )?equal to|{_BE}|turns|={{1,2}}", "=="),
)
_SPLITTERS = [
    (re.compile(rf"^(?P<subject>.+?)\s+(?:{pattern})\s+(?P<value>.+)$", re.IGNORECASE), operator)
    for pattern, operator in _OPERATORS
]
_SIGNS = re.compile(r"\s*(>=|<=|!=|<>|==|>|<|=|≥|≤)\s*")
_BETWEEN = re.compile(
    rf"^(?P<subject>.+?)\s+(?:{_BE} )?between (?P<low>.+?) and (?P<high>.+)$", re.IGNORECASE
)
_TRUE = {"true", "on", "yes", "enabled", "active", "set"}
_FALSE = {"false", "off", "no", "disabled", "inactive", "unset"}
_ARTICLES = re.compile(r"^(?:the|a|an|its|our|my|their|any|there (?:is|are))\s+", re.IGNORECASE)
_ENOUGH = 0.6
_ORDERING = (">", ">=", "<", "<=")
_PIECES = re.compile(r"\s+(and|or)\s+", re.IGNORECASE)


class Compared(Struct, frozen=True, kw_only=True):
    """What stands behind `when`: the condition, the facts it reads, and what has to happen."""

    condition: str
    facts: tuple[ConditionType, ...]
    trigger: Trigger | None
    subject: str


def compared(text: str, catalogue: Catalogue) -> Compared:
    """Read the part behind `when`. Raises NotUnderstood for any word it cannot place."""
    pieces = _pieces(_SIGNS.sub(r" \1 ", text).strip(), catalogue)
    conditions: list[str] = []
    facts: list[ConditionType] = []
    trigger: Trigger | None = None
    subject = ""
    for joint, piece in pieces:
        happening = _happening(piece, catalogue, is_exact=_comparison(piece) is not None)
        if happening is not None:
            if trigger is not None or joint == "OR":
                raise NotUnderstood(f"Only one thing can set a rule off, not also {piece!r}.")
            trigger = happening
            subject = subject or piece
            continue
        condition, fact, said = _compare(piece, catalogue)
        conditions += [joint, condition] if conditions else [condition]
        facts.append(fact)
        subject = subject or said
    return Compared(
        condition=" ".join(conditions) or "true",
        facts=tuple(facts),
        trigger=trigger,
        subject=_ARTICLES.sub("", subject),
    )


def _pieces(text: str, catalogue: Catalogue) -> list[tuple[str, str]]:
    """The parts between `and` and `or`; what cannot be a part of its own belongs to the one before."""
    words = _PIECES.split(text)
    pieces = [("AND", words[0])]
    for joint, piece in zip(words[1::2], words[2::2], strict=True):
        before = pieces[-1][1]
        is_open = _BETWEEN.match(f"{before} {joint} {piece}") and not _BETWEEN.match(before)
        if is_open or (_comparison(piece) is None and _happening(piece, catalogue) is None):
            pieces[-1] = (pieces[-1][0], f"{before} {joint} {piece}")
        else:
            pieces.append((joint.upper(), piece))
    return pieces


def _comparison(text: str) -> tuple[str, str, str] | None:
    """Subject, operator and value: the operator that stands first, and of those the longest."""
    best: tuple[int, int, str, str, str] | None = None
    for pattern, operator in _SPLITTERS:
        if found := pattern.match(text):
            key = (found.end("subject"), found.start("value"))
            if best is None or key[0] < best[0] or (key[0] == best[0] and key[1] > best[1]):
                best = (*key, found["subject"], operator, found["value"])
    return None if best is None else best[2:]


def _compare(text: str, catalogue: Catalogue) -> tuple[str, ConditionType, str]:
    if found := _BETWEEN.match(text):
        fact = find_fact(found["subject"], catalogue)
        low, high = _value(found["low"], fact, ">="), _value(found["high"], fact, "<=")
        return f"$%s BETWEEN {low} TO {high}" % fact.path, fact, found["subject"]
    split = _comparison(text)
    if split is None:
        raise NotUnderstood(f"I see no comparison, and nothing that happens, in {text!r}.")
    subject, operator, said = split
    if operator in ("==", "!=") and (flag := _flag(f"{subject} {said}", catalogue)) is not None:
        return f"${flag.path} == {'true' if operator == '==' else 'false'}", flag, subject
    tail = ""
    if operator in _ORDERING and said[:1] in "-$€£.0123456789":
        said, tail = _without_tail(said)
    fact = find_fact(f"{subject} {tail}", catalogue, is_ordered=operator in _ORDERING)
    value = _value(said, fact, operator)
    if operator == "NOT CONTAINS":
        return f"NOT ${fact.path} CONTAINS {value}", fact, subject
    return f"${fact.path} {operator} {value}", fact, subject


def _without_tail(said: str) -> tuple[str, str]:
    """A quantity, and the words behind it, which speak of the fact: `30 days overdue`."""
    words = said.split()
    ends = 3 if len(words) > 2 and words[1].casefold() in _SIZE_WORDS else 2
    return " ".join(words[:ends]), " ".join(words[ends:])


_SIZE_WORDS = ("k", "m", "thousand", "million")


def _flag(text: str, catalogue: Catalogue) -> ConditionType | None:
    """The fact that is true or false and is called by all of these words: `the ticket is VIP`."""
    said = set(words_of(text))
    for fact in catalogue.condition_types:
        if fact.type == "boolean" and said == set(words_of(fact.path)) - _FILLERS:
            return fact
    return None


def find_fact(subject: str, catalogue: Catalogue, *, is_ordered: bool = False) -> ConditionType:
    """The one fact that words speak of; `is_ordered` wants one that can be larger or smaller.

    Raises NotUnderstood where there is none, or more than one.
    """
    subject = subject.strip()
    name = subject.strip().removeprefix("$")
    if name in catalogue.fact_by_path:
        return catalogue.fact_by_path[name]
    said = set(words_of(_ARTICLES.sub("", subject)))
    if not said:
        raise NotUnderstood(f"I do not know what {subject!r} is.")
    scored = sorted(
        (-score, index)
        for index, score in _scored(catalogue.condition_types, said)
        if not is_ordered
        or catalogue.condition_types[index].type in ("number", "integer", "timestamp", "any")
    )
    best = [index for score, index in scored if score == scored[0][0]] if scored else []
    if not best or -scored[0][0] < _ENOUGH:
        known = closest(name.replace(" ", "_"), (fact.path for fact in catalogue.condition_types))
        raise NotUnderstood(
            f"I do not know which fact {subject!r} is.{did_you_mean(f'${each}' for each in known)}"
        )
    if len(best) > 1:
        names = " or ".join(f"${catalogue.condition_types[index].path}" for index in best[:4])
        raise NotUnderstood(f"{subject!r} may be {names}: name one of them.")
    return catalogue.condition_types[best[0]]


def _scored(facts: Iterable[ConditionType], said: set[str]) -> Iterable[tuple[int, float]]:
    """How well each fact fits: the share of the words that it has, less what its path says besides."""
    for index, fact in enumerate(facts):
        path, text = set(words_of(fact.path)), set(words_of(fact.description))
        share = len(said & (path | text)) / len(said)
        if share:
            extra = len(path - said - _FILLERS) + 0.5 * (not said & path)
            yield index, round(share - 0.04 * extra - 0.01 * len(said - path), 4)


_FILLERS = frozenset(words_of("metrics metric percent status value flags flag ms count rate level name"))


def _value(said: str, fact: ConditionType, operator: str) -> str:
    text = said.strip().strip(".")
    if fact.type in ("number", "integer"):
        return number_in(text, fact.unit)
    if fact.type == "boolean":
        word = text.casefold()
        if word in _TRUE or word in _FALSE:
            return "true" if word in _TRUE else "false"
        raise NotUnderstood(f"${fact.path} is on or off, not {text!r}.")
    if operator in (">", "<", ">=", "<=") and fact.type != "timestamp":
        raise NotUnderstood(f"${fact.path} is no number, so it cannot be {operator} {text!r}.")
    bare = _ARTICLES.sub("", text.strip("\"'\u201c\u201d\u2018\u2019"))
    if fact.values:
        by_name = {value.casefold(): value for value in fact.values}
        if bare.casefold() not in by_name:
            known = closest(bare, fact.values)
            raise NotUnderstood(f"${fact.path} is never {bare!r}.{did_you_mean(known)}")
        bare = by_name[bare.casefold()]
    return quoted(bare)


def _happening(text: str, catalogue: Catalogue, *, is_exact: bool = False) -> Trigger | None:
    """The event that words speak of: one whose own words have them all; `is_exact` wants its name's words."""
    said = set(words_of(_ARTICLES.sub("", text)))
    best: tuple[int, Trigger] | None = None
    for trigger in catalogue.triggers:
        if trigger.kind == "event" and said:
            name, words = set(words_of(trigger.name)), set(words_of(f"{trigger.name} {trigger.description}"))
            if said <= words and len(said & name) >= min(2, len(name - {"on"})):
                extra = len(name - said)
                if is_exact and (extra or said != name):
                    continue
                if best is None or extra < best[0]:
                    best = (extra, trigger)
    return None if best is None else best[1]
