"""How models stand after votes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.personas.comparisons import Comparison, Winner
from officium.apps.personas.comparisons.comparison import sign_test, standings

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def voted(a: str, b: str, winner: Winner | None) -> Comparison:
    return Comparison(
        id="cmp_1",
        owner="key:1",
        persona="ceo",
        model_a=a,
        model_b=b,
        prompt="persona.ceo",
        prompt_version="1",
        created_at=NOW,
        sides={},
        winner=winner,
    )


def test_wins_count_for_the_model_whichever_side_it_was_on():
    (found,) = standings(
        [voted("x", "y", "a"), voted("y", "x", "b"), voted("x", "y", "b"), voted("y", "x", "tie")]
    )

    assert (found.first, found.first_wins, found.second_wins, found.ties) == ("x", 2, 1, 1)


def test_comparison_without_a_vote_counts_for_nobody():
    assert standings([voted("x", "y", None)]) == []


def test_pair_with_most_votes_stands_first():
    found = standings([voted("x", "y", "a"), voted("x", "z", "a"), voted("z", "x", "neither")])

    assert [(each.first, each.second) for each in found] == [("x", "z"), ("x", "y")]


@pytest.mark.parametrize(
    ("wins", "losses", "p_value"),
    [(0, 0, 1.0), (5, 0, 0.0625), (8, 2, 0.109375), (9, 1, 0.021484375), (5, 5, 1.0)],
)
def test_sign_test_gives_the_values_of_the_tables(wins: int, losses: int, p_value: float):
    assert sign_test(wins, losses) == pytest.approx(p_value)


@given(st.integers(0, 200), st.integers(0, 200))
def test_sign_test_is_a_probability_and_knows_no_sides(wins: int, losses: int):
    assert 0 <= sign_test(wins, losses) <= 1
    assert sign_test(wins, losses) == sign_test(losses, wins)
