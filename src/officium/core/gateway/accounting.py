"""What a call used, what it cost, and where that is written."""

from types import TracebackType

from officium.core.gateway.call import CallContext
from officium.core.gateway.metrics import GatewayMetrics
from officium.core.gateway.telemetry import CallTelemetry
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.dispatch import Attempt
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.price import cost_of
from officium.core.llm.token_usage import TokenUsage
from officium.core.llm.tokens import estimate_message_tokens, estimate_tokens
from officium.core.tenancy import Caller
from officium.core.usage import UsageLog, UsageRecord
from officium.core.usage.record import Status, UsageSource
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError, ServiceUnavailable

_NANO = 1_000_000_000
_CHARS_PER_TOKEN = 4


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
        """Write what came of `call`: a record for each attempt, or one for a call that was never tried."""
        records = [
            self._record_attempt(call, attempt, attempt is call.attempts[-1]) for attempt in call.attempts
        ]
        if not records:
            records = [self._record_refusal(call, error)]
        for record in records:
            self._usage_log.append(record)
            self._metrics.observe(record)
        if self._telemetry is not None:
            operation = "embeddings" if isinstance(call.request, EmbeddingRequest) else "chat"
            self._telemetry.record(operation, call.context, records)

    def _record_attempt(self, call: OpenCall, attempt: Attempt, is_last: bool) -> UsageRecord:
        usage, source = known_usage(call.request, attempt)
        deployment = attempt.deployment
        cost, price_source = _cost(usage, source, deployment.provider.name, deployment.model, self.clock)
        error = attempt.error
        return UsageRecord(
            created_at=self.clock.now(),
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
            cost_nano_usd=cost,
            price_source=price_source,
            ttft_ms=None if attempt.ttft_s is None else round(attempt.ttft_s * 1000),
            duration_ms=round((attempt.duration_s or 0.0) * 1000),
            status=attempt.status,
            error_code=None if error is None else error.code,
            finish_reason=attempt.finish_reason,
        )

    def _record_refusal(self, call: OpenCall, error: BaseException | None) -> UsageRecord:
        status: Status = "refused" if isinstance(error, OfficiumError) else "cancelled"
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
            provider=None,
            requested_model=_fit(call.request.model, 256) or "",
            model=None,
            is_stream=_is_stream(call.request),
            input_tokens=None,
            cached_tokens=None,
            cache_write_tokens=None,
            output_tokens=None,
            reasoning_tokens=None,
            total_tokens=None,
            usage_source="none",
            cost_nano_usd=0,
            price_source="none",
            ttft_ms=None,
            duration_ms=round((self.clock.monotonic() - call.started) * 1000),
            status=status,
            error_code=error.code if isinstance(error, OfficiumError) else None,
            finish_reason=None,
        )


def known_usage(
    request: CompletionRequest | EmbeddingRequest, attempt: Attempt
) -> tuple[TokenUsage, UsageSource]:
    """What the attempt used and how we know: the provider's word, else an estimate for what was answered.

    An attempt that failed before it said anything used nothing we could know of.
    """
    said = attempt.usage
    if (
        said is not None
        and said.input_tokens is not None
        and (said.output_tokens is not None or isinstance(request, EmbeddingRequest))
    ):
        return said, "provider"
    if attempt.status == "failed" and not attempt.output_chars:
        return TokenUsage(), "none"
    said = said or TokenUsage()
    estimated = said.model_copy(
        update={
            "input_tokens": said.input_tokens if said.input_tokens is not None else _input_tokens(request),
            "output_tokens": said.output_tokens
            if said.output_tokens is not None
            else -(-attempt.output_chars // _CHARS_PER_TOKEN),
        }
    )
    return estimated, "estimated"


def _input_tokens(request: CompletionRequest | EmbeddingRequest) -> int:
    if isinstance(request, EmbeddingRequest):
        return sum(estimate_tokens(text) for text in request.inputs)
    return estimate_message_tokens(request.messages)


def _cost(
    usage: TokenUsage, source: UsageSource, provider: str, model: str, clock: Clock
) -> tuple[int | None, str]:
    if source == "none":
        return 0, "none"
    cost = cost_of(usage, provider, model, clock.now())
    if cost.amount is None:
        return None, cost.source
    return int((cost.amount * _NANO).to_integral_value()), cost.source


def _is_stream(request: CompletionRequest | EmbeddingRequest) -> bool:
    return isinstance(request, CompletionRequest) and request.stream


def _fit(text: str | None, length: int) -> str | None:
    """`text` as every database takes it: no NUL, not longer than its column."""
    return None if text is None else text.replace("\0", "")[:length]
