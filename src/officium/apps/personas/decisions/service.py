"""What a caller may do with decisions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

import structlog
from msgspec.structs import asdict

from officium.apps.personas.business import SavedSnapshot
from officium.apps.personas.decisions.decision import (
    Decision,
    DecisionDraft,
    Outcome,
    check_draft,
    score,
    told,
)
from officium.apps.personas.decisions.errors import DecisionNotFound
from officium.apps.personas.decisions.store import MOST_DECISIONS, DecisionStore
from officium.apps.personas.persona import PersonaType
from officium.core.tenancy import AuditEntry, Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest
from officium.kit.ids import new_id

LARGEST_PAGE = 200
_TOLD = 12
_LOOKED_AT = 400
_LOOKED_AHEAD = 100

Status = Literal["open", "met", "missed"]

_log = structlog.get_logger("personas")


class Snapshots(Protocol):
    """Knows the figures of the business."""

    async def list_snapshots(
        self, caller: Caller, before: datetime | None, limit: int
    ) -> Sequence[SavedSnapshot]: ...

    async def list_snapshots_from(
        self, caller: Caller, start: datetime, limit: int
    ) -> Sequence[SavedSnapshot]: ...


class DecisionService:
    """The decisions of a tenant: what was expected of each, and what the figures said on its day."""

    def __init__(self, store: DecisionStore, snapshots: Snapshots, clock: Clock) -> None:
        self._store = store
        self._snapshots = snapshots
        self._clock = clock

    async def add_decision(self, caller: Caller, draft: DecisionDraft) -> Decision:
        """Write down a decision; where its day has come, it is scored at once.

        Needs `inference`. Raises InvalidDecision.
        """
        require(caller, "inference")
        baseline = await self._latest_value(caller, draft.metric)
        now = self._clock.now()
        check_draft(draft, baseline, now.date())
        decision = Decision(
            **asdict(draft), id=new_id("dec"), baseline=baseline, created_at=now, created_by=caller.actor
        )
        await self._store.add_decision(caller, decision)
        _log.info("decision.added", tenant=caller.tenant_id, decision=decision.id, actor=caller.actor)
        return await self._score(caller, decision)

    async def list_decisions(
        self, caller: Caller, *, status: Status | None = None, before: str | None = None, limit: int = 50
    ) -> list[Decision]:
        """A page of decisions, newest first. Needs `inference`. Raises InvalidRequest."""
        require(caller, "inference")
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")
        outcomes: list[Outcome | None] | None = None
        if status is not None:
            outcomes = [None if status == "open" else status]
        return await self._store.list_decisions(caller, outcomes, before, limit)

    async def delete_decision(
        self, caller: Caller, decision_id: str, *, request_id: str | None = None
    ) -> None:
        """Delete a decision. Needs `config:write`. Raises DecisionNotFound."""
        require(caller, "config:write")
        entry = AuditEntry(
            at=self._clock.now(),
            action="decision.deleted",
            thing="decision",
            thing_id=decision_id[:64],
            request_id=request_id,
        )
        if not await self._store.delete_decision(caller, decision_id, entry):
            raise DecisionNotFound("There is no such decision. GET /c-suite/decisions lists them.")

    async def score_due(self, caller: Caller) -> int:
        """Score the open decisions whose day has come and whose figures are there; how many there were."""
        found = await self._store.list_decisions(caller, [None], None, MOST_DECISIONS)
        today = self._clock.now().date()
        scored = [await self._score(caller, each) for each in found if each.due_on <= today]
        return sum(each.outcome is not None for each in scored)

    async def told_to(self, caller: Caller, persona: PersonaType) -> list[str]:
        """The record of a persona: its latest decisions, oldest first, and how many came true."""
        found = await self._store.list_for(caller, persona, _LOOKED_AT)
        lines = [told(each) for each in found[:_TOLD]][::-1]
        scored = [each for each in found if each.outcome is not None]
        if scored:
            met = sum(each.outcome == "met" for each in scored)
            lines.append(f"Record: {met} of {len(scored)} decisions that are due came out as expected")
        return lines

    async def _latest_value(self, caller: Caller, metric: str) -> float | None:
        for snapshot in await self._snapshots.list_snapshots(caller, None, _LOOKED_AHEAD):
            if metric in snapshot.figures:
                return snapshot.figures[metric]
        return None

    async def _score(self, caller: Caller, decision: Decision) -> Decision:
        """The decision with its outcome, where the figures tell it."""
        ahead = await self._snapshots.list_snapshots_from(caller, decision.due_at, _LOOKED_AHEAD)
        found = score(decision, ahead)
        if found is None:
            return decision
        outcome, value, as_of = found
        if await self._store.save_outcome(caller, decision.id, outcome, value, as_of):
            _log.info("decision.scored", tenant=caller.tenant_id, decision=decision.id, outcome=outcome)
        return Decision(
            **{**asdict(decision), "outcome": outcome, "actual_value": value, "actual_as_of": as_of}
        )
