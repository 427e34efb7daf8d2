"""The root of every error Officium raises on purpose."""

from typing import ClassVar


class OfficiumError(Exception):
    """Something the reader of the error can act on.

    `code` is stable and meant for programs, the message is a sentence for people that says what to do,
    and `fields` explain it. The HTTP status of each class stands in `web/errors.py` alone.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields

    def __str__(self) -> str:
        return self.message


class InvalidRequest(OfficiumError):
    """The request is malformed or cannot be served as asked; `param` names the part, where known."""

    code = "invalid_request"


class NotAuthenticated(OfficiumError):
    """No credential, or one that is unknown, expired or revoked."""

    code = "not_authenticated"


class PermissionDenied(OfficiumError):
    """The caller is known but lacks a scope; `scope` names it."""

    code = "permission_denied"


class NotFound(OfficiumError):
    """No such thing for this caller; also the answer for another tenant's things."""

    code = "not_found"


class Conflict(OfficiumError):
    """Someone changed it first, or it exists already."""

    code = "conflict"


class LimitExceeded(OfficiumError):
    """A limit of the tenant's own was reached; `retry_after_s` says when to come back."""

    code = "limit_exceeded"


class RequestTooLarge(OfficiumError):
    """The request passes a size limit; `limit` names it."""

    code = "request_too_large"


class ServiceUnavailable(OfficiumError):
    """This server cannot answer now (starting, draining, or its database is away)."""

    code = "service_unavailable"
