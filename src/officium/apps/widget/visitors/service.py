"""Who visits a widget: which pages may show it, whose session it is, and how much they may ask."""

import re
from collections import OrderedDict
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal, Protocol

import structlog
from msgspec import Struct

from officium.apps.widget.errors import WidgetNotFound
from officium.apps.widget.reach import require_reading, require_usage
from officium.apps.widget.visitors.conversation import (
    LONGEST_FEEDBACK,
    VisitorConversation,
    VisitorMessage,
)
from officium.apps.widget.visitors.errors import (
    ConversationNotFound,
    InvalidMessage,
    MessageNotFound,
    OriginNotAllowed,
)
from officium.apps.widget.visitors.request_log import AnswerCounts, AnswerSummary, LoggedRequest
from officium.apps.widget.visitors.session import (
    LIFETIME,
    RENEWABLE_FOR,
    Session,
    SessionSigner,
    invalid,
)
from officium.apps.widget.visitors.store import Lead, VisitorStore
from officium.apps.widget.widget import Widget, may_show
from officium.core.tenancy import Caller, require
from officium.core.usage.limits import JointLimiter, RateLimited
from officium.kit.clock import Clock
from officium.kit.database import DatabaseUnavailable
from officium.kit.errors import PermissionDenied
from officium.kit.ids import new_id

LARGEST_PAGE = 200
LONGEST_LEAD = 2_000
SUMMARY_DAYS = 30
_KNOWN_FOR_S = 5.0
_MOST_KNOWN = 10_000
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEAD_FIELDS = ("name", "email", "phone", "message")
WITHOUT_ORIGIN = "-"

_log = structlog.get_logger("widget")


class Widgets(Protocol):
    """Knows the widgets."""

    async def find_public_for_all_tenants(self, widget_key: str) -> tuple[Widget, bool] | None: ...

    async def find_widget(self, caller: Caller, widget_id: int) -> Widget | None: ...

    async def list_retentions_for_all_tenants(self) -> list[tuple[str, int, int]]: ...


class Visit(Struct, frozen=True, kw_only=True):
    """A request of a visitor, known to be one: whose, of which widget, and until when the token is good.

    `token` is new where the visitor brought none.
    """

    widget: Widget
    caller: Caller
    visitor_id: str
    session: Session
    token: str


