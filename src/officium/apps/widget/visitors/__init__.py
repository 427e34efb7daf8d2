"""Visitors of widgets: their sessions, what they say, and how it was answered."""

from officium.apps.widget.visitors.conversation import (
    LONGEST_MESSAGE,
    Citation,
    VisitorConversation,
    VisitorMessage,
)
from officium.apps.widget.visitors.request_log import (
    AnswerCounts,
    AnswerSummary,
    GivenAnswer,
    LoggedRequest,
    ProviderSummary,
)
from officium.apps.widget.visitors.service import Visit, VisitorService
from officium.apps.widget.visitors.session import Session, SessionSigner
from officium.apps.widget.visitors.store import AnswerRecord, Lead, NewMessage, VisitorStore

__all__ = [
    "LONGEST_MESSAGE",
    "AnswerCounts",
    "AnswerRecord",
    "AnswerSummary",
    "Citation",
    "GivenAnswer",
    "Lead",
    "LoggedRequest",
    "NewMessage",
    "ProviderSummary",
    "Session",
    "SessionSigner",
    "Visit",
    "VisitorConversation",
    "VisitorMessage",
    "VisitorService",
    "VisitorStore",
]
