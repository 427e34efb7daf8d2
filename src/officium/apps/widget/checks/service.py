"""Asks the saved questions, whenever knowledge base or settings change and when somebody wants to know."""

from typing import Any, Protocol

import structlog

from officium.apps.widget.checks.check import SavedQuestion, checked_question, missing_facts
from officium.apps.widget.checks.errors import SavedQuestionNotFound
from officium.apps.widget.checks.store import CheckStore
from officium.apps.widget.errors import WidgetNotFound
from officium.apps.widget.reach import require_reading
from officium.apps.widget.widget import Widget
from officium.core.tenancy import Caller, require
from officium.kit.clock import Clock

_WIDGETS_AT_ONCE = 20
_log = structlog.get_logger("widget")


class Widgets(Protocol):
    """Knows the widgets."""

    async def find_widget(self, caller: Caller, widget_id: int) -> Widget | None: ...


class FoundEntry(Protocol):
    """An entry that may answer."""

    @property
    def answer(self) -> str: ...

    @property
    def confidence(self) -> float: ...


class FoundEntries(Protocol):
    """What a search found."""

    @property
    def entries(self) -> tuple[Any, ...]: ...


class Knowledge(Protocol):
    """Searches a widget's knowledge base."""

    async def search(self, caller: Caller, widget_id: int, question: str) -> FoundEntries: ...


class Versions(Protocol):
    """Knows which version a knowledge base is at."""

    async def get_version(self, caller: Caller, widget_id: int) -> int: ...


class CheckService:
    """Saved questions. They are put to the knowledge base, not to a model: that is free, and repeatable.

    Seeing them needs `config:read`, saving and asking `config:write`.
    """

    def __init__(
        self, store: CheckStore, widgets: Widgets, knowledge: Knowledge, versions: Versions, clock: Clock
    ) -> None:
        self._store = store
        self._widgets = widgets
        self._knowledge = knowledge
        self._versions = versions
        self._clock = clock

    async def list_questions(self, caller: Caller, widget_id: int) -> list[SavedQuestion]:
        """The saved questions with what came of them last. Raises WidgetNotFound."""
        require_reading(caller)
        await self._get_widget(caller, widget_id)
        return await self._store.list_questions(caller, widget_id)

    async def save(self, caller: Caller, widget_id: int, question: str, facts: list[str]) -> SavedQuestion:
        """Save a question. Raises WidgetNotFound and InvalidSavedQuestion."""
        require(caller, "config:write")
        await self._get_widget(caller, widget_id)
        asked, kept = checked_question(question, facts)
        return await self._store.add_question(caller, widget_id, asked, kept, self._clock.now())

    async def delete(self, caller: Caller, widget_id: int, question_id: int) -> None:
        """Ask it no more. Raises WidgetNotFound and SavedQuestionNotFound."""
        require(caller, "config:write")
        await self._get_widget(caller, widget_id)
        if not await self._store.delete_question(caller, widget_id, question_id):
            raise SavedQuestionNotFound(
                f"The widget has no saved question {question_id}. List them to see their ids."
            )

    async def run(self, caller: Caller, widget_id: int) -> list[SavedQuestion]:
        """Ask all of them now. Raises WidgetNotFound."""
        require(caller, "config:write")
        return await self._run(caller, await self._get_widget(caller, widget_id))

    async def run_stale(self) -> None:
        """Ask those whose knowledge base or widget has changed since, of all tenants."""
        for tenant_id, widget_id in await self._store.list_stale_for_all_tenants(_WIDGETS_AT_ONCE):
            caller = Caller(tenant_id, "job:widget-checks", frozenset())
            widget = await self._widgets.find_widget(caller, widget_id)
            if widget is not None:
                found = await self._run(caller, widget)
                failed = sum(question.has_passed is False for question in found)
                _log.info(
                    "knowledge.checked",
                    tenant=tenant_id,
                    widget=widget_id,
                    questions=len(found),
                    failed=failed,
                )

    async def _run(self, caller: Caller, widget: Widget) -> list[SavedQuestion]:
        version = await self._versions.get_version(caller, widget.id)
        results: dict[int, dict[str, Any]] = {}
        for question in await self._store.list_questions(caller, widget.id):
            found = await self._knowledge.search(caller, widget.id, question.question)
            best: FoundEntry | None = found.entries[0] if found.entries else None
            is_sure = best is not None and best.confidence >= widget.confidence_threshold
            missing = missing_facts(best.answer, question.facts) if best and is_sure else question.facts
            results[question.id] = {
                "has_passed": not missing,
                "missing": list(missing),
                "answer": best.answer if best else None,
                "confidence": best.confidence if best else None,
                "version": version,
                "checked_at": self._clock.now(),
            }
        await self._store.save_results(caller, widget.id, results)
        return await self._store.list_questions(caller, widget.id)

    async def _get_widget(self, caller: Caller, widget_id: int) -> Widget:
        widget = await self._widgets.find_widget(caller, widget_id)
        if widget is None:
            raise WidgetNotFound(
                f"Your tenant has no widget {widget_id}. List a client's widgets to see their ids."
            )
        return widget
