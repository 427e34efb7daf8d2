"""A tenant's own name for a model, and the deployments that answer to it."""

import re
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from officium.core.llm.providers.catalog import find_provider
from officium.kit.errors import InvalidRequest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
LONGEST_FALLBACK = 8
MOST_ALIASES = 1000
"""As many may a tenant have: they are kept in memory, and listed whole."""


class Alias(Struct, frozen=True, kw_only=True):
    """`name` is answered by the first of `targets` (`provider/model`); the others are its fallback."""

    name: str
    targets: tuple[str, ...]
    updated_at: datetime
    updated_by: str


def is_alias_name(name: str) -> bool:
    """Whether an alias could be called like this: nothing else is worth asking the database for."""
    return _NAME.fullmatch(name) is not None


def check_alias(name: str, targets: Sequence[str]) -> None:
    """Raise InvalidRequest unless `name` and `targets` make a usable alias.

    A name may hide a bare model name (`gpt-4o`), but not a name that starts with a provider's: what
    `openai/gpt-4o` means must not depend on who asks.
    """
    if not is_alias_name(name):
        raise InvalidRequest(
            "An alias has 1 to 128 letters, digits and . _ : / -, and begins with a letter or digit.",
            param="name",
        )
    if any(step in ("", ".", "..") for step in name.split("/")):
        raise InvalidRequest(
            "An alias stands in addresses, so between its slashes there must be more than dots.", param="name"
        )
    if find_provider(name.partition("/")[0]) is not None:
        raise InvalidRequest(
            f"{name!r} begins with a provider's name, which always means that provider. Choose another name.",
            param="name",
        )
    if not 1 <= len(targets) <= LONGEST_FALLBACK:
        raise InvalidRequest(f"An alias has 1 to {LONGEST_FALLBACK} targets.", param="targets")
    for index, target in enumerate(targets):
        provider, slash, model = target.partition("/")
        is_known = find_provider(provider) is not None and (bool(model) or not slash)
        if not is_known or not target.isprintable() or len(target) > 256:
            raise InvalidRequest(
                f"{target!r} is not a target. Write provider/model, such as groq/openai/gpt-oss-20b.",
                param=f"targets[{index}]",
            )
