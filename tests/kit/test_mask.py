"""What is taken out of what visitors write, and what is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.kit.mask import mask


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Write to ada.lovelace+shop@mail.example.co.uk please", "Write to [email] please"),
        ("IBAN DE89 3704 0044 0532 0130 00 today", "IBAN [iban] today"),
        ("GB82WEST12345698765432", "[iban]"),
        ("My card is 4111 1111 1111 1111.", "My card is [card]."),
        ("card 5500-0000-0000-0004", "card [card]"),
        ("Call +49 170 1234567 or 0561/123456", "Call [phone] or [phone]"),
        ("(030) 901820", "[phone]"),
        ("اتصل على +٩٦٦ ٥٠ ١٢٣ ٤٥٦٧", "اتصل على [phone]"),  # noqa: RUF001
    ],
)
def test_personal_data_is_taken_out(said: str, kept: str):
    assert mask(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        "Where is my order 100234567?",
        "Is it 9:00 to 18:00 on 24.12.2026?",
        "Between 2026-11-21 and 2026-12-01",
        "I paid 1234.50 euros for 12 pieces",
        "4111 1111 1111 1112 is no card",
        "DE89370400440532013001",
        "Version 1.2.3",
        "15% of 1,000,000",
        "هل لديكم ٣ قطع؟",
        "@home",
        "",
    ],
)
def test_everything_else_is_left_alone(said: str):
    assert mask(said) == said


@given(st.text(max_size=200))
def test_masking_takes_any_text_and_what_is_masked_stays_so(said: str):
    once = mask(said)

    assert mask(once) == once


def test_a_long_message_of_digits_and_dashes_takes_no_time():
    assert mask("1-" * 2_000)
    assert mask("a@" * 2_000)
