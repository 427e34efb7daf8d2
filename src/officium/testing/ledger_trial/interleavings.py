"""Part one: everything that may happen to holds, in any order, with a check after each step."""

import random
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from officium.core.usage.ledger.budget import THE_TENANT, Amounts, Budget, Period, Subject, Unit
from officium.core.usage.ledger.hold import Label, Need
from officium.core.usage.ledger.operation import (
    CounterKey,
    ExpireHold,
    ExtendHold,
    Granted,
    Operation,
    PlaceHold,
    ReleaseHold,
    Renewal,
    RenewHolds,
    ResetCounters,
    SettleHold,
)
from officium.core.usage.ledger.period import period_of
from officium.testing.ledger_trial.bookkeeper import Bookkeeper, PromiseBroken
from officium.testing.ledger_trial.memory import MemoryBooks
from officium.testing.ledger_trial.verdict import Verdict

_START = datetime(2026, 3, 28, 12, tzinfo=UTC)
_TENANT = "ten_trial"
_KEYS = (Subject("key", "ak_1"), Subject("key", "ak_2"))
_LIFETIME = timedelta(seconds=60)
_LABEL = Label(request_id="req", actor="key:ak_1", app="trial", model="trial")
_JUMPS_S = (0, 0, 0.5, 1, 5, 30, 61, 3600, 40_000, 90_000, -3600, -120)
_MEASURES: tuple[tuple[Subject, Unit, Period], ...] = (
    (THE_TENANT, "tokens", "day"),
    (THE_TENANT, "tokens", "month"),
    (THE_TENANT, "requests", "day"),
    (THE_TENANT, "nano_usd", "total"),
    (_KEYS[0], "tokens", "day"),
    (_KEYS[0], "nano_usd", "month"),
    (_KEYS[1], "requests", "month"),
)


class Tally(Struct):
    """What happened in all runs together."""

    steps: int = 0
    granted: int = 0
    refused: int = 0
    settled: int = 0
    expired: int = 0
    most_open: int = 0


def try_interleavings(verdict: Verdict, *, runs: int, steps: int) -> None:
    """Run so many histories of so many steps, each from a seed of its own."""
    verdict.begin(f"Any order: {runs} random histories of {steps} steps, the books checked after each step")
    tally, broken = Tally(), ""
    for seed in range(runs):
        try:
            _History(seed, tally).run(steps)
        except PromiseBroken as error:
            broken = f"seed {seed}: {error}"
            break
    verdict.judge(
        "no hold beyond a limit, no refusal in vain, every counter the sum of its lines",
        not broken,
        broken or f"0 faults in {tally.steps:,} steps",
    )
    verdict.judge(
        "the histories were eventful",
        min(tally.granted, tally.refused, tally.settled, tally.expired) > 0,
        f"{tally.granted:,} granted, {tally.refused:,} refused or made to wait, {tally.settled:,} settled, "
        f"{tally.expired:,} expired, up to {tally.most_open} open at a time",
    )


