"""A provider is asked no faster than it allows, key by key."""

import json
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.dispatch import Attempt, Dispatcher
from officium.core.llm.errors import LLMRateLimitError
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts
from officium.core.llm.message import user
from officium.core.llm.providers import PROVIDERS
from officium.core.llm.retry import RetryPolicy
from officium.core.usage.limits import LimitHits, LocalWindows, ProviderLimit, ProviderLimits, parse_limits
from officium.core.usage.limits.provider_limits import SHORT_WAIT_S
from tests.support.clock import HandClock

REQUEST = CompletionRequest(model="any", messages=(user("Hi"),))


def a_deployment(name: str = "groq", key: str = "sk-1", base_url: str | None = None) -> Deployment:
    row = PROVIDERS[name]
    return Deployment(provider=row, model="m", base_url=base_url or row.base_url or "", api_key=key)


class CountingTransport:
    """Answers everything, and counts by host."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        self.asked.append(request.url.split("/")[2])
        return _Answer()

    async def close(self) -> None:
        """Nothing is open."""


class _Answer:
    status = 200
    headers = {"content-type": "application/json"}  # noqa: RUF012
    _body = json.dumps({"id": "1", "choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]})

    async def read(self, limit_bytes: int) -> bytes:
        return self._body.encode()

    def close(self) -> None:
        """Nothing is open."""


class Bench:
    """A dispatcher whose providers have the limits of their free tiers."""

    def __init__(self, **limits: ProviderLimit) -> None:
        self.clock = HandClock()
        self.registry = CollectorRegistry()
        self.waits: list[float] = []
        self.transport = CountingTransport()
        said = limits or {
            name: ProviderLimit(parse_limits(row.free_rate_limit), row.base_url)
            for name, row in PROVIDERS.items()
            if row.free_rate_limit
        }
        self.limits = ProviderLimits(LocalWindows(self.clock), said, LimitHits(self.registry), self.clock)
        self.dispatcher = Dispatcher(
            self.transport,  # type: ignore[arg-type]
            clock=self.clock,
            retry=RetryPolicy(draw=lambda: 0.0, sleep=self._wait),
            limits=self.limits,
        )
        self.attempts: list[Attempt] = []

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)

    async def ask(self, *deployments: Deployment) -> str:
        """Who answered."""
        answered = await self.dispatcher.complete(REQUEST, deployments or (a_deployment(),), self.attempts)
        return answered.deployment.provider.name


def test_limits_of_the_free_tiers_are_the_documented_ones() -> None:
    assert {name: row.free_rate_limit for name, row in PROVIDERS.items() if row.free_rate_limit} == {
        "gemini": "60/1m",
        "groq": "30/1m, 14400/1d",
    }


async def test_thirty_first_call_in_a_minute_is_not_made() -> None:
    bench = Bench()
    for _ in range(30):
        await bench.ask()

    with pytest.raises(
        LLMRateLimitError, match=r"Groq may be asked 30 times in 1 minute.* 1 minute"
    ) as caught:
        await bench.ask()
    bench.clock.advance(60)
    await bench.ask()

    assert caught.value.retry_after_s == 60
    assert len(bench.transport.asked) == len(bench.attempts) == 31
    assert bench.registry.get_sample_value("officium_rate_limit_hits_total", {"tier": "provider"}) == 1


async def test_no_more_calls_are_made_in_a_day_than_allowed() -> None:
    bench = Bench(groq=ProviderLimit(parse_limits("2/1m, 3/1d")))
    await bench.ask()
    await bench.ask()
    bench.clock.advance(60)
    await bench.ask()

    with pytest.raises(LLMRateLimitError, match="3 times in 1 day"):
        await bench.ask()


async def test_next_deployment_answers_where_the_first_is_at_its_limit() -> None:
    bench = Bench(groq=ProviderLimit(parse_limits("1/1m")))
    await bench.ask()

    answered = await bench.dispatcher.complete(
        REQUEST, (a_deployment(), a_deployment("openai")), bench.attempts
    )

    assert answered.deployment.provider.name == "openai"
    assert "groq/m was passed over: Groq may be asked" in answered.completion.notes[0]
    assert bench.waits == []


async def test_short_wait_is_waited_for() -> None:
    bench = Bench(groq=ProviderLimit(parse_limits("1/5s")))
    await bench.ask()

    assert await bench.ask() == "groq"
    assert bench.waits == [5]
    assert SHORT_WAIT_S >= 5


async def test_each_key_has_a_limit_of_its_own() -> None:
    bench = Bench(groq=ProviderLimit(parse_limits("1/1m")))
    await bench.ask(a_deployment(key="sk-1"))
    await bench.ask(a_deployment(key="sk-2"))

    with pytest.raises(LLMRateLimitError):
        await bench.ask(a_deployment(key="sk-2"))


async def test_limit_of_a_free_tier_holds_at_the_providers_own_address_alone() -> None:
    bench = Bench()

    for _ in range(40):
        await bench.ask(a_deployment(base_url="http://127.0.0.1:9/v1"))

    assert len(bench.transport.asked) == 40


async def test_refused_call_gives_its_place_back() -> None:
    bench = Bench(groq=ProviderLimit(parse_limits("1/1m")))
    bench.dispatcher._max_concurrency = 1
    await bench.ask()
    for _ in range(5):
        with pytest.raises(LLMRateLimitError):
            await bench.ask()
    bench.clock.advance(60)

    assert await bench.ask() == "groq"


async def test_limit_closes_no_circuit() -> None:
    bench = Bench(groq=ProviderLimit(parse_limits("1/1m")))
    await bench.ask()
    for _ in range(10):
        with pytest.raises(LLMRateLimitError):
            await bench.ask()

    assert bench.dispatcher._breakers.get(a_deployment()).state == "closed"


def test_what_is_not_limited_is_not_waited_for() -> None:
    bench = Bench()

    assert bench.limits.enter(a_deployment("openai")) is None
    assert bench.limits.enter(replace(a_deployment("gemini"), base_url="http://127.0.0.1/v1")) is None


async def test_operator_is_told_once_in_a_window_which_setting_it_is() -> None:
    bench = Bench(groq=ProviderLimit(parse_limits("1/1m")))
    await bench.ask()

    with capture_logs() as lines:
        for _ in range(5):
            with pytest.raises(LLMRateLimitError):
                await bench.ask()

    said: list[Any] = [line for line in lines if line["event"] == "limits.provider_limit_reached"]
    assert [(line["provider"], line["setting"]) for line in said] == [("groq", "GROQ_RATE_LIMIT")]
