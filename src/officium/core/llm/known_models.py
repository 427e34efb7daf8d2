"""What is known of models: until when they are served, what follows them, how much fits in.

The rows and where they come from: `models.toml`.
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

State = Literal["active", "deprecated", "retired"]
Ability = Literal["text", "images", "tools", "json_schema", "reasoning", "embeddings"]


class KnownModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a model at one provider. Limits are in tokens, `None` where nobody said."""

    provider: str
    name: str
    also: tuple[str, ...] = ()
    """Other ways to write it."""
    announced: date | None = None
    """When its end was announced, where known."""
    ends: date | None = None
    """The first day it is no longer served; of a reported end the day by which it was gone."""
    is_reported: bool = False
    """The end is what others say; the provider's own word was not found."""
    successor: str | None = None
    context_tokens: int | None = None
    output_tokens: int | None = None
    abilities: frozenset[Ability]

    def state_on(self, day: date) -> State:
        """Whether it is served on `day`, and whether its end was announced by then."""
        if self.ends is None:
            return "active"
        if self.ends <= day:
            return "retired"
        return "active" if self.announced is not None and day < self.announced else "deprecated"


def _read() -> tuple[KnownModel, ...]:
    tables = tomllib.loads(Path(__file__).with_name("models.toml").read_text("utf-8"))
    return tuple(
        msgspec.convert({"provider": provider, **row}, KnownModel)
        for provider, rows in tables.items()
        for row in rows
    )


KNOWN_MODELS = _read()
"""Every row, in the file's order."""
