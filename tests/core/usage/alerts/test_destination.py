"""Which targets are taken, and which are refused before anything is sent."""

import pytest

from officium.core.usage.alerts.destination import check_destination
from officium.core.usage.alerts.errors import InvalidDestination


def check(kind: str, target: str, *, mail: bool = True) -> None:
    check_destination(kind, target, is_mail_possible=mail)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("webhook", "https://hooks.example.com/services/T0/B0?x=1&y=%20"),
        ("webhook", "https://example.com:8443/a"),
        ("webhook", "https://[2606:4700::1]/a"),
        ("email", "ada@example.com"),
        ("email", "ada.lovelace+alerts@mail.example.co.uk"),
    ],
)
def test_usable_target_is_taken(kind: str, target: str) -> None:
    check(kind, target)


@pytest.mark.parametrize(
    ("kind", "target", "param"),
    [
        pytest.param("webhook", "ftp://example.com/a", "target", id="other-scheme"),
        pytest.param("webhook", "//example.com/a", "target", id="no-scheme"),
        pytest.param("webhook", "https:///a", "target", id="no-host"),
        pytest.param("webhook", "https://example.com:99999/", "target", id="no-such-port"),
        pytest.param("webhook", "https://[::1/", "target", id="broken-address"),
        pytest.param("webhook", "https://example.com/a b", "target", id="space"),
        pytest.param("webhook", "https://example.com/\r\nX-A: b", "target", id="line-break"),
        pytest.param("webhook", "https://example.com/\x00", "target", id="null"),
        pytest.param("webhook", "https://example.com/" + "a" * 2048, "target", id="too-long"),
        pytest.param("email", "ada", "target", id="no-at"),
        pytest.param("email", "ada@localhost", "target", id="no-domain"),
        pytest.param("email", "ada@example.com, eve@example.com", "target", id="two-addresses"),
        pytest.param("email", "Ada <ada@example.com>", "target", id="with-a-name"),
        pytest.param("email", "ada@example.com\r\nBcc: eve@example.com", "target", id="header"),
        pytest.param("email", "ada@-example.com", "target", id="broken-domain"),
        pytest.param("email", "ada@" + "a." * 130 + "com", "target", id="too-long-address"),
        pytest.param("pager", "123", "kind", id="unknown-kind"),
    ],
)
def test_other_target_is_refused_by_the_name_of_its_field(kind: str, target: str, param: str) -> None:
    with pytest.raises(InvalidDestination) as raised:
        check(kind, target)

    assert raised.value.fields["param"] == param


def test_no_address_is_taken_where_there_is_no_mail_server() -> None:
    with pytest.raises(InvalidDestination, match="OFFICIUM_SMTP_URL"):
        check("email", "ada@example.com", mail=False)
