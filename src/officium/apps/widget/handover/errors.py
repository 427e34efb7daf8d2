"""What can go wrong with hand-overs."""

from officium.kit.errors import InvalidRequest, NotFound


class InvalidReply(InvalidRequest):
    """A reply, or an answer to keep ready, is not acceptable; `param` names what is not."""

    code = "invalid_reply"


class CannedAnswerNotFound(NotFound):
    """The widget has no such answer ready."""

    code = "canned_answer_not_found"
