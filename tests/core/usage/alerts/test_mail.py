"""Letters through a real mail server of this machine."""

import ssl
from datetime import UTC, datetime

import pytest
import trustme
from aiosmtpd.smtp import AuthResult

from officium.core.usage.alerts.errors import DeliveryFailed, InvalidSmtpUrl
from officium.core.usage.alerts.letter import Letter
from officium.core.usage.alerts.mail import SmtpMailer, SmtpServer, read_smtp_url
from tests.support.mail import Mailbox, mail_server

LETTER = Letter(
    id="alr_1",
    type="budget.threshold_reached",
    created_at=datetime(2026, 11, 21, 8, tzinfo=UTC),
    title="Büro: the budget is used up",
    text="Used: 5,000 tokens\nWünsche?",
)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


async def test_mail_arrives_with_all_it_needs(mailbox: Mailbox) -> None:
    async with mail_server(mailbox) as port:
        mailer = SmtpMailer(SmtpServer("127.0.0.1", port, False), "Officium <alerts@example.com>")
        await mailer.send_mail("ada@example.com", LETTER, "alr_1.dest_1")

    (envelope,), (mail,) = mailbox.envelopes, mailbox.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("alerts@example.com", ["ada@example.com"])
    assert {name: mail[name] for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted")} == {
        "From": "Officium <alerts@example.com>",
        "To": "ada@example.com",
        "Subject": "Büro: the budget is used up",
        "Message-ID": "<alr_1.dest_1@example.com>",
        "Auto-Submitted": "auto-generated",
    }
    assert mail["Date"].datetime == LETTER.created_at
    assert mail.get_content().splitlines() == LETTER.text.splitlines()


async def test_refusal_is_told_without_the_servers_words(mailbox: Mailbox) -> None:
    mailbox.refusal = "550 no such user as ada@example.com"
    async with mail_server(mailbox) as port:
        mailer = SmtpMailer(SmtpServer("127.0.0.1", port, False), "alerts@example.com")
        with pytest.raises(DeliveryFailed, match=r"did not take the mail \(code 550\)"):
            await mailer.send_mail("ada@example.com", LETTER, "id")


async def test_server_that_is_not_there_is_a_failure() -> None:
    async with mail_server(Mailbox()) as port:
        pass
    mailer = SmtpMailer(SmtpServer("127.0.0.1", port, False), "alerts@example.com")

    with pytest.raises(DeliveryFailed):
        await mailer.send_mail("ada@example.com", LETTER, "id")


async def test_password_is_never_sent_without_tls(mailbox: Mailbox) -> None:
    heard: list[object] = []

    def authenticate(*said: object) -> AuthResult:
        heard.append(said)
        return AuthResult(success=True)

    async with mail_server(mailbox, authenticator=authenticate, auth_require_tls=False) as port:
        mailer = SmtpMailer(SmtpServer("127.0.0.1", port, False, "ada", "secret"), "alerts@example.com")
        with pytest.raises(DeliveryFailed):
            await mailer.send_mail("ada@example.com", LETTER, "id")

    assert (heard, mailbox.envelopes) == ([], [])


async def test_password_is_sent_to_no_server_that_cannot_prove_its_name(mailbox: Mailbox) -> None:
    heard: list[object] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async with mail_server(
        mailbox, tls_context=context, authenticator=lambda *said: heard.append(said)
    ) as port:
        mailer = SmtpMailer(SmtpServer("127.0.0.1", port, False, "ada", "secret"), "alerts@example.com")
        with pytest.raises(DeliveryFailed):
            await mailer.send_mail("ada@example.com", LETTER, "id")

    assert heard == []


async def test_without_a_password_any_certificate_is_better_than_none(mailbox: Mailbox) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async with mail_server(mailbox, tls_context=context, require_starttls=True) as port:
        mailer = SmtpMailer(SmtpServer("127.0.0.1", port, False), "alerts@example.com")
        await mailer.send_mail("ada@example.com", LETTER, "id")

    assert len(mailbox.envelopes) == 1


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", SmtpServer("mail.example.com", 587, False)),
        ("smtp://mail.example.com:25", SmtpServer("mail.example.com", 25, False)),
        ("smtps://mail.example.com", SmtpServer("mail.example.com", 465, True)),
        (
            "smtp://ada%40example.com:p%3Aw%2F@mail.example.com:2525",
            SmtpServer("mail.example.com", 2525, False, "ada@example.com", "p:w/"),
        ),
    ],
)
def test_address_of_a_mail_server_is_read(url: str, server: SmtpServer) -> None:
    assert read_smtp_url(url) == server


@pytest.mark.parametrize(
    "url",
    ["mail.example.com", "https://mail.example.com", "smtp://", "smtp://ada@mail.example.com", "smtp://a:b"],
)
def test_other_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidSmtpUrl, match="OFFICIUM_SMTP_URL"):
        read_smtp_url(url)


def test_sender_must_be_an_address() -> None:
    with pytest.raises(InvalidSmtpUrl, match="OFFICIUM_SMTP_FROM"):
        SmtpMailer(SmtpServer("127.0.0.1", 25, False), "Officium")


def test_server_never_shows_its_password() -> None:
    assert "secret" not in repr(SmtpServer("mail.example.com", 25, False, "ada", "secret"))
