"""The capability catalogue of the platform itself, asked over HTTP."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from officium.apps.rules.catalogue import LARGEST_BYTES
from officium.apps.rules.errors import CatalogueFetchFailed
from officium.core.llm.errors import LLMError
from officium.core.llm.http import HttpRequest, Timeouts, Transport
from officium.core.llm.outgoing import parse_url
from officium.core.tenancy import Caller

_TIMEOUTS = Timeouts(connect=5, first_byte=10, idle=10, total=15)
_LARGEST_ANSWER_BYTES = 2 * LARGEST_BYTES
"""Spaces count here; a catalogue of more than `LARGEST_BYTES` is refused when it is read."""


class UpstreamCatalogue:
    """The catalogue that another server tells at `{url}/aggregated`, to each tenant its own.

    `key` is sent as a bearer token where that server wants one. The address is the operator's, who may name a
    host of the private network: what the guard keeps tenants from.
    """

    def __init__(self, url: str, transport: Transport, key: str | None = None) -> None:
        self._url = f"{url.rstrip('/')}/aggregated"
        self._transport = transport
        self._headers = {"accept": "application/json"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"

    async def fetch(self, caller: Caller) -> Mapping[str, Any] | None:
        """The tenant's catalogue; `None` where that server knows none. Raises CatalogueFetchFailed."""
        try:
            async with asyncio.timeout(_TIMEOUTS.total):
                status, body = await self._ask(caller)
        except (LLMError, TimeoutError) as error:
            raise fetch_failed("it cannot be reached") from error
        if status == 404:
            return None
        if status != 200:
            raise fetch_failed(f"it answered {status}")
        try:
            said = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise fetch_failed("its answer is not JSON") from None
        if isinstance(said, dict) and isinstance(said.get("data"), dict):
            said = said["data"]
        if not isinstance(said, dict):
            raise fetch_failed("its answer is no catalogue")
        return said

    async def _ask(self, caller: Caller) -> tuple[int, bytes]:
        parse_url(self._url)
        headers = {**self._headers, "x-tenant-id": caller.tenant_id}
        response = await self._transport.send(HttpRequest("GET", self._url, headers), _TIMEOUTS)
        try:
            return response.status, await response.read(_LARGEST_ANSWER_BYTES)
        finally:
            response.close()


def fetch_failed(why: str) -> CatalogueFetchFailed:
    """The error that says why there is no catalogue."""
    return CatalogueFetchFailed(
        f"Failed to fetch the capability catalogue: the server at NESTJS_SERVER_URL was asked, but {why}. "
        "Check that server, or tell a catalogue of your own at PUT /aggregated."
    )
