"""Golden sets as files: `golden/<prompt>.json` beside a room's prompts."""

from collections.abc import Sequence
from importlib.resources.abc import Traversable

import msgspec

from officium.core.prompts.errors import PromptFileInvalid
from officium.core.prompts.golden.case import GoldenCase, check_cases


def read_golden_sets(*folders: Traversable) -> dict[str, Sequence[GoldenCase]]:
    """The golden sets in folders, by the names of their prompts. Raises PromptFileInvalid."""
    found: dict[str, Sequence[GoldenCase]] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for file in folder.iterdir():
            if file.name.endswith(".json"):
                found[file.name.removesuffix(".json")] = _read(file)
    return found


def _read(file: Traversable) -> tuple[GoldenCase, ...]:
    try:
        cases = msgspec.json.decode(file.read_bytes(), type=tuple[GoldenCase, ...])
    except msgspec.DecodeError as error:
        raise PromptFileInvalid(file.name, 1, f"This is no golden set: {error}.") from error
    check_cases(cases)
    return cases
