"""What an answer knew: handed out with it, so that people can judge what it rests on."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, to_builtins


class Section(Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of the prompt: how many things were told in it, and about how many tokens it takes."""

    name: str
    items: int
    tokens: int


class Dropped(Struct, frozen=True, kw_only=True, rename="camel"):
    """What would have made the prompt too long."""

    name: str
    items: int


class ContextReceipt(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an answer was told. `as_of` is that of the figures; tokens are estimates.

    `prompt_version` names a version of `prompt`, such as `shipped/1`. `is_over_budget` says that what may
    not be left out is longer than a prompt should be.
    """

    persona: str
    prompt: str
    prompt_version: str
    sections: tuple[Section, ...]
    dropped: tuple[Dropped, ...] = ()
    as_of: str | None = None
    is_stale: bool = False
    tokens: int = 0
    budget: int = 0
    is_over_budget: bool = False

    def as_json(self) -> Mapping[str, Any]:
        """The receipt as doors and stored messages have it, in camelCase."""
        shown: Mapping[str, Any] = to_builtins(self)
        return shown
