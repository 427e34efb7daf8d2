"""From the name a caller asks for to the deployments that can answer it."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from officium.core.config import CONFIG_CHANGED, OpenedConfig
from officium.core.gateway.alias import MOST_ALIASES, Alias, check_alias, is_alias_name
from officium.core.gateway.call import ModelListing
from officium.core.gateway.config_fetcher import OwnConfigs
from officium.core.gateway.errors import AliasNotFound, ProviderNotConfigured, UnknownModel
from officium.core.gateway.policy import ModelPolicy, policies_for
from officium.core.gateway.reach import (
    DEFAULT,
    REMOTE,
    Environment,
    ProviderAccess,
    Reach,
    split_name,
)
from officium.core.gateway.store import AliasStore, ModelRuleStore, PolicyStore
from officium.core.llm.deployment import Deployment, Provider
from officium.core.llm.lifecycle import RetiredPolicy, keep_served, stricter_policy, tell_end
from officium.core.llm.providers import PROVIDERS
from officium.core.tenancy import AuditEntry, Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest, OfficiumError, PermissionDenied
from officium.kit.notices import Notices
from officium.kit.sealing import SealBroken

ALIASES_LIVE_S = 3.0
"""How long another replica's change to an alias, a configuration or a policy may go unnoticed."""
MODELS_CHANGED = "models.changed"
"""Notice: the aliases, the policies or the rules of the tenant with this id are no longer what they were."""
_TENANTS_KEPT = 10_000
_NAMES_KEPT = 1000


class DefaultSource(Protocol):
    """Another server that says which configuration is the default."""

    async def get_config(self, caller: Caller) -> OpenedConfig:
        """The default configuration. Raises NoDefaultConfig and ConfigFetchFailed."""
        ...


class Answering(Struct, frozen=True, kw_only=True):
    """What answers a name: a model, and the id of the configuration it is reached by.

    `config_id` is `None` where the environment answers, and `remote` where another server keeps the default.
    """

    provider: Provider
    model: str
    config_id: str | None


class _View(Struct):
    """What one caller can ask, and the names already resolved."""

    reach: Reach
    resolved: dict[str, tuple[Deployment, ...]] = field(default_factory=dict)


class _TenantModels(Struct):
    """A tenant's aliases, policies and rule, and the views of those who asked, until they are read again."""

    aliases: dict[str, Alias]
    policies: list[ModelPolicy]
    retired: RetiredPolicy
    expires: float
    views: dict[tuple[str | None, str | None], _View] = field(default_factory=dict)


