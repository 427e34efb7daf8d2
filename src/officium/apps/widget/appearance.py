"""How a widget looks in a page: what the script reads is checked, what it does not know is left alone."""

import re
from collections.abc import Mapping
from typing import Any

from officium.apps.widget.errors import InvalidWidget

TEXTS = ("title", "subtitle", "greeting", "placeholder", "hint", "consent_text")
"""A text for all, or one for each language."""
MOST_SUGGESTIONS = 6
LONGEST_TEXT = 2_000
_CHOICES = {"theme": ("auto", "light", "dark"), "position": ("end", "start")}
_SWITCHES = ("handover", "lead_form")
_COLOUR = re.compile(r"[#a-zA-Z][\w#%.,/() +-]{2,80}")


def check_appearance(said: Mapping[str, Any]) -> None:
    """Raise InvalidWidget unless the script can show it; `param` says what it cannot."""
    for name in TEXTS:
        if not _is_by_language(said.get(name, ""), _is_text):
            raise _invalid(name, f'is a text, or one for each language: {{"{name}": {{"en": "..."}}}}')
    if not _is_by_language(said.get("suggested_questions", []), _are_questions):
        raise _invalid(
            "suggested_questions", f"are up to {MOST_SUGGESTIONS} texts, or such a list by language"
        )
    for name, choices in _CHOICES.items():
        if said.get(name, choices[0]) not in choices:
            raise _invalid(name, f"is one of {', '.join(choices)}")
    for name in _SWITCHES:
        if not isinstance(said.get(name, True), bool):
            raise _invalid(name, "is true or false")
    accent = said.get("accent", "#000")
    if not isinstance(accent, str) or not _COLOUR.fullmatch(accent):
        raise _invalid("accent", "is a colour of CSS, like #2f4ad0")
    address = said.get("privacy_url", "")
    if not isinstance(address, str) or (address and not re.fullmatch(r"https?://\S{1,2000}", address)):
        raise _invalid("privacy_url", "is an address that begins with https:// or http://")


def _is_by_language(said: object, is_fine: Any) -> bool:
    if isinstance(said, Mapping):
        return all(isinstance(language, str) and is_fine(text) for language, text in said.items())
    return bool(is_fine(said))


def _is_text(said: object) -> bool:
    return isinstance(said, str) and len(said) <= LONGEST_TEXT


def _are_questions(said: object) -> bool:
    return isinstance(said, list | tuple) and len(said) <= MOST_SUGGESTIONS and all(map(_is_text, said))


def _invalid(name: str, what: str) -> InvalidWidget:
    return InvalidWidget(f"`appearance.{name}` {what}.", param=f"appearance.{name}")
