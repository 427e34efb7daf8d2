"""Conversations: what was asked and answered, kept as a tree of messages."""

from officium.core.conversations.conversation import Conversation, MessageTokens, title_from
from officium.core.conversations.errors import (
    AnswerFinished,
    ConversationFull,
    ConversationNotFound,
    InvalidConversation,
    MessageNotFound,
)
from officium.core.conversations.export import ExportFormat
from officium.core.conversations.message import (
    Feedback,
    Message,
    Metadata,
    Rating,
    Role,
    ShownMessage,
    Status,
    answer_metadata,
)
from officium.core.conversations.owner import owner_of, sees_all
from officium.core.conversations.page import Page
from officium.core.conversations.search import Found
from officium.core.conversations.service import ConversationService
from officium.core.conversations.store import ConversationStore, Wanted

__all__ = [
    "AnswerFinished",
    "Conversation",
    "ConversationFull",
    "ConversationNotFound",
    "ConversationService",
    "ConversationStore",
    "ExportFormat",
    "Feedback",
    "Found",
    "InvalidConversation",
    "Message",
    "MessageNotFound",
    "MessageTokens",
    "Metadata",
    "Page",
    "Rating",
    "Role",
    "ShownMessage",
    "Status",
    "Wanted",
    "answer_metadata",
    "owner_of",
    "sees_all",
    "title_from",
]
