"""Officium without the server: the client and its companions, with their defaults from the environment.

Who answers: the provider you name, else the one your model's name gives away, else Fireworks if its key is
set, else the first provider whose key is set, else the scripted one, which needs no key and no network.
`<PROVIDER>_API_KEY`, `<PROVIDER>_MODEL`, `<PROVIDER>_MAX_TOKENS` and `<PROVIDER>_TEMPERATURE` are read.
"""

import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import structlog

from officium.core.llm import client as core
from officium.core.llm.chat import LLMMessage, LLMResponse, LLMStreamChunk, MessageLike
from officium.core.llm.deployment import Deployment, Provider
from officium.core.llm.errors import LLMAuthenticationError
from officium.core.llm.http import Transport
from officium.core.llm.http1 import Http1Transport
from officium.core.llm.providers import PROVIDERS, find_provider
from officium.core.llm.retry import RetryPolicy
from officium.core.llm.scheme import SchemeTransport
from officium.core.llm.streaming import StreamOptions, api_logger, stream_chunks, stream_options
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest
from officium.testing import ScriptedTransport

if TYPE_CHECKING:
    from officium.apps.cashflow.prediction_service import CashflowPredictionService
    from officium.apps.personas.prompt_context import PromptContext
    from officium.core.gateway.config_fetcher import LLMConfigFetcher
    from officium.core.prompts import PromptRegistry
    from officium.core.prompts.golden import GoldenCase
    from officium.core.usage.limits import RateLimiter

__all__ = [
    "LLMClient",
    "LLMMessage",
    "LLMResponse",
    "LLMStreamChunk",
    "StreamOptions",
    "build_persona_prompt",
    "get_cashflow_prediction_service",
    "get_config_fetcher",
    "get_llm_client",
    "get_prompt_registry",
    "load_golden_sets",
    "load_prompt_registry",
    "stream_completion",
]

_FIREWORKS_MAX_TOKENS = 2048
_FIREWORKS_TEMPERATURE = 0.7
_ROOMS_WITH_PROMPTS = ("personas", "widget", "writer", "cashflow", "rules")
"""Packages of `officium.apps` with a folder `prompts`. Reading it does not import the package."""


class ClientOptions(TypedDict, total=False):
    """What may be said of a client besides who answers."""

    temperature: float | None
    max_tokens: int | None
    clock: Clock | None
    timeout_s: float
    max_retries: int
    max_corrections: int
    retry: RetryPolicy | None


class LLMClient(core.LLMClient):
    """Asks models and keeps count of tokens and cost; what is not said comes from the environment.

    `model` may be `provider/model` where no provider is named. Raises LLMAuthenticationError where the
    provider's key is not set, and InvalidRequest for an unknown provider.
    """

    def __init__(
        self,
        provider: str | None = None,
        model: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        deployments: Sequence[Deployment] = (),
        transport: Transport | None = None,
        max_connections: int = 10,
        **more: Unpack[ClientOptions],
    ) -> None:
        _keep_logs_quiet()
        if not deployments:
            row, model = _choose(provider, model)
            env = _Environment(row)
            deployments = (
                core.make_deployment(
                    row.name, model or env.read("MODEL"), api_key or env.key(base_url), base_url
                ),
            )
        super().__init__(
            deployments=deployments,
            transport=transport or _make_transport(max_connections),
            max_connections=max_connections,
            **more,
        )


_shared: dict[str, LLMClient] = {}
_registries: dict[str, "PromptRegistry"] = {}
_limiters: dict[str, "RateLimiter"] = {}
_forecasters: dict[str, "CashflowPredictionService"] = {}


def get_llm_client() -> LLMClient:
    """The client that everything in this process shares; made at the first call."""
    if "client" not in _shared:
        _shared["client"] = LLMClient()
    return _shared["client"]


def get_prompt_registry() -> "PromptRegistry":
    """The prompts that everything in this process shares, at first those that come with Officium.

    `get_prompt_registry().render_prompt(name, variables)` gives the system text and the user text.
    """
    if "registry" not in _registries:
        _registries["registry"] = load_prompt_registry()
    return _registries["registry"]


