from officium.core.grounding import Fact, read_facts
from officium.core.grounding.context import MOST_FACTS

DEALS = {
    "currency": "SAR",
    "deals": [
        {"title": "Project Alpha", "stage": "Order Received", "amount": 450, "daysInStage": 14},
        {"title": "Project Beta", "stage": "Under Progress", "amount": 1250, "daysInStage": 31},
        {"title": "Ras Tanura", "stage": "Under Progress", "amount": 2300, "daysInStage": 45},
    ],
}


def _by_path(context: object) -> dict[str, Fact]:
    return {fact.path: fact for fact in read_facts(context).facts}


def test_numbers_carry_the_words_of_their_keys_and_their_unit() -> None:
    fact = _by_path(DEALS)["deals[0].daysInStage"]

    assert fact.value == 14
    assert (fact.nature, fact.unit) == ("duration", "day")
    assert "stage" in fact.labels


def test_amounts_have_the_currency_that_stands_beside_or_above_them() -> None:
    assert _by_path(DEALS)["deals[1].amount"].unit == "SAR"


def test_a_list_of_things_is_a_family_of_records_with_names() -> None:
    facts = read_facts(DEALS)
    amount = next(fact for fact in facts.facts if fact.path == "deals[0].amount")

    assert "alpha" in facts.records[amount.things[0]].names


def test_counts_and_sums_are_facts_all_together_and_of_each_group() -> None:
    found = _by_path(DEALS)

    assert found["count(deals)"].value == 3
    assert found["count(deals[stage=Under Progress])"].value == 2
    assert found["sum(deals[].amount)"].value == 4000
    assert found["sum(deals[stage=Under Progress].amount)"].value == 3550


def test_snapshots_have_a_place_in_time_and_one_is_the_last() -> None:
    records = read_facts(
        {"snapshots": [{"month": "2026-02", "mrr": 2}, {"month": "2026-01", "mrr": 1}]}
    ).records

    assert [(record.order, record.is_last) for record in records] == [(1, True), (0, False)]


def test_last_month_beside_this_month_is_the_earlier_of_two_records() -> None:
    records = read_facts({"downloads": {"lastMonth": 41, "thisMonth": 46}}).records

    assert [record.order for record in records] == [0, 1]


def test_figures_in_notes_are_facts_with_the_words_beside_them() -> None:
    facts = read_facts({"notes": ["Budget approved at $75,000 on 2026-09-02."]}).facts

    money = next(fact for fact in facts if fact.value == 75000)
    assert money.nature == "money"
    assert "budget" in money.labels or "approved" in money.labels
    assert any(fact.date is not None for fact in facts)


def test_a_context_beyond_the_limit_is_read_in_part_and_says_so() -> None:
    facts = read_facts({f"key{number}": number for number in range(MOST_FACTS + 10)})

    assert len(facts.facts) == MOST_FACTS
    assert not facts.is_complete


def test_what_is_no_number_is_no_fact() -> None:
    assert read_facts({"a": None, "b": True, "c": float("nan"), "d": float("inf"), "e": "text"}).facts == ()
