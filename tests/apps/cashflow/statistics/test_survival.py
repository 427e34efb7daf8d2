import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import AalenJohansenFitter, KaplanMeierFitter

from officium.apps.cashflow.statistics.days import LONGEST_DAYS
from officium.apps.cashflow.statistics.prior import spread_around
from officium.apps.cashflow.statistics.survival import HAPPENED, LOST, OPEN, certain, estimate

SIZE = LONGEST_DAYS + 1


def some_times(seed: int, outcomes: tuple[int, ...], count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(1, 200, count), random.choice(outcomes, count)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_kaplan_meier_of_lifelines(seed: int) -> None:
    days, outcomes = some_times(seed, (OPEN, HAPPENED))
    weights = np.random.default_rng(seed).integers(1, 5, len(days)).astype(float)

    ours = 1 - estimate(days, outcomes, weights).happened.cumsum()

    theirs = KaplanMeierFitter().fit(days, outcomes == HAPPENED, weights=weights)
    np.testing.assert_allclose(ours, theirs.predict(np.arange(SIZE)).to_numpy(), atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_aalen_johansen_of_lifelines(seed: int) -> None:
    _, outcomes = some_times(seed, (OPEN, HAPPENED, LOST))
    # lifelines takes tied times apart at random, so there are none
    days = np.random.default_rng(seed).choice(np.arange(1, LONGEST_DAYS), len(outcomes), replace=False)

    ours = estimate(days, outcomes)

    for event, incidence in ((HAPPENED, ours.happened), (LOST, ours.lost)):
        theirs = AalenJohansenFitter(calculate_variance=False).fit(days, outcomes, event_of_interest=event)
        steps = theirs.cumulative_density_.iloc[:, 0]
        expected = steps.reindex(np.arange(SIZE), method="ffill")
        np.testing.assert_allclose(incidence.cumsum(), expected, atol=1e-9)


def test_with_no_data_is_the_belief() -> None:
    belief = certain(spread_around(37, 1))

    found = estimate(np.zeros(0, int), np.zeros(0, int), belief=belief, worth=4)

    np.testing.assert_allclose(found.happened, belief.happened, atol=1e-12)


def test_a_belief_worth_n_counts_like_n_observations() -> None:
    days, outcomes = np.array([3, 8, 8, 20]), np.array([HAPPENED, LOST, OPEN, HAPPENED])
    belief = estimate(np.array([5, 10]), np.array([HAPPENED, LOST]))

    found = estimate(days, outcomes, belief=belief, worth=6)

    more = estimate(np.append(days, [5, 5, 5, 10, 10, 10]), np.append(outcomes, [1, 1, 1, 2, 2, 2]))
    np.testing.assert_allclose(found.happened, more.happened, atol=1e-12)
    np.testing.assert_allclose(found.lost, more.lost, atol=1e-12)


@given(
    times=st.lists(st.tuples(st.integers(0, 2000), st.sampled_from((OPEN, HAPPENED, LOST)))),
    worth=st.floats(0, 10),
)
def test_probabilities_are_probabilities(times: list[tuple[int, int]], worth: float) -> None:
    days = np.array([time for time, _ in times], dtype=int)
    outcomes = np.array([outcome for _, outcome in times], dtype=int)

    found = estimate(days, outcomes, belief=certain(spread_around(37, 1)), worth=worth)

    assert min(found.happened.min(), found.lost.min()) >= 0
    assert found.happened.sum() + found.lost.sum() <= 1 + 1e-9
