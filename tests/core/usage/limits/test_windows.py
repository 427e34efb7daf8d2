"""Sliding windows: in this process's memory, and the same ones in Redis."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.usage.limits.rate_limit import RateLimit
from officium.core.usage.limits.shared_windows import SharedWindows
from officium.core.usage.limits.windows import GRAINS, LocalWindows, WindowStore
from officium.kit.redis import open_redis
from tests.support.clock import HandClock

TEN = RateLimit(10, 60)


async def hit(store: WindowStore, limit: RateLimit = TEN, key: str = "ten_1", cost: int = 1) -> float:
    """Count one; the seconds until there is room where there is none."""
    return (await store.take([("test:", key, limit)], cost))[0].room_after_s


async def test_as_many_as_the_limit_says_pass_and_no_more() -> None:
    windows = LocalWindows(HandClock())

    waits = [await hit(windows) for _ in range(12)]

    assert waits == [0.0] * 10 + [60.0, 60.0]


async def test_window_slides_with_each_request() -> None:
    clock = HandClock()
    windows = LocalWindows(clock)
    for _ in range(10):
        await hit(windows)
        clock.advance(3)

    clock.advance(30)  # the first is gone, the second goes in 3 seconds

    assert await hit(windows) == 0
    assert await hit(windows) == pytest.approx(3)


async def test_edge_of_a_minute_lets_no_second_burst_pass() -> None:
    clock = HandClock()
    windows = LocalWindows(clock)
    clock.advance(59)

    first = [await hit(windows) for _ in range(10)]
    clock.advance(2)
    second = [await hit(windows) for _ in range(10)]

    assert first == [0.0] * 10
    assert 0.0 not in second


async def test_refused_requests_do_not_count() -> None:
    clock = HandClock()
    windows = LocalWindows(clock)
    for _ in range(100):
        await hit(windows)

    clock.advance(60)

    assert [await hit(windows) for _ in range(10)] == [0.0] * 10


async def test_state_says_what_is_used_and_when_the_oldest_goes() -> None:
    clock = HandClock()
    windows = LocalWindows(clock)
    await hit(windows)
    clock.advance(20)

    (state,) = await windows.take([("test:", "ten_1", TEN)])

    assert (state.used, state.oldest_goes_s) == (2, pytest.approx(40))


async def test_keys_do_not_count_for_each_other() -> None:
    windows = LocalWindows(HandClock())
    for _ in range(10):
        await hit(windows)

    assert await hit(windows, key="ten_2") == 0


async def test_cost_of_nothing_looks_and_counts_nothing() -> None:
    windows = LocalWindows(HandClock())
    limit = RateLimit(1, 60)

    looks = [await hit(windows, limit, cost=0) for _ in range(3)]
    await hit(windows, limit)

    assert looks == [0.0] * 3
    assert await hit(windows, limit, cost=0) == 60


async def test_large_cost_waits_until_enough_has_gone() -> None:
    clock = HandClock()
    windows = LocalWindows(clock)
    limit = RateLimit(100, 60)
    for _ in range(4):
        await hit(windows, limit, cost=25)
        clock.advance(10)

    assert await hit(windows, limit, cost=50) == pytest.approx(30)
    assert await hit(windows, limit, cost=101) == 60


async def test_what_was_used_already_is_counted_beyond_the_limit() -> None:
    clock = HandClock()
    windows = LocalWindows(clock)
    await windows.add([("test:", "ten_1", TEN)], 25)

    assert await hit(windows) == 60
    clock.advance(60)
    assert await hit(windows) == 0


async def test_memory_of_a_window_is_bounded_however_large_its_limit() -> None:
    clock = HandClock()
    windows = LocalWindows(clock)
    limit = RateLimit(1_000_000, 60)

    for _ in range(5000):
        await hit(windows, limit)
        clock.advance(0.005)

    assert len(windows._windows["test:ten_1"]._grains) <= GRAINS


async def test_windows_that_are_empty_are_forgotten() -> None:
    clock = HandClock()
    windows = LocalWindows(clock)
    for number in range(1000):
        await hit(windows, key=str(number))
    clock.advance(61)

    for number in range(1000, 1100):
        await hit(windows, key=str(number))

    assert len(windows) <= 100


async def test_names_cannot_fill_the_memory() -> None:
    windows = LocalWindows(HandClock(), most=50)

    for number in range(500):
        await hit(windows, key=str(number))

    assert len(windows) <= 50


hits = st.lists(st.tuples(st.floats(0, 40), st.integers(1, 4)), min_size=1, max_size=80)


@given(hits, st.integers(1, 8), st.sampled_from([0.5, 10.0, 60.0]), st.sampled_from([2, 5, GRAINS]))
async def test_never_more_than_the_limit_in_any_window(
    steps: list[tuple[float, int]], most: int, window_s: float, grains: int
) -> None:
    clock = HandClock()
    windows = LocalWindows(clock, grains=grains)
    limit = RateLimit(most, window_s)
    passed: list[float] = []

    for pause_s, tries in steps:
        clock.advance(pause_s)
        for _ in range(tries):
            now = clock.monotonic()
            wait_s = await hit(windows, limit)
            if wait_s == 0:
                passed.append(now)
            else:
                # A small limit is exact, a large one may count a grain too long.
                slack_s = window_s / grains if most > grains else 2e-6
                assert sum(now - then < window_s + slack_s for then in passed) >= most
                assert 0 < wait_s <= window_s

    for then in passed:
        assert sum(then <= other < then + window_s - 2e-6 for other in passed) <= most


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30))
async def test_who_comes_when_told_to_is_let_in(bursts: list[int]) -> None:
    clock = HandClock()
    windows = LocalWindows(clock)
    limit = RateLimit(3, 10)

    for burst in bursts:
        for _ in range(burst):
            wait_s = await hit(windows, limit)
            if wait_s:
                clock.advance(wait_s + 1e-6)
                assert await hit(windows, limit) == 0


@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"])), max_size=60
    )
)
async def test_nothing_is_counted_where_another_window_refuses(steps: list[tuple[float, str, str]]) -> None:
    clock = HandClock()
    windows = LocalWindows(clock)
    narrow, wide = RateLimit(2, 10), RateLimit(3, 10)
    passed: list[tuple[str, str]] = []

    for pause_s, first, second in steps:
        clock.advance(pause_s)
        before = await windows.take([("n:", first, narrow), ("w:", second, wide)], 0)
        states = await windows.take([("n:", first, narrow), ("w:", second, wide)])
        is_allowed = not any(state.room_after_s for state in states)
        counted = [after.used - then.used for after, then in zip(states, before, strict=True)]
        assert counted == ([1, 1] if is_allowed else [0, 0])
        passed += [(first, second)] * is_allowed


@pytest.fixture
async def shared(redis_url: str) -> AsyncIterator[SharedWindows]:
    redis = open_redis(redis_url)
    assert redis is not None
    windows = SharedWindows(redis, timeout_s=5)
    yield windows
    await windows.close()
    await redis.aclose()


async def test_redis_lets_as_many_pass_as_the_limit_says(shared: SharedWindows) -> None:
    key = secrets.token_hex(8)

    waits = [await hit(shared, key=key) for _ in range(12)]

    assert waits[:10] == [0.0] * 10
    assert all(30 < wait_s <= 60 for wait_s in waits[10:])


async def test_redis_lets_in_again_what_has_left_the_window(shared: SharedWindows) -> None:
    key, limit = secrets.token_hex(8), RateLimit(1, 0.03)
    while not (wait_s := await hit(shared, limit, key)):  # until one comes soon enough after another
        pass

    await asyncio.sleep(wait_s + 0.002)

    assert 0 < wait_s <= 0.03
    assert await hit(shared, limit, key) == 0


async def test_redis_counts_nothing_where_another_window_refuses(shared: SharedWindows) -> None:
    key, other = secrets.token_hex(8), secrets.token_hex(8)
    one = RateLimit(1, 60)
    await hit(shared, one, key)

    states = await shared.take([("test:", key, one), ("test:", other, TEN)])

    assert [state.used for state in states] == [1, 0]
    assert states[0].room_after_s > 0
    assert await hit(shared, one, other) == 0


async def test_redis_looks_spends_and_waits_for_large_costs_as_memory_does(shared: SharedWindows) -> None:
    key, limit = secrets.token_hex(8), RateLimit(100, 60)

    assert await hit(shared, limit, key, cost=0) == 0
    assert await hit(shared, limit, key, cost=60) == 0
    assert await hit(shared, limit, key, cost=41) > 30
    assert await hit(shared, limit, key, cost=101) > 30
    await shared.add([("test:", key, limit)], 60)
    (state,) = await shared.take([("test:", key, limit)], 0)
    assert state.used == 120
    assert state.room_after_s > 30


async def test_redis_keeps_no_names_and_nothing_for_longer_than_the_window(
    shared: SharedWindows, redis_url: str
) -> None:
    redis = open_redis(redis_url)
    assert redis is not None
    address = f"203.0.113.{secrets.token_hex(4)}"

    await shared.take([("seen:", address, TEN)])

    keys = await redis.keys("seen:*")
    assert keys
    assert not any(address.encode() in key for key in keys)
    assert all([0 < await redis.pttl(key) <= 60_000 for key in keys])
    await redis.aclose()


async def test_memory_of_a_window_in_redis_is_bounded(shared: SharedWindows, redis_url: str) -> None:
    redis = open_redis(redis_url)
    assert redis is not None
    name = secrets.token_hex(4)
    limit = RateLimit(1_000_000, 3600)

    await asyncio.gather(*(shared.take([(f"{name}:", "key", limit)]) for _ in range(200)))

    (key,) = await redis.keys(f"{name}:*")
    assert await redis.hlen(key) < 10
    assert int(await redis.hget(key, "used")) == 200
    await redis.aclose()
