"""The providers, a row each. A provider that speaks a known dialect needs nothing but its row.

Model names and prices age within weeks, so none decides anything here: a row's default model is only what
answers when nobody names one, and the environment or a tenant's configuration may say otherwise.
"""

import re
from functools import lru_cache

from officium.core.llm.deployment import ModelTraits, Provider

_ROWS = (
    Provider(
        name="fireworks",
        label="Fireworks",
        dialect="openai-chat",
        base_url="https://api.fireworks.ai/inference/v1",
        env_key="FIREWORKS_API_KEY",
        default_model="accounts/fireworks/models/qwen2p5-72b-instruct",
        model_prefixes=("accounts/fireworks/",),
    ),
    Provider(
        name="groq",
        label="Groq",
        dialect="openai-chat",
        base_url="https://api.groq.com/openai/v1",
        env_key="GROQ_API_KEY",
        free_rate_limit="30/1m, 14400/1d",
        default_model="openai/gpt-oss-20b",
        quirks=frozenset({"strict_messages"}),
    ),
    Provider(
        name="openai",
        label="OpenAI",
        dialect="openai-chat",
        also_speaks=("openai-responses",),
        base_url="https://api.openai.com/v1",
        env_key="OPENAI_API_KEY",
        default_model="gpt-6-luna",
        model_prefixes=("gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-"),
        quirks=frozenset({"strict_messages"}),
    ),
    Provider(
        name="anthropic",
        label="Anthropic",
        dialect="anthropic-messages",
        base_url="https://api.anthropic.com",
        auth="x-api-key",
        env_key="ANTHROPIC_API_KEY",
        default_model="claude-haiku-5-5",
        model_prefixes=("claude-",),
    ),
    Provider(
        name="gemini",
        label="Gemini",
        dialect="gemini-generate",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        auth="x-goog-api-key",
        env_key="GEMINI_API_KEY",
        free_rate_limit="60/1m",
        default_model="gemini-3.5-flash-lite",
        model_prefixes=("gemini-",),
    ),
    Provider(
        name="openrouter",
        label="OpenRouter",
        dialect="openai-chat",
        base_url="https://openrouter.ai/api/v1",
        env_key="OPENROUTER_API_KEY",
        default_model="~anthropic/claude-sonnet-latest",
        has_faithful_streams=False,  # says the role again with each piece, and citations without their place
        quirks=frozenset({"reports_cost"}),
    ),
    Provider(
        name="ollama",
        label="Ollama",
        dialect="openai-chat",
        base_url="http://localhost:11434/v1",
        auth="bearer",
        is_local=True,
        is_faithful=False,
    ),
    Provider(
        name="llamacpp",
        label="llama.cpp",
        dialect="openai-chat",
        base_url="http://localhost:8080/v1",
        is_local=True,
        default_model="default",
        quirks=frozenset({"client_mistakes_as_500"}),
    ),
    Provider(
        name="vllm",
        label="vLLM",
        dialect="openai-chat",
        base_url="http://localhost:8000/v1",
        is_local=True,
        is_faithful=False,
        quirks=frozenset({"think_tags"}),
    ),
    Provider(
        name="mock",
        label="Scripted",
        dialect="openai-chat",
        base_url="mock://scripted/v1",
        auth="none",
        default_model="mock",
        is_local=True,
    ),
    # Not promised by name, but they speak the same dialect and their differences are known.
    Provider(name="together", label="Together", dialect="openai-chat", base_url="https://api.together.xyz/v1", env_key="TOGETHER_API_KEY"),
    Provider(name="mistral", label="Mistral", dialect="openai-chat", base_url="https://api.mistral.ai/v1", env_key="MISTRAL_API_KEY", is_faithful=False, quirks=frozenset({"strict_messages"})),
    Provider(name="deepseek", label="DeepSeek", dialect="openai-chat", base_url="https://api.deepseek.com/v1", env_key="DEEPSEEK_API_KEY"),
    Provider(
        name="xai",
        label="xAI",
        dialect="openai-chat",
        base_url="https://api.x.ai/v1",
        env_key="XAI_API_KEY",
        quirks=frozenset({"reasoning_outside_output"}),
    ),
    Provider(name="cerebras", label="Cerebras", dialect="openai-chat", base_url="https://api.cerebras.ai/v1", env_key="CEREBRAS_API_KEY", quirks=frozenset({"strict_messages"})),
    Provider(name="huggingface", label="Hugging Face", dialect="openai-chat", base_url="https://router.huggingface.co/v1", env_key="HF_TOKEN"),
    Provider(name="perplexity", label="Perplexity", dialect="openai-chat", base_url="https://api.perplexity.ai", env_key="PERPLEXITY_API_KEY", has_faithful_streams=False),
    Provider(name="zai", label="Z.ai", dialect="openai-chat", base_url="https://api.z.ai/api/paas/v4", env_key="ZAI_API_KEY", has_faithful_streams=False),
    Provider(name="azure", label="Azure OpenAI", dialect="openai-chat", base_url=None, env_key="AZURE_OPENAI_API_KEY", quirks=frozenset({"strict_messages"})),
    Provider(name="vertex", label="Vertex AI", dialect="gemini-generate", base_url=None, env_key="VERTEX_ACCESS_TOKEN"),
)  # fmt: skip

