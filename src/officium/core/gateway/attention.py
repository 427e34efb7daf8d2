"""What a tenant should look at, before it becomes a fault."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from msgspec import Struct

from officium.core.gateway.catalogue import ModelUse
from officium.core.llm.lifecycle import find_lifecycle
from officium.core.tenancy import Caller
from officium.core.tenancy.key import ApiKey
from officium.core.usage.budgets import BudgetBalance
from officium.core.usage.tallies import Kind, Tally
from officium.kit.clock import Clock

Subject = Literal["budget", "provider", "retired", "ending", "unpriced", "key"]
NEAR_LIMIT_PERCENT = 80
FAILING_SHARE = 0.2
"""A provider needs a look when this share of its attempts in the last hours failed, of at least five."""
_FEWEST_ATTEMPTS = 5
_RECENT_HOURS = 6
_USED_HOURS = 7 * 24
KEY_ENDS_SOON = timedelta(days=14)
MODEL_ENDS_SOON = timedelta(days=90)
_MOST = 100


class Concern(Struct, frozen=True, kw_only=True):
    """Something to look at: what it is about, its `name`, and the figures that say why.

    `is_urgent`: it stops calls already, or is about to.
    """

    subject: Subject
    name: str
    is_urgent: bool
    figures: Mapping[str, str | int | None]


class Tallies(Protocol):
    """Knows what was used."""

    async def list_groups(
        self, caller: Caller, kind: Kind, hours: int, limit: int = 100
    ) -> list[tuple[str, Tally]]: ...


class Budgets(Protocol):
    """Knows the tenant's budgets."""

    async def list_budgets(self, caller: Caller, *, limit: int = 50) -> list[BudgetBalance]: ...


class Keys(Protocol):
    """Knows the tenant's keys."""

    async def list_keys(self, caller: Caller, *, after: str = "", limit: int = 100) -> list[ApiKey]: ...


class Uses(Protocol):
    """Knows where models are named."""

    async def list_uses(self, caller: Caller) -> list[ModelUse]: ...


class AttentionService:
    """Looks through what is cheap to know: budgets, providers, models and keys."""

    def __init__(self, tallies: Tallies, budgets: Budgets, keys: Keys, uses: Uses, clock: Clock) -> None:
        self._tallies = tallies
        self._budgets = budgets
        self._keys = keys
        self._uses = uses
        self._clock = clock

    async def list_concerns(self, caller: Caller) -> list[Concern]:
        """What needs attention, the most urgent first. Needs `usage:read`.

        Keys are told to administrators alone.
        """
        now = self._clock.now()
        recent = await self._tallies.list_groups(caller, "provider", _RECENT_HOURS, _MOST)
        used = await self._tallies.list_groups(caller, "model", _USED_HOURS, _MOST)
        named = await self._uses.list_uses(caller)
        found = [
            *_budgets(await self._budgets.list_budgets(caller, limit=_MOST)),
            *_providers(recent),
            *_models([key for key, _ in used], named, now.date()),
            *_unpriced(used),
        ]
        if caller.may("admin"):
            found += _keys(await self._keys.list_keys(caller, limit=_MOST), now)
        return sorted(found, key=lambda concern: not concern.is_urgent)


def _budgets(balances: Sequence[BudgetBalance]) -> list[Concern]:
    found = []
    for balance in balances:
        budget = balance.budget
        if not budget.limit:
            continue
        percent = balance.used * 100 // budget.limit
        if balance.is_exhausted or percent >= NEAR_LIMIT_PERCENT:
            figures: dict[str, str | int | None] = {
                "kind": budget.subject.kind,
                "unit": budget.unit,
                "period": budget.period,
                "percent": percent,
            }
            is_urgent = balance.is_exhausted and budget.is_hard
            found.append(
                Concern(subject="budget", name=budget.subject.id, is_urgent=is_urgent, figures=figures)
            )
    return found


def _providers(recent: Sequence[tuple[str, Tally]]) -> list[Concern]:
    return [
        Concern(
            subject="provider",
            name=key,
            is_urgent=tally.failed_attempts == tally.attempts,
            figures={"failed": tally.failed_attempts, "attempts": tally.attempts, "hours": _RECENT_HOURS},
        )
        for key, tally in recent
        if tally.attempts >= _FEWEST_ATTEMPTS and tally.failed_attempts >= FAILING_SHARE * tally.attempts
    ]


def _models(used: Sequence[str], named: Sequence[ModelUse], today: date) -> list[Concern]:
    """Models that are asked, or named somewhere, although their end has come or is near."""
    where: dict[tuple[str, str], str | None] = {}
    for key in used:
        provider, _, model = key.partition("/")
        where[provider, model] = None
    for use in named:
        where[use.provider, use.model] = use.used_by
    found = []
    for (provider, model), used_by in where.items():
        known = find_lifecycle(provider, model, today)
        ends = known.model.ends if known is not None else None
        if known is None or ends is None or known.state == "active" or ends - today > MODEL_ENDS_SOON:
            continue
        is_over = known.state == "retired"
        figures = {"ends": ends.isoformat(), "successor": known.successor, "used_by": used_by}
        found.append(
            Concern(
                subject="retired" if is_over else "ending",
                name=f"{provider}/{model}",
                is_urgent=is_over and known.successor is None,
                figures=figures,
            )
        )
    return found


def _unpriced(used: Sequence[tuple[str, Tally]]) -> list[Concern]:
    return [
        Concern(
            subject="unpriced",
            name=key,
            is_urgent=False,
            figures={"attempts": tally.attempts_without_cost},
        )
        for key, tally in used
        if tally.attempts_without_cost and tally.total_tokens
    ]


def _keys(keys: Sequence[ApiKey], now: datetime) -> list[Concern]:
    return [
        Concern(
            subject="key",
            name=key.name,
            is_urgent=key.expires_at <= now + timedelta(days=2),
            figures={"expires": key.expires_at.date().isoformat()},
        )
        for key in keys
        if key.revoked_at is None
        and key.expires_at is not None
        and now < key.expires_at <= now + KEY_ENDS_SOON
    ]
