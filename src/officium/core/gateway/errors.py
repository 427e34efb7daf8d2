"""What can go wrong before a provider is asked."""

from officium.kit.errors import InvalidRequest, NotFound


class UnknownModel(NotFound):
    """No alias, provider or known model has this name."""

    code = "model_not_found"


class ProviderNotConfigured(InvalidRequest):
    """The provider is known, but there is no key or address for it."""

    code = "provider_not_configured"


class AliasNotFound(NotFound):
    """The tenant has no alias of this name."""

    code = "alias_not_found"
