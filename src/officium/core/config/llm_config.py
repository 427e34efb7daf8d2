"""A tenant's own way to a provider: model, settings, address, and a key that is never shown."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from officium.core.config.errors import ConfigChanged, InvalidConfig
from officium.kit.sealing import SealBroken
from officium.kit.secrets import Secret

DEFAULT_TEMPERATURE = 0.3
DEFAULT_MAX_TOKENS = 4096
MOST_CONFIGS = 1000
"""As many may a tenant have, those of its users included."""
MOST_OF_A_USER = 50
MASK = "••••"
_MOST_TOKENS = 1_000_000
_LONGEST_MODEL = 256
_LONGEST_KEY = 4096
_LONGEST_URL = 2048
_SHORTEST_KEY_WITH_A_HINT = 12
_SHOWN = ("provider", "model", "temperature", "max_tokens", "is_default", "is_enabled", "api_key", "api_url")
_KEY = re.compile(r"[\x20-\x7e]+")
_URL = re.compile(r"https?://[\x21-\x7e]+", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")

Change = Literal["created", "updated", "deleted"]


class KnownProvider(Struct, frozen=True, kw_only=True):
    """What must be known of a provider to judge a configuration."""

    name: str
    aliases: tuple[str, ...] = ()
    default_model: str | None = None
    needs_key: bool = True
    needs_url: bool = False


class LlmConfig(Struct, frozen=True, kw_only=True):
    """A configuration without its key. `owner_id` is the member or key it belongs to, `None` the tenant.

    One that is not enabled answers nobody, also as the default, until it is enabled again.
    `key_hint` has the last four characters of the key, none of a short one; `None` where there is no key.
    """

    id: str
    tenant_id: str
    owner_id: str | None
    provider: str
    model: str
    temperature: float = DEFAULT_TEMPERATURE
    max_tokens: int = DEFAULT_MAX_TOKENS
    is_default: bool = False
    is_enabled: bool = True
    key_hint: str | None = None
    api_url: str | None = None
    version: int = 1
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str

    @property
    def masked_key(self) -> str | None:
        """What may be shown of the key; `None` where there is none."""
        return None if self.key_hint is None else MASK + self.key_hint


class OpenedConfig(Struct, frozen=True, kw_only=True):
    """A configuration with its key, for the call to the provider. `owner_id` is as in `LlmConfig`.

    `fault` is why its key does not open; whoever would use it raises that, and the others go on.
    """

    id: str
    owner_id: str | None
    provider: str
    model: str
    temperature: float
    max_tokens: int
    is_default: bool
    api_key: Secret | None
    api_url: str | None
    version: int
    fault: SealBroken | None = None


class ConfigVersion(Struct, frozen=True, kw_only=True):
    """What one change made of a configuration: `changes` has the values before and after, by field."""

    config_id: str
    version: int
    change: Change
    changed_at: datetime
    changed_by: str
    changes: Mapping[str, tuple[object, object]]


class ConfigDraft(Struct, frozen=True, kw_only=True):
    """What a caller says of a configuration. What is left `UNSET` stays as it is, or takes its default.

    No key, or the mask that was shown in its place, means the key that is there. `version` and `updated_at`
    say which state the caller has seen.
    """

    provider: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    max_tokens: int | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET
    api_key: Secret | None = None
    api_url: str | UnsetType | None = UNSET
    version: int | None = None
    updated_at: datetime | None = None


class Revised(Struct, frozen=True):
    """A configuration as it is to be, and its new key: `None` where the present one stays."""

    config: LlmConfig
    new_key: Secret | None


class Providers:
    """The providers a configuration may name."""

    def __init__(self, known: Iterable[KnownProvider]) -> None:
        self._known = {row.name: row for row in known}
        self._names = {name: row for row in self._known.values() for name in (row.name, *row.aliases)}

    def get(self, name: str) -> KnownProvider:
        """The provider with this name or alias. Raises InvalidConfig."""
        found = self._names.get(name.strip().lower())
        if found is None:
            raise InvalidConfig(
                f"There is no provider {name[:64]!r}. Choose from: {', '.join(sorted(self._known))}.",
                param="provider",
            )
        return found


def make_config(
    draft: ConfigDraft, providers: Providers, *, id: str, tenant_id: str, owner_id: str | None,
    actor: str, now: datetime,
) -> Revised:  # fmt: skip
    """A new configuration. Raises InvalidConfig."""
    if draft.provider is UNSET:
        raise InvalidConfig("Say which provider the configuration is for.", param="provider")
    now = _to_milliseconds(now)
    blank = LlmConfig(
        id=id,
        tenant_id=tenant_id,
        owner_id=owner_id,
        provider="",
        model="",
        version=0,
        created_at=now,
        created_by=actor,
        updated_at=now,
        updated_by=actor,
    )
    return _revise(blank, draft, providers)


def revise_config(
    config: LlmConfig, draft: ConfigDraft, providers: Providers, *, actor: str, now: datetime
) -> Revised:
    """The configuration with what the draft says. Raises InvalidConfig and ConfigChanged."""
    _check_seen(config, draft)
    return _revise(touched(config, actor, now, version=config.version), draft, providers)


def touched(config: LlmConfig, actor: str, now: datetime, **values: object) -> LlmConfig:
    """The configuration with other values, in its next version unless they say which.

    Its `updated_at` has whole milliseconds, as many clients do not keep more, and always grows.
    """
    later = max(_to_milliseconds(now), config.updated_at + timedelta(milliseconds=1))
    changed: dict[str, object] = {"version": config.version + 1, "updated_at": later, "updated_by": actor}
    return replace(config, **changed | values)


def values_of(config: LlmConfig) -> dict[str, object]:
    """What may be written down of a configuration: everything but its key, which shows its end."""
    values = asdict(config) | {"api_key": config.masked_key}
    return {name: values[name] for name in _SHOWN}


def changes_between(
    before: LlmConfig | None, after: LlmConfig | None, *, is_new_key: bool
) -> dict[str, tuple[object, object]]:
    """The values that differ, before and after, by field. A new key differs even if it ends like the old."""
    old = values_of(before) if before else dict.fromkeys(_SHOWN)
    new = values_of(after) if after else dict.fromkeys(_SHOWN)
    return {
        name: (old[name], new[name])
        for name in _SHOWN
        if old[name] != new[name] or (name == "api_key" and is_new_key)
    }


def _revise(config: LlmConfig, draft: ConfigDraft, providers: Providers) -> Revised:
    provider = providers.get(config.provider if draft.provider is UNSET else draft.provider)
    new_key = _read_key(draft.api_key, config)
    api_url = config.api_url if draft.api_url is UNSET else _read_url(draft.api_url)
    has_moved = provider.name != config.provider or (
        api_url is not None and _origin(api_url) != _origin(config.api_url)
    )
    hint = config.key_hint if new_key is None else _hint(new_key)
    if has_moved and hint is not None and new_key is None:
        hint = _hint_after_move(provider, config)
    revised = replace(
        config,
        provider=provider.name,
        model=_read_model(config, draft, provider),
        temperature=_within("temperature", draft.temperature, config.temperature, 0, 2),
        max_tokens=int(_within("maxTokens", draft.max_tokens, config.max_tokens, 1, _MOST_TOKENS)),
        is_default=config.is_default if draft.is_default is UNSET else draft.is_default,
        is_enabled=config.is_enabled if draft.is_enabled is UNSET else draft.is_enabled,
        key_hint=hint,
        api_url=api_url,
        version=config.version + 1,
    )
    if hint is None and provider.needs_key:
        raise InvalidConfig(f"The provider {provider.name} needs a key.", param="apiConfig.apiKey")
    if api_url is None and provider.needs_url:
        raise InvalidConfig(f"The provider {provider.name} needs an address.", param="apiConfig.apiUrl")
    return Revised(revised, new_key)


def _hint_after_move(provider: KnownProvider, config: LlmConfig) -> str | None:
    """What becomes of the present key when the configuration leads elsewhere: it never goes along.

    Else whoever may change the address could have the key sent to a server of theirs and read it there.
    """
    if provider.needs_key or provider.name == config.provider:
        raise InvalidConfig(
            "The key that is stored was given for another provider or address. Send the key once more.",
            param="apiConfig.apiKey",
        )
    return None


def _check_seen(config: LlmConfig, draft: ConfigDraft) -> None:
    is_stale = (draft.version is not None and draft.version != config.version) or (
        draft.updated_at is not None and _to_milliseconds(draft.updated_at) != config.updated_at
    )
    if is_stale:
        raise ConfigChanged(
            f"Somebody changed this configuration: it is at version {config.version} now. "
            "Read it again, then decide.",
            version=config.version,
        )


def _read_model(config: LlmConfig, draft: ConfigDraft, provider: KnownProvider) -> str:
    """The model asked for, else the present one, else the provider's own default."""
    if draft.model is UNSET:
        model = config.model if config.provider == provider.name else provider.default_model or ""
    else:
        model = draft.model.strip()
    if not 1 <= len(model) <= _LONGEST_MODEL or not model.isprintable():
        raise InvalidConfig(
            f"Name a model of {provider.name}, with 1 to {_LONGEST_MODEL} printable characters.",
            param="model",
        )
    return model


