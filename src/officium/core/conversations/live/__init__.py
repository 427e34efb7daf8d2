"""Answers that are produced apart from the request that asked for them: a reader may leave and come back."""

from officium.core.conversations.live.errors import AnswerNotFound
from officium.core.conversations.live.event import INTERRUPTED, STOPPED, Event, NumberedEvent
from officium.core.conversations.live.service import LiveAnswers
from officium.core.conversations.live.store import AnswerStore

__all__ = [
    "INTERRUPTED",
    "STOPPED",
    "AnswerNotFound",
    "AnswerStore",
    "Event",
    "LiveAnswers",
    "NumberedEvent",
]
