"""Answers to visitors: from a model, the knowledge base, or a friendly default."""

from officium.apps.widget.answers.retrieval import LiveEntries, Retrieval
from officium.apps.widget.answers.service import (
    AnswerEvent,
    AnswerService,
    Begun,
    Finished,
    Piece,
    Question,
    Withdrawn,
)

__all__ = [
    "AnswerEvent",
    "AnswerService",
    "Begun",
    "Finished",
    "LiveEntries",
    "Piece",
    "Question",
    "Retrieval",
    "Withdrawn",
]
