"""`/c-suite/decisions`: what was decided, what was expected of it, and what came of it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Path, Query
from pydantic import Field

from officium.apps.personas.decisions import Decision, DecisionDraft, Status
from officium.apps.personas.decisions.service import LARGEST_PAGE
from officium.apps.personas.persona import PersonaType
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router
from officium.web.spelling import Camel, CamelBody


class Decisions(Protocol):
    """Knows the decisions."""

    async def add_decision(self, caller: Caller, draft: DecisionDraft) -> Decision: ...

    async def list_decisions(
        self, caller: Caller, *, status: Status | None = None, before: str | None = None, limit: int = 50
    ) -> Sequence[Decision]: ...

    async def delete_decision(
        self, caller: Caller, decision_id: str, *, request_id: str | None = None
    ) -> None: ...


class NewDecision(CamelBody):
    """What was decided, and what it is to do to a figure of the business until a day."""

    text: str = Field(examples=["Raise the price of the basic plan to 39"])
    metric: str = Field(description="A figure of the snapshots.", examples=["revenue"])
    direction: Literal["up", "down"] = Field(description="Whether more is better, or less.")
    due_on: date = Field(examples=["2027-03-31"])
    expected_value: float | None = Field(
        None, description="At least this, or at most; where left out, better than now.", examples=[15000]
    )
    persona: PersonaType | None = Field(None, description="Who advised it.")


class ShownDecision(Camel):
    """A decision. `status` is `open` until there are figures of its day or later."""

    id: str
    text: str
    metric: str
    direction: Literal["up", "down"]
    due_on: date
    expected_value: float | None
    baseline: float | None = Field(description="The figure when it was decided.")
    persona: PersonaType | None
    status: Literal["open", "met", "missed"]
    actual_value: float | None
    actual_as_of: datetime | None
    created_at: datetime
    created_by: str


class ShownDecisions(Camel):
    """A page of decisions, newest first."""

    decisions: list[ShownDecision]
    next_before: str | None = Field(description="Send it as `before` to get the next page; null at the end.")


DecisionId = Annotated[str, Path(max_length=64)]
WantedStatus = Annotated[Literal["open", "met", "missed"] | None, Query(description="Only those.")]
Before = Annotated[str | None, Query(description="Those made before this one.", max_length=64)]
PageSize = Annotated[int, Query(description="How many at most.", ge=1, le=LARGEST_PAGE)]


def decisions_router(decisions: Decisions, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "advisers")

    @router.get("/c-suite/decisions", summary="What was decided, and what came of it")
    async def list_decisions(
        caller: KnownCaller, status: WantedStatus = None, before: Before = None, limit: PageSize = 50
    ) -> ShownDecisions:
        found = await decisions.list_decisions(caller, status=status, before=before, limit=limit)
        return ShownDecisions(
            decisions=[_shown(each) for each in found],
            next_before=found[-1].id if len(found) == limit else None,
        )

    @router.post("/c-suite/decisions", summary="Write down a decision", status_code=201)
    async def add_decision(caller: KnownCaller, asked: NewDecision) -> ShownDecision:
        return _shown(await decisions.add_decision(caller, DecisionDraft(**asked.model_dump())))

    @router.delete("/c-suite/decisions/{id}", summary="Delete a decision", status_code=204)
    async def delete_decision(caller: KnownCaller, request_id: RequestId, id: DecisionId) -> None:
        await decisions.delete_decision(caller, id, request_id=request_id)

    return router


def _shown(decision: Decision) -> ShownDecision:
    named = {name: getattr(decision, name) for name in ShownDecision.model_fields if name != "status"}
    return ShownDecision(**named, status=decision.outcome or "open")
