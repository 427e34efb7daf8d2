"""A bookkeeper who knows nothing of the ledger but its promises, and keeps books of their own beside it."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from officium.core.usage.ledger.budget import Amounts, Budget, Subject
from officium.core.usage.ledger.operation import (
    Answer,
    CounterKey,
    ExpireHold,
    ExtendHold,
    Granted,
    MustWait,
    Operation,
    PlaceHold,
    Refused,
    ReleaseHold,
    RenewHolds,
    ResetCounters,
    SettleHold,
)
from officium.core.usage.ledger.period import period_of

Ref = tuple[str, str, str]


class PromiseBroken(Exception):
    """The ledger did what it must not do."""


class _Call(Struct):
    refs: list[Ref]
    held: Amounts
    is_stream: bool
    expires_at: datetime
    streamed: Amounts = Amounts()
    charged: Amounts | None = None
    is_final: bool = False
    is_released: bool = False


class Bookkeeper:
    """Follows every operation and its answer.

    Raises PromiseBroken where a grant passes a hard limit, where a refusal was not needed, or where the
    ledger's counters say another thing than these books.
    """

    def __init__(self, budgets: Mapping[str, Budget]) -> None:
        self.budgets = budgets
        self.used: dict[CounterKey, int] = defaultdict(int)
        self.held: dict[CounterKey, int] = defaultdict(int)
        self.calls: dict[str, _Call] = {}
        self._waited_for: set[Subject] = set()

    def follow(self, operations: Sequence[Operation], answers: Sequence[Answer]) -> None:
        """Take in a batch."""
        self._waited_for.clear()
        for operation, answer in zip(operations, answers, strict=True):
            self._follow(operation, answer)

    def _follow(self, operation: Operation, answer: Answer) -> None:
        match operation:
            case PlaceHold():
                self._follow_hold(operation, answer)
            case ExtendHold():
                self._follow_extension(operation, answer is True)
            case RenewHolds():
                self._follow_renewal(operation)
            case SettleHold():
                self._follow_end(operation)
            case ReleaseHold():
                self._let_go(operation.hold_id)
            case ExpireHold():
                self._follow_expiry(operation, answer is True)
            case ResetCounters():
                for key in operation.keys:
                    self.used[key] = 0

    def open_calls(self) -> list[str]:
        """The calls that have a hold."""
        return [name for name, call in self.calls.items() if call.charged is None]

    def check(self, counters: Mapping[CounterKey, tuple[int, int]]) -> None:
        """Compare with the ledger's own counters, each as (used, held)."""
        for key, counter in counters.items():
            mine = (self.used[key], self.held[key])
            _promise(counter == mine, f"{key} says {counter}, and {mine} was used and held")
            _promise(min(counter) >= 0, f"{key} is negative: {counter}")

    def check_nothing_is_missing(self, counters: Collection[CounterKey]) -> None:
        """Every counter that something was used or held on must be there."""
        lost = {key for key in (*self.used, *self.held) if key not in counters}
        _promise(not any(self.used[key] or self.held[key] for key in lost), f"there is no counter for {lost}")

    def _follow_hold(self, operation: PlaceHold, answer: Answer) -> None:
        need, refs = operation.need, self._refs(operation)
        match answer:
            case Granted():
                named: list[Ref] = [tuple(ref) for ref in json.loads(answer.counters)]
                _promise(sorted(named) == sorted(refs), f"a hold lies on {named}, not on {refs}")
                tokens = answer.output_tokens
                _promise(_least(operation) <= tokens <= need.output_tokens, f"{tokens} tokens were granted")
                _promise(answer.amounts == _amounts(operation, tokens), "it holds another amount")
                self._hold(refs, answer.amounts)
                self.calls[operation.id] = _Call(
                    refs, answer.amounts, operation.is_stream, operation.expires_at
                )
            case Refused():
                _promise(
                    not self._fits(refs, _amounts(operation, _least(operation))), "a call was refused in vain"
                )
            case MustWait():
                _promise(operation.may_wait, "a call waits that may not")
                is_behind = not self._waited_for.isdisjoint(operation.subjects)
                has_room = self._fits(refs, _amounts(operation, need.output_tokens))
                _promise(is_behind or not has_room, "a call waits in vain")
                self._waited_for.update(answer.subjects)
            case _:
                _promise(False, f"a hold was answered with {answer!r}")

    def _follow_extension(self, operation: ExtendHold, is_extended: bool) -> None:
        call = self.calls.get(operation.hold_id)
        if call is None or call.charged is not None:
            _promise(not is_extended, "a hold was extended that is no more")
        elif is_extended:
            self._hold(call.refs, operation.by)
            call.held = _sum(call.held, operation.by)
        else:
            _promise(not self._fits(call.refs, operation.by), "an extension was refused in vain")

    def _follow_renewal(self, operation: RenewHolds) -> None:
        for renewal in operation.renewals:
            call = self.calls.get(renewal.hold_id)
            if call is not None and call.charged is None:
                call.streamed, call.expires_at = renewal.streamed, renewal.expires_at

    def _follow_expiry(self, operation: ExpireHold, is_expired: bool) -> None:
        call = self.calls.get(operation.hold_id)
        is_due = call is not None and call.charged is None and call.expires_at <= operation.now
        _promise(is_expired == is_due, "a hold expired at the wrong time")
        if call is not None and is_due:
            tokens, cost = call.held.tokens, call.held.nano_usd
            if call.is_stream:
                tokens, cost = call.streamed.tokens, call.streamed.nano_usd
            self._release(call)
            self._charge(call, Amounts(tokens, call.held.requests, cost))

    def _follow_end(self, operation: SettleHold) -> None:
        call, spent = self.calls.get(operation.hold_id), operation.spent
        if call is None or call.is_final or (call.is_released and operation.counters is None):
            return
        if call.charged is None:
            self._release(call)
            self._charge(call, spent)
        else:
            before = call.charged
            self._charge(
                call, Amounts(*(new - old for new, old in zip(_triple(spent), _triple(before), strict=True)))
            )
        call.is_final = True

    def _let_go(self, hold_id: str) -> None:
        call = self.calls.get(hold_id)
        if call is not None and call.charged is None:
            self._release(call)
            # Should it turn out that something was used after all, that counts.
            call.charged, call.is_released = Amounts(), True

    def _hold(self, refs: list[Ref], amounts: Amounts) -> None:
        _promise(self._fits(refs, amounts), f"{amounts} was granted beyond a limit")
        for budget, period, unit in refs:
            self.held[budget, period] += getattr(amounts, unit)

    def _release(self, call: _Call) -> None:
        for budget, period, unit in call.refs:
            self.held[budget, period] -= getattr(call.held, unit)

    def _charge(self, call: _Call, amounts: Amounts) -> None:
        call.charged = amounts
        for budget, period, unit in call.refs:
            # After a reset there is nothing left to give back.
            self.used[budget, period] = max(0, self.used[budget, period] + getattr(amounts, unit))

    def _fits(self, refs: list[Ref], amounts: Amounts) -> bool:
        for budget_id, period, unit in refs:
            budget, amount = self.budgets[budget_id], getattr(amounts, unit)
            if budget.is_hard and budget.limit is not None and amount > 0:
                key = budget_id, period
                if self.used[key] + self.held[key] + amount > budget.limit:
                    return False
        return True

    def _refs(self, operation: PlaceHold) -> list[Ref]:
        return [
            (budget.id, period_of(budget.period, budget.time_zone, operation.created_at).key, budget.unit)
            for budget in self.budgets.values()
            if budget.subject in operation.subjects
        ]


def _least(operation: PlaceHold) -> int:
    return min(operation.need.least_output_tokens, operation.need.output_tokens)


def _amounts(operation: PlaceHold, tokens: int) -> Amounts:
    fixed, price = operation.need.fixed, operation.need.nano_usd_per_output_token
    return Amounts(fixed.tokens + tokens, fixed.requests, fixed.nano_usd + tokens * price)


def _sum(one: Amounts, other: Amounts) -> Amounts:
    return Amounts(*(a + b for a, b in zip(_triple(one), _triple(other), strict=True)))


def _triple(amounts: Amounts) -> tuple[int, int, int]:
    return amounts.tokens, amounts.requests, amounts.nano_usd


def _promise(is_kept: bool, otherwise: str) -> None:
    if not is_kept:
        raise PromiseBroken(otherwise)
