"""What can go wrong between a budget and those who want to hear of it."""

from officium.kit.errors import InvalidRequest, LimitExceeded, NotFound, OfficiumError


class InvalidDestination(InvalidRequest):
    """A destination's kind or target is not acceptable; `param` names it."""

    code = "invalid_alert_destination"


class DestinationNotFound(NotFound):
    """No destination with this id in the caller's tenant."""

    code = "alert_destination_not_found"


class TooManyTests(LimitExceeded):
    """The tenant asked for another test message a moment ago; `retry_after_s` says when it may again."""

    code = "too_many_test_alerts"


class DeliveryFailed(OfficiumError):
    """A webhook or a mail server did not take a letter; the message says what it did instead."""

    code = "alert_not_delivered"


class InvalidSmtpUrl(OfficiumError):
    """The address of the mail server is not acceptable."""

    code = "invalid_smtp_url"
