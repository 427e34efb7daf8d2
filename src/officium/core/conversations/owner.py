"""Whose things are whose: a person's are their own, a key's those of itself or of its tenant."""

from officium.core.tenancy import Caller

_MEMBER = "member:"


def owner_of(caller: Caller) -> str:
    """To whom belongs what this caller makes: `member:<id>` where a person speaks, else the actor itself."""
    return caller.actor if caller.member_id is None else f"{_MEMBER}{caller.member_id}"


def sees_all(caller: Caller) -> bool:
    """Whether the caller may see everybody's things in its tenant: with `admin`, unless a person speaks."""
    return caller.may("admin") and not owner_of(caller).startswith(_MEMBER)
