"""What can go wrong with a comparison."""

from officium.kit.errors import Conflict, InvalidRequest, NotFound


class InvalidComparison(InvalidRequest):
    """These models cannot be compared."""

    code = "invalid_comparison"


class ComparisonNotFound(NotFound):
    """There is no such comparison of the caller's."""

    code = "comparison_not_found"


class AlreadyVoted(Conflict):
    """A vote is given once: afterwards its voter knows who was who."""

    code = "already_voted"
