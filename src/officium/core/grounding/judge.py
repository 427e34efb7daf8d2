"""Judges the figures of a sentence: whether a fact states them, a step gives them, or the text plans them."""

from officium.core.grounding.arithmetic import Operand, steps
from officium.core.grounding.book import Book, Kind, heads, in_unit, kind_of
from officium.core.grounding.closeness import digits, states
from officium.core.grounding.fact import Fact, fits
from officium.core.grounding.figure import Figure
from officium.core.grounding.finding import Finding
from officium.core.grounding.operands import gather, stated_operand
from officium.core.grounding.plans import is_proposed
from officium.core.grounding.scope import Scope, Scopes, Trail
from officium.core.grounding.words import Nature

_MOST_STEPS = 300
"""How many figures of a text are looked for in arithmetic."""
_MOST_CARRIED = 6
_NAMED = 0.5
"""From which weight on a figure has a name that a fact goes by."""
_BETTER = 0.5
"""By how much another fact must fit the name better, so that the figure is said of the wrong thing."""
_ASIDE = frozenset({"goal", "target", "note", "insight"})


class Judge:
    """Judges the figures of one sentence."""

    def __init__(self, scopes: Scopes, book: Book, trail: Trail) -> None:
        self._book = book
        self._trail = trail
        self._sentence = scopes.sentence
        self._figures = scopes.figures
        self._scopes = [scopes.of(index) for index in range(len(scopes.figures))]
        self._known: dict[int, Operand] = {}
        self._miscounted: set[int] = set()

    def judge(self) -> list[Finding]:
        """First what the context states, then what follows from it."""
        found: dict[int, Finding] = {}
        for index in range(len(self._figures)):
            if (finding := self._stated(index)) is not None:
                found[index] = finding
        for index, figure in enumerate(self._figures):
            before = found.get(index)
            if before is None or (
                before.status == "unmatched" and figure.readings and index not in self._miscounted
            ):
                found[index] = self._computed(index) or self._planned(index) or before or _nothing(figure)
        self._trail.operands = (*self._trail.operands, *self._known.values())[-_MOST_CARRIED:]
        return [found[index] for index in sorted(found) if not self._is_loose(found[index])]

    def _is_loose(self, finding: Finding) -> bool:
        """Whether it is a span of time in words that claims nothing: `in two weeks`, `three quarters`."""
        figure = finding.figure
        return figure.kind == "duration" and not figure.text[0].isdigit() and finding.status == "unmatched"

    def _stated(self, index: int) -> Finding | None:
        """The fact that the figure states, or the one it should state; `None` if there is neither."""
        figure, scope = self._figures[index], self._scopes[index]
        equal = self._book.dated(figure) if figure.kind == "date" else self._equal(figure, scope)
        of_them = [
            fact
            for fact in equal
            if self._book.belongs(fact, scope.mentions) or self._book.names_its_record(fact)
        ]
        fresh = [fact for fact in of_them if not self._is_stale(fact, scope, index)]
        best = max(fresh, key=lambda fact: self._score(kind_of(fact), scope), default=None)
        rival = self._rival(figure, scope, best)
        if best is not None and rival is None:
            self._known[index] = stated_operand(best, self._book, scope)
            return Finding(figure=figure, status="matched", source=best.path)
        if rival is not None and rival.needs:
            self._miscounted.add(index)
        said = _say(rival) if rival else None
        if best is None and not equal and rival is None:
            return None
        return Finding(figure=figure, status="unmatched", said=said)

    def _equal(self, figure: Figure, scope: Scope) -> list[Fact]:
        if figure.kind == "money" and self._is_foreign(figure):
            return []
        return [
            fact
            for fact in self._book.equal(figure, scope.mentions)
            if (not fact.needs or fact.needs <= scope.all_words) and self._may_be_meant(fact, figure, scope)
        ]

    def _may_be_meant(self, fact: Fact, figure: Figure, scope: Scope) -> bool:
        """Whether a fact that was reckoned is meant: few digits fit by chance."""
        if fact.how == "mean":
            return "mean" in scope.all_cues
        if fact.how != "sum" or digits(figure) > 2 or "total" in scope.all_cues:
            return True
        return bool(heads(fact.labels | fact.parents) & scope.all_words)

    def _is_foreign(self, figure: Figure) -> bool:
        known = self._book.currencies
        return bool(known) and not any(True for unit in known for _ in in_unit(figure, unit))

    def _is_stale(self, fact: Fact, scope: Scope, index: int) -> bool:
        """Whether the text gives an earlier figure for the present one."""
        if not self._book.is_stale(fact) or scope.is_source or scope.is_old or fact.date is not None:
            return False
        if self._tells_latest(fact, index):
            return False
        families = {
            self._book.records[thing].family
            for thing in fact.things
            if self._book.records[thing].order is not None
        }
        if families & scope.mentions.keys():
            return False
        return "latest" in scope.all_cues or ("present" in scope.cues and scope.direction == 0)

    def _tells_latest(self, fact: Fact, index: int) -> bool:
        """Whether the sentence gives the present figure beside it, so that this one is told as what was."""
        kind = kind_of(fact)
        return any(
            kind_of(other) == kind and self._book.order(other) is not None and not self._book.is_stale(other)
            for place, figure in enumerate(self._figures)
            if place != index and figure.kind != "date"
            for other in self._book.equal(figure, {})
        )

    def _score(self, kind: Kind, scope: Scope) -> float:
        """How well the words beside a figure name facts of a kind."""
        own = sum(scope.near.get(word, 0.0) for word in kind.labels)
        above = sum(scope.near.get(word, 0.0) for word in kind.parents - kind.labels)
        needed = 1.0 if kind.needs and kind.needs <= scope.words else 0.0
        missing = len(heads(kind.labels) - scope.near.keys())
        return own + min(above, 1.0) * 0.4 + needed - 0.05 * min(missing, 3)

    def _rival(self, figure: Figure, scope: Scope, best: Fact | None) -> Fact | None:
        """The fact that the words beside the figure name better than the best that is equal to it."""
        own = self._score(kind_of(best), scope) if best else 0.0
        found, most = None, max(own + _BETTER, _NAMED)
        for kind in self._book.kinds(scope.near):
            score = self._score(kind, scope)
            if score < most or not kind.needs <= scope.all_words or (best and _is_same(kind, best)):
                continue
            fact = next(
                (
                    one
                    for one in self._book.facts_of(kind, scope.mentions)
                    if self._is_for(one, figure, scope)
                ),
                None,
            )
            if fact is not None:
                found, most = fact, score
        return found

    def _is_for(self, fact: Fact, figure: Figure, scope: Scope) -> bool:
        """Whether a fact could be what the figure should state."""
        if fact.how in ("sum", "mean") or self._is_aside(fact, scope):
            return False
        if figure.kind == "date" or fact.date is not None:
            return figure.kind == "date" and fact.date is not None
        return fits(figure.kind, fact.nature)

    def _is_aside(self, fact: Fact, scope: Scope) -> bool:
        """Whether it is a goal or the number of notes, which no other figure is taken for."""
        words = fact.labels | fact.parents
        return bool(words & _ASIDE) and not (words & _ASIDE & scope.all_words and fact.how is None)

    def _computed(self, index: int) -> Finding | None:
        """The step that gives the figure, with operands the sentence speaks of."""
        figure, scope = self._figures[index], self._scopes[index]
        self._trail.steps += 1
        if self._trail.steps > _MOST_STEPS or not figure.readings or self._is_foreign(figure):
            return None
        nature: Nature = "percent" if figure.kind == "percent" else "any"
        beside = [one for place, one in sorted(self._known.items()) if place != index]
        operands = gather(self._book, figure, scope, beside, self._trail.operands)
        for name, value in steps(operands, figure, scope):
            if states(figure, value, nature) and value != 0:
                self._known[index] = Operand(
                    figure.text, float(figure.readings[0].value), _nature(figure), is_figure=True
                )
                return Finding(figure=figure, status="computed", source=name)
        return None

    def _planned(self, index: int) -> Finding | None:
        figure = self._figures[index]
        if is_proposed(self._sentence, figure):
            return Finding(figure=figure, status="proposed")
        return None


def _is_same(kind: Kind, fact: Fact) -> bool:
    """Whether facts of a kind go by the same name as a fact, so that neither fits a figure better."""
    return (
        heads(kind.labels) == heads(fact.labels) and kind.needs == fact.needs and kind.parents <= fact.parents
    )


def _nothing(figure: Figure) -> Finding:
    return Finding(figure=figure, status="unmatched")


def _say(fact: Fact) -> str:
    if fact.date is not None:
        parts = (fact.date.year, fact.date.month, fact.date.day)
        return f"{fact.path} = {'-'.join(f'{part:02}' for part in parts if part is not None)}"
    return f"{fact.path} = {fact.value:g}"


def _nature(figure: Figure) -> Nature:
    return figure.kind if figure.kind in ("money", "percent", "duration") else "any"
