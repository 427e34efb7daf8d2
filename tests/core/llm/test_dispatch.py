"""The walk over deployments: what is tried, how often, and what is told of it."""

import asyncio
import gc
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from officium.core.llm.breaker import Breakers
from officium.core.llm.completion import CompletionBuilder, CompletionRequest, Delta
from officium.core.llm.deployment import Deployment, ModelTraits
from officium.core.llm.dispatch import Attempt, DispatchedStream, Dispatcher, deltas_of
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.errors import (
    LLMAuthenticationError,
    LLMConnectionError,
    LLMError,
    LLMProtocolError,
    LLMRateLimitError,
    LLMRequestError,
    LLMTimeoutError,
    LLMUnavailableError,
    ModelNotFound,
    NotExpressible,
)
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts
from officium.core.llm.message import user
from officium.core.llm.providers import PROVIDERS
from officium.core.llm.retry import RetryPolicy
from officium.core.llm.watchdog import Watchdog

JSON = {"Content-Type": "application/json"}
EVENTS = {"Content-Type": "text/event-stream; charset=utf-8"}

Piece = bytes | Exception | float
"""Bytes of a body, an error in their place, or seconds to wait."""


class Reply:
    """What the fake transport answers. Counts how often it is closed."""

    def __init__(self, *pieces: Piece, status: int = 200, headers: Mapping[str, str] = JSON) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.pieces = pieces
        self.closed = 0
        self._gone = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, bytes):
                yield piece
                continue
            try:
                async with asyncio.timeout(piece):
                    await self._gone.wait()
                raise LLMConnectionError("closed")
            except TimeoutError:
                pass

    async def read(self, limit_bytes: int) -> bytes:
        return b"".join([piece async for piece in self.chunks()])

    def close(self) -> None:
        self.closed += 1
        self._gone.set()


class FakeTransport:
    """Answers with its replies, one a request; raises those that are errors."""

    def __init__(self, *replies: Reply | Exception) -> None:
        self.replies = list(replies)
        self.requests: list[HttpRequest] = []
        self.given: list[Reply] = []

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        self.given.append(reply)
        return reply

    async def close(self) -> None: ...

    @property
    def open(self) -> int:
        return sum(not reply.closed for reply in self.given)


class HandClock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.elapsed_s


class Bench:
    """A dispatcher over a fake transport whose waits are noted and not waited for."""

    def __init__(self, *replies: Reply | Exception, **options: Any) -> None:
        self.transport = FakeTransport(*replies)
        self.clock = HandClock()
        self.breakers = Breakers(self.clock, failures_to_open=options.pop("failures_to_open", 100))
        self.slept: list[float] = []
        self.attempts: list[Attempt] = []
        self.dispatcher = Dispatcher(
            self.transport,
            clock=self.clock,
            retry=RetryPolicy(draw=lambda: 1.0, sleep=self._sleep),
            timeouts=options.pop("timeouts", Timeouts()),
            breakers=self.breakers,
            **options,
        )

    async def _sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)

    async def complete(self, *deployments: Deployment, request: CompletionRequest | None = None) -> str:
        answered = await self.dispatcher.complete(
            request or a_request(), deployments or (a_deployment(),), self.attempts
        )
        return answered.completion.text

    async def stream(self, *deployments: Deployment) -> DispatchedStream:
        return await self.dispatcher.open_stream(
            replace(a_request(), stream=True), deployments or (a_deployment(),), self.attempts
        )

    @property
    def story(self) -> list[tuple[str, str]]:
        """Who was tried, and how it ended."""
        return [(attempt.deployment.model, attempt.status) for attempt in self.attempts]


def a_request(**fields: Any) -> CompletionRequest:
    return CompletionRequest(model="asked", messages=(user("Hello?"),), **fields)


def a_deployment(model: str = "a", provider: str = "vllm", **fields: Any) -> Deployment:
    return Deployment(provider=PROVIDERS[provider], model=model, base_url=f"http://{model}.test/v1", **fields)


def an_answer(text: str = "Hello!") -> Reply:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return Reply(json.dumps({"id": "c1", "model": "m", "choices": [choice], "usage": usage}).encode())


