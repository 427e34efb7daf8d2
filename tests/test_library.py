import asyncio
import logging
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

import officium
from officium import library
from officium.core.llm.client import LLMClient as CoreClient
from officium.core.llm.errors import LLMAuthenticationError
from officium.core.llm.providers import PROVIDERS
from officium.kit.errors import InvalidRequest
from officium.testing import ScriptedTransport
from tests.support.provider import Reply, fake_provider

ROOT = Path(__file__).resolve().parents[1]
MESSAGES = [officium.LLMMessage(role="user", content="Hi")]


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for row in PROVIDERS.values():
        for name in (
            row.env_key,
            *(f"{row.name.upper()}_{end}" for end in ("MODEL", "MAX_TOKENS", "TEMPERATURE")),
        ):
            if name:
                monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(library, "_shared", {})


@pytest.mark.parametrize("name", officium.__all__)
def test_every_promised_name_is_there(name):
    assert getattr(officium, name) is not None
    assert name in dir(officium)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_thing"):
        officium.no_such_thing  # noqa: B018 - the access is what is tested


def test_importing_the_package_imports_nothing_heavy():
    script = (
        "import sys, officium; print(*{'pydantic', 'aiohttp', 'msgspec', 'genai_prices'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("arguments", "keys", "name"),
    [
        pytest.param({}, [], "mock/mock", id="nothing-set"),
        pytest.param({}, ["GROQ_API_KEY"], "groq/openai/gpt-oss-20b", id="only-key"),
        pytest.param(
            {},
            ["GROQ_API_KEY", "FIREWORKS_API_KEY", "OPENAI_API_KEY"],
            "fireworks/accounts/fireworks/models/qwen2p5-72b-instruct",
            id="fireworks-comes-first",
        ),
        pytest.param({"provider": "claude"}, ["ANTHROPIC_API_KEY"], "anthropic/claude-haiku-5-5", id="alias"),
        pytest.param(
            {"model": "claude-opus-5-5"},
            ["ANTHROPIC_API_KEY"],
            "anthropic/claude-opus-5-5",
            id="name-gives-it-away",
        ),
        pytest.param({"model": "mock/slow"}, ["OPENAI_API_KEY"], "mock/slow", id="provider-before-the-slash"),
        pytest.param(
            {"model": "groq/openai/gpt-oss-120b"},
            ["GROQ_API_KEY"],
            "groq/openai/gpt-oss-120b",
            id="two-slashes",
        ),
        pytest.param({"provider": "ollama", "model": "llama3"}, [], "ollama/llama3", id="local-needs-no-key"),
    ],
)
def test_who_answers(arguments, keys, name, monkeypatch):
    for key in keys:
        monkeypatch.setenv(key, "a-key")

    (deployment,) = officium.LLMClient(**arguments).deployments

    assert deployment.name == name


def test_key_and_model_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", " from-env ")
    monkeypatch.setenv("OPENAI_MODEL", "gpt-6.1-terra")

    (deployment,) = officium.LLMClient("openai").deployments
    (own,) = officium.LLMClient("openai", "gpt-6-luna", "mine").deployments

    assert (deployment.model, deployment.api_key) == ("gpt-6.1-terra", "from-env")
    assert (own.model, own.api_key) == ("gpt-6-luna", "mine")


@pytest.mark.parametrize(
    ("provider", "words"),
    [("fireworks", "FIREWORKS_API_KEY not configured"), ("gemini", "GEMINI_API_KEY not configured")],
)
def test_missing_key_is_named(provider, words):
    with pytest.raises(LLMAuthenticationError, match=words):
        officium.LLMClient(provider)


def test_unknown_provider_is_refused_with_the_known_ones():
    with pytest.raises(InvalidRequest, match="fireworks"):
        officium.LLMClient("nope")


def test_client_is_shared():
    assert officium.get_llm_client() is officium.get_llm_client()


async def test_stream_without_a_key_says_which():
    with (
        capture_logs() as lines,
        pytest.raises(LLMAuthenticationError, match="FIREWORKS_API_KEY not configured"),
    ):
        await anext(officium.stream_completion(MESSAGES, tenant_id="t", user_id="u"))

    assert lines[-1]["event"] == "Error in Fireworks stream"
    assert (lines[-1]["tenantId"], lines[-1]["userId"]) == ("t", "u")


async def test_stream_takes_fireworks_settings_from_the_environment(monkeypatch):
    transport = ScriptedTransport(["Hello", "Hello", "Hello"])
    monkeypatch.setattr(library, "_make_transport", lambda max_connections: transport)
    monkeypatch.setenv("FIREWORKS_API_KEY", "a-key")
    monkeypatch.setenv("FIREWORKS_MODEL", "accounts/fireworks/models/gpt-oss-120b")
    monkeypatch.setenv("FIREWORKS_MAX_TOKENS", "64")
    monkeypatch.setenv("FIREWORKS_TEMPERATURE", "0.3")

    *_, last = [chunk async for chunk in officium.stream_completion(MESSAGES)]
    await _drain(officium.stream_completion({"messages": MESSAGES, "max_tokens": 5, "temperature": 0.0}))
    await _drain(officium.stream_completion(MESSAGES, "other", 0.9, 7))

    said = [
        (asked.body["model"], asked.body["max_tokens"], asked.body["temperature"])
        for asked in transport.requests
    ]
    assert said == [
        ("accounts/fireworks/models/gpt-oss-120b", 64, 0.3),
        ("accounts/fireworks/models/gpt-oss-120b", 5, 0.0),
        ("other", 7, 0.9),
    ]
    assert transport.requests[0].request.headers["authorization"] == "Bearer a-key"
    assert last.metadata.model == "gpt-oss-120b"


