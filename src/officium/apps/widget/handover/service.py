"""Hands a conversation over to a person: who waits, who answers, and who is told."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from msgspec import Struct

from officium.apps.widget.errors import WidgetNotFound
from officium.apps.widget.handover.errors import CannedAnswerNotFound, InvalidReply
from officium.apps.widget.handover.inbox import (
    LONGEST_REPLY,
    LONGEST_TITLE,
    CannedAnswer,
    InboxConversation,
    Waiting,
)
from officium.apps.widget.handover.store import HandoverStore
from officium.apps.widget.reach import require_answering, require_reading
from officium.apps.widget.visitors import NewMessage, Visit, VisitorMessage, VisitorStore
from officium.apps.widget.visitors.conversation import Status
from officium.apps.widget.visitors.errors import ConversationNotFound
from officium.apps.widget.widget import Widget
from officium.core.tenancy import Caller, require
from officium.core.usage.alerts.destination import Destination
from officium.core.usage.alerts.errors import DeliveryFailed
from officium.core.usage.alerts.letter import Letter
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError
from officium.kit.notices import Notices

SAID = "widget.said"
"""The notice that something was said in a conversation, or became of it; its text is `<tenant> <id>`."""
LOOK_EVERY_S = 3.0
"""So often a live stream looks by itself: notices may be lost."""
LONGEST_STREAM_S = 1_800.0
TOLD_FOR = timedelta(days=1)
"""An agency that cannot be told of a visitor for so long is told no more."""
SHORTEST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
"""Between two tries passes as much time as the visitor has waited, within these."""
_TOLD_AT_ONCE = 20

_log = structlog.get_logger("widget")


class LiveEvent(Struct, frozen=True, kw_only=True):
    """What a waiting visitor is told: a message, or what the conversation has become."""

    message: VisitorMessage | None = None
    status: Status | None = None


class Widgets(Protocol):
    """Knows the widgets."""

    async def find_widget(self, caller: Caller, widget_id: int) -> Widget | None: ...


class Deliveries(Protocol):
    """Knows where a tenant wants to be told, and which of these have what letter."""

    async def list_without(self, caller: Caller, letter_id: str) -> list[Destination]: ...

    async def add_delivery(
        self, caller: Caller, alert_id: str, destination_id: str, now: datetime
    ) -> None: ...


class Courier(Protocol):
    """Brings letters."""

    async def bring(self, letter: Letter, destination: Destination) -> None: ...


class HandoverService:
    """The inbox. Reading needs `config:read` or `config:write`, answering `config:write`."""

    def __init__(
        self,
        store: HandoverStore,
        visitors: VisitorStore,
        widgets: Widgets,
        deliveries: Deliveries,
        courier: Courier,
        clock: Clock,
        notices: Notices,
    ) -> None:
        self._store = store
        self._visitors = visitors
        self._widgets = widgets
        self._deliveries = deliveries
        self._courier = courier
        self._clock = clock
        self._notices = notices
        self._listeners: dict[str, set[asyncio.Event]] = {}
        self._next_tries: dict[int, datetime] = {}
        notices.subscribe(SAID, self._wake)

    async def ask_for_person(self, visit: Visit, conversation_id: int) -> Status:
        """The visitor wants a person; gives what the conversation is now. Raises ConversationNotFound."""
        found = await self._visitors.find_conversation(
            visit.caller, visit.widget.id, conversation_id, visit.visitor_id
        )
        if found is None:
            raise _no_conversation(conversation_id)
        if found.status in ("waiting", "human"):
            return found.status
        now = self._clock.now()
        values: dict[str, Any] = {"status": "waiting", "waiting_since": now, "told_at": None}
        await self._store.change(visit.caller, visit.widget.id, conversation_id, values)
        self._announce(visit.caller, conversation_id)
        return "waiting"

    async def events(self, visit: Visit, conversation_id: int, after: int) -> AsyncGenerator[LiveEvent, None]:
        """What is said and becomes of the visitor's conversation, from behind the message `after` on.

        Ends after half an hour. Raises ConversationNotFound.
        """
        key = f"{visit.caller.tenant_id} {conversation_id}"
        wake = asyncio.Event()
        self._listeners.setdefault(key, set()).add(wake)
        ends = self._clock.monotonic() + LONGEST_STREAM_S
        status: Status | None = None
        try:
            while self._clock.monotonic() < ends:
                wake.clear()
                found = await self._visitors.find_conversation(
                    visit.caller, visit.widget.id, conversation_id, visit.visitor_id
                )
                if found is None:
                    raise _no_conversation(conversation_id)
                for message in await self._visitors.list_messages(visit.caller, conversation_id, after=after):
                    after = message.id
                    yield LiveEvent(message=message)
                if found.status != status:
                    status = found.status
                    yield LiveEvent(status=status)
                try:
                    await asyncio.wait_for(wake.wait(), LOOK_EVERY_S)
                except TimeoutError:
                    continue
        finally:
            waiting = self._listeners[key]
            waiting.discard(wake)
            if not waiting:
                del self._listeners[key]

    async def list_inbox(
        self,
        caller: Caller,
        widget_id: int,
        *,
        status: Status | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[InboxConversation]:
        """A page of a widget's conversations, newest first. Raises WidgetNotFound."""
        await self._check(caller, widget_id, is_writing=False)
        return await self._store.list_inbox(caller, widget_id, status, before, limit)

    async def read(
        self, caller: Caller, widget_id: int, conversation_id: int, *, after: int = 0
    ) -> tuple[InboxConversation, list[VisitorMessage]]:
        """A conversation with a page of its messages. Raises WidgetNotFound and ConversationNotFound."""
        await self._check(caller, widget_id, is_writing=False)
        found = await self._get(caller, widget_id, conversation_id)
        return found, await self._visitors.list_messages(caller, conversation_id, after=after)

    async def assign(
        self, caller: Caller, widget_id: int, conversation_id: int, assignee: str | None
    ) -> InboxConversation:
        """Say who answers it; `None` for nobody. Raises WidgetNotFound and ConversationNotFound."""
        return await self._change(caller, widget_id, conversation_id, {"assigned_to": assignee})

    async def set_status(
        self, caller: Caller, widget_id: int, conversation_id: int, status: Status
    ) -> InboxConversation:
        """Take it over (`human`), close it, or give it back to the widget (`bot`). Raises as `assign`."""
        values: dict[str, Any] = {"status": status}
        if status != "waiting":
            values["waiting_since"] = None
        return await self._change(caller, widget_id, conversation_id, values)

    async def reply(self, caller: Caller, widget_id: int, conversation_id: int, text: str) -> VisitorMessage:
        """Answer as a person: from now on the widget is silent. Raises as `assign`, and InvalidReply."""
        await self._check(caller, widget_id, is_writing=True)
        said = _checked(text, LONGEST_REPLY, "text")
        await self._get(caller, widget_id, conversation_id)
        message = NewMessage(
            conversation_id=conversation_id, speaker="agent", text=said, author=caller.actor[:128]
        )
        added = await self._visitors.add_message(
            caller, widget_id, message, self._clock.now(), status="human"
        )
        await self._store.change(caller, widget_id, conversation_id, {"waiting_since": None})
        self._announce(caller, conversation_id)
        return added

    async def list_canned(self, caller: Caller, widget_id: int) -> list[CannedAnswer]:
        """The answers that are ready. Raises WidgetNotFound."""
        await self._check(caller, widget_id, is_writing=False)
        return await self._store.list_canned(caller, widget_id)

    async def add_canned(self, caller: Caller, widget_id: int, title: str, text: str) -> CannedAnswer:
        """Keep an answer ready. Raises WidgetNotFound and InvalidReply."""
        require(caller, "config:write")
        await self._check(caller, widget_id, is_writing=True)
        return await self._store.add_canned(
            caller,
            widget_id,
            _checked(title, LONGEST_TITLE, "title"),
            _checked(text, LONGEST_REPLY, "text"),
            self._clock.now(),
        )

    async def delete_canned(self, caller: Caller, widget_id: int, answer_id: int) -> None:
        """Keep it ready no more. Raises WidgetNotFound and CannedAnswerNotFound."""
        require(caller, "config:write")
        await self._check(caller, widget_id, is_writing=True)
        if not await self._store.delete_canned(caller, widget_id, answer_id):
            raise CannedAnswerNotFound(
                f"The widget has no answer {answer_id} ready. List them to see their ids."
            )

    async def tell_waiting(self) -> None:
        """Tell the agencies of visitors who wait: each of their alert destinations once.

        What does not arrive is tried again, ever later, for a day, or until somebody has answered.
        """
        now = self._clock.now()
        self._next_tries = {id: due for id, due in self._next_tries.items() if due > now}
        postponed = tuple(self._next_tries)
        for waiting in await self._store.list_untold_for_all_tenants(_TOLD_AT_ONCE, postponed):
            caller = Caller(waiting.tenant_id, "job:widget-handover", frozenset())
            has_waited = now - waiting.since
            if await self._tell(caller, waiting) or has_waited >= TOLD_FOR:
                await self._store.note_told(caller, waiting.conversation_id, now)
            else:
                pause = min(max(has_waited, SHORTEST_PAUSE), LONGEST_PAUSE)
                self._next_tries[waiting.conversation_id] = now + pause

    async def _tell(self, caller: Caller, waiting: Waiting) -> bool:
        """Tell the destinations that do not know yet; whether all of them do now."""
        widget = await self._widgets.find_widget(caller, waiting.widget_id)
        if widget is None:
            return True
        letter = Letter(
            id=f"handover_{waiting.conversation_id}_{int(waiting.since.timestamp())}",
            type="conversation.waiting",
            created_at=self._clock.now(),
            title=f"{widget.name}: a visitor waits for a person",
            text=f"In the widget {widget.name!r} a visitor has asked for a person. "
            f"The conversation is number {waiting.conversation_id}.",
            facts={"widget_id": waiting.widget_id, "conversation_id": waiting.conversation_id},
        )
        is_told = True
        for destination in await self._deliveries.list_without(caller, letter.id):
            try:
                await self._courier.bring(letter, destination)
                await self._deliveries.add_delivery(caller, letter.id, destination.id, self._clock.now())
            except (DeliveryFailed, OfficiumError) as error:
                is_told = False
                _log.warning(
                    "handover.not_told",
                    tenant=caller.tenant_id,
                    widget=waiting.widget_id,
                    destination=destination.id,
                    reason=error.message,
                )
        return is_told

    async def _change(
        self, caller: Caller, widget_id: int, conversation_id: int, values: dict[str, Any]
    ) -> InboxConversation:
        await self._check(caller, widget_id, is_writing=True)
        if not await self._store.change(
            caller, widget_id, conversation_id, {**values, "updated_at": self._clock.now()}
        ):
            raise _no_conversation(conversation_id)
        self._announce(caller, conversation_id)
        return await self._get(caller, widget_id, conversation_id)

    async def _get(self, caller: Caller, widget_id: int, conversation_id: int) -> InboxConversation:
        found = await self._store.find_conversation(caller, widget_id, conversation_id)
        if found is None:
            raise _no_conversation(conversation_id)
        return found

    async def _check(self, caller: Caller, widget_id: int, *, is_writing: bool) -> None:
        if is_writing:
            require_answering(caller)
        else:
            require_reading(caller)
        if await self._widgets.find_widget(caller, widget_id) is None:
            raise WidgetNotFound(
                f"Your tenant has no widget {widget_id}. List a client's widgets to see their ids."
            )

    def _announce(self, caller: Caller, conversation_id: int) -> None:
        self._notices.publish(SAID, f"{caller.tenant_id} {conversation_id}")

    def _wake(self, key: str) -> None:
        for event in self._listeners.get(key, ()):
            event.set()


def _checked(text: str, longest: int, param: str) -> str:
    said = text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
    if not 1 <= len(said) <= longest:
        raise InvalidReply(f"`{param}` has 1 to {longest:,} characters.", param=param)
    return said


def _no_conversation(conversation_id: int) -> ConversationNotFound:
    return ConversationNotFound(f"There is no conversation {conversation_id} here.")
