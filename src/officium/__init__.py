"""Officium: one self-hosted server for everything a business runs on language models.

The names below work without the server, too. Each is imported when it is first used, so `import officium`
stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from officium.kit.version import __version__

if TYPE_CHECKING:
    from officium.apps.cashflow.assumptions import AssumptionsReport
    from officium.apps.cashflow.deterministic_rules import DeterministicRules
    from officium.apps.cashflow.forecast_table import (
        ForecastOptions,
        ForecastPeriod,
        ForecastTable,
        ForecastTotals,
    )
    from officium.apps.cashflow.prediction import (
        CashflowBucket,
        CashflowPredictionInput,
        CashflowPredictionResult,
        DealForPrediction,
        DealPrediction,
        PredictionMetadata,
        PredictionOptions,
    )
    from officium.apps.cashflow.prediction_service import CashflowPredictionService
    from officium.apps.personas.prompt_context import PromptContext
    from officium.apps.writer import (
        ComplianceContext,
        ComplianceResult,
        DealSummaryContext,
        DealSummaryResult,
        DraftEmailResult,
        DraftReminderResult,
        EmailDraftContext,
        NoteSummaryContext,
        NoteSummaryResult,
        OrderReceivedContext,
        OrderReceivedResult,
        ReminderDraftContext,
    )
    from officium.core.gateway.config_fetcher import LLMConfigFetcher
    from officium.core.llm.chat import LLMMessage, LLMResponse, LLMStreamChunk
    from officium.core.llm.errors import LLMError, LLMRateLimitError, LLMValidationError
    from officium.core.llm.price import COST_PER_1K_TOKENS, estimate_cost
    from officium.core.llm.provider_registry import (
        AnthropicProvider,
        ILLMProvider,
        LlamaCppProvider,
        LLMProviderRegistry,
        OllamaProvider,
        OpenAIProvider,
    )
    from officium.core.llm.token_usage import TokenUsage
    from officium.core.llm.tokens import estimate_tokens
    from officium.core.prompts import PromptRegistry
    from officium.core.usage.limits import RateLimiter, RateLimitState, SharedWindows, create_rate_limiter
    from officium.library import (
        LLMClient,
        build_persona_prompt,
        chat_rate_limiter,
        get_cashflow_prediction_service,
        get_config_fetcher,
        get_llm_client,
        get_prompt_registry,
        stream_completion,
    )
    from officium.writing import WriterService, get_writer_service

_HOMES = {
    "LLMClient": "officium.library",
    "get_llm_client": "officium.library",
    "stream_completion": "officium.library",
    "LLMConfigFetcher": "officium.core.gateway.config_fetcher",
    "get_config_fetcher": "officium.library",
    "LLMProviderRegistry": "officium.core.llm.provider_registry",
    "ILLMProvider": "officium.core.llm.provider_registry",
    "AnthropicProvider": "officium.core.llm.provider_registry",
    "OpenAIProvider": "officium.core.llm.provider_registry",
    "OllamaProvider": "officium.core.llm.provider_registry",
    "LlamaCppProvider": "officium.core.llm.provider_registry",
    "LLMMessage": "officium.core.llm.chat",
    "LLMResponse": "officium.core.llm.chat",
    "LLMStreamChunk": "officium.core.llm.chat",
    "TokenUsage": "officium.core.llm.token_usage",
    "LLMError": "officium.core.llm.errors",
    "LLMRateLimitError": "officium.core.llm.errors",
    "LLMValidationError": "officium.core.llm.errors",
    "estimate_tokens": "officium.core.llm.tokens",
    "estimate_cost": "officium.core.llm.price",
    "COST_PER_1K_TOKENS": "officium.core.llm.price",
    "PromptRegistry": "officium.core.prompts",
    "get_prompt_registry": "officium.library",
    "WriterService": "officium.writing",
    "get_writer_service": "officium.writing",
    "EmailDraftContext": "officium.apps.writer",
    "ReminderDraftContext": "officium.apps.writer",
    "DealSummaryContext": "officium.apps.writer",
    "ComplianceContext": "officium.apps.writer",
    "OrderReceivedContext": "officium.apps.writer",
    "NoteSummaryContext": "officium.apps.writer",
    "DraftEmailResult": "officium.apps.writer",
    "DraftReminderResult": "officium.apps.writer",
    "DealSummaryResult": "officium.apps.writer",
    "ComplianceResult": "officium.apps.writer",
    "OrderReceivedResult": "officium.apps.writer",
    "NoteSummaryResult": "officium.apps.writer",
    "PromptContext": "officium.apps.personas.prompt_context",
    "build_persona_prompt": "officium.library",
    "RateLimiter": "officium.core.usage.limits",
    "RateLimitState": "officium.core.usage.limits",
    "SharedWindows": "officium.core.usage.limits",
    "create_rate_limiter": "officium.core.usage.limits",
    "chat_rate_limiter": "officium.library",
    "CashflowPredictionService": "officium.apps.cashflow.prediction_service",
    "DeterministicRules": "officium.apps.cashflow.deterministic_rules",
    "AssumptionsReport": "officium.apps.cashflow.assumptions",
    "CashflowBucket": "officium.apps.cashflow.prediction",
    "CashflowPredictionInput": "officium.apps.cashflow.prediction",
    "CashflowPredictionResult": "officium.apps.cashflow.prediction",
    "DealForPrediction": "officium.apps.cashflow.prediction",
    "DealPrediction": "officium.apps.cashflow.prediction",
    "PredictionMetadata": "officium.apps.cashflow.prediction",
    "PredictionOptions": "officium.apps.cashflow.prediction",
    "ForecastOptions": "officium.apps.cashflow.forecast_table",
    "ForecastPeriod": "officium.apps.cashflow.forecast_table",
    "ForecastTable": "officium.apps.cashflow.forecast_table",
    "ForecastTotals": "officium.apps.cashflow.forecast_table",
    "get_cashflow_prediction_service": "officium.library",
}

__all__ = [
    "COST_PER_1K_TOKENS",
    "AnthropicProvider",
    "AssumptionsReport",
    "CashflowBucket",
    "CashflowPredictionInput",
    "CashflowPredictionResult",
    "CashflowPredictionService",
    "ComplianceContext",
    "ComplianceResult",
    "DealForPrediction",
    "DealPrediction",
    "DealSummaryContext",
    "DealSummaryResult",
    "DeterministicRules",
    "DraftEmailResult",
    "DraftReminderResult",
    "EmailDraftContext",
    "ForecastOptions",
    "ForecastPeriod",
    "ForecastTable",
    "ForecastTotals",
    "ILLMProvider",
    "LLMClient",
    "LLMConfigFetcher",
    "LLMError",
    "LLMMessage",
    "LLMProviderRegistry",
    "LLMRateLimitError",
    "LLMResponse",
    "LLMStreamChunk",
    "LLMValidationError",
    "LlamaCppProvider",
    "NoteSummaryContext",
    "NoteSummaryResult",
    "OllamaProvider",
    "OpenAIProvider",
    "OrderReceivedContext",
    "OrderReceivedResult",
    "PredictionMetadata",
    "PredictionOptions",
    "PromptContext",
    "PromptRegistry",
    "RateLimitState",
    "RateLimiter",
    "ReminderDraftContext",
    "SharedWindows",
    "TokenUsage",
    "WriterService",
    "__version__",
    "build_persona_prompt",
    "chat_rate_limiter",
    "create_rate_limiter",
    "estimate_cost",
    "estimate_tokens",
    "get_cashflow_prediction_service",
    "get_config_fetcher",
    "get_llm_client",
    "get_prompt_registry",
    "get_writer_service",
    "stream_completion",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
