"""Did you mean: the known names that look most like one that is not known."""

from collections.abc import Iterable
from difflib import SequenceMatcher

_LIKE = 0.6
_MOST = 3
_COMPARED = 2000


def closest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three of the `known` names, the likeliest first; none where nothing is alike."""
    folded = _folded(name[:128])
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(folded)
    scored: list[tuple[float, str]] = []
    for candidate, _ in zip(known, range(_COMPARED), strict=False):
        matcher.set_seq1(_folded(candidate))
        if matcher.real_quick_ratio() < _LIKE or matcher.quick_ratio() < _LIKE:
            continue
        ratio = matcher.ratio()
        if ratio >= _LIKE:
            scored.append((-ratio, candidate))
    return tuple(candidate for _, candidate in sorted(scored)[:_MOST])


def did_you_mean(names: Iterable[str]) -> str:
    """The words that suggest them, with a space before; nothing where there are none."""
    listed = list(names)
    return f" Did you mean {' or '.join(listed)}?" if listed else ""


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_").replace(".", "_")
