"""How decisions turn out by the figures."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from officium.apps.personas.business import Snapshot
from officium.apps.personas.decisions import Decision, DecisionDraft
from officium.apps.personas.decisions.decision import check_draft, score, told
from officium.apps.personas.decisions.errors import InvalidDecision

TODAY = date(2026, 11, 21)


def a_decision(**fields: Any) -> Decision:
    values: dict[str, Any] = {
        "id": "dec_1",
        "text": "Raise the price",
        "metric": "revenue",
        "direction": "up",
        "due_on": date(2026, 12, 31),
        "expected_value": 15000,
        "persona": "cfo",
        "baseline": 12500.5,
        "created_at": datetime(2026, 11, 1, tzinfo=UTC),
        "created_by": "member:ada",
    }
    return Decision(**{**values, **fields})


def of_day(day: int, **figures: Any) -> Snapshot:
    return Snapshot(as_of=datetime(2027, 1, day, tzinfo=UTC), **figures)


@pytest.mark.parametrize(
    ("fields", "actual", "outcome"),
    [
        pytest.param({}, 15000, "met", id="exactly-what-was-expected"),
        pytest.param({}, 14999.99, "missed", id="almost"),
        pytest.param({"direction": "down"}, 15000, "met", id="at-most"),
        pytest.param({"direction": "down"}, 15001, "missed", id="too-much"),
        pytest.param({"expected_value": None}, 12500.5, "missed", id="nothing-changed"),
        pytest.param({"expected_value": None}, 12600, "met", id="better-than-before"),
        pytest.param({"expected_value": None, "direction": "down"}, 12600, "missed", id="worse-than-before"),
    ],
)
def test_figure_of_the_day_decides(fields: dict[str, Any], actual: float, outcome: str):
    found = score(a_decision(**fields), [of_day(1, revenue=actual)])

    assert found == (outcome, actual, datetime(2027, 1, 1, tzinfo=UTC))


def test_first_figure_from_the_day_on_counts():
    early = Snapshot(as_of=datetime(2026, 12, 30, 23, tzinfo=UTC), revenue=99999)

    found = score(a_decision(), [early, of_day(1, users=3), of_day(2, revenue=1), of_day(3, revenue=99999)])

    assert found == ("missed", 1, datetime(2027, 1, 2, tzinfo=UTC))


def test_without_a_figure_it_stays_open():
    assert score(a_decision(), [of_day(1, users=3)]) is None


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {},
            "2026-11-01: Raise the price (expected: revenue at least 15000 by 2026-12-31; open)",
        ),
        (
            {"expected_value": None, "direction": "down"},
            "2026-11-01: Raise the price (expected: revenue down from 12500.50 by 2026-12-31; open)",
        ),
        (
            {"outcome": "missed", "actual_value": 14000.0, "direction": "down"},
            "2026-11-01: Raise the price (expected: revenue at most 15000 by 2026-12-31; missed with 14000)",
        ),
    ],
)
def test_adviser_is_told_what_was_expected_and_what_came(fields: dict[str, Any], line: str):
    assert told(a_decision(**fields)) == line


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"text": ""}, "text"),
        ({"text": "two\nlines"}, "text"),
        ({"metric": "a:b"}, "metric"),
        ({"expected_value": float("nan")}, "expectedValue"),
        ({"expected_value": None}, "expectedValue"),
        ({"due_on": date(2099, 1, 1)}, "dueOn"),
        ({"due_on": date.min}, "dueOn"),
    ],
)
def test_what_cannot_be_scored_is_refused(fields: dict[str, Any], param: str):
    values = {"text": "x", "metric": "users", "direction": "up", "due_on": TODAY, "expected_value": 1.0}

    with pytest.raises(InvalidDecision) as caught:
        check_draft(DecisionDraft(**{**values, **fields}), None, TODAY)

    assert caught.value.fields["param"] == param
