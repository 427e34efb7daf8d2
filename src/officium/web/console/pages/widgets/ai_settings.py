"""The tab AI Settings: who answers and how, what it may cost, and a box to try it."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from officium.apps.widget.answers import Question
from officium.apps.widget.answers.texts import default_response
from officium.apps.widget.service import WidgetChanges
from officium.apps.widget.usage import EXHAUSTED_NOTICE
from officium.apps.widget.visitors import LONGEST_MESSAGE
from officium.apps.widget.widget import Widget
from officium.core.tenancy.caller import require
from officium.kit.errors import Conflict, InvalidRequest, OfficiumError
from officium.kit.money import nano_of_usd, usd_of_nano
from officium.web.console.frame import redirect
from officium.web.console.pages.widgets.room import (
    ONE,
    ROOT,
    WidgetRoom,
    caller_of,
    needed_number,
    number_of,
    request_id_of,
    seen_at,
)
from officium.web.console.signed_in import Form, takes_form

_FORM_BYTES = 64 * 1024
_SWITCHES = ("llm_enabled", "fallback_to_knowledge_base")
_LINES = ("llm_provider", "llm_model", "persona")
_NUMBERS = {
    "llm_temperature": ("Temperature", False),
    "llm_max_tokens": ("Longest answer", True),
    "confidence_threshold": ("Confidence threshold", False),
    "llm_timeout_s": ("Patience", False),
}


def add_ai_settings_page(router: APIRouter, room: WidgetRoom) -> None:
    """Add the page, its form, and the box to try it."""

    async def page(
        request: Request, widget: Widget, said: Mapping[str, str], error: OfficiumError | None = None
    ) -> Response:
        caller = caller_of(request)
        return await room.page(
            request,
            "widget_ai.html",
            "ai",
            widget,
            error=error,
            said=said,
            providers=room.services.providers,
            available=set(await room.services.available_providers(caller)),
            usage=await room.usage(caller, widget),
            owner_notice=EXHAUSTED_NOTICE,
            default_text=default_response(widget.default_response, None, widget.languages),
            may_ask=caller.may("inference"),
            longest_message=LONGEST_MESSAGE,
        )

    @router.get(f"{ONE}/ai")
    async def show(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        return await page(request, widget, _as_form(widget))

    @router.post(f"{ONE}/ai")
    @takes_form(_FORM_BYTES)
    async def save(request: Request, id: str) -> Response:
        caller, form = caller_of(request), request.state.form
        widget = await room.widget(request, id)
        require(caller, "config:write")
        try:
            await room.services.clients.update_widget(
                caller, widget.id, _changes(form), expected=seen_at(form), request_id=request_id_of(request)
            )
        except (InvalidRequest, Conflict) as error:
            said = {name: form.get(name, "") for name in _as_form(widget)}
            return await page(request, widget, said, error)
        return redirect(f"{ROOT}/{widget.id}/ai", flash="widget_saved")

    @router.post(f"{ONE}/ai/try")
    @takes_form(_FORM_BYTES)
    async def try_out(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        asked = Question(
            text=request.state.form.get("question", ""),
            language=widget.languages[0] if widget.languages else None,
        )
        given = await room.services.answers.try_out(
            caller_of(request), widget.id, asked, request_id_of(request)
        )
        return room.frame.fragment("widgets/tried.html", given=given, root=f"{ROOT}/{widget.id}")


def _as_form(widget: Widget) -> dict[str, str]:
    """The settings in the fields of the form."""
    said = {name: "on" if getattr(widget, name) else "" for name in _SWITCHES}
    said |= {name: getattr(widget, name) or "" for name in _LINES}
    said |= {name: f"{getattr(widget, name):g}" for name in _NUMBERS}
    said["llm_max_tokens"] = str(widget.llm_max_tokens)
    limit = widget.conversation_token_limit
    said["conversation_token_limit"] = "" if limit is None else str(limit)
    dollars = widget.conversation_nano_usd_limit
    said["conversation_cost_limit_usd"] = "" if dollars is None else _plain(dollars)
    said["updated_at"] = widget.updated_at.isoformat()
    return said


def _changes(form: Form) -> WidgetChanges:
    """What the form says. Raises InvalidRequest."""
    numbers: dict[str, Any] = {
        name: needed_number(form, name, label, is_whole=is_whole)
        for name, (label, is_whole) in _NUMBERS.items()
    }
    ceiling = number_of(form, "conversation_token_limit", "Tokens for one conversation", is_whole=True)
    return WidgetChanges(
        llm_enabled=form.get("llm_enabled") == "on",
        fallback_to_knowledge_base=form.get("fallback_to_knowledge_base") == "on",
        llm_provider=form.get("llm_provider", "").strip() or None,
        llm_model=form.get("llm_model", "").strip() or None,
        persona=form.get("persona", "").strip(),
        conversation_token_limit=None if ceiling is None else int(ceiling),
        conversation_nano_usd_limit=_dollars(form),
        **numbers,
    )


def _plain(nano_usd: int) -> str:
    """Dollars without noughts at their end."""
    return usd_of_nano(nano_usd).rstrip("0").rstrip(".")


def _dollars(form: Form) -> int | None:
    """What a conversation may cost; `None` where the field is empty. Raises InvalidRequest."""
    said = form.get("conversation_cost_limit_usd", "").strip().removeprefix("$").replace(",", ".")
    try:
        return nano_of_usd(said) if said else None
    except ValueError as error:
        raise InvalidRequest(str(error), param="conversation_cost_limit_usd") from error
