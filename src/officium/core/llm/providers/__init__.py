"""The adapters: one dialect each, and the catalogue of providers that speak them."""

from officium.core.llm.completion import CompletionRequest, DialectName
from officium.core.llm.deployment import Deployment
from officium.core.llm.providers.anthropic_messages import AnthropicMessages
from officium.core.llm.providers.catalog import PROVIDERS, find_provider, find_traits
from officium.core.llm.providers.dialect import Dialect, StreamDecoder
from officium.core.llm.providers.gemini_generate import GeminiGenerate
from officium.core.llm.providers.ollama_native import OllamaNative
from officium.core.llm.providers.openai_chat import OpenAIChat
from officium.core.llm.providers.openai_responses import OpenAIResponses

DIALECTS: dict[DialectName, Dialect] = {
    "openai-chat": OpenAIChat(),
    "openai-responses": OpenAIResponses(),
    "anthropic-messages": AnthropicMessages(),
    "gemini-generate": GeminiGenerate(),
    "ollama-native": OllamaNative(),
}


def choose_dialect(deployment: Deployment, request: CompletionRequest | None = None) -> Dialect:
    """The dialect in which `deployment` is spoken to, for this request."""
    native = request.native if request is not None else None
    if native is not None and native.dialect in deployment.provider.also_speaks:
        return DIALECTS[native.dialect]
    tools_dialect = deployment.traits.tools_dialect
    if tools_dialect and request is not None and request.tools:
        return DIALECTS[tools_dialect]
    return DIALECTS[deployment.provider.dialect]


__all__ = [
    "DIALECTS",
    "PROVIDERS",
    "Dialect",
    "StreamDecoder",
    "choose_dialect",
    "find_provider",
    "find_traits",
]
