"""Webhooks over the transport that also carries requests to providers."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from officium.core.llm.errors import LLMError
from officium.core.llm.http import HttpRequest, Timeouts, Transport
from officium.core.usage.alerts.errors import DeliveryFailed

_TIMEOUTS = Timeouts(connect=5.0, first_byte=10.0, idle=10.0, total=15.0)


class Guard(Protocol):
    """Knows where URLs of tenants must not lead."""

    def check_url(self, url: str) -> None: ...


class GuardedWebhooks:
    """Sends to the open internet only. What is answered is not read, but for the status."""

    def __init__(self, transport: Transport, guard: Guard) -> None:
        self._transport = transport
        self._guard = guard

    def check_url(self, url: str) -> None:
        """Raise AddressRefused if this URL will never be sent to. Looks nothing up."""
        self._guard.check_url(url)

    async def send_webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """POST, in at most 15 seconds, and give the answer's status. Raises DeliveryFailed without one."""
        request = HttpRequest("POST", url, headers, body, is_guarded=True)
        try:
            async with asyncio.timeout(_TIMEOUTS.total):
                response = await self._transport.send(request, _TIMEOUTS)
        except TimeoutError as error:
            raise DeliveryFailed("The webhook did not answer in time.") from error
        except LLMError as error:
            raise DeliveryFailed(f"The webhook could not be reached. {error.message}") from error
        response.close()
        return response.status