class _History:
    """One random history, the ledger's books and the bookkeeper's side by side."""

    def __init__(self, seed: int, tally: Tally) -> None:
        self._random = random.Random(seed)  # noqa: S311  it must come out the same again
        self._tally = tally
        self._now = _START
        self._books = MemoryBooks(_budgets(self._random))
        self._keeper = Bookkeeper(self._books.budgets)
        self._placed: list[str] = []
        self._admissions: dict[str, str] = {}

    def run(self, steps: int) -> None:
        """Do so many steps; then let all holds expire: nothing may stay held."""
        for _ in range(steps):
            self._step([self._operation() for _ in range(self._random.choice((1, 1, 1, 2, 5)))])
            if self._random.random() < 0.02:
                self._change_limit()
            self._now += timedelta(seconds=self._random.choice(_JUMPS_S))
        self._now = max(call.expires_at for call in self._keeper.calls.values()) + _LIFETIME
        self._step([self._expiry(name) for name in self._keeper.open_calls()])
        self._keeper.check({key: self._counter(key) for key in self._books.counters})
        self._keeper.check_nothing_is_missing(self._books.counters)
        if any(counter.held for counter in self._books.counters.values()) or self._books.holds:
            raise PromiseBroken("something stays held when all holds are over")

    def _step(self, operations: list[Operation]) -> None:
        answers = self._books.write(operations)
        self._keeper.follow(operations, answers)
        for operation, answer in zip(operations, answers, strict=True):
            self._count(operation, answer)
        self._tally.steps += 1
        # All of them now and then; else those that this step was about.
        keys = self._books.changed if self._tally.steps % 50 else list(self._books.counters)
        self._keeper.check({key: self._counter(key) for key in keys})
        self._check_entries(operations)
        self._tally.most_open = max(self._tally.most_open, len(self._books.holds))

    def _counter(self, key: CounterKey) -> tuple[int, int]:
        return self._books.counters[key].used, self._books.counters[key].held

    def _check_entries(self, operations: list[Operation]) -> None:
        for operation in operations:
            name = getattr(operation, "hold_id", None)
            kinds = [entry.kind for entry in self._books.entries.get(name or "", ()) if entry.kind != "reset"]
            if len(kinds) != len(set(kinds)) or len({"settled", "unknown"} & set(kinds)) > 1:
                raise PromiseBroken(f"{name} stands in the ledger as {kinds}")

    def _count(self, operation: Operation, answer: object) -> None:
        match operation:
            case PlaceHold():
                if isinstance(answer, Granted):
                    self._admissions[operation.id] = answer.counters
                self._tally.granted += isinstance(answer, Granted)
                self._tally.refused += not isinstance(answer, Granted)
            case SettleHold():
                self._tally.settled += 1
            case ExpireHold():
                self._tally.expired += answer is True

    def _operation(self) -> Operation:
        choose = self._random.random()
        if choose < 0.4 or not self._placed:
            return self._place()
        # The latest ones are mostly open; older ones were settled, expired or refused: all may be asked for.
        name = self._random.choice(self._placed[-12:] if choose < 0.95 else self._placed)
        amounts = self._some_of(name)
        if choose < 0.65:
            return self._settlement(name, amounts)
        if choose < 0.75:
            return ExtendHold(hold_id=name, tenant_id=_TENANT, by=self._amounts(30))
        if choose < 0.85:
            renewal = Renewal(name, amounts, self._now + _LIFETIME)
            return RenewHolds(renewals=(renewal,))
        if choose < 0.93:
            return self._expiry(name)
        if choose < 0.97:
            return ReleaseHold(hold_id=name, tenant_id=_TENANT)
        return self._reset()

    def _place(self) -> PlaceHold:
        name = f"hold_{len(self._placed)}"
        self._placed.append(name)
        return PlaceHold(
            id=name,
            tenant_id=_TENANT,
            subjects=(THE_TENANT, *self._random.sample(_KEYS, self._random.randrange(2))),
            need=Need(
                fixed=replace(self._amounts(40), requests=1),
                output_tokens=self._random.randrange(200),
                least_output_tokens=self._random.randrange(1, 20),
                nano_usd_per_output_token=self._random.choice((0, 3)),
            ),
            label=_LABEL,
            is_stream=self._random.random() < 0.5,
            created_at=self._now,
            expires_at=self._now + _LIFETIME,
            may_wait=self._random.random() < 0.3,
        )

    def _settlement(self, name: str, spent: Amounts) -> SettleHold:
        return SettleHold(
            hold_id=name,
            tenant_id=_TENANT,
            spent=spent,
            source="provider",
            label=_LABEL,
            counters=self._admissions.pop(name, None),
            settled_at=self._now,
        )

    def _expiry(self, name: str) -> ExpireHold:
        return ExpireHold(hold_id=name, tenant_id=_TENANT, now=self._now)

    def _reset(self) -> ResetCounters:
        budgets = self._random.sample(sorted(self._books.budgets.values(), key=lambda one: one.id), 2)
        keys = tuple((one.id, period_of(one.period, one.time_zone, self._now).key) for one in budgets)
        known = [
            (key, one.unit) for key, one in zip(keys, budgets, strict=True) if key in self._books.counters
        ]
        return ResetCounters(
            id=f"reset_{self._random.getrandbits(64):x}",
            tenant_id=_TENANT,
            keys=tuple(key for key, _ in known),
            units=tuple(unit for _, unit in known),
            actor="member:mem_1",
            reset_at=self._now,
        )

    def _change_limit(self) -> None:
        budget = self._random.choice(sorted(self._books.budgets.values(), key=lambda one: one.id))
        if budget.limit is not None:
            limit = int(budget.limit * self._random.choice((0, 0.5, 0.9, 1.1, 2, 5))) or 100
            self._books.budgets[budget.id] = replace(budget, limit=limit)

    def _some_of(self, name: str) -> Amounts:
        """What a call may have used: nothing, a part of its hold, all of it, or more."""
        call = self._keeper.calls.get(name)
        held = call.held if call is not None else Amounts(50, 1, 50)
        share = self._random.choice((0, 0.3, 0.9, 1, 1, 1.2))
        return Amounts(int(held.tokens * share), held.requests if share else 0, int(held.nano_usd * share))

    def _amounts(self, most: int) -> Amounts:
        return Amounts(self._random.randrange(most), 0, self._random.randrange(most * 3))


def _budgets(source: random.Random) -> list[Budget]:
    """A tenant's budgets and two keys', hard and soft, in all units and periods, some without a limit."""
    zones = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata")
    return [
        Budget(
            id=f"bud_{number}",
            tenant_id=_TENANT,
            subject=subject,
            unit=unit,
            period=period,
            limit=source.choice((None, 300, 1_000, 5_000))
            if unit != "requests"
            else source.choice((None, 20)),
            time_zone=source.choice(zones),
            is_hard=source.random() < 0.8,
            created_at=_START,
            updated_at=_START,
            updated_by="trial",
        )
        for number, (subject, unit, period) in enumerate(_MEASURES)
    ]
