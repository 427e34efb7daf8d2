"""What one caller can ask: the configurations it may use, before what the environment has."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from officium.core.config import ConfigNotFound, NoDefaultConfig, OpenedConfig
from officium.core.gateway.errors import ModelNotAllowed, ProviderNotConfigured, UnknownModel
from officium.core.gateway.policy import ModelPolicy
from officium.core.llm.deployment import Deployment, Provider, RequestDefaults
from officium.core.llm.lifecycle import find_only_provider
from officium.core.llm.providers import PROVIDERS, find_provider, find_traits
from officium.kit.errors import OfficiumError
from officium.kit.sealing import SealBroken

DEFAULT = "default"
"""The model's name that stands for whatever is configured as the default."""
CONFIG_PREFIX = "config:"
"""`config:<id>` is the model of this very configuration, reached by its address and key."""
REMOTE = "remote"
"""The owner of a configuration that another server keeps."""


class ProviderAccess(Struct, frozen=True, kw_only=True):
    """What this installation knows of a provider: its address, our key, the model to use by default."""

    base_url: str
    api_key: str | None = None
    default_model: str | None = None


class Environment(Struct, frozen=True, kw_only=True):
    """What the operator has set up for everybody.

    `access` has the providers that can be asked, `addresses` also those for which only an address is set.
    `default_model` answers where neither a request nor a configuration names a model.
    """

    access: Mapping[str, ProviderAccess]
    addresses: Mapping[str, str] = field(default_factory=dict)
    default_model: str | None = None


class Reach:
    """The deployments behind names, for one caller.

    `configs` are those the caller may use, its own first. `fault` is why the default could not be fetched: it
    is raised where none of them is the default.
    """

    def __init__(
        self,
        environment: Environment,
        configs: Iterable[OpenedConfig] = (),
        policies: Sequence[ModelPolicy] = (),
        fault: OfficiumError | None = None,
    ) -> None:
        self._environment = environment
        self._configs = tuple(configs)
        self._policies = policies
        self._fault = fault

    def deployment(self, name: str) -> Deployment:
        """The deployment a name means without any alias, allowed or not.

        Raises UnknownModel, ProviderNotConfigured, ConfigNotFound, NoDefaultConfig and SealBroken.
        """
        if name.startswith(CONFIG_PREFIX):
            return self._of_id(name.removeprefix(CONFIG_PREFIX))
        if name == DEFAULT:
            return self._default()
        provider, model = split_name(name)
        config = self._choose(provider, model)
        if config is not None:
            return self._of_config(provider, model or config.model, config)
        return self._of_environment(provider, model, name)

    def config_behind(self, name: str, deployment: Deployment) -> OpenedConfig | None:
        """The configuration by which a name's deployment is reached, `None` for the environment."""
        default = next((config for config in self._configs if config.is_default), None)
        if name == DEFAULT and default is not None and default.provider == deployment.provider.name:
            return default
        return self._choose(deployment.provider, deployment.model)

    def listed(self) -> list[Deployment]:
        """One deployment of each provider that can be asked, with its default model or none (``)."""
        found: list[Deployment] = []
        for provider in PROVIDERS.values():
            config = self._choose(provider, "")
            access = self._environment.access.get(provider.name)
            try:
                if config is not None:
                    found.append(self._of_config(provider, config.model, config))
                elif access is not None:
                    found.append(_of_access(provider, access.default_model or "", access))
            except (ProviderNotConfigured, SealBroken):
                continue
        return found

    @property
    def has_own_default(self) -> bool:
        """Whether the caller or its tenant has a default configuration here."""
        return any(config.is_default and config.owner_id != REMOTE for config in self._configs)

    def default_name(self) -> str | None:
        """What `default` stands for in the environment, where no configuration is the default."""
        if any(config.is_default for config in self._configs):
            return None
        return self._environment.default_model

    def allows(self, name: str) -> bool:
        """Whether the caller may use the model `provider/model`."""
        return all(policy.allows(name) for policy in self._policies)

    def admit(self, deployments: Sequence[Deployment], name: str) -> tuple[Deployment, ...]:
        """Those the caller may use, in their order. Raises ModelNotAllowed where none is left."""
        if not self._policies:
            return tuple(deployments)
        allowed = tuple(deployment for deployment in deployments if self.allows(deployment.name))
        if not allowed:
            raise ModelNotAllowed(
                f"You may not use the model {name!r}. GET /v1/models lists those you may; "
                "an administrator of your tenant, or the operator, decides which.",
                model=name,
            )
        return allowed

    def _default(self) -> Deployment:
        for config in self._configs:
            if config.is_default:
                return self._of_config(_provider_of(config), config.model, config)
        if self._fault is not None:
            raise self._fault
        if self._environment.default_model not in (None, DEFAULT):
            return self.deployment(str(self._environment.default_model))
        for name, access in self._environment.access.items():
            if access.default_model:
                return self.deployment(name)
        raise NoDefaultConfig(
            "No default LLM configuration found. Make one with `isDefault: true` at POST /api/llm-config, "
            "or name a model."
        )

    def _of_id(self, config_id: str) -> Deployment:
        for config in self._configs:
            if config.id == config_id:
                return self._of_config(_provider_of(config), config.model, config)
        raise ConfigNotFound(
            f"There is no configuration {config_id[:64]!r} for you, or it is switched off.",
            config=config_id[:64],
        )

    def _choose(self, provider: Provider, model: str) -> OpenedConfig | None:
        """The caller's own configuration for the provider before the tenant's, whose own before another's.

        Among several of one owner: the one that names the model, else the default, else the oldest.
        """
        best: OpenedConfig | None = None
        for config in self._configs:
            if config.provider != provider.name:
                continue
            if best is None:
                best = config
            elif config.owner_id != best.owner_id:
                break
            elif _rank(config, model) > _rank(best, model):
                best = config
        return best

    def _of_config(self, provider: Provider, model: str, config: OpenedConfig) -> Deployment:
        if config.fault is not None:
            raise config.fault
        base_url, key, is_guarded = config.api_url, None, True
        if config.api_key is not None:
            key = config.api_key.reveal()
        if base_url is None:
            is_guarded = False
            access = self._environment.access.get(provider.name)
            base_url = access.base_url if access else self._address(provider)
            if key is None and access is not None:
                key = access.api_key  # to the operator's own address, and to no other
        return _deployment(
            provider,
            model,
            base_url,
            key,
            is_guarded=is_guarded,
            defaults=_defaults_of(config) if model == config.model else None,
        )

    def _address(self, provider: Provider) -> str:
        """Where a provider is that has no key here. Raises ProviderNotConfigured for a local one."""
        address = self._environment.addresses.get(provider.name)
        if address is None and not provider.is_local:
            address = provider.base_url
        if address is None:
            raise ProviderNotConfigured(
                f"{provider.label} has no address. Give the configuration one in `apiConfig.apiUrl`, "
                f"or ask the operator to set {provider.name.upper()}_BASE_URL.",
                provider=provider.name,
            )
        return address

    def _of_environment(self, provider: Provider, model: str, name: str) -> Deployment:
        access = self._environment.access.get(provider.name)
        if access is None:
            raise ProviderNotConfigured(_how_to_configure(provider), provider=provider.name, model=name)
        model = model or access.default_model or ""
        if not model:
            raise UnknownModel(f"Name a model of {provider.label}: {provider.name}/<model>.", model=name)
        return _of_access(provider, model, access)


