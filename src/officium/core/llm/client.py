"""The client for use without the server: one object that asks models, checks answers and keeps count."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Generic, Self, TypedDict, TypeVar, Unpack, overload

import msgspec
import structlog

from officium.core.llm.breaker import Breakers
from officium.core.llm.chat import (
    LLMResponse,
    MessageLike,
    ToolLike,
    as_messages,
    as_stop,
    as_tool,
    as_tool_choice,
    tool_calls_of,
)
from officium.core.llm.completion import (
    Completion,
    CompletionBuilder,
    CompletionRequest,
    Delta,
    OutputFormat,
    ToolChoice,
)
from officium.core.llm.deployment import Deployment
from officium.core.llm.dispatch import Attempt, DispatchedStream, Dispatcher
from officium.core.llm.errors import (
    ContextTooLong,
    LLMError,
    LLMRequestError,
    LLMValidationError,
    NotExpressible,
)
from officium.core.llm.http import Timeouts, Transport
from officium.core.llm.http1 import Http1Transport
from officium.core.llm.message import Message, system
from officium.core.llm.price import Cost, cost_of, flat_cost, reported_cost
from officium.core.llm.providers import find_provider, find_traits
from officium.core.llm.retry import RetryPolicy
from officium.core.llm.structured import (
    JsonSchema,
    OutputSchema,
    PartialReader,
    Rung,
    correction,
    instruction,
    read_answer,
)
from officium.core.llm.token_usage import TokenUsage
from officium.core.llm.tokens import estimate_request_tokens, estimate_tokens
from officium.kit.clock import Clock, SystemClock
from officium.kit.errors import InvalidRequest

T = TypeVar("T")

_logger = structlog.get_logger("officium.llm", context="llm")
_RESOURCE_PATH = re.compile(r"^accounts/[^/]+/(?:models|routers)/")


@dataclass(frozen=True)
class StructuredAnswer(Generic[T]):
    """An object that fits its schema: the rung that gave it, and how often the model had to be corrected."""

    value: T
    rung: Rung
    corrections: int
    model: str | None


class CompletionOptions(TypedDict, total=False):
    """What may be said of a request besides its words; what is left out is the provider's own default."""

    model: str | None
    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    top_k: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    presence_penalty: float | None
    frequency_penalty: float | None
    tools: Sequence[ToolLike]
    tool_choice: ToolChoice | str | None
    parallel_tool_calls: bool | None
    reasoning_effort: str | None
    user: str | None


def make_deployment(
    provider: str, model: str | None = None, api_key: str | None = None, base_url: str | None = None
) -> Deployment:
    """The deployment of a catalogue row. Raises InvalidRequest for an unknown provider or a missing part."""
    row = find_provider(provider)
    if row is None:
        raise InvalidRequest(f"There is no provider {provider!r}.", param="provider")
    model = model or row.default_model
    if model is None:
        raise InvalidRequest(f"{row.label} has no default model: give `model`.", param="model")
    address = base_url or row.base_url
    if address is None:
        raise InvalidRequest(f"{row.label} has no address of its own: give `base_url`.", param="base_url")
    return Deployment(
        provider=row,
        model=model,
        base_url=address.rstrip("/"),
        api_key=api_key,
        traits=find_traits(row.name, model),
    )


