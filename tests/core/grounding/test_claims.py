import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from officium.core.grounding import check_claims

CONTEXT = {
    "recipients": ["john@example.com"],
    "deal_contexts": [
        {
            "title": "Project Alpha",
            "pipeline": "Aramco Projects",
            "stage": "Order Received",
            "issue": "Overdue 14 days",
        }
    ],
}


def _wrong(text: str) -> list[tuple[str, str]]:
    return [(claim.kind, claim.text) for claim in check_claims(text, CONTEXT) if not claim.is_matched]


def test_a_faithful_letter_has_no_wrong_claims() -> None:
    text = "Dear John,\n\nProject Alpha is overdue by 14 days.\n\nKind regards,\nThe Sales Team"

    assert _wrong(text) == []
    assert {claim.kind for claim in check_claims(text, CONTEXT)} >= {"name", "amount", "status"}


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Project Alpha has been approved.", ("status", "approved")),
        ("We wait for Halliburton Services.", ("name", "Halliburton Services")),
        ("Dear Sandra,", ("name", "Sandra")),
        ("Write to maria@example.com.", ("name", "maria@example.com")),
        ("It concerns PO-7788.", ("name", "PO-7788")),
        ("Project Alpha closed on 12 October 2026.", ("date", "12 October 2026")),
        ("Project Alpha is overdue by 41 days.", ("amount", "41 days")),
    ],
)
def test_what_the_context_does_not_have_is_found(text: str, claim: tuple[str, str]) -> None:
    assert claim in _wrong(text)


@pytest.mark.parametrize(
    "text",
    [
        "Project Alpha has not been approved yet.",
        "Has Project Alpha been approved?",
        "Once Project Alpha has been approved, we start.",
        "Project Alpha will be approved.",
    ],
)
def test_what_is_denied_asked_or_to_come_is_no_claim(text: str) -> None:
    assert _wrong(text) == []


def test_claims_stand_where_the_text_has_them() -> None:
    text = "Dear John,\nProject Omega was approved on 3 March 2026."

    claims = check_claims(text, CONTEXT)

    assert claims
    assert all(text[claim.start : claim.end] == claim.text for claim in claims)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200))
def test_no_text_is_a_fault(text: str) -> None:
    for claim in check_claims(text, CONTEXT):
        assert text[claim.start : claim.end] == claim.text


@pytest.mark.parametrize(
    ("record", "is_supported"),
    [
        ({"days_overdue": 16}, True),
        ({"daysOverdue": 16}, True),
        ({"deals": [{"title": "Rent", "days_overdue": 16}]}, True),
        ({"is_overdue": True}, True),
        ({"days_overdue": 0}, False),
        ({"is_overdue": False}, False),
        ({"overdue_fee": 16}, False),
        ({"overdue": 16}, False),
    ],
    ids=str,
)
def test_status_is_also_told_by_the_name_of_a_number_or_a_yes(record: object, is_supported: bool) -> None:
    (claim,) = [one for one in check_claims("The rent is overdue.", record) if one.kind == "status"]

    assert claim.is_matched is is_supported
