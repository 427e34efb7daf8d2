"""What the pages of a widget share: the services they ask, and the frame with the tabs."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from fastapi import Request, Response

from officium.apps.widget.answers import Question
from officium.apps.widget.client import Client
from officium.apps.widget.reach import may_answer, may_see_usage
from officium.apps.widget.usage import LlmUsage
from officium.apps.widget.visitors import AnswerCounts, GivenAnswer
from officium.apps.widget.widget import Widget
from officium.core.llm.deployment import Provider
from officium.core.tenancy.caller import Caller
from officium.core.usage.reports.report import GroupBy, UsageReport
from officium.core.usage.reports.service import Days
from officium.kit.errors import InvalidRequest, NotFound, OfficiumError
from officium.web.api.chat_widget import ClientService
from officium.web.api.widget_answers import VisitorRecords
from officium.web.api.widget_checks import Checks
from officium.web.api.widget_inbox import Gaps as GapDoors
from officium.web.api.widget_inbox import Inbox
from officium.web.api.widget_knowledge import KnowledgeService
from officium.web.console.frame import Frame
from officium.web.console.signed_in import Form
from officium.web.errors import status_of

ROOT = "/console/widgets"
ONE = "/console/widgets/{id}"
TABS = (
    ("general", ""),
    ("ai", "/ai"),
    ("knowledge", "/knowledge"),
    ("embed", "/embed"),
    ("inbox", "/inbox"),
    ("conversations", "/conversations"),
    ("gaps", "/gaps"),
    ("questions", "/saved-questions"),
    ("usage", "/usage"),
)
"""The tabs of a widget, and where they are."""
_LARGEST_ID = 2**63 - 1
_NANO = 10**9


class Clients(ClientService, Protocol):
    """Knows the agencies' clients and widgets."""

    async def list_all_widgets(
        self, caller: Caller, *, client_id: int | None = None, after: int = 0, limit: int = 50
    ) -> Sequence[tuple[Widget, Client]]: ...

    async def find_exhausted(self, caller: Caller, widget_ids: Collection[int]) -> Collection[int]: ...


class Answers(Protocol):
    """Answers visitors."""

    async def try_out(
        self, caller: Caller, widget_id: int, question: Question, request_id: str
    ) -> GivenAnswer: ...


class Visitors(VisitorRecords, Protocol):
    """Knows what visitors said and were told."""

    async def count_answers(
        self, caller: Caller, widget_ids: Collection[int]
    ) -> Mapping[int, AnswerCounts]: ...

    async def list_answer_days(
        self, caller: Caller, widget_id: int, days: int = ...
    ) -> Mapping[date, AnswerCounts]: ...


class Gaps(GapDoors, Protocol):
    """Knows what visitors ask in vain."""

    async def count_unanswered(self, caller: Caller, widget_ids: Collection[int]) -> Mapping[int, int]: ...


class Reports(Protocol):
    """Sums up the usage log."""

    async def summarize(
        self,
        caller: Caller,
        group_by: GroupBy,
        days: Days = ...,
        *,
        limit: int = 100,
        offset: int = 0,
        widget_id: int | None = None,
    ) -> UsageReport: ...


@dataclass(frozen=True, kw_only=True)
class WidgetServices:
    """What the pages of widgets ask."""

    clients: Clients
    knowledge: KnowledgeService
    answers: Answers
    visitors: Visitors
    inbox: Inbox
    gaps: Gaps
    checks: Checks
    reports: Reports
    providers: Collection[Provider]
    available_providers: Callable[[Caller], Awaitable[Collection[str]]]