class LLMClient:
    """Asks models and keeps count of tokens and cost.

    Either `deployments` (tried in their order) or `provider` with `model`, `api_key` and `base_url` say who
    answers. One try and `max_retries` more, with back-off, for rate limits, faults of the provider and of
    the connection, never after the first streamed piece. Close it, or use it in `async with`. Raises
    LLMError from every method that asks a model.
    """

    def __init__(
        self,
        provider: str | None = None,
        model: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        deployments: Sequence[Deployment] = (),
        temperature: float | None = None,
        max_tokens: int | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
        max_connections: int = 10,
        timeout_s: float = 60.0,
        max_retries: int = 3,
        max_corrections: int = 2,
        retry: RetryPolicy | None = None,
    ) -> None:
        if not deployments and provider is None:
            raise InvalidRequest("Say who answers: give `provider` or `deployments`.", param="provider")
        self.deployments: tuple[Deployment, ...] = tuple(deployments) or (
            make_deployment(str(provider), model, api_key, base_url),
        )
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._max_corrections = max_corrections
        self._clock = clock or SystemClock()
        self._transport = transport or Http1Transport(max_connections_per_host=max_connections)
        self._dispatcher = Dispatcher(
            self._transport,
            clock=self._clock,
            retry=retry or RetryPolicy(max_retries=max_retries),
            timeouts=Timeouts(
                connect=min(5.0, timeout_s), first_byte=timeout_s, idle=timeout_s, total=10 * timeout_s
            ),
            breakers=Breakers(self._clock),
            max_concurrency_per_deployment=max_connections,
        )
        self.reset_metrics()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()

    def get_metrics(self) -> dict[str, Any]:
        """What was answered since the start or the last reset, in numbers.

        `request_count`, `total_tokens` and `total_cost_usd` (a Decimal: exact where the price is known, the
        flat estimate where it is not).
        """
        return {
            "request_count": self._request_count,
            "total_tokens": self._total_tokens,
            "total_cost_usd": self._total_cost_usd,
        }

    def reset_metrics(self) -> None:
        """Begin to count from zero."""
        self._request_count = 0
        self._total_tokens = 0
        self._total_cost_usd = Decimal(0)

    async def generate_completion(
        self,
        prompt: str | Sequence[MessageLike] | None = None,
        system_prompt: str | None = None,
        *,
        messages: Sequence[MessageLike] | None = None,
        output_format: OutputFormat | None = None,
        **options: Unpack[CompletionOptions],
    ) -> LLMResponse:
        """Ask and wait for the whole answer."""
        turns = as_messages(prompt, system_prompt, messages)
        request, deployments = self._request(turns, options, output_format)
        _, response = await self._complete(request, deployments)
        return response

    @overload
    async def generate_structured_completion(
        self,
        schema: type[T],
        prompt: str | Sequence[MessageLike] | None = None,
        system_prompt: str | None = None,
        *,
        messages: Sequence[MessageLike] | None = None,
        **options: Unpack[CompletionOptions],
    ) -> T: ...

    @overload
    async def generate_structured_completion(
        self,
        schema: JsonSchema,
        prompt: str | Sequence[MessageLike] | None = None,
        system_prompt: str | None = None,
        *,
        messages: Sequence[MessageLike] | None = None,
        **options: Unpack[CompletionOptions],
    ) -> Any: ...

    async def generate_structured_completion(
        self,
        schema: type[Any] | JsonSchema,
        prompt: str | Sequence[MessageLike] | None = None,
        system_prompt: str | None = None,
        *,
        messages: Sequence[MessageLike] | None = None,
        **options: Unpack[CompletionOptions],
    ) -> Any:
        """Ask for an object that fits `schema` (a Pydantic model, another type, or a JSON Schema).

        An answer that does not fit goes back to the model with what is wrong, `max_corrections` times at
        most. Raises LLMValidationError with the last text in `raw_text` and what is wrong in its fields.
        """
        answer = await self.generate_structured_answer(
            schema, prompt, system_prompt, messages=messages, **options
        )
        return answer.value

    async def generate_structured_answer(
        self,
        schema: type[T] | JsonSchema,
        prompt: str | Sequence[MessageLike] | None = None,
        system_prompt: str | None = None,
        *,
        messages: Sequence[MessageLike] | None = None,
        **options: Unpack[CompletionOptions],
    ) -> "StructuredAnswer[T]":
        """As `generate_structured_completion`, with how the object was come by."""
        wanted: OutputSchema[T] = OutputSchema(schema)
        turns = as_messages(prompt, system_prompt, messages)
        completion = await self._ask_for_object(wanted, turns, options)
        return await self._read_or_correct(completion, wanted, turns, options)

    async def stream_completion(
        self,
        prompt: str | Sequence[MessageLike] | None = None,
        system_prompt: str | None = None,
        *,
        messages: Sequence[MessageLike] | None = None,
        **options: Unpack[CompletionOptions],
    ) -> AsyncIterator[str]:
        """Ask and yield the answer's text in the pieces in which it comes."""
        stream = await self.open_stream(prompt, system_prompt, messages=messages, **options)
        try:
            async for deltas in stream:
                if text := "".join(delta.text for delta in deltas):
                    yield text
        finally:
            await stream.aclose()

    async def stream_structured(
        self,
        schema: type[T],
        prompt: str | Sequence[MessageLike] | None = None,
        system_prompt: str | None = None,
        *,
        messages: Sequence[MessageLike] | None = None,
        **options: Unpack[CompletionOptions],
    ) -> AsyncIterator[T]:
        """Ask for an object and yield it each time it has grown; the last one is complete and validated.

        The unfinished ones are not validated: fields still to come hold their default or `None`. Raises
        LLMValidationError as `generate_structured_completion` does.
        """
        wanted: OutputSchema[T] = OutputSchema(schema)
        turns = as_messages(prompt, system_prompt, messages)
        request, deployments = self._object_request(wanted, turns, options)
        stream = await self._open_stream(request, deployments)
        reader = PartialReader(wanted)
        try:
            async for deltas in stream:
                unfinished = reader.feed("".join(delta.text for delta in deltas))
                if unfinished is not None:
                    yield unfinished
        finally:
            await stream.aclose()
        yield (await self._read_or_correct(stream.completion, wanted, turns, options)).value

    async def open_stream(
        self,
        prompt: str | Sequence[MessageLike] | None = None,
        system_prompt: str | None = None,
        *,
        messages: Sequence[MessageLike] | None = None,
        **options: Unpack[CompletionOptions],
    ) -> "CompletionStream":
        """Ask, and return the stream once its first piece has come. Close it, read to the end or not."""
        turns = as_messages(prompt, system_prompt, messages)
        return await self._open_stream(*self._request(turns, options))

    async def _open_stream(
        self, request: CompletionRequest, deployments: Sequence[Deployment]
    ) -> "CompletionStream":
        request = msgspec.structs.replace(request, stream=True)
        started = self._clock.monotonic()
        attempts: list[Attempt] = []
        try:
            stream = await self._dispatcher.open_stream(request, deployments, attempts)
        except LLMError as error:
            self._log_failure(error, deployments[0].model, started)
            raise
        finally:
            _log_retries(attempts)
        return CompletionStream(self, request, stream, started)

    async def _complete(
        self, request: CompletionRequest, deployments: Sequence[Deployment]
    ) -> tuple[Completion, LLMResponse]:
        started = self._clock.monotonic()
        attempts: list[Attempt] = []
        try:
            answer = await self._dispatcher.complete(request, deployments, attempts)
        except LLMError as error:
            self._log_failure(error, deployments[0].model, started)
            raise
        finally:
            _log_retries(attempts)
        reported = reported_cost(answer.completion.raw)
        response = self._account(request, answer.completion, answer.deployment, started, reported)
        return answer.completion, response

    async def _ask_for_object(
        self, wanted: OutputSchema[Any], turns: tuple[Message, ...], options: CompletionOptions
    ) -> Completion:
        """The first answer: in the provider's own mode where it has one and takes the schema."""
        request, deployments = self._object_request(wanted, turns, options)
        try:
            completion, _ = await self._complete(request, deployments)
        except (LLMRequestError, NotExpressible) as error:
            if request.output_format is None or isinstance(error, ContextTooLong):
                raise
            _logger.warning("LLM structured mode refused", model=request.model, error=error.code)
            request, deployments = self._request(_instructed(turns, wanted), options)
            completion, _ = await self._complete(request, deployments)
        return completion

    async def _read_or_correct(
        self,
        completion: Completion,
        wanted: OutputSchema[T],
        turns: tuple[Message, ...],
        options: CompletionOptions,
    ) -> "StructuredAnswer[T]":
        turns = _instructed(turns, wanted)
        for turn in range(self._max_corrections + 1):
            try:
                found = read_answer(completion, wanted)
                return StructuredAnswer(found.value, found.rung, turn, completion.model)
            except LLMValidationError as error:
                is_last = turn == self._max_corrections or error.fields.get("reason") == "refused"
                log = _logger.error if is_last else _logger.warning
                log(
                    "LLM answer does not fit",
                    schema=wanted.name,
                    reason=error.fields.get("reason"),
                    turn=turn,
                )
                if is_last:
                    raise
                turns = (*turns, *correction(error))
            completion, _ = await self._complete(*self._request(turns, options))
        raise AssertionError("the last turn returns or raises")

    def _object_request(
        self, wanted: OutputSchema[Any], turns: tuple[Message, ...], options: CompletionOptions
    ) -> tuple[CompletionRequest, tuple[Deployment, ...]]:
        request, deployments = self._request(turns, options, wanted.output_format)
        if all(deployment.traits.has_native_json_schema for deployment in deployments):
            return request, deployments
        return self._request(_instructed(turns, wanted), options)

    def _request(
        self,
        turns: tuple[Message, ...],
        options: CompletionOptions,
        output_format: OutputFormat | None = None,
    ) -> tuple[CompletionRequest, tuple[Deployment, ...]]:
        said: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        unknown = said.keys() - CompletionOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"There is no option {', '.join(sorted(unknown))}.")
        deployments = self._deployments_for(said.pop("model", None))
        said.setdefault("temperature", self._temperature)
        said.setdefault("max_tokens", self._max_tokens)
        request = CompletionRequest(
            **{
                **said,
                "model": deployments[0].model,
                "messages": turns,
                "stop": as_stop(said.get("stop")),
                "tools": tuple(map(as_tool, said.get("tools", ()))),
                "tool_choice": as_tool_choice(said.get("tool_choice")),
                "output_format": output_format,
            }
        )
        return request, deployments

    def _deployments_for(self, model: str | None) -> tuple[Deployment, ...]:
        """The deployments of `model`; a model nobody named before is asked of the first provider."""
        if model is None:
            return self.deployments
        named = tuple(one for one in self.deployments if model in (one.model, one.name))
        if named:
            return named
        first = self.deployments[0]
        traits = find_traits(first.provider.name, model)
        return (msgspec.structs.replace(first, model=model, traits=traits),)

    def _account(
        self,
        request: CompletionRequest,
        completion: Completion,
        deployment: Deployment,
        started: float,
        reported: Decimal | None = None,
        first_token_ms: int | None = None,
        is_whole: bool = True,
    ) -> LLMResponse:
        """Count the answer, write its log line and give it its public form."""
        usage, is_said = _counted(request, completion)
        cost = cost_of(
            usage, deployment.provider.name, deployment.model, self._clock.now(), reported=reported
        )
        total = usage.total_tokens or 0
        booked = cost if cost.amount is not None else flat_cost(total)
        self._request_count += 1
        self._total_tokens += total
        self._total_cost_usd += booked.amount or 0
        response_time_ms = self._ms_since(started)
        _log_completed(deployment, usage, booked, response_time_ms, is_whole)
        return LLMResponse(
            content=completion.text,
            model=completion.model or deployment.model,
            provider=deployment.provider.name,
            usage=usage,
            usage_source="provider" if is_said else "estimate",
            cost_usd=cost.amount,
            cost_source=cost.source,
            finish_reason=completion.finish_reason,
            tool_calls=tool_calls_of(completion.parts),
            reasoning=completion.reasoning,
            response_time_ms=response_time_ms,
            first_token_ms=first_token_ms,
            notes=completion.notes,
        )

    def _ms_since(self, started: float) -> int:
        return round((self._clock.monotonic() - started) * 1000)

    def _log_failure(self, error: LLMError, model: str, started: float) -> None:
        line = (
            f"LLM request failed | model={model} | error={error.code} | "
            f"response_time_ms={self._ms_since(started)} | success=false"
        )
        _logger.error(line, status=error.status)


