"""What can be wrong with the text of a condition."""

from typing import Literal

from officium.kit.errors import InvalidRequest

Reason = Literal["syntax", "too_long", "too_deep"]


class ConditionSyntaxError(InvalidRequest):
    """The text is no condition.

    `position` counts characters from 0, `line` and `column` from 1; `suggestion` says what was probably
    meant, where that can be guessed. `reason` tells a text that reads wrong from one that is too long or too
    deep.
    """

    code = "condition_syntax"

    def __init__(
        self,
        message: str,
        position: int,
        suggestion: str | None = None,
        *,
        reason: Reason = "syntax",
        text: str = "",
    ) -> None:
        line = text.count("\n", 0, position) + 1
        column = position - (text.rfind("\n", 0, position) + 1) + 1
        self.position = position
        self.line = line
        self.column = column
        self.suggestion = suggestion
        self.reason: Reason = reason
        fields: dict[str, object] = {"position": position, "line": line, "column": column, "reason": reason}
        if suggestion is not None:
            fields["suggestion"] = suggestion
        super().__init__(message, **fields)


class InvalidConditionTree(InvalidRequest):
    """A tree given as JSON is no condition; `param` names the place in it."""

    code = "condition_tree"


class ConditionNotExpressible(InvalidRequest):
    """Another language has no words for a condition; `position` says for which part of it."""

    code = "condition_not_expressible"

    def __init__(self, message: str, position: int) -> None:
        self.position = position
        super().__init__(message, position=position)
