"""The tabs Gaps and Saved questions: what is missing, and what must never be."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from officium.apps.widget.checks import SavedQuestion
from officium.apps.widget.widget import Widget
from officium.core.tenancy.caller import require
from officium.kit.errors import InvalidRequest, NotFound, OfficiumError
from officium.web.console.frame import redirect
from officium.web.console.pages.widgets.room import (
    ONE,
    ROOT,
    WidgetRoom,
    caller_of,
    lines_of,
    number_in_path,
)

_QUESTIONS = f"{ONE}/saved-questions"


def add_improving_pages(router: APIRouter, room: WidgetRoom) -> None:
    """Add them."""
    _add_gaps(router, room)
    _add_questions(router, room)


def _add_gaps(router: APIRouter, room: WidgetRoom) -> None:
    @router.get(f"{ONE}/gaps")
    async def show(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        gaps, closed = await room.services.gaps.list_gaps(caller_of(request), widget.id)
        return await room.page(
            request,
            "widget_gaps.html",
            "gaps",
            widget,
            gaps=gaps,
            closed_questions=sum(closed.values()),
            closed_entries=len(closed),
        )

    @router.post(f"{ONE}/gaps/draft")
    async def draft(request: Request, id: str) -> Response:
        widget, caller = await room.widget(request, id), caller_of(request)
        require(caller, "config:write")
        first = number_in_path(request.state.form.get("request", ""))
        gaps, _ = await room.services.gaps.list_gaps(caller, widget.id)
        gap = next((each for each in gaps if first in each.request_ids), None)
        if gap is None:
            raise NotFound("This gap is closed already. Load the page again to see those that are left.")
        entry, _ = await room.services.gaps.draft(caller, widget.id, gap.phrasings, gap.request_ids)
        return redirect(f"{ROOT}/{widget.id}/knowledge/{entry.id}", flash="gap_drafted")


def _add_questions(router: APIRouter, room: WidgetRoom) -> None:
    async def page(
        request: Request, widget: Widget, error: OfficiumError | None = None, **said: str
    ) -> Response:
        found = await room.services.checks.list_questions(caller_of(request), widget.id)
        return await room.page(
            request,
            "widget_questions.html",
            "questions",
            widget,
            error=error,
            questions=_worst_first(found),
            failed=sum(each.has_passed is False for each in found),
            said={"question": "", "facts": "", **said},
        )

    @router.get(_QUESTIONS)
    async def show(request: Request, id: str) -> Response:
        return await page(request, await room.widget(request, id))

    @router.post(_QUESTIONS)
    async def save(request: Request, id: str) -> Response:
        widget, form = await room.widget(request, id), request.state.form
        question, facts = form.get("question", ""), form.get("facts", "")
        try:
            await room.services.checks.save(caller_of(request), widget.id, question, list(lines_of(facts)))
        except InvalidRequest as error:
            return await page(request, widget, error, question=question, facts=facts)
        return redirect(f"{ROOT}/{widget.id}/saved-questions", flash="question_saved")

    @router.post(f"{_QUESTIONS}/run")
    async def run(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        await room.services.checks.run(caller_of(request), widget.id)
        return redirect(f"{ROOT}/{widget.id}/saved-questions", flash="questions_asked")

    @router.post(f"{_QUESTIONS}/{{question}}/delete")
    async def delete(request: Request, id: str, question: str) -> Response:
        widget = await room.widget(request, id)
        await room.services.checks.delete(caller_of(request), widget.id, number_in_path(question))
        return redirect(f"{ROOT}/{widget.id}/saved-questions", flash="question_deleted")


def _worst_first(found: Sequence[SavedQuestion]) -> list[SavedQuestion]:
    """Those that fail first, then those nobody has asked, then the rest."""
    order = {False: 0, None: 1, True: 2}
    return sorted(found, key=lambda each: (order[each.has_passed], each.id))
