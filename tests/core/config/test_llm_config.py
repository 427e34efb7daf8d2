"""What a configuration may look like, and what becomes of its key."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.config.errors import ConfigChanged, InvalidConfig
from officium.core.config.llm_config import (
    LlmConfig,
    Revised,
    changes_between,
    make_config,
    revise_config,
    touched,
    values_of,
)
from officium.kit.secrets import Secret
from tests.support.configs import KEY, KNOWN, a_change, a_draft

NOW = datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)


def made(**said: Any) -> Revised:
    return make_config(
        a_draft(**said), KNOWN, id="llc_1", tenant_id="ten_1", owner_id=None, actor="key:1", now=NOW
    )


def revised(config: LlmConfig, **said: Any) -> Revised:
    return revise_config(config, a_change(**said), KNOWN, actor="key:2", now=NOW + timedelta(minutes=1))


def test_what_is_not_said_takes_its_default():
    config = made().config

    assert (config.provider, config.model) == ("anthropic", "claude-haiku-5-5")
    assert (config.temperature, config.max_tokens, config.is_default) == (0.3, 4096, False)
    assert (config.version, config.created_by, config.updated_by) == (1, "key:1", "key:1")


@pytest.mark.parametrize("name", ["claude", "Anthropic", " anthropic "])
def test_provider_has_other_names(name: str):
    assert made(provider=name).config.provider == "anthropic"


@pytest.mark.parametrize(
    ("said", "param"),
    [
        pytest.param({"provider": "acme"}, "provider", id="unknown-provider"),
        pytest.param({"provider": ""}, "provider", id="no-provider"),
        pytest.param({"provider": "azure", "model": "gpt"}, "apiConfig.apiUrl", id="provider-needs-address"),
        pytest.param({"provider": "ollama", "api_key": None}, "model", id="provider-without-default-model"),
        pytest.param({"model": " "}, "model", id="blank-model"),
        pytest.param({"model": "m" * 257}, "model", id="long-model"),
        pytest.param({"model": "m\nm"}, "model", id="model-with-line-break"),
        pytest.param({"temperature": -0.1}, "temperature", id="cold"),
        pytest.param({"temperature": 2.1}, "temperature", id="hot"),
        pytest.param({"temperature": float("nan")}, "temperature", id="no-temperature"),
        pytest.param({"max_tokens": 0}, "maxTokens", id="no-tokens"),
        pytest.param({"max_tokens": 1_000_001}, "maxTokens", id="many-tokens"),
        pytest.param({"api_key": None}, "apiConfig.apiKey", id="no-key"),
        pytest.param({"api_key": "  "}, "apiConfig.apiKey", id="blank-key"),
        pytest.param({"api_key": "k" * 4097}, "apiConfig.apiKey", id="long-key"),
        pytest.param({"api_key": "sk-1\r\nX-Evil: 1"}, "apiConfig.apiKey", id="header-injection"),
        pytest.param({"api_key": "sk-1\x00"}, "apiConfig.apiKey", id="nul"),
        pytest.param({"api_key": "schlüssel"}, "apiConfig.apiKey", id="no-ascii"),
        pytest.param({"api_key": "••••abcd"}, "apiConfig.apiKey", id="mask"),
    ],
)
def test_what_makes_no_configuration_is_refused_by_the_name_of_the_part(said: dict[str, Any], param: str):
    with pytest.raises(InvalidConfig) as refused:
        made(**said)

    assert refused.value.fields["param"] == param
    assert not said.get("api_key") or not said["api_key"].strip() or said["api_key"] not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "//host/v1",
        "host/v1",
        "https://",
        "https:///v1",
        "javascript:alert(1)",
        "https://user:password@host/v1",
        "https://user@host",
        "https://host/v1#part",
        "https://host/v1?key=1",
        "https://host\\@other/v1",
        "https://ho st/v1",
        "https://host:99999/v1",
        "https://host:port/v1",
        "https://hôst/v1",
        "https://host/v1\r\nX-Evil: 1",
        "https://host/" + "a" * 2048,
        "https://[::1/v1",
    ],
)
def test_what_is_no_address_is_refused(url: str):
    with pytest.raises(InvalidConfig) as refused:
        made(api_url=url)

    assert refused.value.fields["param"] == "apiConfig.apiUrl"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        (" https://api.openai.com/v1/ ", "https://api.openai.com/v1"),
        ("http://localhost:11434", "http://localhost:11434"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("HTTPS://Host.example/v1", "HTTPS://Host.example/v1"),
        ("", None),
        (None, None),
    ],
)
def test_address_is_kept_as_it_was_said(said: str | None, kept: str | None):
    assert made(api_url=said).config.api_url == kept


@given(url=st.text(max_size=60).map(lambda text: f"https://{text}"))
def test_no_text_makes_an_address_with_a_user_or_a_line_break(url: str):
    try:
        kept = made(api_url=url).config.api_url
    except InvalidConfig:
        return
    assert kept is not None
    assert kept.isascii()
    assert kept.isprintable()
    assert "@" not in kept.split("/")[2]


@pytest.mark.parametrize(
    ("key", "shown"),
    [(KEY, "••••abcd"), ("sk-ant-...", "••••"), ("k" * 11, "••••"), ("0123456789ab", "••••89ab")],
)
def test_only_the_end_of_a_long_key_is_shown(key: str, shown: str):
    assert made(api_key=key).config.masked_key == shown


def test_blanks_around_a_key_are_no_part_of_it():
    assert made(api_key=f" {KEY}\n").new_key == Secret(KEY)


@pytest.mark.parametrize("said", [None, "", "  ", "••••abcd"], ids=["omitted", "empty", "blank", "mask"])
def test_key_stays_where_no_other_is_said(said: str | None):
    again = revised(made().config, api_key=said, temperature=1)

    assert again.new_key is None
    assert again.config.key_hint == "abcd"


def test_mask_of_another_key_is_refused():
    with pytest.raises(InvalidConfig, match="mask"):
        revised(made().config, api_key="••••wxyz")


def test_new_key_replaces_the_old():
    again = revised(made().config, api_key="sk-ant-9876543210-wxyz")

    assert again.new_key == Secret("sk-ant-9876543210-wxyz")
    assert again.config.masked_key == "••••wxyz"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"provider": "openai"}, id="another-provider"),
        pytest.param({"api_url": "https://elsewhere.example/v1"}, id="another-host"),
        pytest.param({"api_url": "https://proxy.example:444/v1"}, id="another-port"),
        pytest.param({"api_url": "http://proxy.example/v1"}, id="without-tls"),
        pytest.param({"api_url": "https://proxy.example.evil.example/v1"}, id="longer-host"),
    ],
)
def test_key_does_not_go_along_to_another_place(said: dict[str, Any]):
    config = made(api_url="https://proxy.example/v1").config

    with pytest.raises(InvalidConfig) as refused:
        revised(config, **said)

    assert refused.value.fields["param"] == "apiConfig.apiKey"
    assert revised(config, **said, api_key="sk-ant-9876543210-wxyz").config.key_hint == "wxyz"


def test_key_given_for_the_providers_own_address_is_not_sent_elsewhere():
    with pytest.raises(InvalidConfig, match="once more"):
        revised(made().config, api_url="https://elsewhere.example")


def test_key_stays_on_the_same_host():
    config = made(api_url="https://proxy.example/v1").config

    again = revised(config, api_url="https://PROXY.example/v2")

    assert (again.config.key_hint, again.config.api_url) == ("abcd", "https://PROXY.example/v2")


def test_key_is_dropped_where_the_new_provider_needs_none():
    again = revised(made().config, provider="ollama", model="llama3")

    assert (again.new_key, again.config.key_hint, again.config.masked_key) == (None, None, None)


def test_model_of_another_provider_is_not_kept():
    config = made(model="claude-3-opus-20240229").config

    again = revised(config, provider="openai", api_key="sk-0123456789-wxyz")

    assert again.config.model == "gpt-6-luna"


def test_change_is_a_new_version():
    config = made().config

    again = revised(config, temperature=1).config

    assert (again.version, again.updated_by, again.created_by) == (2, "key:2", "key:1")
    assert again.updated_at > config.updated_at


def test_time_of_the_change_grows_in_whole_milliseconds():
    config = made().config

    again = touched(config, "key:1", NOW)

    assert config.updated_at.microsecond == 123000
    assert again.updated_at - config.updated_at == timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param({"version": 2}, id="version"),
        pytest.param({"updated_at": NOW - timedelta(milliseconds=1)}, id="time"),
        pytest.param({"version": 1, "updated_at": NOW + timedelta(seconds=1)}, id="one-of-both"),
    ],
)
def test_change_of_a_state_that_is_gone_is_refused(seen: dict[str, Any]):
    with pytest.raises(ConfigChanged) as refused:
        revised(made().config, temperature=1, **seen)

    assert refused.value.fields["version"] == 1


@pytest.mark.parametrize("seen", [{"version": 1}, {"updated_at": NOW}, {"version": 1, "updated_at": NOW}])
def test_change_of_the_state_that_was_seen_is_made(seen: dict[str, Any]):
    assert revised(made().config, temperature=1, **seen).config.temperature == 1


def test_what_is_written_down_has_no_key():
    assert values_of(made().config)["api_key"] == "••••abcd"
    assert KEY not in repr(made())


def test_new_key_is_a_change_even_if_it_ends_like_the_old():
    config = made().config

    assert changes_between(config, config, is_new_key=True) == {"api_key": ("••••abcd", "••••abcd")}
    assert changes_between(config, config, is_new_key=False) == {}
