"""The transport against servers that answer well and badly."""

import asyncio
import gzip
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import trustme

from officium.core.llm.errors import LLMConnectionError, LLMError, LLMProtocolError, LLMTimeoutError
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts
from officium.core.llm.http1 import Http1Transport
from officium.core.llm.transport import AiohttpTransport
from tests.support.upstream import Peer, Upstream, answer, hang, hang_up, reset, stream

SOON = Timeouts(connect=0.2, first_byte=0.2, idle=0.2, total=2.0)
MIB = 1024 * 1024
LIMIT = MIB
OPEN_FILES = Path("/proc/self/fd")


AnyTransport = AiohttpTransport | Http1Transport
Kind = Callable[..., AnyTransport]


@pytest.fixture(params=[AiohttpTransport, Http1Transport], ids=["aiohttp", "http1"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
async def transport(kind: Kind) -> AsyncIterator[AnyTransport]:
    transport = kind()
    yield transport
    assert transport.in_flight == 0
    await transport.close()


def a_post(url: str, body: bytes = b"{}", **headers: str) -> HttpRequest:
    return HttpRequest("POST", url, {"content-type": "application/json", **headers}, body)


async def fetch(transport: AnyTransport, url: str, limit_bytes: int = LIMIT) -> tuple[int, bytes]:
    response = await transport.send(a_post(url), SOON)
    try:
        return response.status, await response.read(limit_bytes)
    finally:
        response.close()


async def test_request_arrives_as_it_was_written(transport: AnyTransport) -> None:
    async with Upstream(answer({"ok": True})) as upstream:
        request = a_post(f"{upstream.url}/v1/a%2Fb?x=1", b'{"q":1}', authorization="Bearer secret")
        response = await transport.send(request, SOON)
        response.close()

        [received] = upstream.requests
        assert (received.method, received.target) == ("POST", "/v1/a%2Fb?x=1")
        assert received.body == b'{"q":1}'
        assert received.headers["authorization"] == "Bearer secret"
        assert received.headers["content-type"] == "application/json"
        assert received.headers["accept-encoding"] == "identity"
        assert received.headers["user-agent"].startswith("officium/")
        assert "cookie" not in received.headers


async def test_large_body_arrives_whole(transport: AnyTransport) -> None:
    body = b"x" * (3 * 1024 * 1024)
    async with Upstream(answer({})) as upstream:
        response = await transport.send(a_post(upstream.url, body), SOON)
        response.close()

        assert upstream.requests[0].body == body


async def test_request_line_cannot_be_smuggled_in_through_the_url(transport: AnyTransport) -> None:
    async with Upstream(answer({})) as upstream:
        response = await transport.send(a_post(f"{upstream.url}/models/a b\r\nx-evil: 1"), SOON)
        response.close()

        [received] = upstream.requests
        assert "x-evil" not in received.headers
        assert " " not in received.target


async def test_header_with_a_line_break_is_refused_and_not_shown(transport: AnyTransport) -> None:
    async with Upstream(answer({})) as upstream:
        with pytest.raises(LLMConnectionError) as raised:
            await transport.send(a_post(upstream.url, authorization="Bearer sec\r\nret"), SOON)

        assert "sec" not in str(raised.value)
        assert not raised.value.is_retryable
        assert upstream.requests == []


@pytest.mark.parametrize("url", ["http://", "http://[::1", "no-url", "ftp://a/b", "http://a:99999/"])
async def test_bad_url_is_a_typed_error(transport: AnyTransport, url: str) -> None:
    with pytest.raises(LLMConnectionError) as raised:
        await transport.send(a_post(url), SOON)

    assert not raised.value.is_retryable


async def test_response_headers_have_lower_case_names(transport: AnyTransport) -> None:
    async with Upstream(answer({}, Retry_After="7", X_Two="2")) as upstream:
        response = await transport.send(a_post(upstream.url), SOON)
        response.close()

        assert response.status == 200
        assert response.headers["retry-after"] == "7"
        assert response.headers.get("x-missing") is None
        assert {"retry-after", "content-type", "x-two"} <= set(response.headers)
        assert dict(response.headers.items())["x-two"] == "2"
        assert len(response.headers) == len(list(response.headers))


async def test_connection_is_used_again_after_a_whole_body(transport: AnyTransport) -> None:
    async with Upstream(answer({"n": 1})) as upstream:
        for _ in range(3):
            assert await fetch(transport, upstream.url) == (200, b'{"n": 1}')

        assert upstream.connections_made == 1


async def test_connection_is_dropped_when_the_body_was_not_read_to_its_end(
    transport: AnyTransport,
) -> None:
    async with Upstream(stream(b"one", then=hang)) as upstream:
        response = await transport.send(a_post(upstream.url), SOON)
        assert await anext(response.chunks()) == b"one"

        response.close()
        response.close()

        await upstream.until_connections(0)


async def test_cancelled_request_drops_its_connection(transport: AnyTransport) -> None:
    async with Upstream(hang) as upstream:
        sending = asyncio.create_task(transport.send(a_post(upstream.url), Timeouts()))
        await upstream.until_requests(1)

        sending.cancel()

        with pytest.raises(asyncio.CancelledError):
            await sending
        await upstream.until_connections(0)


def count_open_files() -> int:
    return len(list(OPEN_FILES.iterdir()))


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="counts open files as Linux shows them")
async def test_cancelled_upload_is_dropped_although_nobody_reads_it(transport: AnyTransport) -> None:
    accepted: list[asyncio.StreamWriter] = []

    async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)

    async with await asyncio.start_server(never_read, "127.0.0.1", 0, limit=1024) as server:
        open_before = count_open_files()
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        sending = asyncio.create_task(transport.send(a_post(url, bytes(32 * MIB)), Timeouts()))
        await asyncio.sleep(0.1)

        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.sleep(0.01)

        assert len(accepted) == 1
        assert count_open_files() == open_before + 1  # the server's end alone
        accepted[0].transport.abort()


