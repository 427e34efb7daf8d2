"""Finding words in what was said, whatever their case, in any language and on any database."""

import unicodedata

from msgspec import Struct

from officium.core.conversations.conversation import Conversation, clean

LONGEST_SEARCH = 200
_AROUND = 80


class Found(Struct, frozen=True, kw_only=True):
    """A conversation with the words in its title or in a message.

    `message_id` is the newest message that has them, and `excerpt` what stands around them there.
    """

    conversation: Conversation
    message_id: int | None
    excerpt: str | None


def fold(text: str) -> str:
    """The text in a form in which case and the way letters are put together make no difference."""
    return unicodedata.normalize("NFC", clean(text)).casefold()


def excerpt_around(text: str, folded_words: str) -> str:
    """What stands around the words, on one line; the text's beginning where they are not in it."""
    composed = unicodedata.normalize("NFC", text)
    place = fold(text).find(folded_words)
    start = max(0, _origin(composed, max(place, 0)) - _AROUND)
    end = min(len(composed), start + 2 * _AROUND + len(folded_words))
    inside = " ".join(composed[start:end].split())
    return f"{'…' if start else ''}{inside}{'…' if end < len(composed) else ''}"


def _origin(composed: str, place: int) -> int:
    """The position in a text of what stands at `place` in its folded form, where ß is two letters."""
    passed = 0
    for position, letter in enumerate(composed):
        if passed >= place:
            return position
        passed += len(letter.casefold())
    return len(composed)
