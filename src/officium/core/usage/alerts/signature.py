"""Signatures: how the receiver of a webhook knows that a letter is ours."""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from officium.kit.secrets import ServerSecret

SIGNATURE_HEADER = "officium-signature"
_START = "whsec_"


class WebhookSecrets:
    """A secret for each webhook, made from the server's own: nothing of it is stored anywhere.

    It stays the same as long as the server's secret and the destination's id do.
    """

    def __init__(self, secret: ServerSecret) -> None:
        self._key = secret.derive("officium.webhook-signatures.v1")

    def secret_of(self, destination_id: str) -> str:
        """The secret of one destination, such as `whsec_Zm9v…` (256 bits)."""
        digest = hmac.digest(self._key, destination_id.encode(), hashlib.sha256)
        return _START + urlsafe_b64encode(digest).rstrip(b"=").decode()


def sign(secret: str, unix_time: int, body: bytes) -> str:
    """The header's value: `t=<unix time>,v1=<hex HMAC-SHA256 of "<unix time>.<body>">`.

    The key is the secret's whole text in UTF-8. The time is signed, too, so that an old letter cannot be
    sent again later by somebody else.
    """
    signed = b"%d.%s" % (unix_time, body)
    return f"t={unix_time},v1={hmac.digest(secret.encode(), signed, hashlib.sha256).hex()}"
