"""Configurations tried over HTTP, and how a change reaches the next request: here and on another replica."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from officium.core.gateway import CallContext
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.message import user
from officium.kit.notices import LocalNotices
from tests.support.house import House, Resident, open_house
from tests.support.provider import FakeProvider, Reply, fake_provider
from tests.support.web import Reply as Answer
from tests.support.web import ask

CANARY = "sk-canary-5b1d9e77c0"
ENVIRONMENT_KEY = "sk-environment-canary-31"
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
ANSWER = {
    "id": "c1", "object": "chat.completion", "model": "gpt-x", "created": 1,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
}  # fmt: skip
GOOD = Reply.json(ANSWER)
WRONG_KEY = Reply.json(
    {"error": {"message": f"Incorrect API key provided: {CANARY}.", "code": "invalid_api_key"}}, 401
)


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as provider:
        provider.answers(GOOD)
        yield provider


def a_house(folder: Path, **settings: Any) -> Any:
    """A server on which tenants may write addresses of this machine."""
    said = {"allowed_private_hosts": ("127.0.0.1",), "mock_enabled": False}
    return open_house(folder, **{**said, **settings})


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(tmp_path) as house:
        yield house


@pytest.fixture
async def tenant(house: House) -> Resident:
    return await house.resident("Acme")


async def configure(tenant: Resident, url: str | None, key: str = CANARY, **said: Any) -> str:
    body = {
        "provider": "openai",
        "model": "gpt-x",
        "isDefault": True,
        "apiConfig": {"apiKey": key, "apiUrl": url},
        **said,
    }
    reply = await tenant.ask("POST", "/api/llm-config", body)
    assert reply.status == 201, reply.body
    return str(reply.json["id"])


async def check(tenant: Resident, id: str) -> Answer:
    return await tenant.ask("POST", f"/api/llm-config/{id}/health-check")


async def test_configuration_that_works_is_healthy(tenant: Resident, provider: FakeProvider) -> None:
    id = await configure(tenant, f"{provider.base_url}/v1")

    reply = await check(tenant, id)

    assert reply.status == 200
    assert {**reply.json, "latency_ms": 0} == {
        "status": "healthy",
        "provider": "openai",
        "model": "gpt-x",
        "latency_ms": 0,
        "message": "The provider answers.",
    }
    [asked] = provider.asked
    assert asked.headers["authorization"] == f"Bearer {CANARY}"
    assert asked.body["model"] == "gpt-x"


async def test_check_stands_in_the_usage_log(house: House, tenant: Resident, provider: FakeProvider) -> None:
    id = await configure(tenant, f"{provider.base_url}/v1")

    await check(tenant, id)

    await house.parts.usage_log.flush()
    [record] = (await tenant.ask("GET", "/api/usage/calls")).json["records"]
    assert (record["app"], record["input_tokens"], record["output_tokens"]) == ("health-check", 9, 1)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        pytest.param(WRONG_KEY, "Invalid API key", id="401"),
        pytest.param(Reply.json({"error": {"message": "No."}}, 403), "Invalid API key", id="403"),
        pytest.param(
            Reply.json({"error": {"message": "x", "code": "model_not_found"}}, 404),
            "OpenAI does not know the model gpt-x, or not any more.",
            id="no such model",
        ),
        pytest.param(
            Reply.json({"error": {"message": "x", "code": "insufficient_quota"}}, 429),
            "OpenAI knows the key, but its account has no credit or quota left.",
            id="no quota",
        ),
        pytest.param(
            Reply.json({"error": {"message": "x"}}, 429),
            "OpenAI asks us to slow down. Check again later.",
            id="too fast",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_plain_words(
    tenant: Resident, provider: FakeProvider, reply: Reply, message: str
) -> None:
    provider.answers(reply)
    id = await configure(tenant, f"{provider.base_url}/v1")

    shown = (await check(tenant, id)).json

    assert (shown["status"], shown["message"]) == ("unhealthy", message)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply.json({"error": {"message": f"bad {CANARY}"}}, 400), id="400"),
        pytest.param(Reply.json({"error": {"message": f"down {CANARY}"}}, 500), id="500"),
        pytest.param(Reply(200, {"content-type": "text/html"}, (f"<p>{CANARY}</p>".encode(),)), id="page"),
        pytest.param(Reply(307, {"location": "http://127.0.0.1/"}, (b"",)), id="redirect"),
        WRONG_KEY,
    ],
)
async def test_no_message_shows_the_key(tenant: Resident, provider: FakeProvider, reply: Reply) -> None:
    provider.answers(reply)
    id = await configure(tenant, f"{provider.base_url}/v1")

    checked = await check(tenant, id)
    refreshed = await tenant.ask("POST", "/config/refresh")
    asked = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    assert checked.json["status"] == "unhealthy"
    assert asked.status >= 400
    for answer in (checked, refreshed, asked):
        assert CANARY.encode() not in answer.body


async def test_provider_that_cannot_be_reached_is_said_so(tenant: Resident) -> None:
    id = await configure(tenant, "http://127.0.0.1:9/v1")

    shown = (await check(tenant, id)).json

    assert shown["status"] == "unhealthy"
    assert shown["message"].startswith("No connection to 127.0.0.1")


async def test_provider_that_keeps_silent_is_given_up(
    tenant: Resident, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("officium.core.gateway.health.LONGEST_CHECK_S", 0.05)
    body = json.dumps(ANSWER).encode()
    provider.answers(Reply(200, {"content-type": "application/json"}, (body[:9], body[9:]), pause_s=5))
    id = await configure(tenant, f"{provider.base_url}/v1")

    shown = (await check(tenant, id)).json

    assert shown["status"] == "unhealthy"
    assert shown["message"] == "OpenAI did not answer within 0.05 seconds."


async def test_failed_check_does_not_stop_the_next_one(tenant: Resident, provider: FakeProvider) -> None:
    provider.answers(Reply.json({"error": {"message": "down"}}, 500))
    id = await configure(tenant, f"{provider.base_url}/v1")
    for _ in range(7):
        await check(tenant, id)

    provider.answers(GOOD)

    assert (await check(tenant, id)).json["status"] == "healthy"


async def test_address_that_leads_inside_is_refused_when_it_is_written(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        tenant = await house.resident("Acme")
        body = {"provider": "openai", "apiConfig": {"apiKey": CANARY, "apiUrl": "https://169.254.169.254/v1"}}

        made = await tenant.ask("POST", "/api/llm-config", body)
        body["apiConfig"] = {"apiKey": CANARY}
        id = (await tenant.ask("POST", "/api/llm-config", body)).json["id"]
        change = {"apiConfig": {"apiKey": CANARY, "apiUrl": "http://localhost:11434/v1"}}
        changed = await tenant.ask("PUT", f"/api/llm-config/{id}", change)

    for reply in (made, changed):
        assert (reply.status, reply.json["error"]["code"]) == (400, "invalid_llm_config")
        assert reply.json["error"]["param"] == "apiConfig.apiUrl"


async def test_address_whose_name_leads_inside_is_refused_when_it_is_used(tmp_path: Path) -> None:
    async with open_house(tmp_path, mock_enabled=False) as house:
        tenant = await house.resident("Acme")
        await configure(tenant, None)
        async with house.parts.database.writing(tenant.tenant.id) as connection:
            await connection.exec_driver_sql("UPDATE llm_configs SET api_url = 'http://127.0.0.1:9/v1'")
        house.parts.notices.publish("config.changed", tenant.tenant.id)

        asked = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    assert (asked.status, asked.json["error"]["code"]) == (400, "address_refused")
    assert CANARY.encode() not in asked.body


async def test_key_of_the_environment_never_goes_to_a_tenants_address(
    tmp_path: Path, provider: FakeProvider
) -> None:
    async with fake_provider() as official:
        official.answers(GOOD)
        settings = {
            "providers": {"vllm": {"api_key": ENVIRONMENT_KEY, "base_url": f"{official.base_url}/v1"}}
        }
        async with a_house(tmp_path, **settings) as house:
            tenant, other = await house.resident("Acme"), await house.resident("Beta")
            body = {
                "provider": "vllm",
                "model": "m",
                "isDefault": True,
                "apiConfig": {"apiUrl": f"{provider.base_url}/v1"},
            }
            made = await tenant.ask("POST", "/api/llm-config", body)
            for model in ("vllm/m", "vllm/other", "vllm", "default", f"config:{made.json['id']}"):
                asked = await tenant.ask("POST", "/v1/chat/completions", {**HELLO, "model": model})
                assert asked.status == 200
            await check(tenant, made.json["id"])
            await tenant.ask("GET", "/v1/models")
            await other.ask("POST", "/v1/chat/completions", {**HELLO, "model": "vllm/m"})

    assert len(provider.asked) >= 6
    assert all(ENVIRONMENT_KEY not in str(asked.headers) for asked in provider.asked)
    assert f"Bearer {ENVIRONMENT_KEY}" in [asked.headers.get("authorization") for asked in official.asked]


# What is used from now on


async def test_wrong_key_is_cured_without_a_restart(tenant: Resident, provider: FakeProvider) -> None:
    provider.answers(WRONG_KEY)
    id = await configure(tenant, f"{provider.base_url}/v1", key="sk-mistyped-0000")
    refused = await tenant.ask("POST", "/config/refresh")
    asked = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    provider.answers(GOOD)
    fixed = {"apiConfig": {"apiKey": CANARY}}
    assert (await tenant.ask("PUT", f"/api/llm-config/{id}", fixed)).status == 200
    refreshed = await tenant.ask("POST", "/config/refresh")
    answered = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    assert (refused.status, refused.json["error"]["message"]) == (502, "Invalid API key")
    assert asked.json["error"]["code"] == "provider_key_refused"
    assert refreshed.json["status"] == "healthy"
    assert answered.status == 200
    assert provider.asked[-1].headers["authorization"] == f"Bearer {CANARY}"


async def test_no_default_is_said_and_cured_by_making_one(tenant: Resident, provider: FakeProvider) -> None:
    refused = await tenant.ask("POST", "/config/refresh")
    asked = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    await configure(tenant, f"{provider.base_url}/v1")
    refreshed = await tenant.ask("POST", "/config/refresh")
    answered = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    for reply in (refused, asked):
        assert (reply.status, reply.json["error"]["code"]) == (404, "no_default_llm_config")
        assert reply.json["error"]["message"].startswith("No default LLM configuration found")
    assert (refreshed.json["provider"], refreshed.json["model"]) == ("openai", "gpt-x")
    assert answered.status == 200


async def test_two_replicas_use_the_same_configuration(
    tmp_path: Path, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second hears of the change only by time, then by a notice."""
    heard = LocalNotices()
    async with a_house(tmp_path) as here, a_house(tmp_path) as there:
        tenant = await here.resident("Acme")
        elsewhere = Resident(there, tenant.tenant, tenant._keys)
        id = await configure(tenant, f"{provider.base_url}/v1", key="sk-first-00000000")
        clock = _Clock(there)
        monkeypatch.setattr(there.parts.models, "_clock", clock)
        await elsewhere.ask("POST", "/v1/chat/completions", HELLO)

        await tenant.ask("PUT", f"/api/llm-config/{id}", {"model": "gpt-y"})
        await tenant.ask("POST", "/v1/chat/completions", HELLO)
        await elsewhere.ask("POST", "/v1/chat/completions", HELLO)
        clock.ahead_s += 5
        await elsewhere.ask("POST", "/v1/chat/completions", HELLO)
        heard.subscribe("config.changed", there.parts.models.forget)
        here.parts.notices.subscribe("config.changed", lambda text: heard.publish("config.changed", text))
        await tenant.ask("PUT", f"/api/llm-config/{id}", {"model": "gpt-z"})
        await elsewhere.ask("POST", "/v1/chat/completions", HELLO)

    assert [asked.body["model"] for asked in provider.asked] == ["gpt-x", "gpt-y", "gpt-x", "gpt-y", "gpt-z"]


