"""A destination: where a tenant wants to be told that a budget runs out."""

import re
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from officium.core.usage.alerts.errors import InvalidDestination

Kind = Literal["webhook", "email"]

MOST_DESTINATIONS = 20
"""As many may a tenant have."""
LONGEST_URL = 2048
LONGEST_ADDRESS = 254
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,64}}@(?:{_LABEL}\.)+[A-Za-z]{{2,63}}")
_URL = re.compile(r"[!-~]+")


class Destination(Struct, frozen=True, kw_only=True):
    """A webhook's URL or an e-mail address. What became of the last letters to it stands beside."""

    id: str
    tenant_id: str
    kind: Kind
    target: str
    created_at: datetime
    created_by: str
    last_delivered_at: datetime | None = None
    last_failed_at: datetime | None = None
    last_failure: str | None = None


class NewDestination(Struct, frozen=True):
    """A destination just made. A webhook's comes with the secret its letters are signed with, in clear."""

    destination: Destination
    secret: str | None = None

    def __repr__(self) -> str:
        return f"NewDestination({self.destination.id})"


def check_destination(kind: str, target: str, *, is_mail_possible: bool) -> None:
    """Raise InvalidDestination unless this is a URL or an address.

    Where a URL may lead is another question, which is asked again at each sending.
    """
    match kind:
        case "webhook":
            _check_url(target)
        case "email":
            _check_address(target, is_mail_possible)
        case _:
            raise InvalidDestination("A destination is a `webhook` or an `email`.", param="kind")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_ours = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_ours = False
    if not is_ours or len(url) > LONGEST_URL or not _URL.fullmatch(url):
        raise InvalidDestination(
            f"A webhook is a full URL like https://example.com/alerts, of at most {LONGEST_URL} characters.",
            param="target",
        )


def _check_address(address: str, is_mail_possible: bool) -> None:
    if not is_mail_possible:
        raise InvalidDestination(
            "This server sends no mail. Ask its operator to set OFFICIUM_SMTP_URL, or use a webhook.",
            param="kind",
        )
    if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address) or ".." in address:
        raise InvalidDestination(
            "An e-mail address looks like someone@example.com, without a name or spaces.", param="target"
        )
