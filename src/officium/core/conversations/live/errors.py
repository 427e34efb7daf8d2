"""What can go wrong with a live answer."""

from officium.kit.errors import NotFound


class AnswerNotFound(NotFound):
    """The caller has no such answer, or it ended more than a day ago."""

    code = "answer_not_found"
