"""Hold many idle streams open: what each costs in memory, and how punctual the heartbeats are.

    python -m bench.streams [--streams 10000] [--env DIR]

The server's provider begins an answer and then falls silent, so all that keeps a stream alive is our
heartbeat.
Needs two file handles a stream on this machine (`ulimit -n`).
"""

import argparse
import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

import uvloop

ROOT = Path(__file__).resolve().parent.parent
BODY = json.dumps(
    {"model": "mock/stall", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
).encode()
HEARTBEAT_S = 15.0
PATIENCE_S = "3600"


class Stream(asyncio.Protocol):
    """One client: notes when heartbeats come."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.beats: list[float] = []
        self.opened = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.opened = time.monotonic()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if b": " in data or b"ping" in data:
            self.beats.append(time.monotonic())


async def measure(port: int, key: str, pid: int, count: int, seconds: float) -> dict[str, float]:
    """Open the streams, watch them, and say what they cost."""
    loop = asyncio.get_running_loop()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
    )
    before = rss_kib(pid)
    streams: list[Stream] = []
    for start in range(0, count, 100):
        batch = [
            loop.create_connection(lambda: Stream(head.encode() + BODY), "127.0.0.1", port)
            for _ in range(min(100, count - start))
        ]
        streams += [stream for _, stream in await asyncio.gather(*batch)]
        await asyncio.sleep(0.05)
    await asyncio.sleep(seconds)
    late = sorted(
        max(0.0, later - earlier - HEARTBEAT_S)
        for stream in streams
        for earlier, later in zip(stream.beats, stream.beats[1:], strict=False)
    )
    alive = sum(1 for stream in streams if len(stream.beats) > 1 and not stream.transport.is_closing())
    result = {
        "streams": count,
        "alive": alive,
        "kib_per_stream": round((rss_kib(pid) - before) / count, 1),
        "heartbeats": len(late),
        "heartbeat_late_p50_s": round(late[len(late) // 2], 3),
        "heartbeat_late_p99_s": round(late[int(len(late) * 0.99)], 3),
    }
    for stream in streams:
        stream.transport.abort()
    return result


def rss_kib(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def main() -> int:
    """Start a server, measure, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=50.0, help="how long to watch once all are open")
    parser.add_argument("--env", type=Path, default=ROOT / ".venv")
    parser.add_argument("--port", type=int, default=9300)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "OFFICIUM_MAX_CONNECTIONS_PER_DEPLOYMENT": str(2 * options.streams),
            "OFFICIUM_HEARTBEAT_S": str(HEARTBEAT_S),
            "OFFICIUM_FIRST_BYTE_TIMEOUT_S": PATIENCE_S,
            "OFFICIUM_IDLE_TIMEOUT_S": PATIENCE_S,
            "OFFICIUM_TOTAL_TIMEOUT_S": PATIENCE_S,
            "OFFICIUM_DRAIN_TIMEOUT_S": "1",
            "LOG_LEVEL": "WARNING",
        }
        command = [str(options.env / "bin" / "officium"), "serve", "--bootstrap", "--data", folder]
        log = Path(folder) / "log"
        with log.open("wb") as output:
            server = subprocess.Popen([*command, "--port", str(options.port)], stdout=output, env=environment)
        try:
            key = wait_for_key(log, options.port)
            print(
                json.dumps(
                    uvloop.run(measure(options.port, key, server.pid, options.streams, options.seconds))
                )
            )
        finally:
            server.terminate()
            server.wait(30)
    return 0


def wait_for_key(log: Path, port: int) -> str:
    """The first key, once the server answers."""
    for _ in range(200):
        found = re.search(r"^Key: +(ofc_\w+)", log.read_text(), re.MULTILINE)
        if (
            found
            and subprocess.run(
                ["curl", "-sf", f"http://127.0.0.1:{port}/health"], stdout=subprocess.DEVNULL
            ).returncode
            == 0
        ):
            time.sleep(2)
            return found[1]
        time.sleep(0.1)
    raise SystemExit("The server did not start.")


if __name__ == "__main__":
    sys.exit(main())
