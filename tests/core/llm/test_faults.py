"""Everything a provider can do wrong, on real sockets and in its own dialect.

Each fault ends in a typed error or in another deployment's answer, within its time-out, in bounded memory,
and with everything given back: connections, tasks, places and the breaker's probe.
"""

import asyncio
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Self

import pytest
import trustme

from officium.core.llm.breaker import Breakers
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.dispatch import Attempt, DispatchedStream, Dispatcher
from officium.core.llm.errors import (
    LLMConnectionError,
    LLMError,
    LLMProtocolError,
    LLMRateLimitError,
    LLMTimeoutError,
    LLMUnavailableError,
)
from officium.core.llm.http import Timeouts
from officium.core.llm.http1 import Http1Transport
from officium.core.llm.message import user
from officium.core.llm.providers import PROVIDERS
from officium.core.llm.retry import RetryPolicy
from officium.core.llm.token_usage import TokenUsage
from officium.core.llm.transport import AiohttpTransport
from tests.support.upstream import Peer, Script, Upstream, answer, hang, hang_up, reset, sse, stream

QUICK = Timeouts(connect=0.2, first_byte=0.12, idle=0.12, total=0.4)
LONGEST_S = 1.5
"""The longest of these time-outs, and the slowness of a busy machine."""

MIB = 1024 * 1024
KEY = "sk-very-secret"


class HandClock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self.elapsed_s


class Wire:
    """A dispatcher with a faulty provider and a healthy one. Leaving checks that nothing is left behind."""

    transport_kind: type[AiohttpTransport | Http1Transport] = Http1Transport

    def __init__(
        self, *scripts: Script, provider: str = "openai", max_retries: int = 0, **options: Any
    ) -> None:
        self.faulty = Upstream(*scripts, tls=options.pop("tls", None))
        self.healthy = Upstream(answer(whole("Well!")), stream(text_event("Well!"), END))
        self.provider = provider
        self.clock = HandClock()
        self.breakers = Breakers(self.clock)
        self.slept: list[float] = []
        self.attempts: list[Attempt] = []
        self.transport = self.transport_kind(stream_limit_bytes=options.pop("stream_limit_bytes", 4 * MIB))
        self.dispatcher = Dispatcher(
            self.transport,
            clock=self.clock,
            retry=RetryPolicy(max_retries=max_retries, sleep=self._sleep),
            timeouts=options.pop("timeouts", QUICK),
            breakers=self.breakers,
            max_body_bytes=MIB,
            max_concurrency_per_deployment=1,
        )
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._tasks = asyncio.all_tasks()
        await self.faulty.__aenter__()
        await self.healthy.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            assert self.transport.in_flight == 0
            assert all(attempt.duration_s is not None for attempt in self.attempts)
        await self.transport.close()
        for upstream in (self.faulty, self.healthy):
            await upstream.until_connections(0)
            await upstream.__aexit__(None, None, None)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == self._tasks

    async def _sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)

    @property
    def broken(self) -> Deployment:
        """The deployment with the fault, in the dialect of this wire's provider."""
        return self._at(self.faulty, self.provider)

    @property
    def sound(self) -> Deployment:
        """The deployment that answers."""
        return self._at(self.healthy, "openai")

    def _at(self, upstream: Upstream, provider: str) -> Deployment:
        return Deployment(provider=PROVIDERS[provider], model="m", base_url=upstream.url, api_key=KEY)

    async def complete(self, *deployments: Deployment) -> str:
        answered = await self.dispatcher.complete(a_request(), deployments or (self.broken,), self.attempts)
        return answered.completion.text

    async def open_stream(self, *deployments: Deployment) -> DispatchedStream:
        return await self.dispatcher.open_stream(a_request(), deployments or (self.broken,), self.attempts)

    async def read_stream(self, *deployments: Deployment, into: list[str] | None = None) -> str:
        seen = [] if into is None else into
        opened = await self.open_stream(*deployments)
        try:
            async for batch in opened:
                seen += [delta.text for delta in batch]
        finally:
            await opened.aclose()
        return "".join(seen)


