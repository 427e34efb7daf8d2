"""What can go wrong before a provider is asked."""

from officium.kit.errors import InvalidRequest, NotFound, PermissionDenied, ServiceUnavailable


class UnknownModel(NotFound):
    """No alias, provider or known model has this name."""

    code = "model_not_found"


class ProviderNotConfigured(InvalidRequest):
    """The provider is known, but there is no key or address for it."""

    code = "provider_not_configured"


class AliasNotFound(NotFound):
    """The tenant has no alias of this name."""

    code = "alias_not_found"


class ModelNotAllowed(PermissionDenied):
    """A policy leaves the caller none of the deployments behind the model; `model` names it."""

    code = "model_not_allowed"


class InvalidModelRules(InvalidRequest):
    """The operator's rule is stricter than the one that was asked for; `param` names it."""

    code = "invalid_model_rules"


class InvalidModelPolicy(InvalidRequest):
    """A policy may not look like this; `param` names the part."""

    code = "invalid_model_policy"


class PolicyNotFound(NotFound):
    """The tenant has no policy about this subject."""

    code = "model_policy_not_found"


class ConfigFetchFailed(ServiceUnavailable):
    """The server that keeps the configuration did not give it."""

    code = "config_fetch_failed"


class NotReplayable(InvalidRequest):
    """A kept request cannot be asked again like this; `param` names what of the wish is wrong."""

    code = "not_replayable"
