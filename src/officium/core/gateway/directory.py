"""Which models the configured providers offer."""

import asyncio

import structlog

from officium.core.gateway.call import ModelListing
from officium.core.gateway.models import ModelService, ProviderAccess
from officium.core.llm.deployment import Deployment, Provider
from officium.core.llm.dispatch import Dispatcher
from officium.core.llm.errors import LLMError
from officium.core.llm.providers import find_traits
from officium.kit.clock import Clock

LISTS_LIVE_S = 3600.0
_FAILURES_LIVE_S = 60.0
_LONGEST_WAIT_S = 5.0

logger = structlog.get_logger("gateway")


class ModelDirectory:
    """The providers' own lists of models, asked for when needed and kept for an hour.

    A provider that does not answer within five seconds is listed with what it said last, or with its
    default model alone, and asked again after a minute: no list may hold up ours.
    """

    def __init__(self, models: ModelService, dispatcher: Dispatcher, clock: Clock) -> None:
        self._models = models
        self._dispatcher = dispatcher
        self._clock = clock
        self._lists: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._lock = asyncio.Lock()

    async def list_models(self) -> list[ModelListing]:
        """Every model of every configured provider, as `provider/model`."""
        configured = [(row, access) for row, access in self._models.providers() if access is not None]
        async with self._lock:
            lists = await asyncio.gather(*(self._list(row, access) for row, access in configured))
        return [
            ModelListing(id=f"{row.name}/{name}", provider=row.name)
            for (row, _), names in zip(configured, lists, strict=True)
            for name in names
        ]

    async def _list(self, provider: Provider, access: ProviderAccess) -> tuple[str, ...]:
        expires, names = self._lists.get(provider.name, (0.0, ()))
        if expires > self._clock.monotonic():
            return names
        live_s = LISTS_LIVE_S
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                names = await self._dispatcher.list_models(_deployment(provider, access))
        except (LLMError, TimeoutError) as error:
            logger.warning("models.list_failed", provider=provider.name, error=type(error).__name__)
            live_s = _FAILURES_LIVE_S
            names = names or ((access.default_model,) if access.default_model else ())
        self._lists[provider.name] = (self._clock.monotonic() + live_s, names)
        return names


def _deployment(provider: Provider, access: ProviderAccess) -> Deployment:
    model = access.default_model or ""
    return Deployment(
        provider=provider,
        model=model,
        base_url=access.base_url,
        api_key=access.api_key,
        traits=find_traits(provider.name, model),
    )
