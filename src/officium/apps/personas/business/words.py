"""Which texts, names and numbers can be told to an adviser."""

import re
from collections.abc import Mapping
from math import isfinite

MOST_FIGURE = 10**15
MOST_EXTRAS = 50
_NAME = re.compile(r"\w[\w .%/&()+-]{0,63}")


def is_line(text: str, longest: int) -> bool:
    """Whether it is one line of 1 to `longest` characters that can be shown."""
    return len(text.strip()) >= 1 and len(text) <= longest and text.isprintable()


def is_text(text: str, longest: int) -> bool:
    """Whether it is a text of 1 to `longest` characters that can be shown; it may have lines."""
    shown = text.translate({ord("\n"): " ", ord("\r"): " ", ord("\t"): " "})
    return len(text.strip()) >= 1 and len(text) <= longest and shown.isprintable()


def is_name(name: str) -> bool:
    """Whether a figure or a detail can be called so: it becomes the label of a line."""
    return _NAME.fullmatch(name) is not None


def is_figure(value: float) -> bool:
    """Whether it is a number with which something can be done."""
    return not isinstance(value, bool) and isfinite(value) and abs(value) <= MOST_FIGURE


def has_names(extra: Mapping[str, object]) -> bool:
    """Whether these are not too many, and all of them have a name that can be shown."""
    return len(extra) <= MOST_EXTRAS and all(map(is_name, extra))
