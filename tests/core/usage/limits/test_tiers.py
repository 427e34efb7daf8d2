"""How fast a tenant's requests are let in, tier by tier."""

from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from officium.core.tenancy import Caller
from officium.core.usage.limits.errors import RateLimited
from officium.core.usage.limits.rate_limit import RateLimit, parse_limits
from officium.core.usage.limits.tiers import LimitHits, Tier, TierLimiter
from officium.core.usage.limits.windows import LocalWindows
from tests.support.clock import HandClock

ALPHA = Caller("ten_alpha", "key:1", frozenset())
BETA = Caller("ten_beta", "key:2", frozenset())


class Bench:
    """A limiter with the documented limits, and what it says."""

    def __init__(self, limits: Mapping[Tier, str] | None = None, **how: Any) -> None:
        said = {"chat": "10/1m", "general": "100/15m", "strict": "5/1h"} if limits is None else limits
        self.clock = HandClock()
        self.registry = CollectorRegistry()
        self.limiter = TierLimiter(
            LocalWindows(self.clock),
            {tier: parse_limits(text) for tier, text in said.items()},
            LimitHits(self.registry),
            self.clock,
            **how,
        )

    async def passes(self, caller: Caller = ALPHA, tier: Tier = "chat") -> bool:
        try:
            await self.limiter.admit(caller, tier)
        except RateLimited:
            return False
        return True

    def hits(self, tier: str) -> float | None:
        return self.registry.get_sample_value("officium_rate_limit_hits_total", {"tier": tier})


@pytest.mark.parametrize(
    ("tier", "most", "window_s"), [("chat", 10, 60), ("general", 100, 900), ("strict", 5, 3600)]
)
async def test_tier_lets_as_many_pass_as_documented(tier: Tier, most: int, window_s: float) -> None:
    bench = Bench()

    answers = [await bench.passes(tier=tier) for _ in range(most + 2)]
    bench.clock.advance(window_s - 0.001)
    early = await bench.passes(tier=tier)
    bench.clock.advance(0.001)
    later = await bench.passes(tier=tier)

    assert answers == [True] * most + [False] * 2
    assert (early, later) == (False, True)
    assert bench.hits(tier) == 3


async def test_tiers_do_not_count_for_each_other() -> None:
    bench = Bench()
    for _ in range(11):
        await bench.passes(tier="chat")

    assert await bench.passes(tier="general")
    assert await bench.passes(tier="strict")


async def test_ten_a_minute_can_be_kept_up_for_longer_than_the_general_window() -> None:
    bench = Bench()

    for _ in range(20):
        assert [await bench.passes() for _ in range(10)] == [True] * 10
        bench.clock.advance(60)


async def test_tenants_do_not_count_for_each_other_but_all_keys_of_one_do() -> None:
    bench = Bench({"chat": "2/1m"})
    other_key = Caller(ALPHA.tenant_id, "key:9", frozenset())

    answers = [await bench.passes(caller) for caller in (ALPHA, other_key, ALPHA, BETA, BETA, BETA)]

    assert answers == [True, True, False, True, True, False]


async def test_refusal_says_what_the_limit_is_and_when_to_come_back() -> None:
    bench = Bench()
    for _ in range(10):
        await bench.limiter.admit(ALPHA, "chat")
    bench.clock.advance(12.5)

    with pytest.raises(
        RateLimited, match=r"Rate limit exceeded: 10 requests in 1 minute .* 48 seconds"
    ) as caught:
        await bench.limiter.admit(ALPHA, "chat")

    assert caught.value.code == "rate_limited"
    assert caught.value.fields["tier"] == "chat"
    assert caught.value.fields["retry_after_s"] == 47.5


async def test_state_says_what_is_left() -> None:
    bench = Bench()

    states = [await bench.limiter.admit(ALPHA, "chat") for _ in range(3)]

    assert [state and state.remaining for state in states] == [9, 8, 7]


async def test_what_is_not_limited_has_no_state() -> None:
    bench = Bench({"chat": "off"})

    assert await bench.limiter.admit(ALPHA, "chat") is None
    assert await bench.limiter.admit(ALPHA, "gateway") is None
    assert not bench.limiter.is_limited("chat")
    assert not bench.limiter.is_limited("gateway")


async def test_tenant_may_have_limits_of_its_own() -> None:
    def limits_of(caller: Caller, tier: Tier) -> tuple[RateLimit, ...] | None:
        return parse_limits("1/1m") if caller == BETA and tier == "chat" else None

    bench = Bench({"chat": "2/1m"}, limits_of=limits_of)

    answers = [await bench.passes(caller) for caller in (ALPHA, ALPHA, ALPHA, BETA, BETA)]

    assert answers == [True, True, False, True, False]
    assert bench.limiter.is_limited("gateway")


async def test_tokens_refuse_once_they_are_used_up() -> None:
    bench = Bench({"gateway": "100/1m, 1000 tokens/1m"})

    await bench.limiter.spend(ALPHA, "gateway", 999)
    state = await bench.limiter.admit(ALPHA, "gateway")
    await bench.limiter.spend(ALPHA, "gateway", 500)
    with pytest.raises(RateLimited, match="1000 tokens in 1 minute"):
        await bench.limiter.admit(ALPHA, "gateway")
    bench.clock.advance(60)

    assert state is not None
    assert state.limit == 100
    assert await bench.passes(tier="gateway")
    assert await bench.passes(BETA, "gateway")


async def test_request_that_has_no_tokens_left_is_not_counted_as_one() -> None:
    bench = Bench({"gateway": "2/1h, 10 tokens/1m"})
    await bench.limiter.spend(ALPHA, "gateway", 10)
    for _ in range(5):
        await bench.passes(tier="gateway")

    bench.clock.advance(60)

    assert [await bench.passes(tier="gateway") for _ in range(3)] == [True, True, False]