@pytest.fixture(autouse=True, params=[AiohttpTransport, Http1Transport], ids=["aiohttp", "http1"])
def transport_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Wire, "transport_kind", request.param)
    return request.param


Call = Callable[..., Awaitable[str]]


def a_request() -> CompletionRequest:
    return CompletionRequest(model="asked", messages=(user("Hello?"),), max_tokens=50)


def whole(text: str, usage: Any = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    said = {"id": "c1", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return said if usage is None else said | {"usage": usage}


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def text_event(text: str) -> bytes:
    return sse(chunk(content=text))


END = sse(chunk(finish="stop"), "[DONE]")


def named(name: str, data: Any) -> bytes:
    return f"event: {name}\n".encode() + sse({"type": name} | data)


PING = named("ping", {})
CLAUDE_START = named(
    "message_start",
    {"message": {"id": "c1", "model": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 3}}},
) + named("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
CLAUDE_TEXT = named("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Half"}})
GEMINI_TEXT = sse({"candidates": [{"content": {"parts": [{"text": "Half"}]}}]})


def endlessly(data: bytes, pause_s: float = 0.0) -> Script:
    """A chunk again and again."""

    async def play(peer: Peer) -> None:
        while True:
            await peer.chunk(data)
            await asyncio.sleep(pause_s)

    return play


def drip(data: bytes, content_type: str, pause_s: float = 0.02) -> Script:
    """A proper answer, a byte at a time."""

    async def play(peer: Peer) -> None:
        await peer.head(f"Content-Type: {content_type}", f"Content-Length: {len(data)}")
        for place in range(len(data)):
            await peer.send(data[place : place + 1])
            await asyncio.sleep(pause_s)

    return play


async def headers_then_hang(peer: Peer) -> None:
    await peer.head("Content-Type: text/event-stream", "Content-Length: 100")
    await peer.hang()


def in_calls(*names: str) -> Any:
    return pytest.mark.parametrize("call", names)


BOTH = in_calls("complete", "read_stream")

AN_HTML_PAGE = b"<!doctype html><title>Sign in to the network</title>" + b"<p>Please.</p>" * 5000
A_LONG_ANSWER = b'{"choices": [{"message": {"content": "' + b"x" * 5000
A_LONG_STREAM = text_event("x" * 5000)


FAULTS_OF_ANY_ANSWER = [
    pytest.param(hang, LLMTimeoutError, id="hang before headers"),
    pytest.param(headers_then_hang, LLMTimeoutError, id="hang after headers"),
    pytest.param(hang_up, LLMConnectionError, id="closed before headers"),
    pytest.param(reset, LLMConnectionError, id="reset"),
    pytest.param(answer(AN_HTML_PAGE, content_type="text/html"), LLMProtocolError, id="HTML with 200"),
    pytest.param(answer(b"\x89PNG", content_type="image/png"), LLMProtocolError, id="wrong content type"),
    pytest.param(answer(b""), LLMProtocolError, id="empty body"),
    pytest.param(answer(b"{garbage"), LLMProtocolError, id="garbage"),
    pytest.param(answer(b"null"), LLMProtocolError, id="JSON null"),
    pytest.param(answer(b"[" * 100_000), LLMProtocolError, id="JSON nested without end"),
    pytest.param(answer(b"\xff\xfe{}"), LLMProtocolError, id="no UTF-8"),
    pytest.param(answer({"error": {"message": "x", "code": 502}}), LLMUnavailableError, id="error with 200"),
    pytest.param(answer({"error": {"message": "x"}}, 500), LLMUnavailableError, id="500"),
    pytest.param(answer(AN_HTML_PAGE, 503, "text/html"), LLMUnavailableError, id="503 with a page"),
    pytest.param(answer({"error": {"message": "x"}}, 529), LLMUnavailableError, id="529"),
    pytest.param(answer({"error": {"message": "x"}}, 429), LLMRateLimitError, id="429"),
    pytest.param(answer(b"", 204), LLMProtocolError, id="no content"),
    pytest.param(answer(b"", 302, Location="http://127.0.0.1:1/"), LLMProtocolError, id="redirect"),
    pytest.param(drip(A_LONG_ANSWER, "application/json"), LLMTimeoutError, id="a byte at a time"),
]


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
@BOTH
@pytest.mark.parametrize(("script", "error"), FAULTS_OF_ANY_ANSWER)
async def test_fault_ends_in_a_typed_error(
    script: Script, error: type[LLMError], call: str, provider: str
) -> None:
    async with Wire(script, provider=provider) as wire:
        began = time.monotonic()

        with pytest.raises(error) as raised:
            await getattr(wire, call)()

        assert time.monotonic() - began < LONGEST_S
        assert KEY not in str(raised.value)
        [attempt] = wire.attempts
        assert (attempt.status, attempt.error, attempt.ttft_s) == ("failed", raised.value, None)
        assert raised.value.provider == provider


