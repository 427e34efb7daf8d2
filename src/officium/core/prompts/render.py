"""Making the texts of a prompt from its templates and the values of its variables."""

from collections.abc import Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

import msgspec
from jinja2 import Template, TemplateError

from officium.core.prompts.binding import bind, distrust, plain
from officium.core.prompts.budget import Budget
from officium.core.prompts.errors import InvalidPrompt, PromptRenderFailed, PromptTooCostly
from officium.core.prompts.fence import NOTICE, Fence
from officium.core.prompts.prompt import Prompt, PromptVersion, Rendered, check_prompt
from officium.core.prompts.sandbox import Sandbox
from officium.core.prompts.syntax import parse
from officium.kit.errors import OfficiumError

LARGEST_OUTPUT_BYTES = 256 * 1024
_KEPT = 64
"""As many compiled templates stay in memory, up to half a megabyte each."""


def check(prompt: Prompt) -> None:
    """Raise InvalidPrompt unless the prompt could be published: its parts are fine, its templates compile."""
    check_prompt(prompt)
    _check_values(prompt)
    for section in ("system", "user"):
        try:
            _compile(getattr(prompt, section), frozenset(prompt.variables))
        except InvalidPrompt as error:
            fields = {**error.fields, "param": section}
            raise InvalidPrompt(f"In the {section} text: {error.message}", **fields) from error


def render(version: PromptVersion, values: Mapping[str, object]) -> Rendered:
    """The texts with their blanks filled in; untrusted text in it stands between marks, as data.

    Takes up to a second of the processor's time, so do not call it where other work must go on. Raises
    PromptVariablesMissing, PromptVariablesInvalid, PromptRenderFailed and PromptTooCostly.
    """
    prompt = version.prompt
    given = bind(prompt, values)
    fence = Fence(msgspec.json.encode([version.digest, given]))
    bound = distrust(prompt, given)
    budget = Budget()
    system = _carry_out(prompt, "system", bound, budget, fence)
    user = _carry_out(prompt, "user", bound, budget, fence)
    if fence.is_used:
        system = f"{system}\n\n{NOTICE}" if system else NOTICE
    return Rendered(
        system=system,
        user=user,
        name=prompt.name,
        version=version.ref,
        digest=version.digest,
        tier=prompt.tier,
        temperature=prompt.temperature,
        max_tokens=prompt.max_tokens,
        output_schema=prompt.output_schema,
        language=prompt.language,
    )


def _check_values(prompt: Prompt) -> None:
    parts: dict[str, object] = {"description": prompt.description, "output_schema": prompt.output_schema}
    for name, variable in prompt.variables.items():
        parts[f"variables.{name}"] = [variable.default, variable.description]
    for param, value in parts.items():
        try:
            plain(value)
        except ValueError as error:
            raise InvalidPrompt(f"{param} cannot be kept: {error}.", param=param) from error


@lru_cache(maxsize=_KEPT)
def _compile(text: str, variables: frozenset[str]) -> CodeType:
    sandbox = Sandbox(Budget())
    tree = parse(sandbox, text, variables)
    try:
        return sandbox.compile(tree, filename="<prompt>")
    except OfficiumError:
        raise
    except Exception as error:  # whatever Jinja or Python find in a hostile template
        raise InvalidPrompt("The template cannot be compiled; make it simpler.", line=1) from error


def _carry_out(prompt: Prompt, section: str, values: dict[str, Any], budget: Budget, fence: Fence) -> str:
    code = _compile(getattr(prompt, section), frozenset(prompt.variables))
    sandbox = Sandbox(budget, fence)
    try:
        template = Template.from_code(sandbox, code, sandbox.make_globals(None))
        return _collect(template, values, budget)
    except OfficiumError:
        raise
    except TemplateError as error:
        raise _failure(prompt, section, error.message or "it is no template") from error
    except Exception as error:  # a template can do wrong whatever an expression of Python can
        raise _failure(prompt, section, str(error)) from error


def _failure(prompt: Prompt, section: str, problem: str) -> PromptRenderFailed:
    return PromptRenderFailed(
        f"The {section} text of {prompt.name} cannot be rendered: {problem[:300]}.", param=section
    )


def _collect(template: Template, values: dict[str, Any], budget: Budget) -> str:
    pieces: list[str] = []
    left = LARGEST_OUTPUT_BYTES
    for piece in template.root_render_func(template.new_context(values)):
        budget.spend()
        left -= len(piece.encode())
        if left < 0:
            raise PromptTooCostly(f"A rendered text has at most {LARGEST_OUTPUT_BYTES // 1024} KB.")
        pieces.append(piece)
    return "".join(pieces).strip()
