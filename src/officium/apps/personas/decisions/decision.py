"""A decision, what was expected of it, and what came of it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from msgspec import Struct

from officium.apps.personas.business import Snapshot
from officium.apps.personas.business.words import MOST_FIGURE, is_figure, is_line, is_name
from officium.apps.personas.decisions.errors import InvalidDecision
from officium.apps.personas.persona import PersonaType

Direction = Literal["up", "down"]
Outcome = Literal["met", "missed"]

LONGEST_DECISION = 500
_FARTHEST = timedelta(days=3_660)


class DecisionDraft(Struct, frozen=True, kw_only=True):
    """What was decided, and what it is to do to a figure of the business until a day.

    Without an `expected_value` the figure is to be better than it was at the decision.
    """

    text: str
    metric: str
    direction: Direction
    due_on: date
    expected_value: float | None = None
    persona: PersonaType | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """A decision as it is kept. `baseline` is the figure when it was made; it is open without `outcome`."""

    id: str
    text: str
    metric: str
    direction: Direction
    due_on: date
    expected_value: float | None
    persona: PersonaType | None
    baseline: float | None
    created_at: datetime
    created_by: str
    outcome: Outcome | None = None
    actual_value: float | None = None
    actual_as_of: datetime | None = None

    @property
    def due_at(self) -> datetime:
        """From when on figures count."""
        return datetime.combine(self.due_on, time(), UTC)

    @property
    def target(self) -> float:
        """The figure it is measured by."""
        value = self.baseline if self.expected_value is None else self.expected_value
        assert value is not None
        return value


def check_draft(draft: DecisionDraft, baseline: float | None, today: date) -> None:
    """Raise InvalidDecision unless this can be scored one day."""
    if not is_line(draft.text, LONGEST_DECISION):
        raise InvalidDecision(f"A decision is one line of 1 to {LONGEST_DECISION} characters.", param="text")
    if not is_name(draft.metric):
        raise InvalidDecision(
            "`metric` is a figure of the snapshots, such as revenue, or one of your own.", param="metric"
        )
    if draft.expected_value is not None and not is_figure(draft.expected_value):
        raise InvalidDecision(f"`expectedValue` is a number up to {MOST_FIGURE:,}.", param="expectedValue")
    if draft.expected_value is None and baseline is None:
        raise InvalidDecision(
            f"No snapshot has {draft.metric!r} yet. Say which value you expect.", param="expectedValue"
        )
    if not today - _FARTHEST <= draft.due_on <= today + _FARTHEST:
        raise InvalidDecision("`dueOn` lies at most ten years from now.", param="dueOn")


def score(decision: Decision, snapshots: Sequence[Snapshot]) -> tuple[Outcome, float, datetime] | None:
    """How the decision turned out by the first figure from its day on; `None` while there is none.

    `snapshots` come oldest first.
    """
    for snapshot in snapshots:
        actual = snapshot.figures.get(decision.metric)
        if actual is None or snapshot.as_of < decision.due_at:
            continue
        return ("met" if _is_met(decision, actual) else "missed"), actual, snapshot.as_of
    return None


def _is_met(decision: Decision, actual: float) -> bool:
    if decision.expected_value is None:
        return actual > decision.target if decision.direction == "up" else actual < decision.target
    return actual >= decision.target if decision.direction == "up" else actual <= decision.target


def told(decision: Decision) -> str:
    """The decision on one line, as an adviser is told it."""
    if decision.expected_value is None:
        aim = f"{decision.metric} {decision.direction} from {_number(decision.target)}"
    else:
        bound = "at least" if decision.direction == "up" else "at most"
        aim = f"{decision.metric} {bound} {_number(decision.target)}"
    result = "open"
    if decision.outcome is not None and decision.actual_value is not None:
        result = f"{decision.outcome} with {_number(decision.actual_value)}"
    return f"{decision.created_at:%Y-%m-%d}: {decision.text} (expected: {aim} by {decision.due_on}; {result})"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"
