"""What can go wrong with an adviser."""

from officium.kit.errors import InvalidRequest


class UnknownPersona(InvalidRequest):
    """There is no persona of this name."""

    code = "unknown_persona"


class InvalidQuestion(InvalidRequest):
    """A message to an adviser is not acceptable; `param` names what is not."""

    code = "invalid_question"


class InvalidPersonaConfig(InvalidRequest):
    """A persona's model, temperature or longest answer is not acceptable; `param` names what is not."""

    code = "invalid_persona_config"
