"""What can go wrong with what is known of a business."""

from officium.kit.errors import InvalidRequest, NotFound


class InvalidProfile(InvalidRequest):
    """A business profile is not acceptable; `param` names what is not."""

    code = "invalid_profile"


class InvalidSnapshot(InvalidRequest):
    """A snapshot of the figures is not acceptable; `param` names what is not."""

    code = "invalid_snapshot"


class ImportRejected(InvalidRequest):
    """Rows of a file are not acceptable, so none was taken; `rows` says which, and why."""

    code = "import_rejected"


class InvalidInsight(InvalidRequest):
    """An insight is not acceptable; `param` names what is not."""

    code = "invalid_insight"


class InsightNotFound(NotFound):
    """The tenant has no such insight."""

    code = "insight_not_found"