def load_prompt_registry() -> "PromptRegistry":
    """A registry of its own with the prompts that come with Officium."""
    return _shipped_prompts().copy()


@cache
def _shipped_prompts() -> "PromptRegistry":
    from officium.core.prompts import PromptRegistry

    apps = resources.files("officium.apps")
    return PromptRegistry.read(*(apps / room / "prompts" for room in _ROOMS_WITH_PROMPTS))


def load_golden_sets() -> "dict[str, Sequence[GoldenCase]]":
    """The golden sets that come with Officium, by the names of their prompts."""
    from officium.core.prompts.golden import read_golden_sets

    apps = resources.files("officium.apps")
    return read_golden_sets(*(apps / room / "golden" for room in _ROOMS_WITH_PROMPTS))


async def build_persona_prompt(
    user_message: str, context: "PromptContext | Mapping[str, Any]", persona_type: str
) -> list[LLMMessage]:
    """The messages that ask a persona (`ceo`, `cfo`, `cmo` or `cto`); the first one is its system prompt.

    `context` may be a mapping in either spelling; what is missing in it is left out. The prompt stays under
    4,000 tokens: the oldest of the conversation is dropped first, then the oldest insights. Raises
    UnknownPersona and InvalidQuestion.
    """
    from officium.apps.personas.persona import checked_persona, prompt_name
    from officium.apps.personas.persona_prompt import as_context, compose

    persona = checked_persona(persona_type)
    version = get_prompt_registry().get(prompt_name(persona))
    return list(compose(version, persona, user_message, as_context(context)).messages)


def get_cashflow_prediction_service() -> "CashflowPredictionService":
    """What predicts deals for everything in this process; the shared client reads them. Made at first use.

    Hand it the deals: `await get_cashflow_prediction_service().predict_cashflow(input, deals)`.
    """
    from officium.apps.cashflow.client_reader import ClientReader
    from officium.apps.cashflow.prediction_service import CashflowPredictionService

    if "service" not in _forecasters:
        reader = ClientReader(get_llm_client(), get_prompt_registry())
        _forecasters["service"] = CashflowPredictionService(reader)
    return _forecasters["service"]


def get_config_fetcher(
    server_url: str | None = None,
    *,
    key: str | None = None,
    interval_minutes: float | None = None,
    transport: Transport | None = None,
    clock: Clock | None = None,
) -> "LLMConfigFetcher":
    """What gets the default configuration from the server that keeps it; close it in the end.

    `server_url`, `key` and `interval_minutes` default to NESTJS_SERVER_URL (port 3000 of this machine),
    OFFICIUM_CONFIG_SERVER_KEY and CONFIG_FETCH_INTERVAL_MINUTES (60). Hand what `get_config()` gives to
    `LLMProviderRegistry().create`.
    """
    # Most of the server comes with it, which programs that only ask models need not wait for.
    from officium.core.gateway.config_fetcher import LLMConfigFetcher, RemoteDefault

    _keep_logs_quiet()
    url = server_url or os.environ.get("NESTJS_SERVER_URL", "").strip() or "http://localhost:3000"
    key = key or os.environ.get("OFFICIUM_CONFIG_SERVER_KEY", "").strip() or None
    minutes = interval_minutes or float(os.environ.get("CONFIG_FETCH_INTERVAL_MINUTES", "").strip() or 60)
    source = RemoteDefault(url, transport or _make_transport(1), key, owns_transport=transport is None)
    return LLMConfigFetcher(source, clock, interval_s=minutes * 60)


