"""What tenants and their users configure for themselves: providers, models, and their own keys."""

from officium.core.config.errors import ConfigChanged, ConfigNotFound, InvalidConfig, NoDefaultConfig
from officium.core.config.llm_config import (
    ConfigDraft,
    ConfigVersion,
    KnownProvider,
    LlmConfig,
    OpenedConfig,
    Providers,
)
from officium.core.config.service import CONFIG_CHANGED, ConfigService
from officium.core.config.store import SEALED_COLUMNS, ConfigStore

__all__ = [
    "CONFIG_CHANGED",
    "SEALED_COLUMNS",
    "ConfigChanged",
    "ConfigDraft",
    "ConfigNotFound",
    "ConfigService",
    "ConfigStore",
    "ConfigVersion",
    "InvalidConfig",
    "KnownProvider",
    "LlmConfig",
    "NoDefaultConfig",
    "OpenedConfig",
    "Providers",
]
