"""Limiters by key, and by several things at once."""

import secrets

import pytest

from officium.core.usage.limits.limiter import JointLimiter, RateLimiter, create_rate_limiter
from officium.core.usage.limits.rate_limit import parse_limits
from officium.core.usage.limits.shared_windows import SharedWindows
from officium.core.usage.limits.windows import LocalWindows
from officium.kit.redis import open_redis
from tests.support.clock import HandClock


async def test_limiter_as_documented_lets_twenty_pass_in_a_minute() -> None:
    clock = HandClock()
    limiter = create_rate_limiter(clock=clock)

    states = [await limiter.check("tenant-123") for _ in range(21)]

    assert [state.allowed for state in states] == [True] * 20 + [False]
    assert [state.remaining for state in states] == [*range(19, -1, -1), 0]
    assert {state.limit for state in states} == {20}
    assert states[-1].retry_after_s == 60
    assert (states[-1].reset_at - clock.now()).total_seconds() == 60


async def test_limiter_lets_in_again_after_its_window() -> None:
    clock = HandClock()
    limiter = create_rate_limiter(window_ms=500, max=1, clock=clock)
    await limiter.check("a")
    refused = await limiter.check("a")

    clock.advance(refused.retry_after_s)

    assert refused.retry_after_s == 0.5
    assert (await limiter.check("a")).allowed


@pytest.mark.parametrize("wrong", [{"max": 0}, {"window_ms": 0}, {"window_ms": -5}], ids=str)
def test_limiter_that_limits_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        create_rate_limiter(**wrong)


async def test_limiters_of_one_prefix_on_one_store_count_together() -> None:
    store = LocalWindows(HandClock())
    one, same = create_rate_limiter(store, max=1), create_rate_limiter(store, max=1)
    other = create_rate_limiter(store, key_prefix="rate_limit:other:", max=1)

    answers = [(await limiter.check("a")).allowed for limiter in (one, same, other)]

    assert answers == [True, False, True]


async def test_limiter_counts_in_redis_under_its_prefix(redis_url: str) -> None:
    redis = open_redis(redis_url)
    assert redis is not None
    prefix = f"rate_limit:{secrets.token_hex(4)}:"
    limiter = create_rate_limiter(SharedWindows(redis, timeout_s=5), key_prefix=prefix, max=1)

    answers = [(await limiter.check("a")).allowed for _ in range(2)]

    assert answers == [True, False]
    assert len(await redis.keys(f"{prefix}60:*")) == 1
    await redis.aclose()


async def test_all_of_several_limits_hold() -> None:
    clock = HandClock()
    limiter = RateLimiter(LocalWindows(clock), "groq:", parse_limits("2/1m,3/1d"), clock)

    answers = []
    for _ in range(3):
        answers += [await limiter.check("key"), await limiter.check("key")]
        clock.advance(60)

    assert [state.allowed for state in answers] == [True, True, True, False, False, False]
    assert answers[3].limit == 3
    assert answers[3].retry_after_s == 86_400 - 60


def a_joint_limiter(clock: HandClock) -> JointLimiter:
    limits = {"session": parse_limits("2/1m"), "ip": parse_limits("3/1m"), "widget": parse_limits("9/1m")}
    return JointLimiter(LocalWindows(clock), "rate_limit:widget:", limits, clock)


async def test_joint_limiter_says_which_limit_is_in_the_way() -> None:
    limiter = a_joint_limiter(HandClock())
    same_ip = [
        {"session": name, "ip": "203.0.113.1", "widget": "w"} for name in ("a", "a", "a", "b", "b", "c")
    ]

    states = [await limiter.check(keys) for keys in same_ip]

    assert [(state.allowed, state.name) for state in states if state] == [
        (True, "session"),
        (True, "session"),
        (False, "session"),
        (True, "ip"),
        (False, "ip"),
        (False, "ip"),
    ]


async def test_joint_limiter_counts_nothing_for_who_is_refused() -> None:
    limiter = a_joint_limiter(HandClock())
    for _ in range(20):
        await limiter.check({"session": "greedy", "ip": "203.0.113.1", "widget": "w"})

    states = [
        await limiter.check({"session": f"s{number}", "ip": f"203.0.113.{number + 2}", "widget": "w"})
        for number in range(8)
    ]

    assert [state.allowed for state in states if state] == [True] * 7 + [False]


async def test_joint_limiter_without_limits_lets_everything_pass() -> None:
    assert await JointLimiter(LocalWindows(), "p:", {"ip": ()}).check({"ip": "a"}) is None
