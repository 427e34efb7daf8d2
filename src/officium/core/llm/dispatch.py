"""From a request to an answer, over the deployments that can give one.

Why the loop is our own: docs/decisions/0003-our-own-attempt-loop.md.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, Self, TypeVar
from weakref import WeakValueDictionary

from msgspec import Struct
from msgspec.structs import replace

from officium.core.llm.breaker import Breakers, CircuitBreaker, DeploymentKey, deployment_key
from officium.core.llm.completion import (
    Completion,
    CompletionRequest,
    Delta,
    DialectName,
    ToolCallDelta,
)
from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import EmbeddingRequest, Embeddings
from officium.core.llm.errors import LLMError, LLMUnavailableError, ModelNotFound
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts, Transport
from officium.core.llm.message import Part, Reasoning, Refusal, Text, ToolCall
from officium.core.llm.provider_call import Attempt, ProviderCall, media_type, name_deployment
from officium.core.llm.providers import Dialect, choose_dialect
from officium.core.llm.retry import RetryPolicy
from officium.core.llm.watchdog import Phase
from officium.kit.clock import Clock, SystemClock

__all__ = ["Answered", "Attempt", "DispatchedStream", "Dispatcher"]

MAX_BODY_BYTES = 32 * 1024 * 1024

_END_S = 0.25
"""How long the body may stay open once the provider has said that nothing follows: most end it at once, and
then the connection can be used again."""

_STREAM_TYPES = ("text/event-stream", "application/x-ndjson", "application/octet-stream", "text/plain", "")
"""What a stream may call itself; for plain text the decoder finds out."""

_T = TypeVar("_T")
_Prepare = Callable[[Deployment], tuple[Dialect, HttpRequest]]
_Receive = Callable[[ProviderCall, HttpResponse, tuple[str, ...]], Awaitable[_T]]


class CallLimits(Protocol):
    """What keeps us from asking a provider faster than it allows."""

    def enter(self, deployment: Deployment) -> Awaitable[None] | None:
        """`None` where nothing limits calls to it; else await the result before each call.

        Awaiting it raises LLMRateLimitError where the call must not be made now.
        """
        ...


class Answered(Struct, frozen=True, kw_only=True):
    """A whole completion, the deployment that gave it and the dialect it was asked in.

    The completion's `notes` begin with what was left out of the request.
    """

    completion: Completion
    deployment: Deployment
    dialect: DialectName


class DispatchedStream:
    """A streamed answer that has begun. Iterate over its batches, then close it, read to the end or not."""

    def __init__(self, call: ProviderCall, response: HttpResponse, notes: tuple[str, ...]) -> None:
        self.deployment: Deployment = call.deployment
        self.dialect: DialectName = call.dialect.name
        self.notes = notes
        self._call = call
        self._next_chunk = response.chunks().__anext__
        self._decoder = call.dialect.stream_decoder(call.deployment)
        self._feed = self._decoder.feed
        self._held: list[Delta] = []
        self._idle_s = call.timeouts.idle
        self._silent_s = 0.0
        self._has_body = False

    @classmethod
    def of(
        cls, completion: Completion, call: ProviderCall, response: HttpResponse, notes: tuple[str, ...]
    ) -> Self:
        """A whole answer as the deltas it could have come in; none of them can be relayed as it came."""
        stream = cls(call, response, notes + completion.notes)
        stream._held = deltas_of(completion)
        provider = replace(call.deployment.provider, is_faithful=False)
        stream.deployment = replace(call.deployment, provider=provider)
        return stream

    @classmethod
    async def begin(cls, call: ProviderCall, response: HttpResponse, notes: tuple[str, ...]) -> Self:
        """Read until the answer has begun, or ended without a word. Raises LLMError if it failed before."""
        stream = cls(call, response, notes)
        loop = asyncio.get_running_loop()
        begin_by = loop.time() + call.headers_to_content_s
        batches: list[Delta] = []
        while call.attempt.ttft_s is None and not call.is_over:
            try:
                batches.extend(await stream._read("first_byte", begin_by - loop.time()))
            except StopAsyncIteration:
                break
        if call.attempt.ttft_s is None and call.attempt.error is not None:
            raise call.attempt.error
        stream._held = batches
        return stream

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[list[Delta]]:
        """The next deltas, as one piece from the network held them. Raises LLMError."""
        return self._read("idle", self._idle_s - self._silent_s)

    def cut(self) -> None:
        """Stop the provider's work; the reader gets what has come, and then the finish reason `length`."""
        if not self._call.is_over:
            self._call.cancel()
            self._call.attempt.finish_reason = "length"
            self._held.append(Delta(finish_reason="length"))

    async def aclose(self) -> None:
        """Drop the connection unless the answer is complete, so that the provider stops its work."""
        self._held = []
        self._call.cancel()

    async def _read(self, phase: Phase, limit_s: float) -> list[Delta]:
        if self._held:
            held, self._held = self._held, []
            return held
        call = self._call
        if call.is_over:
            raise call.attempt.error or StopAsyncIteration
        batch: list[Delta] = []
        data = b""
        try:
            with call.watchdog.guard(phase, limit_s):
                while not batch:
                    data = b""
                    data = await self._next_chunk()
                    self._has_body = True
                    batch.extend(self._feed(data))  # keeps what was decoded before an error
                    if self._decoder.has_ended:
                        break
        except StopAsyncIteration:
            return self._end(batch)
        except LLMError as error:
            return self._fail(batch, error) if data else self._end(batch, error)
        except BaseException as error:
            call.fail(error)
            raise
        if self._decoder.has_ended:
            self._idle_s, self._silent_s = min(self._idle_s, _END_S), 0.0
        if call.note(batch):
            self._silent_s = 0.0
        else:
            self._silent_s += call.watchdog.waited_s
        return batch

    def _end(self, batch: list[Delta], fault: LLMError | None = None) -> list[Delta]:
        """The body has ended, or broke off, which does no harm after the decoder has seen the end."""
        call = self._call
        if call.is_over:  # closed by another task while this one waited
            if self._held:  # or cut: these are the last words
                batch, self._held = batch + self._held, []
                return batch
            raise StopAsyncIteration
        try:
            if not self._has_body and fault is None:
                raise call.no_body()
            batch.extend(self._decoder.close())
        except LLMError as error:
            return self._fail(batch, fault or error)
        call.note(batch)
        call.succeed()
        if not batch:
            raise StopAsyncIteration
        return batch

    def _fail(self, batch: list[Delta], error: LLMError) -> list[Delta]:
        """Hand out what was still understood; the error comes with the next call."""
        self._call.note(batch)
        self._call.fail(error)
        if batch:
            return batch
        raise error


