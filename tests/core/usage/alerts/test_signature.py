"""The signature of a webhook, checked as its receiver would."""

import hashlib
import hmac
import re

from officium.core.usage.alerts.signature import WebhookSecrets
from officium.kit.secrets import ServerSecret

OLD = ServerSecret(b"a secret of at least thirty-two characters")
NEW = ServerSecret(b"another secret of at least thirty-two")


def marks_of(header: str) -> list[str]:
    assert re.fullmatch(r"t=\d+(,v1=[0-9a-f]{64})+", header)
    return re.findall("v1=([0-9a-f]+)", header)


def mark_with(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def test_receiver_can_check_time_and_body() -> None:
    secrets = WebhookSecrets(OLD)

    header = secrets.sign("dest_1", 1_795_000_000, b'{"id": 1}')

    expected = mark_with(secrets.secret_of("dest_1"), b'1795000000.{"id": 1}')
    assert header == f"t=1795000000,v1={expected}"


def test_secret_is_its_destinations_alone_and_stays_the_same() -> None:
    secrets, again, elsewhere = WebhookSecrets(OLD), WebhookSecrets(OLD), WebhookSecrets(NEW)

    assert secrets.secret_of("dest_1") == again.secret_of("dest_1")
    assert len({secrets.secret_of("dest_1"), secrets.secret_of("dest_2"), elsewhere.secret_of("dest_1")}) == 3


def test_other_time_or_body_has_another_signature() -> None:
    secrets = WebhookSecrets(OLD)

    headers = [secrets.sign("dest_1", *signed) for signed in ((1, b"b"), (2, b"b"), (1, b"c"))]

    assert len({marks_of(header)[0] for header in headers}) == 3


def test_while_the_servers_secret_changes_receivers_with_either_are_content() -> None:
    before, changing = WebhookSecrets(OLD), WebhookSecrets(NEW, OLD)

    marks = marks_of(changing.sign("dest_1", 7, b"body"))

    secrets = (WebhookSecrets(NEW).secret_of("dest_1"), before.secret_of("dest_1"))
    assert marks == [mark_with(secret, b"7.body") for secret in secrets]
    assert changing.secret_of("dest_1") == secrets[0]
