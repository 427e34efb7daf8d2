"""How messages of visitors were answered, one by one and summed up."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from officium.apps.widget.visitors.conversation import AnswerSource, Citation, ConfidenceSource

RequestStatus = Literal["success", "failed", "credits_exhausted"]
"""What came of asking a model; `success` also where none was to be asked."""


class GivenAnswer(Struct, frozen=True, kw_only=True):
    """What a visitor was told, and what is written down of it. Both texts of the log are masked.

    `total_tokens` is what models were paid for, and `cost_nano_usd` how much; `response_time_ms` how long
    the visitor waited.
    """

    text: str
    answer_source: AnswerSource
    confidence: float
    confidence_source: ConfidenceSource
    citations: tuple[Citation, ...] = ()
    suggestions: tuple[str, ...] = ()
    status: RequestStatus = "success"
    error_code: str | None = None
    llm_provider: str | None = None
    llm_model: str | None = None
    total_tokens: int = 0
    cost_nano_usd: int = 0
    response_time_ms: int = 0
    notice: str | None = None
    visitor_notice: str | None = None


class LoggedRequest(Struct, frozen=True, kw_only=True):
    """A row of the request log."""

    id: int
    created_at: datetime
    widget_id: int
    visitor_id: str | None
    conversation_id: int | None
    message_id: int | None
    llm_provider: str | None
    llm_model: str | None
    prompt_text: str
    response_text: str
    total_tokens: int
    response_time_ms: int
    status: RequestStatus
    error_code: str | None
    answer_source: AnswerSource
    confidence: float
    confidence_source: ConfidenceSource
    entry_id: int | None
    rating: Literal["up", "down"] | None


class ProviderSummary(Struct, frozen=True, kw_only=True):
    """What came of asking a provider. `avg_response_time` is in milliseconds, of successes."""

    llm_provider: str | None
    total_requests: int
    total_tokens: int
    avg_response_time: float | None
    successful_requests: int
    failed_requests: int
    credits_exhausted_count: int


class AnswerCounts(Struct, frozen=True, kw_only=True):
    """How many answers came from where. Only those of a model spend credits."""

    llm: int = 0
    knowledge_base: int = 0
    default: int = 0
    agent: int = 0

    @property
    def total(self) -> int:
        """All answers of the widget itself."""
        return self.llm + self.knowledge_base + self.default


class AnswerSummary(Struct, frozen=True, kw_only=True):
    """Where answers came from, what visitors thought of them, and what came of asking each provider."""

    llm: int
    knowledge_base: int
    default: int
    rated_up: int
    rated_down: int
    providers: tuple[ProviderSummary, ...]
