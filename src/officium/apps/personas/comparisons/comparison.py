"""What a comparison is, and how models stand after many of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import comb
from typing import Any, Literal

from msgspec import Struct

from officium.apps.personas.persona import PersonaType

Side = Literal["a", "b"]
Winner = Literal["a", "b", "tie", "neither"]
SIDES: tuple[Side, Side] = ("a", "b")


class Comparison(Struct, frozen=True, kw_only=True):
    """Two models that answered the same question. Which is which is told after the vote.

    `sides` has for each side, once it has answered: `model` (as asked for), `answered_by`, the tokens, how
    long it took in milliseconds until its first word and its last, and `error` where it could not.
    """

    id: str
    owner: str
    persona: PersonaType
    model_a: str
    model_b: str
    prompt: str
    prompt_version: str
    created_at: datetime
    sides: Mapping[Side, Mapping[str, Any]]
    winner: Winner | None = None
    reason: str | None = None
    voted_at: datetime | None = None

    def model(self, side: Side) -> str:
        """Who answered on a side."""
        return self.model_a if side == "a" else self.model_b


class Standing(Struct, frozen=True, kw_only=True):
    """How two models stand against each other.

    `p_value` is the chance of a result at least so uneven between equals: the exact two-sided sign test, in
    which ties count for nobody.
    """

    first: str
    second: str
    first_wins: int
    second_wins: int
    ties: int
    p_value: float


def standings(voted: Iterable[Comparison]) -> Sequence[Standing]:
    """The pairs that were compared, those with the most votes first."""
    counts: dict[tuple[str, str], list[int]] = {}
    for each in voted:
        if each.winner is None:
            continue
        first, second = sorted((each.model_a, each.model_b))
        wins = counts.setdefault((first, second), [0, 0, 0])
        if each.winner in SIDES:
            wins[0 if each.model("a" if each.winner == "a" else "b") == first else 1] += 1
        else:
            wins[2] += 1
    found = [
        Standing(
            first=first,
            second=second,
            first_wins=wins[0],
            second_wins=wins[1],
            ties=wins[2],
            p_value=sign_test(wins[0], wins[1]),
        )
        for (first, second), wins in counts.items()
    ]
    return sorted(found, key=lambda each: (-(each.first_wins + each.second_wins + each.ties), each.first))


def sign_test(wins: int, losses: int) -> float:
    """The two-sided p-value of so many wins and losses, were both equally likely; in [0, 1].

    Source: W. J. Dixon and A. M. Mood, "The Statistical Sign Test", JASA 41 (1946).
    """
    rounds = wins + losses
    tail = sum(comb(rounds, won) for won in range(min(wins, losses) + 1))
    return min(1.0, float(2 * tail / 2**rounds))
