"""The terms of a budget: what may be agreed, and what may be changed afterwards."""

import re
from collections.abc import Sequence
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from officium.core.usage.ledger.budget import Period, Subject, Unit
from officium.core.usage.ledger.errors import InvalidBudget

MOST_BUDGETS = 10_000
"""As many may a tenant have."""
MOST_LIMIT = 10**18
"""A billion dollars in billionths; more tokens than anybody will ever use."""
MOST_ALERTS = 5
DEFAULT_ALERTS = (80, 100)
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


class Terms(Struct, frozen=True, kw_only=True):
    """What a budget allows: without a `limit`, everything, and it only counts.

    Without a `time_zone` its days are those of the tenant.
    """

    limit: int | None
    is_hard: bool = True
    alert_at: tuple[int, ...] = DEFAULT_ALERTS
    time_zone: str | None = None


def check_subject(subject: Subject) -> None:
    """Raise InvalidBudget unless there could be such a subject."""
    match subject.kind:
        case "tenant":
            if subject.id:
                raise InvalidBudget("A budget of the whole tenant has no subject id.", param="subject_id")
        case "client" | "widget":
            if not _NUMBER.fullmatch(subject.id):
                raise InvalidBudget(
                    f"The id of a {subject.kind} is a number; {subject.id!r} is none.", param="subject_id"
                )
        case "member" | "key":
            if not _ID.fullmatch(subject.id):
                raise InvalidBudget(
                    f"{subject.id!r} is not the id of a {subject.kind}. List them to see their ids.",
                    param="subject_id",
                )
        case _:
            raise InvalidBudget(
                "A budget is of a tenant, member, key, client or widget.", param="subject_kind"
            )


def check_measure(unit: str, period: str) -> None:
    """Raise InvalidBudget unless so much may be counted in such a period."""
    if unit not in get_args(Unit):
        raise InvalidBudget("A budget counts tokens, requests or money.", param="unit")
    if period not in get_args(Period):
        raise InvalidBudget("A budget lasts a day or a month, or counts in total.", param="period")


def check_terms(terms: Terms) -> None:
    """Raise InvalidBudget unless a budget may have these terms."""
    if terms.limit is not None and not 0 <= terms.limit <= MOST_LIMIT:
        raise InvalidBudget("A limit is not negative, and at most 10^18.", param="limit")
    if not _are_alerts(terms.alert_at):
        raise InvalidBudget(
            f"Alerts are at most {MOST_ALERTS} percents from 1 to 100, each larger than the one before.",
            param="alert_at",
        )
    if terms.time_zone is not None:
        check_time_zone(terms.time_zone)


def check_time_zone(name: str) -> None:
    """Raise InvalidBudget unless this machine knows the time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidBudget(
            f"There is no time zone {name!r}. Use an IANA name such as Europe/Berlin.", param="time_zone"
        ) from error


def _are_alerts(percents: Sequence[int]) -> bool:
    is_ascending = list(percents) == sorted(set(percents))
    return len(percents) <= MOST_ALERTS and is_ascending and all(1 <= percent <= 100 for percent in percents)
