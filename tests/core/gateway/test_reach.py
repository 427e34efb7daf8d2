"""What one caller can ask: whose configuration, whose key, and to which address it goes."""

from typing import Any

import pytest

from officium.core.config import ConfigNotFound, NoDefaultConfig, OpenedConfig
from officium.core.gateway.errors import (
    ConfigFetchFailed,
    ModelNotAllowed,
    ProviderNotConfigured,
    UnknownModel,
)
from officium.core.gateway.policy import ModelPolicy
from officium.core.gateway.reach import Environment, ProviderAccess, Reach
from officium.core.llm.deployment import RequestDefaults
from officium.kit.secrets import Secret
from tests.support.clock import HandClock

ENVIRONMENT = Environment(
    access={
        "openai": ProviderAccess(
            base_url="https://proxy.corp/v1", api_key="env-openai", default_model="gpt-e"
        ),
        "ollama": ProviderAccess(base_url="http://localhost:11434/v1", api_key="env-ollama"),
    },
    addresses={"openai": "https://proxy.corp/v1", "groq": "https://groq.corp/v1"},
)


def a_config(id: str = "llc_1", **said: Any) -> OpenedConfig:
    """The tenant's configuration for OpenAI, unless it says something else."""
    values: dict[str, Any] = {
        "owner_id": None,
        "provider": "openai",
        "model": "gpt-c",
        "temperature": 0.3,
        "max_tokens": 4096,
        "is_default": False,
        "api_key": Secret(f"key-of-{id}"),
        "api_url": None,
        "version": 1,
        **said,
    }
    return OpenedConfig(id=id, **values)


def test_environment_answers_where_nothing_is_configured() -> None:
    found = Reach(ENVIRONMENT).deployment("openai/gpt-x")

    assert (found.base_url, found.api_key, found.is_guarded) == ("https://proxy.corp/v1", "env-openai", False)
    assert found.defaults is None


def test_own_configuration_comes_before_the_tenants_and_that_before_the_environment() -> None:
    own, shared = a_config("llc_2", owner_id="mem_1"), a_config("llc_1")

    keys = [
        Reach(ENVIRONMENT, configs).deployment("openai/gpt-x").api_key
        for configs in ([own, shared], [shared], [])
    ]

    assert keys == ["key-of-llc_2", "key-of-llc_1", "env-openai"]


def test_own_configuration_wins_over_the_tenants_that_names_the_model() -> None:
    own, shared = a_config("llc_2", owner_id="mem_1"), a_config("llc_1", model="gpt-x", is_default=True)

    assert Reach(ENVIRONMENT, [own, shared]).deployment("openai/gpt-x").api_key == "key-of-llc_2"


def test_among_several_the_one_that_names_the_model_then_the_default_then_the_oldest() -> None:
    configs = [a_config("llc_1"), a_config("llc_2", is_default=True), a_config("llc_3", model="gpt-x")]

    def key(name: str, *configs: OpenedConfig) -> str | None:
        return Reach(ENVIRONMENT, configs).deployment(name).api_key

    assert key("openai/gpt-x", *configs) == "key-of-llc_3"
    assert key("openai/gpt-y", *configs) == "key-of-llc_2"
    assert key("openai/gpt-y", configs[0], configs[2]) == "key-of-llc_1"


def test_provider_alone_means_the_model_of_its_configuration() -> None:
    assert Reach(ENVIRONMENT, [a_config(model="gpt-c")]).deployment("openai").name == "openai/gpt-c"
    assert Reach(ENVIRONMENT).deployment("openai").name == "openai/gpt-e"


def test_claude_is_another_name_of_anthropic() -> None:
    reach = Reach(ENVIRONMENT, [a_config(provider="anthropic", model="claude-m")])

    assert reach.deployment("claude").name == "anthropic/claude-m"
    assert reach.deployment("claude/claude-n").api_key == "key-of-llc_1"
    assert reach.deployment("claude-n").api_key == "key-of-llc_1"


def test_key_of_the_environment_never_goes_to_an_address_of_the_tenant() -> None:
    config = a_config(api_key=None, api_url="https://evil.example/v1")

    for name in ("openai/gpt-x", "openai", "config:llc_1"):
        found = Reach(ENVIRONMENT, [config]).deployment(name)
        assert (found.base_url, found.api_key, found.is_guarded) == ("https://evil.example/v1", None, True)


def test_address_of_the_tenant_is_guarded_though_it_is_the_providers_own() -> None:
    found = Reach(ENVIRONMENT, [a_config(api_url="https://api.openai.com/v1")]).deployment("openai")

    assert found.is_guarded
    assert found.api_key == "key-of-llc_1"


@pytest.mark.parametrize(
    ("provider", "base_url"),
    [
        pytest.param("openai", "https://proxy.corp/v1", id="the operator's access"),
        pytest.param("groq", "https://groq.corp/v1", id="the operator's address"),
        pytest.param("anthropic", "https://api.anthropic.com", id="the provider's own"),
        pytest.param("ollama", "http://localhost:11434/v1", id="the operator's own machine"),
    ],
)
def test_configuration_without_an_address_goes_where_the_operator_says(provider: str, base_url: str) -> None:
    found = Reach(ENVIRONMENT, [a_config(provider=provider)]).deployment(provider)

    assert (found.base_url, found.api_key, found.is_guarded) == (base_url, "key-of-llc_1", False)


