"""Finds what visitors ask in vain, and makes drafts of entries from it."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Protocol

from officium.apps.widget.errors import WidgetNotFound
from officium.apps.widget.gaps.gap import Gap, find_gaps
from officium.apps.widget.gaps.store import GapStore
from officium.apps.widget.knowledge import EntryDraft, KnowledgeEntry
from officium.apps.widget.knowledge.change import Cause
from officium.apps.widget.knowledge.entry import UNANSWERED
from officium.apps.widget.reach import require_reading
from officium.apps.widget.widget import Widget
from officium.core.tenancy import Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest

DAYS = 30
_MOST_REQUESTS = 2_000


class Widgets(Protocol):
    """Knows the widgets."""

    async def find_widget(self, caller: Caller, widget_id: int) -> Widget | None: ...


class Knowledge(Protocol):
    """Takes in entries."""

    async def add_entry(
        self, caller: Caller, widget_id: int, draft: EntryDraft, *, cause: Cause = ...
    ) -> KnowledgeEntry: ...


class GapService:
    """The gaps of a widget's knowledge. Seeing them needs `config:read`, drafting `config:write`."""

    def __init__(self, store: GapStore, widgets: Widgets, knowledge: Knowledge, clock: Clock) -> None:
        self._store = store
        self._widgets = widgets
        self._knowledge = knowledge
        self._clock = clock

    async def list_gaps(self, caller: Caller, widget_id: int) -> tuple[list[Gap], dict[int, int]]:
        """What visitors of the last 30 days asked in vain, most often asked first; and the questions closed.

        The latter by the live entry that was written for them. Raises WidgetNotFound.
        """
        require_reading(caller)
        await self._check(caller, widget_id)
        since = self._clock.now() - timedelta(days=DAYS)
        questions = await self._store.list_unanswered(caller, widget_id, since)
        gaps = await asyncio.to_thread(find_gaps, questions)
        return gaps, await self._store.count_closed(caller, widget_id)

    async def count_unanswered(self, caller: Caller, widget_ids: Collection[int]) -> dict[int, int]:
        """How many questions of the last 30 days these widgets have no good answer to, by widget."""
        require_reading(caller)
        if caller.client_id is not None:
            widget_ids = [id for id in widget_ids if await self._widgets.find_widget(caller, id)]
        found = await self._store.count_unanswered(
            caller, widget_ids, self._clock.now() - timedelta(days=DAYS)
        )
        return {widget_id: found.get(widget_id, 0) for widget_id in widget_ids}

    async def list_most_unanswered(
        self, caller: Caller, *, fewest: int, limit: int
    ) -> list[tuple[Widget, int]]:
        """The widgets with most questions of the last 30 days that have no good answer, `fewest` at least."""
        require_reading(caller)
        since = self._clock.now() - timedelta(days=DAYS)
        found = await self._store.list_most_unanswered(caller, since, fewest, limit)
        named = [(await self._widgets.find_widget(caller, widget_id), count) for widget_id, count in found]
        return [(widget, count) for widget, count in named if widget is not None]

    async def draft(
        self,
        caller: Caller,
        widget_id: int,
        phrasings: Sequence[str],
        request_ids: Sequence[int],
        answer: str | None = None,
    ) -> tuple[KnowledgeEntry, int]:
        """A draft of an entry for a gap, and for how many questions it is. With an answer it is live at once.

        Raises WidgetNotFound, InvalidEntry and InvalidRequest.
        """
        require(caller, "config:write")
        await self._check(caller, widget_id)
        if not 1 <= len(request_ids) <= _MOST_REQUESTS:
            raise InvalidRequest(f"Name 1 to {_MOST_REQUESTS:,} requests of the gap.", param="request_ids")
        draft = EntryDraft(
            phrasings=tuple(phrasings),
            answer=answer or UNANSWERED,
            tags=("from visitors",),
            state="live" if answer else "draft",
        )
        entry = await self._knowledge.add_entry(caller, widget_id, draft, cause="drafted")
        return entry, await self._store.close(caller, widget_id, list(request_ids), entry.id)

    async def _check(self, caller: Caller, widget_id: int) -> None:
        if await self._widgets.find_widget(caller, widget_id) is None:
            raise WidgetNotFound(
                f"Your tenant has no widget {widget_id}. List a client's widgets to see their ids."
            )
