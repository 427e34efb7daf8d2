"""What can go wrong in the writer's room. That no model answers is not among it: see `plain.py`."""

from officium.kit.errors import InvalidRequest, NotFound


class InvalidDraftRequest(InvalidRequest):
    """What is to be written cannot be; `param` names the part."""

    code = "invalid_draft_request"


class DraftNotFound(NotFound):
    """The tenant has no draft with this id, or no longer."""

    code = "draft_not_found"


class StyleRuleNotFound(NotFound):
    """The user has no such rule of style."""

    code = "style_rule_not_found"
