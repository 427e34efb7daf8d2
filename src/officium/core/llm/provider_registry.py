"""A configuration in, a provider to talk to out: for programs that choose their provider by configuration."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import ClassVar, Protocol, Self, Unpack

from officium.core.llm.chat import LLMResponse, MessageLike
from officium.core.llm.client import CompletionOptions, LLMClient
from officium.core.llm.errors import LLMError
from officium.core.llm.http import Transport
from officium.core.llm.providers import find_provider
from officium.kit.errors import InvalidRequest
from officium.kit.secrets import Secret


class ProviderConfig(Protocol):
    """What must be known to ask a provider; `LLMConfigFetcher.get_config()` gives one."""

    @property
    def provider(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def temperature(self) -> float | None: ...

    @property
    def max_tokens(self) -> int | None: ...

    @property
    def api_key(self) -> Secret | None: ...

    @property
    def api_url(self) -> str | None: ...


class ILLMProvider(ABC):
    """A provider and a model, ready to be asked. Close it, or use it in `async with`."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The provider's name, such as `anthropic`."""

    @property
    @abstractmethod
    def model(self) -> str:
        """The provider's own name of the model."""

    @abstractmethod
    async def generate(
        self,
        prompt: str | Sequence[MessageLike],
        system_prompt: str | None = None,
        **options: Unpack[CompletionOptions],
    ) -> LLMResponse:
        """Ask and wait for the whole answer. Raises LLMError."""

    @abstractmethod
    def stream(
        self,
        prompt: str | Sequence[MessageLike],
        system_prompt: str | None = None,
        **options: Unpack[CompletionOptions],
    ) -> AsyncIterator[str]:
        """Ask and yield the answer's text in the pieces in which it comes. Raises LLMError."""

    @abstractmethod
    async def health_check(self) -> bool:
        """Whether the provider answers; costs a few tokens."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class CatalogueProvider(ILLMProvider):
    """Any provider of the catalogue, by name. Raises InvalidRequest for one that is not in it."""

    def __init__(
        self,
        provider: str,
        api_key: str | None = None,
        model: str | None = None,
        *,
        base_url: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._client = LLMClient(
            provider,
            model,
            api_key,
            base_url,
            temperature=temperature,
            max_tokens=max_tokens,
            transport=transport,
        )
        self._deployment = self._client.deployments[0]

    @property
    def name(self) -> str:
        return self._deployment.provider.name

    @property
    def model(self) -> str:
        return self._deployment.model

    async def generate(
        self,
        prompt: str | Sequence[MessageLike],
        system_prompt: str | None = None,
        **options: Unpack[CompletionOptions],
    ) -> LLMResponse:
        return await self._client.generate_completion(prompt, system_prompt, **options)

    def stream(
        self,
        prompt: str | Sequence[MessageLike],
        system_prompt: str | None = None,
        **options: Unpack[CompletionOptions],
    ) -> AsyncIterator[str]:
        return self._client.stream_completion(prompt, system_prompt, **options)

    async def health_check(self) -> bool:
        try:
            await self.generate("Answer with the word OK.", max_tokens=16)
        except LLMError:
            return False
        return True

    async def close(self) -> None:
        await self._client.close()


class _NamedProvider(CatalogueProvider):
    """A provider with a class of its own."""

    provider: ClassVar[str]

    def __init__(
        self,
        api_key: str | None = None,
        model: str | None = None,
        *,
        base_url: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        transport: Transport | None = None,
    ) -> None:
        super().__init__(
            self.provider,
            api_key,
            model,
            base_url=base_url,
            temperature=temperature,
            max_tokens=max_tokens,
            transport=transport,
        )


class AnthropicProvider(_NamedProvider):
    """Claude, at Anthropic."""

    provider = "anthropic"


class OpenAIProvider(_NamedProvider):
    """OpenAI."""

    provider = "openai"


class OllamaProvider(_NamedProvider):
    """Models of a local Ollama; needs `model`, and no key."""

    provider = "ollama"


class LlamaCppProvider(_NamedProvider):
    """The model that a local llama.cpp server has loaded; needs no key."""

    provider = "llamacpp"


_CLASSES: Mapping[str, type[_NamedProvider]] = {
    kind.provider: kind for kind in (AnthropicProvider, OpenAIProvider, OllamaProvider, LlamaCppProvider)
}


class LLMProviderRegistry:
    """Makes the provider that a configuration names."""

    def __init__(self, transport: Transport | None = None) -> None:
        self._transport = transport
        self._makers: dict[str, Callable[[ProviderConfig], ILLMProvider]] = {}

    def register(self, name: str, make: Callable[[ProviderConfig], ILLMProvider]) -> None:
        """Let `make` make the provider of this name from its configuration."""
        self._makers[name.lower()] = make

    def create(self, config: ProviderConfig) -> ILLMProvider:
        """The provider. Raises InvalidRequest for a name that nobody knows."""
        own = self._makers.get(config.provider.lower())
        if own is not None:
            return own(config)
        row = find_provider(config.provider)
        if row is None:
            raise InvalidRequest(f"There is no provider {config.provider!r}.", param="provider")
        key = config.api_key.reveal() if config.api_key is not None else None
        if row.name in _CLASSES:
            return _CLASSES[row.name](
                key,
                config.model,
                base_url=config.api_url,
                temperature=config.temperature,
                max_tokens=config.max_tokens,
                transport=self._transport,
            )
        return CatalogueProvider(
            row.name,
            key,
            config.model,
            base_url=config.api_url,
            temperature=config.temperature,
            max_tokens=config.max_tokens,
            transport=self._transport,
        )
