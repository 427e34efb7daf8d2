"""Thoughts that a model without a reasoning parser leaves inside its text, between two tags."""

_QUOTES = ("`", '"', "'")


class ThinkTags:
    """Splits streamed text into (text, reasoning), whatever the cuts.

    A tag behind a quote or a backtick is one the model speaks about. White space right behind a tag
    belongs to the tag.
    """

    def __init__(self, name: str = "think") -> None:
        self._tags = (f"<{name}>", f"</{name}>")
        self._is_thinking = False
        self._follows_tag = False
        self._rest = ""
        self._last = ""

    def feed(self, said: str) -> tuple[str, str]:
        """Take in the next piece; give what of it is surely text, and surely reasoning."""
        said = self._rest + said
        self._rest = ""
        texts: list[str] = []
        thoughts: list[str] = []
        while said:
            tag = self._tags[self._is_thinking]
            place = self._find(said, tag)
            held = _held_back(said, tag) if place < 0 else 0
            end = place if place >= 0 else len(said) - held
            (thoughts if self._is_thinking else texts).append(self._take(said[:end]))
            if place < 0:
                self._rest = said[end:]
                break
            said = said[place + len(tag) :]
            self._is_thinking = not self._is_thinking
            self._follows_tag = True
            self._last = ""
        return "".join(texts), "".join(thoughts)

    def close(self) -> tuple[str, str]:
        """Give what was held back because it might have become a tag."""
        rest, self._rest = self._rest, ""
        return ("", self._take(rest)) if self._is_thinking else (self._take(rest), "")

    def _find(self, said: str, tag: str) -> int:
        """Where `tag` begins, quoted ones passed over; -1 for nowhere."""
        place = said.find(tag)
        while place >= 0 and not self._is_thinking and self._before(said, place) in _QUOTES:
            place = said.find(tag, place + 1)
        return place

    def _before(self, said: str, place: int) -> str:
        return said[place - 1] if place else self._last

    def _take(self, piece: str) -> str:
        if self._follows_tag:
            piece = piece.lstrip()
            self._follows_tag = not piece
        if piece:
            self._last = piece[-1]
        return piece


def _held_back(said: str, tag: str) -> int:
    """How many of the last characters might be the beginning of `tag`."""
    for length in range(min(len(tag) - 1, len(said)), 0, -1):
        if tag.startswith(said[-length:]):
            return length
    return 0