def vectors() -> Reply:
    data = [{"index": 0, "embedding": [0.5, 1.0]}]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return Reply(json.dumps({"model": "e", "data": data, "usage": usage}).encode())


def an_error(status: int, message: str = "Oh no.", **headers: str) -> Reply:
    body = json.dumps({"error": {"message": message}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(body, status=status, headers=JSON | named)


def event(text: str | None = None, finish: str | None = None, **delta: Any) -> bytes:
    if text is not None:
        delta["content"] = text
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %b\n\n" % json.dumps({"id": "c1", "model": "m", "choices": [choice]}).encode()


ROLE = event(role="assistant")
END = event(finish="stop") + b"data: [DONE]\n\n"
FAULT = b'data: {"error": {"message": "Crashed.", "code": 500}}\n\n'


def a_stream(*pieces: Piece) -> Reply:
    return Reply(*pieces, headers=EVENTS)


def texts(batch: list[Delta]) -> list[str]:
    return [delta.text for delta in batch if delta.text]


async def read(stream: DispatchedStream) -> list[list[str]]:
    return [texts(batch) async for batch in stream]


async def read_into(seen: list[str], stream: DispatchedStream) -> None:
    async for batch in stream:
        seen += texts(batch)


async def test_whole_answer_and_its_record() -> None:
    bench = Bench(an_answer())

    answered = await bench.dispatcher.complete(a_request(), [a_deployment()], bench.attempts)

    assert answered.completion.text == "Hello!"
    assert answered.deployment.name == "vllm/a"
    assert answered.dialect == "openai-chat"
    [attempt] = bench.attempts
    assert (attempt.number, attempt.status, attempt.http_status) == (1, "success", 200)
    assert attempt.usage is not None
    assert attempt.usage.total_tokens == 5
    assert (attempt.finish_reason, attempt.output_chars, attempt.error) == ("stop", 6, None)
    assert attempt.ttft_s is not None
    assert attempt.duration_s is not None
    assert bench.transport.open == 0


async def test_record_keeps_the_time() -> None:
    bench = Bench(a_stream(event("a"), event("b"), END))
    bench.clock.elapsed_s = 100.0
    send = bench.transport.send

    async def slow_send(request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        bench.clock.elapsed_s += 2.0
        return await send(request, timeouts)

    bench.transport.send = slow_send  # type: ignore[method-assign]
    stream = await bench.stream()
    bench.clock.elapsed_s += 3.0
    await read(stream)

    [attempt] = bench.attempts
    assert (attempt.started, attempt.ttft_s, attempt.duration_s) == (100.0, 2.0, 5.0)


@pytest.mark.parametrize("asks_for_stream", [True, False])
async def test_request_says_what_is_opened(asks_for_stream: bool) -> None:
    bench = Bench(an_answer(), a_stream(event("a"), END))
    request = a_request(stream=asks_for_stream)

    await bench.complete(request=request)
    await bench.dispatcher.open_stream(request, [a_deployment()], [])

    asked = [json.loads(sent.body).get("stream", False) for sent in bench.transport.requests]
    assert asked == [False, True]


async def test_retries_wait_longer_each_time() -> None:
    bench = Bench(an_error(500), an_error(503), LLMConnectionError("reset"), an_answer())

    assert await bench.complete() == "Hello!"

    assert bench.slept == [0.5, 1.0, 2.0]
    assert [attempt.number for attempt in bench.attempts] == [1, 2, 3, 4]
    assert [attempt.status for attempt in bench.attempts] == ["failed"] * 3 + ["success"]
    assert [attempt.http_status for attempt in bench.attempts] == [500, 503, None, 200]
    assert bench.transport.open == 0


async def test_next_deployment_comes_after_one_try_and_three_retries() -> None:
    bench = Bench(*[an_error(500) for _ in range(4)], an_answer())

    assert await bench.complete(a_deployment("a"), a_deployment("b")) == "Hello!"

    assert bench.story == [("a", "failed")] * 4 + [("b", "success")]
    assert [attempt.number for attempt in bench.attempts] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("status", "error", "story"),
    [
        pytest.param(400, LLMRequestError, "a", id="bad request: no retry, no fallback"),
        pytest.param(422, LLMRequestError, "a", id="unprocessable: no retry, no fallback"),
        pytest.param(401, LLMAuthenticationError, "ab", id="key: fallback without retry"),
        pytest.param(404, ModelNotFound, "ab", id="no such model: fallback without retry"),
        pytest.param(501, LLMError, "ab", id="not implemented: fallback without retry"),
        pytest.param(429, LLMRateLimitError, "aaaabbbb", id="rate limit: retries and fallback"),
        pytest.param(529, LLMUnavailableError, "aaaabbbb", id="overloaded: retries and fallback"),
    ],
)
async def test_error_decides_on_retry_and_fallback(status: int, error: type[LLMError], story: str) -> None:
    bench = Bench(*[an_error(status) for _ in range(8)])

    with pytest.raises(error) as raised:
        await bench.complete(a_deployment("a"), a_deployment("b"))

    assert "".join(model for model, _ in bench.story) == story
    assert raised.value is bench.attempts[-1].error
    assert (raised.value.provider, raised.value.model) == ("vllm", story[-1])
    assert bench.transport.open == 0


async def test_provider_that_names_a_delay_gets_it() -> None:
    bench = Bench(an_error(429, retry_after="7"), an_answer())

    await bench.complete()

    assert bench.slept == [7.0]


async def test_delay_past_the_cap_is_not_waited_for() -> None:
    bench = Bench(an_error(429, retry_after="3600"), an_answer())

    assert await bench.complete(a_deployment("a"), a_deployment("b")) == "Hello!"

    assert bench.slept == []
    assert bench.story == [("a", "failed"), ("b", "success")]


async def test_delay_past_the_cap_is_told_where_there_is_no_fallback() -> None:
    bench = Bench(an_error(429, retry_after="3600"))

    with pytest.raises(LLMRateLimitError) as raised:
        await bench.complete()

    assert raised.value.retry_after_s == 3600


async def test_no_deployment_at_all() -> None:
    bench = Bench()

    with pytest.raises(ModelNotFound):
        await bench.dispatcher.complete(a_request(), [], bench.attempts)


async def test_what_cannot_be_said_goes_to_the_next_deployment_with_a_note() -> None:
    bench = Bench(vectors())
    request = EmbeddingRequest(model="asked", inputs=("Hello",))
    speechless = a_deployment("a", provider="anthropic")

    _, deployment, notes = await bench.dispatcher.embed(
        request, [speechless, a_deployment("b")], bench.attempts
    )

    assert deployment.name == "vllm/b"
    assert len(notes) == 1
    assert notes[0].startswith("anthropic/a was passed over")
    assert bench.story == [("b", "success")]
    with pytest.raises(NotExpressible):
        await bench.dispatcher.embed(request, [speechless], [])


async def test_notes_say_what_was_left_out() -> None:
    bench = Bench(an_answer(), a_stream(event("a"), END))
    deployment = a_deployment(traits=ModelTraits(refuses=frozenset({"temperature"})))
    request = a_request(temperature=0.3)

    answered = await bench.dispatcher.complete(request, [deployment], [])
    stream = await bench.dispatcher.open_stream(request, [deployment], [])

    assert any("temperature" in note for note in answered.completion.notes)
    assert stream.notes == answered.completion.notes


async def test_what_is_to_be_said_of_a_deployment_comes_with_its_answers() -> None:
    bench = Bench(an_answer(), a_stream(event("a"), END), vectors())
    deployment = replace(a_deployment(), notes=("Its days are counted.",))

    answered = await bench.dispatcher.complete(a_request(), [deployment], [])
    stream = await bench.dispatcher.open_stream(a_request(), [deployment], [])
    embedding = EmbeddingRequest(model="asked", inputs=("Hello",))
    _, _, notes = await bench.dispatcher.embed(embedding, [deployment], [])

    assert answered.completion.notes == stream.notes == notes == ("Its days are counted.",)


async def test_open_circuit_is_passed_over_with_a_note() -> None:
    bench = Bench(an_error(500), an_answer(), failures_to_open=1)
    with pytest.raises(LLMUnavailableError):
        await bench.complete(a_deployment("a"))

    answered = await bench.dispatcher.complete(a_request(), [a_deployment("a"), a_deployment("b")], [])

    assert len(bench.transport.requests) == 2
    assert any("vllm/a was passed over" in note for note in answered.completion.notes)


async def test_open_circuit_fails_fast_and_says_when_to_come_back() -> None:
    bench = Bench(an_error(500), failures_to_open=1)
    with pytest.raises(LLMUnavailableError) as first:
        await bench.complete()
    bench.clock.elapsed_s += 10

    with pytest.raises(LLMUnavailableError, match="circuit is open") as second:
        await bench.complete()

    assert first.value.status == 500
    assert second.value.retry_after_s == 20
    assert second.value.provider == "vllm"
    assert len(bench.attempts) == 1


async def test_circuit_that_opens_between_retries_ends_them_with_the_real_error() -> None:
    bench = Bench(an_error(500, "Boom."), an_error(500, "Boom."), failures_to_open=2)

    with pytest.raises(LLMUnavailableError, match="Boom"):
        await bench.complete()

    assert len(bench.attempts) == 2
    assert bench.slept == [0.5]


async def test_word_of_a_provider_is_worth_more_than_an_open_circuit() -> None:
    bench = Bench(an_error(500), an_error(429, "Slow down."), failures_to_open=1)
    with pytest.raises(LLMUnavailableError):
        await bench.complete(a_deployment("b"))
    bench.transport.replies[0].headers["retry-after"] = "999"  # type: ignore[union-attr]

    with pytest.raises(LLMRateLimitError):
        await bench.complete(a_deployment("a"), a_deployment("b"))


@pytest.mark.parametrize(
    ("reply", "opens"),
    [
        pytest.param(lambda: an_error(500), True, id="500"),
        pytest.param(lambda: an_error(529), True, id="529"),
        pytest.param(lambda: LLMConnectionError("refused"), True, id="no connection"),
        pytest.param(lambda: LLMTimeoutError("slow", phase="first_byte"), True, id="time-out"),
        pytest.param(lambda: Reply(b"{garbage"), True, id="garbled"),
        pytest.param(lambda: a_stream(event("x"), FAULT), True, id="stream instead of an answer"),
        pytest.param(lambda: an_error(400), False, id="400"),
        pytest.param(lambda: an_error(401), False, id="401"),
        pytest.param(lambda: an_error(404), False, id="404"),
        pytest.param(lambda: an_error(408), True, id="408 is a time-out"),
        pytest.param(lambda: an_error(409), False, id="409"),
        pytest.param(lambda: an_error(429), False, id="429"),
    ],
)
async def test_what_a_breaker_counts(reply: Any, opens: bool) -> None:
    bench = Bench(*[reply() for _ in range(4)], failures_to_open=1)

    with pytest.raises(LLMError):
        await bench.complete()

    assert bench.breakers.get(a_deployment()).state == ("open" if opens else "closed")


@pytest.mark.parametrize("status", [200, 429, 404])
async def test_probe_that_is_answered_closes_the_circuit(status: int) -> None:
    bench = Bench(
        an_error(500), *[an_answer() if status == 200 else an_error(status)] * 4, failures_to_open=1
    )
    with pytest.raises(LLMUnavailableError):
        await bench.complete()
    bench.clock.elapsed_s += 30

    if status == 200:
        await bench.complete()
    else:
        with pytest.raises(LLMError):
            await bench.complete()

    assert bench.breakers.get(a_deployment()).state == "closed"


async def test_stream_that_has_begun_closes_the_circuit_before_its_end() -> None:
    bench = Bench(an_error(500), a_stream(event("a"), 10.0), failures_to_open=1)
    with pytest.raises(LLMUnavailableError):
        await bench.complete()
    bench.clock.elapsed_s += 30

    stream = await bench.stream()

    assert bench.breakers.get(a_deployment()).state == "closed"
    await stream.aclose()


async def test_cancelled_probe_frees_the_breakers_place() -> None:
    bench = Bench(an_error(500), Reply(10.0), failures_to_open=1)
    with pytest.raises(LLMUnavailableError):
        await bench.complete()
    bench.clock.elapsed_s += 30

    await cancel_while_waiting(bench)

    assert not bench.breakers.get(a_deployment()).is_refusing


async def cancel_while_waiting(bench: Bench) -> None:
    waiting = asyncio.create_task(bench.complete())
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_cancelled_call_is_recorded_and_closes_its_response() -> None:
    bench = Bench(Reply(10.0))

    await cancel_while_waiting(bench)

    [attempt] = bench.attempts
    assert (attempt.status, attempt.error, attempt.ttft_s) == ("cancelled", None, None)
    assert attempt.duration_s is not None
    assert bench.transport.open == 0


async def test_bug_in_an_adapter_gives_everything_back(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(an_answer(), an_answer(), max_concurrency_per_deployment=1)

    def stumble(*_: object) -> None:
        raise KeyError("bug")

    with monkeypatch.context() as patch:
        patch.setattr("officium.core.llm.providers.openai_chat.OpenAIChat.decode", stumble)
        with pytest.raises(KeyError):
            await bench.complete()

    assert bench.attempts[0].status == "failed"
    assert bench.transport.open == 0
    assert await bench.complete() == "Hello!"


async def test_no_more_calls_at_once_than_allowed() -> None:
    bench = Bench(*[Reply(0.01, *an_answer().pieces) for _ in range(9)], max_concurrency_per_deployment=3)
    most: Counter[str] = Counter()
    send = bench.transport.send

    async def counting_send(request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        reply = await send(request, timeouts)
        most["open"] = max(most["open"], bench.transport.open)
        return reply

    bench.transport.send = counting_send  # type: ignore[method-assign]

    await asyncio.gather(*(bench.complete() for _ in range(9)))

    assert most["open"] == 3


async def test_deployment_whose_places_stay_taken_is_passed_over() -> None:
    bench = Bench(
        a_stream(event("a"), 10.0),
        an_answer(),
        max_concurrency_per_deployment=1,
        timeouts=Timeouts(first_byte=0.05),
    )
    stream = await bench.stream(a_deployment("a"))

    with pytest.raises(LLMUnavailableError, match="busy"):
        await bench.complete(a_deployment("a"))
    assert await bench.complete(a_deployment("a"), a_deployment("b")) == "Hello!"

    assert bench.story[1:] == [("b", "success")]
    await stream.aclose()


async def test_call_that_waited_for_a_place_and_is_refused_gives_it_back() -> None:
    bench = Bench(
        Reply(0.01, b"", status=500), an_answer(), failures_to_open=1, max_concurrency_per_deployment=1
    )

    results = await asyncio.gather(bench.complete(), bench.complete(), return_exceptions=True)
    bench.clock.elapsed_s += 30

    assert [str(error) for error in results if "circuit is open" in str(error)]
    assert await bench.complete() == "Hello!"


def watchdogs() -> list[Watchdog]:
    """All that live in this process."""
    return [thing for thing in gc.get_objects() if isinstance(thing, Watchdog)]


async def test_call_that_is_over_leaves_no_timer() -> None:
    bench = Bench(an_answer(), a_stream(event("a"), 10.0))
    gc.collect()
    of_others = watchdogs()

    await bench.complete()
    stream = await bench.stream()
    await stream.aclose()
    del stream

    gc.collect()
    assert [dog for dog in watchdogs() if not any(dog is other for other in of_others)] == []


async def test_closed_stream_makes_room_for_the_next() -> None:
    bench = Bench(a_stream(event("a"), 10.0), an_answer(), max_concurrency_per_deployment=1)
    stream = await bench.stream()
    waiting = asyncio.create_task(bench.complete())
    await asyncio.sleep(0)
    assert len(bench.transport.requests) == 1

    await stream.aclose()

    assert await waiting == "Hello!"


async def test_stream_comes_in_the_networks_batches() -> None:
    bench = Bench(a_stream(event("a") + event("b"), event("c"), event("d")[:9], event("d")[9:], END))

    stream = await bench.stream()

    assert await read(stream) == [["a", "b"], ["c"], ["d"], []]
    [attempt] = bench.attempts
    assert (attempt.status, attempt.output_chars, attempt.finish_reason) == ("success", 4, "stop")
    assert bench.transport.open == 0
    assert stream.dialect == "openai-chat"
    assert stream.deployment == a_deployment()


async def test_everything_before_the_first_content_comes_with_it() -> None:
    bench = Bench(a_stream(ROLE, b": ping\n\n", event(""), event("a"), END))

    stream = await bench.stream()
    first = await anext(stream)

    assert texts(first) == ["a"]
    assert first[0].raw == ROLE
    await stream.aclose()


async def test_comments_make_no_empty_batches() -> None:
    bench = Bench(a_stream(event("a"), b": ping\n\n", b": ping\n\n", event("b"), END))

    assert await read(await bench.stream()) == [["a"], ["b"], []]


async def test_stream_that_says_nothing_but_ends_well_is_a_success() -> None:
    bench = Bench(a_stream(ROLE, END))

    stream = await bench.stream()

    assert await read(stream) == [[]]
    assert bench.story == [("a", "success")]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda: an_error(503), id="refused"),
        pytest.param(lambda: LLMConnectionError("refused"), id="no connection"),
        pytest.param(lambda: a_stream(ROLE, FAULT), id="error in its first event"),
        pytest.param(lambda: a_stream(ROLE, LLMConnectionError("reset")), id="broken before content"),
        pytest.param(lambda: a_stream(ROLE), id="ended before content"),
        pytest.param(lambda: a_stream(), id="no body"),
        pytest.param(lambda: a_stream(b"data: {garbage\n\n"), id="garbage"),
        pytest.param(lambda: Reply(FAULT[6:]), id="JSON error instead of a stream"),
    ],
)
async def test_stream_is_tried_again_until_its_first_content(broken: Any) -> None:
    bench = Bench(*[broken() for _ in range(5)], a_stream(event("a"), END))

    stream = await bench.stream(a_deployment("a"), a_deployment("b"))

    assert await read(stream) == [["a"], []]
    assert bench.story == [("a", "failed")] * 4 + [("b", "failed"), ("b", "success")]
    assert bench.transport.open == 0


async def test_stream_without_body_says_so() -> None:
    bench = Bench(*[a_stream() for _ in range(4)])

    with pytest.raises(LLMProtocolError, match="No response body"):
        await bench.stream()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(FAULT, LLMUnavailableError, id="error event"),
        pytest.param(b"data: {garbage\n\n", LLMProtocolError, id="garbage"),
        pytest.param(LLMConnectionError("reset"), LLMConnectionError, id="broken connection"),
        pytest.param(b"", LLMProtocolError, id="end without end mark"),
    ],
)
async def test_nothing_is_tried_again_after_the_first_content(fault: Piece, error: type[LLMError]) -> None:
    bench = Bench(a_stream(event("a"), event("b"), fault), an_answer())
    stream = await bench.stream(a_deployment("a"), a_deployment("b"))
    seen: list[str] = []

    with pytest.raises(error) as raised:
        await read_into(seen, stream)

    assert seen == ["a", "b"]
    [attempt] = bench.attempts
    assert (attempt.status, attempt.error, attempt.output_chars) == ("failed", raised.value, 2)
    assert raised.value.provider == "vllm"
    assert bench.transport.open == 0
    await stream.aclose()
    assert attempt.status == "failed"


