"""Our own HTTP/1.1 client, beyond what every transport must do (see test_transport.py)."""

import asyncio
import contextlib
import gc
import socket
import ssl
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from officium.core.llm.errors import LLMConnectionError, LLMError, LLMProtocolError, LLMTimeoutError
from officium.core.llm.http import HttpRequest, Timeouts
from officium.core.llm.http1 import Http1Transport, connection, connector
from officium.core.llm.http1.connection import Connection
from officium.core.llm.http1.origin import Origin
from officium.core.llm.http1.pool import Pool
from officium.core.llm.http1.response import Http1Response
from tests.support.upstream import Peer, Script, Upstream, answer, hang, hang_up, reset, stream

SOON = Timeouts(connect=0.2, first_byte=0.2)
PATIENT = Timeouts(connect=5, first_byte=5)
MIB = 1024 * 1024
_LONGEST_WAIT_S = 5
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def transport() -> AsyncIterator[Http1Transport]:
    transport = Http1Transport()
    yield transport
    assert transport.in_flight == 0
    await transport.close()


def a_post(url: str, body: bytes = b"{}", **headers: str) -> HttpRequest:
    return HttpRequest("POST", url, {"content-type": "application/json", **headers}, body)


async def fetch(
    transport: Http1Transport, request: HttpRequest | str, timeouts: Timeouts = PATIENT
) -> tuple[int, bytes]:
    asked = a_post(request) if isinstance(request, str) else request
    response = await transport.send(asked, timeouts)
    try:
        async with asyncio.timeout(_LONGEST_WAIT_S):
            return response.status, await response.read(MIB)
    finally:
        response.close()


def say(*raw: bytes, stay: bool = True, pause_s: float = 0.0) -> Script:
    """Send these bytes as they are."""

    async def play(peer: Peer) -> None:
        for piece in raw:
            await peer.send(piece)
            await asyncio.sleep(pause_s)
        peer.keeps_alive = stay

    return play


# What an answer is


