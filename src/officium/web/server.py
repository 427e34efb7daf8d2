"""Serving the app: uvicorn with our limits, and an end that loses nothing."""

import asyncio
import gc
import signal
import socket
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

import structlog
import uvicorn

from officium.web.exchange import Receive, Scope, Send
from officium.web.guard import ConnectionLimits, GuardedConfig, GuardedProtocol

_COLLECT_AFTER = 5_000
"""New objects between two collections; Python's default of 700 is made for scripts."""
_CLEANUP_S = 5.0
"""How long cancelled requests may take to account for what they used."""
_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Where and how to serve.

    On SIGTERM the readiness answer turns to 503; after `drain_delay_s` (time for a load balancer to notice)
    no connection is accepted any more, what runs has `drain_timeout_s` to finish, and the rest is cancelled
    and accounted for. `trusted_proxies` are the addresses whose `x-forwarded-for` is believed.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    backlog: int = 2048
    keep_alive_s: int = 75
    drain_delay_s: float = 0.0
    drain_timeout_s: float = 30.0
    concurrency_limit: int | None = None
    trusted_proxies: tuple[str, ...] = ()
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)


class DrainableApp(Protocol):
    """An ASGI app that can be told to answer that it wants no more requests."""

    is_draining: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


def run(app: DrainableApp, options: ServerOptions) -> None:
    """Serve until SIGTERM or SIGINT, and return when the last request is done.

    Raises SystemExit where the address cannot be had or the app does not start.
    """
    make_server(app, options).run()


def make_server(app: DrainableApp, options: ServerOptions) -> "DrainingServer":
    """The server, not yet running."""
    config = GuardedConfig(
        app,
        limits=options.limits,
        host=options.host,
        port=options.port,
        backlog=options.backlog,
        http=GuardedProtocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        log_level="error",  # its warnings are about requests that anybody can send
        access_log=False,
        server_header=False,
        proxy_headers=bool(options.trusted_proxies),
        forwarded_allow_ips=list(options.trusted_proxies),
        limit_concurrency=options.concurrency_limit,
        timeout_keep_alive=options.keep_alive_s,
    )
    return DrainingServer(config, app, options)


class DrainingServer(uvicorn.Server):
    """uvicorn's server with an end of our own; signals end it with exit code 0."""

    def __init__(self, config: GuardedConfig, app: DrainableApp, options: ServerOptions) -> None:
        super().__init__(config)
        self._app = app
        self._options = options

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; a second Ctrl+C ends at once."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
        self._app.is_draining = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _spare_garbage_collector()
            names = [sock.getsockname() for listener in self.servers for sock in listener.sockets]
            _log.info("server.started", addresses=[_address(name[0], name[1]) for name in names])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain: see `ServerOptions`."""
        self._app.is_draining = True
        await self._wait(self._options.drain_delay_s, until_idle=False)
        for listener in self.servers:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        _log.info("server.draining", requests=len(self.server_state.tasks))
        await self._wait(self._options.drain_timeout_s)
        await self._cancel_rest()
        await self.lifespan.shutdown()
        gc.unfreeze()
        _log.info("server.stopped")

    async def _wait(self, timeout_s: float, until_idle: bool = True) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while not self.force_exit and loop.time() < end:
            if until_idle and not self.server_state.tasks and not self.server_state.connections:
                return
            await asyncio.sleep(0.05)

    async def _cancel_rest(self) -> None:
        tasks = set(self.server_state.tasks)
        if tasks:
            _log.warning("server.requests_cancelled", requests=len(tasks))
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_CLEANUP_S)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


def _spare_garbage_collector() -> None:
    """What lives since the start lives to the end: do not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
