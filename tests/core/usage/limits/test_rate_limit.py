"""Rate limits in words, and which of several is shown."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.usage.limits.rate_limit import (
    RateLimit,
    WindowState,
    parse_limits,
    shown,
    spoken,
    tightest,
)

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("10/1m", [RateLimit(10, 60)]),
        ("10/m", [RateLimit(10, 60)]),
        ("100/15m", [RateLimit(100, 900)]),
        (" 30/1m , 14400/1d ", [RateLimit(30, 60), RateLimit(14_400, 86_400)]),
        ("5 requests / 1h", [RateLimit(5, 3600)]),
        ("200000 tokens/1m", [RateLimit(200_000, 60, "tokens")]),
        ("3/500ms", [RateLimit(3, 0.5)]),
        ("7/90S", [RateLimit(7, 90)]),
        ("off", []),
        ("OFF", []),
        ("0", []),
        ("", []),
    ],
)
def test_limit_is_read_from_its_words(text: str, limits: list[RateLimit]) -> None:
    assert list(parse_limits(text)) == limits


@pytest.mark.parametrize(
    "text",
    [
        "ten/1m",
        "10",
        "10/1",
        "10/1w",
        "10/0m",
        "0/1m",
        "-1/1m",
        "10/1m;5/1h",
        "10/1m,",
        "10/400d",
        "1/1s," * 8 + "1/1s",
    ],
)
def test_what_is_no_limit_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"rate limit|number before|window must|more than 8"):
        parse_limits(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        limits = parse_limits(text)
    except ValueError:
        return
    assert all(limit.max >= 1 and limit.window_s > 0 for limit in limits)


@pytest.mark.parametrize(
    ("window_s", "words"),
    [
        (60, "1 minute"),
        (900, "15 minutes"),
        (3600, "1 hour"),
        (86_400, "1 day"),
        (1, "1 second"),
        (90, "90 seconds"),
    ],
)
def test_windows_are_said_in_words(window_s: float, words: str) -> None:
    assert spoken(window_s) == words


def test_of_several_limits_the_one_with_least_left_is_shown() -> None:
    limits = parse_limits("30/1m,100/1d")
    states = [WindowState(3, 60, 0), WindowState(95, 80_000, 0)]

    place = tightest(limits, states)
    state = shown(limits[place], states[place], NOW)

    assert (state.allowed, state.limit, state.remaining, state.retry_after_s) == (True, 100, 5, 0)
    assert state.reset_at == NOW + timedelta(seconds=80_000)


def test_of_several_limits_in_the_way_the_longest_is_shown() -> None:
    limits = parse_limits("30/1m,100/1d")
    states = [WindowState(30, 20, 20), WindowState(100, 500, 500)]

    place = tightest(limits, states)
    state = shown(limits[place], states[place], NOW)

    assert (state.allowed, state.limit, state.remaining, state.retry_after_s) == (False, 100, 0, 500)
