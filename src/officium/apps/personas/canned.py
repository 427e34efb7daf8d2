"""What the personas say while no language model is asked."""

from officium.apps.personas.persona import PersonaType

_ADVICE: dict[PersonaType, str] = {
    "ceo": "choose the one goal that matters most this quarter, and stop what does not serve it",
    "cfo": "set what comes in beside what goes out for three months, and look at the largest line first",
    "cmo": "follow visitors to customers step by step, and work where most of them are lost",
    "cto": "list what breaks most often and what only one person understands, and begin there",
}


def canned_answer(persona: PersonaType) -> str:
    """The persona's answer to everything; it says that it is none."""
    return (
        "[Canned answer: the language model of the advisers is switched off.] "
        f"I cannot look at your question now. What the {persona.upper()} always says: {_ADVICE[persona]}."
    )
