"""Names in a text that its context does not know: people, companies, titles, addresses and order numbers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from officium.core.grounding.sentence import Sentence
from officium.core.grounding.words import (
    CURRENCIES,
    FUNCTION_WORDS,
    GENERIC,
    GREETINGS,
    MONTHS,
    STATUSES,
    TITLES,
)

_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}")
_NUMBER = re.compile(r"(?<![\w#-])(?:#\d{2,12}|[A-Z]{1,8}-\d[\w-]{0,24})(?![\w])")
_CAPITALS = re.compile(
    r"(?<![\w@.#-])[A-ZÀ-ÖØ-Þ][\w'’-]{0,40}\.?"
    r"(?:[ \u00a0](?:(?:of|de|del|van|von|al|bin|el|der|&)[ \u00a0])?[A-ZÀ-ÖØ-Þ][\w'’-]{0,40}){0,6}"
)
_WORD = re.compile(r"[^\W\d_]+")
_ELIDED = re.compile(r"(?:[LDld]|[Qq]u)['’]")
_MOST_WORDS = 100_000


class Name(Struct, frozen=True):
    """A name at `start` to `end` of a sentence, and whether the context knows it."""

    start: int
    end: int
    is_known: bool


class Names:
    """The words and names of a context."""

    def __init__(self, context: Any) -> None:
        strings = list(_texts(context))
        self._text = "\n".join(strings).lower()
        self._words = frozenset(_WORD.findall(self._text)[:_MOST_WORDS])

    def read(self, sentence: Sentence) -> Iterator[Name]:
        """The names in a sentence, in order."""
        text = sentence.text
        taken = []
        for match in (*_ADDRESS.finditer(text), *_NUMBER.finditer(text)):
            taken.append(match.span())
            yield Name(match.start(), match.end(), self._has(match.group().lstrip("#")))
        if sentence.is_heading:
            return
        # Of the same length, so that places stay: what is taken is no part of another name.
        rest = list(text)
        for start, end in taken:
            rest[start:end] = "\0" * (end - start)
        for match in _CAPITALS.finditer("".join(rest)):
            yield from self._named(text, match)

    def _named(self, text: str, match: re.Match[str]) -> Iterator[Name]:
        words = [
            (match.start() + one.start(), one.group()) for one in re.finditer(r"[\w'’-]+", match.group())
        ]
        is_greeted = _is_greeted(text, match.start())
        while words and words[0][1].lower() in FUNCTION_WORDS | MONTHS.keys():
            is_greeted = is_greeted or words[0][1].lower() in GREETINGS | TITLES
            words.pop(0)
        while words and words[-1][1].lower() in FUNCTION_WORDS:
            words.pop()
        words = self._without_noun(text, words)
        plain = [word.lower() for _, word in words if not word.islower()]
        if not plain or (len(plain) == 1 and not is_greeted) or _ANONYMOUS.issuperset(plain):
            return
        start, end = words[0][0], words[-1][0] + len(words[-1][1])
        yield Name(start, end, self._has(text[start:end]) or all(self._knows(word) for word in plain))

    def _without_noun(self, text: str, words: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """Without what a thing is called before its name: `das Angebot Speicher Chur`.

        Only where an article or nothing stands before it, and the rest is a name that the context has.
        """
        if len(words) < 2 or self._knows(words[0][1].lower()):
            return words
        before = _WORD.findall(text[max(0, words[0][0] - 24) : words[0][0]].lower())[-1:]
        is_led = not before or before[0] in FUNCTION_WORDS or _ELIDED.match(words[0][1]) is not None
        rest = text[words[1][0] : words[-1][0] + len(words[-1][1])]
        is_whole = f"\n{rest.lower()}" in f"\n{self._text}" and " " in rest
        return words[1:] if is_led and is_whole else words

    def _knows(self, word: str) -> bool:
        plain = word.removesuffix("'s").removesuffix("’s")
        return plain in self._words or plain in _ANONYMOUS or any(letter.isdigit() for letter in plain)

    def _has(self, name: str) -> bool:
        return name.lower() in self._text


_CODES = frozenset(code.lower() for code in CURRENCIES.values())
_ANONYMOUS = (
    GENERIC | FUNCTION_WORDS | MONTHS.keys() | STATUSES.keys() | _CODES | {"m", "k", "bn", "mio", "mrd"}
)


def _is_greeted(text: str, start: int) -> bool:
    before = _WORD.findall(text[max(0, start - 24) : start].lower())[-1:]
    return bool(before) and before[0] in GREETINGS | TITLES


def _texts(node: Any, depth: int = 0) -> Iterator[str]:
    """Every key and value of a context as text."""
    if depth > 16:
        return
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield str(key)
            yield from _texts(value, depth + 1)
    elif isinstance(node, Sequence) and not isinstance(node, str | bytes):
        for value in node:
            yield from _texts(value, depth + 1)
    elif node is not None and not isinstance(node, bool):
        yield str(node)