class VisitorService:
    """Sessions of visitors, and what they may do with what they said. What is public needs no key."""

    def __init__(
        self,
        store: VisitorStore,
        widgets: Widgets,
        signer: SessionSigner,
        limiter: JointLimiter,
        openings: JointLimiter,
        clock: Clock,
    ) -> None:
        self._store = store
        self._widgets = widgets
        self._signer = signer
        self._limiter = limiter
        self._openings = openings
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Widget, bool]] = OrderedDict()

    async def find_widget(self, widget_key: str, origin: str | None, *, viewer: str | None = None) -> Widget:
        """The widget a page shows. Raises WidgetNotFound, PermissionDenied and OriginNotAllowed.

        `viewer` is the tenant of whoever is signed in and sees it on one of our own pages: all widgets of
        that tenant may be looked at there. Asked again within seconds, or while the database is away, the
        answer is as before.
        """
        widget = await self._find(widget_key)
        if not may_show(widget, origin) and viewer != widget.tenant_id:
            raise OriginNotAllowed(
                "This page may not show the widget. Its owner lists those that may in `allowed_origins`."
            )
        return widget

    async def allows(self, widget_key: str, origin: str) -> bool:
        """Whether pages of this origin may show the widget; `False` where there is none."""
        try:
            return may_show(await self._find(widget_key), origin)
        except (WidgetNotFound, PermissionDenied, DatabaseUnavailable):
            return False

    async def open_session(
        self,
        widget_key: str,
        origin: str | None,
        address: str,
        token: str | None = None,
        *,
        viewer: str | None = None,
    ) -> Visit:
        """A new session, or that of `token` renewed: its visitor stays the same.

        Raises as `find_widget`, RateLimited, and VisitorSessionInvalid for a token that is not good here or
        can no longer be renewed.
        """
        widget = await self.find_widget(widget_key, origin, viewer=viewer)
        await self._admit(self._openings, {"address": _address(address), "widget": str(widget.id)})
        if token is None:
            return self._visit(widget, origin, new_id("vis"))
        session = self._signer.read(token)
        self._check_place(session, widget, origin)
        if session.renewable_until <= self._clock.now():
            raise invalid()
        return self._visit(widget, origin, session.visitor_id)

    async def enter(
        self,
        widget_key: str,
        origin: str | None,
        address: str,
        token: str | None,
        *,
        is_opening: bool = False,
        viewer: str | None = None,
    ) -> Visit:
        """The visit behind a request, which counts from now on.

        Without a token it is a new visitor's where `is_opening`. Raises as `find_widget`, RateLimited and
        VisitorSessionInvalid.
        """
        if token is None and is_opening:
            visit = await self.open_session(widget_key, origin, address, viewer=viewer)
        elif token is None:
            await self.find_widget(widget_key, origin, viewer=viewer)
            raise invalid()
        else:
            widget = await self.find_widget(widget_key, origin, viewer=viewer)
            session = self._signer.read(token)
            self._check_place(session, widget, origin)
            if session.expires_at <= self._clock.now():
                raise invalid()
            visit = Visit(
                widget=widget,
                caller=_caller(widget, session.visitor_id),
                visitor_id=session.visitor_id,
                session=session,
                token=token,
            )
        keys = {
            "session": visit.visitor_id,
            "address": _address(address),
            "widget": str(visit.widget.id),
        }
        await self._admit(self._limiter, keys)
        return visit

    async def authenticate(self, token: str) -> Caller:
        """The visitor behind a token, on whatever page.

        Raises VisitorSessionInvalid, WidgetNotFound and PermissionDenied.
        """
        session = self._signer.read(token)
        if session.expires_at <= self._clock.now():
            raise invalid()
        return _caller(await self._find(session.widget_key), session.visitor_id)

    async def get_conversation(self, visit: Visit, conversation_id: int) -> VisitorConversation:
        """A conversation of the visitor's. Raises ConversationNotFound."""
        found = await self._store.find_conversation(
            visit.caller, visit.widget.id, conversation_id, visit.visitor_id
        )
        if found is None:
            raise ConversationNotFound(f"You have no conversation {conversation_id}.")
        return found

    async def list_messages(
        self, visit: Visit, conversation_id: int, *, after: int = 0, limit: int = 200
    ) -> list[VisitorMessage]:
        """A page of what was said, oldest first, behind the id `after`. Raises ConversationNotFound."""
        await self.get_conversation(visit, conversation_id)
        return await self._store.list_messages(visit.caller, conversation_id, after=after, limit=limit)

    async def rate(
        self, visit: Visit, message_id: int, rating: Literal["up", "down"] | None, feedback: str | None
    ) -> None:
        """Say what an answer was worth. Raises InvalidMessage and MessageNotFound."""
        if feedback is not None and len(feedback) > LONGEST_FEEDBACK:
            raise InvalidMessage(f"A comment has at most {LONGEST_FEEDBACK:,} characters.", param="text")
        said = _clean(feedback) if feedback else None
        found = await self._store.rate(
            visit.caller, visit.widget.id, visit.visitor_id, message_id, rating, said
        )
        if not found:
            raise MessageNotFound(f"You were given no answer {message_id}.")

    async def leave_lead(
        self, visit: Visit, said: Mapping[str, str | None], conversation_id: int | None
    ) -> int:
        """Leave a name and a way to come back. Raises InvalidMessage and ConversationNotFound."""
        kept = {name: _clean(said.get(name) or "") or None for name in _LEAD_FIELDS}
        if not (kept["email"] or kept["phone"]):
            raise InvalidMessage("Leave an e-mail address or a phone number.", param="email")
        if any(value and len(value) > LONGEST_LEAD for value in kept.values()):
            raise InvalidMessage(f"Each field has at most {LONGEST_LEAD:,} characters.", param="message")
        if kept["email"] and ("@" not in kept["email"] or " " in kept["email"]):
            raise InvalidMessage("This is no e-mail address.", param="email")
        if conversation_id is not None:
            await self.get_conversation(visit, conversation_id)
        return await self._store.add_lead(
            visit.caller, visit.widget.id, visit.visitor_id, conversation_id, kept, self._clock.now()
        )

    async def consent(self, visit: Visit) -> None:
        """Note that the visitor agreed to what the widget's consent text says."""
        await self._store.set_consent(visit.caller, visit.widget.id, visit.visitor_id, self._clock.now())

    async def export(self, visit: Visit) -> Mapping[str, Any]:
        """All that is kept of the visitor."""
        return await self._store.export_visitor(visit.caller, visit.widget.id, visit.visitor_id)

    async def forget(self, visit: Visit) -> None:
        """Delete the visitor with all they said; of the log only figures stay."""
        gone = await self._store.forget_visitor(visit.caller, visit.widget.id, visit.visitor_id)
        _log.info("visitor.forgotten", tenant=visit.caller.tenant_id, widget=visit.widget.id, was_there=gone)

    async def forget_visitor(self, caller: Caller, widget_id: int, visitor_id: str) -> bool:
        """The same, by the agency; whether there was such a visitor. Needs `config:write`."""
        require(caller, "config:write")
        await self._check_widget(caller, widget_id)
        return await self._store.forget_visitor(caller, widget_id, visitor_id)

    async def list_requests(
        self, caller: Caller, widget_id: int, *, before: int | None = None, limit: int = 20
    ) -> list[LoggedRequest]:
        """A page of how messages were answered, newest first. Needs `usage:read`; raises WidgetNotFound."""
        require_usage(caller)
        await self._check_widget(caller, widget_id)
        return await self._store.list_requests(caller, widget_id, before, limit)

    async def summarize(self, caller: Caller, widget_id: int) -> AnswerSummary:
        """Where the answers of the last 30 days came from. Needs `usage:read`; raises WidgetNotFound."""
        require_usage(caller)
        await self._check_widget(caller, widget_id)
        since = self._clock.now() - timedelta(days=SUMMARY_DAYS)
        counts = await self._store.count_answers(caller, widget_id, since.date())
        providers, ratings = await self._store.summarize(caller, widget_id, since)
        return AnswerSummary(
            llm=counts.get("llm", 0),
            knowledge_base=counts.get("knowledge_base", 0),
            default=counts.get("default", 0),
            rated_up=ratings.get("up", 0),
            rated_down=ratings.get("down", 0),
            providers=tuple(providers),
        )

    async def count_answers(self, caller: Caller, widget_ids: Collection[int]) -> dict[int, AnswerCounts]:
        """Where the answers of these widgets came from in the last 30 days. Needs `usage:read`."""
        require_usage(caller)
        if caller.client_id is not None:
            widget_ids = [id for id in widget_ids if await self._widgets.find_widget(caller, id)]
        since = (self._clock.now() - timedelta(days=SUMMARY_DAYS)).date()
        found = await self._store.count_answers_of(caller, widget_ids, since)
        return {widget_id: AnswerCounts(**found.get(widget_id, {})) for widget_id in widget_ids}

    async def list_answer_days(
        self, caller: Caller, widget_id: int, days: int = SUMMARY_DAYS
    ) -> dict[date, AnswerCounts]:
        """Where the answers of each of the last days came from, by day of the client's time zone.

        Days without an answer are left out. Needs `usage:read`; raises WidgetNotFound.
        """
        require_usage(caller)
        await self._check_widget(caller, widget_id)
        first = (self._clock.now() - timedelta(days=days)).date()
        found: dict[date, dict[str, int]] = {}
        for day, source, answers in await self._store.list_answer_days(caller, widget_id, first):
            found.setdefault(day, {})[source] = answers
        return {day: AnswerCounts(**counts) for day, counts in found.items()}

    async def list_leads(
        self, caller: Caller, widget_id: int, *, before: int | None = None, limit: int = 50
    ) -> list[Lead]:
        """A page of what visitors left, newest first. Needs `config:read`; raises WidgetNotFound."""
        require_reading(caller)
        await self._check_widget(caller, widget_id)
        return await self._store.list_leads(caller, widget_id, before, limit)

    async def sweep(self) -> None:
        """Forget what visitors of all widgets said longer ago than these keep it."""
        now = self._clock.now()
        for tenant_id, widget_id, days in await self._widgets.list_retentions_for_all_tenants():
            caller = Caller(tenant_id, "job:widget-visitors", frozenset())
            gone = await self._store.forget_before(caller, widget_id, now - timedelta(days=days))
            if gone:
                _log.info("visitors.swept", tenant=tenant_id, widget=widget_id, visitors=gone)

    async def _check_widget(self, caller: Caller, widget_id: int) -> None:
        if await self._widgets.find_widget(caller, widget_id) is None:
            raise WidgetNotFound(
                f"Your tenant has no widget {widget_id}. List a client's widgets to see their ids."
            )

    async def _find(self, widget_key: str) -> Widget:
        known = self._known.get(widget_key)
        if known is None or known[0] <= self._clock.monotonic():
            known = await self._look_up(widget_key, known)
        _, widget, is_closed = known
        if is_closed:
            raise PermissionDenied(
                "This widget is closed: its owner is suspended or gone, or it has been archived."
            )
        return widget

    async def _look_up(
        self, widget_key: str, before: tuple[float, Widget, bool] | None
    ) -> tuple[float, Widget, bool]:
        if not _KEY.fullmatch(widget_key):
            raise _no_widget()
        try:
            found = await self._widgets.find_public_for_all_tenants(widget_key)
        except DatabaseUnavailable:
            if before is None:
                raise
            return before
        if found is None:
            self._known.pop(widget_key, None)
            raise _no_widget()
        known = (self._clock.monotonic() + _KNOWN_FOR_S, *found)
        self._known[widget_key] = known
        self._known.move_to_end(widget_key)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return known

    def _visit(self, widget: Widget, origin: str | None, visitor_id: str) -> Visit:
        now = self._clock.now()
        session = Session(
            visitor_id=visitor_id,
            widget_key=widget.widget_key,
            origin=origin or WITHOUT_ORIGIN,
            expires_at=now + LIFETIME,
            renewable_until=now + RENEWABLE_FOR,
        )
        return Visit(
            widget=widget,
            caller=_caller(widget, visitor_id),
            visitor_id=visitor_id,
            session=session,
            token=self._signer.sign(session),
        )

    def _check_place(self, session: Session, widget: Widget, origin: str | None) -> None:
        if session.widget_key != widget.widget_key or session.origin != (origin or WITHOUT_ORIGIN):
            raise invalid()

    async def _admit(self, limiter: JointLimiter, keys: Mapping[str, str]) -> None:
        state = await limiter.check(keys)
        if state is not None and not state.allowed:
            raise RateLimited(
                "Too many messages in a short time. Wait a moment.", state=state, tier=f"widget-{state.name}"
            )


def _caller(widget: Widget, visitor_id: str) -> Caller:
    """A visitor as the gateway knows one: may ask a model for the widget, and nothing else."""
    return Caller(widget.tenant_id, f"visitor:{visitor_id}", frozenset(["inference"]))


def _address(address: str) -> str:
    """Whom an address stands for: of IPv6 everybody has a whole network (RFC 6177)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def _clean(text: str) -> str:
    """The text as every database takes it."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


def _no_widget() -> WidgetNotFound:
    return WidgetNotFound("There is no widget with this key.")
