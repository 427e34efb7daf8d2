"""Many operations on the ledger at once: from what is in the books to what must be written in them.

Pure: a store reads what `Batch` says it needs, hands it in, and writes the changes, all in one transaction.
The operations are applied one after the other, so each sees what those before it did.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct, field

from officium.core.usage.ledger.books import (
    UNITS,
    Alert,
    BudgetRow,
    Changes,
    Counter,
    CounterRef,
    Entry,
    HoldRow,
    NewCounter,
    PastEntry,
    entry_of,
    late_entry,
    moment_text,
    read_counters,
    subject_of,
    triple,
    write_counters,
)
from officium.core.usage.ledger.budget import Amounts, Subject
from officium.core.usage.ledger.hold import Label, Need
from officium.core.usage.ledger.operation import (
    Answer,
    CounterKey,
    EntryKind,
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
from officium.core.usage.ledger.period import TOTAL, period_of

SubjectKey = tuple[str, str, str]
"""A tenant, a kind of subject and its id."""


class _Place(Struct):
    """Where holds of certain subjects lie, for as long as the same periods last."""

    keys: tuple[CounterKey, ...]
    text: str
    budgets: tuple[BudgetRow, ...]
    starts_at: datetime
    ends_at: datetime
    counters: list[tuple[Counter, int, BudgetRow]] = field(default_factory=list)


class _Room(Struct):
    """How many tokens of output the budgets have room for: `alone`, and beside what others hold (`now`).

    `is_limited`: a budget counts them. The tight counters are those with the least room.
    """

    alone: int
    now: int
    tight_alone: tuple[Counter, int, BudgetRow] | None = None
    tight_now: tuple[Counter, int, BudgetRow] | None = None
    is_limited: bool = False


class Batch:
    """Operations to be applied together.

    Hand in what it asks for in this order: `take_budgets` and `take_holds`, then `take_entries`, then
    `take_counters`; then `apply`, once. `changes` are to be written, each answer goes to its operation.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations
        self.changes = Changes()
        self._budgets: dict[SubjectKey, list[BudgetRow]] = {}
        self._places: dict[tuple[str, tuple[Subject, ...]], _Place] = {}
        self._seeds: dict[CounterKey, NewCounter] = {}
        self._counters: dict[CounterKey, Counter] = {}
        self._holds: dict[str, HoldRow] = {}
        self._hold_ids: list[str] | None = None
        self._past: dict[str, list[PastEntry]] = {}
        self._resolved: dict[str, list[tuple[Counter, int]]] = {}
        self._blocked: set[tuple[str, Subject]] = set()

    def subjects(self) -> list[SubjectKey]:
        """The subjects whose budgets are needed."""
        wanted = {
            (operation.tenant_id, operation.subjects)
            for operation in self.operations
            if type(operation) is PlaceHold
        }
        return sorted({(tenant, who.kind, who.id) for tenant, subjects in wanted for who in subjects})

    def hold_ids(self) -> list[str]:
        """The holds whose rows are needed, in order."""
        if self._hold_ids is None:
            self._hold_ids = self._find_hold_ids()
        return self._hold_ids

    def _find_hold_ids(self) -> list[str]:
        found: set[str] = set()
        for operation in self.operations:
            kind = type(operation)
            if kind is RenewHolds:
                found.update(renewal.hold_id for renewal in operation.renewals)  # type: ignore[union-attr]
            elif kind is not PlaceHold and kind is not ResetCounters:
                found.add(operation.hold_id)  # type: ignore[union-attr]
        return sorted(found)

    def take_budgets(self, rows: Iterable[BudgetRow]) -> None:
        """The budgets of `subjects()`."""
        for row in rows:
            self._budgets.setdefault((row.tenant_id, row.subject_kind, row.subject_id), []).append(row)

    def take_holds(self, rows: Iterable[HoldRow]) -> None:
        """Those of `hold_ids()` that exist."""
        self._holds = {row.id: row for row in rows}

    def missing_holds(self) -> list[str]:
        """The holds that were asked for and have no row: what was booked for them must be read."""
        return [hold_id for hold_id in self.hold_ids() if hold_id not in self._holds]

    def take_entries(self, rows: Iterable[PastEntry]) -> None:
        """What was booked for `missing_holds()`."""
        self._past = {}
        for row in rows:
            self._past.setdefault(row.hold_id, []).append(row)

    def counter_keys(self) -> list[CounterKey]:
        """The counters that are needed, in order; those of `new_counters` may not exist yet."""
        keys: set[CounterKey] = set()
        texts = {row.counters for row in self._holds.values()}
        texts.update(entry.counters for entries in self._past.values() for entry in entries)
        for operation in self.operations:
            kind = type(operation)
            if kind is PlaceHold:
                keys.update(self._place_of(operation).keys)  # type: ignore[arg-type]
            elif kind is SettleHold:
                texts.add(operation.counters or "[]")  # type: ignore[union-attr]
            elif kind is ResetCounters:
                keys.update(operation.keys)  # type: ignore[union-attr]
        keys.update((budget, period) for text in texts for budget, period, _ in read_counters(text))
        return sorted(keys)

    def take_counters(self, rows: Iterable[Counter]) -> None:
        """Those of `counter_keys()` that exist."""
        for row in rows:
            self._counters[row.budget_id, row.period_start] = row

    def new_counters(self) -> list[NewCounter]:
        """Counters that holds will lie on and that do not exist: the first calls of a period."""
        return [self._seeds[key] for key in sorted(self._seeds) if key not in self._counters]

    def apply(self) -> list[Answer]:
        """Carry out the operations in order; the answers stand in the same order."""
        return [self._apply(operation) for operation in self.operations]

    def _apply(self, operation: Operation) -> Answer:
        match operation:
            case PlaceHold():
                return self._place(operation)
            case SettleHold():
                self._settle(operation)
            case ExtendHold():
                return self._extend(operation)
            case ReleaseHold():
                self._release(operation)
            case RenewHolds():
                self._renew(operation)
            case ExpireHold():
                return self._expire(operation)
            case ResetCounters():
                self._reset(operation)
        return None

    # Placing holds

    def _place_of(self, operation: PlaceHold) -> _Place:
        key = (operation.tenant_id, operation.subjects)
        place = self._places.get(key)
        if place is None or not place.starts_at <= operation.created_at < place.ends_at:
            place = self._places[key] = self._find_place(operation)
        return place

    def _find_place(self, operation: PlaceHold) -> _Place:
        budgets = [
            budget
            for who in dict.fromkeys(operation.subjects)
            for budget in self._budgets.get((operation.tenant_id, who.kind, who.id), ())
        ]
        refs: list[CounterRef] = []
        starts_at, ends_at = TOTAL.starts_at, TOTAL.ends_at
        for budget in budgets:
            span = period_of(budget.period, budget.time_zone, operation.created_at)
            self._seeds[budget.id, span.key] = NewCounter(
                budget.id, span.key, budget.tenant_id, span.starts_at, span.ends_at
            )
            refs.append((budget.id, span.key, budget.unit))
            starts_at, ends_at = max(starts_at, span.starts_at), min(ends_at, span.ends_at)
        return _Place(
            keys=tuple((budget_id, period) for budget_id, period, _ in refs),
            text=write_counters(tuple(refs)),
            budgets=tuple(budgets),
            starts_at=starts_at,
            ends_at=ends_at,
        )

    def _counters_at(self, place: _Place) -> list[tuple[Counter, int, BudgetRow]]:
        if not place.counters and place.keys:
            place.counters = [
                (self._counters[key], UNITS[budget.unit], budget)
                for key, budget in zip(place.keys, place.budgets, strict=True)
            ]
        return place.counters

    def _place(self, operation: PlaceHold) -> Granted | Refused | MustWait:
        need, place = operation.need, self._place_of(operation)
        counters = self._counters_at(place)
        room = _measure(need, counters)
        if room.alone < _least(need):
            self._mark_exhausted(need, counters, operation.created_at)
            return _refusal(need, room.tight_alone, is_exhausted=True)
        if operation.may_wait:
            blocked = _subjects_waited_for(need, room, counters) or self._blocked_subjects(operation)
            if blocked:
                self._blocked.update((operation.tenant_id, who) for who in blocked)
                return MustWait(blocked)
        if room.now < _least(need):
            return _refusal(need, room.tight_now, is_exhausted=False)
        return self._grant(operation, place, room.now, is_limited=room.is_limited)

    def _blocked_subjects(self, operation: PlaceHold) -> tuple[Subject, ...]:
        """Those for whose budgets one before it in this batch waits: nobody is overtaken."""
        if not self._blocked:
            return ()
        return tuple(who for who in operation.subjects if (operation.tenant_id, who) in self._blocked)

    def _grant(
        self, operation: PlaceHold, place: _Place, tokens: int, *, is_limited: bool = False
    ) -> Granted:
        need, label = operation.need, operation.label
        amounts = Amounts(
            tokens=need.fixed.tokens + tokens,
            requests=need.fixed.requests,
            nano_usd=need.fixed.nano_usd + tokens * need.nano_usd_per_output_token,
        )
        held = triple(amounts)
        _check_size(held)
        for counter, unit, _ in place.counters:
            counter.held += held[unit]
            if held[unit]:
                counter.exhausted_at = None
                self._changed(counter)
        self._holds[operation.id] = self.changes.new_holds[operation.id] = HoldRow(
            operation.id,
            operation.tenant_id,
            label.request_id,
            label.actor,
            label.app,
            label.model,
            label.client_id,
            label.widget_id,
            place.text,
            *held,
            0,
            0,
            int(operation.is_stream),
            moment_text(operation.created_at),
            moment_text(operation.expires_at),
        )
        return Granted(amounts, tokens, place.text, is_limited)

    def _mark_exhausted(
        self, need: Need, counters: list[tuple[Counter, int, BudgetRow]], moment: datetime
    ) -> None:
        for each in counters:
            counter = each[0]
            room = _measure(need, [each])
            if room.alone < _least(need) and counter.exhausted_at is None:
                counter.exhausted_at = moment
                self._changed(counter)

    # Holds under way

    def _extend(self, operation: ExtendHold) -> bool:
        hold = self._holds.get(operation.hold_id)
        if hold is None:
            return False
        by = triple(operation.by)
        _check_size(by)
        counters = self._counters_of(hold.counters)
        for counter, unit in counters:
            limit = counter.limit
            is_limited = limit is not None and counter.is_hard and by[unit] > 0
            if is_limited and counter.used + counter.held + by[unit] > limit:  # type: ignore[operator]
                return False
        for counter, unit in counters:
            counter.held += by[unit]
            self._changed(counter)
        hold.tokens += by[0]
        hold.requests += by[1]
        hold.nano_usd += by[2]
        self._changed_hold(hold)
        return True

    def _renew(self, operation: RenewHolds) -> None:
        for renewal in operation.renewals:
            hold = self._holds.get(renewal.hold_id)
            if hold is not None:
                hold.streamed_tokens = renewal.streamed.tokens
                hold.streamed_nano_usd = renewal.streamed.nano_usd
                hold.expires_at = moment_text(renewal.expires_at)
                self._changed_hold(hold)

    # The end of holds

    def _settle(self, operation: SettleHold) -> None:
        spent = triple(operation.spent)
        hold = self._take_off(operation.hold_id)
        if hold is None:
            self._settle_late(operation, spent)
            return
        entry = entry_of(hold, "settled", spent, operation.source, moment_text(operation.settled_at))
        self._book(entry)

    def _settle_late(self, operation: SettleHold, spent: tuple[int, int, int]) -> None:
        """Settle what has no row: it was settled before, had expired, or its row was lost."""
        past = {entry.kind: entry for entry in self._past.get(operation.hold_id, ())}
        if "settled" in past or "correction" in past:
            return
        unknown = past.get("unknown")
        if unknown is not None:
            charged = (unknown.tokens, unknown.requests, unknown.nano_usd)
            difference = (spent[0] - charged[0], spent[1] - charged[1], spent[2] - charged[2])
            self._book(_late(operation, "correction", unknown.counters, difference))
        elif operation.counters is not None:
            self._book(_late(operation, "settled", operation.counters, spent))

    def _release(self, operation: ReleaseHold) -> None:
        self._take_off(operation.hold_id)

    def _expire(self, operation: ExpireHold) -> bool:
        hold = self._holds.get(operation.hold_id)
        now = moment_text(operation.now)
        if hold is None or hold.expires_at > now:
            return False
        self._take_off(operation.hold_id)
        charged = (hold.tokens, hold.requests, hold.nano_usd)
        if hold.is_stream:
            charged = (hold.streamed_tokens, hold.requests, hold.streamed_nano_usd)
        self._book(entry_of(hold, "unknown", charged, "estimated", now))
        return True

    def _take_off(self, hold_id: str) -> HoldRow | None:
        """Let go of what a hold held, and of its row."""
        hold = self._holds.pop(hold_id, None)
        if hold is None:
            return None
        held = (hold.tokens, hold.requests, hold.nano_usd)
        for counter, unit in self._counters_of(hold.counters):
            counter.held -= held[unit]
            self._changed(counter)
        if self.changes.new_holds.pop(hold_id, None) is None:
            self.changes.changed_holds.pop(hold_id, None)
            self.changes.gone_holds.append(hold_id)
        return hold

    # The ledger

    def _book(self, entry: Entry) -> None:
        """Append an entry, and count it on the counters it names."""
        amounts = (entry.tokens, entry.requests, entry.nano_usd)
        _check_size(amounts)
        self._append(entry)
        for number, (counter, unit) in enumerate(self._counters_of(entry.counters)):
            amount = amounts[unit]
            if not amount:
                continue
            before = counter.used
            counter.used += amount
            self._changed(counter)
            if counter.used < 0:
                self._give_nothing_twice(entry, number, counter, unit)
            elif counter.used > before:
                self._alert(counter, entry.created_at)

    def _append(self, entry: Entry) -> None:
        self.changes.entries.append(entry)
        past = PastEntry(
            entry.hold_id, entry.kind, entry.counters, entry.tokens, entry.requests, entry.nano_usd
        )
        self._past.setdefault(entry.hold_id, []).append(past)

    def _give_nothing_twice(self, entry: Entry, number: int, counter: Counter, unit: int) -> None:
        """A correction takes back what a reset had taken back before: one of the two must not count."""
        label = Label(
            request_id=entry.request_id,
            actor=entry.actor,
            app=entry.app,
            model=entry.model,
            client_id=entry.client_id,
            widget_id=entry.widget_id,
        )
        self._append_reset(f"{entry.hold_id}.{number}", label, counter, unit, entry.created_at)

    def _reset(self, operation: ResetCounters) -> None:
        label = Label(request_id=operation.id, actor=operation.actor, app="ledger", model="")
        for number, (key, unit) in enumerate(zip(operation.keys, operation.units, strict=True)):
            counter = self._counters.get(key)
            if counter is None or counter.tenant_id != operation.tenant_id:
                continue
            if counter.used:
                reset_id = f"{operation.id}.{number}"
                self._append_reset(reset_id, label, counter, UNITS[unit], moment_text(operation.reset_at))
            counter.alerted = 0
            counter.exhausted_at = None
            self._changed(counter)

    def _append_reset(self, reset_id: str, label: Label, counter: Counter, unit: int, moment: str) -> None:
        amounts = [0, 0, 0]
        amounts[unit] = -counter.used
        ref = (counter.budget_id, counter.period_start, _UNIT_NAMES[unit])
        entry = late_entry(
            counter.tenant_id,
            reset_id,
            "reset",
            label,
            write_counters((ref,)),
            (amounts[0], amounts[1], amounts[2]),
            "none",
            moment,
        )
        self._append(entry)
        counter.used = 0
        self._changed(counter)

    def _alert(self, counter: Counter, moment: str) -> None:
        """Report the thresholds that `used` has reached for the first time."""
        limit = counter.limit
        if limit is None:
            return
        for threshold in counter.alert_at:
            if threshold > counter.alerted and counter.used * 100 >= threshold * limit:
                counter.alerted = threshold
                self.changes.alerts.append(
                    Alert(
                        counter.tenant_id,
                        counter.budget_id,
                        counter.period_start,
                        threshold,
                        counter.used,
                        limit,
                        moment,
                    )
                )

    def _counters_of(self, text: str) -> list[tuple[Counter, int]]:
        """The counters named in a hold or an entry; those of deleted budgets are no more."""
        found = self._resolved.get(text)
        if found is None:
            found = self._resolved[text] = [
                (counter, UNITS[unit])
                for budget, period, unit in read_counters(text)
                if (counter := self._counters.get((budget, period))) is not None
            ]
        return found

    def _changed(self, counter: Counter) -> None:
        self.changes.counters[counter.budget_id, counter.period_start] = counter

    def _changed_hold(self, hold: HoldRow) -> None:
        if hold.id not in self.changes.new_holds:
            self.changes.changed_holds[hold.id] = hold