async def test_closing_wakes_up_whoever_reads(transport: AnyTransport) -> None:
    async with Upstream(stream(b"one", then=hang)) as upstream:
        response = await transport.send(a_post(upstream.url), SOON)
        chunks = response.chunks()
        await anext(chunks)
        reading = asyncio.ensure_future(anext(chunks))
        await asyncio.sleep(0)

        response.close()

        with pytest.raises(LLMConnectionError):
            await reading


async def test_pieces_come_as_they_are_sent(transport: AnyTransport) -> None:
    async with Upstream(stream(b"one", b"two", b"three", pause_s=0.02)) as upstream:
        response = await transport.send(a_post(upstream.url), SOON)
        pieces = [piece async for piece in response.chunks()]
        response.close()

        assert pieces == [b"one", b"two", b"three"]


async def test_read_timer_ends_with_the_headers(transport: AnyTransport) -> None:
    async with Upstream(stream(b"late", pause_s=0.35)) as upstream:
        assert await fetch(transport, upstream.url) == (200, b"late")


async def test_no_more_connections_than_allowed_and_waiting_is_not_connecting(kind: Kind) -> None:
    transport = kind(max_connections_per_host=2)
    async with Upstream(stream(b"x", pause_s=0.15)) as upstream:
        quick = Timeouts(connect=0.1, first_byte=1.0)

        async def call() -> None:
            response = await transport.send(a_post(upstream.url), quick)
            assert upstream.open_connections <= 2
            assert await response.read(LIMIT) == b"x"
            response.close()

        await asyncio.gather(*(call() for _ in range(6)))

        assert upstream.connections_made == 2
        assert transport.in_flight == 0
    await transport.close()


async def test_redirect_is_handed_back_and_not_followed(transport: AnyTransport) -> None:
    async with (
        Upstream(answer({})) as elsewhere,
        Upstream(answer(b"", 307, Location=f"{elsewhere.url}/v1")) as upstream,
    ):
        response = await transport.send(a_post(upstream.url, authorization="Bearer secret"), SOON)
        response.close()

        assert response.status == 307
        assert elsewhere.requests == []


async def test_stale_connection_of_aiohttp_is_an_ordinary_connection_error() -> None:
    transport = AiohttpTransport()
    async with Upstream(answer({}), reset, answer({})) as upstream:
        await fetch(transport, upstream.url)

        with pytest.raises(LLMConnectionError) as raised:
            await fetch(transport, upstream.url)

        assert raised.value.is_retryable
        assert upstream.connections_made == 1
        assert await fetch(transport, upstream.url) == (200, b"{}")
    await transport.close()


