"""A server of its own process whose answers take a while: started by `test_server.py`."""

import asyncio
import sys

from officium.core.llm.completion import Delta
from officium.kit.logs import configure_logs
from officium.web.server import ServerOptions, run
from tests.support.web import FakeGateway, FakeStream, an_app, words


class _Slow(FakeStream):
    async def aclose(self) -> None:
        await super().aclose()
        print("closed", flush=True)


class _SlowGateway(FakeGateway):
    async def open_stream(self, *args: object) -> FakeStream:
        never, soon = asyncio.Event(), asyncio.Event()
        asyncio.get_running_loop().call_later(0.3, soon.set)
        wait = never if "--endless" in sys.argv else soon
        return _Slow([[Delta(text="Hel")], wait, *words("lo")], self.deployment)


if __name__ == "__main__":
    configure_logs("INFO")
    limit_s = 0.3 if "--endless" in sys.argv else 10.0
    run(an_app(_SlowGateway()), ServerOptions(port=int(sys.argv[1]), drain_timeout_s=limit_s))
