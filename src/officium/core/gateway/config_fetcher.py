"""The default configuration: from this server's own store, or from another server that keeps it."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import structlog
from msgspec import Struct

from officium.core.config import CONFIG_CHANGED, NoDefaultConfig, OpenedConfig
from officium.core.config.llm_config import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE
from officium.core.gateway.errors import ConfigFetchFailed
from officium.core.llm.errors import LLMError
from officium.core.llm.http import HttpRequest, Timeouts, Transport
from officium.core.llm.outgoing import parse_url
from officium.core.llm.providers import find_provider
from officium.core.tenancy import Caller
from officium.kit.clock import Clock, SystemClock
from officium.kit.notices import Notices
from officium.kit.secrets import Secret

FETCH_INTERVAL_S = 3600.0
_FAILURES_LIVE_S = 10.0
"""After a failure the last answer goes on for so long before the server is asked again."""
_TIMEOUTS = Timeouts(connect=5, first_byte=10, idle=10, total=10)
_LARGEST_BYTES = 64 * 1024
_KEPT = 10_000
_MASK = re.compile(r"[•*…]")

logger = structlog.get_logger("config")

Whose = tuple[str, ...]
"""What tells apart for whom a configuration was fetched; begins with the tenant's id, if it is one's own."""


class ConfigSource(Protocol):
    """Where a default configuration comes from."""

    def whose(self, caller: Caller | None) -> Whose:
        """For whom the answer to this caller holds."""
        ...

    async def fetch(self, caller: Caller | None) -> OpenedConfig:
        """The default configuration. Raises NoDefaultConfig and ConfigFetchFailed."""
        ...

    async def close(self) -> None:
        """Close what was opened for this alone."""
        ...


class OwnConfigs(Protocol):
    """The configurations of tenants and their users."""

    async def load_for_gateway(self, caller: Caller) -> Sequence[OpenedConfig]:
        """The tenant's and the caller's own."""
        ...


class _Fetched(Struct):
    """What was fetched, and until when it need not be fetched again."""

    config: OpenedConfig
    expires: float


class LLMConfigFetcher:
    """Gets the default configuration, and remembers it for an hour unless it changes.

    While the source cannot be reached, `get_config` goes on with what it said last.
    """

    def __init__(
        self,
        source: ConfigSource,
        clock: Clock | None = None,
        *,
        interval_s: float = FETCH_INTERVAL_S,
        notices: Notices | None = None,
    ) -> None:
        self._source = source
        self._clock = clock or SystemClock()
        self._interval_s = interval_s
        self._fetched: dict[Whose, _Fetched] = {}
        self._failed: dict[Whose, tuple[float, ConfigFetchFailed]] = {}
        self._fetching: dict[Whose, asyncio.Task[OpenedConfig]] = {}
        if notices is not None:
            notices.subscribe(CONFIG_CHANGED, self.forget)

    async def get_config(self, caller: Caller | None = None) -> OpenedConfig:
        """The default configuration for `caller`. Raises NoDefaultConfig and ConfigFetchFailed."""
        whose, now = self._source.whose(caller), self._clock.monotonic()
        known = self._fetched.get(whose)
        if known is not None and known.expires > now:
            return known.config
        retry_at, error = self._failed.get(whose, (0.0, None))
        try:
            if error is not None and retry_at > now:
                raise ConfigFetchFailed(error.message)
            return await self._fetch_once(caller, whose)
        except ConfigFetchFailed:
            if known is None:
                raise
            return known.config

    async def refresh(self, caller: Caller | None = None) -> OpenedConfig:
        """Fetch it now, whatever is remembered. Raises NoDefaultConfig and ConfigFetchFailed."""
        whose = self._source.whose(caller)
        self._fetching.pop(whose, None)
        return await self._fetch_once(caller, whose)

    def peek(self, caller: Caller | None = None) -> OpenedConfig | None:
        """What was fetched last, without asking anybody."""
        known = self._fetched.get(self._source.whose(caller))
        return known.config if known is not None else None

    def forget(self, tenant_id: str) -> None:
        """Fetch what is the tenant's, and what is nobody's in particular, anew when it is next needed."""
        self._failed.clear()
        for whose, known in self._fetched.items():
            if whose[:1] in ((), (tenant_id,)):
                known.expires = 0.0

    async def close(self) -> None:
        """Close the source's connections, if they are nobody else's."""
        await self._source.close()

    async def _fetch_once(self, caller: Caller | None, whose: Whose) -> OpenedConfig:
        task = self._fetching.get(whose)
        if task is None:
            task = self._fetching[whose] = asyncio.ensure_future(self._fetch(caller, whose))
            task.add_done_callback(lambda done: self._ended(whose, done))
        return await asyncio.shield(task)

    def _ended(self, whose: Whose, done: asyncio.Task[OpenedConfig]) -> None:
        if self._fetching.get(whose) is done:
            del self._fetching[whose]
        if not done.cancelled():
            done.exception()  # seen, even if everyone who waited has hung up

    async def _fetch(self, caller: Caller | None, whose: Whose) -> OpenedConfig:
        try:
            config = await self._source.fetch(caller)
        except NoDefaultConfig:
            self._fetched.pop(whose, None)
            raise
        except ConfigFetchFailed as error:
            logger.warning("config.fetch_failed", reason=error.message)
            self._failed[whose] = (self._clock.monotonic() + _FAILURES_LIVE_S, error)
            raise
        if len(self._fetched) >= _KEPT:
            self._fetched.clear()
        self._failed.pop(whose, None)
        self._fetched[whose] = _Fetched(config, self._clock.monotonic() + self._interval_s)
        logger.info("config.fetched", provider=config.provider, model=config.model)
        return config


class StoredDefault:
    """The caller's default in this server's own store, else its tenant's."""

    def __init__(self, configs: OwnConfigs) -> None:
        self._configs = configs

    def whose(self, caller: Caller | None) -> Whose:
        """The tenant's, the member's and the key's."""
        asking = _known(caller)
        return asking.tenant_id, asking.member_id or "", asking.key_id or ""

    async def fetch(self, caller: Caller | None) -> OpenedConfig:
        """Read it. Raises NoDefaultConfig."""
        asking = _known(caller)
        defaults = {
            config.owner_id: config
            for config in await self._configs.load_for_gateway(asking)
            if config.is_default
        }
        for owner in (asking.member_id, asking.key_id):
            if owner is not None and owner in defaults:
                return defaults[owner]
        if None not in defaults:
            raise _no_default()
        return defaults[None]

    async def close(self) -> None:
        """Nothing to close."""


