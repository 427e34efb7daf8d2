"""What can go wrong with kept prompts and answers."""

from officium.kit.errors import InvalidRequest, NotFound


class InvalidLogTerms(InvalidRequest):
    """What the log is to keep, or for how long, is not acceptable; `param` names it."""

    code = "invalid_log_terms"


class ContentNotKept(NotFound):
    """Nothing of what was asked and answered is kept of this request."""

    code = "content_not_kept"