@BOTH
@pytest.mark.parametrize(("script", "error"), FAULTS_OF_ANY_ANSWER)
async def test_fault_is_answered_by_the_fallback(script: Script, error: type[LLMError], call: str) -> None:
    async with Wire(script) as wire:
        wire.healthy.scripts = wire.healthy.scripts[call == "read_stream" :]

        assert await getattr(wire, call)(wire.broken, wire.sound) == "Well!"

        assert [attempt.status for attempt in wire.attempts] == ["failed", "success"]
        assert isinstance(wire.attempts[0].error, error)


FAULTS_BEFORE_CONTENT = [
    pytest.param("openai", stream(b": ping\n\n", then=hang), LLMTimeoutError, id="comment, then silence"),
    pytest.param("openai", stream(then=endlessly(b": ping\n\n", 0.02)), LLMTimeoutError, id="comments only"),
    pytest.param(
        "openai", stream(then=endlessly(sse(chunk()), 0.02)), LLMTimeoutError, id="empty deltas only"
    ),
    pytest.param(
        "anthropic", stream(CLAUDE_START, then=endlessly(PING, 0.02)), LLMTimeoutError, id="pings only"
    ),
    pytest.param("gemini", stream(then=endlessly(b"\r\n", 0.02)), LLMTimeoutError, id="blank lines only"),
    pytest.param("openai", drip(A_LONG_STREAM, "text/event-stream"), LLMTimeoutError, id="a byte at a time"),
    pytest.param("openai", stream(sse("{garbage")), LLMProtocolError, id="garbage"),
    pytest.param(
        "anthropic", stream(named("message_start", {"message": 7})), LLMProtocolError, id="odd types"
    ),
    pytest.param("gemini", stream(sse("{garbage")), LLMProtocolError, id="garbage of Gemini"),
    pytest.param("openai", stream(), LLMProtocolError, id="no body"),
    pytest.param("openai", stream(sse(chunk(role="assistant"))), LLMProtocolError, id="role, then the end"),
    pytest.param("openai", stream(sse(chunk(role="assistant")), then=reset), LLMError, id="role, then reset"),
    pytest.param("openai", stream(then=endlessly(b"x" * 65536)), LLMProtocolError, id="line without end"),
]


@pytest.mark.parametrize(("provider", "script", "error"), FAULTS_BEFORE_CONTENT)
async def test_stream_that_fails_before_its_content(
    provider: str, script: Script, error: type[LLMError]
) -> None:
    async with Wire(script, provider=provider) as wire:
        began = time.monotonic()
        with pytest.raises(error):
            await wire.read_stream()
        assert time.monotonic() - began < LONGEST_S

        wire.healthy.scripts = wire.healthy.scripts[1:]
        assert await wire.read_stream(wire.broken, wire.sound) == "Well!"


