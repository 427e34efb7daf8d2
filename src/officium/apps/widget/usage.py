"""What a widget used of what it may use."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from officium.apps.widget.client import limit_name
from officium.core.usage.budgets.balance import BudgetBalance, binding_budget
from officium.core.usage.reports import Outcomes

EXHAUSTED_NOTICE = "You've reached your free AI limit. Upgrade for unlimited!"
"""Meant for the owner of a widget whose credits are used up; visitors cannot upgrade."""


class LlmUsage(Struct, frozen=True, kw_only=True):
    """A row of `client_llm_usage`: a widget, and the limits it is under.

    A limit is the widget's own, or else its client's, which holds for all widgets of the client together.
    """

    client_id: int
    widget_id: int
    monthly_token_limit: int | None
    daily_token_limit: int | None
    monthly_request_limit: int | None
    daily_request_limit: int | None
    tokens_used_today: int
    tokens_used_this_month: int
    requests_made_today: int
    requests_made_this_month: int
    total_tokens_used: int
    total_requests_made: int
    credits_exhausted: bool


class WidgetUsage(Struct, frozen=True, kw_only=True):
    """A widget's usage, and the limit that will stop it first at the current rate: `daily_token_limit`."""

    usage: LlmUsage
    binds_first: str | None


class WidgetAnalytics(Struct, frozen=True, kw_only=True):
    """A widget's usage, and how its requests of the last 30 days ended."""

    usage: LlmUsage
    analytics: Outcomes


def binding_limit(balances: Sequence[BudgetBalance], now: datetime) -> str | None:
    """The name of the limit that will stop a subject first; `None` where none is to be seen."""
    first = binding_budget(balances, now)
    return next(
        (
            limit_name(balance.budget.unit, balance.budget.period)
            for balance in balances
            if balance.budget.id == first
        ),
        None,
    )