@pytest.mark.parametrize("opening", [b"", event("a")], ids=["in the first batch", "in a later batch"])
async def test_what_was_decoded_before_an_error_is_handed_out(opening: bytes) -> None:
    pieces = [piece for piece in (opening, event("b") + FAULT) if piece]
    bench = Bench(a_stream(*pieces))
    stream = await bench.stream()
    seen: list[str] = []

    with pytest.raises(LLMUnavailableError):
        await read_into(seen, stream)

    assert seen[-1] == "b"
    assert bench.attempts[0].output_chars == len(seen)


@pytest.mark.parametrize("fault", [LLMConnectionError("reset"), LLMProtocolError("cut short"), 10.0])
async def test_trouble_after_the_end_mark_does_no_harm(fault: Piece) -> None:
    bench = Bench(a_stream(event("a"), END, fault), timeouts=Timeouts(idle=0.05))

    assert await read(await bench.stream()) == [["a"], []]

    assert bench.story == [("a", "success")]


async def test_closing_a_stream_gives_it_up_at_once() -> None:
    bench = Bench(a_stream(event("hello"), 10.0))
    stream = await bench.stream()
    assert texts(await anext(stream)) == ["hello"]

    await stream.aclose()
    await stream.aclose()

    [attempt] = bench.attempts
    assert (attempt.status, attempt.output_chars, attempt.error) == ("cancelled", 5, None)
    assert bench.transport.open == 0
    assert await read(stream) == []


