"""Prompts: named texts with blanks, in versions that never change, with labels that move.

Service and store are imported from their own modules: they bring the database along, which programs that
only render prompts do without.
"""

from officium.core.prompts.draft import PromptDraft
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
from officium.core.prompts.label import PRODUCTION, Label, LabelMove
from officium.core.prompts.prompt import Prompt, PromptVersion, Rendered, Variable
from officium.core.prompts.registry import PromptRegistry

__all__ = [
    "PRODUCTION",
    "InvalidPrompt",
    "Label",
    "LabelMove",
    "Prompt",
    "PromptAltered",
    "PromptDraft",
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
