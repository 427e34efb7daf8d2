"""How a tenant wants a persona to answer."""

from datetime import datetime

from msgspec import Struct

from officium.apps.personas.errors import InvalidPersonaConfig
from officium.apps.personas.persona import PersonaType

MOST_OUTPUT_TOKENS = 32_000
_LONGEST_MODEL = 256


class PersonaConfig(Struct, frozen=True, kw_only=True):
    """A model of its own, and how it answers; `None` is what everything else uses."""

    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None


class SavedPersonaConfig(PersonaConfig, frozen=True, kw_only=True):
    """A persona's configuration as it is kept."""

    persona: PersonaType
    updated_at: datetime
    updated_by: str


def check_config(config: PersonaConfig) -> None:
    """Raise InvalidPersonaConfig unless a persona may answer like this."""
    model = config.model
    if model is not None and not (1 <= len(model) <= _LONGEST_MODEL and model.isprintable()):
        raise InvalidPersonaConfig(f"A model's name has 1 to {_LONGEST_MODEL} characters.", param="model")
    if config.temperature is not None and not 0 <= config.temperature <= 2:
        raise InvalidPersonaConfig("A temperature lies between 0 and 2.", param="temperature")
    if config.max_tokens is not None and not 1 <= config.max_tokens <= MOST_OUTPUT_TOKENS:
        raise InvalidPersonaConfig(f"An answer has 1 to {MOST_OUTPUT_TOKENS:,} tokens.", param="maxTokens")
