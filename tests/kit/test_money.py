"""Dollars in and out, to the last billionth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.kit.money import MOST_USD, nano_of_usd, usd_of_nano


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0", 0),
        ("25", 25_000_000_000),
        ("0.5", 500_000_000),
        ("0.000000001", 1),
        ("9007199.254740993", 9_007_199_254_740_993),
        ("1000000000", 10**18),
    ],
)
def test_dollars_are_read_exactly(text: str, nano: int):
    assert nano_of_usd(text) == nano


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1,5", "1e3", ".5", "5.", "0.0000000001", "NaN", "1000000001", "٣", "1 ", "1\n"]
)
def test_what_is_no_amount_is_refused_with_a_sentence(text: str):
    with pytest.raises(ValueError, match="dollars"):
        nano_of_usd(text)


@given(st.integers(0, MOST_USD * 10**9))
def test_what_is_shown_is_read_as_the_same(nano: int):
    assert nano_of_usd(usd_of_nano(nano)) == nano
