"""The models that are known or in use: until when they are served, what fits in, what they cost a tenant."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from officium.core.config import LlmConfig
from officium.core.gateway import ModelService, ProviderAccess
from officium.core.llm.deployment import Provider
from officium.core.llm.known_models import KNOWN_MODELS, KnownModel, State
from officium.core.llm.lifecycle import find_lifecycle
from officium.core.llm.providers import find_provider, find_traits
from officium.core.tenancy import Caller, require
from officium.core.usage.prices import (
    PriceBook,
    PriceUnknown,
    Pricing,
    TenantPrices,
    UnknownPrices,
    price_for,
    span_for,
)
from officium.kit.clock import Clock


class ModelUse(Struct, frozen=True, kw_only=True):
    """A place where a model is named: a default, an alias, a configuration."""

    provider: str
    model: str
    used_by: str


class CatalogueEntry(Struct, frozen=True, kw_only=True):
    """What there is to know of a model for one tenant.

    `known` is `None` for a model that is used and nobody wrote down; `refuses` are the request fields that
    are left out for it; `is_available` says whether its provider is set up here. The price holds `since` and
    `until` these moments, `None` where that is not known.
    """

    provider: str
    model: str
    known: KnownModel | None
    state: State | None
    successor: str | None
    refuses: tuple[str, ...]
    pricing: Pricing
    since: datetime | None = None
    until: datetime | None = None
    is_available: bool
    used_by: tuple[str, ...]


Uses = Callable[[Caller], Awaitable[Sequence[ModelUse]]]
"""Gives the places of one kind where a tenant names models."""
_PAGE = 100


class ConfigPages(Protocol):
    """Knows the tenants' configurations."""

    async def list_configs(
        self, caller: Caller, owner_id: str | None = None, *, after: str = "", limit: int = 50
    ) -> list[LlmConfig]: ...


class ModelCatalogue:
    """Says of every known model, and of every model in use, what a tenant should know."""

    def __init__(
        self,
        models: ModelService,
        prices: PriceBook,
        clock: Clock,
        *,
        unknown: UnknownPrices | None = None,
        default_model: str | None = None,
        other_uses: Sequence[Uses] = (),
    ) -> None:
        self._models = models
        self._prices = prices
        self._clock = clock
        self._unknown = unknown
        self._default_model = default_model
        self._other_uses = other_uses

    async def list_models(self, caller: Caller) -> list[CatalogueEntry]:
        """Every known model, then those that are only used. Needs `inference` or `config:read`.

        Where the models of aliases and configurations are named is told to those who may read these.
        """
        if not caller.may("inference") and not caller.may("config:write"):
            require(caller, "config:read")
        used_by: dict[tuple[str, str], list[str]] = {}
        for use in await self.list_uses(caller):
            used_by.setdefault((use.provider, use.model), []).append(use.used_by)
        own = await self._prices.load(caller)
        available = {row.name for row, access in self._models.providers() if access is not None}
        names = dict.fromkeys([*((row.provider, row.name) for row in KNOWN_MODELS), *used_by])
        return [
            describe_model(
                provider,
                model,
                self._clock.now(),
                own=own,
                unknown=self._unknown,
                is_available=provider in available,
                used_by=used_by.get((provider, model), ()),
            )
            for provider, model in names
        ]

    async def list_uses(self, caller: Caller) -> list[ModelUse]:
        """Where models are named for this tenant, as far as the caller may know."""
        uses = list(default_uses(self._models.providers(), self._default_model))
        if caller.may("config:read") or caller.may("config:write"):
            for alias in await self._models.list_aliases(caller):
                for target in alias.targets:
                    uses.extend(_target_uses(target, f"alias {alias.name}"))
            for list_more in self._other_uses:
                uses.extend(await list_more(caller))
        return uses


class ConfigUses:
    """The models of the tenant's own configurations that are enabled and have no address of their own."""

    def __init__(self, configs: ConfigPages) -> None:
        self._configs = configs

    async def __call__(self, caller: Caller) -> list[ModelUse]:
        uses, after = [], ""
        while page := await self._configs.list_configs(caller, after=after, limit=_PAGE):
            after = page[-1].id
            for config in page:
                row = find_provider(config.provider)
                is_asked = config.is_enabled and config.api_url is None
                if is_asked and row is not None and not row.is_local:
                    uses.append(
                        ModelUse(provider=row.name, model=config.model, used_by=f"configuration {config.id}")
                    )
        return uses


def default_uses(
    providers: Iterable[tuple[Provider, ProviderAccess | None]], default_model: str | None
) -> Iterator[ModelUse]:
    """What the environment names, where providers are asked at their own address.

    Behind another address names mean something else.
    """
    for row, access in providers:
        if access is None or access.base_url != row.base_url or row.is_local:
            continue
        if access.default_model:
            yield ModelUse(
                provider=row.name, model=access.default_model, used_by=f"the default of {row.label}"
            )
    if default_model is not None:
        yield from _target_uses(default_model, "OFFICIUM_DEFAULT_MODEL")


def describe_model(
    provider: str,
    model: str,
    now: datetime,
    *,
    own: TenantPrices | None = None,
    unknown: UnknownPrices | None = None,
    is_available: bool = True,
    used_by: Sequence[str] = (),
) -> CatalogueEntry:
    """What there is to know of a model at that moment, with the tenant's own prices where there are some."""
    found = find_lifecycle(provider, model, now.date())
    try:
        pricing = price_for(provider, model, now, own, unknown)
    except PriceUnknown:
        pricing = Pricing(None, "unknown")
    since, until = span_for(provider, model, now, own)
    return CatalogueEntry(
        provider=provider,
        model=model,
        known=found.model if found is not None else None,
        state=found.state if found is not None else None,
        successor=found.successor if found is not None and found.state != "active" else None,
        refuses=tuple(sorted(find_traits(provider, model).refuses)),
        pricing=pricing,
        since=since,
        until=until,
        is_available=is_available,
        used_by=tuple(used_by),
    )


def _target_uses(target: str, used_by: str) -> Iterator[ModelUse]:
    """The model that `provider/model` names; a provider alone stands for its default, told already."""
    head, _, model = target.partition("/")
    row = find_provider(head)
    if row is not None and model and not row.is_local:
        yield ModelUse(provider=row.name, model=model, used_by=used_by)