async def test_closing_after_the_end_changes_nothing() -> None:
    bench = Bench(a_stream(event("a"), END))
    stream = await bench.stream()
    await read(stream)

    await stream.aclose()

    assert bench.story == [("a", "success")]


async def test_closing_from_another_task_ends_the_reading() -> None:
    bench = Bench(a_stream(event("a"), 10.0))
    stream = await bench.stream()
    reading = asyncio.create_task(read(stream))
    await asyncio.sleep(0.01)

    await stream.aclose()

    assert await reading == [["a"]]
    assert bench.story == [("a", "cancelled")]


async def test_cancelled_reader_gives_the_stream_up() -> None:
    bench = Bench(a_stream(event("a"), 10.0))
    stream = await bench.stream()
    reading = asyncio.create_task(read(stream))
    await asyncio.sleep(0.01)

    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading
    assert bench.story == [("a", "cancelled")]
    assert bench.transport.open == 0


async def test_slow_reader_is_not_the_providers_silence() -> None:
    bench = Bench(a_stream(*[event("a")] * 3, END), timeouts=Timeouts(idle=0.02))
    stream = await bench.stream()

    async for _ in stream:
        await asyncio.sleep(0.04)

    assert bench.story == [("a", "success")]


async def test_silence_is_what_carries_no_content() -> None:
    empty = [0.03, ROLE] * 5
    bench = Bench(a_stream(event("a"), *empty, event("b"), END), timeouts=Timeouts(idle=0.1))
    stream = await bench.stream()

    with pytest.raises(LLMTimeoutError) as raised:
        await read(stream)

    assert raised.value.fields["phase"] == "idle"