FAULTS_AFTER_CONTENT = [
    pytest.param("openai", stream(text_event("Half"), then=hang), LLMTimeoutError, id="silence"),
    pytest.param(
        "openai",
        stream(text_event("Half"), then=endlessly(b": ping\n\n", 0.02)),
        LLMTimeoutError,
        id="comments",
    ),
    pytest.param(
        "anthropic",
        stream(CLAUDE_START, CLAUDE_TEXT, then=endlessly(PING, 0.02)),
        LLMTimeoutError,
        id="pings of Anthropic",
    ),
    pytest.param("openai", stream(text_event("Half")), LLMProtocolError, id="no end mark"),
    pytest.param("anthropic", stream(CLAUDE_START + CLAUDE_TEXT), LLMProtocolError, id="no end of Anthropic"),
    pytest.param("gemini", stream(GEMINI_TEXT), LLMProtocolError, id="no end of Gemini"),
    pytest.param(
        "openai", stream(text_event("Half"), then=hang_up), LLMProtocolError, id="connection closed"
    ),
    pytest.param("openai", stream(text_event("Half"), then=reset), LLMProtocolError, id="connection reset"),
    pytest.param("openai", stream(text_event("Half"), sse("{garbage")), LLMProtocolError, id="garbage"),
    pytest.param("gemini", stream(GEMINI_TEXT, sse("{garbage")), LLMProtocolError, id="garbage of Gemini"),
    pytest.param(
        "openai",
        stream(text_event("Half"), sse({"error": {"message": "x"}})),
        LLMUnavailableError,
        id="error event",
    ),
    pytest.param(
        "anthropic",
        stream(
            CLAUDE_START, CLAUDE_TEXT, named("error", {"error": {"type": "overloaded_error", "message": "x"}})
        ),
        LLMUnavailableError,
        id="overloaded event of Anthropic",
    ),
    pytest.param(
        "openai",
        stream(text_event("Half"), then=endlessly(b"x" * 65536)),
        LLMProtocolError,
        id="line without end",
    ),
]


@pytest.mark.parametrize(("provider", "script", "error"), FAULTS_AFTER_CONTENT)
async def test_stream_that_fails_after_its_content(
    provider: str, script: Script, error: type[LLMError]
) -> None:
    async with Wire(script, provider=provider, max_retries=3) as wire:
        seen: list[str] = []
        began = time.monotonic()

        with pytest.raises(error):
            await wire.read_stream(wire.broken, wire.sound, into=seen)

        assert time.monotonic() - began < LONGEST_S
        assert "".join(seen) == "Half"
        [attempt] = wire.attempts
        assert (attempt.status, attempt.output_chars) == ("failed", 4)
        assert wire.healthy.requests == []


async def test_endless_answer_ends_at_the_total() -> None:
    timeouts = Timeouts(connect=0.2, first_byte=0.2, idle=0.2, total=0.3)
    async with Wire(stream(then=endlessly(text_event("la "), 0.02)), timeouts=timeouts) as wire:
        with pytest.raises(LLMTimeoutError) as raised:
            await wire.read_stream()

        assert raised.value.fields["phase"] == "total"
        assert wire.attempts[0].output_chars > 3


async def test_tls_failure() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with Wire(answer({}), tls=context) as wire:
        with pytest.raises(LLMConnectionError, match="TLS"):
            await wire.complete()

        assert wire.faulty.requests == []
        assert await wire.complete(wire.broken, wire.sound) == "Well!"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@BOTH
async def test_key_does_not_travel_along_a_redirect(status: int, call: str) -> None:
    async with Upstream(answer(whole("Caught!"))) as elsewhere:
        async with Wire(answer(b"", status, Location=f"{elsewhere.url}/v1"), max_retries=3) as wire:
            with pytest.raises(LLMProtocolError, match="redirect"):
                await getattr(wire, call)()

            assert len(wire.attempts) == 1
        assert elsewhere.requests == []


def bomb(size_mib: int) -> bytes:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    packed = [packer.compress(b" " * MIB) for _ in range(size_mib)]
    return b"".join(packed) + packer.flush()


