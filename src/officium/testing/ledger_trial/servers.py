"""Real servers, in processes of their own, to be killed without warning."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from officium.core.llm.errors import LLMError
from officium.core.llm.http import HttpRequest, Timeouts, Transport
from officium.kit.errors import OfficiumError

_TIMEOUTS = Timeouts(connect=1.0, first_byte=2.0, total=3.0)
_START_WAIT_S = 60.0
_STOP_WAIT_S = 30.0
_KEPT = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH")


class ServerNotStarted(OfficiumError):
    """A server of the trial did not get ready; the message ends with its last words."""

    code = "server_not_started"


class Server:
    """`officium serve` on a free port, which it keeps from one life to the next."""

    def __init__(self, folder: Path, environment: Mapping[str, str], transport: Transport) -> None:
        self._folder = folder
        self._environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._environment.update(environment)
        self._transport = transport
        self._port = _free_port()
        self._log = folder / f"server-{self._port}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises ServerNotStarted."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "officium.cli", "serve", "--port", str(self._port),
                cwd=self._folder, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = asyncio.get_running_loop().time() + _START_WAIT_S
        while not await self._is_ready():
            if self._process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                raise ServerNotStarted(f"A server did not start: {self._last_words()}")
            await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """End it as a power failure would: it gets no chance to write anything."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> None:
        """End it in order."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_WAIT_S)
        except TimeoutError:
            await self.kill()

    async def _is_ready(self) -> bool:
        try:
            response = await self._transport.send(HttpRequest("GET", f"{self.url}/health/ready"), _TIMEOUTS)
        except LLMError:
            return False
        response.close()
        return response.status == 200

    def _last_words(self) -> str:
        return self._log.read_text("utf-8", "replace")[-500:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
