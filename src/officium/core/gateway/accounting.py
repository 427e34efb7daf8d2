"""What a call used, what it cost, and where that is written."""

from datetime import timedelta
from decimal import Decimal
from types import TracebackType

import structlog

from officium.core.gateway.call import CallContext
from officium.core.gateway.metrics import GatewayMetrics
from officium.core.gateway.telemetry import CallTelemetry
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.dispatch import Attempt
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.price import Cost, cost_of
from officium.core.llm.token_usage import TokenUsage
from officium.core.llm.tokens import estimate_request_tokens, estimate_tokens
from officium.core.tenancy import Caller
from officium.core.usage import UsageLog, UsageRecord
from officium.core.usage.record import Status, UsageSource
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError, ServiceUnavailable

logger = structlog.get_logger("gateway")

_NANO = 1_000_000_000
_NO_COST = Cost(Decimal(0), "none")
_UNEXPECTED = "internal_error"
"""The error code of what nobody meant to raise; `web/errors.py` calls it the same."""


class OpenCall:
    """A call under way. Closing it, once, writes its records."""

    def __init__(
        self, accountant: "Accountant", caller: Caller, request: "CompletionRequest | EmbeddingRequest",
        context: CallContext,
    ) -> None:  # fmt: skip
        self.caller = caller
        self.request = request
        self.context = context
        self.attempts: list[Attempt] = []
        self.started = accountant.clock.monotonic()
        self._accountant = accountant
        self._is_closed = False

    def __enter__(self) -> "OpenCall":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(error)

    def close(self, error: BaseException | None = None) -> None:
        """The call has ended, with `error` if it failed before or beside its attempts."""
        if not self._is_closed:
            self._is_closed = True
            self._accountant.settle(self, error)


class Accountant:
    """Turns each call's attempts into records of the usage log, metrics and spans."""

    def __init__(
        self,
        usage_log: UsageLog,
        clock: Clock,
        metrics: GatewayMetrics,
        telemetry: CallTelemetry | None = None,
    ) -> None:
        self.clock = clock
        self._usage_log = usage_log
        self._metrics = metrics
        self._telemetry = telemetry

    def open(
        self, caller: Caller, request: CompletionRequest | EmbeddingRequest, context: CallContext
    ) -> OpenCall:
        """Begin a call; whatever comes of it, close it."""
        return OpenCall(self, caller, request, context)

    def check_room(self) -> None:
        """Raise ServiceUnavailable while calls cannot be recorded."""
        if self._usage_log.is_full:
            raise ServiceUnavailable("The usage log cannot be written, so no call is made. Try again soon.")

    def settle(self, call: OpenCall, error: BaseException | None) -> None:
        """Write what came of `call`: a record for each attempt, or one for a call that was never tried.

        While the log is full the latter are left out, or refusing calls would make it grow without end.
        """
        records = [
            self._record_attempt(call, attempt, attempt is call.attempts[-1]) for attempt in call.attempts
        ]
        if not records:
            records = [self._record_refusal(call, error)]
        for record in records:
            if record.attempt or not self._usage_log.is_full:
                self._usage_log.append(record)
        try:
            self._measure(call, records)
        except Exception:  # an answer that is paid for must not be lost to its measurement
            logger.error("call.not_measured", request_id=call.context.request_id, exc_info=True)

    def _measure(self, call: OpenCall, records: list[UsageRecord]) -> None:
        for record in records:
            self._metrics.observe(record)
        if self._telemetry is not None:
            operation = "embeddings" if isinstance(call.request, EmbeddingRequest) else "chat"
            self._telemetry.record(operation, call.context, records)

    def _record_attempt(self, call: OpenCall, attempt: Attempt, is_last: bool) -> UsageRecord:
        usage, source = known_usage(call.request, attempt)
        deployment = attempt.deployment
        cost = _cost(usage, source, attempt, self.clock)
        elapsed_s = self.clock.monotonic() - attempt.started
        duration_s = elapsed_s if attempt.duration_s is None else attempt.duration_s
        return UsageRecord(
            created_at=self.clock.now() - timedelta(seconds=elapsed_s - duration_s),
            request_id=call.context.request_id,
            attempt=attempt.number,
            is_last=is_last,
            tenant_id=call.caller.tenant_id,
            actor=call.caller.actor,
            user=_fit(call.context.user, 256),
            app=call.context.app,
            prompt=call.context.prompt,
            prompt_version=call.context.prompt_version,
            provider=deployment.provider.name,
            requested_model=_fit(call.request.model, 256) or "",
            model=_fit(deployment.model, 256),
            is_stream=_is_stream(call.request),
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            total_tokens=usage.total_tokens,
            usage_source=source,
            cost_nano_usd=None if cost.amount is None else int((cost.amount * _NANO).to_integral_value()),
            price_source=cost.source,
            ttft_ms=None if attempt.ttft_s is None else round(attempt.ttft_s * 1000),
            duration_ms=round(duration_s * 1000),
            status=attempt.status,
            error_code=_attempt_error(attempt),
            finish_reason=attempt.finish_reason,
        )

    def _record_refusal(self, call: OpenCall, error: BaseException | None) -> UsageRecord:
        status, error_code = _refusal(error)
        return UsageRecord(
            created_at=self.clock.now(),
            request_id=call.context.request_id,
            attempt=0,
            is_last=True,
            tenant_id=call.caller.tenant_id,
            actor=call.caller.actor,
            user=_fit(call.context.user, 256),
            app=call.context.app,
            prompt=call.context.prompt,
            prompt_version=call.context.prompt_version,
            requested_model=_fit(call.request.model, 256) or "",
            is_stream=_is_stream(call.request),
            cost_nano_usd=0,
            duration_ms=round((self.clock.monotonic() - call.started) * 1000),
            status=status,
            error_code=error_code,
        )


