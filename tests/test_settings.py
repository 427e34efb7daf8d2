"""What is read from the environment."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr

from officium.core.llm.providers.catalog import PROVIDERS
from officium.settings import (
    Settings,
    SettingsInvalid,
    load_settings,
    provider_variables,
    setting_variables,
    unknown_variables,
)

EXAMPLE = Path(__file__).resolve().parents[1] / ".env.example"
ISSUER = '[{"issuer": "https://id.example.com", "audience": "officium", "tenant_claim": "org_id"}]'


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Nothing set, and a working directory without `.env`."""
    for row in PROVIDERS.values():
        for variable in provider_variables(row).values():
            monkeypatch.delenv(variable, raising=False)
    for variable in setting_variables().values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


def all_variables() -> set[str]:
    rows = [provider_variables(row).values() for row in PROVIDERS.values()]
    return {*setting_variables().values()}.union(*rows)


def test_defaults_are_those_that_are_documented():
    settings = load_settings()

    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path("data"))
    assert (settings.fireworks_max_tokens, settings.fireworks_temperature) == (2048, 0.7)
    assert settings.resolved_database_url == "sqlite:///data/officium.db"
    assert settings.mock_enabled
    assert not settings.debug
    assert settings.providers == {}


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("OFFICIUM_PORT", "9000", "port", 9000),
        ("OFFICIUM_DATA_DIR", "/srv/data", "data_dir", Path("/srv/data")),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("DEBUG", "False", "debug", False),
        ("OFFICIUM_MOCK", "false", "mock_enabled", False),
        ("OFFICIUM_CORS_ORIGINS", "https://a, https://b,", "cors_origins", ("https://a", "https://b")),
        ("OFFICIUM_FORWARDED_ALLOW_IPS", "10.0.0.1", "forwarded_allow_ips", ("10.0.0.1",)),
        ("OFFICIUM_ALLOWED_PRIVATE_HOSTS", "ollama, ::1", "allowed_private_hosts", ("ollama", "::1")),
        ("OFFICIUM_REDIS_URL", "", "redis_url", None),
        ("OFFICIUM_DRAIN_TIMEOUT_S", "0", "drain_timeout_s", 0),
        ("FIREWORKS_TEMPERATURE", "0.2", "fireworks_temperature", 0.2),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
def test_a_variable_sets_its_field(monkeypatch, variable, text, field, value):
    monkeypatch.setenv(variable, text)

    assert getattr(load_settings(), field) == value


def test_env_file_is_read_and_a_variable_wins_over_it(monkeypatch):
    Path(".env").write_text("OFFICIUM_PORT=9001\nOFFICIUM_HOST=0.0.0.0\nGROQ_API_KEY=gsk-file\nOTHER=x\n")
    monkeypatch.setenv("OFFICIUM_PORT", "9002")

    settings = load_settings()

    assert (settings.port, settings.host) == (9002, "0.0.0.0")
    assert settings.providers["groq"].api_key == SecretStr("gsk-file")


def test_an_override_wins_unless_it_says_nothing(monkeypatch):
    monkeypatch.setenv("OFFICIUM_PORT", "9002")

    assert load_settings(port=1234, host=None).port == 1234
    assert load_settings(port=None).port == 9002


def test_providers_are_found_by_the_names_of_the_catalogue(monkeypatch):
    monkeypatch.setenv("FIREWORKS_API_KEY", "fw")
    monkeypatch.setenv("FIREWORKS_MODEL", "accounts/fireworks/models/other")
    monkeypatch.setenv("HF_TOKEN", "hf")
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://gpu:11434/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "  ")

    found = load_settings().providers

    assert set(found) == {"fireworks", "huggingface", "ollama"}
    assert found["fireworks"].model == "accounts/fireworks/models/other"
    assert found["huggingface"].api_key == SecretStr("hf")
    assert (found["ollama"].base_url, found["ollama"].api_key) == ("http://gpu:11434/v1", None)


def test_issuers_are_read_from_json(monkeypatch):
    monkeypatch.setenv("OFFICIUM_JWT_ISSUERS", ISSUER)

    (issuer,) = load_settings().jwt_issuers

    assert (issuer.issuer, issuer.audience) == ("https://id.example.com", ("officium",))


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("OFFICIUM_PORT", "ninety", "OFFICIUM_PORT: input should be a valid integer"),
        ("OFFICIUM_PORT", "99999", "OFFICIUM_PORT: input should be less than or equal to 65535"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: input should be 'DEBUG', 'INFO'"),
        ("DEBUG", "maybe", "DEBUG: input should be a valid boolean"),
        ("OFFICIUM_IDLE_TIMEOUT_S", "0", "OFFICIUM_IDLE_TIMEOUT_S: input should be greater than 0"),
        ("OFFICIUM_IDLE_TIMEOUT_S", "nan", "OFFICIUM_IDLE_TIMEOUT_S: "),
        ("OFFICIUM_JWT_ISSUERS", "{", "OFFICIUM_JWT_ISSUERS: is no valid JSON"),
        ("OFFICIUM_JWT_ISSUERS", "{}", "OFFICIUM_JWT_ISSUERS: input should be a JSON list"),
        (
            "OFFICIUM_JWT_ISSUERS",
            '[{"issuer": "x"}]',
            "OFFICIUM_JWT_ISSUERS[0].issuer: must be an https:// address",
        ),
    ],
    ids=[
        "no-number",
        "too-large",
        "no-level",
        "no-yes-or-no",
        "zero",
        "nan",
        "no-json",
        "no-list",
        "inside-json",
    ],
)
def test_a_bad_value_is_explained_in_a_sentence(monkeypatch, variable, text, sentence):
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsInvalid) as caught:
        load_settings()

    assert sentence in str(caught.value)


