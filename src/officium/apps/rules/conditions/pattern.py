"""Regular expressions that take time in proportion to the text, whatever the expression."""

from functools import lru_cache
from typing import Protocol, cast

import re2

LONGEST_SUBJECT = 32_768
"""The characters a string may have to be searched: the worst expressions take 8 µs for each."""
_MEMORY_BYTES = 1 << 20


class PatternInvalid(Exception):
    """The expression cannot be used: it is malformed, too large or asks for what linear time cannot do."""


class Pattern(Protocol):
    """A compiled expression."""

    def search(self, text: str | bytes) -> object | None: ...


@lru_cache(maxsize=1_024)
def compiled(expression: str) -> Pattern:
    """Compile an expression of the RE2 syntax; raises PatternInvalid."""
    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    options.never_capture = True  # where groups matched is asked by nobody, and costs a hundredfold
    try:
        return cast(Pattern, re2.compile(expression, options))
    except re2.error as problem:
        reason = problem.args[0] if problem.args else "it is malformed"
        shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise PatternInvalid(shown[:200]) from None
    except UnicodeEncodeError:
        raise PatternInvalid("it holds half of a surrogate pair") from None


def found_in(pattern: Pattern, text: str) -> bool:
    """Whether the expression occurs anywhere in a text."""
    try:
        return pattern.search(text) is not None
    except UnicodeEncodeError:
        return pattern.search(text.encode("utf-8", "replace").decode()) is not None
