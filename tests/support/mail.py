"""A mail server on a free port of this machine, which keeps what it is given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope


class Mailbox:
    """Takes every mail, or answers with `refusal`."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.refusal: str | None = None

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802
        """The server hands a mail over."""
        if self.refusal is not None:
            return self.refusal
        self.envelopes.append(envelope)
        return "250 OK"

    @property
    def mails(self) -> list[EmailMessage]:
        """What has come, read."""
        return [
            message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
            for envelope in self.envelopes
        ]


@asynccontextmanager
async def mail_server(mailbox: Mailbox, **options: Any) -> AsyncIterator[int]:
    """Serve until the block ends; gives the port. `options` are aiosmtpd's."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, loop=loop, **options), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
