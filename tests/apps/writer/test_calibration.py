"""What confidences turned out to mean."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.writer.calibration import Calibration, Outcome, calibrate, reliability
from officium.apps.writer.draft import worth_of

SHARE = st.floats(0, 1)
OUTCOMES = st.lists(st.builds(Outcome, SHARE, SHARE), max_size=40)


def test_without_outcomes_a_confidence_stays_what_it_is() -> None:
    assert Calibration().of(0.73) == 0.73
    assert calibrate([]).of(0.73) == 0.73


def test_drafts_that_are_always_rejected_lower_the_confidence_of_the_next() -> None:
    learnt = calibrate([Outcome(0.85, 0.0)] * 30)

    assert learnt.of(0.85) < 0.25
    assert learnt.of(0.2) <= learnt.of(0.85)


def test_drafts_that_are_always_kept_raise_it() -> None:
    assert calibrate([Outcome(0.6, 1.0)] * 30).of(0.6) > 0.85


def test_few_outcomes_move_it_little() -> None:
    assert abs(calibrate([Outcome(0.85, 0.0)]).of(0.85) - 0.85) < 0.2


@given(OUTCOMES, st.lists(SHARE, min_size=2, max_size=8))
def test_calibration_never_falls_and_stays_a_share(outcomes: list[Outcome], raw: list[float]) -> None:
    learnt = calibrate(outcomes)

    values = [learnt.of(one) for one in sorted(raw)]

    assert all(0 <= value <= 1 for value in values)
    assert all(one <= other + 1e-4 for one, other in pairwise(values))
    assert learnt.of(0.0) == 0.0


def test_calibration_brings_promise_and_outcome_together() -> None:
    outcomes = [Outcome(0.85, float(number % 2)) for number in range(200)]
    learnt = calibrate(outcomes)

    before = reliability(outcomes)
    after = reliability([Outcome(learnt.of(one.confidence), one.worth) for one in outcomes])

    assert before.error == pytest.approx(0.35)
    assert after.error is not None
    assert after.error < 0.03


def test_reliability_counts_every_outcome_in_one_bin() -> None:
    outcomes = [Outcome(0.0, 0.0), Outcome(0.85, 1.0), Outcome(0.85, 0.0), Outcome(1.0, 1.0)]

    found = reliability(outcomes)

    assert [one.count for one in found.bins] == [1, 0, 0, 0, 0, 0, 0, 0, 2, 1]
    middle = found.bins[8]
    assert (middle.mean_confidence, middle.kept) == (0.85, 0.5)
    assert middle.least is not None
    assert middle.most is not None
    assert middle.least < 0.5 < middle.most


def test_worth_of_an_edit_is_what_stayed() -> None:
    assert worth_of("accepted") == 1.0
    assert worth_of("rejected") == 0.0
    assert worth_of("edited", "one two three four", "one two three five") == 0.75
    assert worth_of("edited", "one two", "quite different words") == 0.0
