"""`/c-suite/{persona}/compare` and `/c-suite/comparisons`: two models, one question, a blind vote."""

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse
from pydantic import Field

from officium.apps.personas.comparisons import BegunComparison, Comparison, Standing, Winner
from officium.core.conversations.live import NumberedEvent
from officium.core.gateway.call import CallContext
from officium.core.tenancy.caller import Caller
from officium.web.api.personas import STREAM, Language, LastEventId, PersonaName, TraceParent
from officium.web.caller import Authenticator
from officium.web.events import event_response, last_event_id
from officium.web.keyed import KnownCaller, RequestId, keyed_router
from officium.web.spelling import Camel, CamelBody

ModelName = Annotated[str, Field(min_length=1, max_length=256)]
ComparisonId = Annotated[str, Path(max_length=64, examples=["cmp_01m7zd6sc0vv3tq7esgvfv5njd"])]


class Comparisons(Protocol):
    """Compares models."""

    async def compare(
        self,
        caller: Caller,
        persona: str,
        message: str,
        models: tuple[str, str],
        context: CallContext,
        *,
        language: str = "",
    ) -> BegunComparison: ...

    async def read(
        self, caller: Caller, comparison_id: str, after_event_id: int = 0
    ) -> AsyncGenerator[NumberedEvent, None]: ...

    async def vote(
        self, caller: Caller, comparison_id: str, winner: Winner, reason: str | None = None
    ) -> Comparison: ...

    async def list_standings(self, caller: Caller) -> Sequence[Standing]: ...


class AskedComparison(CamelBody):
    """A question for two models."""

    message: str = Field(description="At most 16 KB.")
    models: tuple[ModelName, ModelName] = Field(examples=[["openai/gpt-6-luna", "claude/claude-haiku-5-5"]])
    language: Language = ""


class Vote(CamelBody):
    """Which side was better."""

    winner: Winner = Field(description="`tie`: equally good; `neither`: equally bad.")
    reason: str | None = Field(None, description="At most 1,000 characters.")


class ShownComparison(Camel):
    """A comparison after its vote."""

    id: str
    persona: str
    winner: Winner
    model_a: str
    model_b: str
    sides: dict[str, Any] = Field(
        description="Per side: tokens, figures, time to the first word and the last."
    )


class ShownStanding(Camel):
    """How two models stand against each other."""

    first: str
    second: str
    first_wins: int
    second_wins: int
    ties: int
    p_value: float = Field(description="The chance of a result so uneven between equals (sign test).")


class ShownStandings(Camel):
    """All pairs that were compared, those with the most votes first."""

    standings: list[ShownStanding]


def comparisons_router(
    comparisons: Comparisons, authenticator: Authenticator, heartbeat_s: float
) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "advisers")

    async def events(caller: Caller, comparison_id: str, after: int) -> StreamingResponse:
        found = await comparisons.read(caller, comparison_id, after)
        return event_response(found, heartbeat_s, {"officium-comparison-id": comparison_id})

    @router.post(
        "/c-suite/{persona}/compare",
        summary="Let two models answer as one persona, side by side and nameless; streamed",
        response_class=StreamingResponse,
        responses=STREAM,
    )
    async def compare(
        caller: KnownCaller,
        request_id: RequestId,
        persona: PersonaName,
        asked: AskedComparison,
        traceparent: TraceParent = None,
    ) -> StreamingResponse:
        context = CallContext(request_id=request_id, traceparent=traceparent)
        begun = await comparisons.compare(
            caller, persona, asked.message, asked.models, context, language=asked.language
        )
        return await events(caller, begun.comparison_id, 0)

    @router.get(
        "/c-suite/comparisons/{id}/events",
        summary="Read a comparison again, or go on reading it; for a day",
        response_class=StreamingResponse,
        responses=STREAM,
    )
    async def read(caller: KnownCaller, id: ComparisonId, last: LastEventId = None) -> StreamingResponse:
        return await events(caller, id, last_event_id(last))

    @router.post("/c-suite/comparisons/{id}/vote", summary="Say which side was better, and learn who was who")
    async def vote(caller: KnownCaller, id: ComparisonId, said: Vote) -> ShownComparison:
        found = await comparisons.vote(caller, id, said.winner, said.reason)
        return ShownComparison(
            id=found.id,
            persona=found.persona,
            winner=said.winner,
            model_a=found.model_a,
            model_b=found.model_b,
            sides={side: _spelled(known) for side, known in found.sides.items()},
        )

    @router.get("/c-suite/comparisons/standings", summary="Which models win against which")
    async def list_standings(caller: KnownCaller) -> ShownStandings:
        found = await comparisons.list_standings(caller)
        return ShownStandings(
            standings=[
                ShownStanding(**{name: getattr(each, name) for name in Standing.__struct_fields__})
                for each in found
            ]
        )

    return router


def _spelled(known: Any) -> dict[str, Any]:
    names = {"answered_by": "answeredBy", "first_word_ms": "firstWordMs"}
    return {names.get(name, name): value for name, value in known.items()}
