"""Rate limits at the door: every route has its tier, and every answer says what is left."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from officium.core.tenancy import Caller
from officium.core.usage.limits import LimitHits, LocalWindows, TierLimiter, WaitingLines, parse_limits
from officium.web.app import WebApp
from officium.web.tiers import TIERS
from tests.support.clock import HandClock
from tests.support.web import CALLER, KEY, Client, FakeAuthenticator, FakeGateway, all_routes, an_app, ask

CHAT = "/v1/chat/completions"
QUESTION = {"model": "acme/acme-1", "messages": [{"role": "user", "content": "Hi"}]}
OTHER_KEY, OTHER = "ofc_other", Caller("ten_2", "key:2", frozenset({"inference"}))


class Bench:
    """The app with limits, on a clock that the test moves."""

    def __init__(self, lines: WaitingLines | None = None, **limits: str) -> None:
        self.clock = HandClock()
        self.registry = CollectorRegistry()
        said = {"chat": "10/1m", "general": "100/15m", "strict": "5/1h", **limits}
        limiter = TierLimiter(
            LocalWindows(self.clock),
            {tier: parse_limits(text) for tier, text in said.items()},  # type: ignore[misc]
            LimitHits(self.registry),
            self.clock,
            lines=lines,
        )
        self.behind = FakeGateway()
        self.app: WebApp = an_app(
            self.behind,
            limiter=limiter,
            authenticator=FakeAuthenticator({KEY: CALLER, OTHER_KEY: OTHER}),
            cors_origins=("https://page.example",),
        )

    def hits(self, tier: str) -> float | None:
        return self.registry.get_sample_value("officium_rate_limit_hits_total", {"tier": tier})


def test_every_route_has_a_tier() -> None:
    assert all_routes() - set(TIERS) == set(), "Give each route its tier in web/tiers.py."


def test_every_route_with_a_tier_exists() -> None:
    assert set(TIERS) - all_routes() == set()


@pytest.mark.parametrize(
    ("route", "tier"),
    [
        (("POST", "/v1/chat/completions"), "gateway"),
        (("GET", "/api/usage/calls"), "general"),
        (("PUT", "/api/model-aliases/{name}"), "strict"),
        (("POST", "/api/llm-config"), "strict"),
        (("GET", "/health"), "exempt"),
        (("GET", "/metrics"), "exempt"),
        (("GET", "/docs/{name}"), "exempt"),
    ],
    ids=str,
)
def test_routes_are_in_the_tier_that_is_documented(route: tuple[str, str], tier: str) -> None:
    assert TIERS[route] == tier


async def test_answers_say_what_is_left() -> None:
    bench = Bench()

    await ask(bench.app, "GET", "/api/usage/calls")
    bench.clock.advance(100.5)
    reply = await ask(bench.app, "GET", "/api/usage/calls")

    assert reply.status == 200
    assert reply.headers["ratelimit-limit"] == "100"
    assert reply.headers["ratelimit-remaining"] == "98"
    assert reply.headers["ratelimit-reset"] == "800"
    assert reply.headers["ratelimit-policy"] == "100;w=900"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/api/usage/calls", None), ("POST", CHAT, QUESTION), ("POST", "/v1/messages", QUESTION)],
    ids=["framework", "openai", "anthropic"],
)
async def test_refusal_says_when_to_come_back(method: str, path: str, body: Any) -> None:
    bench = Bench(general="1/15m", gateway="1/15m")
    body = body and {**body, "max_tokens": 9}
    first = await ask(bench.app, method, path, body)
    bench.clock.advance(1)

    second = await ask(bench.app, method, path, body)
    bench.clock.advance(899)
    third = await ask(bench.app, method, path, body)

    assert (first.status, second.status, third.status) == (200, 429, 200)
    assert first.headers["ratelimit-remaining"] == "0"
    assert second.headers["retry-after"] == second.headers["ratelimit-reset"] == "899"
    assert second.headers["ratelimit-remaining"] == "0"
    assert second.headers["x-should-retry"] == "false"  # nobody's library should wait for so long
    assert "Rate limit exceeded: 1 requests in 15 minutes" in second.json["error"]["message"]
    assert second.headers["x-request-id"]


async def test_refusal_has_a_code_of_its_own_and_is_counted() -> None:
    bench = Bench(strict="1/1m")
    for _ in range(3):
        reply = await ask(bench.app, "DELETE", "/api/model-aliases/fast")

    assert reply.status == 429
    assert reply.json["error"]["code"] == "rate_limited"
    assert reply.json["error"]["type"] == "rate_limit_error"
    assert reply.headers["retry-after"] == "60"
    assert "x-should-retry" not in reply.headers
    assert bench.hits("strict") == 2


async def test_browsers_may_read_what_is_left() -> None:
    bench = Bench()

    reply = await ask(bench.app, "GET", "/api/usage/calls", headers={"origin": "https://page.example"})

    exposed = reply.headers["access-control-expose-headers"]
    for name in (
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "ratelimit-policy",
        "retry-after",
    ):
        assert name in exposed


async def test_what_is_not_limited_says_nothing() -> None:
    bench = Bench()

    replies = [
        await ask(bench.app, "POST", CHAT, QUESTION),
        await ask(bench.app, "GET", "/health"),
        await ask(bench.app, "GET", "/docs"),
        await ask(bench.app, "GET", "/no/such/path"),
    ]

    assert not any(name.startswith("ratelimit") for reply in replies for name in reply.headers)


async def test_tiers_do_not_count_for_each_other() -> None:
    bench = Bench(general="1/1m", strict="1/1m", gateway="1/1m")

    statuses = [
        (await ask(bench.app, "POST", CHAT, QUESTION)).status,
        (await ask(bench.app, "GET", "/api/usage/calls")).status,
        (await ask(bench.app, "DELETE", "/api/model-aliases/fast")).status,
        (await ask(bench.app, "GET", "/providers")).status,
    ]

    assert statuses == [200, 200, 404, 429]


async def test_aliases_with_slashes_are_in_their_tier() -> None:
    bench = Bench(general="off")

    reply = await ask(bench.app, "DELETE", "/api/model-aliases/team/fast")

    assert reply.headers["ratelimit-limit"] == "5"


async def test_tenants_do_not_count_for_each_other() -> None:
    bench = Bench(gateway="1/1m")

    statuses = [
        (await ask(bench.app, "POST", CHAT, QUESTION, key=key)).status for key in (KEY, KEY, OTHER_KEY)
    ]

    assert statuses == [200, 429, 200]


async def test_strangers_are_refused_before_they_count() -> None:
    bench = Bench(gateway="1/1m")

    for _ in range(3):
        assert (await ask(bench.app, "POST", CHAT, QUESTION, key="ofc_unknown")).status == 401

    assert (await ask(bench.app, "POST", CHAT, QUESTION)).status == 200


async def test_body_of_who_comes_too_early_is_not_read() -> None:
    bench = Bench(gateway="1/1m", strict="1/1m")
    await ask(bench.app, "POST", CHAT, QUESTION)
    await ask(bench.app, "PUT", "/api/model-aliases/fast", {"targets": ["acme"]})

    hot = await ask(bench.app, "POST", CHAT, b"{nonsense")
    framework = await ask(bench.app, "PUT", "/api/model-aliases/fast", b"{nonsense")

    assert (hot.status, framework.status) == (429, 429)


async def test_streams_are_limited_before_they_begin() -> None:
    bench = Bench(gateway="1/1m")

    first = await ask(bench.app, "POST", CHAT, {**QUESTION, "stream": True})
    second = await ask(bench.app, "POST", CHAT, {**QUESTION, "stream": True})

    assert (first.status, first.headers["ratelimit-remaining"]) == (200, "0")
    assert (second.status, second.headers["content-type"]) == (429, "application/json")


def lines() -> WaitingLines:
    """Lines in which nobody sleeps for longer than a moment."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0.001)

    return WaitingLines(2, 30, sleep=sleep)


