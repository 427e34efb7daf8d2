"""Configurations on a test's database, with sealing keys under a secret of the test's own."""

from dataclasses import dataclass, field
from typing import Any

from officium.core.config import (
    SEALED_COLUMNS,
    ConfigDraft,
    ConfigService,
    ConfigStore,
    KnownProvider,
    LlmConfig,
    Providers,
)
from officium.core.tenancy import AuditService, AuditStore, Caller
from officium.kit.database import Database
from officium.kit.notices import LocalNotices
from officium.kit.sealing import KeyRing, KeyRotation, SealBroken, SealingStore, SecretWrapper
from officium.kit.secrets import Secret, ServerSecret
from tests.support.clock import HandClock
from tests.support.tenancy import SECRET, Tenancy

KEY = "sk-ant-0123456789-abcd"
KNOWN = Providers(
    (
        KnownProvider(name="anthropic", aliases=("claude",), default_model="claude-haiku-5-5"),
        KnownProvider(name="openai", default_model="gpt-6-luna"),
        KnownProvider(name="azure", needs_url=True),
        KnownProvider(name="ollama", needs_key=False),
    )
)


def a_draft(**said: Any) -> ConfigDraft:
    """What a caller says of a configuration for Anthropic, unless it says something else."""
    return a_change(**{"provider": "anthropic", "api_key": KEY, **said})


def a_change(**said: Any) -> ConfigDraft:
    """Just what is said; a key may be plain text."""
    if isinstance(said.get("api_key"), str):
        said["api_key"] = Secret(said["api_key"])
    return ConfigDraft(**said)


@dataclass
class Configs:
    """Everything about configurations, on one database; `secret` and `previous` are the server's."""

    database: Database
    secret: ServerSecret = SECRET
    previous: tuple[ServerSecret, ...] = ()
    clock: HandClock = field(default_factory=HandClock)
    notices: LocalNotices = field(default_factory=LocalNotices)

    def __post_init__(self) -> None:
        self.tenancy = Tenancy(self.database, self.clock, self.notices)
        self.sealing = SealingStore(self.database)
        self.ring = KeyRing(
            self.sealing,
            SecretWrapper(self.secret),
            self.clock,
            *(SecretWrapper(secret) for secret in self.previous),
        )
        self.store = ConfigStore(self.database, self.ring)
        self.service = ConfigService(self.store, KNOWN, self.clock, self.notices)
        self.rotation = KeyRotation(self.sealing, self.ring, SEALED_COLUMNS, self.clock)
        self.audit = AuditService(AuditStore(self.database))

    def elsewhere(self, **other: Any) -> "Configs":
        """The same installation as another process sees it: with nothing in memory."""
        return Configs(self.database, **{"secret": self.secret, "clock": self.clock, **other})

    async def an_admin(self) -> Caller:
        """The administrator's key of a new tenant."""
        tenant = await self.tenancy.a_tenant()
        return Caller(tenant.id, "key:ak_admin", frozenset(("admin",)), key_id="ak_admin")

    async def a_config(self, caller: Caller, owner_id: str | None = None, **said: Any) -> LlmConfig:
        """A new configuration."""
        return await self.service.create_config(caller, a_draft(**said), owner_id)

    async def change(
        self, caller: Caller, config_id: str, owner_id: str | None = None, **said: Any
    ) -> LlmConfig:
        """The configuration after a change of just what is said."""
        return await self.service.update_config(caller, config_id, a_change(**said), owner_id)

    async def fault_of(self, caller: Caller, config_id: str) -> SealBroken | None:
        """Why the key of a configuration does not open, if it does not."""
        opened = await self.service.load_for_gateway(caller)
        return next(config.fault for config in opened if config.id == config_id)

    async def opened_keys(self, caller: Caller) -> list[str | None]:
        """The keys as the gateway would get them."""
        opened = await self.service.load_for_gateway(caller)
        return [config.api_key.reveal() if config.api_key else None for config in opened]
