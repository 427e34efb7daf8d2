"""What a caller may do with the configuration of personas."""

import structlog
from msgspec import to_builtins
from msgspec.structs import asdict

from officium.apps.personas.persona import PersonaType
from officium.apps.personas.persona_config import PersonaConfig, SavedPersonaConfig, check_config
from officium.apps.personas.store import PersonaStore
from officium.core.tenancy import AuditEntry, Caller, require
from officium.kit.clock import Clock

_log = structlog.get_logger("personas")


class PersonaConfigService:
    """How each persona answers a tenant: by which model, and how freely."""

    def __init__(self, store: PersonaStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list_configs(self, caller: Caller) -> list[SavedPersonaConfig]:
        """The configurations that were made, by persona. Raises PermissionDenied."""
        if not caller.may("config:read") and not caller.may("config:write"):
            require(caller, "inference")
        return await self._store.list_configs(caller)

    async def set_config(
        self, caller: Caller, persona: PersonaType, config: PersonaConfig, *, request_id: str | None = None
    ) -> SavedPersonaConfig:
        """Let a persona answer like this. Raises PermissionDenied and InvalidPersonaConfig."""
        require(caller, "config:write")
        check_config(config)
        saved = SavedPersonaConfig(
            **asdict(config), persona=persona, updated_at=self._clock.now(), updated_by=caller.actor
        )
        entry = self._entry("persona_config.set", persona, request_id, config)
        await self._store.put_config(caller, saved, entry)
        _log.info("persona_config.set", tenant=caller.tenant_id, persona=persona, actor=caller.actor)
        return saved

    async def reset_config(
        self, caller: Caller, persona: PersonaType, *, request_id: str | None = None
    ) -> None:
        """Let a persona answer like everything else. Raises PermissionDenied."""
        require(caller, "config:write")
        entry = self._entry("persona_config.reset", persona, request_id)
        if await self._store.delete_config(caller, persona, entry):
            _log.info("persona_config.reset", tenant=caller.tenant_id, persona=persona, actor=caller.actor)

    def _entry(
        self, action: str, persona: PersonaType, request_id: str | None, after: PersonaConfig | None = None
    ) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            action=action,
            thing="persona_config",
            thing_id=persona,
            after=None if after is None else to_builtins(after),
            request_id=request_id,
        )
