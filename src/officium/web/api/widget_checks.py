"""`/api/chat-widget/widgets/{widgetId}/saved-questions`: what the knowledge base must always answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from officium.apps.widget.checks import SavedQuestion
from officium.core.tenancy.caller import Caller
from officium.web.api.chat_widget import Asked, WidgetId
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, keyed_router

_ROOT = "/api/chat-widget/widgets/{widgetId}/saved-questions"


class Checks(Protocol):
    """Knows the saved questions."""

    async def list_questions(self, caller: Caller, widget_id: int) -> Sequence[SavedQuestion]: ...

    async def save(
        self, caller: Caller, widget_id: int, question: str, facts: list[str]
    ) -> SavedQuestion: ...

    async def delete(self, caller: Caller, widget_id: int, question_id: int) -> None: ...

    async def run(self, caller: Caller, widget_id: int) -> Sequence[SavedQuestion]: ...


class NewQuestion(Asked):
    """A question to save."""

    question: str = Field(max_length=1000, examples=["When do you open?"])
    facts: list[str] = Field(
        max_length=20, description="What its answer must state, word for word.", examples=[["9:00"]]
    )


class ShownQuestion(BaseModel):
    """A saved question, and what came of asking it last."""

    id: int
    question: str
    facts: list[str]
    has_passed: bool | None = Field(description="null before it was asked.")
    missing: list[str] = Field(description="The facts that were not stated.")
    answer: str | None
    confidence: float | None
    version: int | None = Field(description="The knowledge base's, when it was asked.")
    checked_at: datetime | None
    created_at: datetime


class ShownQuestions(BaseModel):
    """All saved questions, oldest first."""

    saved_questions: list[ShownQuestion]
    failed: int


QuestionId = Annotated[int, Path(alias="questionId", ge=1, le=2**63 - 1)]


def widget_checks_router(checks: Checks, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "chat widget knowledge")

    @router.get(_ROOT, summary="What the knowledge base must always answer")
    async def list_questions(caller: KnownCaller, widget_id: WidgetId) -> ShownQuestions:
        return _shown_all(await checks.list_questions(caller, widget_id))

    @router.post(_ROOT, summary="Save a question with what its answer must state", status_code=201)
    async def save(caller: KnownCaller, widget_id: WidgetId, asked: NewQuestion) -> ShownQuestion:
        return _shown(await checks.save(caller, widget_id, asked.question, asked.facts))

    @router.post(f"{_ROOT}/run", summary="Ask all saved questions now")
    async def run(caller: KnownCaller, widget_id: WidgetId) -> ShownQuestions:
        return _shown_all(await checks.run(caller, widget_id))

    @router.delete(f"{_ROOT}/{{questionId}}", summary="Ask a question no more", status_code=204)
    async def delete(caller: KnownCaller, widget_id: WidgetId, question_id: QuestionId) -> None:
        await checks.delete(caller, widget_id, question_id)

    return router


def _shown_all(found: Sequence[SavedQuestion]) -> ShownQuestions:
    return ShownQuestions(
        saved_questions=[_shown(each) for each in found],
        failed=sum(each.has_passed is False for each in found),
    )


def _shown(question: SavedQuestion) -> ShownQuestion:
    values = msgspec.structs.asdict(question)
    del values["widget_id"]
    return ShownQuestion(**values | {"facts": list(question.facts), "missing": list(question.missing)})
