"""What is to be expected of a budget, in a sentence."""

from collections.abc import Callable

from officium.core.usage.budgets.balance import BudgetBalance
from officium.web.console.amounts import clock, day, moment

Say = Callable[..., str]


def outlook(say: Say, balance: BudgetBalance) -> str:
    """When nothing is left at the current rate, or until when it lasts."""
    zone, runs_out_at, ends_at = balance.budget.time_zone, balance.forecast.runs_out_at, balance.ends_at
    if balance.budget.limit is None:
        return say("outlook.counts")
    if balance.is_exhausted:
        return say("outlook.used_up_for_good") if ends_at is None else _used_up(say, balance)
    if balance.used + balance.held == 0 and not balance.forecast.daily_use:
        return say("outlook.unused")
    if runs_out_at is not None and balance.budget.period == "day":
        return say("outlook.today", when=clock(runs_out_at, zone))
    if runs_out_at is not None:
        return say("outlook.runs_out", when=day(runs_out_at, zone))
    if balance.forecast.daily_use is None:
        return say("outlook.unknown")
    return (
        say("outlook.lasts_for_long") if ends_at is None else say("outlook.lasts", when=moment(ends_at, zone))
    )


def _used_up(say: Say, balance: BudgetBalance) -> str:
    assert balance.ends_at is not None
    return say("outlook.used_up", when=moment(balance.ends_at, balance.budget.time_zone))
