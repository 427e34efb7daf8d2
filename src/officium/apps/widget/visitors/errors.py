"""What can go wrong between a visitor and a widget."""

from officium.kit.errors import InvalidRequest, NotAuthenticated, NotFound, PermissionDenied


class OriginNotAllowed(PermissionDenied):
    """The page that asks is not among those that may show the widget."""

    code = "origin_not_allowed"


class VisitorSessionInvalid(NotAuthenticated):
    """The visitor's session is unknown, has ended, or belongs to another widget or page."""

    code = "visitor_session_invalid"


class InvalidMessage(InvalidRequest):
    """What a visitor sent is not acceptable; `param` names it."""

    code = "invalid_visitor_message"


class ConversationNotFound(NotFound):
    """The visitor, or the widget, has no such conversation."""

    code = "visitor_conversation_not_found"


class MessageNotFound(NotFound):
    """The visitor has no such message."""

    code = "visitor_message_not_found"
