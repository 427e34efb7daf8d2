"""The courier: brings one letter to one destination, by webhook or by mail."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import json

from officium.core.usage.alerts.destination import Destination, check_destination
from officium.core.usage.alerts.errors import DeliveryFailed
from officium.core.usage.alerts.letter import Letter
from officium.core.usage.alerts.signature import SIGNATURE_HEADER, WebhookSecrets
from officium.kit.clock import Clock


class Webhooks(Protocol):
    """Sends to URLs that tenants chose, which are not to be trusted: never inside, never to a redirect."""

    def check_url(self, url: str) -> None:
        """Raise an error that says why, if this URL will never be sent to. Looks nothing up."""
        ...

    async def send_webhook(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """POST, in bounded time, and give the answer's status. Raises DeliveryFailed where there is none."""
        ...


class Mailer(Protocol):
    """Hands mail in."""

    async def send_mail(self, address: str, letter: Letter, message_id: str) -> None:
        """Raises DeliveryFailed."""
        ...


class Courier:
    """Knows the ways. Without a `mailer` there is no mail."""

    def __init__(
        self, webhooks: Webhooks, secrets: WebhookSecrets, mailer: Mailer | None, clock: Clock
    ) -> None:
        self._webhooks = webhooks
        self._secrets = secrets
        self._mailer = mailer
        self._clock = clock

    def check(self, kind: str, target: str) -> None:
        """Raise InvalidDestination or AddressRefused, if nothing can be brought there."""
        check_destination(kind, target, is_mail_possible=self._mailer is not None)
        if kind == "webhook":
            self._webhooks.check_url(target)

    def secret_of(self, destination: Destination) -> str | None:
        """What a webhook's receiver checks signatures with."""
        return self._secrets.secret_of(destination.id) if destination.kind == "webhook" else None

    async def bring(self, letter: Letter, destination: Destination) -> None:
        """Deliver; when it returns the far end has the letter. Raises DeliveryFailed."""
        match destination.kind:
            case "webhook":
                await self._bring_to_webhook(letter, destination)
            case "email":
                await self._bring_by_mail(letter, destination)

    async def _bring_to_webhook(self, letter: Letter, destination: Destination) -> None:
        body = _body(letter)
        now = int(self._clock.now().timestamp())
        headers = {
            "content-type": "application/json",
            SIGNATURE_HEADER: self._secrets.sign(destination.id, now, body),
        }
        status = await self._webhooks.send_webhook(destination.target, headers, body)
        if not 200 <= status < 300:
            raise DeliveryFailed(f"The webhook answered with status {status}, not with one from 200 to 299.")

    async def _bring_by_mail(self, letter: Letter, destination: Destination) -> None:
        if self._mailer is None:
            raise DeliveryFailed("This server sends no mail any more: OFFICIUM_SMTP_URL is not set.")
        await self._mailer.send_mail(destination.target, letter, f"{letter.id}.{destination.id}")


def _body(letter: Letter) -> bytes:
    return json.encode(
        {
            "id": letter.id,
            "type": letter.type,
            "created_at": letter.created_at,
            "title": letter.title,
            "text": letter.text,
            **letter.facts,
        }
    )
