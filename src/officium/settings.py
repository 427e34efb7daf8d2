"""What the process needs from its environment. Only `main` and the commands read it.

Every setting is an environment variable, or a line of the file `.env` in the working directory; a variable
wins over a line, and an empty one counts as not set. `.env.example` lists them all.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from officium.core.llm.deployment import Provider
from officium.core.llm.guard import AddressGuard
from officium.core.llm.providers.catalog import PROVIDERS
from officium.core.tenancy.identity.provider import GivenRole, IdentityProvider, check_public_url
from officium.core.tenancy.issuer import JwtIssuer
from officium.core.usage.limits.rate_limit import parse_limits
from officium.kit.database import sqlite_url
from officium.kit.errors import OfficiumError

PREFIX = "OFFICIUM_"
CLIENT_VARIABLES = ("OFFICIUM_URL", "OFFICIUM_KEY")
"""Where a server is and the key for it, for clients: the guides' examples and `officium chat`."""
_TEST_PREFIX = "OFFICIUM_TEST_"
_MIB = 1024 * 1024


class SettingsInvalid(OfficiumError):
    """The environment says something that cannot be used; the message has a line for each."""

    code = "settings_invalid"


def _as_limits(value: str) -> str:
    parse_limits(value)
    return value


Limits = Annotated[str, AfterValidator(_as_limits)]
"""Rate limits in words, such as `10/1m` or `30/1m, 14400/1d`; `off` for none."""


class ProviderSettings(BaseModel):
    """What the environment says of a provider."""

    model_config = ConfigDict(frozen=True)

    api_key: SecretStr | None = None
    base_url: str | None = None
    model: str | None = None
    rate_limit: Limits | None = None


