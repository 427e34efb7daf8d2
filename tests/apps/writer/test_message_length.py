"""SMS segments by the standard, and messages made to fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.writer.contexts import Channel
from officium.apps.writer.message_length import LONG, SHORT, fit, measure


@pytest.mark.parametrize(
    ("text", "encoding", "characters", "segments"),
    [
        ("a" * 160, "gsm-7", 160, 1),
        ("a" * 161, "gsm-7", 161, 2),
        ("a" * 306, "gsm-7", 306, 2),
        ("a" * 307, "gsm-7", 307, 3),
        ("€" * 80, "gsm-7", 160, 1),
        ("€" * 81, "gsm-7", 162, 2),
        ("م" * 70, "ucs-2", 70, 1),
        ("م" * 71, "ucs-2", 71, 2),
        ("😀" * 35, "ucs-2", 70, 1),
        ("😀" * 36, "ucs-2", 72, 2),
    ],
)
def test_sms_is_counted_in_segments(text: str, encoding: str, characters: int, segments: int) -> None:
    length = measure(text, "sms", LONG)

    assert (length.encoding, length.characters, length.segments) == (encoding, characters, segments)


def test_text_is_cut_at_the_end_of_a_sentence() -> None:
    text = "The survey is due. " * 20

    cut = fit(text, "sms", SHORT)

    assert cut.endswith("due.")
    assert 120 < len(cut) <= 160


@given(st.text(max_size=800), st.sampled_from(["sms", "whatsapp", "email"]), st.sampled_from([SHORT, LONG]))
def test_what_is_made_to_fit_fits(text: str, channel: Channel, version: str) -> None:
    length = measure(fit(text, channel, version), channel, version)

    assert length.characters <= length.limit
