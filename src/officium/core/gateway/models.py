"""From the name a caller asks for to the deployments that can answer it."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from officium.core.gateway.alias import MOST_ALIASES, Alias, check_alias, is_alias_name
from officium.core.gateway.call import ModelListing
from officium.core.gateway.errors import AliasNotFound, ProviderNotConfigured, UnknownModel
from officium.core.gateway.store import AliasStore
from officium.core.llm.deployment import Deployment, Provider
from officium.core.llm.providers import PROVIDERS, find_provider, find_traits
from officium.core.tenancy import Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest

ALIASES_LIVE_S = 3.0
"""How long another replica's change to an alias may go unnoticed."""
_TENANTS_KEPT = 10_000


class ProviderAccess(Struct, frozen=True, kw_only=True):
    """What this installation knows of a provider: its address, our key, the model to use by default."""

    base_url: str
    api_key: str | None = None
    default_model: str | None = None


class _TenantModels(Struct):
    """A tenant's aliases, and the names already resolved, until they are read again."""

    aliases: dict[str, Alias]
    expires: float
    resolved: dict[str, tuple[Deployment, ...]]


class ModelService:
    """Names, aliases and the deployments behind them.

    A name is, in this order: an alias of the tenant; `provider/model`; a provider alone (its default
    model); a bare model name whose beginning belongs to a provider (`claude-...`).
    """

    def __init__(self, access: Mapping[str, ProviderAccess], aliases: AliasStore, clock: Clock) -> None:
        self._access = access
        self._store = aliases
        self._clock = clock
        self._tenants: dict[str, _TenantModels] = {}
        self._changes = 0

    async def resolve(self, caller: Caller, name: str) -> tuple[Deployment, ...]:
        """The deployments to try for `name`, in order, at least one.

        Raises UnknownModel and ProviderNotConfigured.
        """
        tenant = self._tenants.get(caller.tenant_id)
        if tenant is None or tenant.expires <= self._clock.monotonic():
            tenant = await self._load(caller)
        found = tenant.resolved.get(name)
        if found is None:
            alias = tenant.aliases.get(name)
            found = self._of_alias(alias) if alias else (self.deployment(name),)
            if len(tenant.resolved) < 1000:
                tenant.resolved[name] = found
        return found

    def deployment(self, name: str) -> Deployment:
        """The deployment a name means without any alias. Raises UnknownModel and ProviderNotConfigured."""
        provider, model = self._split(name)
        access = self._access.get(provider.name)
        if access is None:
            raise ProviderNotConfigured(_how_to_configure(provider), provider=provider.name, model=name)
        model = model or access.default_model or ""
        if not model:
            raise UnknownModel(f"Name a model of {provider.label}: {provider.name}/<model>.", model=name)
        return Deployment(
            provider=provider,
            model=model,
            base_url=access.base_url,
            api_key=access.api_key,
            traits=find_traits(provider.name, model),
        )

    def providers(self) -> list[tuple[Provider, ProviderAccess | None]]:
        """Every provider of the catalogue, with our access to it where there is one."""
        return [(row, self._access.get(row.name)) for row in PROVIDERS.values()]

    async def list_own_models(self, caller: Caller) -> list[ModelListing]:
        """The names of the tenant's own under which the caller may ask for a model. Needs `inference`."""
        require(caller, "inference")
        return [
            ModelListing(id=alias.name, provider="alias", created=int(alias.updated_at.timestamp()))
            for alias in await self._store.list_aliases(caller)
        ]

    async def list_aliases(self, caller: Caller) -> list[Alias]:
        """The tenant's aliases, by name. Needs `config:read` or `config:write`."""
        if not caller.may("config:write"):
            require(caller, "config:read")
        return await self._store.list_aliases(caller)

    async def set_alias(self, caller: Caller, name: str, targets: Sequence[str]) -> Alias:
        """Create or replace an alias. Needs `config:write`; raises InvalidRequest."""
        require(caller, "config:write")
        check_alias(name, targets)
        others = [alias for alias in await self._store.list_aliases(caller) if alias.name != name]
        if len(others) >= MOST_ALIASES:
            raise InvalidRequest(
                f"A tenant has at most {MOST_ALIASES} aliases. Delete one you no longer need.", param="name"
            )
        alias = Alias(
            name=name, targets=tuple(targets), updated_at=self._clock.now(), updated_by=caller.actor
        )
        await self._store.put_alias(caller, alias)
        self._forget(caller)
        return alias

    async def delete_alias(self, caller: Caller, name: str) -> None:
        """Delete an alias. Needs `config:write`; raises AliasNotFound."""
        require(caller, "config:write")
        if not (is_alias_name(name) and await self._store.delete_alias(caller, name)):
            raise AliasNotFound(f"There is no alias {name!r}.", name=name)
        self._forget(caller)

    async def _load(self, caller: Caller) -> _TenantModels:
        read_at, changes = self._clock.monotonic(), self._changes
        aliases = {alias.name: alias for alias in await self._store.list_aliases(caller)}
        tenant = _TenantModels(aliases, read_at + ALIASES_LIVE_S, {})
        if changes == self._changes:  # else it may have been read too early
            if len(self._tenants) >= _TENANTS_KEPT:
                self._tenants.clear()
            self._tenants[caller.tenant_id] = tenant
        return tenant

    def _forget(self, caller: Caller) -> None:
        self._changes += 1
        self._tenants.pop(caller.tenant_id, None)

    def _of_alias(self, alias: Alias) -> tuple[Deployment, ...]:
        """The deployments of those targets that can be asked here; raises for the last one if none can."""
        found: list[Deployment] = []
        missing: ProviderNotConfigured | UnknownModel | None = None
        for target in alias.targets:
            try:
                found.append(self.deployment(target))
            except (ProviderNotConfigured, UnknownModel) as error:
                missing = error
        if not found and missing is not None:
            raise missing
        return tuple(found)

    def _split(self, name: str) -> tuple[Provider, str]:
        head, _, rest = name.partition("/")
        provider = find_provider(head)
        if provider is not None:
            return provider, rest
        for row in PROVIDERS.values():
            if name.startswith(row.model_prefixes):
                return row, name
        raise UnknownModel(
            f"There is no model {name!r}. Write provider/model, such as groq/openai/gpt-oss-20b, "
            "or an alias of your own; GET /v1/models lists what you can use.",
            model=name,
        )


def _how_to_configure(provider: Provider) -> str:
    if provider.name == "mock":
        return "The scripted provider is switched off. Set OFFICIUM_MOCK=true to use it."
    variable = provider.env_key or f"{provider.name.upper()}_BASE_URL"
    return f"{variable} not configured. Set it in the server's environment to use {provider.label}."
