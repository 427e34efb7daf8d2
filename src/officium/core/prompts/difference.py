"""What changed from one version to another, line by line."""

import re
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from itertools import zip_longest

import msgspec
from msgspec.structs import replace

from officium.core.prompts.prompt import Prompt, PromptVersion

_MOST_COMPARED = 400
"""Lines of each side. Comparing takes quadratic time; more than these are shown as replaced."""
_CONTEXT = 3


def difference(old: PromptVersion, new: PromptVersion) -> str:
    """The unified diff between two versions, settings included; empty if they say the same."""
    before, after = _lines(old.prompt), _lines(new.prompt)
    start = _shared(before, after)
    end = _shared(before[start:][::-1], after[start:][::-1])
    changed = (before[start : len(before) - end], after[start : len(after) - end])
    if max(map(len, changed)) > _MOST_COMPARED:
        return "\n".join(_replaced(old, new, start, *changed))
    first, after_last = max(start - _CONTEXT, 0), max(end - _CONTEXT, 0)
    near = (before[first : len(before) - after_last], after[first : len(after) - after_last])
    hunks = unified_diff(*near, old.ref, new.ref, lineterm="", n=_CONTEXT)
    return "\n".join(_moved(line, first) for line in hunks)


def _lines(prompt: Prompt) -> list[str]:
    settings = msgspec.json.encode(replace(prompt, system="", user=""), order="deterministic")
    return [
        *msgspec.json.format(settings, indent=2).decode().split("\n"),
        "# system",
        *prompt.system.split("\n"),
        "# user",
        *prompt.user.split("\n"),
    ]


def _shared(before: Sequence[str], after: Sequence[str]) -> int:
    pairs = enumerate(zip_longest(before, after))
    return next((index for index, (left, right) in pairs if left != right), len(before))


def _moved(line: str, by: int) -> str:
    """A line of a diff; where it says which lines are meant, counted from `by` lines earlier on."""
    if not line.startswith("@@ "):
        return line
    return re.sub(r"([-+])(\d+)", lambda place: f"{place[1]}{int(place[2]) + by}", line)


def _replaced(
    old: PromptVersion, new: PromptVersion, start: int, before: Sequence[str], after: Sequence[str]
) -> Iterator[str]:
    yield f"--- {old.ref}"
    yield f"+++ {new.ref}"
    yield f"@@ -{start + 1},{len(before)} +{start + 1},{len(after)} @@"
    yield from (f"-{line}" for line in before)
    yield from (f"+{line}" for line in after)
