"""Who keeps the sealing keys: they lie in the database, wrapped by something that does not."""

from collections.abc import Sequence
from typing import Protocol

from officium.kit.errors import OfficiumError
from officium.kit.sealing.envelope import Place, SealBroken, seal, unseal
from officium.kit.secrets import ServerSecret


class SecretChanged(OfficiumError):
    """The sealing keys were wrapped by another secret than the server's present one."""

    code = "secret_changed"


class KeyWrapper(Protocol):
    """Wraps sealing keys, and unwraps those it wrapped: the server's secret, or a key management service."""

    @property
    def id(self) -> str:
        """What it is called, at most 64 characters; stands beside every key it wrapped."""
        ...

    async def wrap(self, key_id: str, key: bytes) -> str:
        """The key of 32 bytes as text that may lie in the database."""
        ...

    async def unwrap(self, key_id: str, wrapped: str) -> bytes:
        """The key. Raises SecretChanged."""
        ...


class SecretWrapper:
    """Wraps with a key derived from the server's secret, so all who share the secret share the keys."""

    def __init__(self, secret: ServerSecret) -> None:
        self.id = "secret:" + secret.derive("officium.sealing.wrapper-id.v1")[:8].hex()
        self._key = secret.derive("officium.sealing.wrapper.v1")

    async def wrap(self, key_id: str, key: bytes) -> str:
        return seal(self._key, "wrapper", _place(key_id), key.hex())

    async def unwrap(self, key_id: str, wrapped: str) -> bytes:
        try:
            return bytes.fromhex(unseal(self._key, _place(key_id), wrapped))
        except SealBroken as error:
            raise SecretChanged(
                f"The sealing key {key_id} does not open with the server's secret: the database's copy was "
                "changed. Restore the database and the secret from the same backup."
            ) from error


def choose_wrapper(wrappers: Sequence[KeyWrapper], wrapped_by: str) -> KeyWrapper:
    """The one that wrapped a key. Raises SecretChanged."""
    for wrapper in wrappers:
        if wrapper.id == wrapped_by:
            return wrapper
    raise SecretChanged(
        "The keys in this database were sealed under another secret. Set OFFICIUM_SECRET_KEY to the one it "
        "was made with; or, to change the secret, put that one into OFFICIUM_SECRET_KEY_PREVIOUS and run "
        "`officium keys rotate`."
    )


def _place(key_id: str) -> Place:
    return Place("*", "sealing_keys", key_id, "wrapped")