async def not_http(peer: Peer) -> None:
    await peer.send(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")


async def cut_body(peer: Peer) -> None:
    await peer.head("Content-Length: 100")
    await peer.send(b"half")


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param(hang_up, LLMConnectionError, id="closed before headers"),
        pytest.param(reset, LLMConnectionError, id="reset before headers"),
        pytest.param(not_http, LLMProtocolError, id="another protocol"),
        pytest.param(hang, LLMTimeoutError, id="hangs before headers"),
        pytest.param(cut_body, LLMProtocolError, id="body shorter than announced"),
        pytest.param(stream(b"half", then=hang_up), LLMProtocolError, id="chunked body without end"),
        pytest.param(stream(b"half", then=reset), LLMProtocolError, id="reset within the body"),
        pytest.param(stream(b"x", Content_Encoding="br"), LLMProtocolError, id="unknown compression"),
        pytest.param(stream(b"not gzip", Content_Encoding="gzip"), LLMProtocolError, id="no gzip"),
        pytest.param(
            stream(gzip.compress(b"whole" * 99)[:-9], Content_Encoding="gzip"),
            LLMProtocolError,
            id="half gzip",
        ),
    ],
)
async def test_fault_is_a_typed_error_with_its_cause(
    transport: AnyTransport, script: Callable[..., object], error: type[LLMError]
) -> None:
    async with Upstream(script) as upstream:  # type: ignore[arg-type]
        with pytest.raises(error) as raised:
            await fetch(transport, upstream.url)

        assert raised.type is error
        await transport.close()
        await upstream.until_connections(0)


async def test_original_error_is_kept_as_cause(transport: AnyTransport) -> None:
    async with Upstream(reset) as upstream:
        with pytest.raises(LLMConnectionError) as raised:
            await fetch(transport, upstream.url)

    assert isinstance(raised.value.__cause__, ConnectionResetError | aiohttp.ClientOSError)


async def test_refused_connection(transport: AnyTransport) -> None:
    async with Upstream(hang) as upstream:
        url = upstream.url

    with pytest.raises(LLMConnectionError, match=r"No connection to 127\.0\.0\.1"):
        await fetch(transport, url + "?key=secret")


async def test_silent_server_times_out_as_first_byte(transport: AnyTransport) -> None:
    async with Upstream(hang) as upstream:
        with pytest.raises(LLMTimeoutError) as raised:
            await fetch(transport, upstream.url)

    assert raised.value.fields["phase"] == "first_byte"


async def test_handshake_without_answer_times_out_as_connect(transport: AnyTransport) -> None:
    async with Upstream(hang) as upstream:
        with pytest.raises(LLMTimeoutError) as raised:
            await fetch(transport, upstream.url.replace("http:", "https:"))

    assert raised.value.fields["phase"] == "connect"


def tls_for(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    return context


async def test_trusted_certificate_is_accepted(kind: Kind) -> None:
    ca = trustme.CA()
    trust = ssl.create_default_context()
    ca.configure_trust(trust)
    transport = kind(ssl_context=trust)
    async with Upstream(answer({}), tls=tls_for(ca, "127.0.0.1")) as upstream:
        assert await fetch(transport, upstream.url) == (200, b"{}")
        await transport.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "other.example"], ids=["unknown authority", "another name"])
async def test_certificate_we_cannot_trust_is_a_connection_error(kind: Kind, name: str) -> None:
    ca = trustme.CA()
    trust = ssl.create_default_context()
    if name != "127.0.0.1":
        ca.configure_trust(trust)
    transport = kind(ssl_context=trust)
    async with Upstream(answer({}), tls=tls_for(ca, name)) as upstream:
        with pytest.raises(LLMConnectionError, match="TLS"):
            await fetch(transport, upstream.url)

        assert upstream.requests == []
    await transport.close()


TEXT = b"".join(b"line %d\n" % number for number in range(50_000))


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
        pytest.param("GZIP", gzip.compress(TEXT), id="gzip in capitals"),
        pytest.param("gzip", gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]), id="gzip members"),
        pytest.param("deflate", zlib.compress(TEXT), id="deflate"),
        pytest.param("deflate", raw_deflate(TEXT), id="raw deflate"),
        pytest.param("identity", TEXT, id="identity"),
    ],
)
@pytest.mark.parametrize("cut", [7, 1000, 10_000_000])
async def test_compressed_body_is_read_wherever_it_is_cut(
    transport: AnyTransport, encoding: str, packed: bytes, cut: int
) -> None:
    pieces = [packed[:cut], packed[cut : 2 * cut], packed[2 * cut :]]
    script = stream(*(piece for piece in pieces if piece), Content_Encoding=encoding)
    async with Upstream(script) as upstream:
        assert await fetch(transport, upstream.url) == (200, TEXT)


