"""Which models a caller's providers offer."""

import asyncio

import structlog

from officium.core.gateway.call import ModelListing
from officium.core.gateway.models import ModelService
from officium.core.llm.deployment import Deployment
from officium.core.llm.dispatch import Dispatcher
from officium.core.llm.errors import LLMError
from officium.core.tenancy import Caller
from officium.kit.clock import Clock

LISTS_LIVE_S = 3600.0
_FAILURES_LIVE_S = 60.0
_LONGEST_WAIT_S = 5.0
_LISTS_KEPT = 1000
_MOST_MODELS = 5000
"""As many of one provider are listed: the list may be a tenant's own server's."""

logger = structlog.get_logger("gateway")

_Place = tuple[str, str, str | None]


class ModelDirectory:
    """The providers' own lists of models, asked for when needed and kept for an hour.

    A provider that does not answer within five seconds is listed with what it said last, or with its
    default model alone, and asked again after a minute: no list may hold up ours. Lists are kept by address
    and key, so nobody sees what another's key opens.
    """

    def __init__(self, models: ModelService, dispatcher: Dispatcher, clock: Clock) -> None:
        self._models = models
        self._dispatcher = dispatcher
        self._clock = clock
        self._lists: dict[_Place, tuple[float, tuple[str, ...]]] = {}
        self._asking: dict[_Place, asyncio.Task[tuple[str, ...]]] = {}

    async def list_models(self, caller: Caller | None = None) -> list[ModelListing]:
        """Every model the caller may use of the providers it can ask, as `provider/model`.

        Without a caller: those of the environment's providers.
        """
        reach = self._models.environment if caller is None else await self._models.reach_of(caller)
        deployments = reach.listed()
        lists = await asyncio.gather(*map(self._list, deployments))
        return [
            ModelListing(id=f"{deployment.provider.name}/{name}", provider=deployment.provider.name)
            for deployment, names in zip(deployments, lists, strict=True)
            for name in _or_default(names, deployment)
            if reach.allows(f"{deployment.provider.name}/{name}")
        ]

    async def _list(self, deployment: Deployment) -> tuple[str, ...]:
        place = (deployment.provider.name, deployment.base_url, deployment.api_key)
        expires, names = self._lists.get(place, (0.0, ()))
        if expires > self._clock.monotonic():
            return names
        task = self._asking.get(place)
        if task is None:
            task = self._asking[place] = asyncio.ensure_future(self._ask(deployment, place, names))
            task.add_done_callback(lambda _: self._asking.pop(place, None))
        return await asyncio.shield(task)

    async def _ask(self, deployment: Deployment, place: _Place, known: tuple[str, ...]) -> tuple[str, ...]:
        names, live_s = known, LISTS_LIVE_S
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                names = (await self._dispatcher.list_models(deployment))[:_MOST_MODELS]
        except (LLMError, TimeoutError) as error:
            logger.warning(
                "models.list_failed", provider=deployment.provider.name, error=type(error).__name__
            )
            live_s = _FAILURES_LIVE_S
        if len(self._lists) >= _LISTS_KEPT:
            self._lists.clear()
        self._lists[place] = (self._clock.monotonic() + live_s, names)
        return names


def _or_default(names: tuple[str, ...], deployment: Deployment) -> tuple[str, ...]:
    """The names, or the default model alone where the provider names none."""
    return names or ((deployment.model,) if deployment.model else ())