def test_every_bad_value_is_named_at_once_and_none_is_shown(monkeypatch):
    monkeypatch.setenv("OFFICIUM_PORT", "s3cret-port")
    monkeypatch.setenv("OFFICIUM_MAX_RETRIES", "s3cret-count")

    with pytest.raises(SettingsInvalid) as caught:
        load_settings()

    assert len(str(caught.value).splitlines()) == 2
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_secrets_are_not_shown(monkeypatch):
    for variable in ("OFFICIUM_DATABASE_URL", "OFFICIUM_REDIS_URL", "OFFICIUM_SECRET_KEY", "GROQ_API_KEY"):
        monkeypatch.setenv(variable, "s3cret-" * 10)

    assert "s3cret" not in repr(load_settings())


def test_misspelt_variables_are_found():
    names = [
        "OFFICIUM_PROT",
        "OFFICIUM_PORT",
        "OFFICIUM_URL",
        "OFFICIUM_KEY",
        "OFFICIUM_TEST_REDIS_URL",
        "PATH",
    ]

    assert unknown_variables(names) == ["OFFICIUM_PROT"]


def test_the_example_lists_every_setting_once_with_a_comment():
    lines = EXAMPLE.read_text().splitlines()
    described = [
        line.partition("=")[0]
        for before, line in pairwise(lines)
        if re.match(r"[A-Z_]+=", line) and re.match(r"# \S", before) and "---" not in before
    ]

    assert sorted(described) == sorted(all_variables())
    assert sum(bool(re.match(r"[A-Z_]+=", line)) for line in lines) == len(described)


def test_the_example_changes_nothing():
    bare = load_settings()

    Path(".env").write_text(EXAMPLE.read_text())
    example = load_settings()

    said = {name: provider.model for name, provider in example.providers.items()}
    assert said == {"fireworks": PROVIDERS["fireworks"].default_model}
    assert bare.model_dump(exclude={"providers"}) == example.model_dump(exclude={"providers"})


def test_every_setting_is_described():
    fields = {name: field for name, field in Settings.model_fields.items() if name != "providers"}

    assert [name for name, field in fields.items() if not field.description] == []


OIDC = {"OFFICIUM_OIDC_ISSUER": "https://id.example.com/realms/staff", "OFFICIUM_OIDC_CLIENT_ID": "officium"}


def test_identity_provider_is_put_together_from_its_settings(monkeypatch):
    said = {
        **OIDC,
        "OFFICIUM_OIDC_CLIENT_SECRET": "s",
        "OFFICIUM_OIDC_ROLE_CLAIM": "realm_access.roles",
        "OFFICIUM_OIDC_ROLE_MAP": '{"boss": "admin"}',
        "OFFICIUM_OIDC_CREATE_MEMBERS": "true",
        "OFFICIUM_OIDC_EMAIL_DOMAINS": "Example.com, example.org",
        "OFFICIUM_OIDC_TENANT": "org_1",
        "OFFICIUM_OIDC_PASSWORDS": "refuse",
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)

    provider = load_settings().identity_provider()

    assert provider is not None
    assert provider.role_map == {"boss": "admin"}
    assert provider.email_domains == {"example.com", "example.org"}
    assert provider.refuses_passwords
    assert "s" not in repr(provider.client_secret)


def test_without_an_issuer_there_is_no_identity_provider():
    assert load_settings().identity_provider() is None


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"CLIENT_ID": ""}, "OFFICIUM_OIDC_ISSUER needs OFFICIUM_OIDC_CLIENT_ID."),
        ({"ISSUER": "http://id.example.com"}, "OFFICIUM_OIDC_ISSUER: must be an https:// address"),
        ({"SCOPES": "email"}, "OFFICIUM_OIDC_SCOPES: must contain openid"),
        ({"CREATE_MEMBERS": "true"}, "needs OFFICIUM_OIDC_EMAIL_DOMAINS"),
        ({"CREATE_MEMBERS": "true", "EMAIL_DOMAINS": "x.example"}, "needs OFFICIUM_OIDC_TENANT or"),
        ({"ROLE_MAP": '{"boss": "admin"}'}, "OFFICIUM_OIDC_ROLE_MAP needs OFFICIUM_OIDC_ROLE_CLAIM"),
        (
            {"ROLE_CLAIM": "r", "ROLE_MAP": '{"boss": "owner"}'},
            "OFFICIUM_OIDC_ROLE_MAP.boss: input should be",
        ),
        ({"DEFAULT_ROLE": "owner"}, "OFFICIUM_OIDC_DEFAULT_ROLE: input should be"),
        ({"PASSWORDS": "never"}, "OFFICIUM_OIDC_PASSWORDS: input should be"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_identity_provider_that_is_said_in_part_is_refused(monkeypatch, said, sentence):
    for name, value in {**OIDC, **{f"OFFICIUM_OIDC_{name}": value for name, value in said.items()}}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsInvalid) as refused:
        load_settings()

    assert sentence in str(refused.value)


@pytest.mark.parametrize("url", ["ai.example.com", "https://ai.example.com/app", "ftp://ai.example.com"])
def test_public_url_has_no_path(monkeypatch, url):
    monkeypatch.setenv("OFFICIUM_PUBLIC_URL", url)

    with pytest.raises(SettingsInvalid, match="OFFICIUM_PUBLIC_URL"):
        load_settings()
