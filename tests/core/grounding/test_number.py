from decimal import Decimal

import pytest

from officium.core.grounding.number import plain_digits, read_number


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("1500", ["1500"]),
        ("1,500", ["1500", "1.5"]),
        ("1.500", ["1.5", "1500"]),
        ("1 500", ["1500"]),
        ("1'500.25", ["1500.25"]),
        ("12,500.50", ["12500.50"]),
        ("12.500,50", ["12500.50"]),
        ("1,250,000", ["1250000"]),
        ("1.250.000", ["1250000"]),
        ("0.125", ["0.125"]),
        ("12,5", ["12.5"]),
    ],
)
def test_a_number_is_read_in_every_way_it_may_mean(written: str, values: list[str]) -> None:
    assert [reading.value for reading in read_number(written)] == [Decimal(value) for value in values]


def test_a_scale_moves_the_point_and_the_worth_of_the_last_digit() -> None:
    (reading,) = read_number("12.5", 3)

    assert reading.value == 12500
    assert reading.step == 100


def test_digits_of_other_scripts_keep_their_places() -> None:
    assert plain_digits("لديك ١٬٥٠٠٫٥") == "لديك 1,500.5"
