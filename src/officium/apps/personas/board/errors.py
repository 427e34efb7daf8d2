"""What can go wrong with a board meeting."""

from officium.kit.errors import InvalidRequest


class CeilingTooLow(InvalidRequest):
    """Under this ceiling not even the opinions could be heard; `least` says what would do."""

    code = "ceiling_too_low"