class CompletionStream:
    """A streamed answer as batches of deltas. After its end `completion` and `response` hold the whole."""

    def __init__(
        self, client: LLMClient, request: CompletionRequest, stream: DispatchedStream, started: float
    ) -> None:
        self._client = client
        self._request = request
        self._stream = stream
        self._started = started
        self._builder = CompletionBuilder()
        self._reported: Decimal | None = None
        self._first_token_ms: int | None = None
        self._is_accounted = False
        self.deployment: Deployment = stream.deployment
        self.completion = Completion()
        self.response: LLMResponse | None = None

    async def __aiter__(self) -> AsyncIterator[list[Delta]]:
        try:
            async for deltas in self._stream:
                for delta in deltas:
                    self._take(delta)
                yield deltas
        except LLMError as error:
            self._finish(is_whole=False)
            self._client._log_failure(error, self.deployment.model, self._started)
            raise
        self._finish(is_whole=True)

    async def aclose(self) -> None:
        """Stop the provider's work and account for what was streamed."""
        try:
            await self._stream.aclose()
        finally:
            self._finish(is_whole=False)

    def _take(self, delta: Delta) -> None:
        self._builder.add(delta)
        if self._first_token_ms is None and delta.has_content:
            self._first_token_ms = self._client._ms_since(self._started)
        if delta.usage is not None and delta.raw:
            self._reported = reported_cost(delta.raw) or self._reported

    def _finish(self, is_whole: bool) -> None:
        if self._is_accounted:
            return
        self._is_accounted = True
        self.completion = self._builder.build(self._stream.notes)
        self.response = self._client._account(
            self._request,
            self.completion,
            self.deployment,
            self._started,
            self._reported,
            self._first_token_ms,
            is_whole,
        )


