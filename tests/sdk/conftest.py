"""A whole server with a fake provider behind it, for the official SDKs."""

from collections.abc import AsyncIterator
from pathlib import Path

import anthropic
import openai
import pytest
from pydantic import SecretStr

from officium.settings import ProviderSettings
from tests.support.provider import FakeProvider, fake_provider
from tests.support.server import RunningServer, running_server


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as provider:
        yield provider


@pytest.fixture
async def server(tmp_path: Path, provider: FakeProvider) -> AsyncIterator[RunningServer]:
    """Every provider's address is the fake one's."""
    paths = {
        "openai": "/v1",
        "groq": "/openai/v1",
        "openrouter": "/api/v1",
        "anthropic": "",
        "gemini": "/v1beta",
    }
    providers = {
        name: ProviderSettings(api_key=SecretStr("sk-provider-key"), base_url=provider.base_url + path)
        for name, path in paths.items()
    }
    async with running_server(tmp_path, providers=providers, max_retries=0) as server:
        yield server


@pytest.fixture
async def openai_client(server: RunningServer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key=server.api_key, max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def anthropic_client(server: RunningServer) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key=server.api_key, max_retries=0) as client:
        yield client