class Wire(asyncio.Transport):
    """A transport that leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_ended = False

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.is_ended

    def abort(self) -> None:
        self.is_ended = True

    close = abort

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


def a_connection(method: str = "POST", wire: Wire | None = None, origin: Origin | None = None) -> Connection:
    """One whose request has just been written."""
    origin = origin or Origin("host", 80, is_secure=False, places=1)
    made = Connection(asyncio.get_running_loop(), origin, lambda lost: None)
    made.connection_made(wire or Wire())
    asking = made.ask(method, b"head", b"", 1.0)
    asking.send(None)
    asking.close()
    return made


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

ANSWERS = [
    pytest.param(OK + b"Content-Length: 5\r\n\r\nHello", b"Hello", True, id="length"),
    pytest.param(OK + b"Content-Length: 0\r\n\r\n", b"", True, id="length 0"),
    pytest.param(CHUNKED + b"2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n", b"Hello", True, id="chunked"),
    pytest.param(CHUNKED + b"5;a=b;c\r\nHello\r\n0\r\n\r\n", b"Hello", True, id="chunk extension"),
    pytest.param(CHUNKED + b"0005 \r\nHello\r\n0 \r\n\r\n", b"Hello", True, id="padded chunk size"),
    pytest.param(CHUNKED + b"5\r\nHello\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n", b"Hello", True, id="trailers"),
    pytest.param(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Kept: no\r\n\r\n"
        + OK
        + b"Content-Length: 5\r\n\r\nHello",
        b"Hello",
        True,
        id="after interim answers",
    ),
    pytest.param(OK + b"X-Empty:\r\nContent-Length: 5\r\n\r\nHello", b"Hello", True, id="empty header"),
    pytest.param(b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nHello", b"Hello", True, id="no reason"),
    pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nHello", b"Hello", True, id="bare line feeds"),
    pytest.param(
        OK + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nHello",
        b"Hello",
        True,
        id="offered upgrade",
    ),
    pytest.param(OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nHello", b"Hello", False, id="close"),
    pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nHello", b"Hello", False, id="1.0"),
    pytest.param(
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nHello",
        b"Hello",
        True,
        id="1.0 kept alive",
    ),
    pytest.param(b"HTTP/1.1 204 Done\r\n\r\n", b"", True, id="204"),
    pytest.param(b"HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", b"", True, id="304 with a length"),
    pytest.param(OK + b"Content-Length: 5\r\n\r\nHelloHTTP", b"Hello", False, id="bytes beyond the end"),
    pytest.param(
        (OK + b"Content-Length: 5\r\n\r\nHello") * 2, b"Hello", False, id="an answer nobody asked for"
    ),
    pytest.param(OK + b"Content-Length: 5\r\nKeep-Alive: timeout=1\r\n\r\nHello", b"Hello", True, id="hint"),
]


@pytest.mark.parametrize(("raw", "body", "is_reusable"), ANSWERS)
async def test_answer_is_read_wherever_it_is_cut(raw: bytes, body: bytes, is_reusable: bool) -> None:
    for cut in range(len(raw) + 1):
        made = a_connection()

        made.data_received(raw[:cut])
        taken = made.take()
        if raw[cut:]:
            made.data_received(raw[cut:])

        assert made.is_complete
        assert taken + made.take() == body
        assert made.is_reusable == is_reusable
        assert "x-kept" not in made.headers


@pytest.mark.parametrize("raw", [OK + b"\r\nHello", b"HTTP/1.0 200 OK\r\n\r\nHello"], ids=["1.1", "1.0"])
async def test_answer_without_length_ends_with_its_connection(raw: bytes) -> None:
    made = a_connection()

    made.data_received(raw)
    assert not made.is_complete
    made.eof_received()

    assert made.is_complete
    assert made.take() == b"Hello"
    assert not made.is_reusable


@pytest.mark.parametrize(
    "raw",
    [OK + b"Content-Length: 9\r\n\r\nHello", CHUNKED + b"5\r\nHello\r\n", OK + b"Content-Len"],
    ids=["length", "chunked", "headers"],
)
async def test_answer_cut_short_is_not_complete(raw: bytes) -> None:
    made = a_connection()

    made.data_received(raw)
    made.eof_received()

    assert made.is_lost
    assert not made.is_complete


async def test_answer_without_length_is_not_complete_after_a_reset() -> None:
    made = a_connection()

    made.data_received(OK + b"\r\nHello")
    made.connection_lost(ConnectionResetError())

    assert made.take() == b"Hello"
    assert not made.is_complete


async def test_answer_to_head_has_no_body() -> None:
    made = a_connection("HEAD")

    made.data_received(OK + b"Content-Length: 5\r\n\r\n")

    assert made.is_complete
    assert made.take() == b""
    assert not made.is_reusable


NONSENSE = [
    pytest.param(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", id="another protocol"),
    pytest.param(b"\x16\x03\x01\x02\x00", id="TLS"),
    pytest.param(OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nHi", id="length twice"),
    pytest.param(OK + b"Content-Length: 2\r\ncontent-length: 5\r\n\r\nHi", id="two lengths"),
    pytest.param(OK + b"Content-Length: 2, 2\r\n\r\nHi", id="list of lengths"),
    pytest.param(OK + b"Content-Length: -2\r\n\r\nHi", id="negative length"),
    pytest.param(OK + b"Content-Length: +2\r\n\r\nHi", id="signed length"),
    pytest.param(OK + b"Content-Length: 99999999999999999999\r\n\r\nHi", id="length past all bounds"),
    pytest.param(OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", id="length, then chunked"),
    pytest.param(OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", id="chunked, then length"),
    pytest.param(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", id="coded chunks"),
    pytest.param(OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n", id="chunks within a coding"),
    pytest.param(OK + b"Transfer-Encoding: gzip\r\n\r\n", id="a coding"),
    pytest.param(OK + b"X-A: 1\0\r\n\r\n", id="NUL in a header"),
    pytest.param(OK + b"X-A : 1\r\n\r\n", id="space before the colon"),
    pytest.param(OK + b"X-A: 1\r\n folded\r\n\r\n", id="folded header"),
    pytest.param(OK + b"no header\r\n\r\n", id="no colon"),
    pytest.param(b"HTTP/1.1 99 Low\r\n\r\n", id="two-digit status"),
    pytest.param(b"HTTP/1.1 099 Low\r\n\r\n", id="status below 100"),
    pytest.param(b"HTTP/7.1 200 OK\r\n\r\n", id="unknown version"),
    pytest.param(
        b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxx", id="another protocol now"
    ),
    pytest.param(OK + b"X-Long: " + b"x" * 66_000, id="endless header"),
    pytest.param(OK + b"x" * 66_000, id="endless header name"),
    pytest.param(OK + b"X-Long: " + b"x" * 66_000 + b"\r\n\r\n", id="large header"),
    pytest.param(OK + b"".join(b"X-%d: 1\r\n" % n for n in range(201)) + b"\r\n", id="201 headers"),
    pytest.param(OK + b"X-A: 1\r\n" * 9000, id="endlessly the same header"),
    pytest.param(b"HTTP/1.1 103 Early\r\n\r\n" * 4000, id="endless interim answers"),
]


@pytest.mark.parametrize("size", [10**9, 1000], ids=["at once", "in pieces"])
@pytest.mark.parametrize("raw", NONSENSE)
async def test_what_is_not_an_answer_is_refused(transport: Http1Transport, raw: bytes, size: int) -> None:
    pieces = [raw[place : place + size] for place in range(0, len(raw), size)]
    async with Upstream(say(*pieces, b"")) as upstream:
        with pytest.raises(LLMProtocolError, match="not HTTP") as raised:
            await fetch(transport, upstream.url)

        assert raised.value.__cause__ is not None
        await upstream.until_connections(0)


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"zz\r\n", id="no chunk size"),
        pytest.param(b"-1\r\n", id="negative chunk size"),
        pytest.param(b"fffffffffffffffff\r\n", id="chunk size past all bounds"),
        pytest.param(b"2\r\nHello\r\n", id="chunk longer than it said"),
        pytest.param(b"1;" + b"x" * 70_000, id="endless chunk extension"),
        pytest.param(b"0\r\nX-Trailer: " + b"x" * 70_000, id="endless trailer"),
        pytest.param(b"0\r\n" + b"X-A: 1\r\n" * 9000, id="endless trailers"),
    ],
)
async def test_broken_body_is_a_protocol_error_after_what_came_before(
    transport: Http1Transport, rest: bytes
) -> None:
    async with Upstream(say(CHUNKED + b"4\r\nHalf\r\n", rest, b"", pause_s=0.01)) as upstream:
        response = await transport.send(a_post(upstream.url), PATIENT)
        chunks = response.chunks()

        assert await anext(chunks) == b"Half"
        with pytest.raises(LLMProtocolError, match="cut short"):
            async for _ in chunks:
                pass
        response.close()


@settings(max_examples=300, deadline=None)
@given(
    raw=st.sampled_from([parameters.values[0] for parameters in ANSWERS]),
    noise=st.binary(max_size=8),
    place=st.integers(0, 200),
    length=st.integers(0, 8),
    cut=st.integers(0, 200),
)
def test_no_bytes_make_it_stumble(raw: bytes, noise: bytes, place: int, length: int, cut: int) -> None:
    garbled = raw[:place] + noise + raw[place + length :]

    async def feed() -> None:
        made = a_connection()
        for piece in (garbled[:cut], garbled[cut:]):
            if piece:
                made.data_received(piece)
        made.eof_received()
        made.connection_lost(None)
        assert made.is_lost
        assert not made.is_reusable
        assert len(made.take()) <= len(garbled)

    asyncio.run(feed())


async def test_header_values_are_text(transport: Http1Transport) -> None:
    raw = OK + "X-Name: Zoë\r\nX-Odd: ".encode() + b"\xff\r\nContent-Length: 0\r\n\r\n"
    async with Upstream(say(raw)) as upstream:
        response = await transport.send(a_post(upstream.url), PATIENT)
        response.close()

        assert response.headers["x-name"] == response.headers["X-NAME"] == "Zoë"
        assert response.headers["x-odd"] == "\udcff"
        with pytest.raises(KeyError):
            response.headers["x-none"]


async def test_first_of_two_equal_headers_counts(transport: Http1Transport) -> None:
    async with Upstream(say(OK + b"X-A: 1\r\nX-A: 2\r\nContent-Length: 0\r\n\r\n")) as upstream:
        response = await transport.send(a_post(upstream.url), PATIENT)
        response.close()

        assert response.headers["x-a"] == "1"


# What a request is


@pytest.mark.parametrize("character", "\r\n\0\x1b\x7f")
async def test_header_value_that_would_break_the_request_is_refused(
    transport: Http1Transport, character: str
) -> None:
    async with Upstream(answer({})) as upstream:
        with pytest.raises(LLMConnectionError, match="forbidden character") as raised:
            await fetch(transport, a_post(upstream.url, authorization=f"Bearer sec{character}x: y"))

        assert "sec" not in str(raised.value)
        assert not raised.value.is_retryable
        assert upstream.connections_made == 0


@pytest.mark.parametrize(
    "name", ["x\r\ny", "x y", "x:y", "", "é", "Transfer-Encoding", "content-length", "connection", "expect"]
)
async def test_header_name_that_would_break_the_request_is_refused(
    transport: Http1Transport, name: str
) -> None:
    async with Upstream(answer({})) as upstream:
        with pytest.raises(LLMConnectionError, match="Nothing was sent") as raised:
            await fetch(transport, a_post(upstream.url, **{name: "1"}))

        assert not raised.value.is_retryable
        assert upstream.connections_made == 0


@pytest.mark.parametrize("url", ["http://a b/", "http://a\r\nx: y/", "http://a\0/", "http://a/\ud800"])
async def test_url_that_would_break_the_request_is_refused(transport: Http1Transport, url: str) -> None:
    with pytest.raises(LLMConnectionError):
        await fetch(transport, url, SOON)


async def test_percent_signs_go_out_as_they_are(transport: Http1Transport) -> None:
    async with Upstream(answer({})) as upstream:
        await fetch(transport, a_post(f"{upstream.url}/%25s/%d?q=%s", **{"x%s": "100%d"}))

        [received] = upstream.requests
        assert received.target == "/%25s/%d?q=%s"
        assert received.headers["x%s"] == "100%d"


async def test_headers_of_ours_give_way_to_the_callers(transport: Http1Transport) -> None:
    async with Upstream(answer({})) as upstream:
        await fetch(transport, a_post(upstream.url, **{"User-Agent": "theirs", "x-name": "Zoë\tB"}))

        [received] = upstream.requests
        assert received.headers["user-agent"] == "theirs"
        assert received.headers["x-name"] == "Zoë\tB"
        assert received.headers["host"] == upstream.host


async def test_same_url_is_asked_with_other_headers(transport: Http1Transport) -> None:
    async with Upstream(answer({})) as upstream:
        for headers in ({"x-a": "1"}, {"x-b": "2"}, {"x-a": "3", "x-b": "4"}):
            await fetch(transport, a_post(upstream.url, **headers))

        seen = [[request.headers.get(name) for name in ("x-a", "x-b")] for request in upstream.requests]
        assert seen == [["1", None], [None, "2"], ["3", "4"]]


@pytest.mark.parametrize(("method", "said"), [("GET", None), ("DELETE", None), ("POST", "0"), ("PUT", "0")])
async def test_length_of_nothing_is_said_where_a_body_is_expected(
    transport: Http1Transport, method: str, said: str | None
) -> None:
    async with Upstream(answer({})) as upstream:
        await fetch(transport, HttpRequest(method, upstream.url))

        assert upstream.requests[0].headers.get("content-length") == said


async def test_credentials_of_the_url_are_sent_as_a_header(transport: Http1Transport) -> None:
    async with Upstream(answer({})) as upstream:
        url = upstream.url.replace("http://", "http://me:p%40ss@")
        await fetch(transport, url)
        await fetch(transport, a_post(url, authorization="Bearer key"))

        basic = f"Basic {b64encode(b'me:p@ss').decode()}"
        assert [request.headers["authorization"] for request in upstream.requests] == [basic, "Bearer key"]
        assert upstream.requests[0].headers["host"] == upstream.host


# Connections that are kept


@pytest.mark.parametrize(
    ("raw", "connections"),
    [
        pytest.param(OK + b"Content-Length: 2\r\n\r\n{}", 1, id="plain"),
        pytest.param(OK + b"Content-Length: 2\r\nKeep-Alive: timeout=60, max=9\r\n\r\n{}", 1, id="a minute"),
        pytest.param(OK + b"Content-Length: 2\r\nKeep-Alive: timeout=1\r\n\r\n{}", 3, id="a second"),
        pytest.param(OK + b"Content-Length: 2\r\nKeep-Alive: timeout=0\r\n\r\n{}", 3, id="not at all"),
        pytest.param(OK + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}", 3, id="close"),
        pytest.param(OK + b"Content-Length: 2\r\n\r\n{}garbage", 3, id="garbage after it"),
    ],
)
async def test_connection_is_used_again_if_it_may_be(
    transport: Http1Transport, raw: bytes, connections: int
) -> None:
    async with Upstream(say(raw)) as upstream:
        for _ in range(3):
            assert await fetch(transport, upstream.url) == (200, b"{}")

        assert upstream.connections_made == connections


async def test_body_that_came_whole_need_not_be_read(transport: Http1Transport) -> None:
    async with Upstream(say(OK + b"Content-Length: 5\r\n\r\nHello"), answer({})) as upstream:
        (await transport.send(a_post(upstream.url), PATIENT)).close()

        assert await fetch(transport, upstream.url) == (200, b"{}")
        assert upstream.connections_made == 1


async def test_the_latest_connection_is_taken_first(transport: Http1Transport) -> None:
    async def whoami(peer: Peer) -> None:
        port = peer._writer.get_extra_info("peername")[1]
        await answer(str(port).encode())(peer)
        peer.keeps_alive = True

    async with Upstream(whoami) as upstream:
        responses = [await transport.send(a_post(upstream.url), PATIENT) for _ in range(3)]
        ports = [await response.read(MIB) for response in responses]
        for place in (1, 0, 2):
            responses[place].close()

        assert len(set(ports)) == 3
        assert [await fetch(transport, upstream.url) for _ in range(2)] == [(200, ports[2])] * 2


async def test_connection_without_work_is_closed_after_a_while(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "KEEP_ALIVE_S", 0.05)
    async with Upstream(answer({})) as upstream:
        await asyncio.gather(*(fetch(transport, upstream.url) for _ in range(3)))
        assert upstream.open_connections == 3

        await upstream.until_connections(0)


async def test_connection_in_use_is_not_closed_for_its_last_rest(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "KEEP_ALIVE_S", 0.05)
    async with Upstream(answer({}), stream(b"late", pause_s=0.2)) as upstream:
        await fetch(transport, upstream.url)

        assert await fetch(transport, upstream.url) == (200, b"late")
        assert upstream.connections_made == 1


async def test_kept_connection_is_looked_at_before_it_is_used_again() -> None:
    pool = Pool(asyncio.get_running_loop(), places_per_origin=9)
    origin = pool.origin("http", "host", 80)
    wires = [Wire() for _ in range(3)]
    for wire in wires:
        made = a_connection(wire=wire, origin=origin)
        made.data_received(OK + b"Content-Length: 0\r\n\r\n")
        pool.give_back(made)
    now = pool.time()

    wires[2].is_ended = True  # by the loop, which has not said so yet

    assert (found := pool.find(origin, now)) is not None
    assert found._transport is wires[1]
    assert pool.find(origin, now + 31) is None
    assert wires[0].is_ended
    await pool.close()


async def test_connection_closed_by_the_provider_is_not_used_again(transport: Http1Transport) -> None:
    async def answer_and_leave(peer: Peer) -> None:
        await answer({})(peer)
        peer.keeps_alive = False

    async with Upstream(answer_and_leave) as upstream:
        for number in range(1, 4):
            assert await fetch(transport, upstream.url) == (200, b"{}")
            await upstream.until_connections(0)
            await asyncio.sleep(0.01)

            assert len(upstream.requests) == upstream.connections_made == number


async def test_connection_on_which_something_comes_unasked_is_not_used_again(
    transport: Http1Transport,
) -> None:
    late = say(OK + b"Content-Length: 2\r\n\r\n{}", b"HTTP/1.1 408 Too late\r\n\r\n", pause_s=0.02)
    async with Upstream(late, answer({})) as upstream:
        await fetch(transport, upstream.url)
        await asyncio.sleep(0.05)

        assert await fetch(transport, upstream.url) == (200, b"{}")
        assert (upstream.connections_made, len(upstream.requests)) == (2, 2)


@pytest.mark.parametrize("end", [reset, hang_up], ids=["reset", "closed"])
@pytest.mark.parametrize("size", [10, 2 * MIB], ids=["small request", "large request"])
async def test_stale_connection_is_replaced_once(transport: Http1Transport, end: Script, size: int) -> None:
    async with Upstream(answer({"n": 1}), end, answer({"n": 2})) as upstream:
        request = a_post(upstream.url, b"x" * size)
        await fetch(transport, request)

        assert await fetch(transport, request) == (200, b'{"n": 2}')
        assert upstream.connections_made == 2
        assert [len(received.body) for received in upstream.requests] == [size] * 3


async def test_stale_connection_is_not_replaced_twice(transport: Http1Transport) -> None:
    async with Upstream(answer({}), reset, reset, answer({})) as upstream:
        await fetch(transport, upstream.url)

        with pytest.raises(LLMConnectionError, match="before it answered") as raised:
            await fetch(transport, upstream.url)
        assert raised.value.is_retryable
        assert len(upstream.requests) == 3


@pytest.mark.parametrize("end", [reset, hang_up], ids=["reset", "closed"])
async def test_new_connection_that_ends_is_not_replaced(transport: Http1Transport, end: Script) -> None:
    async with Upstream(end) as upstream:
        with pytest.raises(LLMConnectionError, match="before it answered"):
            await fetch(transport, upstream.url)

        assert len(upstream.requests) == 1


async def test_request_is_not_repeated_once_anything_has_come(transport: Http1Transport) -> None:
    async def half(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 2")

    async with Upstream(answer({}), half, answer({})) as upstream:
        await fetch(transport, upstream.url)

        with pytest.raises(LLMConnectionError, match="before it answered"):
            await fetch(transport, upstream.url)
        assert len(upstream.requests) == 2


async def test_request_is_not_repeated_after_a_time_out(transport: Http1Transport) -> None:
    async with Upstream(answer({}), hang) as upstream:
        await fetch(transport, upstream.url)

        with pytest.raises(LLMTimeoutError):
            await fetch(transport, upstream.url, SOON)
        assert len(upstream.requests) == 2


# Places


async def test_places_are_given_in_the_order_they_were_asked_for() -> None:
    transport = Http1Transport(max_connections_per_host=1)
    async with Upstream(stream(b"x", pause_s=0.01)) as upstream:
        calls = [asyncio.create_task(fetch(transport, f"{upstream.url}/{n}")) for n in range(6)]
        await asyncio.sleep(0)
        calls[2].cancel()

        await asyncio.wait(calls)

        assert [request.target for request in upstream.requests] == ["/0", "/1", "/3", "/4", "/5"]
        assert upstream.connections_made == 1
        assert transport.in_flight == 0
    await transport.close()


async def test_who_leaves_when_it_is_their_turn_lets_the_next_one_pass() -> None:
    transport = Http1Transport(max_connections_per_host=1)
    async with Upstream(answer({})) as upstream:
        response = await transport.send(a_post(upstream.url), PATIENT)
        first, second = (asyncio.create_task(fetch(transport, upstream.url)) for _ in range(2))
        await asyncio.sleep(0)

        response.close()
        first.cancel()

        assert await second == (200, b"{}")
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await fetch(transport, upstream.url) == (200, b"{}")
        assert transport.in_flight == 0
    await transport.close()


async def test_origins_do_not_share_their_places() -> None:
    transport = Http1Transport(max_connections_per_host=1)
    async with Upstream(hang) as busy, Upstream(answer({})) as other:
        waiting = asyncio.create_task(fetch(transport, busy.url))
        await busy.until_requests(1)

        assert await fetch(transport, other.url) == (200, b"{}")
        waiting.cancel()
        await asyncio.wait([waiting])
    await transport.close()


async def test_response_that_is_forgotten_gives_its_place_back() -> None:
    transport = Http1Transport(max_connections_per_host=1)
    async with Upstream(stream(b"one", then=hang), answer({})) as upstream:
        response = await transport.send(a_post(upstream.url), PATIENT)
        chunks = response.chunks()
        assert await anext(chunks) == b"one"
        assert transport.in_flight == 1

        del response, chunks
        gc.collect()

        assert await fetch(transport, upstream.url) == (200, b"{}")
        await upstream.until_connections(1)
        assert transport.in_flight == 0
    await transport.close()


def test_response_that_is_forgotten_after_its_loop_does_no_harm() -> None:
    transport = Http1Transport()
    left: list[Any] = []

    async def call() -> None:
        async with Upstream(stream(b"one", then=hang)) as upstream:
            left.append(await transport.send(a_post(upstream.url), PATIENT))

    asyncio.run(call())
    left.clear()
    gc.collect()

    assert transport.in_flight == 0


async def test_places_and_connections_add_up_after_a_storm() -> None:
    transport = Http1Transport(max_connections_per_host=7)
    random = Random(7)
    scripts = [
        answer({}),
        answer({}, Connection="close"),
        stream(b"one", b"two"),
        stream(b"half", then=reset),
        stream(b"half", then=hang),
        say(OK + b"Content-Length: 2\r\n\r\n{}beyond"),
        say(b"HTTP/1.1 2", stay=False),
        reset,
        hang_up,
    ]

    async def play(peer: Peer) -> None:
        await random.choice(scripts)(peer)

    async def play_and_stay(peer: Peer) -> None:
        peer.keeps_alive = True
        await play(peer)

    async def call(upstream: Upstream) -> None:
        with contextlib.suppress(LLMError, TimeoutError):
            async with asyncio.timeout(random.choice((0.001, 0.01, 0.1))):
                await fetch(transport, upstream.url, SOON)

    async with Upstream(play_and_stay) as upstream:
        for _ in range(6):
            calls = [asyncio.create_task(call(upstream)) for _ in range(50)]
            for stopped in random.sample(calls, 10):
                asyncio.get_running_loop().call_later(random.random() / 50, stopped.cancel)
            await asyncio.wait(calls)

        [origin] = transport._pool._origins.values()
        assert transport.in_flight == 0
        assert origin.is_unused
        assert not origin._waiting
        await asyncio.sleep(0.01)
        assert {kept.is_idle for kept in transport._pool._connections} <= {True}
        assert len(transport._pool._connections) <= 7
        upstream.scripts = [answer({})]
        assert await fetch(transport, upstream.url) == (200, b"{}")
        await transport.close()
        await upstream.until_connections(0)
        assert not transport._pool._connections


async def test_many_urls_are_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    from officium.core.llm.http1 import transport as module

    monkeypatch.setattr(module, "TARGETS_KEPT", 3)
    transport = Http1Transport()
    async with Upstream(answer({})) as upstream:
        for number in range(10):
            await fetch(transport, f"{upstream.url}/{number}")
            with contextlib.suppress(LLMError):
                await fetch(transport, f"http://127.0.0.1:{number + 1}/")

        assert upstream.connections_made == 1
        assert len(transport._targets) <= 3
        assert len(transport._pool._origins) <= 4
    await transport.close()


# Connecting


def tls_for(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    return context


def trust_in(ca: trustme.CA) -> ssl.SSLContext:
    trust = ssl.create_default_context()
    ca.configure_trust(trust)
    return trust


async def test_trust_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    transport = Http1Transport()
    tls = tls_for(ca, "localhost")
    tls.set_alpn_protocols(["h2", "http/1.1"])
    asked_for: list[str | None] = []
    tls.sni_callback = lambda made, name, context: asked_for.append(name)
    async with Upstream(answer({}), tls=tls) as upstream:
        assert await fetch(transport, upstream.url.replace("127.0.0.1", "localhost")) == (200, b"{}")

        assert asked_for == ["localhost"]
    await transport.close()


async def test_nothing_but_http1_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    ca = trustme.CA()
    trust = trust_in(ca)
    monkeypatch.setattr(connector.ssl, "create_default_context", lambda: trust)
    offered: list[str | None] = []
    tls = tls_for(ca, "127.0.0.1")
    tls.set_alpn_protocols(["h2", "http/1.1"])

    async def note(peer: Peer) -> None:
        offered.append(peer._writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await answer({})(peer)

    transport = Http1Transport()
    async with Upstream(note, tls=tls) as upstream:
        await fetch(transport, upstream.url)

        assert offered == ["http/1.1"]
        await transport.close()


async def test_large_bodies_pass_through_tls_in_both_directions() -> None:
    ca = trustme.CA()
    transport = Http1Transport(ssl_context=trust_in(ca))
    body = bytes(range(256)) * 12_000
    async with Upstream(answer(body), tls=tls_for(ca, "127.0.0.1")) as upstream:
        for _ in range(2):
            response = await transport.send(a_post(upstream.url, body), PATIENT)
            assert await response.read(8 * MIB) == body
            response.close()

        assert [len(request.body) for request in upstream.requests] == [len(body)] * 2
        assert upstream.connections_made == 1
        await transport.close()


async def test_provider_that_leaves_within_the_handshake_is_a_connection_error(
    transport: Http1Transport,
) -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(leave, "127.0.0.1", 0) as server:
        with pytest.raises(LLMConnectionError, match="TLS") as raised:
            await fetch(transport, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    assert raised.value.__cause__ is not None


async def test_plain_http_where_tls_is_expected_is_a_connection_error(transport: Http1Transport) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 The plain HTTP request was sent to an HTTPS port\r\n\r\n")
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        with pytest.raises(LLMConnectionError, match="TLS"):
            await fetch(transport, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


Lookup = Callable[..., Awaitable[list[Any]]]


def look_up(monkeypatch: pytest.MonkeyPatch, *addresses: str, delay_s: float = 0.01) -> list[str]:
    """Let every name have these addresses; returns the names as they are looked up."""
    names: list[str] = []
    ask_the_system = asyncio.get_running_loop().getaddrinfo

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        if host in addresses:  # uvloop asks even for these
            return await ask_the_system(host, port, **options)
        names.append(host)
        await asyncio.sleep(delay_s)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
    return names


def at_name(upstream: Upstream, name: str = "provider.example") -> str:
    return upstream.url.replace("127.0.0.1", name)


async def test_name_is_looked_up_once_for_all_who_ask(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = look_up(monkeypatch, "127.0.0.1")
    async with Upstream(answer({})) as upstream:
        await asyncio.gather(*(fetch(transport, at_name(upstream)) for _ in range(5)))
        await asyncio.gather(*(fetch(transport, at_name(upstream)) for _ in range(9)))

        assert names == ["provider.example"]
        assert upstream.requests[0].headers["host"].startswith("provider.example:")


async def test_name_is_looked_up_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "DNS_CACHE_S", 0)
    names = look_up(monkeypatch, "127.0.0.1")
    transport = Http1Transport()
    async with Upstream(answer({}, Connection="close")) as upstream:
        for _ in range(2):
            await fetch(transport, at_name(upstream))

    assert len(names) == 2
    await transport.close()


async def test_who_leaves_does_not_stop_the_look_up_of_others(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = look_up(monkeypatch, "127.0.0.1")
    async with Upstream(answer({})) as upstream:
        first, second = (asyncio.create_task(fetch(transport, at_name(upstream))) for _ in range(2))
        await asyncio.sleep(0)

        first.cancel()

        assert await second == (200, b"{}")
        assert len(names) == 1


async def test_unknown_name_is_a_connection_error_and_not_remembered(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = look_up(monkeypatch)
    for _ in range(2):
        with pytest.raises(LLMConnectionError, match=r"host name provider\.example is not known"):
            await fetch(transport, "http://provider.example/")

    assert len(names) == 2


async def test_look_up_that_fails_when_nobody_waits_any_more_is_no_scandal(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    look_up(monkeypatch)
    call = asyncio.create_task(fetch(transport, "http://provider.example/"))
    await asyncio.sleep(0.002)
    call.cancel()

    await asyncio.sleep(0.02)
    gc.collect()

    assert call.cancelled()
    assert caplog.records == []


async def test_slow_look_up_times_out_as_connect(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up(monkeypatch, "127.0.0.1", delay_s=30)

    with pytest.raises(LLMTimeoutError) as raised:
        await fetch(transport, "http://provider.example/", SOON)

    assert raised.value.fields["phase"] == "connect"
    await transport.close()


async def test_other_addresses_are_tried_if_the_first_refuses(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up(monkeypatch, "127.0.0.2", "127.0.0.1")
    async with Upstream(answer({})) as upstream:
        assert await fetch(transport, at_name(upstream)) == (200, b"{}")


async def test_name_whose_addresses_all_refuse_is_looked_up_again(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Upstream(hang) as upstream:
        url = at_name(upstream)
    names = look_up(monkeypatch, "127.0.0.1", "127.0.0.2")

    for _ in range(2):
        with pytest.raises(LLMConnectionError, match=r"No connection to provider\.example"):
            await fetch(transport, url)

    assert len(names) == 2


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")
async def test_address_may_be_an_ipv6_literal(transport: Http1Transport) -> None:
    hosts: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        hosts.append(head.split(b"host: ")[1].split(b"\r\n")[0])
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(serve, "::1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await fetch(transport, f"http://[::1]:{port}/") == (200, b"{}")
        await transport.close()

    assert hosts == [b"[::1]:%d" % port]


async def test_small_pieces_are_not_held_back(transport: Http1Transport) -> None:
    async with Upstream(answer({})) as upstream:
        response = await transport.send(a_post(upstream.url), PATIENT)
        [made] = transport._pool._connections
        sock = made._transport.get_extra_info("socket")

        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        response.close()


# Time


async def test_headers_a_byte_at_a_time_do_not_buy_time(transport: Http1Transport) -> None:
    drip = say(*(bytes([byte]) for byte in OK * 9), pause_s=0.02)
    async with Upstream(drip) as upstream:
        began = asyncio.get_running_loop().time()
        with pytest.raises(LLMTimeoutError) as raised:
            await fetch(transport, upstream.url, SOON)

        assert raised.value.fields == {"phase": "first_byte", "limit_s": 0.2}
        assert asyncio.get_running_loop().time() - began < 1.0
        await upstream.until_connections(0)


async def test_each_request_has_its_own_time(transport: Http1Transport) -> None:
    async with Upstream(hang) as upstream:
        patient = asyncio.create_task(fetch(transport, upstream.url, Timeouts(first_byte=30)))
        await upstream.until_requests(1)

        with pytest.raises(LLMTimeoutError):
            await fetch(transport, upstream.url, SOON)
        assert not patient.done()
        patient.cancel()
        await asyncio.wait([patient])


# Pressure


async def test_pieces_of_one_packet_come_as_one(transport: Http1Transport) -> None:
    packet = CHUNKED + b"3\r\none\r\n3\r\ntwo\r\n"
    async with Upstream(say(packet, b"5\r\nthree\r\n0\r\n\r\n", pause_s=0.02)) as upstream:
        response = await transport.send(a_post(upstream.url), PATIENT)

        assert [piece async for piece in response.chunks()] == [b"onetwo", b"three"]
        response.close()


async def test_provider_must_wait_for_a_slow_reader(transport: Http1Transport) -> None:
    sent = 0
    total = 64 * MIB

    async def pour(peer: Peer) -> None:
        nonlocal sent
        await peer.head(f"Content-Length: {total}")
        while sent < total:
            await peer.send(bytes(65536))
            sent += 65536
        peer.keeps_alive = True

    async with Upstream(pour, answer({})) as upstream:
        tracemalloc.start()
        response = await transport.send(a_post(upstream.url), PATIENT)
        await asyncio.sleep(0.2)
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
        tracemalloc.stop()
        assert sent < total / 2

        assert sum([len(piece) async for piece in response.chunks()]) == total
        response.close()
        assert await fetch(transport, upstream.url) == (200, b"{}")
        assert upstream.connections_made == 1


async def serve_raw(
    script: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> tuple[asyncio.Server, str]:
    server = await asyncio.start_server(script, "127.0.0.1", 0, limit=65536)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_refusal_that_comes_while_we_write_ends_the_writing(transport: Http1Transport) -> None:
    ended = asyncio.Event()
    got = 0

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\n{}")
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            await asyncio.sleep(0.1)
            while data := await reader.read(65536):
                got += len(data)
        writer.close()
        ended.set()

    server, url = await serve_raw(refuse)
    async with server:
        assert await fetch(transport, a_post(url, bytes(32 * MIB))) == (413, b"{}")

        await asyncio.wait_for(ended.wait(), 3)
        assert got < 32 * MIB


@pytest.mark.parametrize(
    ("status", "is_all_sent"),
    [(200, True), (413, False), (503, False)],
    ids=["accepted", "refused", "unavailable"],
)
async def test_rest_of_a_request_is_sent_to_whoever_may_want_it(status: int, is_all_sent: bool) -> None:
    wire = Wire()
    made = a_connection(wire=wire)
    made.data_received(OK + b"Content-Length: 0\r\n\r\n")
    wire.written = b""
    asking = asyncio.create_task(made.ask("POST", b"", bytes(4 * MIB), 1.0))
    made.pause_writing()
    await asyncio.sleep(0)

    made.data_received(b"HTTP/1.1 %d Said\r\nContent-Length: 0\r\n\r\n" % status)
    await asyncio.wait_for(asking, 1)

    assert len(wire.written) == (4 * MIB if is_all_sent else 0)
    assert made.is_reusable == is_all_sent


async def test_answer_that_begins_while_we_write_gets_the_rest_of_the_request(
    transport: Http1Transport,
) -> None:
    size = 16 * MIB
    got = 0

    async def echo_size(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await reader.readuntil(b"\r\n\r\n")
        writer.write(CHUNKED + b"5\r\nbegin\r\n")
        await asyncio.sleep(0.05)
        while got < size:
            got += len(await reader.read(65536))
        writer.write(b"3\r\nend\r\n0\r\n\r\n")
        await reader.read(1)
        writer.close()

    server, url = await serve_raw(echo_size)
    async with server:
        assert await fetch(transport, a_post(url, bytes(size))) == (200, b"beginend")
        await transport.close()

    assert got == size


async def test_provider_that_does_not_read_times_out(transport: Http1Transport) -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)
        writer.transport.abort()

    server, url = await serve_raw(ignore)
    async with server:
        with pytest.raises(LLMTimeoutError) as raised:
            await fetch(transport, a_post(url, bytes(32 * MIB)), SOON)

    assert raised.value.fields["phase"] == "first_byte"


async def test_slow_upload_is_not_waiting_for_the_answer(transport: Http1Transport) -> None:
    size = 24 * MIB

    async def read_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(24):
            await reader.readexactly(size // 24)
            await asyncio.sleep(0.04)
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")
        await reader.read(1)
        writer.close()

    server, url = await serve_raw(read_slowly)
    async with server:
        request = a_post(url, bytes(size))
        assert await fetch(transport, request, Timeouts(first_byte=0.6)) == (200, b"{}")
        await transport.close()


async def test_what_came_before_a_reset_is_handed_out_first(transport: Http1Transport) -> None:
    async with Upstream(stream(b"one", then=reset)) as upstream:
        response = await transport.send(a_post(upstream.url), PATIENT)
        await upstream.until_connections(0)
        await asyncio.sleep(0.01)
        chunks = response.chunks()

        assert await anext(chunks) == b"one"
        with pytest.raises(LLMProtocolError, match="cut short"):
            await anext(chunks)
        response.close()


async def test_closed_response_cannot_be_read_any_more(transport: Http1Transport) -> None:
    async with Upstream(answer({})) as upstream:
        response = await transport.send(a_post(upstream.url), PATIENT)
        chunks = response.chunks()
        response.close()

        with pytest.raises(LLMConnectionError, match="broke"):
            await response.read(MIB)
        with pytest.raises(LLMConnectionError, match="broke"):
            await anext(chunks)


# The end


async def test_closing_ends_who_waits_for_headers_for_places_and_for_connections() -> None:
    transport = Http1Transport(max_connections_per_host=2)
    async with Upstream(hang) as upstream:
        asked = asyncio.create_task(fetch(transport, upstream.url))
        await upstream.until_requests(1)
        connecting = asyncio.create_task(fetch(transport, upstream.url.replace("http:", "https:")))
        shaking_hands = asyncio.create_task(fetch(transport, upstream.url))
        queued = asyncio.create_task(fetch(transport, upstream.url))
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()

        await transport.close()

        for call in (asked, connecting, shaking_hands, queued):
            with pytest.raises(LLMError):
                await call
        assert asyncio.get_running_loop().time() - began < 2.0
        assert transport.in_flight == 0
        await upstream.until_connections(0)


async def test_closing_ends_who_waits_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up(monkeypatch, "127.0.0.1", delay_s=30)
    transport = Http1Transport()
    call = asyncio.create_task(fetch(transport, "http://provider.example/"))
    await asyncio.sleep(0.01)

    await transport.close()

    with pytest.raises(LLMConnectionError, match="closed"):
        await call
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_closing_does_not_wait_for_a_provider_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transport = Http1Transport()
    async with Upstream(stream(b"x", then=hang), answer({})) as upstream:
        response = await transport.send(a_post(upstream.url), PATIENT)
        reading = asyncio.create_task(response.read(MIB))
        await fetch(transport, upstream.url)
        began = asyncio.get_running_loop().time()

        await transport.close()

        assert asyncio.get_running_loop().time() - began < 0.5
        with pytest.raises(LLMConnectionError, match="broke"):
            await reading
        response.close()
        await upstream.until_connections(0)
        assert transport.in_flight == 0


async def test_request_through_a_proxy_counts_as_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Upstream(answer({})) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        transport = Http1Transport(trust_env=True)

        response = await transport.send(a_post("http://provider.example/v1"), PATIENT)

        assert not isinstance(response, Http1Response)
        assert transport.in_flight == 1
        response.close()
        assert transport.in_flight == 0
        await transport.close()
        await proxy.until_connections(0)
