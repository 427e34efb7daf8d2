"""`/c-suite/board`: a meeting of all advisers, streamed, under a ceiling shown before."""

from decimal import Decimal
from typing import Annotated, Protocol

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import Field

from officium.apps.personas.board.meeting import Ceiling
from officium.apps.personas.service import BegunAnswer
from officium.core.gateway.call import CallContext
from officium.core.tenancy.caller import Caller
from officium.web.api.personas import STREAM, Advisers, Language, Reading, TraceParent
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router
from officium.web.spelling import Camel, CamelBody

_MOST_TOKENS = 10_000_000
_MOST_USD = 10_000


class Board(Protocol):
    """Holds meetings."""

    async def estimate(
        self, caller: Caller, message: str, context: CallContext, *, language: str = ""
    ) -> Ceiling: ...

    async def meet(
        self,
        caller: Caller,
        message: str,
        context: CallContext,
        *,
        most_tokens: int | None = None,
        most_cost_usd: Decimal | None = None,
        language: str = "",
    ) -> BegunAnswer: ...


class Agenda(CamelBody):
    """A question to the whole board."""

    message: str = Field(description="At most 16 KB.", examples=["Should we raise prices this quarter?"])
    language: Language = ""


class Meeting(Agenda):
    """A question to the whole board, and what its meeting may cost."""

    most_tokens: Annotated[int, Field(ge=1, le=_MOST_TOKENS)] | None = Field(
        None, description="A ceiling below the estimate, in tokens of both directions."
    )
    most_cost_usd: Annotated[Decimal, Field(gt=0, le=_MOST_USD)] | None = Field(
        None, description="A ceiling below the estimate, in dollars."
    )


class ShownCeiling(Camel):
    """What a meeting costs at most: no call of it passes that."""

    tokens: int
    cost_usd: str = Field(description="A decimal; 0 where the models cost nothing.", examples=["0.0412"])


def board_router(
    board: Board, advisers: Advisers, authenticator: Authenticator, heartbeat_s: float
) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "advisers")
    reading = Reading(advisers, heartbeat_s)

    @router.post("/c-suite/board/estimate", summary="What a board meeting on a question costs at most")
    async def estimate(caller: KnownCaller, request_id: RequestId, asked: Agenda) -> ShownCeiling:
        context = CallContext(request_id=request_id)
        ceiling = await board.estimate(caller, asked.message, context, language=asked.language)
        return ShownCeiling.model_validate(ceiling.as_json())

    @router.post(
        "/c-suite/board/meeting",
        summary="Put a question to all advisers at once: opinions, objections, a synthesis; streamed",
        response_class=StreamingResponse,
        responses=STREAM,
    )
    async def meet(
        caller: KnownCaller, request_id: RequestId, asked: Meeting, traceparent: TraceParent = None
    ) -> StreamingResponse:
        context = CallContext(request_id=request_id, traceparent=traceparent)
        begun = await board.meet(
            caller,
            asked.message,
            context,
            most_tokens=asked.most_tokens,
            most_cost_usd=asked.most_cost_usd,
            language=asked.language,
        )
        return await reading.begin(caller, begun)

    return router
