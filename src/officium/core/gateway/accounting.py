"""What a call used, what it cost, and where that is written."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Protocol

import structlog

from officium.core.gateway.cache import Hit, as_hit
from officium.core.gateway.call import CallContext
from officium.core.gateway.metrics import GatewayMetrics
from officium.core.gateway.need import DEFAULT_OUTPUT_TOKENS, InputBounds, most_of, need_of, subjects_of
from officium.core.gateway.telemetry import CallTelemetry
from officium.core.llm.completion import Completion, CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.dispatch import Attempt
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.price import Cost
from officium.core.llm.token_usage import TokenUsage
from officium.core.llm.tokens import estimate_request_tokens, estimate_tokens
from officium.core.tenancy import Caller
from officium.core.usage import UsageLog, UsageRecord
from officium.core.usage.contents import ContentKeeper, Heard, LogTerms, PendingContent
from officium.core.usage.contents.content import Fault
from officium.core.usage.ledger import Amounts, Hold, Label, Need, SpendingSource, Subject
from officium.core.usage.prices import (
    PriceBook,
    PriceUnknown,
    Pricing,
    TenantPrices,
    UnknownPrices,
    UpperPrice,
    cost_under,
    price_for,
    upper_price,
)
from officium.core.usage.record import Status, UsageSource
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError, ServiceUnavailable

logger = structlog.get_logger("gateway")

_NANO = 1_000_000_000
_NO_COST = Cost(Decimal(0), "none")
_FAILED = ("failed", "refused")
_UNEXPECTED = "internal_error"
"""The error code of what nobody meant to raise; `web/errors.py` calls it the same."""


class Ledger(Protocol):
    """Where credits are set aside and spent."""

    @property
    def is_full(self) -> bool:
        """Whether no more calls should be admitted."""
        ...

    async def hold(
        self, caller: Caller, subjects: Sequence[Subject], need: Need, label: Label, *, is_stream: bool
    ) -> Hold:
        """Set aside what a call may come to. Raises OutOfCredits and ServiceUnavailable."""
        ...

    async def extend(self, hold: Hold, by: Amounts) -> bool:
        """Set aside more; whether there was room."""
        ...

    def settle(self, hold: Hold, spent: Amounts, source: SpendingSource) -> None:
        """Book what was spent. Never waits, never fails."""
        ...


class TokenMeter(Protocol):
    """Is told what tenants use, for limits on tokens in a time."""

    def note(self, caller: Caller, app: str, tokens: int) -> None:
        """Take in what a call used. Never waits, never fails."""
        ...


class OpenCall:
    """A call under way. Closing it, once, writes its records and settles its hold."""

    def __init__(
        self, accountant: "Accountant", caller: Caller, request: "CompletionRequest | EmbeddingRequest",
        context: CallContext,
    ) -> None:  # fmt: skip
        self.caller = caller
        self.request = request
        self.context = context
        self.attempts: list[Attempt] = []
        self.hold: Hold | None = None
        self.hit: Hit | None = None
        self.terms: LogTerms | None = None
        self.answer: Completion | None = None
        self.heard: Heard | None = None
        self.prices: TenantPrices | None = None
        self.cost_nano_usd = 0
        self.input_bound = 0
        self.input_estimate: int | None = None
        self.started = accountant.clock.monotonic()
        self._accountant = accountant
        self.is_closed = False

    def __enter__(self) -> "OpenCall":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(error)

    def close(self, error: BaseException | None = None) -> None:
        """The call has ended, with `error` if it failed before or beside its attempts."""
        if not self.is_closed:
            self.is_closed = True
            self._accountant.settle(self, error)


class Accountant:
    """Turns each call's attempts into records of the usage log, metrics and spans, and books them.

    A call whose process dies is charged what was streamed by then, as far as that was noted; with
    `is_unknown_held` all that was set aside for it, so that not even a killed server can overspend.
    """

    def __init__(
        self,
        usage_log: UsageLog,
        clock: Clock,
        metrics: GatewayMetrics,
        ledger: Ledger,
        telemetry: CallTelemetry | None = None,
        *,
        prices: PriceBook | None = None,
        unknown_prices: UnknownPrices | None = None,
        default_output_tokens: int = DEFAULT_OUTPUT_TOKENS,
        is_unknown_held: bool = False,
        meter: TokenMeter | None = None,
        contents: ContentKeeper | None = None,
    ) -> None:
        self.clock = clock
        self.contents = contents
        self._meter = meter
        self._prices = prices
        self._unknown_prices = unknown_prices
        self._ledger = ledger
        self._bounds = InputBounds(clock)
        self._default_output_tokens = default_output_tokens
        self._is_unknown_held = is_unknown_held
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
        if self._usage_log.is_full or self._ledger.is_full:
            raise ServiceUnavailable("The usage log cannot be written, so no call is made. Try again soon.")

    async def look_up_terms(self, call: OpenCall) -> None:
        """See what the caller's tenant wants to be kept of the call besides figures. Never fails."""
        keeper = self.contents
        if keeper is None:
            return
        terms = keeper.peek_terms(call.caller.tenant_id) or await keeper.load_terms(call.caller)
        if terms.contents != "off":
            call.terms = terms
            if _is_stream(call.request):
                call.heard = Heard()

    async def hold(self, call: OpenCall, deployments: Sequence[Deployment]) -> int | None:
        """Set aside what the call may come to at any of `deployments`; the most output tokens it may ask for.

        That is `None` where no budget limits them. Raises OutOfCredits, PriceUnknown and ServiceUnavailable.
        """
        request, context = call.request, call.context
        if self._prices is not None:
            call.prices = await self._prices.load(call.caller)
        call.input_bound = self._bounds.bound(call.caller, request, deployments)
        need = need_of(
            request, call.input_bound, self._most_price(call, deployments), self._default_output_tokens
        )
        label = Label(
            request_id=context.request_id,
            actor=call.caller.actor,
            app=context.app,
            model=_fit(request.model, 256) or "",
            client_id=context.client_id,
            widget_id=context.widget_id,
        )
        is_metered = _is_stream(request) and not self._is_unknown_held
        call.hold = hold = await self._ledger.hold(
            call.caller, subjects_of(call.caller, context), need, label, is_stream=is_metered
        )
        return hold.output_tokens if hold.is_limited else None

    async def quote(self, call: OpenCall, deployments: Sequence[Deployment]) -> Amounts:
        """What a call to any of `deployments` would have set aside, without setting it aside.

        Raises PriceUnknown where the rule for unknown prices is to refuse.
        """
        if self._prices is not None:
            call.prices = await self._prices.load(call.caller)
        bound = self._bounds.bound(call.caller, call.request, deployments)
        price = self._most_price(call, deployments)
        return most_of(need_of(call.request, bound, price, self._default_output_tokens))

    def settle(self, call: OpenCall, error: BaseException | None) -> None:
        """Write what came of `call`: a record for each attempt, or one for a call that was never tried.

        While the log is full the latter are left out, or refusing calls would make it grow without end.
        """
        records = [
            self._record_attempt(call, attempt, attempt is call.attempts[-1]) for attempt in call.attempts
        ]
        if not records:
            record = self._record_refusal(call, error)
            records = [record if call.hit is None or error is not None else as_hit(record, call.hit)]
        for record in records:
            if record.attempt or not self._usage_log.is_full:
                self._usage_log.append(record)
        call.cost_nano_usd = sum(record.cost_nano_usd or 0 for record in records)
        if call.hold is not None:
            self._ledger.settle(call.hold, *_spent(records))
            self._learn(call)
        if self._meter is not None:
            tokens = sum((record.input_tokens or 0) + (record.output_tokens or 0) for record in records)
            self._meter.note(call.caller, call.context.app, tokens)
        if call.terms is not None:
            self._keep(call, call.terms, records, error)
        try:
            self._measure(call, records)
        except Exception:  # an answer that is paid for must not be lost to its measurement
            logger.error("call.not_measured", request_id=call.context.request_id, exc_info=True)

    def spent_so_far(self, call: OpenCall) -> Amounts:
        """What a call under way has used by now, as far as can be told: its input, and what was streamed."""
        tokens = sum(self._tokens_so_far(call, attempt) for attempt in call.attempts if attempt.output_chars)
        hold = call.hold
        if hold is None or not hold.granted.tokens:
            return Amounts(tokens=tokens)
        share = hold.granted.nano_usd * tokens // hold.granted.tokens
        return Amounts(tokens=tokens, nano_usd=min(share, hold.granted.nano_usd))

    def _tokens_so_far(self, call: OpenCall, attempt: Attempt) -> int:
        said = attempt.usage or TokenUsage()
        taken = said.input_tokens
        if taken is None:
            if call.input_estimate is None:
                call.input_estimate = _estimate_input_tokens(call.request)
            taken = call.input_estimate
        return taken + max(said.output_tokens or 0, attempt.estimate_output_tokens())

    async def extend(self, call: OpenCall, by_tokens: int) -> bool:
        """Set aside more for a call that has used up its hold; whether there was room."""
        if call.hold is None:
            return True
        price = self._most_price(call, [attempt.deployment for attempt in call.attempts])
        return await self._ledger.extend(
            call.hold, Amounts(tokens=by_tokens, nano_usd=by_tokens * price.output)
        )

    def _learn(self, call: OpenCall) -> None:
        for attempt in call.attempts:
            if attempt.usage is not None and attempt.usage.input_tokens is not None:
                counted = attempt.usage.input_tokens
                self._bounds.learn(call.caller, call.request, attempt.deployment, counted, call.input_bound)

    def _most_price(self, call: OpenCall, deployments: Sequence[Deployment]) -> UpperPrice:
        """The most any of `deployments` may charge. Raises PriceUnknown where the rule is to refuse."""
        now = self.clock.now()
        found = [upper_price(self._pricing(call, deployment, now)) for deployment in deployments]
        return UpperPrice(
            per_call=max((price.per_call for price in found), default=0),
            input=max((price.input for price in found), default=0),
            output=max((price.output for price in found), default=0),
        )

    def _pricing(self, call: OpenCall, deployment: Deployment, now: datetime) -> Pricing:
        return price_for(deployment.provider.name, deployment.model, now, call.prices, self._unknown_prices)

    def _cost(self, call: OpenCall, attempt: Attempt, usage: TokenUsage, source: UsageSource) -> Cost:
        if source == "none":
            return _NO_COST
        try:
            pricing = self._pricing(call, attempt.deployment, self.clock.now())
        except PriceUnknown:  # a price that ended while the call was under way
            return Cost(None, "unknown")
        return cost_under(pricing, usage, attempt.reported_cost)

    def _keep(
        self, call: OpenCall, terms: LogTerms, records: list[UsageRecord], error: BaseException | None
    ) -> None:
        """Hand on what was asked and answered, if the tenant keeps it of such a call."""
        last = records[-1]
        if self.contents is None or (terms.contents == "failed" and last.status not in _FAILED):
            return
        answer = call.answer
        if answer is None and call.heard is not None:
            answer = call.heard.completion()
        if answer is None and call.hit is not None:
            answer = call.hit.answer.completion
        self.contents.append(
            PendingContent(
                tenant_id=call.caller.tenant_id,
                request_id=call.context.request_id,
                created_at=last.created_at,
                widget_id=call.context.widget_id,
                visitor_id=_fit(call.context.visitor_id, 128),
                is_masked=terms.is_masked,
                request=call.request,
                answer=answer,
                finish_reason=last.finish_reason,
                model=f"{last.provider}/{last.model}" if last.provider else "",
                faults=_faults(call, error),
            )
        )

    def _measure(self, call: OpenCall, records: list[UsageRecord]) -> None:
        for record in records:
            self._metrics.observe(record)
        if self._telemetry is not None:
            operation = "embeddings" if isinstance(call.request, EmbeddingRequest) else "chat"
            self._telemetry.record(operation, call.context, records)

    def _record_attempt(self, call: OpenCall, attempt: Attempt, is_last: bool) -> UsageRecord:
        usage, source = known_usage(call.request, attempt)
        deployment = attempt.deployment
        cost = self._cost(call, attempt, usage, source)
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
            client_id=call.context.client_id,
            widget_id=call.context.widget_id,
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
            queued_ms=_queued_ms(call, attempt),
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
            client_id=call.context.client_id,
            widget_id=call.context.widget_id,
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


