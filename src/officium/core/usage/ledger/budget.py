"""A budget: how much a subject may use in a period."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

SubjectKind = Literal["tenant", "member", "key", "client", "widget", "run"]
Unit = Literal["tokens", "requests", "nano_usd"]
Period = Literal["day", "month", "total"]


class Subject(Struct, frozen=True):
    """Whose use is counted. A `run` is one piece of work with a ceiling of its own, such as a conversation.

    The id of the tenant itself is the empty string.
    """

    kind: SubjectKind
    id: str


THE_TENANT = Subject("tenant", "")


class Amounts(Struct, frozen=True):
    """What was used, is held or asked for: tokens of both directions, requests, billionths of a dollar."""

    tokens: int = 0
    requests: int = 0
    nano_usd: int = 0


class Budget(Struct, frozen=True, kw_only=True):
    """A limit on one unit in one period, of which a subject has at most one each.

    Without a `limit` use is only counted. A soft budget (`is_hard` false) refuses nothing and only alerts.
    Days and months are those of `time_zone` (IANA). `alert_at` are percents of the limit, ascending.
    """

    id: str
    tenant_id: str
    subject: Subject
    unit: Unit
    period: Period
    limit: int | None
    time_zone: str = "UTC"
    is_hard: bool = True
    alert_at: tuple[int, ...] = (80, 100)
    created_at: datetime
    updated_at: datetime
    updated_by: str
