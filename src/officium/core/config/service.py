"""What a caller may do with the configurations of its tenant and its own."""

from collections.abc import Callable

import structlog

from officium.core.config.errors import ConfigNotFound, NoDefaultConfig
from officium.core.config.llm_config import (
    ConfigDraft,
    ConfigVersion,
    LlmConfig,
    OpenedConfig,
    Providers,
    Revised,
    make_config,
    revise_config,
)
from officium.core.config.store import ConfigStore
from officium.core.tenancy import AuditEntry, Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest, PermissionDenied
from officium.kit.ids import new_id
from officium.kit.notices import Notices

CONFIG_CHANGED = "config.changed"
"""Notice: the configurations of the tenant with this id are no longer what they were."""
LARGEST_PAGE = 100

_log = structlog.get_logger(__name__)


class ConfigService:
    """The tenants' configurations.

    `owner_id` says whose configurations are meant, besides the tenant's: those of a member or key, which must
    be the caller itself, or with `None` nobody's. People see the tenant's configurations and change their
    own; keys need `config:read` or `config:write`. Changing what is the tenant's needs `config:write`.
    `check_url` raises InvalidConfig for an address that no configuration may lead to.
    """

    def __init__(
        self,
        store: ConfigStore,
        providers: Providers,
        clock: Clock,
        notices: Notices,
        check_url: Callable[[str], None] = lambda url: None,
    ) -> None:
        self._check_url = check_url
        self._store = store
        self._providers = providers
        self._clock = clock
        self._notices = notices

    async def list_configs(
        self, caller: Caller, owner_id: str | None = None, *, after: str = "", limit: int = 50
    ) -> list[LlmConfig]:
        """A page of the configurations in the order they were made, beginning behind the id `after`.

        Raises PermissionDenied and InvalidRequest.
        """
        _check_reader(caller, owner_id)
        _check_page(limit)
        return await self._store.list_configs(caller, owner_id, after=after, limit=limit)

    async def get_config(self, caller: Caller, config_id: str, owner_id: str | None = None) -> LlmConfig:
        """One configuration. Raises ConfigNotFound and PermissionDenied."""
        _check_reader(caller, owner_id)
        found = await self._store.find_config(caller, config_id, owner_id)
        if found is None:
            raise _not_found(config_id)
        return found

    async def get_default(self, caller: Caller, owner_id: str | None = None) -> LlmConfig:
        """The owner's default, else the tenant's, of those that are enabled.

        Raises NoDefaultConfig and PermissionDenied.
        """
        _check_reader(caller, owner_id)
        found = await self._store.find_default(caller, owner_id)
        if found is None:
            raise NoDefaultConfig(
                "No default LLM configuration found. Make one with `isDefault: true` at POST /api/llm-config."
            )
        return found

    async def list_versions(
        self,
        caller: Caller,
        config_id: str,
        owner_id: str | None = None,
        *,
        before: int | None = None,
        limit: int = 50,
    ) -> list[ConfigVersion]:
        """A page of what was changed in a configuration, newest first. Raises as `get_config`."""
        _check_page(limit)
        await self.get_config(caller, config_id, owner_id)
        return await self._store.list_versions(caller, config_id, before=before, limit=limit)

    async def create_config(
        self,
        caller: Caller,
        draft: ConfigDraft,
        owner_id: str | None = None,
        *,
        request_id: str | None = None,
    ) -> LlmConfig:
        """Make a configuration of the owner, or of the tenant. Raises InvalidConfig and PermissionDenied."""
        _check_writer(caller, owner_id)
        made = make_config(
            draft,
            self._providers,
            id=new_id("llc"),
            tenant_id=caller.tenant_id,
            owner_id=owner_id,
            actor=caller.actor,
            now=self._clock.now(),
        )
        if made.config.api_url is not None:
            self._check_url(made.config.api_url)
        entry = self._entry(caller, "created", made.config.id, request_id)
        await self._store.add_config(caller, made, entry)
        self._tell(caller, "created", made.config.id)
        return made.config

    async def update_config(
        self,
        caller: Caller,
        config_id: str,
        draft: ConfigDraft,
        owner_id: str | None = None,
        *,
        request_id: str | None = None,
    ) -> LlmConfig:
        """Change what the draft says.

        Raises ConfigNotFound, ConfigChanged, InvalidConfig and PermissionDenied.
        """
        _check_owner(caller, owner_id)
        now = self._clock.now()

        def revise(config: LlmConfig) -> Revised:
            _check_writer(caller, config.owner_id)
            revised = revise_config(config, draft, self._providers, actor=caller.actor, now=now)
            if revised.config.api_url not in (None, config.api_url):
                self._check_url(str(revised.config.api_url))
            return revised

        entry = self._entry(caller, "updated", config_id, request_id)
        changed = await self._store.update_config(caller, config_id, owner_id, revise, entry)
        if changed is None:
            raise _not_found(config_id)
        self._tell(caller, "updated", config_id)
        return changed

    async def delete_config(
        self,
        caller: Caller,
        config_id: str,
        owner_id: str | None = None,
        *,
        request_id: str | None = None,
    ) -> None:
        """Delete a configuration and its key. Raises ConfigNotFound and PermissionDenied."""
        _check_owner(caller, owner_id)
        entry = self._entry(caller, "deleted", config_id, request_id)

        def check(config: LlmConfig) -> None:
            _check_writer(caller, config.owner_id)

        if not await self._store.delete_config(caller, config_id, owner_id, check, entry):
            raise _not_found(config_id)
        self._tell(caller, "deleted", config_id)

    async def load_for_gateway(self, caller: Caller) -> list[OpenedConfig]:
        """The tenant's configurations and the caller's own that are enabled, with their keys, by id.

        Whoever remembers the answer forgets it at the notice CONFIG_CHANGED, and by time. One whose key does
        not open has the reason as its `fault`. Raises SecretChanged.
        """
        owners = tuple(owner for owner in (caller.member_id, caller.key_id) if owner is not None)
        return await self._store.open_configs(caller, owners)

    def _entry(self, caller: Caller, what: str, config_id: str, request_id: str | None) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            action=f"llm_config.{what}",
            thing="llm_config",
            thing_id=config_id,
            member_id=caller.member_id,
            request_id=request_id,
        )

    def _tell(self, caller: Caller, what: str, config_id: str) -> None:
        self._notices.publish(CONFIG_CHANGED, caller.tenant_id)
        _log.info(f"llm_config.{what}", tenant=caller.tenant_id, config=config_id, actor=caller.actor)


def _check_reader(caller: Caller, owner_id: str | None) -> None:
    _check_owner(caller, owner_id)
    if caller.member_id is None and not caller.may("config:write"):
        require(caller, "config:read")


def _check_writer(caller: Caller, owner_id: str | None) -> None:
    _check_owner(caller, owner_id)
    if owner_id is None or owner_id != caller.member_id:
        require(caller, "config:write")


def _check_owner(caller: Caller, owner_id: str | None) -> None:
    if owner_id is not None and owner_id not in (caller.member_id, caller.key_id):
        raise PermissionDenied("These configurations belong to somebody else.")


def _check_page(limit: int) -> None:
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")


def _not_found(config_id: str) -> ConfigNotFound:
    return ConfigNotFound(
        f"There is no configuration {config_id[:64]!r} for you. GET /api/llm-config lists them.",
        config=config_id,
    )
