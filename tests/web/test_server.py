"""The server on a real socket: clients that misbehave, and the end."""

import asyncio
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from officium.core.llm.completion import Delta
from officium.web.exchange import BodyLimits
from officium.web.guard import ConnectionLimits
from officium.web.server import DrainingServer, ServerOptions, make_server
from tests.support.web import KEY, FakeGateway, an_app

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + KEY.encode() + b"\r\n"
QUESTION = {"model": "acme/acme-1", "messages": [{"role": "user", "content": "Hi"}]}
QUICK = ConnectionLimits(head_timeout_s=0.1, body_timeout_s=0.1, write_timeout_s=0.1)


def request(**fields: object) -> bytes:
    body = msgspec.json.encode({**QUESTION, **fields})
    return HEAD + b"content-length: %d\r\n\r\n" % len(body) + body


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something has come about, a few seconds at most."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Connection:
    """A client that sends whatever it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**24))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def status(self) -> int:
        """The status of the next answer; 0 if the server hung up without one."""
        line = await self.reader.readline()
        return int(line.split()[1]) if line else 0

    async def answer(self) -> tuple[int, bytes]:
        """The next answer's status and body."""
        status = await self.status()
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        return status, await self.reader.readexactly(int(length[1]) if length else 0)

    async def has_ended(self) -> bool:
        """Wait until the server hangs up."""
        with suppress(ConnectionResetError):
            await self.reader.read()
        return True


class Running:
    """A server in this process."""

    def __init__(self, server: DrainingServer, gateway: FakeGateway) -> None:
        self.server = server
        self.gateway = gateway
        self.port: int = server.servers[0].sockets[0].getsockname()[1]

    async def connect(self) -> Connection:
        return await Connection.open(self.port)


@asynccontextmanager
async def running(
    limits: ConnectionLimits | None = None,
    body_limits: BodyLimits | None = None,
    gateway: FakeGateway | None = None,
) -> AsyncIterator[Running]:
    gateway = gateway or FakeGateway()
    app = an_app(gateway, body_limits=body_limits or BodyLimits())
    options = ServerOptions(port=0, drain_timeout_s=1, limits=limits or ConnectionLimits())
    server = make_server(app, options)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield Running(server, gateway)
    finally:
        server.should_exit = True
        await task


async def test_one_connection_serves_request_after_request() -> None:
    async with running() as server:
        client = await server.connect()

        client.send(request())
        first = await client.answer()
        client.send(request() + request())
        others = [await client.answer(), await client.answer()]

    assert {status for status, _ in (first, *others)} == {200}
    assert b"Hello" in first[1]


async def test_connection_that_says_nothing_is_dropped() -> None:
    async with running(QUICK) as server:
        client = await server.connect()

        assert await client.status() == 0


async def test_slow_header_is_refused() -> None:
    async with running(QUICK) as server:
        client = await server.connect()
        client.send(HEAD)

        assert await client.status() == 408
        assert await client.has_ended()


async def test_dripping_header_has_no_more_time_than_a_slow_one() -> None:
    async with running(QUICK) as server:
        client = await server.connect()
        client.send(HEAD)
        answered = asyncio.create_task(client.status())
        for _ in range(100):
            client.send(b"a: b\r\n")
            await asyncio.sleep(0.01)
            if answered.done():
                break

        assert await answered == 408


async def test_slow_header_of_a_second_request_is_refused() -> None:
    async with running(QUICK) as server:
        client = await server.connect()
        client.send(request())
        await client.answer()
        client.send(b"\r\nPOST /v1")

        assert await client.status() == 408


async def test_line_breaks_do_not_keep_an_idle_connection() -> None:
    async with running(QUICK) as server:
        client = await server.connect()
        client.send(request())
        await client.answer()
        client.send(b"\r\n")

        assert await client.status() == 0


async def test_slow_body_is_refused() -> None:
    async with running(body_limits=BodyLimits(timeout_s=0.05)) as server:
        client = await server.connect()
        client.send(HEAD + b"content-length: 10\r\n\r\n{")

        status, body = await client.answer()

    assert status == 408
    assert b"request_timeout" in body


async def test_body_nobody_reads_cannot_hold_a_connection() -> None:
    async with running(QUICK) as server:
        client = await server.connect()
        client.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")

        assert (await client.answer())[0] == 401
        assert await client.has_ended()


