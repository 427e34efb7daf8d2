"""A letter: what a destination is told, in words for people and in fields for programs."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from officium.core.usage.ledger.budget import Subject, Unit

LetterType = Literal["budget.threshold_reached", "conversation.waiting", "test"]

_NANO = 1_000_000_000
_PERIODS = {"day": "day", "month": "month"}


class Alert(Struct, frozen=True, kw_only=True):
    """The moment a budget's use passed one of its thresholds, in percent of the limit.

    `used` and `limit` are those of that moment, in the budget's unit. `ends_at` is when the period ends and
    the budget begins anew; `None` where it never does.
    """

    id: str
    tenant_id: str
    tenant_name: str
    budget_id: str
    subject: Subject
    unit: Unit
    period: str
    time_zone: str
    is_hard: bool
    period_start: str
    threshold: int
    used: int
    limit: int
    ends_at: datetime | None
    created_at: datetime


class Letter(Struct, frozen=True, kw_only=True):
    """`id` stays the same however often the letter is sent, so that a repetition is known as one."""

    id: str
    type: LetterType
    created_at: datetime
    title: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


def letter_about(alert: Alert) -> Letter:
    """What there is to say about an alert."""
    return Letter(
        id=alert.id,
        type="budget.threshold_reached",
        created_at=alert.created_at,
        title=_title(alert),
        text="\n".join(_lines(alert)),
        facts={"budget": _facts(alert)},
    )


def test_letter(id: str, created_at: datetime) -> Letter:
    """What a destination gets when someone tries it."""
    return Letter(
        id=id,
        type="test",
        created_at=created_at,
        title="This is a test",
        text="Somebody asked for this message, to see whether alerts about budgets arrive here. They do.",
    )


def _title(alert: Alert) -> str:
    state = "is used up" if alert.threshold >= 100 else f"is used to {alert.threshold} %"
    return f"{_one_line(alert.tenant_name)}: the budget of {_subject(alert.subject)} {state}"


def _lines(alert: Alert) -> list[str]:
    percent = alert.used * 100 // alert.limit if alert.limit else 100
    return [
        f"{_title(alert)}.",
        "",
        f"Used:      {_amount(alert.used, alert.unit)} ({percent} %)",
        f"Limit:     {_amount(alert.limit, alert.unit)}{_per(alert.period)}",
        f"Period:    {_period(alert)}",
        f"Threshold: {alert.threshold} %",
        "",
        _consequence(alert),
        _renewal(alert),
    ]


def _consequence(alert: Alert) -> str:
    if not alert.is_hard:
        return "Nothing is refused: this budget only gives notice."
    if alert.used >= alert.limit:
        return "Further calls are refused."
    return "When the limit is reached, calls are refused."


def _renewal(alert: Alert) -> str:
    if alert.ends_at is None:
        return "The budget does not begin anew by itself: raise the limit, or have it reset."
    local = alert.ends_at.astimezone(ZoneInfo(alert.time_zone))
    return f"The budget begins anew on {local:%Y-%m-%d} at {local:%H:%M} ({alert.time_zone})."


def _period(alert: Alert) -> str:
    if alert.period not in _PERIODS:
        return "all time"
    return f"the {_PERIODS[alert.period]} {alert.period_start} ({alert.time_zone})"


def _per(period: str) -> str:
    return f" a {_PERIODS[period]}" if period in _PERIODS else " in all"


def _subject(subject: Subject) -> str:
    if subject.kind == "tenant":
        return "the tenant"
    return f"the {subject.kind} {_one_line(subject.id)}"


def _amount(amount: int, unit: Unit) -> str:
    if unit == "nano_usd":
        return f"{Decimal(amount) / _NANO:,.2f} US dollars"
    return f"{amount:,} {unit}"


def _facts(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.budget_id,
        "tenant_id": alert.tenant_id,
        "subject": {"kind": alert.subject.kind, "id": alert.subject.id},
        "unit": alert.unit,
        "period": alert.period,
        "period_start": alert.period_start,
        "time_zone": alert.time_zone,
        "is_hard": alert.is_hard,
        "threshold_percent": alert.threshold,
        "used": alert.used,
        "limit": alert.limit,
        "begins_anew_at": alert.ends_at,
    }


def _one_line(text: str) -> str:
    """Names come from callers: one with a line break would write headers of its own into a mail."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
