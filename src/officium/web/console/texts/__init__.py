"""Every sentence the console shows, in each language it speaks.

A text may have places for values, `{name}`. The texts of a page have a file of their own in each language's
folder. Another language is another folder with the same keys, and `LANGUAGES` gets a row with the direction
it is written in; the style sheets know no left and right. A text that a language lacks is English.
"""

import unicodedata
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from officium.web.console.texts.arabic import ARABIC
from officium.web.console.texts.english import ENGLISH

_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True)
class Language:
    """A language: its code, its own name, the direction it is written in, and its texts."""

    code: str
    name: str
    direction: Literal["ltr", "rtl"]
    texts: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """The text of this key, with the values in their places.

        From right to left, values that run the other way are set apart, so that they do not drag the words
        beside them along.
        """
        text = self.texts.get(key) or ENGLISH[key]
        if self.direction == "rtl":
            values = {name: self._placed(value) for name, value in values.items()}
        return text.format(**values) if values else text

    def set_apart(self, said: str) -> str:
        """Words or figures that run from left to right, marked so that they do so in any text."""
        return f"{_ISOLATE}{said}{_END_OF_ISOLATE}" if self.direction == "rtl" else said

    def _placed(self, value: object) -> object:
        if not isinstance(value, str | int | float):
            return value
        said = str(value)
        kinds = {unicodedata.bidirectional(letter) for letter in said}
        is_mixed = bool(kinds - {"EN", "CS"}) and kinds.isdisjoint(("R", "AL"))
        return self.set_apart(said) if is_mixed or "L" in kinds else value


LANGUAGES = {
    "en": Language("en", "English", "ltr", ENGLISH),
    "ar": Language("ar", "العربية", "rtl", ARABIC),
}
_READERS: ContextVar[Language] = ContextVar("language", default=LANGUAGES["en"])


def readers_language() -> Language:
    """The language of whoever reads what is written now."""
    return _READERS.get()


def speak(language: Language) -> None:
    """Write what follows in this request in this language."""
    _READERS.set(language)


def choose_language(*wanted: str | None, accepted: str = "") -> Language:
    """The first `wanted` code that we speak, else the browser's favourite (Accept-Language), else English."""
    for code in (*wanted, *_favourites(accepted)):
        if code and (found := LANGUAGES.get(code.lower().partition("-")[0])):
            return found
    return LANGUAGES["en"]


def _favourites(accepted: str) -> list[str]:
    """The codes in an Accept-Language header, the most wanted first; `*` and what is not wanted left out."""
    weighed = []
    for part in accepted[:500].split(","):
        code, _, rest = part.strip().partition(";")
        weight = rest.strip().removeprefix("q=") or "1"
        if weight.replace(".", "", 1).isdecimal() and float(weight) > 0:
            weighed.append((-float(weight), code.strip()))
    return [code for _, code in sorted(weighed, key=lambda pair: pair[0])]
