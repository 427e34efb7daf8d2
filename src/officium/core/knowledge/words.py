"""A text as words, and a word as letters: the same for every language, without dictionaries."""

import re
import unicodedata

_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese letters, which are written without spaces between words."""
_DOTLESS = "\u0131"
_WORD = re.compile(r"\w+")
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0640]")
"""Accents of Latin, Greek and Cyrillic letters, and the Hebrew and Arabic signs that are mostly left out."""
_LETTERS_LONGEST = 40
_GRAM_SHORTEST, _GRAM_LONGEST = 2, 5


def fold(text: str) -> str:
    """Return `text` with what writers leave out or vary taken away: case, width, accents and vowel signs."""
    plain = _MARKS.sub("", unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold()))
    return unicodedata.normalize("NFC", plain).replace(_DOTLESS, "i")


def words_of(text: str) -> list[str]:
    """Return the words of `text`; where a script has no spaces, its runs of one, two and three letters."""
    found: list[str] = []
    for match in _WORD.finditer(fold(text)):
        word, done = match.group(), 0
        for run in _SPACELESS.finditer(word):
            if run.start() > done:
                found.append(word[done : run.start()])
            found += _runs(run.group())
            done = run.end()
        if done < len(word):
            found.append(word[done:])
    return found


def _runs(letters: str) -> list[str]:
    return [letters[start : start + size] for size in (1, 2, 3) for start in range(len(letters) - size + 1)]


def grams_of(word: str) -> list[str]:
    """Return the runs of two to five letters of `word`, its beginning and its end counting as letters."""
    marked = f"<{word[:_LETTERS_LONGEST]}>"
    return [
        marked[start : start + size]
        for size in range(_GRAM_SHORTEST, _GRAM_LONGEST + 1)
        for start in range(len(marked) - size + 1)
    ]