async def test_large_body_is_refused_after_it_was_sent() -> None:
    async with running(body_limits=BodyLimits(size_bytes=1000)) as server:
        client = await server.connect()
        client.send(HEAD + b"content-length: 2000000\r\n\r\n" + b"x" * 2_000_000)

        assert (await client.answer())[0] == 413


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"x: " + b"y" * 9_000 + b"\r\n\r\n",
        HEAD + b"x: " + b"y" * 9_000,
        b"GET /" + b"y" * 9_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        HEAD + b"x: y\r\n" * 130 + b"content-length: 0\r\n\r\n",
    ],
    ids=["large header", "large header without end", "large path", "too many headers"],
)
async def test_large_heads_are_refused(head: bytes) -> None:
    async with running(ConnectionLimits(head_bytes=8_000)) as server:
        client = await server.connect()
        client.send(head)

        assert await client.status() == 431
        assert await client.has_ended()


async def test_large_body_in_one_piece_with_its_head_is_no_large_head() -> None:
    async with running() as server:
        client = await server.connect()
        client.send(request(messages=[{"role": "user", "content": "x" * 100_000}]))

        assert (await client.answer())[0] == 200


async def test_garbage_is_refused_in_json() -> None:
    async with running() as server:
        client = await server.connect()
        client.send(b"\x16\x03\x01 hello\r\n\r\n")

        status, body = await client.answer()

    assert status == 400
    assert msgspec.json.decode(body)["error"]["code"] == "invalid_request"


async def test_hangup_stops_the_work() -> None:
    gateway = FakeGateway(wait=asyncio.Event())
    async with running(gateway=gateway) as server:
        client = await server.connect()
        client.send(request())
        await gateway.has_been_asked.wait()

        client.writer.close()
        await until(lambda: gateway.given_up > 0)

    assert gateway.given_up == 1


async def test_reader_who_stops_reading_is_dropped() -> None:
    flood = [[Delta(text="x" * 100_000)]] * 200
    gateway = FakeGateway(script=flood)
    async with running(QUICK, gateway=gateway) as server:
        sock = socket.create_connection(("127.0.0.1", server.port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.get_running_loop().run_in_executor(None, sock.sendall, request(stream=True))
        await until(lambda: bool(gateway.streams) and gateway.streams[0].closed > 0)
        sock.close()

    assert gateway.streams[0].closed == 1


async def test_small_pieces_are_sent_at_once() -> None:
    async with running() as server:
        client = await server.connect()
        client.send(request())
        await client.answer()

        connection = next(iter(server.server.server_state.connections))
        sock = connection.transport.get_extra_info("socket")

        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@asynccontextmanager
async def own_process(*arguments: str) -> AsyncIterator[tuple[Process, Connection]]:
    """`slow_app.py` in a process of its own, and a client that got the first word of a stream from it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.web.slow_app", str(port), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=root, stdout=PIPE, stderr=PIPE, env={**os.environ, "PYTHONPATH": str(root)}
    )
    try:
        client = await _connect_when_up(port)
        client.send(request(stream=True))
        await client.reader.readuntil(b"Hel")
        yield process, client
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _connect_when_up(port: int) -> Connection:
    for _ in range(500):
        try:
            return await Connection.open(port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
    raise AssertionError("the server did not start")


async def test_terminated_server_finishes_its_streams_and_leaves_with_0() -> None:
    async with own_process() as (process, client):
        process.send_signal(signal.SIGTERM)
        rest = await client.reader.read()
        output, log = await process.communicate()

    assert b'"content":"lo"' in rest
    assert b"data: [DONE]" in rest
    assert (process.returncode, output) == (0, b"closed\n")
    assert b"server.stopped" in log
    assert b"Traceback" not in log


async def test_streams_that_outlast_the_drain_are_cancelled_and_accounted_for() -> None:
    async with own_process("--endless") as (process, client):
        process.send_signal(signal.SIGTERM)
        rest = await client.reader.read()
        output, log = await process.communicate()

    assert b"service_unavailable" in rest
    assert (process.returncode, output) == (0, b"closed\n")
    assert b"server.stopped" in log
    assert b"Traceback" not in log
