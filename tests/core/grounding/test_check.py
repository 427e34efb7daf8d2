from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from officium.core.grounding import Finding, as_json, check_figures

CONTEXT = {
    "businessProfile": {"industry": "SaaS", "revenue": "$100k-$500k"},
    "recentAnalytics": {"sessions": 1500, "users": 450, "conversions": 23, "revenue": 12500.50},
}
DEALS = {
    "deals": [
        {"title": "Project Alpha", "amount": 450000, "expectedClose": "2026-12-15"},
        {"title": "Project Beta", "amount": 1250000, "expectedClose": "2027-01-20"},
    ]
}
SNAPSHOTS = {"snapshots": [{"month": "2026-02", "mrr": 40500}, {"month": "2026-03", "mrr": 39200}]}


def _findings(text: str, context: object = CONTEXT) -> list[Finding]:
    return list(check_figures(text, context).findings)


def _statuses(text: str, context: object = CONTEXT) -> list[str]:
    return [finding.status for finding in _findings(text, context)]


def test_figures_of_the_context_are_matched_with_their_path() -> None:
    found = _findings("You had 1,500 sessions and 450 users.")

    assert [(one.status, one.source) for one in found] == [
        ("matched", "recentAnalytics.sessions"),
        ("matched", "recentAnalytics.users"),
    ]


def test_swapped_figures_are_unmatched_and_it_says_what_the_context_says() -> None:
    found = _findings("You had 450 sessions and 1,500 users.")

    assert [one.said for one in found] == ["recentAnalytics.sessions = 1500", "recentAnalytics.users = 450"]


def test_a_share_of_two_facts_is_computed() -> None:
    (found,) = _findings("Your conversion rate is 1.5%.")

    assert found.status == "computed"


def test_a_figure_of_another_deal_is_unmatched() -> None:
    assert _statuses("Project Alpha is worth 1,250,000.", DEALS) == ["unmatched"]


def test_a_date_of_another_deal_is_unmatched() -> None:
    assert _statuses("Project Beta closes on December 15, 2026.", DEALS) == ["unmatched"]


def test_an_older_snapshot_is_not_the_current_one() -> None:
    assert _statuses("Your current MRR is $40,500.", SNAPSHOTS) == ["unmatched"]
    assert _statuses("In February MRR was $40,500.", SNAPSHOTS) == ["matched"]


@pytest.mark.parametrize("key", ["month", "date", "asOf", "as_of", "weekStart", "period"])
def test_snapshots_are_told_apart_by_when_they_were_taken(key: str) -> None:
    series = {"snapshots": [{key: "2026-11-09", "sessions": 3275}, {key: "2026-11-16", "sessions": 3640}]}

    assert _statuses("You currently have 3,275 sessions.", series) == ["unmatched"]
    assert _statuses("You currently have 3,640 sessions.", series) == ["matched"]
    assert _statuses("Sessions fell 11.1% in the last week.", series) == ["unmatched"]


def test_earlier_figures_beside_the_latest_are_a_series() -> None:
    series = {"snapshots": [{"date": f"2026-11-{day:02}", "revenue": 8000 + day * 100} for day in (2, 9, 16)]}

    found = _statuses("Revenue grew each week: $8,200, $8,900 and now $9,600.", series)

    assert found == ["matched"] * 3


def test_dates_of_two_snapshots_are_matched_beside_each_other() -> None:
    series = {
        "snapshots": [{"date": "2026-11-09", "sessions": 3275}, {"date": "2026-11-16", "sessions": 3640}]
    }

    found = _statuses("Sessions grew from the week of November 9 to the week of November 16.", series)

    assert found == ["matched", "matched"]


def test_sum_that_is_written_out_is_computed() -> None:
    costs = {"revenue": 41300, "foodCost": 13216, "laborCost": 14042}

    assert _statuses("$13,216 + $14,042 is $27,258.", costs) == ["matched", "matched", "computed"]
    assert _statuses("$13,216 + $14,042 is $28,258.", costs) == ["matched", "matched", "unmatched"]


def test_share_is_that_of_what_is_named_beside_it() -> None:
    costs = {"revenue": 41300, "foodCost": 13216, "laborCost": 14042}

    assert _statuses("Food cost was 32% of revenue and labor cost 34%.", costs) == ["computed"] * 2
    assert _statuses("Food cost was 34% of revenue and labor cost 32%.", costs) == ["unmatched"] * 2


def test_growth_has_a_direction() -> None:
    assert _statuses("MRR fell 3.2% from February to March.", SNAPSHOTS) == ["computed"]
    assert _statuses("MRR grew 3.2% from February to March.", SNAPSHOTS) == ["unmatched"]


def test_targets_and_horizons_are_proposed() -> None:
    assert _statuses("Aim for 600 users within the next 90 days.") == ["proposed", "proposed"]


def test_what_only_numbers_a_list_is_no_figure() -> None:
    assert _statuses("1. Grow.\n2. Save.\n\n## Q3 2026\nStep 3: rest.") == []


def test_the_report_as_json_counts_and_places() -> None:
    text = "You had 1,500 sessions and 470 users."

    shown = as_json(check_figures(text, CONTEXT))

    assert (shown["matched"], shown["unmatched"], shown["complete"]) == (1, 1, True)
    assert [text[one["start"] : one["end"]] for one in shown["figures"]] == ["1,500", "470"]


def test_a_text_beyond_the_limit_is_not_complete() -> None:
    assert not check_figures("a " * 100_001, CONTEXT).is_complete


VALUES = st.integers(min_value=1_000, max_value=9_999_999)
FORMATS = {
    "plain": lambda value: f"{value}",
    "English": lambda value: f"{value:,}",
    "German": lambda value: f"{value:,}".replace(",", "."),
    "French": lambda value: f"{value:,}".replace(",", "\u202f"),
    "Arabic": lambda value: f"{value:,}".translate(str.maketrans("0123456789,", "٠١٢٣٤٥٦٧٨٩٬")),
}


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, max_examples=40)
@given(value=VALUES)
def test_a_figure_copied_in_any_format_is_matched(name: str, value: int) -> None:
    text = f"You had {FORMATS[name](value)} sessions."

    is_year = name == "plain" and 1990 <= value <= 2100

    assert _statuses(text, {"sessions": value}) == ([] if is_year else ["matched"])


@settings(deadline=None, max_examples=60)
@given(value=VALUES, off=st.integers(min_value=2, max_value=90))
def test_a_named_figure_changed_beyond_rounding_is_found(value: int, off: int) -> None:
    wrong = value + max(2, value * off // 100)

    assert _statuses(f"You had {wrong:,} sessions.", {"sessions": value, "users": 7}) == ["unmatched"]


@settings(deadline=None, max_examples=60)
@given(value=VALUES)
def test_a_figure_rounded_to_thousands_with_k_is_matched(value: int) -> None:
    rounded = Decimal(value) / 1000

    assert _statuses(f"Revenue was ${rounded:.1f}k.", {"revenue": value}) == ["matched"]


CONTEXTS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200), CONTEXTS)
def test_no_text_and_no_context_is_a_fault_and_places_hold(text: str, context: object) -> None:
    for finding in check_figures(text, context).findings:
        assert text[finding.figure.start : finding.figure.end] == finding.figure.text