async def stand(queue: WaitingLines, count: int) -> None:
    """Wait until so many of the tenant's requests stand in line."""
    async with asyncio.timeout(10):
        while queue.length("gateway:ten_1") != count:  # noqa: ASYNC110 - there is nothing that would tell
            await asyncio.sleep(0.001)


async def test_request_that_waits_in_line_is_answered_in_its_turn() -> None:
    queue = lines()
    bench = Bench(queue, gateway="1/10s")
    await ask(bench.app, "POST", CHAT, QUESTION)

    waiting = asyncio.create_task(ask(bench.app, "POST", CHAT, QUESTION))
    await stand(queue, 1)
    bench.clock.advance(10)
    reply = await asyncio.wait_for(waiting, 5)

    assert reply.status == 200
    assert len(bench.behind.asked) == 2
    assert reply.headers["ratelimit-remaining"] == "0"


async def test_full_line_answers_429() -> None:
    queue = lines()
    bench = Bench(queue, gateway="1/10s")
    await ask(bench.app, "POST", CHAT, QUESTION)
    waiting = [asyncio.create_task(ask(bench.app, "POST", CHAT, QUESTION)) for _ in range(2)]
    await stand(queue, 2)

    reply = await ask(bench.app, "POST", CHAT, QUESTION)

    assert reply.status == 429
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_hang_up_leaves_the_line() -> None:
    queue = lines()
    bench = Bench(queue, gateway="1/10s")
    await ask(bench.app, "POST", CHAT, QUESTION)
    client = Client(bench.app)
    waiting = asyncio.create_task(client.ask("POST", CHAT, QUESTION))
    await stand(queue, 1)

    client.hang_up.set()
    await asyncio.wait_for(waiting, 5)

    assert queue.length("gateway:ten_1") == 0
    assert len(bench.behind.asked) == 1


async def test_strict_operations_do_not_wait_in_line() -> None:
    bench = Bench(lines(), strict="1/10s")
    await ask(bench.app, "DELETE", "/api/model-aliases/fast")

    assert (await ask(bench.app, "DELETE", "/api/model-aliases/fast")).status == 429
