"""Where in a context a number stands, and the fact that it is there."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from officium.core.grounding.fact import Fact, nature_of
from officium.core.grounding.words import CURRENCIES, SPANS


class Place(Struct, frozen=True, kw_only=True):
    """Where in a context a node stands."""

    path: str = ""
    names: tuple[str, ...] = ()
    things: tuple[int, ...] = ()
    currency: str | None = None
    depth: int = 0

    def below(self, key: str, *, hides_key: bool = False, **changes: Any) -> "Place":
        """The place of a part of the node."""
        return Place(
            path=f"{self.path}.{key}" if self.path else key,
            names=self.names if hides_key else (*self.names, key),
            things=changes.get("things", self.things),
            currency=self.currency,
            depth=self.depth + 1,
        )


def number_fact(
    value: Decimal, place: Place, labels: frozenset[str], parents: frozenset[str], **more: Any
) -> Iterator[Fact]:
    """The fact that a number is, unless it is endless. `more` are further fields of it."""
    if not value.is_finite() or abs(value.adjusted()) > 40:
        return
    nature = nature_of(labels)
    if nature == "percent" and abs(value) > 100:
        nature = "any"
    unit = None
    if nature == "duration":
        unit = next((SPANS[word] for word in labels | parents if word in SPANS), None)
    elif nature in ("money", "any"):
        unit = next((CURRENCIES[word] for word in labels if word in CURRENCIES), place.currency)
    yield Fact(
        path=more.pop("path", place.path),
        labels=labels,
        parents=parents,
        things=place.things,
        nature=nature,
        value=float(value),
        unit=unit,
        **more,
    )
