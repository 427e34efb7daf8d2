import pytest

from officium.core.grounding import find_figures
from officium.core.grounding.figure import DateReading


@pytest.mark.parametrize(
    ("text", "figure", "kind", "unit"),
    [
        ("about $12.5k a month", "$12.5k", "money", "USD"),
        ("SAR 450,000 in all", "SAR 450,000", "money", "SAR"),
        ("rund 1,95 Mio. $ in bar", "1,95 Mio. $", "money", "USD"),
        ("قيمته ٤٥٠٬٠٠٠ ريال", "٤٥٠٬٠٠٠ ريال", "money", "SAR"),
        ("up 5.1% on May", "5.1%", "percent", None),
        ("um 3,2 % gesunken", "3,2 %", "percent", None),
        ("for 14 days now", "14 days", "duration", "day"),
        ("depuis 9 semaines", "9 semaines", "duration", "week"),
        ("1 500 sessions", "1 500", "number", None),
    ],
)
def test_a_figure_is_found_with_its_kind_and_unit(
    text: str, figure: str, kind: str, unit: str | None
) -> None:
    (found,) = find_figures(text)

    assert (found.text, found.kind, found.unit) == (figure, kind, unit)
    assert text[found.start : found.end] == figure


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("due 2026-12-15", DateReading(2026, 12, 15)),
        ("am 15.12.2026", DateReading(2026, 12, 15)),
        ("on December 15, 2026", DateReading(2026, 12, 15)),
        ("le 15 décembre 2026", DateReading(2026, 12, 15)),
        ("el 15 de diciembre de 2026", DateReading(2026, 12, 15)),
        ("by March 3rd", DateReading(None, 3, 3)),
        ("in March 2027", DateReading(2027, 3, None)),
    ],
)
def test_a_date_is_read_in_several_languages(text: str, day: DateReading) -> None:
    (found,) = find_figures(text)

    assert day in found.dates


def test_a_date_that_may_be_read_two_ways_has_both_readings() -> None:
    (found,) = find_figures("03/04/2026")

    assert set(found.dates) == {DateReading(2026, 4, 3), DateReading(2026, 3, 4)}


def test_a_month_before_a_grouped_number_is_no_date() -> None:
    (found,) = find_figures("In October 1,840 tickets were opened")

    assert found.text == "1,840"


@pytest.mark.parametrize(
    ("text", "hedge"),
    [("about 500", "about"), ("over $500", "above"), ("weniger als 500", "below"), ("exactly 500", None)],
)
def test_a_hedge_is_noticed(text: str, hedge: str | None) -> None:
    (found,) = find_figures(text)

    assert found.hedge == hedge


def test_both_ends_of_a_range_have_its_unit_and_scale() -> None:
    one, other = find_figures("$100-500k")

    assert [one.kind, other.kind] == ["money", "money"]
    assert [one.readings[0].value, other.readings[0].value] == [100_000, 500_000]


@pytest.mark.parametrize("text", ["at 10:30", "B2B", "GPT-4 and v2", "abc123"])
def test_what_is_no_figure_is_left_alone(text: str) -> None:
    assert find_figures(text) == []
