import pytest

from officium.core.prompts import (
    InvalidPrompt,
    Prompt,
    PromptNotFound,
    PromptRegistry,
    PromptVariablesMissing,
    Variable,
)

GREETING = Prompt(name="greet.v1", variables={"name": Variable()}, system="Be kind.", user="Hi {{ name }}.")


def test_render_prompt_with_variables() -> None:
    registry = PromptRegistry()
    registry.register(GREETING)

    system_prompt, user_prompt = registry.render_prompt("greet.v1", {"name": "Ada"})

    assert (system_prompt, user_prompt) == ("Be kind.", "Hi Ada.")


def test_missing_variables_error() -> None:
    registry = PromptRegistry()
    registry.register(GREETING)

    with pytest.raises(PromptVariablesMissing):
        registry.render_prompt("greet.v1", {})


def test_prompt_versioning() -> None:
    registry = PromptRegistry()
    registry.register(GREETING)
    registry.register(Prompt(name="greet.v1", system="Be brief."))
    registry.register(Prompt(name="greet.v2", system="Be glad."))

    assert registry.names() == ["greet.v1", "greet.v2"]
    assert [version.ref for version in registry.versions("greet.v1")] == ["shipped/2", "shipped/1"]
    assert registry.render_prompt("greet.v1", {})[0] == "Be brief."
    assert registry.render_prompt("greet.v1", {"name": "Ada"}, version=1)[0] == "Be kind."


def test_unknown_prompts_are_not_found() -> None:
    registry = PromptRegistry()
    registry.register(GREETING)

    for name, version in (("greet.v9", None), ("greet.v1", 2)):
        with pytest.raises(PromptNotFound):
            registry.get(name, version)


def test_a_faulty_prompt_is_not_registered() -> None:
    registry = PromptRegistry()

    with pytest.raises(InvalidPrompt):
        registry.register(Prompt(name="greet.v1", system="{{ nobody }}"))

    assert registry.names() == []


def test_two_files_cannot_hold_the_same_version() -> None:
    registry = PromptRegistry()
    version = registry.register(GREETING)

    with pytest.raises(InvalidPrompt):
        PromptRegistry([version, version])
