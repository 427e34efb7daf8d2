"""The languages that texts are written in: their names for a model, and the direction they are read in."""

from functools import lru_cache
from typing import Literal

LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$"
"""A code such as `en`, `pt-BR` or `zh-Hans`."""
Direction = Literal["ltr", "rtl"]

_RIGHT_TO_LEFT = frozenset(("ar", "arc", "ckb", "dv", "fa", "he", "ku-Arab", "ps", "sd", "ug", "ur", "yi"))


def direction_of(language: str) -> Direction:
    """How texts in the language with this code are read."""
    parts = language.split("-")
    script = next((part.title() for part in parts[1:] if len(part) == 4), "")
    if script:
        return "rtl" if script in ("Arab", "Hebr", "Syrc", "Thaa") else "ltr"
    return "rtl" if parts[0].lower() in _RIGHT_TO_LEFT else "ltr"


@lru_cache(maxsize=256)
def name_of(language: str) -> str:
    """The language's English name, such as `German`; the code itself where it has none."""
    # Babel's data take a while to load, which programs that never write need not wait for.
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(language, sep="-").get_display_name("en") or language
    except (UnknownLocaleError, ValueError):
        return language
