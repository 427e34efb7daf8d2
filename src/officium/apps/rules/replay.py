"""When, and how often, rules would have fired over a history of events."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from officium.apps.rules.catalogue import Catalogue
from officium.apps.rules.conditions import CompiledCondition
from officium.apps.rules.firing import ready
from officium.apps.rules.history import Event
from officium.apps.rules.rule import WorkflowRules

MOST_BUCKETS = 200
_MOST_SHOWN = 50
_BUCKETS = (60, 300, 900, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400)


class _Tally:
    """What became of one rule so far."""

    def __init__(self, condition: CompiledCondition, hold_s: float | None) -> None:
        self._evaluate = condition.evaluate
        self._hold_s = hold_s
        self._since: float | None = None
        self._is_on = self._has_fired = False
        self.held = self.silent = self.unknown = self.faults = self.episodes = self.fires = 0
        self.missing: Counter[str] = Counter()
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.longest_s = 0.0
        self.minutes: Counter[int] = Counter()
        self.shown: list[dict[str, Any]] = []
        self.fault: str | None = None

    def take(self, event: Event, facts: Mapping[str, Any]) -> None:
        """Count an event."""
        verdict = self._evaluate(facts)
        if verdict.result is True:
            self.held += 1
            self._hold(event)
            return
        self._is_on = False
        if verdict.result is False:
            self.silent += 1
        elif verdict.fault is not None:
            self.faults += 1
            self.fault = self.fault or verdict.fault.message
        else:
            self.unknown += 1
            self.missing.update(verdict.missing)

    def _hold(self, event: Event) -> None:
        if not self._is_on:
            self._is_on, self._has_fired, self._since = True, False, event.at
            self.episodes += 1
        lasted = event.at - self._since if event.at is not None and self._since is not None else 0.0
        self.longest_s = max(self.longest_s, lasted)
        if self._hold_s is None:
            self._fire(event)
        elif not self._has_fired and lasted >= self._hold_s:
            self._has_fired = True
            self._fire(event)

    def _fire(self, event: Event) -> None:
        self.fires += 1
        if event.at is not None:
            self.first_at = event.at if self.first_at is None else min(self.first_at, event.at)
            self.last_at = event.at if self.last_at is None else max(self.last_at, event.at)
            self.minutes[int(event.at // 60)] += 1
        if len(self.shown) < _MOST_SHOWN:
            self.shown.append({"row": event.row, "at": _shown(event.at)})


def replay(
    workflow: WorkflowRules,
    catalogue: Catalogue,
    events: Iterable[Event],
    *,
    carries_forward: bool = False,
    is_stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Try the workflow on every event, as JSON: how often each rule would have fired, when, and when not.

    Where the trigger waits (`for_minutes`), a rule fires once when its condition has held so long; else on
    every event on which it holds. Events that name another trigger are passed over. With `carries_forward`
    a fact keeps its last value until it is told again, for histories that tell one fact at a time.
    """
    hold = workflow.trigger_params.get("for_minutes")
    hold_s = float(hold) * 60 if isinstance(hold, int | float) and hold else None
    rules = ready(workflow)
    tallies = [_Tally(each.condition, hold_s) for each in rules]
    trigger = workflow.trigger
    known: dict[str, Any] = {}
    seen = passed_over = 0
    begins = ends = None
    stopped = False
    for event in events:
        if event.name is not None and event.name != trigger and event.name in catalogue.trigger_by_name:
            passed_over += 1
            continue
        seen += 1
        if event.at is not None:
            begins = event.at if begins is None or event.at < begins else begins
            ends = event.at if ends is None or event.at > ends else ends
        facts = event.facts
        if carries_forward:
            _merge(known, facts)
            facts = known
        for tally in tallies:
            tally.take(event, facts)
        if seen % 1_000 == 0 and is_stopped():
            stopped = True
            break
    bucket_s = _bucket(begins, ends)
    return {
        "events": seen,
        "passed_over": passed_over,
        "stopped": stopped,
        "begins": _shown(begins),
        "ends": _shown(ends),
        "bucket_s": bucket_s,
        "rules": [_said(each.rule.name, tally, bucket_s) for each, tally in zip(rules, tallies, strict=True)],
    }


def _said(name: str, tally: _Tally, bucket_s: int | None) -> dict[str, Any]:
    buckets: Counter[int] = Counter()
    if bucket_s is not None:
        for minute, count in tally.minutes.items():
            buckets[minute * 60 // bucket_s * bucket_s] += count
    return {
        "name": name,
        "fires": tally.fires,
        "held": tally.held,
        "silent": tally.silent,
        "unknown": tally.unknown,
        "faults": tally.faults,
        "fault": tally.fault,
        "episodes": tally.episodes,
        "longest_minutes": round(tally.longest_s / 60, 2),
        "first_at": _shown(tally.first_at),
        "last_at": _shown(tally.last_at),
        "missing": dict(tally.missing.most_common(20)),
        "firings": tally.shown,
        "chart": [{"at": _shown(at), "fires": count} for at, count in sorted(buckets.items())],
    }


def _bucket(begins: float | None, ends: float | None) -> int | None:
    """The shortest length of which there are at most 200 between the first event and the last."""
    if begins is None or ends is None:
        return None
    return next((length for length in _BUCKETS if (ends - begins) / length < MOST_BUCKETS), _BUCKETS[-1] * 12)


def _merge(known: dict[str, Any], facts: Mapping[str, Any]) -> None:
    """Take over what is told, below objects fact by fact."""
    for name, value in facts.items():
        before = known.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            _merge(before, value)
        else:
            known[name] = dict(value) if isinstance(value, dict) else value


def _shown(at: float | None) -> str | None:
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None