def known_usage(
    request: CompletionRequest | EmbeddingRequest, attempt: Attempt
) -> tuple[TokenUsage, UsageSource]:
    """What the attempt used and how we know: the provider's word, else an estimate for what was answered.

    An attempt that failed before anything was said of it used nothing we could know of. Embeddings have no
    output.
    """
    if attempt.usage is None and attempt.status == "failed" and not attempt.output_chars:
        return TokenUsage(), "none"
    said = attempt.usage or TokenUsage()
    taken, written = said.input_tokens, said.output_tokens
    if isinstance(request, EmbeddingRequest):
        written = written or 0
    elif written == 0 and attempt.output_chars and attempt.finish_reason is None:
        written = None  # counted before the first word, and the last word on it never came
    source: UsageSource = "provider"
    if taken is None or written is None:
        source = "estimated"
        taken = _estimate_input_tokens(request) if taken is None else taken
        written = attempt.estimate_output_tokens() if written is None else written
    if (taken, written) != (said.input_tokens, said.output_tokens):
        said = said.model_copy(update={"input_tokens": taken, "output_tokens": written})
    return said, source


def _estimate_input_tokens(request: CompletionRequest | EmbeddingRequest) -> int:
    if isinstance(request, EmbeddingRequest):
        return sum(estimate_tokens(text) for text in request.inputs)
    return estimate_request_tokens(request)


def _cost(usage: TokenUsage, source: UsageSource, attempt: Attempt, clock: Clock) -> Cost:
    if source == "none":
        return _NO_COST
    deployment = attempt.deployment
    return cost_of(
        usage, deployment.provider.name, deployment.model, clock.now(), reported=attempt.reported_cost
    )


def _attempt_error(attempt: Attempt) -> str | None:
    if attempt.error is not None:
        return attempt.error.code
    return _UNEXPECTED if attempt.status == "failed" else None


def _refusal(error: BaseException | None) -> tuple[Status, str | None]:
    """The status and the error code of a call that ended with `error` before anybody was asked."""
    if isinstance(error, OfficiumError):
        return "refused", error.code
    if isinstance(error, Exception):
        return "failed", _UNEXPECTED
    return "cancelled", None


def _is_stream(request: CompletionRequest | EmbeddingRequest) -> bool:
    return isinstance(request, CompletionRequest) and request.stream


def _fit(text: str | None, length: int) -> str | None:
    """`text` as every database takes it: no NUL, no half of a character, not longer than its column."""
    if text is None:
        return None
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "")[:length]
