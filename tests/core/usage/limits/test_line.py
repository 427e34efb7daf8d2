"""Waiting in line: first come, first served, and no tenant behind another."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from officium.core.tenancy import Caller
from officium.core.usage.limits.errors import RateLimited
from officium.core.usage.limits.line import WaitingLines
from officium.core.usage.limits.rate_limit import parse_limits
from officium.core.usage.limits.tiers import LimitHits, TierLimiter
from officium.core.usage.limits.windows import LocalWindows
from tests.support.clock import HandClock

ALPHA = Caller("ten_alpha", "key:1", frozenset())
BETA = Caller("ten_beta", "key:2", frozenset())


class Bench:
    """A limiter with lines, and who got in, in order. Sleeping ends with the hand of the clock."""

    def __init__(self, limit: str = "2/10s", size: int = 3, wait_s: float = 30) -> None:
        self.clock = HandClock()
        self.admitted: list[str] = []
        self.refused: list[str] = []
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self.lines = WaitingLines(size, wait_s, self.clock, self._sleep)
        limits = {"gateway": parse_limits(limit)}
        store = LocalWindows(self.clock)
        self.limiter = TierLimiter(
            store, limits, LimitHits(CollectorRegistry()), self.clock, lines=self.lines
        )

    async def _sleep(self, seconds: float) -> None:
        is_over = asyncio.Event()
        self._sleepers.append((self.clock.monotonic() + seconds, is_over))
        await is_over.wait()

    async def advance(self, seconds: float) -> None:
        """Move the clock step by step, and let everybody do what there is to do."""
        for _ in range(round(seconds * 2)):
            self.clock.advance(0.5)
            for until, is_over in self._sleepers:
                if until <= self.clock.monotonic():
                    is_over.set()
            await settle()

    def ask(self, name: str, caller: Caller = ALPHA) -> asyncio.Task[None]:
        """Begin a request; when it is answered its name stands in `admitted` or `refused`."""

        async def request() -> None:
            try:
                await self.limiter.admit(caller, "gateway", _get_ready)
            except RateLimited:
                self.refused.append(name)
            else:
                self.admitted.append(name)

        return asyncio.create_task(request())


async def _get_ready() -> None:
    """What a request does before it waits."""


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_who_comes_too_early_waits_for_a_place() -> None:
    bench = Bench()
    tasks = [bench.ask(name) for name in "abc"]
    await settle()
    assert bench.admitted == ["a", "b"]

    await bench.advance(10)

    assert bench.admitted == ["a", "b", "c"]
    assert bench.refused == []
    await asyncio.gather(*tasks)


async def test_full_line_refuses_at_once() -> None:
    bench = Bench(size=1)
    tasks = [bench.ask(name) for name in "abcd"]
    await settle()

    assert (bench.admitted, bench.refused) == (["a", "b"], ["d"])
    await bench.advance(10)
    await asyncio.gather(*tasks)
    assert bench.admitted == ["a", "b", "c"]


async def test_nobody_waits_who_would_wait_too_long() -> None:
    bench = Bench(wait_s=9)
    tasks = [bench.ask(name) for name in "abc"]
    await settle()

    assert (bench.admitted, bench.refused) == (["a", "b"], ["c"])
    await asyncio.gather(*tasks)


async def test_who_stands_behind_gives_up_in_time() -> None:
    bench = Bench(limit="1/10s")
    first = [bench.ask("a"), bench.ask("b")]
    await settle()
    bench.clock.advance(9.99)  # by now it would not be long
    bench.lines._wait_s = 0.02

    await bench.ask("c")

    assert (bench.admitted, bench.refused) == (["a"], ["c"])
    await bench.advance(10)
    await asyncio.gather(*first)
    assert bench.admitted == ["a", "b"]


async def test_who_hangs_up_leaves_the_line() -> None:
    bench = Bench(limit="1/10s", size=2)
    tasks = [bench.ask(name) for name in "abc"]
    await settle()

    tasks[1].cancel()
    await settle()
    late = bench.ask("d")
    await settle()
    assert bench.lines.length("gateway:ten_alpha") == 2
    await bench.advance(20)

    assert bench.admitted == ["a", "c", "d"]
    await asyncio.gather(tasks[0], tasks[2], late)
    assert bench.lines._lines == {}


async def test_no_tenant_stands_behind_another() -> None:
    bench = Bench(limit="1/10s", size=50)
    greedy = [bench.ask(f"alpha-{number}") for number in range(50)]
    await settle()

    modest = [bench.ask(name, BETA) for name in ("beta-0", "beta-1")]
    await settle()
    await bench.advance(10)

    assert bench.admitted == ["alpha-0", "beta-0", "alpha-1", "beta-1"]
    for task in greedy + modest:
        task.cancel()
    await asyncio.gather(*greedy, *modest, return_exceptions=True)


async def test_requests_that_may_not_wait_are_refused() -> None:
    bench = Bench(limit="1/10s")
    await bench.limiter.admit(ALPHA, "gateway")

    with pytest.raises(RateLimited):
        await bench.limiter.admit(ALPHA, "gateway")


@given(
    st.lists(st.tuples(st.sampled_from([ALPHA, BETA]), st.integers(0, 6)), min_size=1, max_size=25),
    st.integers(1, 3),
)
async def test_each_tenant_is_served_in_its_order_and_never_too_fast(
    arrivals: list[tuple[Caller, int]], most: int
) -> None:
    bench = Bench(limit=f"{most}/10s", size=100, wait_s=10_000)
    tasks, asked = [], {ALPHA: [], BETA: []}  # type: ignore[var-annotated]

    for number, (caller, pause_s) in enumerate(arrivals):
        name = f"{caller.tenant_id}-{number}"
        asked[caller].append(name)
        tasks.append(bench.ask(name, caller))
        await settle()
        await bench.advance(pause_s)
    await bench.advance(10 * len(arrivals))

    for caller, names in asked.items():
        assert [name for name in bench.admitted if name.startswith(caller.tenant_id)] == names
    assert bench.refused == []
    await asyncio.gather(*tasks)
