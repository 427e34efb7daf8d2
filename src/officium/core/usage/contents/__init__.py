"""What was asked and answered, kept where a tenant wants it, sealed, for some days."""

from officium.core.usage.contents.content import Heard, KeptContent, PendingContent, RequestContent
from officium.core.usage.contents.errors import ContentNotKept, InvalidLogTerms
from officium.core.usage.contents.keeper import ContentKeeper
from officium.core.usage.contents.service import ContentService
from officium.core.usage.contents.store import CONTENT_COLUMNS, ContentStore
from officium.core.usage.contents.terms import LogBounds, LogTerms, TermsBook

__all__ = [
    "CONTENT_COLUMNS",
    "ContentKeeper",
    "ContentNotKept",
    "ContentService",
    "ContentStore",
    "Heard",
    "InvalidLogTerms",
    "KeptContent",
    "LogBounds",
    "LogTerms",
    "PendingContent",
    "RequestContent",
    "TermsBook",
]
