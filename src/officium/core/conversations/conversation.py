"""A conversation, and what may be said of it."""

import unicodedata
from datetime import datetime

from msgspec import Struct

from officium.core.conversations.errors import InvalidConversation

LONGEST_TITLE = 200
_TITLE_MADE_OF = 60
_MARKS = "#>*_`~-•\"'“”„«» "


class Conversation(Struct, frozen=True, kw_only=True):
    """A thread of messages with a persona or another part of the product.

    Its messages are a tree; `leaf_id` is the last message of the branch that is shown. `owner` is
    `member:<id>` or `key:<id>`. `updated_at` is when something was last said or changed.
    """

    id: int
    tenant_id: str
    owner: str
    app: str
    persona: str | None
    title: str
    leaf_id: int | None
    message_count: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None


class MessageTokens(Struct, frozen=True, kw_only=True):
    """The tokens of a tenant's messages, as their metadata has them; `messages` is how many had any."""

    tenant_id: str
    input: int
    output: int
    total: int
    messages: int


def title_from(text: str) -> str:
    """A title made of the first words of a message: one line, 60 characters at most, cut between words."""
    words = " ".join(clean(text).split()).strip(_MARKS)
    if len(words) <= _TITLE_MADE_OF:
        return words
    cut = words[:_TITLE_MADE_OF]
    head, space, _ = cut.rpartition(" ")
    # Without a space near the end (Chinese, an address) it is cut where it is.
    kept = head if space and len(head) >= _TITLE_MADE_OF // 2 else cut[:-1]
    while unicodedata.combining(words[len(kept)]) and len(kept) > 1:
        kept = kept[:-1]
    return kept.rstrip(" ,;:.-(") + "…"


def checked_title(title: str) -> str:
    """The title without stray spaces. Raises InvalidConversation where it is empty or too long."""
    kept = " ".join(clean(title).split())
    if not 1 <= len(kept) <= LONGEST_TITLE:
        raise InvalidConversation(f"A title has 1 to {LONGEST_TITLE} characters.", param="title")
    return kept


def clean(text: str) -> str:
    """The text without what no database or encoding takes: NUL and halves of surrogate pairs become �."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
