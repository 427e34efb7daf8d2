"""The writer's room: mails, reminders and summaries that say what the record says, and how sure that is."""

from officium.apps.writer.author import Author, ClientAuthor, Written
from officium.apps.writer.contexts import (
    ComplianceContext,
    Context,
    DealContext,
    DealSummaryContext,
    EmailDraftContext,
    Note,
    NoteSummaryContext,
    OrderReceivedContext,
    ReminderDraftContext,
)
from officium.apps.writer.results import (
    ActionItem,
    ComplianceResult,
    DealSummaryResult,
    DraftClaim,
    DraftEmailResult,
    DraftReminderResult,
    Evidence,
    NoteSummaryResult,
    OrderReceivedResult,
    Result,
)
from officium.apps.writer.writer import WriterService

__all__ = [
    "ActionItem",
    "Author",
    "ClientAuthor",
    "ComplianceContext",
    "ComplianceResult",
    "Context",
    "DealContext",
    "DealSummaryContext",
    "DealSummaryResult",
    "DraftClaim",
    "DraftEmailResult",
    "DraftReminderResult",
    "EmailDraftContext",
    "Evidence",
    "Note",
    "NoteSummaryContext",
    "NoteSummaryResult",
    "OrderReceivedContext",
    "OrderReceivedResult",
    "ReminderDraftContext",
    "Result",
    "WriterService",
    "Written",
]