class Dispatcher:
    """Walks over the deployments of a model until one has answered.

    Each gets a try and its retries, unless its circuit is open, its places stay taken or `limits` say that
    it is asked too often; then comes the next, if the error allows it. What is raised in the end is the last
    word of a provider that was asked.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock | None = None,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        breakers: Breakers | None = None,
        limits: CallLimits | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        max_concurrency_per_deployment: int = 100,
    ) -> None:
        self._transport = transport
        self._clock = clock or SystemClock()
        self._retry = retry or RetryPolicy()
        self._timeouts = timeouts or Timeouts()
        self._breakers = Breakers(self._clock) if breakers is None else breakers
        self._limits = limits
        self._max_body_bytes = max_body_bytes
        self._max_concurrency = max_concurrency_per_deployment
        self._places: WeakValueDictionary[DeploymentKey, asyncio.Semaphore] = WeakValueDictionary()

    async def complete(
        self, request: CompletionRequest, deployments: Sequence[Deployment], attempts: list[Attempt]
    ) -> Answered:
        """The whole answer. Each try is appended to `attempts` as it starts. Raises LLMError."""
        asked = replace(request, stream=False) if request.stream else request

        async def receive(call: ProviderCall, response: HttpResponse, notes: tuple[str, ...]) -> Answered:
            completion = await self._read_completion(call, response)
            call.succeed()
            if notes:
                completion = replace(completion, notes=notes + completion.notes)
            return Answered(completion=completion, deployment=call.deployment, dialect=call.dialect.name)

        return await self._walk(deployments, attempts, _completion(asked), receive)

    async def open_stream(
        self, request: CompletionRequest, deployments: Sequence[Deployment], attempts: list[Attempt]
    ) -> DispatchedStream:
        """The streamed answer as soon as it has begun; after that nothing is tried again. Raises LLMError."""
        asked = request if request.stream else replace(request, stream=True)

        async def receive(
            call: ProviderCall, response: HttpResponse, notes: tuple[str, ...]
        ) -> DispatchedStream:
            said = media_type(response)
            if said == "application/json" and call.dialect.name != "gemini-generate":
                completion = await self._read_completion(call, response)
                call.succeed()
                return DispatchedStream.of(completion, call, response, notes)
            if said not in _STREAM_TYPES and "json" not in said:
                raise call.wrong_media_type(response, await call.read_excerpt(response))
            return await DispatchedStream.begin(call, response, notes)

        return await self._walk(deployments, attempts, _completion(asked), receive)

    async def embed(
        self, request: EmbeddingRequest, deployments: Sequence[Deployment], attempts: list[Attempt]
    ) -> tuple[Embeddings, Deployment, tuple[str, ...]]:
        """The vectors, the deployment that made them, and notes on what was left out. Raises LLMError."""

        def prepare(deployment: Deployment) -> tuple[Dialect, HttpRequest]:
            dialect = choose_dialect(deployment)
            return dialect, dialect.encode_embeddings(request, deployment)

        async def receive(
            call: ProviderCall, response: HttpResponse, notes: tuple[str, ...]
        ) -> tuple[Embeddings, Deployment, tuple[str, ...]]:
            body = await call.read(response, self._max_body_bytes)
            embeddings = call.dialect.decode_embeddings(body, call.deployment)
            call.note_usage(embeddings.usage, body)
            call.succeed()
            return embeddings, call.deployment, notes

        return await self._walk(deployments, attempts, prepare, receive)

    async def list_models(self, deployment: Deployment) -> tuple[str, ...]:
        """The names of the provider's models, asked for once. Raises LLMError."""

        def prepare(deployment: Deployment) -> tuple[Dialect, HttpRequest]:
            dialect = choose_dialect(deployment)
            return dialect, dialect.encode_models(deployment)

        async def receive(
            call: ProviderCall, response: HttpResponse, notes: tuple[str, ...]
        ) -> tuple[str, ...]:
            names = tuple(call.dialect.decode_models(await call.read(response, self._max_body_bytes)))
            call.succeed()
            return names

        breaker = self._breakers.get(deployment)
        return await self._try(deployment, breaker, *prepare(deployment), [], receive, ())

    async def _walk(
        self,
        deployments: Sequence[Deployment],
        attempts: list[Attempt],
        prepare: _Prepare,
        receive: _Receive[_T],
    ) -> _T:
        failure: LLMError | None = None
        has_asked = False
        notes: tuple[str, ...] = ()
        for deployment in deployments:
            tried = len(attempts)
            try:
                return await self._persist(deployment, attempts, prepare, receive, notes)
            except LLMError as error:
                name_deployment(error, deployment)
                if not has_asked or len(attempts) > tried:
                    failure = error
                has_asked = has_asked or len(attempts) > tried
                if not error.allows_fallback:
                    break
                if len(attempts) == tried:
                    notes += (f"{deployment.name} was passed over: {error}",)
        try:
            raise failure or ModelNotFound("No deployment serves this model; configure one.")
        finally:
            del failure  # it holds this frame, which would hold it

    async def _persist(
        self,
        deployment: Deployment,
        attempts: list[Attempt],
        prepare: _Prepare,
        receive: _Receive[_T],
        notes: tuple[str, ...],
    ) -> _T:
        """One deployment's try and retries."""
        breaker = self._breakers.get(deployment)
        if breaker.is_refusing:
            raise _circuit_open(deployment, breaker)
        dialect, request = prepare(deployment)
        retry = 0
        while True:
            try:
                return await self._try(deployment, breaker, dialect, request, attempts, receive, notes)
            except LLMError as error:
                delay_s = self._retry.delay_s(retry, error.retry_after_s) if error.is_retryable else None
                if delay_s is None or breaker.is_refusing:
                    raise
                await self._retry.sleep(delay_s)
                if breaker.is_refusing:  # others have failed in the meantime
                    raise
            retry += 1

    async def _try(
        self,
        deployment: Deployment,
        breaker: CircuitBreaker,
        dialect: Dialect,
        request: HttpRequest,
        attempts: list[Attempt],
        receive: _Receive[_T],
        notes: tuple[str, ...],
    ) -> _T:
        place = await self._take_place(deployment)
        ticket = breaker.admit()
        if ticket is None:
            place.release()
            raise _circuit_open(deployment, breaker)
        limited = self._limits.enter(deployment) if self._limits is not None else None
        if limited is not None:
            try:
                await limited
            except BaseException:
                breaker.abandoned(ticket)
                place.release()
                raise
        attempt = Attempt(number=len(attempts) + 1, deployment=deployment, started=self._clock.monotonic())
        attempts.append(attempt)
        call = ProviderCall(attempt, dialect, self._timeouts, self._clock, place, breaker, ticket)
        try:
            response = await call.send(self._transport, request)
            return await receive(call, response, notes + deployment.notes + request.notes)
        except BaseException as error:
            call.fail(error)
            raise

    async def _take_place(self, deployment: Deployment) -> asyncio.Semaphore:
        """A place among the deployment's concurrent calls; waited for no longer than for an answer."""
        key = deployment_key(deployment)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = asyncio.Semaphore(self._max_concurrency)
        if not place.locked():
            await place.acquire()
            return place
        try:
            async with asyncio.timeout(self._timeouts.first_byte):
                await place.acquire()
        except TimeoutError as error:
            raise LLMUnavailableError(
                f"{deployment.name} is busy: its {self._max_concurrency} places are taken. Try again later.",
                is_retryable=False,
            ) from error
        return place

    async def _read_completion(self, call: ProviderCall, response: HttpResponse) -> Completion:
        body = await call.read(response, self._max_body_bytes)
        completion = call.dialect.decode(body, call.deployment)
        call.note_whole(completion)
        return completion


