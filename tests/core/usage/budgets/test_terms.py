"""What may be agreed in a budget."""

import pytest

from officium.core.usage.budgets.terms import Terms, check_measure, check_subject, check_terms
from officium.core.usage.ledger.budget import THE_TENANT, Subject
from officium.core.usage.ledger.errors import InvalidBudget


@pytest.mark.parametrize(
    "subject",
    [
        THE_TENANT,
        Subject("member", "mem_01k5c9m0w8"),
        Subject("key", "ak_01k5c9m0w8"),
        Subject("client", "7"),
        Subject("widget", "999999999999999999"),
    ],
)
def test_subject_may_be(subject: Subject):
    check_subject(subject)


@pytest.mark.parametrize(
    "subject",
    [
        Subject("tenant", "ten_1"),
        Subject("member", ""),
        Subject("key", "a b"),
        Subject("key", "k" * 129),
        Subject("client", "acme"),
        Subject("client", "007"),
        Subject("widget", "0"),
        Subject("widget", "9" * 19),
        Subject("widget", "1\n"),
        Subject("client", "٣"),
    ],
)
def test_subject_may_not_be(subject: Subject):
    with pytest.raises(InvalidBudget) as raised:
        check_subject(subject)

    assert raised.value.fields["param"] == "subject_id"


def test_ceilings_of_single_runs_are_not_made_by_hand():
    with pytest.raises(InvalidBudget) as raised:
        check_subject(Subject("run", "conv_1"))

    assert raised.value.fields["param"] == "subject_kind"


@pytest.mark.parametrize(
    ("unit", "period", "param"), [("words", "day", "unit"), ("tokens", "week", "period")]
)
def test_what_is_not_counted_is_refused(unit: str, period: str, param: str):
    with pytest.raises(InvalidBudget) as raised:
        check_measure(unit, period)

    assert raised.value.fields["param"] == param


@pytest.mark.parametrize(
    "terms",
    [
        Terms(limit=None),
        Terms(limit=0),
        Terms(limit=10**18, alert_at=()),
        Terms(limit=1, alert_at=(1, 2, 3, 99, 100), time_zone="Asia/Riyadh"),
    ],
)
def test_terms_may_be(terms: Terms):
    check_terms(terms)


@pytest.mark.parametrize(
    ("terms", "param"),
    [
        pytest.param(Terms(limit=-1), "limit", id="negative"),
        pytest.param(Terms(limit=10**18 + 1), "limit", id="huge"),
        pytest.param(Terms(limit=1, alert_at=(0,)), "alert_at", id="alert-at-nothing"),
        pytest.param(Terms(limit=1, alert_at=(101,)), "alert_at", id="alert-beyond-the-limit"),
        pytest.param(Terms(limit=1, alert_at=(80, 50)), "alert_at", id="alerts-in-disorder"),
        pytest.param(Terms(limit=1, alert_at=(80, 80)), "alert_at", id="same-alert-twice"),
        pytest.param(Terms(limit=1, alert_at=(1, 2, 3, 4, 5, 6)), "alert_at", id="too-many-alerts"),
        pytest.param(Terms(limit=1, time_zone="Mars/Olympus"), "time_zone", id="unknown-zone"),
        pytest.param(Terms(limit=1, time_zone="../../etc/passwd"), "time_zone", id="path"),
        pytest.param(Terms(limit=1, time_zone=""), "time_zone", id="no-zone"),
        pytest.param(Terms(limit=1, time_zone="a\0b"), "time_zone", id="nul"),
    ],
)
def test_terms_may_not_be(terms: Terms, param: str):
    with pytest.raises(InvalidBudget) as raised:
        check_terms(terms)

    assert raised.value.fields["param"] == param
