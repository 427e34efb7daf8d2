"""The signature of a webhook, checked as its receiver would."""

import hashlib
import hmac
import re

from officium.core.usage.alerts.signature import WebhookSecrets, sign
from officium.kit.secrets import ServerSecret

SECRETS = WebhookSecrets(ServerSecret(b"a secret of at least thirty-two characters"))


def test_receiver_can_check_time_and_body() -> None:
    secret = SECRETS.secret_of("dest_1")

    header = sign(secret, 1_795_000_000, b'{"id": 1}')

    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", header)
    assert found is not None
    expected = hmac.new(secret.encode(), b'1795000000.{"id": 1}', hashlib.sha256).hexdigest()
    assert found.groups() == ("1795000000", expected)


def test_secret_is_its_destinations_alone_and_stays_the_same() -> None:
    again = WebhookSecrets(ServerSecret(b"a secret of at least thirty-two characters"))
    elsewhere = WebhookSecrets(ServerSecret(b"another secret of at least thirty-two"))

    assert SECRETS.secret_of("dest_1") == again.secret_of("dest_1")
    assert len({SECRETS.secret_of("dest_1"), SECRETS.secret_of("dest_2"), elsewhere.secret_of("dest_1")}) == 3


def test_other_time_or_body_has_another_signature() -> None:
    assert len({sign("a", 1, b"b"), sign("a", 2, b"b"), sign("a", 1, b"c"), sign("b", 1, b"b")}) == 4
