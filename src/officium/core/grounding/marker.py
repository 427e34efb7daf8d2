"""Findings in a text that is still being written."""

from officium.core.grounding.check import LONGEST_TEXT, Checker
from officium.core.grounding.finding import Finding
from officium.core.grounding.scope import Trail
from officium.core.grounding.sentence import LOOKAHEAD, Sentence, sentence_end


class Marker:
    """Takes a text in pieces and judges each figure when its sentence is over.

    However a text is cut, the findings and their places are those of `Checker.check` on the whole of it.
    """

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._trail = Trail()
        self._rest = ""
        self._pieces: list[str] = []
        self._waiting = 0
        self._start = 0
        self._length = 0

    def feed(self, piece: str) -> list[Finding]:
        """Take the next piece of the text; the findings in the sentences that it completes."""
        piece = piece[: max(0, LONGEST_TEXT - self._length)]
        self._length += len(piece)
        self._pieces.append(piece)
        self._waiting += len(piece)
        if "\n" not in piece and self._waiting < LOOKAHEAD:
            return []
        return self._read(is_whole=False)

    def close(self) -> list[Finding]:
        """The findings in what has not been judged yet; the text is over."""
        return self._read(is_whole=True)

    def _read(self, *, is_whole: bool) -> list[Finding]:
        text, start = self._rest + "".join(self._pieces), 0
        found: list[Finding] = []
        while (end := sentence_end(text, start, is_whole=is_whole)) is not None:
            sentence = Sentence(text[start:end], self._start + start)
            found += self._checker.read(sentence, self._trail)
            start = end
        self._start += start
        self._rest, self._pieces, self._waiting = text[start:], [], 0
        return found
