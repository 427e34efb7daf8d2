"""What travels in the cookie: sealed, unforgeable, and with the challenge of RFC 7636."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.tenancy.identity.attempt import Attempt, AttemptSealer, make_attempt

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
KEY, OTHER = b"k" * 32, b"o" * 32


def an_attempt() -> Attempt:
    return make_attempt(next="/console/budgets", redirect_uri="https://x.example/cb", tenant="ten_1", now=NOW)


def test_challenge_is_that_of_the_standard() -> None:
    attempt = msgspec.structs.replace(an_attempt(), verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

    assert attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_attempt_comes_out_as_it_was_put_in_and_shows_nothing_outside() -> None:
    attempt = an_attempt()
    sealed = AttemptSealer([KEY]).seal(attempt)

    assert AttemptSealer([KEY]).open(sealed) == attempt
    assert attempt.state not in sealed
    assert len(sealed) < 1000
    assert sealed != AttemptSealer([KEY]).seal(attempt)


def test_secret_before_this_one_still_opens_and_another_does_not() -> None:
    sealed = AttemptSealer([OTHER]).seal(an_attempt())

    assert AttemptSealer([KEY, OTHER]).open(sealed) is not None
    assert AttemptSealer([KEY]).open(sealed) is None


def test_changed_cookie_does_not_open() -> None:
    sealer, sealed = AttemptSealer([KEY]), AttemptSealer([KEY]).seal(an_attempt())

    for place in range(0, len(sealed) - 2, 7):
        other = "A" if sealed[place] != "A" else "B"
        assert sealer.open(sealed[:place] + other + sealed[place + 1 :]) is None
        assert sealer.open(sealed[:place]) is None


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,300}", fullmatch=True))
def test_nothing_else_opens(text: str) -> None:
    assert AttemptSealer([KEY]).open(text) is None


@pytest.mark.parametrize("state", ["", "x", "é", "\ud800", "\0"])
def test_other_states_do_not_answer(state: str) -> None:
    attempt = an_attempt()

    assert attempt.is_answered_by(attempt.state)
    assert not attempt.is_answered_by(state)
    assert not attempt.is_answered_by(attempt.state + state if state else attempt.state[:-1])
