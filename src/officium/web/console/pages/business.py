"""The page on which somebody tells the advisers about the business, and its latest figures."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response

from officium.apps.personas.business import (
    BusinessContext,
    BusinessProfile,
    SavedProfile,
    SavedSnapshot,
    Snapshot,
)
from officium.apps.personas.business.errors import InvalidSnapshot
from officium.apps.personas.business.snapshot import COUNTS, MEASURES, moment_of
from officium.core.tenancy.caller import Caller, require
from officium.kit.errors import InvalidRequest
from officium.web.console.frame import Frame, redirect
from officium.web.console.signed_in import takes_form

PATH = "/console/advisors/business"
_LINES = ("industry", "size", "stage", "revenue")
_FORM_BYTES = 64 * 1024
_LONGEST_NUMBER = 30


class Businesses(Protocol):
    """Knows what the advisers are told."""

    async def get_context(self, caller: Caller) -> BusinessContext: ...

    async def set_profile(
        self, caller: Caller, profile: BusinessProfile, *, request_id: str | None = None
    ) -> SavedProfile: ...

    async def add_snapshots(
        self, caller: Caller, snapshots: Sequence[Snapshot]
    ) -> Sequence[SavedSnapshot]: ...


def add_business_page(router: APIRouter, businesses: Businesses, frame: Frame) -> None:
    """Add the page and its form."""

    def page(
        request: Request, known: BusinessContext, said: Mapping[str, str], error: InvalidRequest | None = None
    ) -> Response:
        may_tell = request.state.session.caller.may("config:write")
        if error is not None:
            request.scope["officium.error"] = error.code
        return frame.page(
            request,
            "business.html",
            status=200 if error is None else 400,
            said=said,
            error=error,
            faulty=None if error is None else error.fields.get("param"),
            may_tell=may_tell,
        )

    @router.get(PATH)
    async def show(request: Request) -> Response:
        known = await businesses.get_context(request.state.session.caller)
        return page(request, known, _as_form(known))

    @router.post(PATH)
    @takes_form(_FORM_BYTES)
    async def save(request: Request) -> Response:
        caller, form = request.state.session.caller, request.state.form
        require(caller, "config:write")
        known = await businesses.get_context(caller)
        try:
            # Both are read before either is written: nothing is saved of a form that has a fault.
            snapshot, profile = _snapshot(form, known), _profile(form, known)
            if snapshot is not None:
                await businesses.add_snapshots(caller, [snapshot])
            await businesses.set_profile(caller, profile, request_id=request.scope["officium.request_id"])
        except InvalidRequest as error:
            return page(request, known, {name: form.get(name, "") for name in _as_form(known)}, error)
        return redirect("/console/advisors", flash="business_saved")


def _as_form(known: BusinessContext) -> dict[str, str]:
    """What is known, in the fields of the form."""
    profile, snapshot = known.profile, known.snapshot
    said = {name: (getattr(profile, name) or "") if profile else "" for name in _LINES}
    said["goals"] = "\n".join(profile.goals) if profile else ""
    said["as_of"] = (snapshot.as_of if snapshot else known.seen_at).date().isoformat()
    for name in MEASURES:
        value = getattr(snapshot, name) if snapshot else None
        said[f"figure_{name}"] = "" if value is None else _shown(value)
    return said


def _profile(form: Mapping[str, str], known: BusinessContext) -> BusinessProfile:
    """What the form says of the business; details the form has no field for stay."""
    lines = {name: form.get(name, "").strip() or None for name in _LINES}
    goals = tuple(line.strip() for line in form.get("goals", "").splitlines() if line.strip())
    return BusinessProfile(**lines, goals=goals, extra=known.profile.extra if known.profile else {})


def _snapshot(form: Mapping[str, str], known: BusinessContext) -> Snapshot | None:
    """The figures in the form; `None` where it has none, or none that are new."""
    if not any(form.get(f"figure_{name}", "").strip() for name in MEASURES):
        return None
    as_of = _day(form.get("as_of", ""))
    last = known.snapshot
    if last is not None and last.as_of.date() == as_of.date():
        as_of = last.as_of
    values: dict[str, Any] = {name: _number(form, name) for name in MEASURES}
    is_same_moment = last is not None and last.as_of == as_of
    snapshot = Snapshot(
        as_of=as_of, **values, extra=last.extra if last is not None and is_same_moment else {}
    )
    return None if last is not None and is_same_moment and last.figures == snapshot.figures else snapshot


def _day(said: str) -> datetime:
    try:
        return moment_of(date.fromisoformat(said.strip()))
    except ValueError:
        raise InvalidSnapshot("Say of which day the figures are.", param="as_of") from None


def _number(form: Mapping[str, str], name: str) -> int | float | None:
    """A number as people write it, with commas or spaces between thousands. Raises InvalidSnapshot."""
    said = form.get(f"figure_{name}", "").strip()
    plain = said.replace(",", "").replace(" ", "").replace("\u00a0", "").replace("_", "")
    if not plain:
        return None
    try:
        if len(said) > _LONGEST_NUMBER:
            raise ValueError
        return int(plain) if name in COUNTS else float(plain)
    except ValueError:
        kind = "a whole number, such as 1,500" if name in COUNTS else "a number, such as 12,500.50"
        raise InvalidSnapshot(f"{name.capitalize()} is {kind}.", param=f"figure_{name}") from None


def _shown(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else repr(value)
