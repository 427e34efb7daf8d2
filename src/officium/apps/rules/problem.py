"""What is wrong with a rule, or odd about it: where, why, and what may have been meant."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from officium.apps.rules.closest import did_you_mean


class Problem(Struct, frozen=True, kw_only=True):
    """A mistake or a warning.

    `pointer` is the JSON pointer of the part, `position` the character in a condition (from 0), `suggestions`
    are names that exist and look alike.
    """

    pointer: str
    code: str
    message: str
    suggestions: tuple[str, ...] = ()
    position: int | None = None

    def line(self) -> str:
        """All of it in one line, for a model or a log."""
        return f"{self.pointer or '/'}: {self.message}{did_you_mean(self.suggestions)}"


def problem_json(problem: Problem) -> dict[str, Any]:
    """The problem as the doors say it."""
    said: dict[str, Any] = {"pointer": problem.pointer, "code": problem.code, "message": problem.message}
    if problem.suggestions:
        said["did_you_mean"] = list(problem.suggestions)
    if problem.position is not None:
        said["position"] = problem.position
    return said


def pointer(*words: str | int) -> str:
    """The JSON pointer that goes down by these words."""
    return "".join(f"/{str(word).replace('~', '~0').replace('/', '~1')}" for word in words)


def lines(problems: Iterable[Problem], most: int = 20) -> Sequence[str]:
    """The problems in a line each."""
    return [problem.line() for problem, _ in zip(problems, range(most), strict=False)]