def hundred_mib(status: int = 200) -> Script:
    async def play(peer: Peer) -> None:
        await peer.head("Content-Type: application/json", "Transfer-Encoding: chunked", status=status)
        for _ in range(100):
            await peer.chunk(b" " * MIB)
        await peer.chunk(b"")

    return play


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param(hundred_mib(), LLMProtocolError, id="100 MB body"),
        pytest.param(hundred_mib(500), LLMUnavailableError, id="100 MB error"),
        pytest.param(
            stream(bomb(100), content_type="application/json", Content_Encoding="gzip"),
            LLMProtocolError,
            id="gzip bomb",
        ),
        pytest.param(stream(bomb(100), Content_Encoding="gzip"), LLMProtocolError, id="gzip bomb of events"),
    ],
)
@BOTH
async def test_memory_stays_bounded(script: Script, error: type[LLMError], call: str) -> None:
    patient = Timeouts(connect=1, first_byte=5, idle=5, total=10)
    async with Wire(script, timeouts=patient) as wire:
        tracemalloc.start()
        try:
            with pytest.raises(error):
                await getattr(wire, call)()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak < 16 * MIB


async def test_rate_limit_in_seconds_is_waited_for() -> None:
    slow_down = answer({"error": {"message": "x"}}, 429, Retry_After="7")
    async with Wire(slow_down, answer(whole("Hello!")), max_retries=3) as wire:
        assert await wire.complete() == "Hello!"

        assert wire.slept == [7.0]
        assert [attempt.http_status for attempt in wire.attempts] == [429, 200]


async def test_rate_limit_with_a_date_is_waited_for() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    slow_down = answer({"error": {"message": "x"}}, 429, Retry_After=then)
    async with Wire(slow_down, answer(whole("Hello!")), max_retries=3) as wire:
        assert await wire.complete() == "Hello!"

        [slept_s] = wire.slept
        assert 20 < slept_s <= 30


