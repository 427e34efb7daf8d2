"""The default configuration: fetched, remembered, fetched again, and what becomes of failures."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.config import NoDefaultConfig, OpenedConfig
from officium.core.gateway import LLMConfigFetcher, RemoteDefault, StoredDefault
from officium.core.gateway.config_fetcher import FETCH_INTERVAL_S, read_config
from officium.core.gateway.errors import ConfigFetchFailed
from officium.core.llm.http1 import Http1Transport
from officium.core.tenancy import Caller
from officium.kit.database import Database
from officium.kit.notices import LocalNotices
from tests.support.clock import HandClock
from tests.support.configs import Configs
from tests.support.provider import FakeProvider, Reply, fake_provider

SAID = {
    "provider": "anthropic",
    "model": "claude-3-opus-20240229",
    "temperature": 0.3,
    "maxTokens": 4096,
    "isDefault": True,
    "apiConfig": {"apiKey": "sk-ant-canary"},
}


@pytest.fixture
async def keeper() -> AsyncIterator[FakeProvider]:
    """The server that keeps the configuration."""
    async with fake_provider() as server:
        server.answers(Reply.json(SAID))
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Http1Transport]:
    transport = Http1Transport()
    yield transport
    await transport.close()


class Desk:
    """A fetcher that asks `keeper`."""

    def __init__(self, keeper: FakeProvider, transport: Http1Transport) -> None:
        self.clock = HandClock()
        self.notices = LocalNotices()
        self.source = RemoteDefault(keeper.base_url, transport)
        self.fetcher = LLMConfigFetcher(self.source, self.clock, notices=self.notices)


@pytest.fixture
def desk(keeper: FakeProvider, transport: Http1Transport) -> Desk:
    return Desk(keeper, transport)


async def test_configuration_is_fetched_once_an_hour(desk: Desk, keeper: FakeProvider) -> None:
    first = await desk.fetcher.get_config()
    desk.clock.advance(FETCH_INTERVAL_S - 1)
    again = await desk.fetcher.get_config()
    asked = len(keeper.asked)
    desk.clock.advance(1)
    await desk.fetcher.get_config()

    assert FETCH_INTERVAL_S == 3600
    assert first == again
    assert (first.provider, first.model) == ("anthropic", "claude-3-opus-20240229")
    assert (asked, len(keeper.asked)) == (1, 2)
    assert keeper.asked[0].path == "/api/llm-config/default"
    assert keeper.asked[0].headers["x-user-id"] == "system"


async def test_many_at_once_ask_once(desk: Desk, keeper: FakeProvider) -> None:
    await asyncio.gather(*(desk.fetcher.get_config() for _ in range(20)))

    assert len(keeper.asked) == 1


async def test_refresh_asks_in_any_case(desk: Desk, keeper: FakeProvider) -> None:
    await desk.fetcher.get_config()
    keeper.answers(Reply.json({**SAID, "model": "claude-new"}))

    refreshed = await desk.fetcher.refresh()

    assert refreshed.model == "claude-new"
    assert (await desk.fetcher.get_config()).model == "claude-new"


async def test_notice_makes_it_ask_again(desk: Desk, keeper: FakeProvider) -> None:
    await desk.fetcher.get_config()
    keeper.answers(Reply.json({**SAID, "model": "claude-new"}))

    desk.notices.publish("config.changed", "ten_1")

    assert (await desk.fetcher.get_config()).model == "claude-new"


FAILURES = [
    pytest.param(Reply.json({"message": "no"}, 500), id="500"),
    pytest.param(Reply.json({"message": "no"}, 401), id="401"),
    pytest.param(Reply(302, {"location": "http://127.0.0.1/"}, (b"",)), id="redirect"),
    pytest.param(Reply.json([]), id="list"),
    pytest.param(Reply.json({"provider": "anthropic", "model": 7}), id="model is a number"),
    pytest.param(Reply.json({**SAID, "provider": "nobody"}), id="unknown provider"),
    pytest.param(Reply.json({**SAID, "apiConfig": "sk"}), id="no access"),
    pytest.param(Reply.json({**SAID, "maxTokens": "many"}), id="tokens are a word"),
    pytest.param(Reply(200, {"content-type": "text/html"}, (b"<html>",)), id="page"),
    pytest.param(Reply.json({**SAID, "model": "x" * 100_000}), id="too large"),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_failure_is_said_in_a_sentence(desk: Desk, keeper: FakeProvider, failure: Reply) -> None:
    keeper.answers(failure)

    with pytest.raises(ConfigFetchFailed, match=r"^Failed to fetch LLM config") as raised:
        await desk.fetcher.get_config()

    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("reply", [Reply.json({}, 404), Reply.json(None), Reply.json({"data": None})])
async def test_no_default_is_another_error(desk: Desk, keeper: FakeProvider, reply: Reply) -> None:
    await desk.fetcher.get_config()
    keeper.answers(reply)

    with pytest.raises(NoDefaultConfig, match=r"^No default LLM configuration found"):
        await desk.fetcher.refresh()
    with pytest.raises(NoDefaultConfig):
        await desk.fetcher.get_config()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "ftp://x"])
async def test_server_that_is_not_there_is_a_failure(url: str, transport: Http1Transport) -> None:
    fetcher = LLMConfigFetcher(RemoteDefault(url, transport))

    with pytest.raises(ConfigFetchFailed):
        await fetcher.get_config()


async def test_last_configuration_goes_on_while_the_server_is_down(desk: Desk, keeper: FakeProvider) -> None:
    known = await desk.fetcher.get_config()
    keeper.answers(Reply.json({}, 500))
    desk.clock.advance(FETCH_INTERVAL_S)

    answers = [await desk.fetcher.get_config() for _ in range(5)]
    asked_meanwhile = len(keeper.asked)
    with pytest.raises(ConfigFetchFailed):
        await desk.fetcher.refresh()
    keeper.answers(Reply.json({**SAID, "model": "claude-new"}))
    desk.clock.advance(10)

    assert answers == [known] * 5
    assert asked_meanwhile == 1
    assert (await desk.fetcher.get_config()).model == "claude-new"


async def test_who_hangs_up_spoils_nothing_for_the_next(desk: Desk, keeper: FakeProvider) -> None:
    first = asyncio.create_task(desk.fetcher.get_config())
    await asyncio.sleep(0)
    second = asyncio.create_task(desk.fetcher.get_config())
    await asyncio.sleep(0)

    first.cancel()

    assert (await second).provider == "anthropic"
    assert len(keeper.asked) == 1


def test_answer_may_be_wrapped_and_spelt_otherwise() -> None:
    said = {
        "provider": "claude",
        "model": "m",
        "max_tokens": 9,
        "api_config": {"api_key": "sk-1", "api_url": "https://llm.example/v1"},
    }

    config = read_config(json.dumps({"success": True, "data": said}).encode())

    assert (config.provider, config.max_tokens, config.temperature) == ("anthropic", 9, 0.3)
    assert config.api_key is not None
    assert (config.api_key.reveal(), config.api_url) == ("sk-1", "https://llm.example/v1")


@pytest.mark.parametrize("key", ["••••1a2b", "sk-****1a2b", "", None])
def test_mask_is_not_taken_for_a_key(key: str | None) -> None:
    config = read_config(json.dumps({**SAID, "apiConfig": {"apiKey": key}}).encode())

    assert config.api_key is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*SAID, "data", "max_tokens"]), _JSON | st.just("openai")))
def test_whatever_is_answered_is_a_configuration_or_an_error_of_ours(said: dict[str, Any]) -> None:
    with contextlib.suppress(ConfigFetchFailed, NoDefaultConfig):
        assert isinstance(read_config(json.dumps(said).encode()), OpenedConfig)


@given(st.binary(max_size=30))
def test_whatever_bytes_come_are_an_error_of_ours(body: bytes) -> None:
    with pytest.raises((ConfigFetchFailed, NoDefaultConfig)):
        read_config(body)


# From this server's own store


async def test_stored_default_is_the_users_then_the_tenants(database: Database) -> None:
    configs = Configs(database)
    admin = await configs.an_admin()
    member = Caller(admin.tenant_id, "member:mem_1", frozenset({"inference"}), member_id="mem_1")
    fetcher = LLMConfigFetcher(StoredDefault(configs.service), configs.clock, notices=configs.notices)
    with pytest.raises(NoDefaultConfig):
        await fetcher.get_config(admin)

    await configs.a_config(admin, provider="openai", model="gpt-t", is_default=True)
    shared = [await fetcher.get_config(caller) for caller in (admin, member)]
    await configs.a_config(member, "mem_1", provider="openai", model="gpt-m", is_default=True)

    assert [config.model for config in shared] == ["gpt-t", "gpt-t"]
    assert (await fetcher.get_config(member)).model == "gpt-m"
    assert (await fetcher.get_config(admin)).model == "gpt-t"


async def test_stored_default_belongs_to_somebody(database: Database) -> None:
    configs = Configs(database)
    mine, theirs = await configs.an_admin(), await configs.an_admin()
    await configs.a_config(theirs, is_default=True)
    fetcher = LLMConfigFetcher(StoredDefault(configs.service), configs.clock)
    await fetcher.get_config(theirs)

    for caller in (mine, None):
        with pytest.raises(NoDefaultConfig):
            await fetcher.get_config(caller)
