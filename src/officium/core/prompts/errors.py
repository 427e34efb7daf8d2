"""What can go wrong with prompts."""

from officium.kit.errors import Conflict, InvalidRequest, NotFound, OfficiumError


class PromptNotFound(NotFound):
    """There is no prompt, version or label of this name for the caller."""

    code = "prompt_not_found"


class InvalidPrompt(InvalidRequest):
    """A prompt may not look like this; `param` names the part, `line` its line where one is known."""

    code = "invalid_prompt"


class PromptVariablesMissing(InvalidRequest):
    """Variables that the prompt requires were not given; `variables` names every one of them."""

    code = "prompt_variables_missing"


class PromptVariablesInvalid(InvalidRequest):
    """Variables have the wrong type or are too large; `variables` names every one of them."""

    code = "prompt_variables_invalid"


class PromptRenderFailed(InvalidRequest):
    """The template could not be carried out with these variables."""

    code = "prompt_render_failed"


class PromptTooCostly(InvalidRequest):
    """The template takes more time, memory or output than a prompt may."""

    code = "prompt_too_costly"


class PromptFileInvalid(OfficiumError):
    """A file of a prompts folder cannot be read; `file` and `line` say where."""

    code = "prompt_file_invalid"

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}", file=file, line=line)


class PromptAltered(OfficiumError):
    """A published version is no longer what was published: someone changed it in the database."""

    code = "prompt_altered"


class ExperimentNotFound(NotFound):
    """The tenant has no experiment with this id."""

    code = "experiment_not_found"


class ExperimentRunning(Conflict):
    """Another experiment with the same prompt still runs; `experiment` is its id."""

    code = "experiment_running"


class InvalidGoldenSet(InvalidRequest):
    """A golden set may not look like this; `param` names the part."""

    code = "invalid_golden_set"


class GoldenSetFailed(Conflict):
    """A version does not pass its prompt's golden set, so it is not put into production; see `failures`."""

    code = "golden_set_failed"
