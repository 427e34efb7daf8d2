"""The documented tests of `PromptRegistry`."""

import pytest

from officium import PromptRegistry, get_prompt_registry
from officium.core.prompts import Prompt, PromptVariablesMissing, Variable


def test_render_prompt_with_variables() -> None:
    system, user = get_prompt_registry().render_prompt(
        "deal.summarize.v1", {"record": "Deal title: Project Alpha\nStage: Order Received"}
    )

    assert "You sum up sales deals" in system
    assert "Deal title: Project Alpha" in user


def test_missing_variables_error() -> None:
    with pytest.raises(
        PromptVariablesMissing, match=r"email\.followup\.v1 needs intent and recipients"
    ) as error:
        get_prompt_registry().render_prompt("email.followup.v1", {})

    assert error.value.fields["variables"] == ["intent", "recipients"]


def test_prompt_versioning() -> None:
    registry = PromptRegistry()
    registry.register(Prompt(name="note.v1", variables={"text": Variable()}, user="Old: {{ text }}"))
    registry.register(Prompt(name="note.v1", variables={"text": Variable()}, user="New: {{ text }}"))
    registry.register(Prompt(name="note.v2", variables={"text": Variable()}, user="Other: {{ text }}"))

    assert registry.render_prompt("note.v1", {"text": "a"}) == ("", "New: a")
    assert registry.render_prompt("note.v1", {"text": "a"}, version=1) == ("", "Old: a")
    assert registry.render_prompt("note.v2", {"text": "a"}) == ("", "Other: a")