async def test_stream_nobody_reads_is_given_up_at_its_total() -> None:
    bench = Bench(a_stream(event("a"), event("b"), 10.0), timeouts=Timeouts(idle=0.02, total=0.06))
    stream = await bench.stream()

    await asyncio.sleep(0.1)

    assert bench.transport.open == 0
    assert texts(await anext(stream)) == ["a"]
    with pytest.raises(LLMTimeoutError) as raised:
        await anext(stream)
    assert raised.value.fields["phase"] == "total"


async def test_whole_answer_instead_of_a_stream_becomes_one() -> None:
    bench = Bench(an_answer("Hello there!"))

    stream = await bench.stream(a_deployment(provider="openai"))
    assert not stream.deployment.provider.is_faithful
    assert stream.deployment.name == "openai/a"
    [batch] = [batch async for batch in stream]

    builder = CompletionBuilder()
    for delta in batch:
        builder.add(delta)
    whole = builder.build()
    assert (whole.text, whole.finish_reason, whole.id) == ("Hello there!", "stop", "c1")
    assert whole.usage is not None
    assert bench.story == [("a", "success")]
    assert bench.attempts[0].output_chars == 12
    await stream.aclose()


def test_deltas_of_an_answer_add_up_to_it() -> None:
    builder = CompletionBuilder()
    for delta in (
        Delta(reasoning="Hm.", reasoning_signature="s", reasoning_id="r"),
        Delta(text="Yes.", text_signature="t"),
        Delta(refusal="But no."),
        *deltas_of(CompletionBuilder().build()),
    ):
        builder.add(delta)
    completion = replace(builder.build(), id="c", model="m", finish_reason_raw="odd")

    again = CompletionBuilder()
    for delta in deltas_of(completion):
        again.add(delta)

    assert again.build() == completion


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", [200, 203])
async def test_page_instead_of_an_answer_is_quoted_without_the_key(is_stream: bool, status: int) -> None:
    page = b"<html>\n <h1>Welcome</h1> sk-secret </html>" + b" " * 10_000
    pages = [
        Reply(page, status=status, headers={"Content-Type": "text/html; charset=utf-8"}) for _ in range(4)
    ]
    bench = Bench(*pages)
    deployment = a_deployment(api_key="sk-secret")

    with pytest.raises(LLMProtocolError, match="<h1>Welcome</h1>") as raised:
        await (bench.stream(deployment) if is_stream else bench.complete(deployment))

    assert "sk-secret" not in str(raised.value)
    assert len(str(raised.value)) < 400
    assert bench.transport.open == 0


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "application/vnd.api+json"])
async def test_answer_is_read_whatever_it_calls_itself(content_type: str) -> None:
    bench = Bench(Reply(*an_answer().pieces, headers={"Content-Type": content_type}))

    assert await bench.complete() == "Hello!"


