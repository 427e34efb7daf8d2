"""How long to wait before another try."""

import pytest

from officium.core.llm.retry import RetryPolicy


@pytest.mark.parametrize(
    ("retry", "longest_s"), [(0, 0.5), (1, 1.0), (2, 2.0)], ids=["first", "second", "third"]
)
def test_interval_doubles_with_each_retry(retry: int, longest_s: float) -> None:
    latest = RetryPolicy(draw=lambda: 1.0)
    soonest = RetryPolicy(draw=lambda: 0.0)

    assert latest.delay_s(retry) == longest_s
    assert soonest.delay_s(retry) == 0.0


def test_interval_stops_growing_at_the_cap() -> None:
    policy = RetryPolicy(max_retries=20, draw=lambda: 1.0)

    assert policy.delay_s(10) == 8.0


def test_there_is_no_fourth_retry() -> None:
    assert RetryPolicy().delay_s(3) is None


@pytest.mark.parametrize(
    ("retry_after_s", "delay_s"),
    [(2.0, 2.0), (60.0, 60.0), (60.1, None), (0.0, 0.25), (None, 0.25)],
    ids=["asked for", "at the cap", "past the cap", "asked for nothing", "not asked"],
)
def test_provider_may_name_the_delay(retry_after_s: float | None, delay_s: float | None) -> None:
    policy = RetryPolicy(draw=lambda: 0.5)

    assert policy.delay_s(0, retry_after_s) == delay_s


def test_delays_are_spread_by_default() -> None:
    policy = RetryPolicy()

    assert len({policy.delay_s(2) for _ in range(20)}) > 10
