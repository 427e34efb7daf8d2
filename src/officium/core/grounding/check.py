"""Whether the figures in a text are in what it was given, or follow from it.

Deterministic and without a model. A figure is *matched* when the context states it, *computed* when it is the
result of a step of arithmetic on what the context states, *proposed* when the text itself calls it a plan
(a target, the next 30 days), and *unmatched* otherwise. How well that works is measured in `bench`.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import permutations
from typing import Any, Literal

from msgspec import Struct

from officium.core.grounding.fact import Fact, fits, label, nature_of, read_facts
from officium.core.grounding.figure import DateReading, Figure, find_figures, find_number_words
from officium.core.grounding.number import Reading
from officium.core.grounding.words import (
    ANNUAL,
    COMPARES,
    FILLERS,
    KPIS,
    MONEY_LABELS,
    RECKONS,
    STOPS,
    TOO_COMMON,
    FigureKind,
    Nature,
)

Status = Literal["matched", "computed", "proposed", "unmatched"]

LONGEST_TEXT = 200_000
_REACH = 6
"""Words between a figure and the name of what it counts."""
_MOST_OPERANDS = 12
_YEARS = range(1990, 2101)


class Finding(Struct, frozen=True, kw_only=True):
    """What was found out about a figure. `source` is the fact's path, or the step that gives the figure.

    `said` is what the context says instead, where the text gives the figure a name the context knows.
    """

    figure: Figure
    status: Status
    source: str | None = None
    said: str | None = None


class Report(Struct, frozen=True):
    """The findings in a text, in order."""

    findings: tuple[Finding, ...]

    @property
    def unmatched(self) -> tuple[Finding, ...]:
        """The figures that nothing in the context stands behind."""
        return tuple(finding for finding in self.findings if finding.status == "unmatched")


def check_figures(text: str, context: Any) -> Report:
    """Compare the figures in `text` with a JSON-like `context`."""
    return Checker(read_facts(context)).check(text)


class Checker:
    """Facts, ready to be compared with one text after another."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._facts = facts
        self._numbers = [fact for fact in facts if fact.value is not None]
        self._dates = [fact for fact in facts if fact.date is not None]
        self._labels = frozenset(word for fact in self._numbers for word in fact.labels) - TOO_COMMON
        self._things = frozenset(word for fact in facts for word in fact.thing)

    def check(self, text: str) -> Report:
        """The findings in `text`."""
        text = text[:LONGEST_TEXT]
        figures = [figure for figure in find_figures(text) if not _is_a_mark(text, figure)]
        words = _Words(text)
        figures += self._spelled(text, words, figures)
        figures.sort(key=lambda figure: figure.start)
        findings: list[Finding] = []
        for figure in figures:
            around = _Around.of(text, words, figure, figures, self._labels, self._things)
            findings.append(self._judge(text, figure, around, findings))
        return Report(tuple(findings))

    def _judge(self, text: str, figure: Figure, around: "_Around", before: Sequence[Finding]) -> Finding:
        if figure.kind == "date":
            return self._judge_date(figure)
        stated = self._stated(figure, around)
        if isinstance(stated, Fact):
            return Finding(figure=figure, status="matched", source=stated.path)
        step = None
        if stated is None or around.words & RECKONS:
            step = self._computed(figure, around, before)
        if step is not None:
            return Finding(figure=figure, status="computed", source=step)
        if _is_proposed(text, figure):
            return Finding(figure=figure, status="proposed")
        return Finding(figure=figure, status="unmatched", said=stated)

    def _stated(self, figure: Figure, around: "_Around") -> Fact | str | None:
        """The fact the figure states; else what the context says of the thing it names, if anything."""
        equal = [
            fact
            for fact in self._numbers
            if fits(figure.kind, fact.nature) and _equals(figure, fact.value, fact.nature)
        ]
        if around.things:
            of_others = [fact for fact in equal if fact.thing and not fact.thing & around.things]
            own = [fact for fact in equal if fact not in of_others]
            if of_others and not own:
                return of_others[0].path
            equal = own
        named = around.name
        if named is None:
            return equal[0] if equal else None
        for fact in equal:
            if named in fact.labels:
                return fact
        rivals = [
            fact
            for fact in self._numbers
            if named in fact.labels and fits(figure.kind, fact.nature) and fact.value is not None
        ]
        if not rivals:
            return equal[0] if equal else None
        return f"{rivals[0].path} = {rivals[0].value}"

    def _judge_date(self, figure: Figure) -> Finding:
        for fact in self._dates:
            if any(_same_date(date, fact.date) for date in figure.dates):
                return Finding(figure=figure, status="matched", source=fact.path)
        return Finding(figure=figure, status="unmatched")

    def _computed(self, figure: Figure, around: "_Around", before: Sequence[Finding]) -> str | None:
        """The step that gives the figure, with operands the sentence speaks of."""
        operands = list(self._operands(figure, around))
        for finding in before:
            one = finding.figure
            in_reach = around.start <= one.start < around.end
            if finding.status in ("matched", "computed") and one.readings and in_reach:
                operands.append(_Operand(one.text, one.readings[0].value, _nature_of_kind(one.kind), ""))
        operands = list(dict.fromkeys(operands))[:_MOST_OPERANDS]
        for name, value in _steps(operands, figure.kind, around.words):
            if _equals(figure, value, "any"):
                return name
        return None

    def _operands(self, figure: Figure, around: "_Around") -> "Iterator[_Operand]":
        mentioned = set(around.labels)
        for words, numerators, denominators in KPIS:
            if words <= around.words:
                mentioned |= numerators | denominators
        if figure.kind == "money" and "per" in around.words:
            mentioned |= MONEY_LABELS
        for fact in self._numbers:
            named = sorted(fact.labels & mentioned)
            if fact.value is not None and named:
                yield _Operand(fact.path, fact.value, fact.nature, named[0])

    def _spelled(self, text: str, words: "_Words", figures: Sequence[Figure]) -> list[Figure]:
        """Numbers written as words, where what they count is known: `three deals`."""
        found = []
        for figure in find_number_words(text):
            following = words.after(figure.end, 2)
            counts = any(label(word) in self._labels for word in following)
            if counts and figure.readings[0].value > 1:
                found.append(figure)
        return found


