"""What a sentence lets one reckon with: other figures in it, and facts it speaks of."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from officium.core.grounding.arithmetic import Operand
from officium.core.grounding.book import Book, Kind, Mentions, heads, kind_of
from officium.core.grounding.fact import Fact
from officium.core.grounding.figure import Figure
from officium.core.grounding.scope import Scope
from officium.core.grounding.words import KPIS

_MOST_OPERANDS = 16
_MOST_BESIDE = 8
_MOST_OF_A_KIND = 6
_MADE_OF_MONEY = frozenset({"mrr", "price", "fee", "revenue", "salary", "amount", "rate"})


def gather(
    book: Book, figure: Figure, scope: Scope, beside: Sequence[Operand], before: Iterable[Operand]
) -> list[Operand]:
    """The operands for a figure, the nearest first: figures `beside` it and `before` it, then facts."""
    found = {(one.name, one.value): one for one in beside[-_MOST_BESIDE:]}
    for one in before:
        found.setdefault((one.name, one.value), one)
    spoken_of = sorted(_spoken_of(book, figure, scope), key=lambda pair: -pair[0])
    for _, fact in spoken_of:
        if len(found) >= _MOST_OPERANDS:
            break
        if fact.value is not None:
            found.setdefault((fact.path, fact.value), operand(fact, book, scope))
    return _without_siblings(list(found.values()), scope)


def _without_siblings(operands: list[Operand], scope: Scope) -> list[Operand]:
    """Leave out what has a name in common with an operand that is named beside the figure, and is not itself.

    `Food cost was 34% of revenue` speaks of the food cost, and not of the labor cost, which would give 34%.
    """
    named = [(one, own) for one in operands if len(own := heads(one.labels)) > 1 and own <= scope.near.keys()]
    return [
        one
        for one in operands
        if not any(
            other.labels != one.labels
            and own & heads(one.labels)
            and not heads(one.labels) <= scope.near.keys()
            for other, own in named
        )
    ]


def operand(fact: Fact, book: Book, scope: Scope) -> Operand:
    """A fact to reckon with."""
    named = heads(fact.labels)
    return Operand(
        fact.path,
        fact.value or 0.0,
        fact.nature,
        kind_of(fact),
        book.order(fact),
        fact.things,
        how=fact.how,
        is_near=bool((named | heads(fact.parents)) & scope.all_words),
        is_named=bool(named) and named <= scope.all_words,
        unit=fact.unit,
    )


def stated_operand(fact: Fact, book: Book, scope: Scope) -> Operand:
    """What a figure that states a fact is reckoned with: the fact's own value, which is not rounded."""
    return replace(operand(fact, book, scope), is_figure=True, is_near=True)


def _spoken_of(book: Book, figure: Figure, scope: Scope) -> Iterator[tuple[float, Fact]]:
    """The facts that the sentence speaks of, with how plainly."""
    mentions = _mentioned(book, scope)
    implied = _implied(figure, scope)
    for kind in book.kinds(word for word in scope.all_words | implied if word in book.labels):
        weight = _weight(kind, scope, implied)
        if weight:
            for fact in book.facts_of(kind, mentions)[:_MOST_OF_A_KIND]:
                yield weight - 0.3 * bool(fact.how), fact
    if scope.all_cues & {"difference", "share"}:
        yield from ((0.3, fact) for fact in book.of_things(mentions))


def _weight(kind: Kind, scope: Scope, implied: frozenset[str]) -> float:
    if kind.is_date or not kind.needs <= scope.all_words:
        return 0.0
    named = float(len(heads(kind.labels) & scope.all_words)) + (kind.labels <= scope.all_words)
    return named or 0.4 * len((heads(kind.parents) & scope.all_words) | (kind.labels & implied))


def _mentioned(book: Book, scope: Scope) -> Mentions:
    """The records to reckon with: those of the clause and what came before them, and all of the sentence."""
    found = dict(book.around(scope.beside or scope.mentions))
    for family, things in scope.all_mentions.items():
        found[family] = found.get(family, frozenset()) | things
    return found


def _implied(figure: Figure, scope: Scope) -> frozenset[str]:
    """Labels that a sentence reckons with and does not name: the parts of a ratio, the price of things."""
    found: frozenset[str] = frozenset()
    for words, numerators, denominators in KPIS:
        if words <= scope.all_words:
            found |= numerators | denominators
    if figure.kind == "money" and scope.all_cues & {"per", "product"}:
        found |= _MADE_OF_MONEY
    return found
