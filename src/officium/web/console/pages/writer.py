"""The writer's page: from a form to a draft with its claims marked, and what becomes of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from fastapi import APIRouter, Request, Response

from officium.apps.cashflow.deals import Deal, DealFilter, SavedNote
from officium.apps.writer.draft import OutcomeName
from officium.core.gateway.call import CallContext
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest, NotFound
from officium.web.api.writer import Writer
from officium.web.console.frame import Frame
from officium.web.console.pages.writer_view import (
    CHANNELS,
    LANGUAGES,
    TASKS,
    TONES,
    context_in,
    form_of_deal,
    shown_draft,
)
from officium.web.console.signed_in import takes_form

ROOT = "/console/writer"
_FORM_BYTES = 512 * 1024
_DEALS_OFFERED = 100
_NOTES = 100
_LARGEST_ID = 2**63 - 1
_OUTCOMES = ("accepted", "edited", "rejected")


class DealRecords(Protocol):
    """Knows the deals in the store."""

    async def get_deal(self, caller: Caller, deal_id: int) -> Deal: ...

    async def list_deals(
        self, caller: Caller, wanted: DealFilter, *, after: int = 0, limit: int = 50
    ) -> Sequence[Deal]: ...

    async def list_notes(
        self, caller: Caller, deal_id: int, *, after: int = 0, limit: int = 50
    ) -> Sequence[SavedNote]: ...


def add_writer_page(router: APIRouter, writer: Writer, deals: DealRecords, frame: Frame) -> None:
    """Add the form, the drafts it asks for, and what is said of them."""

    @router.get(ROOT)
    async def show(request: Request) -> Response:
        asked = request.query_params
        name = asked.get("task", "email")
        if name not in TASKS:
            raise NotFound("The writer does not know this task.")
        caller, wanted, said = caller_of(request), asked.get("deal", "").strip(), {}
        deal = await read_deal(deals, caller, wanted) if wanted else None
        if deal is not None:
            said = form_of_deal(deal[0], deal[1], datetime.now(UTC).date())
        return frame.page(
            request,
            "writer.html",
            tab="write",
            tasks=list(TASKS),
            name=name,
            task=TASKS[name],
            said=said,
            deal=deal[0] if deal else None,
            offered=await offered_deals(deals, caller),
            tones=TONES,
            channels=CHANNELS,
            codes=LANGUAGES,
            may_write=caller.may("inference"),
        )

    @router.post(f"{ROOT}/draft")
    @takes_form(_FORM_BYTES)
    async def draft(request: Request) -> Response:
        caller = caller_of(request)
        context = context_in(request.state.form, lambda name: frame.say(f"writer.field.{name}"))
        result = await writer.write(caller, context, about(request), owner_id=caller.member_id)
        return frame.fragment("writer/draft.html", draft=shown_draft(context, result))

    @router.post(f"{ROOT}/drafts/{{id}}/feedback")
    @takes_form(_FORM_BYTES)
    async def feedback(request: Request, id: str) -> Response:
        form, caller = request.state.form, caller_of(request)
        outcome = form.get("outcome", "")
        if outcome not in _OUTCOMES:
            raise InvalidRequest(f"A draft was {', '.join(_OUTCOMES)}.", param="outcome")
        text = form.get("text", "").replace("\r\n", "\n") if outcome == "edited" else ""
        told, rules = await writer.give_feedback(
            caller, id, cast("OutcomeName", outcome), text=text, owner_id=caller.member_id
        )
        return frame.fragment("writer/outcome.html", told=told, rules=rules)


async def read_deal(deals: DealRecords, caller: Caller, said: str) -> tuple[Deal, Sequence[SavedNote]]:
    """The deal with the id that somebody wrote, and its notes. Raises NotFound and PermissionDenied."""
    if not (said.isascii() and said.isdecimal() and len(said) <= 19 and 1 <= int(said) <= _LARGEST_ID):
        raise NotFound("A deal is named by its number.")
    deal = await deals.get_deal(caller, int(said))
    return deal, await deals.list_notes(caller, deal.id, limit=_NOTES)


async def offered_deals(deals: DealRecords, caller: Caller) -> Sequence[Deal]:
    """Deals to choose from; none for those who may not see them."""
    if not (caller.may("config:read") or caller.may("config:write")):
        return ()
    return await deals.list_deals(caller, DealFilter(), limit=_DEALS_OFFERED)


def about(request: Request) -> CallContext:
    """On account of which request something is written, and for whom."""
    return CallContext(
        request_id=request.scope["officium.request_id"], app="writer", user=caller_of(request).member_id
    )


def caller_of(request: Request) -> Any:
    """Who is signed in."""
    return request.state.session.caller
