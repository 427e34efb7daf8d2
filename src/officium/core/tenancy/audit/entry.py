"""A line of the audit log: who changed what, when, and how it was before and after."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from officium.kit.ids import new_id

Values = Mapping[str, object]
"""Names and values that JSON can hold. Never a secret: say `"replaced"`, or show its last characters."""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """A change that was made. Who made it, and for which tenant, is the caller's to say when it is recorded.

    `action` is what happened, such as `key.revoked`; `thing` is the kind of what it happened to (`key`) and
    `thing_id` its id. `before` is `None` for what was made, `after` for what was deleted. `member_id` is the
    person for whom a trusted service spoke.
    """

    id: str = field(default_factory=lambda: new_id("aud"))
    at: datetime
    action: str
    thing: str
    thing_id: str
    before: Values | None = None
    after: Values | None = None
    member_id: str | None = None
    request_id: str | None = None


class RecordedEntry(AuditEntry, frozen=True, kw_only=True):
    """An entry as it stands in the log."""

    tenant_id: str
    actor: str
