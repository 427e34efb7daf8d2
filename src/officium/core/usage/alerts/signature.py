"""Signatures: how the receiver of a webhook knows that a letter is ours."""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from officium.kit.secrets import ServerSecret

SIGNATURE_HEADER = "officium-signature"
_START = "whsec_"


class WebhookSecrets:
    """A secret for each webhook, made from the server's own: nothing of it is stored anywhere.

    It stays the same as long as the server's secret and the destination's id do. While the server's secret
    is being changed, letters are signed with those made from both.
    """

    def __init__(self, secret: ServerSecret, previous: ServerSecret | None = None) -> None:
        secrets = (secret,) if previous is None else (secret, previous)
        self._keys = [secret.derive("officium.webhook-signatures.v1") for secret in secrets]

    def secret_of(self, destination_id: str) -> str:
        """The secret of one destination, such as `whsec_Zm9v…` (256 bits)."""
        return _secret(self._keys[0], destination_id)

    def sign(self, destination_id: str, unix_time: int, body: bytes) -> str:
        """The header's value: `t=<unix time>,v1=<hex HMAC-SHA256 of "<unix time>.<body>">`.

        The HMAC's key is the secret's whole text. The time is signed, too, so that an old letter cannot be
        sent again later by somebody else. There may be several `v1`, of which one must fit.
        """
        signed = b"%d.%s" % (unix_time, body)
        marks = [
            hmac.digest(_secret(key, destination_id).encode(), signed, hashlib.sha256).hex()
            for key in self._keys
        ]
        return ",".join([f"t={unix_time}", *(f"v1={mark}" for mark in marks)])


def _secret(key: bytes, destination_id: str) -> str:
    digest = hmac.digest(key, destination_id.encode(), hashlib.sha256)
    return _START + urlsafe_b64encode(digest).rstrip(b"=").decode()
