"""Redis that goes away, comes back, hangs, and is shared by processes."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from officium.core.usage.limits.errors import LimiterUnavailable
from officium.core.usage.limits.rate_limit import RateLimit
from officium.core.usage.limits.shared_windows import OnLoss, SharedWindows
from officium.kit.redis import open_redis
from tests.support.clock import HandClock
from tests.support.database import RedisServer

THREE = RateLimit(3, 600)


@asynccontextmanager
async def shared(
    url: str, on_loss: OnLoss = "local", clock: HandClock | None = None, timeout_s: float = 5
) -> AsyncIterator[SharedWindows]:
    redis = open_redis(url)
    assert redis is not None
    windows = SharedWindows(redis, clock, on_loss=on_loss, timeout_s=timeout_s)
    yield windows
    await windows.close()
    await redis.aclose()


async def passes(windows: SharedWindows, key: str = "ten_1") -> bool:
    (state,) = await windows.take([("test:", key, THREE)])
    return state.room_after_s == 0


async def lose(windows: SharedWindows, server: RedisServer) -> None:
    """Stop Redis, and ask until nobody tries it any more."""
    server.stop()
    windows._timeout_s = 0.02
    for _ in range(3):
        await windows.take([("test:", "somebody", THREE)])


@pytest.mark.parametrize(("on_loss", "expected"), [("local", 3), ("open", 5)])
async def test_lost_redis_is_replaced_as_the_setting_says(
    redis_server: RedisServer, on_loss: OnLoss, expected: int
) -> None:
    async with shared(redis_server.url, on_loss, HandClock()) as windows:
        assert await passes(windows)
        await lose(windows, redis_server)

        answers = [await passes(windows) for _ in range(5)]

        assert answers == [True] * expected + [False] * (5 - expected)


async def test_without_redis_nobody_passes_where_the_setting_is_closed(redis_server: RedisServer) -> None:
    async with shared(redis_server.url, "closed", HandClock()) as windows:
        assert await passes(windows)
        redis_server.stop()
        windows._timeout_s = 0.02

        with pytest.raises(LimiterUnavailable) as caught:
            await passes(windows)

        assert caught.value.fields["retry_after_s"] == 1


async def test_redis_that_is_back_counts_again_for_all(redis_server: RedisServer) -> None:
    clock = HandClock()
    async with shared(redis_server.url, clock=clock) as windows:
        with capture_logs() as lines:
            await lose(windows, redis_server)
            redis_server.start()
            await passes(windows)  # the pause is not over
            clock.advance(1.1)
            async with asyncio.timeout(20):
                while [line["event"] for line in lines] != ["limits.redis_away", "limits.redis_back"]:
                    await passes(windows, "somebody")
                    clock.advance(1.1)

        windows._timeout_s = 5
        async with shared(redis_server.url) as another:
            assert [await passes(one) for one in (windows, another, windows, another)] == [True] * 3 + [False]


async def test_what_is_spent_without_redis_is_counted_here(redis_server: RedisServer) -> None:
    async with shared(redis_server.url, clock=HandClock()) as windows:
        await lose(windows, redis_server)

        await windows.add([("test:", "ten_1", THREE)], 5)

        assert not await passes(windows)


async def test_redis_that_hangs_costs_a_moment_and_then_nothing() -> None:
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen()
    url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
    async with shared(url, clock=HandClock(), timeout_s=0.02) as windows:
        began = time.perf_counter()
        first = await asyncio.gather(*(passes(windows, str(number)) for number in range(50)))
        then = time.perf_counter()
        later = [await passes(windows, str(number)) for number in range(50)]
        ended = time.perf_counter()

    assert first == later == [True] * 50
    assert 0.02 <= then - began < 0.9  # together: one after the other would be a second
    assert ended - then < 0.5  # not one of them was waited for, or this would be a second, too
    silent.close()


async def test_answer_that_is_late_does_not_cost_the_connection(redis_server: RedisServer) -> None:
    clock = HandClock()
    async with shared(redis_server.url, clock=clock, timeout_s=1e-9) as windows:
        assert await passes(windows)
        await asyncio.wait(windows._late, timeout=10)

        redis = open_redis(redis_server.url)
        assert redis is not None
        assert await redis.keys("test:*")  # it was counted all the same
        await redis.aclose()


async def test_request_that_is_cancelled_says_nothing_of_redis(redis_url: str) -> None:
    async with shared(redis_url, clock=HandClock()) as windows:
        for _ in range(5):
            task = asyncio.create_task(passes(windows, "somebody"))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        with capture_logs() as lines:
            assert await passes(windows)

        assert lines == []


_PROGRAM = """
import asyncio, sys
from officium.core.usage.limits.limiter import create_rate_limiter
from officium.core.usage.limits.shared_windows import SharedWindows
from officium.kit.redis import open_redis

async def ask():
    redis = open_redis(sys.argv[1])
    limiter = create_rate_limiter(SharedWindows(redis, timeout_s=5), max=20, window_ms=600_000)
    states = await asyncio.gather(*(limiter.check("ten_1") for _ in range(30)))
    print(sum(state.allowed for state in states))
    await redis.aclose()

asyncio.run(ask())
"""


async def test_processes_count_together(redis_server: RedisServer) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PROGRAM, redis_server.url, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]

    said = await asyncio.gather(*(process.communicate() for process in processes))

    assert sum(int(output) for output, _ in said) == 20
