"""Which transport carries what: the scripted provider has a scheme of its own."""

from collections.abc import Mapping

from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts, Transport


class SchemeTransport:
    """Hands each request to the transport for its URL's scheme, or to the default one.

    A guarded request always goes the default way: a tenant's address opens no other.
    """

    def __init__(self, default: Transport, by_scheme: Mapping[str, Transport]) -> None:
        self._default = default
        self._by_scheme = dict(by_scheme)

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        """Send through the transport in charge."""
        carrier = self._by_scheme.get(request.url.partition(":")[0])
        if carrier is None or request.is_guarded:
            carrier = self._default
        return await carrier.send(request, timeouts)

    async def close(self) -> None:
        """Close all of them."""
        for transport in (self._default, *self._by_scheme.values()):
            await transport.close()
