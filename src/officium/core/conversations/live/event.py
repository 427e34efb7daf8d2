"""An event of an answer, and how answers end."""

from typing import Literal

from msgspec import Struct, json

from officium.core.conversations.owner import owner_of
from officium.core.tenancy import Caller
from officium.kit.errors import InvalidRequest

Event = tuple[str, str]
"""A name and its data, which is JSON on one line."""
Ending = Literal["complete", "stopped", "abandoned", "failed", "too_large", "restarted", "crashed"]
"""How an answer ended: by itself; stopped by its owner; because nobody read it any more; by a fault of its
producer; beyond the largest size; because its process was stopped, or died."""
STOPPED = "stopped"
"""The name of the last event of an answer that its owner stopped."""
INTERRUPTED = "interrupted"
"""The name of the last event of an answer that did not end by itself; its data has the `reason`."""
LONGEST_ID = 64


class NumberedEvent(Struct, frozen=True):
    """An event in its place: an answer's first one has the id 1, and none is left out."""

    id: int
    name: str
    data: str


class AnswerKey(Struct, frozen=True, order=True):
    """Whose answer it is, and its id, which is its owner's to choose."""

    tenant_id: str
    owner: str
    answer_id: str


def key_of(caller: Caller, answer_id: str) -> AnswerKey:
    """The key of an answer of the caller's. Raises InvalidRequest."""
    if not 1 <= len(answer_id) <= LONGEST_ID or not (answer_id.isascii() and answer_id.isprintable()):
        raise InvalidRequest(
            f"An answer's id has 1 to {LONGEST_ID} printable ASCII characters.", param="answer_id"
        )
    return AnswerKey(caller.tenant_id, owner_of(caller), answer_id)


def last_words(ending: Ending) -> Event:
    """What a reader is told at the end of an answer that is not complete."""
    if ending == "stopped":
        return STOPPED, "{}"
    return INTERRUPTED, json.encode({"reason": ending}).decode()
