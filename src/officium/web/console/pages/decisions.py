"""The page on which decisions are written down with what was expected of them, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol, cast

from fastapi import APIRouter, Request, Response

from officium.apps.personas.business import BusinessContext
from officium.apps.personas.business.snapshot import MEASURES
from officium.apps.personas.decisions import Decision, DecisionDraft, Status
from officium.apps.personas.decisions.decision import Direction
from officium.apps.personas.decisions.errors import InvalidDecision
from officium.apps.personas.persona import PERSONAS
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest
from officium.web.console.frame import Frame, redirect
from officium.web.console.signed_in import Form

PATH = "/console/advisors/decisions"
_LISTED = 50
_STATUSES = ("open", "met", "missed")
_FIELDS = ("text", "metric", "direction", "due_on", "expected_value", "persona")
_NAMES = {"dueOn": "due_on", "expectedValue": "expected_value"}
_DIRECTIONS: Mapping[str, Direction] = {"up": "up", "down": "down"}
_LONGEST_NUMBER = 30


class Decisions(Protocol):
    """Knows the decisions."""

    async def add_decision(self, caller: Caller, draft: DecisionDraft) -> Decision: ...

    async def list_decisions(
        self, caller: Caller, *, status: Status | None = None, before: str | None = None, limit: int = 50
    ) -> Sequence[Decision]: ...

    async def delete_decision(
        self, caller: Caller, decision_id: str, *, request_id: str | None = None
    ) -> None: ...


class Businesses(Protocol):
    """Knows the figures that decisions are measured by."""

    async def get_context(self, caller: Caller) -> BusinessContext: ...


def add_decisions_page(router: APIRouter, decisions: Decisions, businesses: Businesses, frame: Frame) -> None:
    """Add the page, its form, and the button that deletes."""

    async def page(
        request: Request, said: Form | None = None, error: InvalidRequest | InvalidDecision | None = None
    ) -> Response:
        caller = request.state.session.caller
        wanted = request.query_params.get("status", "")
        status = cast("Status", wanted) if wanted in _STATUSES else None
        before = request.query_params.get("before") or None
        found = await decisions.list_decisions(caller, status=status, before=before, limit=_LISTED)
        values: dict[str, Any] = {"said": {name: (said or {}).get(name, "") for name in _FIELDS}}
        if error is not None:
            request.scope["officium.error"] = error.code
            param = str(error.fields.get("param", ""))
            values["faulty"] = _NAMES.get(param, param)
        return frame.page(
            request,
            "decisions.html",
            status=200 if error is None else 400,
            decisions=found,
            wanted=status or "",
            statuses=("", *_STATUSES),
            personas=PERSONAS,
            metrics=_metrics(await businesses.get_context(caller)),
            next_before=found[-1].id if len(found) == _LISTED else None,
            error=error,
            **{"faulty": "", **values},
        )

    @router.get(PATH)
    async def show(request: Request) -> Response:
        return await page(request)

    @router.post(PATH)
    async def add(request: Request) -> Response:
        form = request.state.form
        try:
            await decisions.add_decision(request.state.session.caller, _draft(form))
        except InvalidRequest as error:
            return await page(request, form, error)
        return redirect(PATH, flash="decision_kept")

    @router.post(f"{PATH}/{{id}}/delete")
    async def delete(request: Request, id: str) -> Response:
        caller, request_id = request.state.session.caller, request.scope["officium.request_id"]
        await decisions.delete_decision(caller, id, request_id=request_id)
        return redirect(PATH, flash="decision_deleted")


def _metrics(known: BusinessContext) -> list[str]:
    """The figures a decision can be measured by: the usual ones, and those of the latest snapshot."""
    own = known.snapshot.figures if known.snapshot is not None else {}
    return [*MEASURES, *(name for name in own if name not in MEASURES)]


def _draft(form: Form) -> DecisionDraft:
    """The decision that a form describes. Raises InvalidRequest; the room looks at the rest."""
    direction, persona = _DIRECTIONS.get(form.get("direction", "")), form.get("persona", "")
    if direction is None:
        raise InvalidRequest("Choose whether more is better, or less.", param="direction")
    try:
        due_on = date.fromisoformat(form.get("due_on", ""))
    except ValueError:
        raise InvalidRequest("Choose the day on which it should show.", param="due_on") from None
    return DecisionDraft(
        text=form.get("text", "").strip(),
        metric=form.get("metric", "").strip(),
        direction=direction,
        due_on=due_on,
        expected_value=_number(form.get("expected_value", "")),
        persona=persona if persona in PERSONAS else None,
    )


def _number(said: str) -> float | None:
    plain = said.strip().replace(",", "").replace(" ", "")
    if not plain:
        return None
    try:
        if len(plain) > _LONGEST_NUMBER:
            raise ValueError
        return float(plain)
    except ValueError:
        raise InvalidRequest(
            "The expected value is a number, such as 15000.", param="expected_value"
        ) from None