def _within(name: str, said: float | UnsetType, present: float, least: float, most: float) -> float:
    value = present if said is UNSET else said
    if not least <= value <= most:
        raise InvalidConfig(f"`{name}` lies between {least} and {most:,}.", param=name)
    return value


def _read_key(said: Secret | None, config: LlmConfig) -> Secret | None:
    """The new key, if this is one. Keys go into headers, so nothing but printable ASCII may be in them."""
    text = said.reveal().strip() if said is not None else ""
    if not text or (config.key_hint is not None and text == config.masked_key):
        return None
    if MASK[0] in text:
        raise InvalidConfig(
            "This is the mask of another key. Leave the key out to keep the present one.",
            param="apiConfig.apiKey",
        )
    if len(text) > _LONGEST_KEY or not _KEY.fullmatch(text):
        raise InvalidConfig(
            f"A key has 1 to {_LONGEST_KEY:,} printable ASCII characters, and no line breaks.",
            param="apiConfig.apiKey",
        )
    return Secret(text)


def _read_url(said: str | None) -> str | None:
    text = (said or "").strip().rstrip("/")
    if not text:
        return None
    parts = _split(text)
    is_fine = (
        len(text) <= _LONGEST_URL
        and _URL.fullmatch(text) is not None
        and "\\" not in text
        and parts is not None
        and "@" not in parts.netloc
        and not any(mark in text for mark in "?#")
        and _HOST.fullmatch(parts.netloc.rpartition(":")[0] if parts.port else parts.netloc.rstrip(":"))
        is not None
    )
    if not is_fine:
        raise InvalidConfig(
            "An address begins with https:// or http:// and a host, has at most "
            f"{_LONGEST_URL:,} characters, and holds no user, password, question mark or number sign.",
            param="apiConfig.apiUrl",
        )
    return text


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _origin(url: str | None) -> tuple[str, str, int | None] | None:
    """Scheme, host and port: where a key would be sent to."""
    if url is None:
        return None
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port


def _hint(key: Secret) -> str:
    text = key.reveal()
    return text[-4:] if len(text) >= _SHORTEST_KEY_WITH_A_HINT else ""


def _to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
