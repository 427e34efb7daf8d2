"""The prompts of the personas, as they are shipped."""

import pytest

from officium.core.llm.tokens import estimate_tokens
from officium.library import load_prompt_registry

PERSONAS = ("ceo", "cfo", "cmo", "cto")
WORDS = {
    "ceo": ("strategic guidance", "growth"),
    "cfo": ("finances", "budget"),
    "cmo": ("marketing", "customers"),
    "cto": ("technology roadmap", "architecture"),
}


@pytest.mark.parametrize("persona", PERSONAS)
def test_each_persona_has_its_subject(persona: str) -> None:
    system, user = load_prompt_registry().render_prompt(f"persona.{persona}", {})

    assert all(word in system for word in WORDS[persona])
    assert user == ""


@pytest.mark.parametrize("persona", PERSONAS)
def test_what_is_known_of_the_business_stands_in_the_system_text(persona: str) -> None:
    values = {
        "profile": "Industry: SaaS\nSize: small",
        "analytics": "Sessions: 1500",
        "insights": "Churn is rising",
        "decisions": "2026-10-01: no discounts",
    }

    system, _ = load_prompt_registry().render_prompt(f"persona.{persona}", values)

    assert all(value in system for value in values.values())


@pytest.mark.parametrize("persona", PERSONAS)
def test_what_is_not_known_leaves_its_section_out(persona: str) -> None:
    system, _ = load_prompt_registry().render_prompt(f"persona.{persona}", {"profile": "Industry: SaaS"})

    assert "Business profile:" in system
    assert "Recent analytics:" not in system
    assert "Insights from" not in system
    assert "already taken:" not in system
    assert "\n\n\n" not in system


@pytest.mark.parametrize("persona", PERSONAS)
def test_the_language_is_that_of_the_question_unless_one_is_named(persona: str) -> None:
    registry = load_prompt_registry()

    assert "the language of the question" in registry.render_prompt(f"persona.{persona}", {})[0]
    assert "the code de." in registry.render_prompt(f"persona.{persona}", {"language": "de"})[0]


@pytest.mark.parametrize("persona", PERSONAS)
def test_instructions_leave_room_for_the_business(persona: str) -> None:
    system, _ = load_prompt_registry().render_prompt(f"persona.{persona}", {})

    assert estimate_tokens(system) < 1000
