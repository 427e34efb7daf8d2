"""Part four: days and months begin once each, on time, whatever clocks and calendars do."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from officium.core.usage.ledger import THE_TENANT, LedgerService, Need, OutOfCredits
from officium.core.usage.ledger.period import period_of
from officium.testing.ledger_trial.verdict import Verdict
from officium.testing.ledger_trial.workshop import TrialClock, Workshop, a_little, label, open_workshop

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Apia",
)
"""Whole, half and quarter hours, both hemispheres, clocks changed at midnight, the date line's both sides."""

ODD_DAYS = (
    ("Europe/Berlin", date(2027, 3, 28)),  # 23 hours
    ("Europe/Berlin", date(2027, 10, 31)),  # 25 hours
    ("America/New_York", date(2027, 3, 14)),
    ("America/New_York", date(2027, 11, 7)),
    ("Australia/Lord_Howe", date(2027, 4, 4)),  # half an hour
    ("Africa/Cairo", date(2027, 4, 30)),  # there is no midnight
    ("Africa/Cairo", date(2027, 10, 29)),  # midnight comes twice
    ("America/Sao_Paulo", date(2018, 11, 4)),  # there is no midnight
    ("America/Sao_Paulo", date(2019, 2, 16)),  # the day ends twice
    ("Pacific/Apia", date(2011, 12, 31)),  # the day before was left out
    ("UTC", date(2028, 2, 29)),
    ("Asia/Kolkata", date(2028, 3, 1)),
    ("America/Los_Angeles", date(2028, 1, 1)),
    ("Pacific/Auckland", date(2027, 9, 26)),
)
_STEP = timedelta(minutes=15)
_A_MOMENT = timedelta(microseconds=1)
_FARTHEST = timedelta(hours=15)
_LIMIT = 10


async def try_resets(verdict: Verdict, url: str, *, days: int) -> None:
    """`days` days in each of the zones by calculation, and the odd days with a ledger and a clock."""
    verdict.begin(
        f"Resets: {len(ZONES)} time zones, {days} days each, and {len(ODD_DAYS)} odd days with a ledger"
    )
    begun, late, missed = _calculate(days)
    verdict.judge(
        "each day and each month begins once, when clocks there first say so",
        missed == 0,
        f"{begun:,} days, {missed} missed or doubled, at most {late:.0f} s late",
    )
    faults = [fault async for fault in _live_through(url)]
    verdict.judge(
        "what was used up is there again when the day begins, once, also when the clock jumps",
        not faults,
        "; ".join(faults) or f"0 faults on {len(ODD_DAYS)} days, 0 s late",
    )


def _calculate(days: int) -> tuple[int, float, int]:
    """How many days began, by how many seconds the latest was late, and how many were wrong."""
    begun = missed = 0
    late_s = 0.0
    for name in ZONES:
        zone, day = ZoneInfo(name), date(2027, 1, 1)
        for _ in range(days):
            moment = first_moment(day, zone)
            span = period_of("day", name, moment)
            late_s = max(late_s, abs((span.starts_at - moment).total_seconds()))
            before = period_of("day", name, moment - _A_MOMENT)
            is_right = span.key == day.isoformat() and before.ends_at == span.starts_at == moment
            if day.day == 1:
                month = period_of("month", name, moment)
                last = period_of("month", name, moment - _A_MOMENT)
                is_right &= month.key == f"{day:%Y-%m}" and last.ends_at == month.starts_at == moment
            missed += not is_right
            begun += 1
            day += timedelta(days=1)
    return begun, late_s, missed


def first_moment(day: date, zone: ZoneInfo) -> datetime:
    """When clocks of `zone` first show `day`, or a later one; found by looking at them again and again."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - _FARTHEST
    while moment.astimezone(zone).date() < day:
        moment += _STEP
    low, high = moment - _STEP, moment
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle <= low:
            break
        low, high = (middle, high) if middle.astimezone(zone).date() < day else (low, middle)
    return high


async def _live_through(url: str) -> AsyncIterator[str]:
    """Each odd day with a budget of its own; what went wrong."""
    for name, day in ODD_DAYS:
        begins = first_moment(day, ZoneInfo(name))
        clock = TrialClock(begins - timedelta(hours=1))
        async with open_workshop(url, clock) as shop:
            await shop.a_budget(_LIMIT, time_zone=name)
            ledger = await shop.a_ledger(wait_s=0.0)
            expected, found = [], []
            for offset_s, is_free in _VISITS:
                clock.moment = begins + timedelta(seconds=offset_s)
                expected.append(is_free)
                found.append(await _use_up(shop, ledger))
            if found != expected:
                yield f"{name} {day}: {found}, not {expected}"


_VISITS = (
    (-3600, True),  # yesterday's, used up
    (-1, False),  # to its last second
    (0, True),  # and there again in the first second
    (1, False),
    (-1, False),  # the clock jumps back: yesterday stays used up
    (-3600, False),
    (2, False),  # and forth: today begins no second time
    (40_000, False),
)
"""When somebody comes, in seconds from the beginning of the day, and whether there is anything left."""


async def _use_up(shop: Workshop, ledger: LedgerService) -> bool:
    """Spend all that is left; whether there was anything."""
    need = Need(fixed=a_little(0), output_tokens=_LIMIT, least_output_tokens=1)
    try:
        hold = await ledger.hold(shop.caller, (THE_TENANT,), need, label(0), is_stream=False)
    except OutOfCredits:
        return False
    ledger.settle(hold, a_little(hold.output_tokens), "provider")
    await ledger.flush()
    return True
