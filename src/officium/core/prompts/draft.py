"""What a tenant writes: a prompt of its own, or its own wording of one that comes with Officium."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from officium.core.prompts.errors import InvalidPrompt
from officium.core.prompts.prompt import Prompt, Tier, Variable


class PromptDraft(Struct, frozen=True, kw_only=True):
    """A version to be. What is `None` stays as in the shipped prompt of the same name, where there is one."""

    name: str
    description: str | None = None
    variables: dict[str, Variable] | None = None
    tier: Tier | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    output_schema: dict[str, Any] | None = None
    language: str | None = None
    system: str | None = None
    user: str | None = None


def make_prompt(draft: PromptDraft, shipped: Prompt | None) -> Prompt:
    """The prompt that a draft describes.

    Whoever renders a shipped prompt counts on its variables and its output, so its own wording may leave
    variables out, but not add any, change their types or trust them more. Raises InvalidPrompt.
    """
    said = {name: getattr(draft, name) for name in PromptDraft.__struct_fields__ if name != "name"}
    said = {name: value for name, value in said.items() if value is not None}
    if "temperature" in said:
        said["temperature"] = float(said["temperature"])
    if shipped is None:
        return Prompt(name=draft.name, **said)
    if draft.variables is not None:
        said["variables"] = {
            name: _compatible(name, variable, shipped.variables.get(name))
            for name, variable in draft.variables.items()
        }
    if draft.output_schema not in (None, shipped.output_schema):
        raise InvalidPrompt(
            f"Officium reads the answers to {draft.name}, so its output schema stays. Leave it out.",
            param="output_schema",
        )
    return replace(shipped, **said)


def _compatible(name: str, variable: Variable, shipped: Variable | None) -> Variable:
    param = f"variables.{name[:64]}"
    if shipped is None:
        raise InvalidPrompt(
            f"The shipped prompt has no variable {name[:64]!r}, so nothing fills it.", param=param
        )
    if variable.type != shipped.type:
        raise InvalidPrompt(f"{name} is of type {shipped.type} in the shipped prompt.", param=param)
    if variable.required and not shipped.required:
        raise InvalidPrompt(f"{name} is not always given, so it cannot be required.", param=param)
    return replace(variable, untrusted=variable.untrusted or shipped.untrusted)
