"""What can go wrong with a conversation."""

from officium.kit.errors import Conflict, InvalidRequest, NotFound


class InvalidConversation(InvalidRequest):
    """A title, a message, a rating or a retention is not acceptable; `param` names it."""

    code = "invalid_conversation"


class ConversationFull(InvalidRequest):
    """The conversation has as many messages as one can have."""

    code = "conversation_full"


class ConversationNotFound(NotFound):
    """The caller has no such conversation."""

    code = "conversation_not_found"


class MessageNotFound(NotFound):
    """The caller has no such message."""

    code = "message_not_found"


class AnswerFinished(Conflict):
    """The answer is finished already: it can be regenerated, but not written any further."""

    code = "answer_finished"
