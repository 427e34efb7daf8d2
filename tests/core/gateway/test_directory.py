"""Which models the providers offer: asked for rarely, and waited for briefly."""

import asyncio
import json
from collections import Counter

import pytest

from officium.core.gateway import ModelDirectory, ModelService, ProviderAccess
from officium.core.gateway import directory as directory_module
from officium.core.gateway.directory import LISTS_LIVE_S
from officium.core.llm.dispatch import Dispatcher
from officium.core.llm.errors import LLMConnectionError
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts
from officium.core.llm.retry import RetryPolicy
from tests.support.clock import HandClock
from tests.support.gateway import NoAliases

ACCESS = {
    "groq": ProviderAccess(base_url="https://groq.test/v1", api_key="k", default_model="openai/gpt-oss-20b"),
    "openai": ProviderAccess(base_url="https://openai.test/v1", api_key="k", default_model="gpt-6-luna"),
    "mistral": ProviderAccess(base_url="https://mistral.test/v1", api_key="k"),
}


class _Listed:
    """A provider's answer."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.status = status
        self.headers = {"content-type": "application/json"}
        self._body = body

    async def read(self, limit_bytes: int) -> bytes:
        return self._body

    async def chunks(self):
        yield self._body

    def close(self) -> None: ...


class Providers:
    """Answers each provider's list: names, a status, an error, an event to wait for, or any body."""

    def __init__(self) -> None:
        self.lists: dict[str, object] = {name: [f"{name}-1", f"{name}-2"] for name in ACCESS}
        self.asked: Counter[str] = Counter()

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        name = request.url.removeprefix("https://").partition(".")[0]
        assert request.url.endswith("/models")
        self.asked[name] += 1
        said = self.lists[name]
        if isinstance(said, Exception):
            raise said
        if isinstance(said, asyncio.Event):
            await said.wait()
            said = ["late"]
        if isinstance(said, int):
            return _Listed(b'{"error": {"message": "No."}}', said)
        if isinstance(said, bytes):
            return _Listed(said)
        return _Listed(json.dumps({"data": [{"id": model} for model in said]}).encode())

    async def close(self) -> None: ...


class Desk:
    """A directory over providers that answer as told."""

    def __init__(self) -> None:
        self.providers = Providers()
        self.clock = HandClock()
        dispatcher = Dispatcher(self.providers, clock=self.clock, retry=RetryPolicy(max_retries=0))
        self.directory = ModelDirectory(ModelService(ACCESS, NoAliases(), self.clock), dispatcher, self.clock)

    async def listed(self, provider: str | None = None) -> list[str]:
        """The ids listed, of one provider or of all."""
        listings = await self.directory.list_models()
        return [listing.id for listing in listings if provider in (None, listing.provider)]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(directory_module, "_LONGEST_WAIT_S", 0.02)
    return Desk()


async def test_every_configured_provider_is_asked_at_the_same_time(desk: Desk):
    assert sorted(await desk.listed()) == [
        f"{name}/{name}-{number}" for name in sorted(ACCESS) for number in (1, 2)
    ]
    assert set(desk.providers.asked) == set(ACCESS)


async def test_list_is_kept_for_an_hour(desk: Desk):
    await desk.listed()
    desk.providers.lists["groq"] = ["groq-3"]

    desk.clock.advance(LISTS_LIVE_S - 1)
    before = await desk.listed("groq")
    desk.clock.advance(1)
    after = await desk.listed("groq")

    assert LISTS_LIVE_S == 3600
    assert (before, after) == (["groq/groq-1", "groq/groq-2"], ["groq/groq-3"])
    assert desk.providers.asked["groq"] == 2


async def test_many_who_ask_at_once_cost_one_question(desk: Desk):
    await asyncio.gather(*(desk.listed() for _ in range(20)))

    assert set(desk.providers.asked.values()) == {1}


FAILURES = [
    pytest.param(401, id="refused"),
    pytest.param(503, id="down"),
    pytest.param(LLMConnectionError("No route."), id="unreachable"),
    pytest.param(b"<!doctype html>", id="no-json"),
    pytest.param(b'{"data": 7}', id="no-list"),
    pytest.param(b"", id="nothing"),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_provider_that_fails_is_listed_with_its_default_model(desk: Desk, failure: object):
    desk.providers.lists["groq"] = failure

    assert await desk.listed("groq") == ["groq/openai/gpt-oss-20b"]
    assert await desk.listed("openai") == ["openai/openai-1", "openai/openai-2"]


async def test_provider_that_fails_and_has_no_default_model_is_left_out(desk: Desk):
    desk.providers.lists["mistral"] = 503

    assert await desk.listed("mistral") == []


async def test_provider_that_fails_later_keeps_the_list_it_gave(desk: Desk):
    await desk.listed()
    desk.providers.lists["groq"] = 503
    desk.clock.advance(LISTS_LIVE_S)

    assert await desk.listed("groq") == ["groq/groq-1", "groq/groq-2"]


async def test_provider_that_failed_is_asked_again_after_a_minute(desk: Desk):
    desk.providers.lists["groq"] = 503
    await desk.listed()
    desk.providers.lists["groq"] = ["groq-1"]

    desk.clock.advance(59)
    before = await desk.listed("groq")
    desk.clock.advance(1)
    after = await desk.listed("groq")

    assert (before, after) == (["groq/openai/gpt-oss-20b"], ["groq/groq-1"])


async def test_provider_that_keeps_silent_holds_up_nobody_for_long(desk: Desk):
    desk.providers.lists["groq"] = asyncio.Event()

    async with asyncio.timeout(1):
        first = await desk.listed()
        again = await desk.listed()

    assert first == again
    assert "groq/openai/gpt-oss-20b" in first
    assert "openai/openai-1" in first
    assert desk.providers.asked["groq"] == 1


async def test_caller_who_hangs_up_spoils_nothing_for_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(directory_module, "_LONGEST_WAIT_S", 5.0)
    desk.providers.lists["groq"] = silence = asyncio.Event()
    first = asyncio.create_task(desk.listed())
    while not desk.providers.asked["groq"]:  # noqa: ASYNC110 - the directory tells nobody when it asks
        await asyncio.sleep(0)

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    silence.set()

    assert await desk.listed("groq") == ["groq/late"]
