"""Requests find the transport in charge of their scheme."""

import contextlib

from officium.core.llm.errors import LLMConnectionError
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts
from officium.core.llm.scheme import SchemeTransport


class NamedTransport:
    """Notes what it was asked for."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.is_closed = False

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        self.urls.append(request.url)
        raise LLMConnectionError("Nobody there.")

    async def close(self) -> None:
        self.is_closed = True


async def test_scheme_decides_on_the_transport() -> None:
    default, scripted = NamedTransport(), NamedTransport()
    transport = SchemeTransport(default, {"mock": scripted})

    for url in ("mock://scripted/v1", "https://a/v1", "http://mock:1/v1"):
        with contextlib.suppress(LLMConnectionError):
            await transport.send(HttpRequest("POST", url), Timeouts())
    await transport.close()

    assert scripted.urls == ["mock://scripted/v1"]
    assert default.urls == ["https://a/v1", "http://mock:1/v1"]
    assert default.is_closed
    assert scripted.is_closed