async def test_stream_takes_the_documented_defaults():
    transport = ScriptedTransport()
    client = CoreClient("fireworks", api_key="a-key", transport=transport)

    await _drain(officium.stream_completion(MESSAGES, client=client))

    body = transport.requests[0].body
    assert (body["max_tokens"], body["temperature"]) == (2048, 0.7)


async def test_setting_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setenv("FIREWORKS_TEMPERATURE", "warm")

    with pytest.raises(InvalidRequest, match="FIREWORKS_TEMPERATURE"):
        await anext(officium.stream_completion(MESSAGES))


def test_library_logs_through_logging_and_prints_nothing(caplog, capsys):
    before = structlog.get_config()
    structlog.reset_defaults()
    try:
        client = officium.LLMClient()
        with caplog.at_level(logging.INFO, "officium"):
            asyncio.run(_use(client))
    finally:
        structlog.configure(**before)

    assert [record.name for record in caplog.records] == ["officium.llm"]
    assert caplog.messages[0].startswith("LLM request completed | model=mock |")
    assert capsys.readouterr() == ("", "")


def test_example_runs_offline(capsys):
    runpy.run_path(str(ROOT / "docs" / "examples" / "library.py"), run_name="__main__")

    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 3
    assert printed[0].startswith('[scripted] You asked: "What should we focus on')
    assert printed[1] == "Example title 0.85"
    assert printed[2].startswith('[scripted] You asked: "Tell me more."')


async def _drain(items):
    async for _ in items:
        pass


async def _use(client):
    async with client:
        await client.generate_completion("Hi")


async def test_chat_limiter_lets_ten_pass_in_a_minute():
    key = "tenant-of-this-test-alone"

    states = [await officium.chat_rate_limiter.check(key) for _ in range(11)]

    assert [state.allowed for state in states] == [True] * 10 + [False]
    assert states[-1].retry_after_s <= 60


async def test_limiters_of_ones_own_are_made_as_documented():
    limiter = officium.create_rate_limiter(key_prefix="rate_limit:custom:", window_ms=60 * 1000, max=20)

    state = await limiter.check("tenant-123")

    assert (state.allowed, state.limit, state.remaining, state.retry_after_s) == (True, 20, 19, 0)
    assert state.reset_at > state.checked_at


def test_clients_do_without_the_database():
    program = "import sys; from officium import LLMClient; print('sqlalchemy' in sys.modules)"

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "False"


async def test_configuration_of_another_server_makes_a_provider(monkeypatch):
    said = {"provider": "claude", "model": "claude-m", "apiConfig": {"apiKey": "sk-canary"}}
    async with fake_provider() as keeper:
        keeper.answers(Reply.json(said))
        monkeypatch.setenv("NESTJS_SERVER_URL", keeper.base_url)
        monkeypatch.setenv("OFFICIUM_CONFIG_SERVER_KEY", "sk-keeper")
        monkeypatch.setenv("CONFIG_FETCH_INTERVAL_MINUTES", "5")
        fetcher = officium.get_config_fetcher()

        provider = officium.LLMProviderRegistry(ScriptedTransport()).create(await fetcher.get_config())

        await fetcher.get_config()
        await fetcher.close()
    assert isinstance(provider, officium.AnthropicProvider)
    assert (provider.name, provider.model) == ("anthropic", "claude-m")
    assert [asked.headers["authorization"] for asked in keeper.asked] == ["Bearer sk-keeper"]


def test_prompts_are_rendered_without_a_server_or_a_database():
    program = (
        "import sys; from officium import get_prompt_registry as registry; "
        "print(registry().render_prompt('persona.ceo', {'profile': 'Industry: SaaS'})[0]); "
        "print('sqlalchemy' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "Industry: SaaS" in said.stdout
    assert said.stdout.endswith("False\n")


def test_everything_in_a_process_shares_the_registry():
    assert officium.get_prompt_registry() is officium.get_prompt_registry()
    assert isinstance(officium.get_prompt_registry(), officium.PromptRegistry)


async def test_forecasts_need_no_server_and_no_key(monkeypatch):
    monkeypatch.setattr(library, "_forecasters", {})
    monkeypatch.setattr(library, "_registries", {})
    service = officium.get_cashflow_prediction_service()
    deal = officium.DealForPrediction(deal_id=1, deal_title="Project Alpha", stage="Order Received")
    asked = officium.CashflowPredictionInput(
        pipeline_name="Aramco Projects", horizon_days=90, granularity="week"
    )

    result = await service.predict_cashflow(asked, [deal])

    assert service is officium.get_cashflow_prediction_service()
    assert result.metadata.deals_analyzed == 1
    assert result.per_deal_predictions[0].deal_title == "Project Alpha"
