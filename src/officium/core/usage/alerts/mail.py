"""Letters as e-mail, handed to the operator's mail server."""

from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib
from msgspec import Struct

from officium.core.usage.alerts.errors import DeliveryFailed, InvalidSmtpUrl
from officium.core.usage.alerts.letter import Letter

TIMEOUT_S = 15.0
_PORTS = {"smtp": 587, "smtps": 465}


class SmtpServer(Struct, frozen=True):
    """Where mail is handed in. It never shows its password."""

    host: str
    port: int
    is_tls: bool
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"SmtpServer({self.host}:{self.port})"


def read_smtp_url(url: str) -> SmtpServer:
    """Read `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465` (TLS from the start).

    Raises InvalidSmtpUrl.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        host = parts.hostname or ""
    except (ValueError, KeyError):
        host = ""
    if not host or (parts.username is None) != (parts.password is None):
        raise InvalidSmtpUrl(
            "OFFICIUM_SMTP_URL is no address of a mail server. Write smtp://user:password@host:587, or "
            "smtps://user:password@host:465; what is not a letter or digit in the password as %XX."
        )
    user = unquote(parts.username) if parts.username is not None else None
    password = unquote(parts.password) if parts.password is not None else None
    return SmtpServer(host, port, parts.scheme == "smtps", user, password)


class SmtpMailer:
    """Sends letters from one address through one server, each over a connection of its own.

    A password is only sent over TLS; without one TLS is used where the server offers it.
    """

    def __init__(self, server: SmtpServer, sender: str) -> None:
        if "@" not in parseaddr(sender)[1]:
            raise InvalidSmtpUrl("Set OFFICIUM_SMTP_FROM to the address alerts come from.")
        self._server = server
        self._sender = sender

    async def send_mail(self, address: str, letter: Letter, message_id: str) -> None:
        """Hand one letter in. Raises DeliveryFailed."""
        server = self._server
        has_password = server.user is not None
        try:
            await aiosmtplib.send(
                self._message(address, letter, message_id),
                sender=parseaddr(self._sender)[1],
                recipients=[address],
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.is_tls,
                start_tls=True if has_password and not server.is_tls else None,
                # Without a password the alternative to a certificate nobody vouches for is no TLS at all.
                validate_certs=server.is_tls or has_password,
                timeout=TIMEOUT_S,
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise DeliveryFailed(f"The mail server did not take the mail ({_reason(error)}).") from error

    def _message(self, address: str, letter: Letter, message_id: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = address
        message["Subject"] = letter.title
        message["Date"] = format_datetime(letter.created_at)
        message["Message-ID"] = f"<{message_id}@{parseaddr(self._sender)[1].partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text + "\n")
        return message


def _reason(error: Exception) -> str:
    """The server's answer code, or the kind of failure: its words may repeat what it was told."""
    code = getattr(error, "code", None)
    return f"code {code}" if code is not None else type(error).__name__