def deltas_of(completion: Completion) -> list[Delta]:
    """The deltas that add up to `completion`, a part each, then its end."""
    deltas: list[Delta] = []
    calls = 0
    for part in completion.parts:
        if isinstance(part, ToolCall):
            call = ToolCallDelta(calls, part.id, part.name, part.arguments, part.signature)
            deltas.append(Delta(tool_calls=(call,)))
            calls += 1
        else:
            deltas.append(_delta_of(part))
    end = Delta(
        id=completion.id,
        model=completion.model,
        logprobs=completion.logprobs,
        finish_reason=completion.finish_reason,
        finish_reason_raw=completion.finish_reason_raw,
        usage=completion.usage,
    )
    return [*deltas, end]


def _delta_of(part: Part) -> Delta:
    match part:
        case Text():
            return Delta(text=part.text, text_signature=part.signature)
        case Reasoning():
            return Delta(
                reasoning=part.text,
                reasoning_signature=part.signature,
                reasoning_encrypted=part.encrypted,
                reasoning_id=part.id,
            )
        case Refusal():
            return Delta(refusal=part.text)
        case _:  # a model answers with nothing else
            return Delta()


def _completion(request: CompletionRequest) -> _Prepare:
    def prepare(deployment: Deployment) -> tuple[Dialect, HttpRequest]:
        dialect = choose_dialect(deployment, request)
        return dialect, dialect.encode(request, deployment)

    return prepare


def _circuit_open(deployment: Deployment, breaker: CircuitBreaker) -> LLMUnavailableError:
    return LLMUnavailableError(
        f"{deployment.name} failed several times in a row, so its circuit is open. Try again later.",
        is_retryable=False,
        retry_after_s=breaker.wait_s or None,
        reason="circuit_open",
    )