class WidgetRoom:
    """Puts together what every page of a widget shows."""

    def __init__(self, services: WidgetServices, frame: Frame) -> None:
        self.services = services
        self.frame = frame

    async def widget(self, request: Request, widget_id: str) -> Widget:
        """The widget a path names. Raises WidgetNotFound and NotFound."""
        return await self.services.clients.get_widget(caller_of(request), number_in_path(widget_id))

    async def page(
        self,
        request: Request,
        template: str,
        tab: str,
        widget: Widget,
        *,
        error: OfficiumError | None = None,
        **values: Any,
    ) -> Response:
        """A page of the widget; `error` is what was wrong with the form that was sent."""
        if error is not None:
            request.scope["officium.error"] = error.code
        return self.frame.page(
            request,
            template,
            status=200 if error is None else status_of(error),
            widget=widget,
            tab=tab,
            tabs=TABS,
            root=f"{ROOT}/{widget.id}",
            error=error,
            faulty=None if error is None else error.fields.get("param"),
            may_write=caller_of(request).may("config:write"),
            may_answer=may_answer(caller_of(request)),
            **values,
        )

    async def usage(self, caller: Caller, widget: Widget) -> LlmUsage | None:
        """What the widget used of what it may; `None` where the caller may not know."""
        if not may_see_usage(caller):
            return None
        found = await self.services.clients.list_llm_usage(caller, widget.client_id)
        return next((each.usage for each in found if each.usage.widget_id == widget.id), None)


def caller_of(request: Request) -> Caller:
    """Who is signed in."""
    caller: Caller = request.state.session.caller
    return caller


def request_id_of(request: Request) -> str:
    """What the request is called in the log."""
    id: str = request.scope["officium.request_id"]
    return id


def number_in_path(said: str, least: int = 1) -> int:
    """An id from a path. Raises NotFound."""
    if not (said.isascii() and said.isdigit() and least <= int(said[:20]) <= _LARGEST_ID):
        raise NotFound("The address may be mistyped, or what was here is gone.")
    return int(said)


def number_in_query(request: Request, name: str) -> int | None:
    """An id from a query, if there is one. Raises NotFound."""
    said = request.query_params.get(name, "")
    return number_in_path(said) if said else None


def lines_of(said: str) -> tuple[str, ...]:
    """The lines of a field that are not empty."""
    return tuple(line.strip() for line in said.splitlines() if line.strip())


def words_of(said: str) -> tuple[str, ...]:
    """What stands between commas, semicolons or line ends."""
    return lines_of(said.replace(",", "\n").replace(";", "\n"))


def number_of(form: Form, name: str, label: str, *, is_whole: bool = False) -> float | None:
    """A number in a form; `None` where the field is empty. Raises InvalidRequest."""
    said = form.get(name, "").strip().replace("\u00a0", "").replace(" ", "")
    if not said:
        return None
    plain = said.replace(",", "") if is_whole else said.replace(",", ".")
    try:
        if len(plain) > 30 or not plain.isascii() or "n" in plain.lower():
            raise ValueError
        return int(plain) if is_whole else float(plain)
    except ValueError:
        kind = "a whole number" if is_whole else "a number"
        raise InvalidRequest(
            f"“{label}” is {kind}, such as {'500' if is_whole else '0.7'}.", param=name
        ) from None


def needed_number(form: Form, name: str, label: str, *, is_whole: bool = False) -> Any:
    """The same, where something must be said. Raises InvalidRequest."""
    found = number_of(form, name, label, is_whole=is_whole)
    if found is None:
        raise InvalidRequest(f"Fill in “{label}”.", param=name)
    return found


def seen_at(form: Form) -> datetime | None:
    """The `updated_at` the sender of a form has seen."""
    try:
        return datetime.fromisoformat(form.get("updated_at", ""))
    except ValueError:
        return None


def usd(nano_usd: int) -> str:
    """Dollars as people read them: two places, more where the sum is small."""
    places = 2 if nano_usd == 0 or nano_usd >= _NANO else 4
    return f"${nano_usd / _NANO:,.{places}f}"


def share(part: int, whole: int) -> float:
    """How many of a hundred; for the lengths of bars."""
    return round(100 * part / whole, 2) if whole else 0.0