class RemoteDefault:
    """The default of another server, asked over HTTP at `{url}/api/llm-config/default`.

    `key` is sent as a bearer token where that server wants one.
    """

    def __init__(
        self, url: str, transport: Transport, key: str | None = None, *, owns_transport: bool = False
    ) -> None:
        self._owns_transport = owns_transport
        self._url = f"{url.rstrip('/')}/api/llm-config/default"
        self._transport = transport
        self._headers = {"accept": "application/json", "x-user-id": "system"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"

    def whose(self, caller: Caller | None) -> Whose:
        """Everybody's."""
        return ()

    async def fetch(self, caller: Caller | None) -> OpenedConfig:
        """Ask for it. Raises NoDefaultConfig and ConfigFetchFailed."""
        try:
            async with asyncio.timeout(_TIMEOUTS.total):
                status, body = await self._ask()
        except (LLMError, TimeoutError) as error:
            raise _failed("it cannot be reached") from error
        if status == 404:
            raise _no_default()
        if status != 200:
            raise _failed(f"it answered {status}")
        return read_config(body)

    async def close(self) -> None:
        """Close the connections, if they are nobody else's."""
        if self._owns_transport:
            await self._transport.close()

    async def _ask(self) -> tuple[int, bytes]:
        parse_url(self._url)
        response = await self._transport.send(HttpRequest("GET", self._url, self._headers), _TIMEOUTS)
        try:
            return response.status, await response.read(_LARGEST_BYTES)
        finally:
            response.close()


def read_config(body: bytes) -> OpenedConfig:
    """The configuration in another server's answer, also under `data`; in camelCase or snake_case.

    A masked key counts as none. Raises NoDefaultConfig for `null`, else ConfigFetchFailed.
    """
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _failed("its answer is not JSON") from None
    if isinstance(said, dict) and "provider" not in said:
        said = said.get("data")
    if said is None:
        raise _no_default()
    try:
        return _config(said)
    except (AttributeError, TypeError, ValueError):
        raise _failed("its answer is no configuration") from None


def _config(said: dict[str, Any]) -> OpenedConfig:
    provider = find_provider(said["provider"]) if isinstance(said.get("provider"), str) else None
    model = said.get("model") or (provider.default_model if provider is not None else None)
    access = _said(said, "apiConfig") or {}
    key, address = _said(access, "apiKey"), _said(access, "apiUrl")
    temperature, max_tokens = _said(said, "temperature"), _said(said, "maxTokens")
    if provider is None or not isinstance(model, str) or not model.isprintable():
        raise ValueError("provider or model")
    if not all(value is None or isinstance(value, str) for value in (key, address)):
        raise TypeError("apiConfig")
    return OpenedConfig(
        id="remote",
        owner_id=None,
        provider=provider.name,
        model=model,
        temperature=DEFAULT_TEMPERATURE if temperature is None else float(temperature),
        max_tokens=DEFAULT_MAX_TOKENS if max_tokens is None else int(max_tokens),
        is_default=True,
        api_key=Secret(key) if key and not _MASK.search(key) else None,
        api_url=address or None,
        version=1,
    )


def _said(said: dict[str, Any], name: str) -> Any:
    """The value under a camelCase name, or under the same name in snake_case."""
    return said.get(name, said.get(re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)))


def _known(caller: Caller | None) -> Caller:
    if caller is None:
        raise _no_default()
    return caller


def _no_default() -> NoDefaultConfig:
    return NoDefaultConfig(
        "No default LLM configuration found. Make one with `isDefault: true` at POST /api/llm-config, then "
        "POST /config/refresh."
    )


def _failed(why: str) -> ConfigFetchFailed:
    return ConfigFetchFailed(
        f"Failed to fetch LLM config: the server that keeps it was asked, but {why}. "
        "Check NESTJS_SERVER_URL and that server, then POST /config/refresh."
    )
