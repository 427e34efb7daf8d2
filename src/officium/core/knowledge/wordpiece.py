"""Texts cut into the word pieces that the local encoder's network was trained on.

The way of BERT's uncased models (Devlin et al. 2018, arXiv:1810.04805): letters lose their accents and case,
signs and ideographs stand alone, and each word is the longest pieces of the vocabulary that follow each
other. Gives what the library `tokenizers` gives, which a test compares, but for letters and signs that are
younger than that library's tables of Unicode; without it and what it needs, the server is 30 MB smaller.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_START, _END, _UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
_SPECIAL = re.compile(r"\[(?:PAD|UNK|CLS|SEP|MASK)\]")
_WORD_LONGEST = 100
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_SPACES = frozenset("\t\n\r")
_NOTHING = frozenset("\x00\ufffd")
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs"})


class WordPieces:
    """The word pieces of a vocabulary: a file with one piece a line, whose number is its id."""

    def __init__(self, vocabulary: Path) -> None:
        pieces = vocabulary.read_text("utf-8").split("\n")
        self._ids = {piece: number for number, piece in enumerate(pieces) if piece}
        self._longest = max(map(len, self._ids))

    def ids(self, text: str, most: int) -> list[int]:
        """Return the ids of `text` between those for its start and end, `most` in all."""
        found = [self._ids[_START]]
        for piece in self.pieces(text):
            if len(found) == most - 1:
                break
            found.append(self._ids[piece])
        return [*found, self._ids[_END]]

    def pieces(self, text: str) -> Iterator[str]:
        """Give the pieces of `text`, in order; `##` stands before one that goes on with a word."""
        at = 0
        for special in _SPECIAL.finditer(text):
            yield from self._plain(text[at : special.start()])
            yield special.group()
            at = special.end()
        yield from self._plain(text[at:])

    def _plain(self, text: str) -> Iterator[str]:
        plain = "".join(map(_cleaned, text))
        bare = "".join(map(_lowered, unicodedata.normalize("NFD", plain)))
        for run in bare.split():
            for word in _words(run):
                yield from self._cut(word)

    def _cut(self, word: str) -> list[str]:
        if len(word) > _WORD_LONGEST:
            return [_UNKNOWN]
        pieces = []
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                piece = mark + word[start:end]
                if piece in self._ids:
                    break
            else:
                return [_UNKNOWN]
            pieces.append(piece)
            start = end
        return pieces


@lru_cache(4096)
def _cleaned(letter: str) -> str:
    if letter in _SPACES:
        return " "
    if letter in _NOTHING or unicodedata.category(letter) in _UNSEEN:
        return ""
    if letter.isspace():
        return " "
    code = ord(letter)
    return f" {letter} " if any(first <= code <= last for first, last in _IDEOGRAPHS) else letter


@lru_cache(4096)
def _lowered(letter: str) -> str:
    return "" if unicodedata.category(letter) == "Mn" else letter.lower()


@lru_cache(4096)
def _is_sign(letter: str) -> bool:
    return ("!" <= letter <= "~" and not letter.isalnum()) or unicodedata.category(letter).startswith("P")


def _words(run: str) -> Iterator[str]:
    start = 0
    for place, letter in enumerate(run):
        if _is_sign(letter):
            if start < place:
                yield run[start:place]
            yield letter
            start = place + 1
    if start < len(run):
        yield run[start:]