_UNIT_NAMES = tuple(UNITS)
_LARGEST = 2**53
"""Nine million dollars, in billionths, for one call; a thousand of them still fit a counter."""


def _check_size(amounts: tuple[int, int, int]) -> None:
    """Raise OverflowError for what would break a column, or the sum of many of its kind."""
    tokens, requests, nano_usd = amounts
    if max(abs(tokens), abs(requests), abs(nano_usd)) > _LARGEST:
        raise OverflowError("an amount is too large for the ledger")


def _least(need: Need) -> int:
    return min(need.least_output_tokens, need.output_tokens)


def _measure(need: Need, counters: list[tuple[Counter, int, BudgetRow]]) -> _Room:
    """How much output there is room for, at most as much as is needed; -1 where not even the rest fits.

    A budget of which the call needs nothing does not stand in its way, even when it is overdrawn.
    """
    most = need.output_tokens
    room = _Room(most, most)
    fixed = triple(need.fixed)
    for each in counters:
        counter, unit, _ = each
        limit = counter.limit
        if limit is None or not counter.is_hard:
            continue
        price = _PER_TOKEN[unit] if unit < 2 else need.nano_usd_per_output_token
        left = limit - counter.used - fixed[unit]
        if price and most:
            room.is_limited = True
            alone, now = left // price, (left - counter.held) // price
        elif fixed[unit]:
            alone, now = (most if left >= 0 else -1), (most if left >= counter.held else -1)
        else:
            continue
        if alone < room.alone:
            room.alone, room.tight_alone = alone, each
        if now < room.now:
            room.now, room.tight_now = now, each
    return room