class ModelService:
    """Names, aliases and the deployments behind them.

    A name is, in this order: an alias of the tenant; `default`; `config:<id>`; `provider/model`; a provider
    alone (its default model); a bare model name whose beginning belongs to a provider (`claude-...`), or that
    is known at one provider alone (`mixtral-8x7b-32768`).

    The address and key of a provider come from the caller's own configuration, else the tenant's, else the
    default of `remote` if there is one, else the environment.
    """

    def __init__(
        self,
        access: Mapping[str, ProviderAccess],
        aliases: AliasStore,
        clock: Clock,
        *,
        addresses: Mapping[str, str] | None = None,
        default_model: str | None = None,
        configs: OwnConfigs | None = None,
        policies: PolicyStore | None = None,
        rules: ModelRuleStore | None = None,
        remote: DefaultSource | None = None,
        notices: Notices | None = None,
        retired: RetiredPolicy = "successor",
    ) -> None:
        self._retired = retired
        self._environment = Environment(access=access, addresses=addresses or {}, default_model=default_model)
        self.environment = Reach(self._environment)
        """What can be asked without any configuration."""
        self._store = aliases
        self._clock = clock
        self._configs = configs
        self._policies = policies
        self._rules = rules
        self._remote = remote
        self._notices = notices
        self._tenants: dict[str, _TenantModels] = {}
        self._loading: dict[str, asyncio.Task[_TenantModels]] = {}
        self._changes = 0
        if notices is not None:
            notices.subscribe(CONFIG_CHANGED, self.forget)
            notices.subscribe(MODELS_CHANGED, self.forget)

    async def resolve(self, caller: Caller, name: str) -> tuple[Deployment, ...]:
        """The deployments to try for `name`, in order, at least one.

        Raises UnknownModel, ProviderNotConfigured, ConfigNotFound, NoDefaultConfig, ConfigFetchFailed,
        ModelRetired, ModelNotAllowed and SealBroken.
        """
        tenant = self._tenants.get(caller.tenant_id)
        if tenant is None or tenant.expires <= self._clock.monotonic():
            tenant = await self._load(caller)
        view = tenant.views.get((caller.member_id, caller.key_id))
        if view is None:
            view = await self._look(caller, tenant)
        found = view.resolved.get(name)
        if found is None:
            today = self._clock.now().date()
            try:
                deployments = _deployments(tenant, view.reach, name)
            except ProviderNotConfigured as error:
                raise _with_end(error, name, today) from None
            served = keep_served(deployments, tenant.retired, today)
            found = view.reach.admit(served, name)
            if len(view.resolved) < _NAMES_KEPT:
                view.resolved[name] = found
        return found

    def deployment(self, name: str) -> Deployment:
        """The deployment a name means for nobody in particular.

        Raises UnknownModel, ProviderNotConfigured and NoDefaultConfig.
        """
        return self.environment.deployment(name)

    def providers(self) -> list[tuple[Provider, ProviderAccess | None]]:
        """Every provider of the catalogue, with the environment's access to it where there is one."""
        return [(row, self._environment.access.get(row.name)) for row in PROVIDERS.values()]

    async def reach_of(self, caller: Caller) -> Reach:
        """What the caller can ask."""
        tenant = self._tenants.get(caller.tenant_id)
        if tenant is None or tenant.expires <= self._clock.monotonic():
            tenant = await self._load(caller)
        view = tenant.views.get((caller.member_id, caller.key_id))
        return (view or await self._look(caller, tenant)).reach

    async def find_answering(self, caller: Caller, name: str) -> Answering:
        """What answers a name for everybody of the tenant who has no configuration of their own.

        Raises as `resolve`.
        """
        anybody = replace(caller, member_id=None, key_id=None)
        deployment = (await self.resolve(anybody, name))[0]
        config = (await self.reach_of(anybody)).config_behind(name, deployment)
        return Answering(
            provider=deployment.provider,
            model=deployment.model,
            config_id=None if config is None else config.id,
        )

    async def list_own_models(self, caller: Caller) -> list[ModelListing]:
        """The names of the tenant's own under which the caller may ask for a model. Needs `inference`."""
        require(caller, "inference")
        return [
            ModelListing(id=alias.name, provider="alias", created=int(alias.updated_at.timestamp()))
            for alias in await self._store.list_aliases(caller)
            if await self._may_use(caller, alias.name)
        ]

    async def list_aliases(self, caller: Caller) -> list[Alias]:
        """The tenant's aliases, by name. Needs `config:read` or `config:write`."""
        if not caller.may("config:write"):
            require(caller, "config:read")
        return await self._store.list_aliases(caller)

    async def set_alias(
        self, caller: Caller, name: str, targets: Sequence[str], *, request_id: str | None = None
    ) -> Alias:
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
        entry = AuditEntry(
            at=alias.updated_at,
            action="alias.set",
            thing="alias",
            thing_id=name,
            after={"targets": list(alias.targets)},
            request_id=request_id,
        )
        await self._store.put_alias(caller, alias, entry)
        self._tell(caller)
        return alias

    async def delete_alias(self, caller: Caller, name: str, *, request_id: str | None = None) -> None:
        """Delete an alias. Needs `config:write`; raises AliasNotFound."""
        require(caller, "config:write")
        entry = AuditEntry(
            at=self._clock.now(),
            action="alias.deleted",
            thing="alias",
            thing_id=name,
            request_id=request_id,
        )
        if not (is_alias_name(name) and await self._store.delete_alias(caller, name, entry)):
            raise AliasNotFound(f"There is no alias {name!r}.", name=name)
        self._tell(caller)

    def forget(self, tenant_id: str) -> None:
        """Read the tenant's configurations, aliases and policies anew at the next request."""
        self._changes += 1
        self._tenants.pop(tenant_id, None)
        self._loading.pop(tenant_id, None)

    def _tell(self, caller: Caller) -> None:
        self.forget(caller.tenant_id)
        if self._notices is not None:
            self._notices.publish(MODELS_CHANGED, caller.tenant_id)

    async def _load(self, caller: Caller) -> _TenantModels:
        """Read aliases and policies, once for all who wait for them."""
        tenant_id = caller.tenant_id
        task = self._loading.get(tenant_id)
        if task is None:
            task = self._loading[tenant_id] = asyncio.ensure_future(self._read(caller))
            task.add_done_callback(lambda done: self._loaded(tenant_id, done))
        return await asyncio.shield(task)

    def _loaded(self, tenant_id: str, done: asyncio.Task[_TenantModels]) -> None:
        if self._loading.get(tenant_id) is done:
            del self._loading[tenant_id]
        if not done.cancelled():
            done.exception()  # seen, even if everyone who waited has hung up

    async def _read(self, caller: Caller) -> _TenantModels:
        read_at, changes = self._clock.monotonic(), self._changes
        aliases = {alias.name: alias for alias in await self._store.list_aliases(caller)}
        policies = [] if self._policies is None else await self._policies.list_policies(caller)
        rules = None if self._rules is None else await self._rules.find_rules(caller)
        retired = stricter_policy(self._retired, None if rules is None else rules.retired)
        tenant = _TenantModels(aliases, policies, retired, read_at + ALIASES_LIVE_S)
        if changes == self._changes:  # else it may have been read too early
            if len(self._tenants) >= _TENANTS_KEPT:
                self._tenants.clear()
            self._tenants[caller.tenant_id] = tenant
        return tenant

    async def _look(self, caller: Caller, tenant: _TenantModels) -> _View:
        """The caller's view, remembered with the tenant's; a change in between makes both forgotten."""
        configs = [] if self._configs is None else list(await self._configs.load_for_gateway(caller))
        own = {owner: rank for rank, owner in enumerate((caller.member_id, caller.key_id)) if owner}
        configs.sort(key=lambda config: own.get(config.owner_id or "", len(own) + 1))
        fault: OfficiumError | None = None
        if self._remote is not None:
            try:
                configs.append(replace(await self._remote.get_config(caller), owner_id=REMOTE))
            except OfficiumError as error:
                fault = error
        reach = Reach(self._environment, configs, policies_for(caller, tenant.policies), fault)
        view = tenant.views[caller.member_id, caller.key_id] = _View(reach)
        return view

    async def _may_use(self, caller: Caller, name: str) -> bool:
        try:
            await self.resolve(caller, name)
        except PermissionDenied:
            return False
        except OfficiumError:
            return True  # it is listed as before, and says what is missing when it is asked for
        return True


def _deployments(tenant: _TenantModels, reach: Reach, name: str) -> tuple[Deployment, ...]:
    alias = tenant.aliases.get(name)
    if alias is None and name == DEFAULT:
        alias = tenant.aliases.get(reach.default_name() or "")
    return _of_alias(alias, reach) if alias else (reach.deployment(name),)


def _with_end(error: ProviderNotConfigured, name: str, today: date) -> ProviderNotConfigured:
    """The same error, which also says that the model would not be there, were its provider."""
    try:
        provider, model = split_name(name)
    except UnknownModel:
        return error
    said = tell_end(provider.name, model, today)
    return ProviderNotConfigured(f"{error.message} {said}", **error.fields) if said else error


def _of_alias(alias: Alias, reach: Reach) -> tuple[Deployment, ...]:
    """The deployments of those targets that can be asked here; raises for the last one if none can."""
    found: list[Deployment] = []
    missing: ProviderNotConfigured | UnknownModel | SealBroken | None = None
    for target in alias.targets:
        try:
            found.append(reach.deployment(target))
        except (ProviderNotConfigured, UnknownModel, SealBroken) as error:
            missing = error
    if not found and missing is not None:
        raise missing
    return tuple(found)