def short_model_name(model: str) -> str:
    """The model's name without the path that Fireworks puts before it."""
    return _RESOURCE_PATH.sub("", model)


def _instructed(turns: tuple[Message, ...], wanted: OutputSchema[Any]) -> tuple[Message, ...]:
    """The turns with the schema in the system prompt."""
    words = instruction(wanted)
    if turns[0].role == "system":
        return (system(f"{turns[0].text}\n\n{words}"), *turns[1:])
    return (system(words), *turns)


def _counted(request: CompletionRequest, completion: Completion) -> tuple[TokenUsage, bool]:
    """The usage with estimates for the counts the provider did not say, and whether it said them both."""
    said = completion.usage or TokenUsage()
    if said.input_tokens is not None and said.output_tokens is not None:
        return said, True
    written = completion.text + completion.reasoning + completion.refusal
    written += "".join(call.arguments for call in completion.tool_calls)
    estimates = {"input_tokens": estimate_request_tokens(request), "output_tokens": estimate_tokens(written)}
    missing = {name: count for name, count in estimates.items() if getattr(said, name) is None}
    return said.model_copy(update=missing), False


def _log_completed(
    deployment: Deployment, usage: TokenUsage, cost: Cost, response_time_ms: int, is_whole: bool
) -> None:
    line = (
        f"LLM request completed | model={deployment.model} | prompt_tokens={usage.input_tokens} | "
        f"completion_tokens={usage.output_tokens} | total_tokens={usage.total_tokens} | "
        f"estimated_cost_usd={_plain(cost.amount)} | response_time_ms={response_time_ms} | "
        f"success={str(is_whole).lower()}"
    )
    _logger.info(line, provider=deployment.provider.name, cost_source=cost.source)


def _plain(amount: Decimal | None) -> str:
    """The amount without exponent and trailing zeros."""
    text = f"{amount or Decimal(0):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _log_retries(attempts: Sequence[Attempt]) -> None:
    for number, attempt in enumerate(attempts, 1):
        if attempt.error is not None and number < len(attempts):
            _logger.warning(
                "LLM attempt failed, trying again",
                deployment=attempt.deployment.name,
                attempt=number,
                error=attempt.error.code,
            )