class _Words:
    """The words of a text with their places, and where its sentences end."""

    _PATTERN = re.compile(r"[^\W\d_]+")

    def __init__(self, text: str) -> None:
        self.places = [(match.start(), match.end(), match.group()) for match in self._PATTERN.finditer(text)]
        self._starts = [start for start, _, _ in self.places]
        self._ends = [match.end() for match in _ENDS.finditer(text)]
        self._length = len(text)

    def between(self, start: int, end: int) -> list[tuple[int, int, str]]:
        """The words that lie whole in `text[start:end]`."""
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, end)
        return [place for place in self.places[first:last] if place[1] <= end]

    def after(self, start: int, count: int) -> list[str]:
        """The next words from `start` on."""
        first = bisect_left(self._starts, start)
        return [word for _, _, word in self.places[first : first + count]]

    def sentence(self, figure: Figure) -> tuple[int, int]:
        """From where to where the sentence goes that a figure stands in."""
        first = bisect_right(self._ends, figure.start)
        start = self._ends[first - 1] if first else 0
        last = bisect_right(self._ends, figure.end)
        return start, self._ends[last] if last < len(self._ends) else self._length


class _Around(Struct, frozen=True):
    """The sentence of a figure: its labels, the things it is about, and the name the figure has in it."""

    start: int
    end: int
    words: frozenset[str]
    labels: tuple[str, ...]
    things: frozenset[str]
    name: str | None

    @classmethod
    def of(
        cls,
        text: str,
        words: _Words,
        figure: Figure,
        figures: Sequence[Figure],
        labels: frozenset[str],
        things: frozenset[str],
    ) -> "_Around":
        start, end = words.sentence(figure)
        inside = words.between(start, end)
        known = [label(word) for _, _, word in inside if label(word) in labels]
        clause = _clause(text, figure, figures, start, end)
        named = frozenset(word.lower() for _, _, word in words.between(*clause)) & things
        if not named:
            named = frozenset(word.lower() for _, _, word in inside) & things
        return cls(
            start=start,
            end=end,
            words=frozenset(label(word) for _, _, word in inside),
            labels=tuple(dict.fromkeys(known)),
            things=named,
            name=_name(text, words, figure, figures, labels, start, end),
        )


_ENDS = re.compile(r"(?<!\bi\.e)(?<!\be\.g)(?<!\bvs)(?<!\bca)[.!?…؟](?=\s|$)|\n")
_BREAKS = re.compile(
    r"[,;:()\n–—]|\s(?:and|but|while|whereas|versus|vs\.?|und|aber|et|mais|y|pero)\s", re.IGNORECASE
)


def _clause(text: str, figure: Figure, figures: Sequence[Figure], start: int, end: int) -> tuple[int, int]:
    """The part of the sentence around a figure, up to the next comma, `and` or other break."""
    left, right = start, end
    for match in _BREAKS.finditer(text, start, end):
        if match.end() <= figure.start:
            left = match.end()
        elif match.start() >= figure.end:
            right = match.start()
            break
    return left, right


