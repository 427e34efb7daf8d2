"""A configuration in, a provider out."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from officium.core.llm.chat import LLMResponse, MessageLike
from officium.core.llm.errors import LLMAuthenticationError
from officium.core.llm.provider_registry import (
    AnthropicProvider,
    CatalogueProvider,
    ILLMProvider,
    LlamaCppProvider,
    LLMProviderRegistry,
    OllamaProvider,
    OpenAIProvider,
    ProviderConfig,
)
from officium.kit.errors import InvalidRequest
from officium.kit.secrets import Secret
from officium.testing import ScriptedTransport
from tests.support.provider import Reply, fake_provider


@dataclass(frozen=True)
class Config:
    """A configuration as a fetcher gives it."""

    provider: str = "openai"
    model: str = "gpt-x"
    temperature: float | None = 0.3
    max_tokens: int | None = 4096
    api_key: Secret | None = field(default_factory=lambda: Secret("sk-canary-1"))
    api_url: str | None = None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("anthropic", AnthropicProvider),
        ("claude", AnthropicProvider),
        ("openai", OpenAIProvider),
        ("ollama", OllamaProvider),
        ("llamacpp", LlamaCppProvider),
        ("groq", CatalogueProvider),
    ],
)
async def test_provider_is_of_the_class_that_the_configuration_names(
    name: str, kind: type[ILLMProvider]
) -> None:
    provider = LLMProviderRegistry(ScriptedTransport()).create(Config(provider=name))

    assert type(provider) is kind
    assert provider.name == ("anthropic" if name == "claude" else name)
    assert provider.model == "gpt-x"
    assert "canary" not in repr(provider)
    await provider.close()


def test_provider_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        LLMProviderRegistry().create(Config(provider="nobody"))


async def test_request_carries_what_the_configuration_says() -> None:
    answer = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "model": "gpt-x"}
    async with fake_provider() as upstream:
        upstream.answers(Reply.json(answer))
        config = Config(api_url=f"{upstream.base_url}/v1", model="m", temperature=0.5, max_tokens=99)
        async with LLMProviderRegistry().create(config) as provider:
            response = await provider.generate("Hello", "Be brief.", max_tokens=7)
            is_healthy = await provider.health_check()

    asked = upstream.asked[0]
    assert response.content == "Hi"
    assert is_healthy
    assert asked.headers["authorization"] == "Bearer sk-canary-1"
    assert (asked.body["model"], asked.body["temperature"], asked.body["max_tokens"]) == ("m", 0.5, 7)
    assert [message["role"] for message in asked.body["messages"]] == ["system", "user"]


async def test_answer_can_be_streamed() -> None:
    async with OpenAIProvider("sk-1", "gpt-x", transport=ScriptedTransport()) as provider:
        pieces = [piece async for piece in provider.stream("Hello")]

    assert len(pieces) > 1


async def test_refused_key_is_unhealthy_and_an_error() -> None:
    async with fake_provider() as upstream:
        upstream.answers(Reply.json({"error": {"message": "no"}}, 401))
        async with OpenAIProvider("sk-1", "gpt-x", base_url=f"{upstream.base_url}/v1") as provider:
            assert not await provider.health_check()
            with pytest.raises(LLMAuthenticationError):
                await provider.generate("Hello")


class Own(ILLMProvider):
    """A provider of somebody's own."""

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        self.is_closed = False

    @property
    def name(self) -> str:
        return "own"

    @property
    def model(self) -> str:
        return self.config.model

    async def generate(
        self, prompt: str | Sequence[MessageLike], system_prompt: str | None = None, **options: Any
    ) -> LLMResponse:
        raise NotImplementedError

    async def stream(
        self, prompt: str | Sequence[MessageLike], system_prompt: str | None = None, **options: Any
    ) -> AsyncIterator[str]:
        yield self.model

    async def health_check(self) -> bool:
        return True

    async def close(self) -> None:
        self.is_closed = True


async def test_provider_of_ones_own_can_be_registered() -> None:
    registry = LLMProviderRegistry()
    registry.register("Own", Own)

    async with registry.create(Config(provider="own", model="m")) as provider:
        pieces = [piece async for piece in provider.stream("Hello")]

    assert isinstance(provider, Own)
    assert provider.is_closed
    assert pieces == ["m"]


def test_base_cannot_be_made() -> None:
    with pytest.raises(TypeError):
        ILLMProvider()  # type: ignore[abstract]
