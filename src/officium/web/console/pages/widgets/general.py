"""The tab General: what a widget is called, where it stands, when people answer, and how it looks."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from officium.apps.widget.errors import InvalidWidget
from officium.apps.widget.service import WidgetChanges
from officium.apps.widget.widget import Widget
from officium.apps.widget.working_hours import DAYS
from officium.core.tenancy.caller import require
from officium.kit.errors import Conflict, InvalidRequest, OfficiumError
from officium.web.console.frame import redirect
from officium.web.console.pages.widgets.room import (
    ONE,
    ROOT,
    WidgetRoom,
    caller_of,
    lines_of,
    number_of,
    request_id_of,
    seen_at,
    words_of,
)
from officium.web.console.signed_in import Form, takes_form

COLOUR = "#2f4ad0"
"""The theme's, until somebody chooses another one."""
POSITIONS = ("end", "start")
MODES = ("auto", "light", "dark")
_FORM_BYTES = 256 * 1024
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_LINES = ("name", "business_info", "default_response", "visitor_notice")
_TEXTS = {"welcome": "greeting", "consent": "consent_text", "privacy": "privacy_url"}
"""Fields of the form, and what the script in the page calls them; it also takes a text for each language."""


def add_general_page(router: APIRouter, room: WidgetRoom) -> None:
    """Add the page, its form, and the button that deletes the widget."""

    async def page(
        request: Request, widget: Widget, said: Mapping[str, str], error: OfficiumError | None = None
    ) -> Response:
        client = await room.services.clients.get_client(caller_of(request), widget.client_id)
        return await room.page(
            request,
            "widget_general.html",
            "general",
            widget,
            error=error,
            client=client,
            said=said,
            days=DAYS,
            positions=POSITIONS,
            modes=MODES,
        )

    @router.get(ONE)
    async def show(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        return await page(request, widget, _as_form(widget))

    @router.post(ONE)
    @takes_form(_FORM_BYTES)
    async def save(request: Request, id: str) -> Response:
        caller, form = caller_of(request), request.state.form
        widget = await room.widget(request, id)
        require(caller, "config:write")
        try:
            await room.services.clients.update_widget(
                caller,
                widget.id,
                _changes(form, widget),
                expected=seen_at(form),
                request_id=request_id_of(request),
            )
        except (InvalidRequest, Conflict) as error:
            return await page(request, widget, {name: form.get(name, "") for name in _as_form(widget)}, error)
        return redirect(f"{ROOT}/{widget.id}", flash="widget_saved")

    @router.post(f"{ONE}/delete")
    async def delete(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        await room.services.clients.delete_widget(
            caller_of(request), widget.id, request_id=request_id_of(request)
        )
        return redirect(ROOT, flash="widget_deleted")


def _as_form(widget: Widget) -> dict[str, str]:
    """The widget in the fields of the form."""
    look = widget.appearance
    suggested = look.get("suggested_questions")
    hours: Mapping[str, Any] = widget.working_hours or {"time_zone": "", "days": {}}
    said = {name: str(getattr(widget, name)) for name in _LINES}
    said |= {field: _one(look.get(name)) for field, name in _TEXTS.items()}
    said |= {
        "updated_at": widget.updated_at.isoformat(),
        "languages": ", ".join(widget.languages),
        "allowed_origins": "\n".join(widget.allowed_origins),
        "suggested": "\n".join(map(str, suggested if isinstance(suggested, list) else ())),
        "retention_days": "" if widget.retention_days is None else str(widget.retention_days),
        "colour": str(look.get("accent") or COLOUR),
        "position": str(look.get("position") or POSITIONS[0]),
        "mode": str(look.get("theme") or MODES[0]),
        "time_zone": hours["time_zone"],
    }
    for day in DAYS:
        opens, closes = hours["days"].get(day, ("", ""))
        said |= {f"{day}_from": opens, f"{day}_to": closes}
    return said


def _changes(form: Form, widget: Widget) -> WidgetChanges:
    """What the form says. Raises InvalidRequest."""
    days = number_of(form, "retention_days", "Days until it is forgotten", is_whole=True)
    return WidgetChanges(
        name=form.get("name", "").strip(),
        business_info=form.get("business_info", "").strip(),
        default_response=form.get("default_response", "").strip(),
        visitor_notice=form.get("visitor_notice", "").strip(),
        languages=words_of(form.get("languages", "")),
        allowed_origins=tuple(
            dict.fromkeys(line.rstrip("/").lower() for line in lines_of(form.get("allowed_origins", "")))
        ),
        retention_days=None if days is None else int(days),
        working_hours=_hours(form),
        appearance=_appearance(form, widget),
    )


def _hours(form: Form) -> dict[str, Any] | None:
    """The working hours; `None` where no day has any."""
    days = {}
    for day in DAYS:
        opens, closes = form.get(f"{day}_from", "").strip(), form.get(f"{day}_to", "").strip()
        if bool(opens) != bool(closes):
            raise InvalidWidget(
                "Each day has both times, when people begin to answer and when they stop, or none.",
                param=f"{day}_to" if opens else f"{day}_from",
            )
        if opens:
            days[day] = [opens, closes]
    if not days:
        return None
    return {"time_zone": form.get("time_zone", "").strip() or "UTC", "days": days}


def _appearance(form: Form, widget: Widget) -> dict[str, Any]:
    """How it looks; what this page has no field for stays."""
    colour = form.get("colour", "").strip().lower()
    if not _COLOUR.fullmatch(colour):
        raise InvalidWidget("A colour is written like #2f4ad0.", param="colour")
    position, mode = form.get("position", ""), form.get("mode", "")
    if position not in POSITIONS or mode not in MODES:
        raise InvalidWidget("Choose one of the listed sides and modes.", param="position")
    look = {**widget.appearance, "accent": colour, "position": position, "theme": mode}
    for field, name in _TEXTS.items():
        _write(look, name, form.get(field, "").strip())
    _write(look, "suggested_questions", list(lines_of(form.get("suggested", ""))))
    return look


def _one(said: object) -> str:
    return said if isinstance(said, str) else ""


def _write(look: dict[str, Any], name: str, said: str | list[str]) -> None:
    """Put it in its place; nothing said leaves texts in several languages as they are."""
    if said:
        look[name] = said
    elif not isinstance(look.get(name), Mapping):
        look.pop(name, None)
