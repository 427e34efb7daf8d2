"""The personas: characters that advise a business, from its own figures."""

from officium.apps.personas.adviser import Adviser, Piece, Prepared, SpokenAnswer
from officium.apps.personas.errors import InvalidPersonaConfig, InvalidQuestion, UnknownPersona
from officium.apps.personas.persona import PERSONAS, PersonaType, checked_persona
from officium.apps.personas.persona_config import PersonaConfig, SavedPersonaConfig
from officium.apps.personas.persona_configs import PersonaConfigService
from officium.apps.personas.receipt import ContextReceipt
from officium.apps.personas.service import AdvisorService, BegunAnswer
from officium.apps.personas.store import PersonaStore

__all__ = [
    "PERSONAS",
    "Adviser",
    "AdvisorService",
    "BegunAnswer",
    "ContextReceipt",
    "InvalidPersonaConfig",
    "InvalidQuestion",
    "PersonaConfig",
    "PersonaConfigService",
    "PersonaStore",
    "PersonaType",
    "Piece",
    "Prepared",
    "SavedPersonaConfig",
    "SpokenAnswer",
    "UnknownPersona",
    "checked_persona",
]