def _split(value: Any) -> Any:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def _read_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError("is no valid JSON") from error


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _check_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    AddressGuard(hosts)
    return hosts


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Settings(BaseSettings):
    """Everything fixed at start. Times are in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_by_name=True,
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface")
    port: int = Field(8000, ge=1, le=65_535, description="Port to listen on")
    data_dir: Path = Field(Path("./data"), description="Folder of the SQLite database and the secret")
    database_url: SecretStr | None = Field(
        None, description="postgresql://user:password@host/name; SQLite in the data folder when not set"
    )
    redis_url: SecretStr | None = Field(None, description="redis://host:6379/0, shared by several processes")
    secret_key: SecretStr | None = Field(
        None, description="At least 32 random characters; kept in the data folder when not set"
    )
    secret_key_previous: SecretStr | None = Field(
        None, description="The secret before this one, while it is being changed: docs/guides/operate.md"
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = Field(
        "INFO",
        validation_alias=AliasChoices("LOG_LEVEL"),
        description="DEBUG, INFO, WARNING, ERROR or CRITICAL",
    )
    debug: bool = Field(
        False,
        validation_alias=AliasChoices("DEBUG"),
        description="Readable logs and more of them; never in production",
    )
    cors_origins: Words = Field(
        (), description="Web origins whose pages may call, separated by commas; * for all"
    )
    mock_enabled: bool = Field(
        True,
        validation_alias=AliasChoices("OFFICIUM_MOCK"),
        description="Offer the scripted provider, which answers without any key",
    )
    default_model: str | None = Field(None, description="Model or alias used when a request names none")
    personas_llm: bool = Field(
        True, description="Let a model answer for the advisers; off gives canned answers that say so"
    )
    rules_llm: bool = Field(
        True, description="Let a model write rules; off leaves the grammar of plain sentences"
    )

    max_body_bytes: int = Field(20 * _MIB, ge=1024, description="Largest request body")
    max_json_depth: int = Field(64, ge=4, le=512, description="Deepest nesting of a JSON body")
    max_header_count: int = Field(100, ge=10, description="Most headers of a request")
    max_header_bytes: int = Field(32 * 1024, ge=1024, description="Largest head of a request")
    header_timeout_s: Seconds = Field(10, description="Longest wait for the headers of a request")
    body_timeout_s: Seconds = Field(30, description="Longest wait for the body of a request")
    heartbeat_s: Seconds = Field(15, description="Pause after which a silent stream sends a sign of life")
    drain_timeout_s: float = Field(
        30, ge=0, le=3600, description="Time for running requests to end at a stop"
    )
    answer_grace_s: float = Field(
        60, ge=0, le=3600, description="How long a conversation's answer goes on that nobody reads"
    )

    connect_timeout_s: Seconds = Field(5, description="Longest wait for a connection to a provider")
    first_byte_timeout_s: Seconds = Field(60, description="Longest wait for a provider's first word")
    idle_timeout_s: Seconds = Field(60, description="Longest silence within a provider's answer")
    total_timeout_s: Seconds = Field(600, description="Longest time for a provider's whole answer")
    max_retries: int = Field(3, ge=0, le=10, description="Further tries after a failed one")
    max_connections_per_deployment: int = Field(100, ge=1, description="Most connections to one deployment")
    retired_models: Literal["successor", "refuse", "try"] = Field(
        "successor", description="Who answers for a model that was shut down: successor, refuse or try"
    )
    unknown_price: Literal["flat", "record", "refuse", "ceiling"] = Field(
        "flat", description="A call without a known price: flat rate, record without cost, refuse, or ceiling"
    )
    unknown_charge: Literal["streamed", "held"] = Field(
        "streamed",
        description="Charge of a stream whose process died: streamed (as noted) or held (all set aside)",
    )
    price_ceiling: Annotated[str, Field(pattern=r"^\d{1,6}(\.\d{1,6})?/\d{1,6}(\.\d{1,6})?$")] = Field(
        "15/75", description="US dollars per million tokens, input/output, where the ceiling is charged"
    )
    cache_ttl_s: float = Field(
        0, ge=0, le=2_592_000, description="How long an answer is given again to the same request; 0 for not"
    )
    cache_max_bytes: int = Field(
        64 * _MIB, ge=1024, description="Memory for such answers; with Redis the size of the largest one"
    )
    context_cache_minutes: float = Field(
        60, gt=0, le=1440, description="How long a tenant's capability catalogue is used without reading it"
    )
    trust_env: bool = Field(False, description="Reach providers through HTTP_PROXY, HTTPS_PROXY and NO_PROXY")
    allowed_private_hosts: Annotated[Words, AfterValidator(_check_hosts)] = Field(
        (),
        description="Hosts, host:port or 10.1.0.0/16 that tenants' addresses may lead to besides public ones",
    )

    rate_limit_chat: Limits = Field(
        "10/1m", description="Chat requests a tenant may make; off for any number"
    )
    rate_limit_general: Limits = Field(
        "100/15m", description="Other requests a tenant may make; off for any number"
    )
    rate_limit_strict: Limits = Field(
        "5/1h",
        description="Changes of configuration, bulk deletions and the like; off for any number",
    )
    rate_limit_gateway: Limits = Field(
        "off", description="Requests to /v1/* a tenant may make, such as 600/1m, and 200000 tokens/1m"
    )
    rate_limit_widget_session: Limits = Field(
        "20/1m, 300/1d", description="Messages a visitor of a chat widget may send; off for any number"
    )
    rate_limit_widget_address: Limits = Field(
        "60/1m, 2000/1d", description="Messages from one address to one server's widgets; off for any number"
    )
    rate_limit_widget: Limits = Field(
        "600/1m", description="Messages all visitors of a widget may send; off for any number"
    )
    rate_limit_widget_openings: Limits = Field(
        "30/1m", description="Sessions of visitors that one address may open; off for any number"
    )
    rate_limit_on_redis_loss: Literal["local", "open", "closed"] = Field(
        "local",
        description="Without Redis: count in this process (local), let all pass (open) or refuse (closed)",
    )
    queue_size: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Requests of a tenant that may wait instead of being refused; 0 for none",
    )
    queue_wait_s: Seconds = Field(30, description="Longest wait in that queue")

    knowledge_encoder: Literal["local", "none"] = Field(
        "local", description="Reads what questions mean: local (on this machine), or none (words alone)"
    )
    knowledge_memory_bytes: int = Field(
        256 * _MIB, ge=1024, description="Memory for the knowledge bases that are searched"
    )

    contents_allowed: bool = Field(
        True, description="Let tenants keep prompts and answers in their request log, sealed, for some days"
    )
    usage_log_days: int | None = Field(
        None, ge=1, le=36_500, description="Most days a line of the usage log is kept; for ever when not set"
    )

    smtp_url: SecretStr | None = Field(
        None, description="smtp://user:password@host:587 or smtps://…, for alerts by e-mail"
    )
    smtp_from: str = Field("officium@localhost", description="Address alerts by e-mail come from")

    jwt_issuers: Annotated[tuple[JwtIssuer, ...], NoDecode, BeforeValidator(_read_json)] = Field(
        (),
        description="Identity providers whose sessions count, a JSON list: docs/guides/sign-in-with-oidc.md",
    )
    oidc_issuer: str | None = Field(
        None,
        description="Identity provider people sign in to the console with: docs/guides/sign-in.md",
    )
    oidc_client_id: str | None = Field(None, description="What that provider calls this server")
    oidc_client_secret: SecretStr | None = Field(
        None, description="The secret it gave this server; none for a public client"
    )
    oidc_scopes: str = Field(
        "openid email profile", description="What it is asked to say, with spaces between"
    )
    oidc_label: str | None = Field(
        None, max_length=60, description="What the button calls it, such as Keycloak"
    )
    oidc_email_claim: str = Field("email", description="Claim with the person's e-mail address")
    oidc_email_verified_claim: str = Field(
        "email_verified", description="Claim that says whether the address was verified"
    )
    oidc_trust_email: bool = Field(
        False, description="Take every address for verified: only where nobody chooses their own"
    )
    oidc_tenant: str | None = Field(
        None, description="The tenant people sign in to, by external id or id; where they are members if none"
    )
    oidc_tenant_claim: str | None = Field(
        None, description="Claim that names the tenant instead, by external id or id"
    )
    oidc_role_claim: str | None = Field(
        None,
        description="Claim that decides the role at each sign-in; owners and people of clients keep theirs",
    )
    oidc_role_map: Annotated[dict[str, GivenRole], NoDecode, BeforeValidator(_read_json)] = Field(
        {}, description="From its words to admin, member or viewer, as JSON; its words are ours if none"
    )
    oidc_default_role: GivenRole = Field(
        "member", description="Role where no claim gives one: admin, member or viewer"
    )
    oidc_create_members: bool = Field(
        False, description="Make members of people nobody has invited, of the domains below"
    )
    oidc_email_domains: Words = Field(
        (), description="Domains whose addresses become members, separated by commas; * for all"
    )
    oidc_passwords: Literal["allow", "refuse"] = Field(
        "allow", description="Passwords of members who have signed in with the provider: allow or refuse"
    )
    public_url: Annotated[str, AfterValidator(check_public_url)] | None = Field(
        None,
        description="Where browsers reach this server, such as https://ai.example.com; as they say if none",
    )
    forwarded_allow_ips: Words = Field(
        (),
        description="Addresses of proxies whose X-Forwarded-For is believed, separated by commas; * for all",
    )
    metrics_public: bool = Field(False, description="Show /metrics to everyone")
    metrics_token: SecretStr | None = Field(
        None, description="Whoever sends this as a bearer token sees /metrics"
    )

    config_server_url: str | None = Field(
        None,
        validation_alias=AliasChoices("NESTJS_SERVER_URL"),
        description="Server with the default LLM configuration and the rules' catalogue, if not this one",
    )
    config_server_key: SecretStr | None = Field(
        None, description="Sent to that server as a bearer token, if it wants one"
    )
    config_fetch_interval_minutes: float = Field(
        60,
        gt=0,
        le=1440,
        validation_alias=AliasChoices("CONFIG_FETCH_INTERVAL_MINUTES"),
        description="How long a fetched default LLM configuration is used without asking again",
    )

    fireworks_max_tokens: int = Field(
        2048,
        ge=1,
        validation_alias=AliasChoices("FIREWORKS_MAX_TOKENS"),
        description="Longest answer of Fireworks' models",
    )
    fireworks_temperature: float = Field(
        0.7,
        ge=0,
        le=2,
        validation_alias=AliasChoices("FIREWORKS_TEMPERATURE"),
        description="Temperature of Fireworks' models",
    )

    providers: dict[str, ProviderSettings] = {}
    """By the name of the catalogue's row; only those of which the environment says something."""

    @model_validator(mode="after")
    def _check_provider(self) -> "Settings":
        self.identity_provider()
        return self

    def identity_provider(self) -> IdentityProvider | None:
        """The provider people sign in to the console with. Raises ValueError where it is said in part."""
        if self.oidc_issuer is None:
            return None
        if self.oidc_client_id is None:
            raise ValueError("OFFICIUM_OIDC_ISSUER needs OFFICIUM_OIDC_CLIENT_ID.")
        try:
            return IdentityProvider(
                issuer=self.oidc_issuer,
                client_id=self.oidc_client_id,
                client_secret=self.oidc_client_secret,
                scopes=self.oidc_scopes,
                label=self.oidc_label,
                email_claim=self.oidc_email_claim,
                email_verified_claim=self.oidc_email_verified_claim,
                trusts_email=self.oidc_trust_email,
                tenant=self.oidc_tenant,
                tenant_claim=self.oidc_tenant_claim,
                role_claim=self.oidc_role_claim,
                role_map=self.oidc_role_map,
                default_role=self.oidc_default_role,
                creates_members=self.oidc_create_members,
                email_domains=frozenset(domain.lower() for domain in self.oidc_email_domains),
                refuses_passwords=self.oidc_passwords == "refuse",
            )
        except ValidationError as error:
            fault = error.errors()[0]
            place = f"OFFICIUM_OIDC_{str(fault['loc'][0]).upper()}: " if fault["loc"] else ""
            raise ValueError(f"{place}{fault['msg'].removeprefix('Value error, ')}.") from None

    @property
    def redis_url_text(self) -> str | None:
        """The address of Redis, in clear."""
        return self.redis_url.get_secret_value() if self.redis_url else None

    @property
    def secret_key_text(self) -> str | None:
        """The server's secret, in clear."""
        return self.secret_key.get_secret_value() if self.secret_key else None

    @property
    def previous_secret_key_text(self) -> str | None:
        """The secret before the present one, in clear."""
        return self.secret_key_previous.get_secret_value() if self.secret_key_previous else None

    @property
    def resolved_database_url(self) -> str:
        """Where the database is, in clear: the configured one, else SQLite in the data folder."""
        return self.database_url.get_secret_value() if self.database_url else sqlite_url(self.data_dir)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        variables = {
            **cast("DotEnvSettingsSource", dotenv_settings).env_vars,
            **cast("EnvSettingsSource", env_settings).env_vars,
        }
        return init_settings, _ProviderSource(settings_cls, variables), env_settings, dotenv_settings


