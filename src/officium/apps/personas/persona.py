"""Who advises: four characters, each with a prompt of its own."""

from typing import Literal, get_args

from officium.apps.personas.errors import UnknownPersona

PersonaType = Literal["ceo", "cfo", "cmo", "cto"]
PERSONAS: tuple[PersonaType, ...] = get_args(PersonaType)


def checked_persona(name: str) -> PersonaType:
    """The persona of this name. Raises UnknownPersona."""
    if name not in PERSONAS:
        raise UnknownPersona(
            f"There is no persona {name[:32]!r}. Choose from: {', '.join(PERSONAS)}.", param="persona"
        )
    return name


def prompt_name(persona: PersonaType) -> str:
    """The name of its prompt in the registry."""
    return f"persona.{persona}"