def _name(
    text: str,
    words: _Words,
    figure: Figure,
    figures: Sequence[Figure],
    labels: frozenset[str],
    start: int,
    end: int,
) -> str | None:
    """What the text says the figure counts: `450 users`, `sessions: 1,500`, `revenue was $12,500`."""
    next_figure = min((one.start for one in figures if one.start >= figure.end), default=end)
    last_figure = max((one.end for one in figures if one.end <= figure.start), default=start)
    _, right = _clause(text, figure, figures, start, end)
    following = [
        label(word) for _, _, word in words.between(figure.end, min(right, next_figure, figure.end + 40))
    ]
    if figure.kind != "percent":
        for word in following[:3]:
            if word in STOPS:
                break
            if word in labels and _may_name(word, figure.kind):
                return word
    preceding = [label(word) for _, _, word in words.between(max(start, last_figure), figure.start)][-_REACH:]
    for word in reversed(preceding):
        if word in labels and _may_name(word, figure.kind):
            return word
        if word not in FILLERS:
            break
    return None


def _may_name(word: str, kind: FigureKind) -> bool:
    return fits(kind, nature_of((word,)))


_NUMBERED = re.compile(
    r"(?:#|№|\b(?:step|phase|option|tier|level|stage|part|section|chapter|no|nr|number|priority|top|version|page"
    r"|figure|table|item|point|week|day|month|quarter|q|h)\.?)\s?$",
    re.IGNORECASE,
)
_PLANNED = re.compile(
    r"[-\s](?:plan|sprint|target|goal|horizon|window|review|trial|test|ways|things|steps|priorities|options|areas"
    r"|ideas|actions|reasons|questions|levers)"
)


def _is_a_mark(text: str, figure: Figure) -> bool:
    """Whether a number numbers something instead of counting it: a list, a step, a year, a quarter."""
    if figure.kind != "number":
        return False
    before, after = text[max(0, figure.start - 24) : figure.start], text[figure.end : figure.end + 24]
    line = before.rsplit("\n", 1)[-1]
    if not line.strip(" \t*_#>-•") and re.match(r"[.):]\s|\.$|\)$|\*\*", after):
        return True
    if _NUMBERED.search(before):
        return True
    if re.match(r"\s?(?:/\s?\d|x\d)|(?:st|nd|rd|th)\b", after) or re.search(r"\d\s?/\s?$", before):
        return True
    value = figure.readings[0].value
    return value == value.to_integral_value() and int(value) in _YEARS and figure.text.isdecimal()


_PLANS = re.compile(
    r"(?:\b(?:target(?:ing|s|ed)?|aim(?:ing)?|goals?|objective|next|within|every|coming|following|"
    r"set aside|allocate|reserve|limit(?:ed)? to|cap(?:ped)?|test|try|budget of|add|hire|"
    r"raise|lower|cut|reduce|increase|improve|grow|boost|lift|trim|decrease|"
    r"if|suppose|assume|imagine|say|e\.g\.|for example|for instance|should|could|would|might|may|"
    r"up to|at least|"
    r"nächsten|innerhalb|ziel|prochains?|objectif|próximos?|objetivo)\b[^.!?\n\d]{0,28})$",
    re.IGNORECASE,
)
_PLAN_REACH = 44


def _is_proposed(text: str, figure: Figure) -> bool:
    """Whether the text itself says that the figure is a plan, an assumption or a span of time ahead."""
    before = text[max(0, figure.start - _PLAN_REACH) : figure.start]
    before = re.split(r"[.!?\n;]\s", before)[-1]
    if _PLANS.search(before):
        return True
    after = text[figure.end : figure.end + 24].lower()
    return bool(_PLANNED.match(after))


def _equals(figure: Figure, value: Decimal | None, nature: Nature) -> bool:
    """Whether the figure states `value`, rounded or cut to as many digits as it shows."""
    if value is None:
        return False
    worths = [value]
    if figure.kind == "percent" and (nature in ("percent", "any")) and abs(value) <= 1:
        worths.append(value * 100)
    return any(_reads(reading, worth, figure) for reading in figure.readings for worth in worths)


def _reads(reading: Reading, value: Decimal, figure: Figure) -> bool:
    said, step = reading.value, reading.step
    if (said < 0) != (value < 0) and said != 0 and value != 0:
        if figure.kind != "percent" and figure.kind != "money":
            return False
        value = abs(value)
        said = abs(said)
    distance = abs(said - value)
    if distance * 2 <= step or (distance < step and abs(said) <= abs(value) and step < 1):
        return True
    if figure.hedge is None:
        return step == 1 and distance < 1 and value != value.to_integral_value()
    loose = max(step, _trailing(said)) if said else step
    if figure.hedge == "about":
        return distance * 2 <= loose or distance <= abs(value) * Decimal("0.05")
    if figure.hedge == "above":
        return said <= value <= said + loose
    return said - loose <= value <= said