ALIASES = {"claude": "anthropic", "google": "gemini", "llama.cpp": "llamacpp"}
"""Other names under which a provider is accepted."""

PROVIDERS: dict[str, Provider] = {row.name: row for row in _ROWS}


def find_provider(name: str) -> Provider | None:
    """The row with this name or alias, or `None`."""
    name = name.lower()
    return PROVIDERS.get(ALIASES.get(name, name))


_SAMPLING = frozenset({"temperature", "top_p", "top_k"})
_TRAITS: tuple[tuple[str, re.Pattern[str], ModelTraits], ...] = (
    (
        "anthropic",
        re.compile(r"claude-[a-z]+-5-5|claude-fable"),
        ModelTraits(refuses=_SAMPLING | {"forced_tool_choice", "prefill", "thinking_budget"}),
    ),
    (
        "anthropic",
        re.compile(r"claude-(sonnet|opus)-5"),
        ModelTraits(refuses=_SAMPLING | {"prefill", "thinking_budget"}),
    ),
    (
        "anthropic",
        re.compile(r"claude-(opus-4-[78]|mythos)"),
        ModelTraits(refuses=_SAMPLING | {"thinking_budget"}),
    ),
    (
        "anthropic",
        re.compile(r"claude-(3|2|instant|(sonnet|opus)-4-(0|2025)|(sonnet|opus)-4$|haiku-3)"),
        ModelTraits(has_native_json_schema=False),
    ),
    (
        "openai",
        re.compile(r"gpt-(6|5\.[4-9])"),
        ModelTraits(
            refuses=_SAMPLING | {"logprobs", "presence_penalty", "frequency_penalty", "stop"},
            wants_max_completion_tokens=True,
            tools_dialect="openai-responses",
        ),
    ),
    (
        "openai",
        re.compile(r"gpt-5(?!-chat)|o[1-9](-|$)"),
        ModelTraits(
            refuses=_SAMPLING | {"logprobs", "presence_penalty", "frequency_penalty", "stop"},
            wants_max_completion_tokens=True,
        ),
    ),
    ("openai", re.compile(r"gpt-(3\.5|4(?!o|\.1))"), ModelTraits(has_native_json_schema=False)),
    ("gemini", re.compile(r"gemini-(3\.[6-9]|[4-9])"), ModelTraits(refuses=_SAMPLING)),
)
_SAME_MODELS = {"vertex": "gemini"}
"""Providers whose models are another's, under the same names."""


@lru_cache(maxsize=4096)
def find_traits(provider: str, model: str) -> ModelTraits:
    """What is known of `model` at `provider`; the plain traits for a model nobody wrote down."""
    provider = _SAME_MODELS.get(provider, provider)
    for name, pattern, traits in _TRAITS:
        if name == provider and pattern.search(model):
            return traits
    return ModelTraits()
