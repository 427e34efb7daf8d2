"""What people and programs are told of a budget."""

from datetime import UTC, datetime
from typing import Any

import pytest

from officium.core.usage.alerts.letter import Alert, letter_about
from officium.core.usage.ledger import THE_TENANT, Subject


def an_alert(**fields: Any) -> Alert:
    values: dict[str, Any] = {
        "id": "alr_1",
        "tenant_id": "ten_1",
        "tenant_name": "Acme",
        "budget_id": "bud_1",
        "subject": THE_TENANT,
        "unit": "tokens",
        "period": "day",
        "time_zone": "Europe/Berlin",
        "is_hard": True,
        "period_start": "2026-11-21",
        "threshold": 80,
        "used": 4012,
        "limit": 5000,
        "ends_at": datetime(2026, 11, 21, 23, tzinfo=UTC),
        "created_at": datetime(2026, 11, 21, 8, tzinfo=UTC),
    }
    return Alert(**{**values, **fields})


def test_letter_says_which_budget_how_much_and_when_it_begins_anew() -> None:
    letter = letter_about(an_alert())

    assert letter.title == "Acme: the budget of the tenant is used to 80 %"
    assert letter.text.splitlines() == [
        "Acme: the budget of the tenant is used to 80 %.",
        "",
        "Used:      4,012 tokens (80 %)",
        "Limit:     5,000 tokens a day",
        "Period:    the day 2026-11-21 (Europe/Berlin)",
        "Threshold: 80 %",
        "",
        "When the limit is reached, calls are refused.",
        "The budget begins anew on 2026-11-22 at 00:00 (Europe/Berlin).",
    ]


def test_letter_has_the_same_in_fields_for_programs() -> None:
    letter = letter_about(an_alert(subject=Subject("key", "ak_1")))

    assert (letter.id, letter.type) == ("alr_1", "budget.threshold_reached")
    assert letter.facts["budget"] == {
        "id": "bud_1",
        "tenant_id": "ten_1",
        "subject": {"kind": "key", "id": "ak_1"},
        "unit": "tokens",
        "period": "day",
        "period_start": "2026-11-21",
        "time_zone": "Europe/Berlin",
        "is_hard": True,
        "threshold_percent": 80,
        "used": 4012,
        "limit": 5000,
        "begins_anew_at": datetime(2026, 11, 21, 23, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        pytest.param({"threshold": 100, "used": 5000}, "Further calls are refused.", id="used-up"),
        pytest.param(
            {"is_hard": False}, "Nothing is refused: this budget only gives notice.", id="soft-budget"
        ),
        pytest.param(
            {"unit": "nano_usd", "used": 12_345_678_901, "limit": 20_000_000_000},
            "Used:      12.35 US dollars (61 %)",
            id="money",
        ),
        pytest.param(
            {"unit": "requests", "period": "month", "period_start": "2026-11"},
            "Limit:     5,000 requests a month",
            id="requests-a-month",
        ),
        pytest.param({"period": "total", "ends_at": None}, "Period:    all time", id="no-period"),
        pytest.param({"used": 0, "limit": 0}, "Used:      0 tokens (100 %)", id="nothing-allowed"),
    ],
)
def test_letter_has_the_line(fields: dict[str, Any], line: str) -> None:
    assert line in letter_about(an_alert(**fields)).text.splitlines()


def test_names_with_line_breaks_stay_on_their_line() -> None:
    letter = letter_about(
        an_alert(tenant_name="Acme\r\nBcc: eve@example.com", subject=Subject("run", "a\nb"))
    )

    assert letter.title == "Acme Bcc: eve@example.com: the budget of the run a b is used to 80 %"
