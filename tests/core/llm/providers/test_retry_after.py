from datetime import UTC, datetime

import pytest

from officium.core.llm.providers.retry_after import parse_delay, parse_retry_after, parse_should_retry

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [
        pytest.param({}, None, id="nothing said"),
        pytest.param({"retry-after": "7"}, 7.0, id="seconds"),
        pytest.param({"retry-after": "0.5"}, 0.5, id="half a second"),
        pytest.param({"retry-after": "0"}, 0.0, id="at once"),
        pytest.param({"retry-after-ms": "250", "retry-after": "9"}, 0.25, id="milliseconds first"),
        pytest.param(
            {"retry-after-ms": "0", "retry-after": "1"}, 1.0, id="azure: zero milliseconds mean nothing"
        ),
        pytest.param({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0, id="http date"),
        pytest.param({"retry-after": "Sat, 21 Nov 2026 11:59:00 GMT"}, 0.0, id="http date in the past"),
        pytest.param({"retry-after": "soon"}, None, id="garbage"),
        pytest.param({"retry-after": "-5"}, None, id="negative"),
        pytest.param({"retry-after": "nan"}, None, id="not a number"),
        pytest.param({"retry-after": "inf"}, None, id="endless"),
    ],
)
def test_delay_is_read_from_retry_after(headers: dict[str, str], delay_s: float | None) -> None:
    assert parse_retry_after(headers, NOW) == delay_s


@pytest.mark.parametrize(
    ("said", "delay_s"),
    [
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1.2s", 1.2),
        ("2h3m4.5s", 7384.5),
        ("1d", 86400.0),
        ("11.38", 11.38),
        ("2026-11-21T12:00:09Z", 9.0),
        ("2026-11-21T13:00:09+01:00", 9.0),
        ("2026-11-21T11:00:00Z", 0.0),
        ("1795262410", 10.0),
        ("1795262410000", 10.0),
        ("", None),
        ("tomorrow", None),
        ("5 apples", None),
    ],
)
def test_reset_comes_in_many_shapes(said: str, delay_s: float | None) -> None:
    found = parse_delay(said, NOW)

    assert found == (None if delay_s is None else pytest.approx(delay_s))


def test_reset_headers_count_on_a_429_alone() -> None:
    headers = {"x-ratelimit-reset-tokens": "6m0s"}

    assert parse_retry_after(headers, NOW, 429) == 360.0
    assert parse_retry_after(headers, NOW, 503) is None
    assert parse_retry_after(headers, NOW) is None


def test_retry_after_goes_before_reset_headers() -> None:
    assert parse_retry_after({"retry-after": "2", "x-ratelimit-reset-tokens": "6m0s"}, NOW, 429) == 2.0


def test_used_up_limit_decides_among_resets() -> None:
    headers = {
        "x-ratelimit-remaining-requests": "12",
        "x-ratelimit-reset-requests": "3h",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "7.5s",
    }

    assert parse_retry_after(headers, NOW, 429) == 7.5


def test_shortest_reset_is_taken_when_no_limit_is_said_to_be_used_up() -> None:
    headers = {
        "anthropic-ratelimit-tokens-reset": "2026-11-21T12:01:00Z",
        "anthropic-ratelimit-requests-reset": "2026-11-21T12:00:03Z",
    }

    assert parse_retry_after(headers, NOW, 429) == 3.0


@pytest.mark.parametrize(
    ("said", "expected"), [("true", True), ("False", False), ("maybe", None), (None, None)]
)
def test_should_retry_header(said: str | None, expected: bool | None) -> None:
    assert parse_should_retry({} if said is None else {"x-should-retry": said}) is expected
