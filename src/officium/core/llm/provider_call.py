"""One try at one deployment: what is known of it, and what it holds until it is over."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from officium.core.llm.breaker import CircuitBreaker
from officium.core.llm.completion import Completion, Delta, FinishReason
from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import LLMError, LLMProtocolError, LLMTimeoutError, LLMUnavailableError
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts, Transport
from officium.core.llm.message import File, Image, ToolCall, ToolResult
from officium.core.llm.price import reported_cost
from officium.core.llm.providers import Dialect
from officium.core.llm.token_usage import TokenUsage
from officium.core.llm.tokens import estimate_tokens
from officium.core.llm.watchdog import Watchdog
from officium.kit.clock import Clock

ERROR_BODY_BYTES = 64 * 1024
"""As much of an error's body is read."""

OUTPUT_SAMPLE_CHARS = 8192
"""As much of what the model wrote is kept while it writes, for an estimate of its tokens."""

_EXCERPT_BYTES = 4096
_EXCERPT_CHARS = 200


class Attempt(Struct, kw_only=True):
    """What is known of one try. It grows while the try goes on and is complete with its `duration_s`.

    `started` is the clock's monotonic time; `ttft_s` the time to the first content, or to the whole
    answer. `output_chars` count what the model wrote and `output_sample` holds its beginning, so that a
    stream cut short can be estimated. `reported_cost` is what the provider says it charges, in US dollars.
    """

    number: int
    deployment: Deployment
    started: float
    ttft_s: float | None = None
    duration_s: float | None = None
    status: Literal["success", "failed", "cancelled"] = "failed"
    error: LLMError | None = None
    usage: TokenUsage | None = None
    finish_reason: FinishReason | None = None
    reported_cost: Decimal | None = None
    output_chars: int = 0
    output_sample: list[str] = field(default_factory=list)
    http_status: int | None = None

    def estimate_output_tokens(self) -> int:
        """About how many tokens the model wrote, for where the provider does not say."""
        sample = "".join(self.output_sample)
        if not sample:
            return 0
        return round(estimate_tokens(sample) * max(1.0, self.output_chars / len(sample)))


