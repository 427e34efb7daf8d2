"""What can go wrong with a tenant's configuration."""

from officium.kit.errors import Conflict, InvalidRequest, NotFound


class InvalidConfig(InvalidRequest):
    """A configuration may not look like this; `param` names the part."""

    code = "invalid_llm_config"


class ConfigNotFound(NotFound):
    """The caller has no configuration with this id."""

    code = "llm_config_not_found"


class NoDefaultConfig(NotFound):
    """Neither the user nor the tenant has a default configuration."""

    code = "no_default_llm_config"


class ConfigChanged(Conflict):
    """Somebody changed the configuration since the caller read it; `version` is the present one."""

    code = "llm_config_changed"
