"""Prompts: named texts with blanks, in versions that never change, with labels that move."""

from officium.core.prompts.errors import (
    InvalidPrompt,
    PromptAltered,
    PromptFileInvalid,
    PromptNotFound,
    PromptRenderFailed,
    PromptTooCostly,
    PromptVariablesInvalid,
    PromptVariablesMissing,
)
from officium.core.prompts.prompt import Prompt, PromptVersion, Rendered, Variable
from officium.core.prompts.registry import PromptRegistry

__all__ = [
    "InvalidPrompt",
    "Prompt",
    "PromptAltered",
    "PromptFileInvalid",
    "PromptNotFound",
    "PromptRegistry",
    "PromptRenderFailed",
    "PromptTooCostly",
    "PromptVariablesInvalid",
    "PromptVariablesMissing",
    "PromptVersion",
    "Rendered",
    "Variable",
]
