"""What an agency sees of the conversations that a person answers."""

from datetime import datetime

from msgspec import Struct

from officium.apps.widget.visitors.conversation import Status

LONGEST_REPLY = 4_000
LONGEST_TITLE = 100
MOST_CANNED = 500


class InboxConversation(Struct, frozen=True, kw_only=True):
    """A conversation in the inbox. `waiting_since` is when its visitor asked for a person."""

    id: int
    widget_id: int
    visitor_id: str
    status: Status
    language: str | None
    page_url: str | None
    assigned_to: str | None
    waiting_since: datetime | None
    created_at: datetime
    updated_at: datetime


class CannedAnswer(Struct, frozen=True, kw_only=True):
    """A reply that is kept ready."""

    id: int
    title: str
    text: str
    created_at: datetime


class Waiting(Struct, frozen=True, kw_only=True):
    """A visitor who waits for a person, and of whom the agency has not been told yet."""

    tenant_id: str
    widget_id: int
    conversation_id: int
    since: datetime
