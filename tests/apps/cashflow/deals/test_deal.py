"""Deals as they are said, changed and checked."""

from datetime import UTC, date, datetime

import pytest

from officium.apps.cashflow.deals import CashflowConfig, Deal, DealChanges, DealFields
from officium.apps.cashflow.deals.deal import change_draft, make_draft, shown_history
from officium.apps.cashflow.deals.errors import InvalidDeal
from officium.apps.cashflow.deals.sample import make_sample

TODAY = date(2026, 11, 21)
CONFIG = CashflowConfig()
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def a_deal(**said) -> Deal:
    fields = DealFields.model_validate(
        {"title": "Alpha", "stage": "Order Received", "created_on": "2026-11-01", **said}
    )
    return Deal(**make_draft(fields, CONFIG, TODAY).model_dump(), id=1, created_at=NOW, updated_at=NOW)


def change(deal: Deal, **said):
    return change_draft(deal, DealChanges.model_validate(said), CONFIG, TODAY)


def test_stages_are_remembered_when_a_deal_moves_on():
    moved = change(a_deal(), stage="Under Progress", stage_changed_on="2026-11-10")

    assert shown_history(moved.stage_changes) == "2026-11-01 Order Received; 2026-11-10 Under Progress"
    assert moved.stage_changed_on == date(2026, 11, 10)


def test_moving_to_an_invoiced_stage_dates_the_invoice_today():
    moved = change(a_deal(), stage="Invoiced")

    assert (moved.status, moved.invoiced_on) == ("invoiced", TODAY)


def test_what_is_left_out_stays_and_null_takes_away():
    deal = a_deal(customer="Aramco", expected_close_on="2026-12-01")

    changed = change(deal, expected_close_on=None, value="5")

    assert (changed.customer, changed.expected_close_on, str(changed.value)) == ("Aramco", None, "5")
    assert changed.stage_changes == deal.stage_changes


@pytest.mark.parametrize(
    ("said", "param"),
    [
        pytest.param({"title": "  "}, "title", id="blank"),
        pytest.param({"title": "a\0b"}, "title", id="nul"),
        pytest.param({"invoiced_on": "2027-01-01"}, "invoiced_on", id="future"),
        pytest.param({"invoiced_on": "2026-10-01"}, "invoiced_on", id="before-it-began"),
        pytest.param({"invoiced_on": "2026-11-05", "paid_on": "2026-11-04"}, "paid_on", id="paid-first"),
        pytest.param({"paid_on": "2026-11-05", "lost_on": "2026-11-05"}, "lost_on", id="paid-and-lost"),
        pytest.param(
            {
                "stage_changes": [
                    {"entered_on": "2026-11-09", "stage": "B"},
                    {"entered_on": "2026-11-01", "stage": "Order Received"},
                ]
            },
            "stage_changes",
            id="backwards",
        ),
    ],
)
def test_what_cannot_be_is_refused(said, param):
    with pytest.raises(InvalidDeal) as raised:
        a_deal(**said)

    assert raised.value.fields["param"] == param


def test_sample_is_the_same_for_the_same_seed_and_has_both_kinds_of_deals():
    first, again, other = (make_sample(CONFIG, TODAY, seed) for seed in (3, 3, 4))

    assert first == again
    assert first != other
    statuses = [each.draft.status for each in first]
    assert sum(status in ("paid", "lost") for status in statuses) == 240
    assert sum(status in ("open", "invoiced") for status in statuses) == 48
    assert any(each.note for each in first)
    assert {each.draft.currency for each in first} == {"SAR", "USD"}