class _Clock:
    """The server's clock, some seconds ahead."""

    def __init__(self, house: House) -> None:
        self._clock = house.parts.clock
        self.ahead_s = 0.0

    def now(self) -> Any:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic() + self.ahead_s


async def test_answer_under_way_ends_with_the_configuration_it_began_with(
    house: House, tenant: Resident, provider: FakeProvider
) -> None:
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "gpt-x", "created": 1}
    events = [{**chunk, "choices": [{"index": 0, "delta": {"content": word}}]} for word in ("Hel", "lo")]
    end = {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    provider.answers(Reply.sse(*events, end, "[DONE]", pause_s=0.01))
    id = await configure(tenant, f"{provider.base_url}/v1")
    caller = await house.parts.authenticator.authenticate(await tenant.key())
    request = CompletionRequest(model="default", messages=(user("Hello"),), stream=True)

    stream = await house.parts.gateway.open_stream(caller, request, CallContext(request_id="req_1"))
    await tenant.ask("DELETE", f"/api/llm-config/{id}")
    text = "".join([delta.text async for batch in stream for delta in batch])
    await stream.aclose()
    gone = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    assert text == "Hello"
    assert gone.json["error"]["code"] == "no_default_llm_config"


# What others are told


async def test_health_tells_a_known_caller_what_answers(tenant: Resident, provider: FakeProvider) -> None:
    await configure(tenant, f"{provider.base_url}/v1")

    mine = (await tenant.ask("GET", "/health")).json
    anybody = await _ask_health(tenant, None)
    mistyped = await _ask_health(tenant, "ofc_nobody")

    expected = {
        "status": "healthy",
        "provider": "openai",
        "model": "gpt-x",
        "context_cache_age_minutes": None,
    }
    assert mine == expected
    for seen in (anybody, mistyped):
        assert (seen.status, seen.json) == (200, {**expected, "provider": None, "model": None})


async def _ask_health(tenant: Resident, key: str | None) -> Answer:
    return await ask(tenant.house.app, "GET", "/health", key=key)


async def test_providers_say_what_the_tenant_can_ask(house: House, tenant: Resident) -> None:
    other = await house.resident("Beta")
    await configure(tenant, "http://127.0.0.1:9/v1")

    listed = [(await one.ask("GET", "/providers")).json["providers"] for one in (tenant, other)]

    assert [[row["name"] for row in rows if row["available"]] for rows in listed] == [["openai"], []]


async def test_default_of_another_server_is_used(tmp_path: Path, provider: FakeProvider) -> None:
    async with fake_provider() as keeper:
        keeper.answers(
            Reply.json(
                {
                    "provider": "openai",
                    "model": "gpt-x",
                    "apiConfig": {"apiKey": CANARY, "apiUrl": f"{provider.base_url}/v1"},
                }
            )
        )
        settings = {"config_server_url": keeper.base_url, "config_server_key": "sk-keeper"}
        async with a_house(tmp_path, **settings) as house:
            tenant = await house.resident("Acme")
            anybody = await _ask_health(tenant, None)
            asked = await tenant.ask("POST", "/v1/chat/completions", HELLO)
            keeper.answers(Reply.json({}, 500))
            failed = await tenant.ask("POST", "/config/refresh")
            still = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    assert (anybody.json["provider"], anybody.json["model"]) == ("openai", "gpt-x")
    assert (asked.status, still.status) == (200, 200)
    assert (failed.status, failed.json["error"]["code"]) == (503, "config_fetch_failed")
    assert failed.json["error"]["message"].startswith("Failed to fetch LLM config")
    assert keeper.asked[0].path == "/api/llm-config/default"
    assert keeper.asked[0].headers["x-user-id"] == "system"
    assert keeper.asked[0].headers["authorization"] == "Bearer sk-keeper"


async def test_server_starts_though_the_other_one_is_down(tmp_path: Path) -> None:
    async with a_house(tmp_path, config_server_url="http://127.0.0.1:9") as house:
        tenant = await house.resident("Acme")

        asked = await tenant.ask("POST", "/v1/chat/completions", HELLO)

    assert (asked.status, asked.json["error"]["code"]) == (503, "config_fetch_failed")