async def test_long_error_body_is_cut() -> None:
    bench = Bench(Reply(*[b"x" * 65536] * 100, status=400))

    with pytest.raises(LLMRequestError) as raised:
        await bench.complete()

    assert len(str(raised.value)) < 1000


async def test_error_whose_body_breaks_off_is_still_that_error() -> None:
    bench = Bench(*[Reply(b'{"error"', LLMConnectionError("reset"), status=500) for _ in range(4)])

    with pytest.raises(LLMUnavailableError) as raised:
        await bench.complete()

    assert raised.value.status == 500


async def test_array_of_gemini_is_a_stream() -> None:
    def item(text: str, **candidate: Any) -> dict[str, Any]:
        return {"candidates": [{"content": {"parts": [{"text": text}]}, **candidate}]}

    body = json.dumps([item("a"), item("b", finishReason="STOP")]).encode()
    cut = body.index(b'"b"') - 20
    bench = Bench(Reply(body[:cut], body[cut:]))

    stream = await bench.stream(a_deployment(provider="gemini"))

    assert [text for batch in await read(stream) for text in batch] == ["a", "b"]
    assert stream.dialect == "gemini-generate"
    assert stream.deployment.provider.is_faithful


async def test_embeddings_and_their_record() -> None:
    bench = Bench(an_error(500), vectors())
    request = EmbeddingRequest(model="asked", inputs=("Hello",))

    embeddings, deployment, notes = await bench.dispatcher.embed(request, [a_deployment()], bench.attempts)

    assert embeddings.vectors == ((0.5, 1.0),)
    assert (deployment.name, notes) == ("vllm/a", ())
    assert [attempt.status for attempt in bench.attempts] == ["failed", "success"]
    assert bench.attempts[1].usage is not None
    assert bench.attempts[1].usage.input_tokens == 4


async def test_models_are_asked_for_once() -> None:
    bench = Bench(Reply(b'{"data": [{"id": "m1"}, {"id": "m2"}]}'), an_error(500), an_answer())

    assert await bench.dispatcher.list_models(a_deployment()) == ("m1", "m2")
    with pytest.raises(LLMUnavailableError):
        await bench.dispatcher.list_models(a_deployment())

    assert bench.transport.open == 0
    assert len(bench.transport.requests) == 2


async def test_two_tenants_endpoints_do_not_shut_each_other() -> None:
    bench = Bench(an_error(500), an_answer(), failures_to_open=1)
    broken = a_deployment("a")
    other = replace(broken, base_url="http://other.test/v1")
    with pytest.raises(LLMUnavailableError):
        await bench.complete(broken)

    assert await bench.complete(other) == "Hello!"