def _spent(records: Sequence[UsageRecord]) -> tuple[Amounts, SpendingSource]:
    """What a call is billed: the attempt that decided it, as one request if anything came of it.

    What a failed try cost before it stands in the log; its caller did not ask for it, and a hold covers one.
    """
    last = records[-1]
    tokens, nano_usd = last.total_tokens or 0, last.cost_nano_usd or 0
    has_answer = tokens > 0 or last.status == "success"
    return Amounts(tokens=tokens, requests=int(has_answer), nano_usd=nano_usd), last.usage_source


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


def _faults(call: OpenCall, error: BaseException | None) -> tuple[Fault, ...]:
    """What went wrong with each attempt, or before the first, in the words its caller would get."""
    found = [
        Fault(attempt.number, attempt.error.code, attempt.error.message, attempt.deployment.name)
        for attempt in call.attempts
        if attempt.error is not None
    ]
    if not call.attempts and isinstance(error, OfficiumError):
        found.append(Fault(0, error.code, error.message))
    return tuple(found)


def _is_stream(request: CompletionRequest | EmbeddingRequest) -> bool:
    return isinstance(request, CompletionRequest) and request.stream


def _queued_ms(call: OpenCall, attempt: Attempt) -> int | None:
    """How long the call waited before its first attempt; later ones wait for other reasons."""
    return max(0, round((attempt.started - call.started) * 1000)) if attempt.number == 1 else None


def _fit(text: str | None, length: int) -> str | None:
    """`text` as every database takes it: no NUL, no half of a character, not longer than its column."""
    if text is None:
        return None
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "")[:length]
