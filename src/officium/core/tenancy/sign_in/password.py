"""Passwords: what they must look like, and the only form in which they are kept."""

import asyncio
import secrets

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from officium.core.tenancy.sign_in.errors import InvalidMember

MIN_LENGTH = 12
MAX_LENGTH = 200
_AT_ONCE = 2
"""A check takes 64 MiB and a good part of a second of one core: a flood of them must not starve the rest."""


class PasswordHasher:
    """Argon2id with the parameters RFC 9106 recommends where memory is scarce, in a thread of its own.

    `argon2` replaces them; tests take cheap ones.
    """

    def __init__(self, argon2: Argon2 | None = None) -> None:
        self._argon2 = argon2 or Argon2.from_parameters(RFC_9106_LOW_MEMORY)
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """The form in which a password is kept, with its salt and parameters."""
        async with self._places:
            return await asyncio.to_thread(self._argon2.hash, password)

    async def matches(self, kept: str | None, password: str) -> bool:
        """Whether `password` is the one that is kept.

        `None` stands for nobody's: that takes as long, and is never right.
        """
        if kept is None:
            if self._nobodys is None:
                self._nobodys = await self.hash(secrets.token_urlsafe())
            await self._verify(self._nobodys, password)
            return False
        return await self._verify(kept, password)

    def is_outdated(self, kept: str) -> bool:
        """Whether what is kept was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(kept)

    async def _verify(self, kept: str, password: str) -> bool:
        async with self._places:
            try:
                return await asyncio.to_thread(self._argon2.verify, kept, password)
            except (VerificationError, InvalidHashError):
                return False


def check_password(password: str, login: str) -> None:
    """Raise InvalidMember unless this may be the password of whoever signs in as `login`."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidMember(f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.", param="password")
    if len(set(password)) < 5:
        raise InvalidMember("A password needs at least five different characters.", param="password")
    if login.casefold() in password.casefold() or password.casefold() in login.casefold():
        raise InvalidMember("A password must not be made of the e-mail address.", param="password")


def make_password() -> str:
    """A password to be used once and then replaced: 120 random bits in groups that can be read aloud."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(5))
