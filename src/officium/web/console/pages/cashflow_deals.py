"""The deals behind the forecast: a list to search, each with the why, and forms to change them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from officium.apps.cashflow.deals import Deal, DealChanges, DealFields, DealFilter, NewNote
from officium.apps.cashflow.deals.errors import DealNotFound
from officium.apps.cashflow.service import DealWhy
from officium.core.tenancy.caller import Caller, require
from officium.kit.errors import Conflict, InvalidRequest
from officium.web.console.frame import redirect
from officium.web.console.pages.advisors import caller_of, id_of
from officium.web.console.pages.cashflow import ROOT, CashflowPages
from officium.web.console.pages.cashflow_view import checked
from officium.web.console.signed_in import is_from_script, takes_form

_DEALS = f"{ROOT}/deals"
_ONE = f"{_DEALS}/{{id}}"
_PAGE = 50
_NOTES = 100
_NOTE_FORM_BYTES = 64 * 1024
_FILTERS = ("status", "pipeline", "stage", "customer", "owner_name", "currency", "text")
_TEXTS = ("title", "pipeline", "stage", "customer", "owner_name", "external_id", "currency")
_DAYS = (
    *("created_on", "stage_changed_on", "expected_close_on"),
    *("invoiced_on", "paid_on", "lost_on"),
)
_FIELDS = (*_TEXTS, "value", *_DAYS, "payment_terms_days")
_KEPT = ("currency", "created_on", "stage_changed_on")
"""What cannot be taken away: an empty field leaves it as it is."""


def add_cashflow_deals(router: APIRouter, pages: CashflowPages) -> None:
    """Add the list, the deal, and the forms."""
    _add_reading(router, pages)
    _add_changing(router, pages)
    _add_notes(router, pages)


def _add_reading(router: APIRouter, pages: CashflowPages) -> None:
    @router.get(_DEALS)
    async def show(request: Request) -> Response:
        caller, query = caller_of(request), request.query_params
        said = {name: query[name].strip() for name in _FILTERS if query.get(name, "").strip()}
        after = id_of(query["after"]) if query.get("after") else 0
        found = await pages.deals.list_deals(caller, checked(DealFilter, said), after=after, limit=_PAGE)
        values = {"deals": found, "said": said, "next_after": found[-1].id if len(found) == _PAGE else None}
        if is_from_script(request):
            return pages.frame.fragment("cashflow/deal_rows.html", figures=pages.figures, **values)
        return pages.page(request, "cashflow_deals.html", **values, **await pages.choices(caller))

    @router.get(f"{_DEALS}/new")
    async def new(request: Request) -> Response:
        caller = caller_of(request)
        require(caller, "config:write")
        config = await pages.deals.get_config(caller)
        said = {"currency": config.currency}
        return pages.page(
            request, "cashflow_deal_form.html", **_form(None, said), **await pages.choices(caller)
        )

    @router.get(_ONE)
    async def one(request: Request, id: str) -> Response:
        values = await _known(pages, caller_of(request), id_of(id))
        if is_from_script(request):
            session = request.state.session
            return pages.frame.fragment(
                "cashflow/deal.html",
                figures=pages.figures,
                words=pages.words,
                may_change=session.caller.may("config:write"),
                is_alone=False,
                csrf="",
                **values,
            )
        return pages.page(request, "cashflow_deal.html", is_alone=True, **values)

    @router.get(f"{_ONE}/edit")
    async def edit(request: Request, id: str) -> Response:
        caller = caller_of(request)
        require(caller, "config:write")
        deal = await pages.deals.get_deal(caller, id_of(id))
        return pages.page(
            request,
            "cashflow_deal_form.html",
            **_form(deal, _said_of(pages, deal)),
            **await pages.choices(caller),
        )


def _add_changing(router: APIRouter, pages: CashflowPages) -> None:
    @router.post(_DEALS)
    async def create(request: Request) -> Response:
        caller, form = caller_of(request), request.state.form
        require(caller, "config:write")
        try:
            said = {name: value for name, value in _values(pages, form).items() if value is not None}
            deal = await pages.deals.create_deal(caller, checked(DealFields, said))
        except (InvalidRequest, Conflict) as error:
            return await _refused(pages, request, None, error)
        return redirect(f"{_DEALS}/{deal.id}", flash="deal_saved")

    @router.post(f"{_ONE}/edit")
    async def update(request: Request, id: str) -> Response:
        caller, form = caller_of(request), request.state.form
        require(caller, "config:write")
        deal = await pages.deals.get_deal(caller, id_of(id))
        try:
            values = _values(pages, form)
            changes = {
                name: "" if value is None and name in ("pipeline", "customer", "owner_name") else value
                for name, value in values.items()
                if value is not None or name not in _KEPT
            }
            wanted = checked(DealChanges, changes)
            await pages.deals.update_deal(
                caller, deal.id, wanted, expected=_moment(form.get("seen", ""), deal)
            )
        except (InvalidRequest, Conflict) as error:
            return await _refused(pages, request, deal, error)
        return redirect(f"{_DEALS}/{deal.id}", flash="deal_saved")

    @router.post(f"{_ONE}/delete")
    async def delete(request: Request, id: str) -> Response:
        await pages.deals.delete_deal(
            caller_of(request), id_of(id), request_id=request.scope["officium.request_id"]
        )
        return redirect(_DEALS, flash="deal_deleted")


def _add_notes(router: APIRouter, pages: CashflowPages) -> None:
    @router.post(f"{_ONE}/notes")
    @takes_form(_NOTE_FORM_BYTES)
    async def add(request: Request, id: str) -> Response:
        text = request.state.form.get("text", "").replace("\r\n", "\n")
        note = checked(NewNote, {"text": text})
        await pages.deals.add_note(caller_of(request), id_of(id), note)
        return redirect(f"{_DEALS}/{id_of(id)}", flash="note_saved")

    @router.post(f"{_ONE}/notes/{{note}}/delete")
    async def delete(request: Request, id: str, note: str) -> Response:
        await pages.deals.delete_note(caller_of(request), id_of(id), id_of(note))
        return redirect(f"{_DEALS}/{id_of(id)}", flash="note_deleted")


async def _known(pages: CashflowPages, caller: Caller, id: int) -> dict[str, Any]:
    """A deal, its newest notes, and why it is expected when it is; closed ones are expected no more."""
    deal = await pages.deals.get_deal(caller, id)
    why: DealWhy | None = None
    if deal.status in ("open", "invoiced"):
        try:
            why = await pages.cashflow.explain_deal(caller, id)
        except DealNotFound:
            why = None
    notes = await pages.deals.list_notes(caller, id, limit=_NOTES)
    return {"deal": deal, "why": why, "events": _events(deal), "notes": list(reversed(notes))}


def _events(deal: Deal) -> list[tuple[date, str, str | None]]:
    """What happened, oldest first: stages, and ends that no stage of the same day says."""
    events: list[tuple[date, str, str | None]] = [
        (change.entered_on, change.stage, None) for change in deal.stage_changes
    ]
    days = {change.entered_on for change in deal.stage_changes}
    ends = (("invoiced_on", deal.invoiced_on), ("paid_on", deal.paid_on), ("lost_on", deal.lost_on))
    events += [(day, "", name) for name, day in ends if day is not None and day not in days]
    return sorted(events, key=lambda event: event[0])


def _form(deal: Deal | None, said: Mapping[str, str], error: Exception | None = None) -> dict[str, Any]:
    fields = getattr(error, "fields", {})
    return {
        "deal": deal,
        "said": {name: said.get(name, "") for name in _FIELDS},
        "seen": said.get("seen", ""),
        "days": _DAYS,
        "error": error,
        "faulty": fields.get("param"),
    }


async def _refused(
    pages: CashflowPages, request: Request, deal: Deal | None, error: InvalidRequest | Conflict
) -> Response:
    """The form as it was filled in, and what is wrong with it."""
    request.scope["officium.error"] = error.code
    status = 409 if isinstance(error, Conflict) else 400
    choices = await pages.choices(caller_of(request))
    return pages.page(
        request,
        "cashflow_deal_form.html",
        status=status,
        **_form(deal, request.state.form, error),
        **choices,
    )


def _values(pages: CashflowPages, form: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the form; an empty one says nothing. Raises InvalidRequest."""
    values: dict[str, Any] = {name: form.get(name, "").strip() or None for name in _FIELDS}
    if values["currency"] is not None:
        values["currency"] = values["currency"].upper()
    if values["value"] is None:
        values["value"] = "0"
    try:
        values["value"] = pages.figures.read_number(values["value"])
    except ValueError:
        fault = pages.frame.say(
            "cashflow.fault.amount", said=values["value"][:40], example=pages.figures.example
        )
        raise InvalidRequest(fault, param="value") from None
    for name in _DAYS:
        if values[name] is not None:
            try:
                values[name] = date.fromisoformat(values[name])
            except ValueError:
                raise InvalidRequest(pages.frame.say("cashflow.fault.day"), param=name) from None
    return values


def _said_of(pages: CashflowPages, deal: Deal) -> dict[str, str]:
    """A deal in the fields of the form."""
    said = {name: "" if getattr(deal, name) is None else str(getattr(deal, name)) for name in _FIELDS}
    return {**said, "value": pages.figures.plain(deal.value), "seen": deal.updated_at.isoformat()}


def _moment(said: str, deal: Deal) -> datetime:
    """The state of the deal the form was filled in on."""
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return deal.updated_at