def split_name(name: str) -> tuple[Provider, str]:
    """The provider a model's name means, and its own name for the model. Raises UnknownModel."""
    head, _, rest = name.partition("/")
    provider = find_provider(head)
    if provider is not None:
        return provider, rest
    for row in PROVIDERS.values():
        if name.startswith(row.model_prefixes):
            return row, name
    provider = find_only_provider(name)
    if provider is not None:
        return provider, name
    raise UnknownModel(
        f"There is no model {name!r}. Write provider/model, such as groq/openai/gpt-oss-20b, "
        "or an alias of your own; GET /v1/models lists what you can use.",
        model=name,
    )


def _of_access(provider: Provider, model: str, access: ProviderAccess) -> Deployment:
    return _deployment(provider, model, access.base_url, access.api_key)


def _deployment(
    provider: Provider,
    model: str,
    base_url: str,
    api_key: str | None,
    *,
    is_guarded: bool = False,
    defaults: RequestDefaults | None = None,
) -> Deployment:
    return Deployment(
        provider=provider,
        model=model,
        base_url=base_url.rstrip("/"),
        api_key=api_key,
        traits=find_traits(provider.name, model),
        is_guarded=is_guarded,
        defaults=defaults,
    )


def _provider_of(config: OpenedConfig) -> Provider:
    provider = find_provider(config.provider)
    if provider is None:
        raise ProviderNotConfigured(
            f"The configuration is for {config.provider!r}, a provider that this server does not know (any "
            "more). Change the configuration.",
            provider=config.provider,
        )
    return provider


def _defaults_of(config: OpenedConfig) -> RequestDefaults:
    refuses = find_traits(config.provider, config.model).refuses
    return RequestDefaults(
        temperature=None if "temperature" in refuses else config.temperature, max_tokens=config.max_tokens
    )


def _rank(config: OpenedConfig, model: str) -> tuple[bool, bool]:
    return config.model == model, config.is_default


def _how_to_configure(provider: Provider) -> str:
    if provider.name == "mock":
        return "The scripted provider is switched off. Set OFFICIUM_MOCK=true to use it."
    variable = provider.env_key or f"{provider.name.upper()}_BASE_URL"
    return (
        f"{variable} not configured. Set it in the server's environment to use {provider.label}, "
        "or make a configuration of your own at POST /api/llm-config."
    )