_PER_TOKEN = (1, 0)
"""What a token of output counts in tokens and in requests."""


def _subjects_waited_for(
    need: Need, room: _Room, counters: list[tuple[Counter, int, BudgetRow]]
) -> tuple[Subject, ...]:
    """On whose budgets others hold what this call could use."""
    if room.now >= room.alone:
        return ()
    tight = [each[2] for each in counters if _measure(need, [each]).now < room.alone]
    return tuple(dict.fromkeys(subject_of(budget) for budget in tight))


def _refusal(need: Need, tight: tuple[Counter, int, BudgetRow] | None, *, is_exhausted: bool) -> Refused:
    assert tight is not None  # only a counter makes room smaller than what is needed
    counter, unit, budget = tight
    assert counter.limit is not None
    price = _PER_TOKEN[unit] if unit < 2 else need.nano_usd_per_output_token
    return Refused(
        budget_id=counter.budget_id,
        subject=subject_of(budget),
        unit=budget.unit,
        period=budget.period,
        limit=counter.limit,
        used=counter.used,
        held=counter.held,
        need=triple(need.fixed)[unit] + _least(need) * price,
        resets_at=None if budget.period == "total" else counter.ends_at,
        is_exhausted=is_exhausted,
    )


def _late(operation: SettleHold, kind: EntryKind, counters: str, amounts: tuple[int, int, int]) -> Entry:
    return late_entry(
        operation.tenant_id,
        operation.hold_id,
        kind,
        operation.label,
        counters,
        amounts,
        operation.source,
        moment_text(operation.settled_at),
    )
