"""A client's credits: what is left of each limit, which one binds first, and where its answers came from."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from msgspec import Struct

from officium.apps.widget.client import MEASURES, Client, limit_name
from officium.core.usage.budgets.balance import BudgetBalance, binding_budget


class AnswerCounts(Struct, frozen=True, kw_only=True):
    """How many answers came from where. Only those of a model spend credits."""

    llm: int = 0
    knowledge_base: int = 0
    default: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.llm + self.knowledge_base + self.default


class ClientCredits(Struct, frozen=True, kw_only=True):
    """Where a client stands. `balances` are those of its limits by their names, such as `daily_token_limit`.

    `binds_first` is the name of the one that stops it first at the current rate, `None` where none is to be
    seen. Answers, tokens and cost are those of the last 30 days; what nobody knows the price of costs nothing
    here, and `has_unknown_cost` says that there is some.
    """

    client: Client
    balances: Mapping[str, BudgetBalance]
    binds_first: str | None
    answers: AnswerCounts
    tokens: int
    cost_nano_usd: int
    has_unknown_cost: bool

    @property
    def is_exhausted(self) -> bool:
        """Whether a hard limit has no room left, so that models answer no more for now."""
        return any(one.is_exhausted and one.budget.is_hard for one in self.balances.values())

    @property
    def runs_out_at(self) -> datetime | None:
        """When the credits are used up at the current rate; `None` where they last."""
        return self.balances[self.binds_first].forecast.runs_out_at if self.binds_first else None


class ClientDay(Struct, frozen=True, kw_only=True):
    """What happened for a client on a day of its time zone."""

    day: date
    answers: AnswerCounts
    requests: int
    tokens: int
    cost_nano_usd: int
    has_unknown_cost: bool


def limits_of(
    balances: Sequence[BudgetBalance], now: datetime
) -> tuple[dict[str, BudgetBalance], str | None]:
    """Where each limit of a client stands, by its name, and which one binds first."""
    known = {limit_name(one.budget.unit, one.budget.period): one for one in balances}
    order = [*(name for name in MEASURES if name in known), *(name for name in known if name not in MEASURES)]
    named = {name: known[name] for name in order}
    first = binding_budget(named.values(), now)
    return named, next((name for name, one in named.items() if one.budget.id == first), None)