async def test_overload_passes_with_a_retry() -> None:
    busy = answer({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, 529)
    message = {
        "id": "c1",
        "model": "m",
        "role": "assistant",
        "content": [{"type": "text", "text": "Hello!"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    async with Wire(busy, busy, answer(message), provider="anthropic", max_retries=3) as wire:
        assert await wire.complete() == "Hello!"

        assert [attempt.http_status for attempt in wire.attempts] == [529, 529, 200]
        assert wire.breakers.get(wire.broken).state == "closed"


async def test_stale_connection_passes_with_a_retry(transport_kind: Any) -> None:
    async with Wire(answer(whole("One")), hang_up, answer(whole("Two")), max_retries=3) as wire:
        assert await wire.complete() == "One"
        assert await wire.complete() == "Two"

        # Our own transport asks again by itself.
        failed = ["failed"] if transport_kind is AiohttpTransport else []
        assert [attempt.status for attempt in wire.attempts] == ["success", *failed, "success"]


async def test_storm_of_500_opens_the_circuit_and_calls_fail_fast() -> None:
    down = answer({"error": {"message": "Down."}}, 500)
    async with Wire(*[down] * 6, answer(whole("Back!")), max_retries=3) as wire:
        for _ in range(20):
            with pytest.raises(LLMUnavailableError):
                await wire.complete()
        assert len(wire.faulty.requests) == 5
        assert wire.breakers.get(wire.broken).state == "open"

        assert await wire.complete(wire.broken, wire.sound) == "Well!"
        assert len(wire.faulty.requests) == 5

        wire.clock.elapsed_s += 30
        with pytest.raises(LLMUnavailableError, match="Down"):
            await wire.complete()
        assert len(wire.faulty.requests) == 6

        wire.clock.elapsed_s += 30
        assert await wire.complete() == "Back!"
        assert wire.breakers.get(wire.broken).state == "closed"


async def test_storm_of_simultaneous_calls_probes_once() -> None:
    down = answer({"error": {"message": "Down."}}, 500)
    slow = stream(text_event("Back!"), END, pause_s=0.05)
    async with Wire(*[down] * 5, slow) as wire:
        for _ in range(5):
            with pytest.raises(LLMUnavailableError):
                await wire.complete()
        wire.clock.elapsed_s += 30

        results = await asyncio.gather(*(wire.read_stream() for _ in range(10)), return_exceptions=True)

        assert results.count("Back!") == 1
        assert len(wire.faulty.requests) == 6


async def test_client_that_leaves_within_a_stream_stops_the_provider() -> None:
    async with Wire(stream(text_event("Half"), then=hang), timeouts=Timeouts()) as wire:
        reading = asyncio.create_task(wire.read_stream())
        await wire.faulty.until_requests(1)
        await asyncio.sleep(0.02)

        reading.cancel()

        with pytest.raises(asyncio.CancelledError):
            await reading
        await wire.faulty.until_connections(0)
        [attempt] = wire.attempts
        assert (attempt.status, attempt.output_chars, attempt.error) == ("cancelled", 4, None)


@pytest.mark.parametrize("script", [hang, headers_then_hang], ids=["before headers", "after headers"])
@BOTH
async def test_client_that_leaves_before_any_content_stops_the_provider(script: Script, call: str) -> None:
    async with Wire(script, timeouts=Timeouts()) as wire:
        calling = asyncio.ensure_future(getattr(wire, call)())
        await wire.faulty.until_requests(1)
        await asyncio.sleep(0.02)

        calling.cancel()

        with pytest.raises(asyncio.CancelledError):
            await calling
        await wire.faulty.until_connections(0)
        assert [attempt.status for attempt in wire.attempts] == ["cancelled"]


async def test_closing_a_stream_drops_the_connection() -> None:
    async with Wire(stream(text_event("Half"), then=hang), timeouts=Timeouts()) as wire:
        opened = await wire.open_stream()

        await opened.aclose()

        await wire.faulty.until_connections(0)


async def test_place_is_free_again_after_each_fault() -> None:
    scripts = [reset, hang, answer(b"{garbage"), stream(text_event("Half"), then=reset)]
    async with Wire(*scripts, answer(whole("Hello!"))) as wire:
        for _ in scripts:
            with pytest.raises(LLMError):
                await wire.complete()

        assert await wire.complete() == "Hello!"


async def test_duplicate_chunks_are_passed_on_as_they_come() -> None:
    twice = [text_event("a"), text_event("a"), END, END]
    async with Wire(stream(*twice)) as wire:
        assert await wire.read_stream() == "aa"

        assert wire.attempts[0].status == "success"


COUNTS = [
    pytest.param(None, None, id="missing"),
    pytest.param({"prompt_tokens": 0, "completion_tokens": 0}, (0, 0), id="zero"),
    pytest.param({"prompt_tokens": -5, "completion_tokens": 2}, (None, 2), id="negative"),
    pytest.param({"prompt_tokens": 5, "completion_tokens": 10**18}, (5, None), id="huge"),
    pytest.param({"prompt_tokens": "many", "completion_tokens": None}, (None, None), id="no numbers"),
    pytest.param("none", None, id="no object"),
]


@BOTH
@pytest.mark.parametrize(("said", "counts"), COUNTS)
async def test_usage_that_cannot_be_true_is_not_believed(
    said: Any, counts: tuple[int | None, int | None] | None, call: str
) -> None:
    last = chunk(finish="stop") if said is None else chunk(finish="stop") | {"usage": said}
    streamed = stream(text_event("Hi"), sse(last, "[DONE]"))
    async with Wire(streamed if call == "read_stream" else answer(whole("Hi", said))) as wire:
        assert await getattr(wire, call)() == "Hi"

        usage = wire.attempts[0].usage or TokenUsage()
        assert (usage.input_tokens, usage.output_tokens) == (counts or (None, None))


async def test_body_left_open_after_the_end_mark_is_not_waited_for():
    patient = Timeouts(connect=1, first_byte=30, idle=30, total=60)
    script = stream(text_event("Hello!"), END, then=hang)

    async with Wire(script, timeouts=patient) as wire, asyncio.timeout(5):
        assert await wire.read_stream() == "Hello!"

        assert wire.attempts[0].status == "success"
