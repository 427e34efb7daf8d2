"""What can go wrong with decisions."""

from officium.kit.errors import InvalidRequest, NotFound


class InvalidDecision(InvalidRequest):
    """A decision is not acceptable; `param` names what is not."""

    code = "invalid_decision"


class DecisionNotFound(NotFound):
    """The tenant has no such decision."""

    code = "decision_not_found"
