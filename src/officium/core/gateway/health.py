"""Whether a configuration works, asked of its provider."""

import asyncio
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from officium.core.config import LlmConfig
from officium.core.gateway.call import Answer, CallContext
from officium.core.gateway.errors import ModelNotAllowed, ProviderNotConfigured
from officium.core.gateway.models import ModelService
from officium.core.gateway.reach import CONFIG_PREFIX, DEFAULT
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import (
    LLMAuthenticationError,
    LLMError,
    LLMQuotaError,
    LLMRateLimitError,
    LLMTimeoutError,
    ModelNotFound,
)
from officium.core.llm.message import user
from officium.core.llm.providers.provider_errors import scrub
from officium.core.tenancy import Caller, require
from officium.kit.clock import Clock

INVALID_KEY = "Invalid API key"
LONGEST_CHECK_S = 15.0
APP = "health-check"
"""Under this name the check stands in the usage log."""
_QUESTION = "Answer with the word OK."
_MAX_TOKENS = 16
"""The least that OpenAI's newer models take."""


class HealthReport(Struct, frozen=True, kw_only=True):
    """What became of the check; `message` is for people, and `Invalid API key` where the key is refused.

    `error_code` is that of the error, `None` where there was none.
    """

    status: Literal["healthy", "unhealthy"]
    provider: str
    model: str
    latency_ms: int
    message: str
    error_code: str | None = None


class Configs(Protocol):
    """Knows who may see which configuration."""

    async def get_config(self, caller: Caller, config_id: str, owner_id: str | None = None) -> LlmConfig: ...


class Gateway(Protocol):
    """The metered way to a model; one without retries, so that the first answer counts."""

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer: ...


class _Fault(Struct, frozen=True):
    """What is wrong, for programs and in plain words."""

    code: str
    message: str


class HealthChecker:
    """Asks a configuration's provider for a few words, through the gateway, which accounts for them."""

    def __init__(self, gateway: Gateway, models: ModelService, configs: Configs, clock: Clock) -> None:
        self._gateway = gateway
        self._models = models
        self._configs = configs
        self._clock = clock

    async def check_config(
        self, caller: Caller, config_id: str, owner_id: str | None = None, *, request_id: str
    ) -> HealthReport:
        """Try one configuration. Needs `config:write` unless it is the caller's own.

        Raises ConfigNotFound, PermissionDenied, and what the gateway says of the caller's own limits.
        """
        config = await self._configs.get_config(caller, config_id, owner_id)
        if config.owner_id is None or config.owner_id != caller.member_id:
            require(caller, "config:write")
        if not config.is_enabled:
            return HealthReport(
                status="unhealthy",
                provider=config.provider,
                model=config.model,
                latency_ms=0,
                message="The configuration is switched off. Switch it on, then try it.",
            )
        self._models.forget(caller.tenant_id)  # another replica may have changed it a moment ago
        return await self._check(
            caller, f"{CONFIG_PREFIX}{config.id}", config.provider, config.model, request_id
        )

    async def check_default(self, caller: Caller, *, request_id: str) -> HealthReport:
        """Try what answers where nobody names a model. Needs `config:write`.

        Raises NoDefaultConfig, ConfigFetchFailed and PermissionDenied.
        """
        require(caller, "config:write")
        first = (await self._models.resolve(caller, DEFAULT))[0]
        return await self._check(caller, DEFAULT, first.provider.name, first.model, request_id)

    async def _check(
        self, caller: Caller, name: str, provider: str, model: str, request_id: str
    ) -> HealthReport:
        started = self._clock.monotonic()
        fault = await self._ask(caller, name, request_id)
        return HealthReport(
            status="healthy" if fault is None else "unhealthy",
            provider=provider,
            model=model,
            latency_ms=round((self._clock.monotonic() - started) * 1000),
            message="The provider answers." if fault is None else fault.message,
            error_code=None if fault is None else fault.code,
        )

    async def _ask(self, caller: Caller, name: str, request_id: str) -> "_Fault | None":
        """What is wrong with it; `None` if nothing is."""
        asking = replace(caller, scopes=caller.scopes | {"inference"})
        request = CompletionRequest(model=name, messages=(user(_QUESTION),), max_tokens=_MAX_TOKENS)
        try:
            deployment = (await self._models.resolve(asking, name))[0]
        except (ProviderNotConfigured, ModelNotAllowed) as error:
            return _Fault(error.code, error.message)
        try:
            async with asyncio.timeout(LONGEST_CHECK_S):
                await self._gateway.complete(asking, request, CallContext(request_id=request_id, app=APP))
        except LLMError as error:
            return _Fault(error.code, _explain(error, deployment))
        except TimeoutError:
            return _Fault(LLMTimeoutError.code, _too_slow(deployment))
        return None


def _explain(error: LLMError, deployment: Deployment) -> str:
    label = deployment.provider.label
    match error:
        case LLMAuthenticationError():
            return INVALID_KEY
        case ModelNotFound():
            return f"{label} does not know the model {deployment.model}, or not any more."
        case LLMQuotaError():
            return f"{label} knows the key, but its account has no credit or quota left."
        case LLMRateLimitError():
            return f"{label} asks us to slow down. Check again later."
        case LLMTimeoutError():
            return _too_slow(deployment)
        case _:
            return scrub(error.message, deployment)


def _too_slow(deployment: Deployment) -> str:
    return f"{deployment.provider.label} did not answer within {LONGEST_CHECK_S:g} seconds."