async def stream_completion(
    messages: StreamOptions | Mapping[str, Any] | Sequence[MessageLike],
    model: str | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    tenant_id: str | None = None,
    user_id: str | None = None,
    *,
    client: core.LLMClient | None = None,
) -> AsyncIterator[LLMStreamChunk]:
    """Stream an answer, by default from Fireworks; the last chunk has `done` set and the token counts.

    The first argument is a list of messages, or an options object with `messages` and the rest. `tenant_id`
    and `user_id` are for the log. Raises LLMError; without a key, LLMAuthenticationError.
    """
    env = _Environment(PROVIDERS["fireworks"])
    said = stream_options(
        messages,
        model=model,
        temperature=temperature,
        max_tokens=max_tokens,
        tenant_id=tenant_id,
        user_id=user_id,
    )
    is_set = said.model_fields_set
    defaults: dict[str, Any] = {}
    if said.temperature is None or "temperature" not in is_set:
        defaults["temperature"] = env.number("TEMPERATURE", _FIREWORKS_TEMPERATURE)
    if said.max_tokens is None or "max_tokens" not in is_set:
        defaults["max_tokens"] = round(env.number("MAX_TOKENS", _FIREWORKS_MAX_TOKENS))
    options = said.model_copy(update=defaults)
    async for chunk in stream_chunks(client or _fireworks_client(options), options):
        yield chunk


def __getattr__(name: str) -> "RateLimiter":
    """`chat_rate_limiter`: ten chat requests a minute for each key it is asked about, such as a tenant's id.

    It counts in this process. Made when it is first used: its package brings the database along.
    """
    if name != "chat_rate_limiter":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from officium.core.usage.limits import create_rate_limiter

    if name not in _limiters:
        _limiters[name] = create_rate_limiter(key_prefix="rate_limit:chat:", window_ms=60 * 1000, max=10)
    return _limiters[name]


def _fireworks_client(options: StreamOptions) -> LLMClient:
    if "fireworks" not in _shared:
        try:
            _shared["fireworks"] = LLMClient("fireworks")
        except LLMAuthenticationError as error:
            api_logger.error(
                "Error in Fireworks stream",
                error=str(error),
                tenantId=options.tenant_id,
                userId=options.user_id,
            )
            raise
    return _shared["fireworks"]


class _Environment:
    """What the process's environment says of a provider."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def key(self, base_url: str | None) -> str | None:
        """The key; one's own address may do without. Raises LLMAuthenticationError where it is missing."""
        name = self._provider.env_key
        if name is None:
            return None
        key = os.environ.get(name, "").strip()
        if not key and base_url is None:
            raise LLMAuthenticationError(f"{name} not configured", provider=self._provider.name)
        return key or None

    def read(self, name: str) -> str | None:
        return os.environ.get(f"{self._provider.name.upper()}_{name}", "").strip() or None

    def number(self, name: str, otherwise: float) -> float:
        said = self.read(name)
        if said is None:
            return otherwise
        try:
            return float(said)
        except ValueError:
            variable = f"{self._provider.name.upper()}_{name}"
            raise InvalidRequest(f"{variable} must be a number, not {said!r}.", param=variable) from None


def _choose(provider: str | None, model: str | None) -> tuple[Provider, str | None]:
    """Who answers, and the model's name there."""
    if provider is not None:
        row = find_provider(provider)
        if row is None:
            raise InvalidRequest(
                f"There is no provider {provider!r}. Known: {', '.join(PROVIDERS)}.", param="provider"
            )
        return row, model
    if model is not None:
        for row in PROVIDERS.values():
            if model.startswith(row.model_prefixes or "\0"):
                return row, model
        first, _, rest = model.partition("/")
        named = find_provider(first)
        if named is not None and (rest or named.name == "mock"):
            return named, rest or None
    for row in PROVIDERS.values():
        if row.env_key and os.environ.get(row.env_key, "").strip() and row.base_url:
            return row, model
    return PROVIDERS["mock"], model


def _make_transport(max_connections: int) -> Transport:
    scripted = ScriptedTransport()
    return SchemeTransport(Http1Transport(max_connections_per_host=max_connections), {"mock": scripted})


def _keep_logs_quiet() -> None:
    """Hand the log lines to `logging`, unless the program has set up structlog: a library must not print."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=_make_stdlib_logger,
        cache_logger_on_first_use=False,
    )
    logging.getLogger("officium").addHandler(logging.NullHandler())


def _make_stdlib_logger(*names: str) -> logging.Logger:
    return logging.getLogger(names[0] if names else "officium")