async def test_compressed_stream_is_handed_on_as_it_comes(transport: AnyTransport) -> None:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    pieces = [packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH) for text in (b"one", b"two")]
    async with Upstream(stream(*pieces, then=hang, Content_Encoding="gzip")) as upstream:
        response = await transport.send(a_post(upstream.url), SOON)
        chunks = response.chunks()

        assert await anext(chunks) + await anext(chunks) == b"onetwo"
        response.close()


async def endless(peer: Peer) -> None:
    while True:
        await peer.chunk(b"x" * 65536)


def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    packed = [packer.compress(bytes(1024 * 1024)) for _ in range(200)]
    return b"".join(packed) + packer.flush()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(stream(then=endless), id="endless body"),
        pytest.param(stream(bomb(), Content_Encoding="gzip"), id="gzip bomb"),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
async def test_body_past_its_limit_is_refused_in_bounded_memory(
    kind: Kind, script: Callable[..., object], is_stream: bool
) -> None:
    transport = kind(stream_limit_bytes=LIMIT)
    async with Upstream(script) as upstream:  # type: ignore[arg-type]
        response = await transport.send(a_post(upstream.url), SOON)
        tracemalloc.start()
        with pytest.raises(LLMProtocolError, match="larger than") as raised:
            await (drain(response) if is_stream else response.read(LIMIT))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        response.close()

        assert peak < 6 * LIMIT
        assert not raised.value.is_retryable
        await upstream.until_connections(0)
    await transport.close()


async def drain(response: HttpResponse) -> None:
    async for _ in response.chunks():
        pass


async def test_announced_length_past_the_limit_is_refused_unread(transport: AnyTransport) -> None:
    async def play(peer: Peer) -> None:
        await peer.head("Content-Length: 100000000")
        await peer.hang()

    async with Upstream(play) as upstream:
        with pytest.raises(LLMProtocolError, match="larger than"):
            await fetch(transport, upstream.url)


async def test_closed_transport_sends_nothing(kind: Kind) -> None:
    transport = kind()
    async with Upstream(answer({})) as upstream:
        await fetch(transport, upstream.url)

        await transport.close()
        await transport.close()

        await upstream.until_connections(0)
        with pytest.raises(LLMConnectionError, match="closed"):
            await fetch(transport, upstream.url)


async def test_closing_the_transport_ends_responses_in_use(kind: Kind) -> None:
    transport = kind()
    async with Upstream(stream(b"x", then=hang)) as upstream:
        response = await transport.send(a_post(upstream.url), SOON)

        await transport.close()

        await upstream.until_connections(0)
        response.close()
        assert transport.in_flight == 0


def test_transport_moves_to_a_new_loop_once_the_old_one_is_closed(kind: Kind) -> None:
    transport = kind()

    async def call() -> tuple[int, bytes]:
        async with Upstream(answer({})) as upstream:
            return await fetch(transport, upstream.url)

    for _ in range(2):
        assert asyncio.run(call()) == (200, b"{}")
    asyncio.run(transport.close())


@pytest.mark.parametrize("trusts", [True, False])
async def test_proxy_of_the_environment_only_if_asked_for(
    kind: Kind, monkeypatch: pytest.MonkeyPatch, trusts: bool
) -> None:
    async with Upstream(answer({"by": "proxy"})) as proxy, Upstream(answer({"by": "origin"})) as upstream:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        transport = kind(trust_env=trusts)

        await fetch(transport, f"{upstream.url}/v1")

        assert [request.target for request in proxy.requests] == ([f"{upstream.url}/v1"] if trusts else [])
        await transport.close()


async def test_host_without_proxy_is_reached_directly(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Upstream(answer({})) as proxy, Upstream(answer({})) as upstream:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        transport = kind(trust_env=True)

        await fetch(transport, upstream.url)

        assert proxy.requests == []
        await transport.close()