def test_configuration_without_key_and_address_uses_those_of_the_environment() -> None:
    found = Reach(ENVIRONMENT, [a_config(provider="ollama", api_key=None)]).deployment("ollama/qwen")

    assert (found.base_url, found.api_key) == ("http://localhost:11434/v1", "env-ollama")


@pytest.mark.parametrize("provider", ["llamacpp", "vllm", "mock"])
def test_local_provider_without_any_address_is_not_guessed(provider: str) -> None:
    with pytest.raises(ProviderNotConfigured):
        Reach(ENVIRONMENT, [a_config(provider=provider, api_key=None)]).deployment(f"{provider}/m")


def test_settings_of_a_configuration_come_with_its_own_model_alone() -> None:
    reach = Reach(ENVIRONMENT, [a_config(model="gpt-c", temperature=0.5, max_tokens=99)])

    own = RequestDefaults(temperature=0.5, max_tokens=99)
    assert [reach.deployment(name).defaults for name in ("openai", "openai/gpt-c", "openai/gpt-x")] == [
        own,
        own,
        None,
    ]


def test_temperature_that_the_model_refuses_is_no_default() -> None:
    found = Reach(ENVIRONMENT, [a_config(model="gpt-6-luna")]).deployment("openai")

    assert found.defaults == RequestDefaults(temperature=None, max_tokens=4096)


def test_default_is_the_users_then_the_tenants_then_the_environments() -> None:
    own = a_config("llc_2", owner_id="mem_1", model="gpt-own", is_default=True)
    plain = a_config("llc_3", owner_id="mem_1", model="gpt-plain")
    shared = a_config("llc_1", model="gpt-shared", is_default=True)

    names = [
        Reach(ENVIRONMENT, configs).deployment("default").name
        for configs in ([own, plain, shared], [plain, shared], [])
    ]

    assert names == ["openai/gpt-own", "openai/gpt-shared", "openai/gpt-e"]


def test_default_of_the_environment_may_be_named() -> None:
    environment = Environment(access=ENVIRONMENT.access, default_model="ollama/qwen")

    assert Reach(environment).deployment("default").name == "ollama/qwen"


def test_no_default_anywhere_is_said() -> None:
    with pytest.raises(NoDefaultConfig, match=r"^No default LLM configuration found"):
        Reach(Environment(access={})).deployment("default")


def test_default_that_could_not_be_fetched_is_said_only_where_it_is_needed() -> None:
    fault = ConfigFetchFailed("Failed to fetch LLM config")
    own = a_config(is_default=True)

    with pytest.raises(ConfigFetchFailed):
        Reach(ENVIRONMENT, fault=fault).deployment("default")
    assert Reach(ENVIRONMENT, [own], fault=fault).deployment("default").name == "openai/gpt-c"
    assert Reach(ENVIRONMENT, fault=fault).deployment("openai/gpt-x").api_key == "env-openai"


def test_configuration_can_be_named() -> None:
    reach = Reach(ENVIRONMENT, [a_config("llc_1", is_default=True), a_config("llc_2", model="gpt-2")])

    found = reach.deployment("config:llc_2")

    assert (found.name, found.api_key) == ("openai/gpt-2", "key-of-llc_2")
    with pytest.raises(ConfigNotFound):
        reach.deployment("config:llc_3")


def test_configuration_of_a_provider_that_is_gone_says_so() -> None:
    with pytest.raises(ProviderNotConfigured, match="Change the configuration"):
        Reach(ENVIRONMENT, [a_config(provider="gone", is_default=True)]).deployment("default")


def test_listed_are_configured_providers_and_those_of_the_environment() -> None:
    configs = [a_config(provider="anthropic", model="claude-m"), a_config("llc_2", provider="vllm")]

    listed = {found.provider.name: found.api_key for found in Reach(ENVIRONMENT, configs).listed()}

    assert listed == {"openai": "env-openai", "ollama": "env-ollama", "anthropic": "key-of-llc_1"}


def a_policy(*allowed: str) -> ModelPolicy:
    return ModelPolicy(subject="tenant", allowed=allowed, updated_at=HandClock().now(), updated_by="key:1")


def test_deployments_that_are_not_allowed_are_left_out() -> None:
    reach = Reach(ENVIRONMENT, policies=[a_policy("openai/*", "ollama/qwen"), a_policy("*/qwen", "*/gpt-x")])
    names = ("openai/gpt-x", "ollama/qwen", "openai/gpt-y", "ollama/other")
    deployments = [reach.deployment(name) for name in names]

    assert [found.name for found in reach.admit(deployments, "fast")] == ["openai/gpt-x", "ollama/qwen"]
    with pytest.raises(ModelNotAllowed) as raised:
        reach.admit(deployments[2:], "fast")
    assert raised.value.fields["model"] == "fast"


@pytest.mark.parametrize("name", ["", "nobody/x", "unheard-of"])
def test_name_of_nothing_is_unknown(name: str) -> None:
    with pytest.raises(UnknownModel):
        Reach(ENVIRONMENT, [a_config()]).deployment(name)


def test_nothing_shows_a_key() -> None:
    reach = Reach(ENVIRONMENT, [a_config(is_default=True)])

    assert "key-of" not in repr(reach.deployment("default")) + repr(reach)