class ProviderCall:
    """A request under way, with all it must give back: connection, place, timer, breaker's ticket."""

    def __init__(
        self,
        attempt: Attempt,
        dialect: Dialect,
        timeouts: Timeouts,
        clock: Clock,
        place: asyncio.Semaphore,
        breaker: CircuitBreaker,
        ticket: int,
    ) -> None:
        self.attempt = attempt
        self.deployment = attempt.deployment
        self.dialect = dialect
        self.timeouts = timeouts
        self.is_over = False
        self.watchdog = Watchdog(timeouts, self.fail)
        self._reports_cost = "reports_cost" in attempt.deployment.provider.quirks
        self._clock = clock
        self._place = place
        self._breaker = breaker
        self._ticket = ticket
        self._response: HttpResponse | None = None

    async def send(self, transport: Transport, request: HttpRequest) -> HttpResponse:
        """The provider's 2xx. Raises its refusal, or what went wrong on the way, as LLMError."""
        if self.deployment.is_guarded:
            request = replace(request, is_guarded=True)
        with self.watchdog.guard("first_byte", self.timeouts.connect + self.timeouts.first_byte):
            self._response = response = await transport.send(request, self.timeouts)
        self.attempt.http_status = status = response.status
        if 200 <= status < 300:
            return response
        if 300 <= status < 400:
            raise LLMProtocolError(
                f"{self.deployment.provider.label} answered {status}, a redirect, which is refused: "
                "the request and its key go nowhere else. Correct the base URL.",
                status=status,
                is_retryable=False,
            )
        body = await self._read_some(response, ERROR_BODY_BYTES)
        headers = {name.lower(): value for name, value in response.headers.items()}
        raise self.dialect.decode_error(status, headers, body, self.deployment)

    async def read(self, response: HttpResponse, limit_bytes: int) -> bytes:
        """The whole body. Raises LLMProtocolError if there is none, or one that cannot be JSON."""
        with self.watchdog.guard("idle", self.headers_to_content_s):
            body = await response.read(limit_bytes)
        if not body:
            raise self.no_body()
        if "json" not in media_type(response) and body.lstrip()[:1] not in (b"{", b"["):
            raise self.wrong_media_type(response, body[:_EXCERPT_BYTES])
        return body

    async def read_excerpt(self, response: HttpResponse) -> bytes:
        """The beginning of a body that is not what it should be."""
        return await self._read_some(response, _EXCERPT_BYTES)

    @property
    def headers_to_content_s(self) -> float:
        """How long the first content may still take once the headers are there.

        Headers are a sign of life, so it is never less than `idle`: some servers send them at once, others
        only when they have an answer.
        """
        elapsed_s = self._clock.monotonic() - self.attempt.started
        return max(self.timeouts.idle, self.timeouts.first_byte - elapsed_s)

    def note(self, deltas: Sequence[Delta]) -> bool:
        """Enter what was streamed in the attempt; tells whether the answer grew or ended by it."""
        attempt = self.attempt
        chars = 0
        has_grown = has_ended = False
        for delta in deltas:
            chars += len(delta.text) + len(delta.reasoning) + len(delta.refusal)
            for piece in delta.tool_calls:
                chars += len(piece.arguments) + len(piece.name or "")
                has_grown = True
            if delta.reasoning_encrypted:
                has_grown = True
            if delta.usage is not None:
                attempt.usage = delta.usage
                if self._reports_cost:
                    attempt.reported_cost = reported_cost(delta.raw)
            if delta.finish_reason is not None:
                attempt.finish_reason = delta.finish_reason
                has_ended = True
        if chars or has_grown:
            has_grown = True
            if attempt.output_chars < OUTPUT_SAMPLE_CHARS:
                self._sample(deltas)
            attempt.output_chars += chars
            if attempt.ttft_s is None:
                attempt.ttft_s = self._clock.monotonic() - attempt.started
                self._breaker.answered(self._ticket)
        return has_grown or has_ended

    def note_whole(self, completion: Completion) -> None:
        """Enter a whole answer in the attempt."""
        attempt = self.attempt
        for part in completion.parts:
            if isinstance(part, ToolCall):
                attempt.output_sample += (part.name, part.arguments)
            elif not isinstance(part, File | Image | ToolResult):
                attempt.output_sample.append(part.text)
        attempt.output_chars = sum(map(len, attempt.output_sample))
        attempt.finish_reason = completion.finish_reason
        self.note_usage(completion.usage, completion.raw)

    def note_usage(self, usage: TokenUsage | None, raw: bytes) -> None:
        """Enter what a whole answer took, as the provider wrote it in `raw`."""
        self.attempt.usage = usage
        if self._reports_cost:
            self.attempt.reported_cost = reported_cost(raw)

    def succeed(self) -> None:
        """The answer is complete."""
        if not self.is_over:
            if self.attempt.ttft_s is None:
                self.attempt.ttft_s = self._clock.monotonic() - self.attempt.started
            self._breaker.succeeded(self._ticket)
            self._finish("success")

    def cancel(self) -> None:
        """Nobody wants the answer any more: drop the connection, so that the provider stops its work."""
        if not self.is_over:
            if self.attempt.ttft_s is None:
                self._breaker.abandoned(self._ticket)
            else:
                self._breaker.succeeded(self._ticket)
            self._finish("cancelled")

    def fail(self, error: BaseException) -> None:
        """The call has come to a bad end; a cancellation is one, too."""
        if self.is_over:
            return
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            self.cancel()
            return
        if isinstance(error, LLMError):
            self.attempt.error = name_deployment(error, self.deployment)
        if _counts_as_breakdown(error):
            self._breaker.failed(self._ticket)
        elif self.attempt.http_status is not None:
            self._breaker.answered(self._ticket)
        else:
            self._breaker.abandoned(self._ticket)
        self._finish("failed")

    def no_body(self) -> LLMProtocolError:
        """The error for a 2xx with nothing in it."""
        return LLMProtocolError(
            f"No response body: {self.deployment.provider.label} answered with nothing.",
            status=self.attempt.http_status,
        )

    def wrong_media_type(self, response: HttpResponse, excerpt: bytes) -> LLMProtocolError:
        """The error for a 2xx that is something else, such as a proxy's page."""
        text = " ".join(excerpt.decode("utf-8", "replace").split())
        if self.deployment.api_key:
            text = text.replace(self.deployment.api_key, "***")
        return LLMProtocolError(
            f"{self.deployment.provider.label} answered with {media_type(response) or 'an unnamed type'}, "
            f"not with an answer of its API. It begins: {text[:_EXCERPT_CHARS]}",
            status=self.attempt.http_status,
        )

    def _sample(self, deltas: Sequence[Delta]) -> None:
        sample = self.attempt.output_sample
        for delta in deltas:
            sample += (delta.text, delta.reasoning, delta.refusal)
            for piece in delta.tool_calls:
                sample += (piece.name or "", piece.arguments)

    async def _read_some(self, response: HttpResponse, limit_bytes: int) -> bytes:
        """The body's beginning: as much as comes, up to the limit, without trouble."""
        body = b""
        try:
            with self.watchdog.guard("idle", self.headers_to_content_s):
                async for data in response.chunks():
                    body += data
                    if len(body) >= limit_bytes:
                        break
        except LLMError:
            pass  # the status already says that the call failed, and what has come may say why
        return body[:limit_bytes]

    def _finish(self, status: Literal["success", "failed", "cancelled"]) -> None:
        self.is_over = True
        self.attempt.status = status
        self.attempt.duration_s = self._clock.monotonic() - self.attempt.started
        self.watchdog.stop()
        if self._response is not None:
            self._response.close()
            self._response = None
        self._place.release()


def media_type(response: HttpResponse) -> str:
    """The content type without its parameters, in lower case; empty where there is none."""
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def name_deployment(error: LLMError, deployment: Deployment) -> LLMError:
    """`error`, with the provider and model it is about."""
    error.provider = error.provider or deployment.provider.name
    error.model = error.model or deployment.model
    return error


def _counts_as_breakdown(error: BaseException) -> bool:
    """Whether a circuit breaker should count it: no connection, a time-out, a 5xx, nonsense."""
    if not isinstance(error, LLMUnavailableError | LLMProtocolError):
        return False
    return isinstance(error, LLMTimeoutError) or error.status is None or not 400 <= error.status < 500
