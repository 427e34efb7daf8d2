"""What can go wrong with saved questions."""

from officium.kit.errors import InvalidRequest, NotFound


class SavedQuestionNotFound(NotFound):
    """The widget has no such saved question."""

    code = "saved_question_not_found"


class InvalidSavedQuestion(InvalidRequest):
    """A saved question is not acceptable; `param` names what is not."""

    code = "invalid_saved_question"
