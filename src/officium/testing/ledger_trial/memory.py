"""The ledger's books in memory: what a database keeps, without one."""

import copy
from collections import defaultdict
from collections.abc import Sequence

from officium.core.usage.ledger.batch import Batch
from officium.core.usage.ledger.books import BudgetRow, Counter, Entry, HoldRow, PastEntry
from officium.core.usage.ledger.budget import Budget
from officium.core.usage.ledger.operation import Answer, CounterKey, Operation


class MemoryBooks:
    """Carries out batches of operations as the real store does."""

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self.budgets = {budget.id: budget for budget in budgets}
        self.counters: dict[CounterKey, Counter] = {}
        self.changed: list[CounterKey] = []
        """The counters the last batch changed."""
        self.holds: dict[str, HoldRow] = {}
        self.entries: dict[str, list[Entry]] = defaultdict(list)

    def write(self, operations: Sequence[Operation]) -> list[Answer]:
        """Carry out a batch; its answers stand in the same order."""
        batch = Batch(operations)
        batch.take_budgets(self._budgets_of(batch))
        batch.take_holds(copy.copy(self.holds[name]) for name in batch.hold_ids() if name in self.holds)
        keys = batch.counter_keys()
        batch.take_counters(self._counters_of(keys))
        for new in batch.new_counters():
            self.counters[new.budget_id, new.period_start] = Counter(
                new.budget_id,
                new.period_start,
                new.tenant_id,
                new.starts_at,
                new.ends_at,
                used=0,
                held=0,
                alerted=0,
                exhausted_at=None,
                limit=None,
                is_hard=0,
                alert_at=(),
            )
        batch.take_counters(self._counters_of(keys))
        batch.take_entries(
            PastEntry(one.hold_id, one.kind, one.counters, one.tokens, one.requests, one.nano_usd)
            for name in batch.missing_holds()
            for one in self.entries.get(name, ())
        )
        answers = batch.apply()
        self._save(batch)
        return answers

    def _budgets_of(self, batch: Batch) -> list[BudgetRow]:
        wanted = set(batch.subjects())
        return [
            BudgetRow(
                one.tenant_id, one.subject.kind, one.subject.id, one.id, one.unit, one.period, one.time_zone
            )
            for one in self.budgets.values()
            if (one.tenant_id, one.subject.kind, one.subject.id) in wanted
        ]

    def _counters_of(self, keys: Sequence[CounterKey]) -> list[Counter]:
        found = [copy.copy(self.counters[key]) for key in keys if key in self.counters]
        for counter in found:
            budget = self.budgets[counter.budget_id]
            counter.limit, counter.is_hard = budget.limit, int(budget.is_hard)
            counter.alert_at = budget.alert_at
        return found

    def _save(self, batch: Batch) -> None:
        changes = batch.changes
        self.counters.update(changes.counters)
        self.changed = list(changes.counters)
        self.holds.update(changes.new_holds)
        self.holds.update(changes.changed_holds)
        for name in changes.gone_holds:
            del self.holds[name]
        for entry in changes.entries:
            self.entries[entry.hold_id].append(entry)
