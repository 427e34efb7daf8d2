"""The page on which a question is put to the whole board, once its ceiling has been shown."""

from typing import Any, Protocol

from fastapi import APIRouter, Request, Response

from officium.apps.personas.board.meeting import Ceiling
from officium.apps.personas.persona_prompt import LONGEST_QUESTION_BYTES
from officium.apps.personas.service import BegunAnswer
from officium.core.gateway.call import CallContext
from officium.core.tenancy.caller import Caller, require
from officium.kit.errors import InvalidRequest, OfficiumError
from officium.web.console.frame import Frame, redirect
from officium.web.console.signed_in import Form, takes_form
from officium.web.errors import status_of

PATH = "/console/advisors/board"
_FORM_BYTES = 4 * LONGEST_QUESTION_BYTES
_MOST_DIGITS = 9


class Board(Protocol):
    """Holds meetings."""

    async def estimate(self, caller: Caller, message: str, context: CallContext) -> Ceiling: ...

    async def meet(
        self, caller: Caller, message: str, context: CallContext, *, most_tokens: int | None = None
    ) -> BegunAnswer: ...


def add_board_page(router: APIRouter, board: Board, frame: Frame) -> None:
    """Add the page: a question, then what a meeting on it costs at most, then the meeting."""

    def page(request: Request, status: int = 200, **values: Any) -> Response:
        shown = {"message": "", "most": "", "ceiling": None, "cost": "", "error": None, **values}
        return frame.page(request, "board.html", status=status, **shown)

    @router.get(PATH)
    async def show(request: Request) -> Response:
        require(request.state.session.caller, "inference")
        return page(request)

    @router.post(PATH)
    @takes_form(_FORM_BYTES)
    async def act(request: Request) -> Response:
        caller, form = request.state.session.caller, request.state.form
        require(caller, "inference")
        message = form.get("message", "").replace("\r\n", "\n")
        said = {"message": message, "most": form.get("most", "")}
        context = CallContext(request_id=request.scope["officium.request_id"])
        ceiling: Ceiling | None = None
        try:
            ceiling = await board.estimate(caller, message, context)
            if form.get("step") == "meet":
                begun = await board.meet(caller, message, context, most_tokens=_most(form))
                return redirect(f"/console/advisors/conversations/{begun.conversation_id}")
        except OfficiumError as error:
            status = status_of(error)
            if status >= 500:
                raise
            request.scope["officium.error"] = error.code
            return page(request, status, ceiling=ceiling, cost=_cost(ceiling), error=error, **said)
        return page(request, ceiling=ceiling, cost=_cost(ceiling), **said)


def _most(form: Form) -> int | None:
    """The ceiling somebody wrote, with or without separators. Raises InvalidRequest."""
    said = form.get("most", "").strip().replace(",", "").replace(" ", "")
    if not said:
        return None
    if not (said.isascii() and said.isdecimal() and len(said) <= _MOST_DIGITS and int(said) > 0):
        raise InvalidRequest("The ceiling is a whole number of tokens, such as 20,000.", param="most")
    return int(said)


def _cost(ceiling: Ceiling | None) -> str:
    """The ceiling in dollars, to the cent above; nothing where no price is known."""
    if ceiling is None or not ceiling.cost_usd:
        return ""
    return f"{ceiling.cost_usd:.4f}".rstrip("0").rstrip(".")
