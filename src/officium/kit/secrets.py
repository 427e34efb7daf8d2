"""The server's own secret, from which every key it needs is derived, and others' secrets in clear."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from officium.kit.errors import OfficiumError

MIN_SECRET_LENGTH = 32


class SecretUnusable(OfficiumError):
    """The server's secret is missing, too short or unreadable."""

    code = "secret_unusable"


class ServerSecret:
    """A secret nobody but this server knows. It never shows itself."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        if len(value) < MIN_SECRET_LENGTH:
            raise SecretUnusable(
                f"The server's secret is shorter than {MIN_SECRET_LENGTH} characters. "
                "Make one with `openssl rand -base64 48` and set OFFICIUM_SECRET_KEY."
            )
        self._value = value

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose; knowing it tells nothing about the others."""
        return hmac.digest(self._value, purpose.encode(), hashlib.sha256)

    def __repr__(self) -> str:
        return "ServerSecret(…)"


class Secret:
    """Somebody's secret in clear, for the moment it is needed. It shows itself to `reveal` alone."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret. Hand it on at once, and keep it nowhere."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")


def secret_file(data_dir: Path) -> Path:
    """Where the secret is kept when the environment has none."""
    return data_dir / "secret.key"


def load_server_secret(value: str | None, data_dir: Path) -> ServerSecret:
    """The secret from the settings, else from `data_dir`, where it is made at the first start.

    The file is readable by its owner alone. Of two processes that make it at the same time both get the
    same one. Raises SecretUnusable.
    """
    if value is not None:
        return ServerSecret(value.encode())
    path = secret_file(data_dir)
    try:
        if not path.exists():
            _make(path)
        return ServerSecret(path.read_bytes().strip())
    except OSError as error:
        raise SecretUnusable(
            f"The server's secret cannot be kept in {path} ({error.strerror}). "
            "Make the folder writable, or set OFFICIUM_SECRET_KEY."
        ) from error


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, fails when another process was first, and never shows half a file.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