def _trailing(value: Decimal) -> Decimal:
    """The worth of the last digit that is not zero: 100 in 12,500."""
    exponent = value.normalize().as_tuple().exponent
    return Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)


def _same_date(said: DateReading, fact: DateReading | None) -> bool:
    return fact is not None and all(
        one is None or other is None or one == other
        for one, other in ((said.year, fact.year), (said.month, fact.month), (said.day, fact.day))
    )


class _Operand(Struct, frozen=True):
    """Something to reckon with; `label` is the name it has in common with others of its kind."""

    name: str
    value: Decimal
    nature: Nature
    label: str


def _nature_of_kind(kind: FigureKind) -> Nature:
    return kind if kind in ("money", "percent", "duration") else "any"


def _steps(
    operands: Sequence[_Operand], kind: FigureKind, words: frozenset[str]
) -> Iterator[tuple[str, Decimal]]:
    """The results of one step of arithmetic on pairs of operands, each with its formula."""
    compares = bool(words & COMPARES)
    for one, other in permutations(operands, 2):
        alike = "any" in (one.nature, other.nature) or one.nature == other.nature
        if kind == "percent":
            if other.value and alike:
                yield f"{one.name} / {other.name} x 100", one.value / other.value * 100
                if compares or (one.label and one.label == other.label):
                    change = (one.value - other.value) / other.value * 100
                    yield f"({one.name} - {other.name}) / {other.name} x 100", change
            continue
        if alike:
            yield f"{one.name} - {other.name}", one.value - other.value
            yield f"{one.name} + {other.name}", one.value + other.value
        if other.nature == "percent":
            yield f"{one.name} x {other.name} / 100", one.value * other.value / 100
        if other.value and _divides(one.nature, other.nature, kind):
            yield f"{one.name} / {other.name}", one.value / other.value
        if kind != "duration" and {one.nature, other.nature} & {"count", "any", "duration"}:
            yield f"{one.name} x {other.name}", one.value * other.value
    if kind != "percent":
        for one in operands:
            for cues, factor, step in _SPANS:
                if cues & words:
                    yield f"{one.name} {step}", one.value * factor
        if len(operands) > 2:
            names = " + ".join(one.name for one in operands)
            yield names, sum((one.value for one in operands), Decimal(0))


def _divides(one: Nature, other: Nature, kind: FigureKind) -> bool:
    """Whether dividing such amounts gives what the figure is: money by a count is money."""
    if kind == "money":
        return one in ("money", "any") and other in ("count", "any", "duration")
    return True


_SPANS: tuple[tuple[frozenset[str], Decimal, str], ...] = (
    (ANNUAL, Decimal(12), "x 12"),
    (ANNUAL, Decimal(52), "x 52"),
    (ANNUAL, Decimal(4), "x 4"),
    (frozenset({"quarter", "quarterly"}), Decimal(3), "x 3"),
    (frozenset({"month", "monthly"}), Decimal(1) / 12, "/ 12"),
    (frozenset({"day", "daily"}), Decimal(1) / 30, "/ 30"),
    (frozenset({"day", "daily"}), Decimal(1) / 7, "/ 7"),
    (frozenset({"week", "weekly"}), Decimal(1) / 4, "/ 4"),
    (frozenset({"half"}), Decimal("0.5"), "/ 2"),
    (frozenset({"double", "doubling", "doubled", "twice"}), Decimal(2), "x 2"),
)  # fmt: skip


def as_json(report: Report) -> Mapping[str, Any]:
    """The report as the doors give it."""
    return {
        "figures": [_shown(finding) for finding in report.findings],
        "matched": _count(report.findings, ("matched", "computed")),
        "unmatched": _count(report.findings, ("unmatched",)),
        "proposed": _count(report.findings, ("proposed",)),
    }


def _shown(finding: Finding) -> dict[str, Any]:
    figure = finding.figure
    return {
        "text": figure.text,
        "start": figure.start,
        "end": figure.end,
        "kind": figure.kind,
        "value": f"{figure.readings[0].value:f}" if figure.readings else None,
        "status": finding.status,
        "matched": finding.status in ("matched", "computed"),
        "source": finding.source,
        "context_says": finding.said,
    }


def _count(findings: Iterable[Finding], statuses: Sequence[Status]) -> int:
    return sum(finding.status in statuses for finding in findings)
