"""What carrying a call costs the process that makes it: our client beside aiohttp and the bare event loop.

    taskset -c 0 python -m bench.transport --upstream-core 1

The upstream is a process of its own that answers from memory. Figures are CPU time of the calling process,
so they hold whatever else the machine does; `bare` writes the same bytes and only counts what comes back.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import uvloop

from officium.core.llm.http import HttpRequest, Timeouts, Transport
from officium.core.llm.http1 import Http1Transport
from officium.core.llm.transport import AiohttpTransport

_EVENT = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
    b'"delta":{"content":" word"},"logprobs":null,"finish_reason":null}]}\n\n'
)
_CHUNK = b"%x\r\n%b\r\n" % (len(_EVENT), _EVENT)
_BODY = b'{"id":"c1","choices":[{"message":{"content":"' + b"word " * 80 + b'"}}]}'
_HEADERS = b"".join(b"X-Header-%d: value of header %d\r\n" % (n, n) for n in range(16))
_WHOLE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
    % (_HEADERS, len(_BODY))
) + _BODY
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%bTransfer-Encoding: chunked\r\n\r\n" % _HEADERS
)
_CHUNKS = 100
_PAUSE_S = 0.004
_PATIENT = Timeouts(connect=10, first_byte=60)


class _Upstream(asyncio.Protocol):
    """Answers every read with a whole answer, or with a stream if it asks for one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        if b" /stream " in data:
            self._transport.write(_STREAM_HEAD)
            self._next_chunk(_CHUNKS)
        else:
            self._transport.write(_WHOLE)

    def _next_chunk(self, left: int) -> None:
        self._transport.write(_CHUNK if left else b"0\r\n\r\n")
        if left:
            self._loop.call_later(_PAUSE_S, self._next_chunk, left - 1)


def _serve(port_to: Connection, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0)
        port_to.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


class _Bare(asyncio.Protocol):
    """The least a caller can do: write, count, wake."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._left = 0

    def ask(self, request: bytes, length: int) -> asyncio.Future[None]:
        self._transport.write(request)
        self._left = length
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if not self._left:
            self._done.set_result(None)


Call = Callable[[], Awaitable[None]]


async def _bare_call(port: int, path: str, length: int) -> Call:
    loop = asyncio.get_running_loop()
    request = b"POST %b HTTP/1.1\r\nhost: upstream\r\ncontent-length: 0\r\n\r\n" % path.encode()
    kept: list[_Bare] = []

    async def call() -> None:
        if kept:
            connection = kept.pop()
        else:
            _, connection = await loop.create_connection(_Bare, "127.0.0.1", port)
        await connection.ask(request, length)
        kept.append(connection)

    return call


def _whole_call(transport: Transport, port: int) -> Call:
    request = _request(port, "/whole")

    async def call() -> None:
        response = await transport.send(request, _PATIENT)
        await response.read(1 << 20)
        response.close()

    return call


def _stream_call(transport: Transport, port: int) -> Call:
    request = _request(port, "/stream")

    async def call() -> None:
        response = await transport.send(request, _PATIENT)
        async for _ in response.chunks():
            pass
        response.close()

    return call


def _request(port: int, path: str) -> HttpRequest:
    headers = {"authorization": "Bearer " + "k" * 40, "content-type": "application/json"}
    return HttpRequest("POST", f"http://127.0.0.1:{port}{path}", headers, b"x" * 500)


async def _cpu_us(call: Call, in_flight: int, calls: int) -> float:
    """CPU time of this process for each call, in microseconds."""

    async def work(count: int) -> None:
        for _ in range(count):
            await call()

    await asyncio.gather(*(work(2) for _ in range(in_flight)))
    gc.collect()
    began = time.process_time()
    await asyncio.gather(*(work(calls // in_flight) for _ in range(in_flight)))
    return (time.process_time() - began) / (calls // in_flight * in_flight) * 1e6


async def _measure(port: int, calls: int, streams: int) -> None:
    own = Http1Transport(max_connections_per_host=1000)
    aiohttp = AiohttpTransport(max_connections_per_host=1000)
    stream_bytes = len(_STREAM_HEAD) + _CHUNKS * len(_CHUNK) + len(b"0\r\n\r\n")
    rows = {
        "bare": (
            await _bare_call(port, "/whole", len(_WHOLE)),
            await _bare_call(port, "/stream", stream_bytes),
        ),
        "http1": (_whole_call(own, port), _stream_call(own, port)),
        "aiohttp": (_whole_call(aiohttp, port), _stream_call(aiohttp, port)),
    }
    print("| CPU time, µs | a call, 1 in flight | a call, 64 in flight | a streamed chunk, 50 streams |")
    print("| --- | --- | --- | --- |")
    for name, (whole, stream) in rows.items():
        alone = await _cpu_us(whole, 1, calls // 4)
        together = await _cpu_us(whole, 64, calls)
        chunk = await _cpu_us(stream, 50, streams) / _CHUNKS
        print(f"| {name} | {alone:.1f} | {together:.1f} | {chunk:.1f} |", flush=True)
    await own.close()
    await aiohttp.close()


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=30_000)
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--upstream-core", type=int, help="the core the upstream is pinned to")
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    upstream = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, options.upstream_core), daemon=True
    )
    upstream.start()
    try:
        uvloop.run(_measure(ours.recv(), options.calls, options.streams))
    finally:
        upstream.terminate()


if __name__ == "__main__":
    main()