class _ProviderSource(PydanticBaseSettingsSource):
    """Reads the variables of each provider in the catalogue. `variables` have names in lower case."""

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str | None]) -> None:
        super().__init__(settings_cls)
        self._variables = variables

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        said = {row.name: dict(self._read(row)) for row in PROVIDERS.values()}
        return {"providers": {name: values for name, values in said.items() if values}}

    def _read(self, row: Provider) -> Iterator[tuple[str, str]]:
        for field, variable in provider_variables(row).items():
            value = (self._variables.get(variable.lower()) or "").strip()
            if value:
                yield field, value


def provider_variables(row: Provider) -> dict[str, str]:
    """A provider's environment variables by the field of `ProviderSettings`; none for the scripted one."""
    if row.name == "mock":
        return {}
    name = row.name.upper()
    found = {"api_key": row.env_key or f"{name}_API_KEY"}
    return found | {
        "base_url": f"{name}_BASE_URL",
        "model": f"{name}_MODEL",
        "rate_limit": f"{name}_RATE_LIMIT",
    }


def setting_variables() -> dict[str, str]:
    """The environment variable of each setting of our own, by its field."""
    found = {}
    for name, field in Settings.model_fields.items():
        if name != "providers":
            alias = field.validation_alias
            found[name] = str(alias.choices[0]) if isinstance(alias, AliasChoices) else PREFIX + name.upper()
    return found


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Names that begin like ours and mean nothing, most likely misspelt."""
    known = {*setting_variables().values(), *CLIENT_VARIABLES}
    return sorted(
        name
        for name in environment
        if name.startswith(PREFIX) and name not in known and not name.startswith(_TEST_PREFIX)
    )


def load_settings(**overrides: Any) -> Settings:
    """Read the settings. `overrides` that are not `None` win over the environment. Raises SettingsInvalid."""
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise SettingsInvalid("\n".join(_sentence(fault) for fault in error.errors())) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"The file .env cannot be read ({error}).") from error


def _sentence(fault: Any) -> str:
    """What is wrong with one setting, without its value: that may be a secret."""
    variables = setting_variables()
    if not fault["loc"]:
        return str(fault["msg"]).removeprefix("Value error, ")
    first, *rest = fault["loc"]
    name = variables.get(str(first), str(first))
    if first == "providers" and rest:
        row = PROVIDERS[str(rest[0])]
        name = provider_variables(row).get(str(rest[1]), row.name) if len(rest) > 1 else row.name
        rest = []
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
    reason = fault["msg"].removeprefix("Value error, ").replace("valid tuple", "JSON list")
    return f"{name}{place}: {reason[:1].lower()}{reason[1:]}."
