"""The tab Knowledge base: what a widget knows, entry by entry."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from officium.apps.widget.knowledge import EntryChanges, EntryDraft, EntryFilter, KnowledgeEntry
from officium.apps.widget.knowledge.entry import State
from officium.apps.widget.knowledge.errors import InvalidEntry
from officium.apps.widget.widget import Widget
from officium.core.tenancy.caller import require
from officium.kit.errors import Conflict, InvalidRequest, OfficiumError
from officium.web.console.frame import redirect
from officium.web.console.pages.widgets.room import (
    ONE,
    ROOT,
    WidgetRoom,
    caller_of,
    lines_of,
    number_in_path,
    number_in_query,
    words_of,
)
from officium.web.console.signed_in import Form, takes_form

KNOWLEDGE = f"{ONE}/knowledge"
_ENTRY = f"{KNOWLEDGE}/{{entry}}"
_LISTED = 25
_FORM_BYTES = 1024 * 1024
_FILTERS = ("q", "tag", "language", "state")
_PICK = "pick-"
_CHANGES = ("live", "draft", "add_tag", "remove_tag", "language", "delete")


def add_knowledge_pages(router: APIRouter, room: WidgetRoom) -> None:
    """Add the list, what is done to many entries, and the editor. Fixed paths below it come before."""
    _add_list(router, room)
    _add_editor(router, room)


def _add_list(router: APIRouter, room: WidgetRoom) -> None:
    async def page(request: Request, widget: Widget, error: OfficiumError | None = None) -> Response:
        caller, asked = caller_of(request), _asked(request)
        after = number_in_query(request, "after") or 0
        found = await room.services.knowledge.list_entries(
            caller, widget.id, _filter(asked), after=after, limit=_LISTED
        )
        version = await room.services.knowledge.get_version(caller, widget.id)
        return await room.page(
            request,
            "widget_knowledge.html",
            "knowledge",
            widget,
            error=error,
            entries=found,
            asked=asked,
            is_filtered=any(asked.values()),
            query=urlencode({name: value for name, value in asked.items() if value}),
            changes=_CHANGES,
            version=version,
            next_after=found[-1].id if len(found) == _LISTED else None,
            is_first=not after,
            now=datetime.now(UTC),
        )

    @router.get(KNOWLEDGE)
    async def show(request: Request, id: str) -> Response:
        return await page(request, await room.widget(request, id))

    @router.post(f"{KNOWLEDGE}/bulk")
    async def edit_many(request: Request, id: str) -> Response:
        caller, form = caller_of(request), request.state.form
        widget = await room.widget(request, id)
        try:
            picked = [number_in_path(name[len(_PICK) :]) for name in form if name.startswith(_PICK)]
            if not picked:
                raise InvalidRequest("Mark the entries to change first.", param="pick")
            await room.services.knowledge.edit_many(caller, widget.id, picked, _bulk(form))
        except (InvalidRequest, Conflict) as error:
            return await page(request, widget, error)
        back = form.get("back", "")
        there = f"{ROOT}/{widget.id}/knowledge" + ("/duplicates" if back == "duplicates" else "")
        return redirect(there, flash="entries_changed")


def _add_editor(router: APIRouter, room: WidgetRoom) -> None:
    async def page(
        request: Request,
        widget: Widget,
        entry: KnowledgeEntry | None,
        said: Mapping[str, str],
        error: OfficiumError | None = None,
    ) -> Response:
        return await room.page(
            request, "widget_entry.html", "knowledge", widget, error=error, entry=entry, said=said
        )

    @router.get(f"{KNOWLEDGE}/new")
    async def begin(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        require(caller_of(request), "config:write")
        return await page(request, widget, None, _as_form(None))

    @router.post(f"{KNOWLEDGE}/new")
    @takes_form(_FORM_BYTES)
    async def add(request: Request, id: str) -> Response:
        widget = await room.widget(request, id)
        require(caller_of(request), "config:write")
        form = request.state.form
        try:
            await room.services.knowledge.add_entry(caller_of(request), widget.id, _draft(form))
        except InvalidRequest as error:
            return await page(request, widget, None, _said(form), error)
        return redirect(f"{ROOT}/{widget.id}/knowledge", flash="entry_saved")

    @router.get(_ENTRY)
    async def edit(request: Request, id: str, entry: str) -> Response:
        widget = await room.widget(request, id)
        found = await room.services.knowledge.get_entry(caller_of(request), widget.id, number_in_path(entry))
        return await page(request, widget, found, _as_form(found))

    @router.post(_ENTRY)
    @takes_form(_FORM_BYTES)
    async def save(request: Request, id: str, entry: str) -> Response:
        caller, form = caller_of(request), request.state.form
        widget = await room.widget(request, id)
        require(caller, "config:write")
        found = await room.services.knowledge.get_entry(caller, widget.id, number_in_path(entry))
        try:
            draft, seen = _draft(form), form.get("version", "")
            changes = EntryChanges(**{name: getattr(draft, name) for name in EntryDraft.__struct_fields__})
            expected = int(seen[:9]) if seen.isdigit() else None
            await room.services.knowledge.update_entry(
                caller, widget.id, found.id, changes, expected=expected
            )
        except (InvalidRequest, Conflict) as error:
            return await page(request, widget, found, _said(form), error)
        return redirect(f"{ROOT}/{widget.id}/knowledge", flash="entry_saved")

    @router.post(f"{_ENTRY}/delete")
    async def delete(request: Request, id: str, entry: str) -> Response:
        widget = await room.widget(request, id)
        await room.services.knowledge.delete_entry(caller_of(request), widget.id, number_in_path(entry))
        return redirect(f"{ROOT}/{widget.id}/knowledge", flash="entry_deleted")


def _asked(request: Request) -> dict[str, str]:
    """What the list is searched for."""
    return {name: request.query_params.get(name, "").strip()[:200] for name in _FILTERS}


def _filter(asked: Mapping[str, str]) -> EntryFilter:
    state = asked["state"] if asked["state"] in ("live", "draft") else None
    return EntryFilter(
        text=asked["q"],
        tag=asked["tag"] or None,
        language=asked["language"] or None,
        state=cast("State | None", state),
    )


def _bulk(form: Form) -> EntryChanges | None:
    """What is to become of the marked entries; `None` deletes them. Raises InvalidRequest."""
    change, value = form.get("change", ""), form.get("value", "").strip()
    match change:
        case "live" | "draft":
            return EntryChanges(state=change)
        case "add_tag" | "remove_tag":
            if not value:
                raise InvalidRequest("Say which tag, in the field beside it.", param="value")
            tags = words_of(value)
            return EntryChanges(add_tags=tags) if change == "add_tag" else EntryChanges(remove_tags=tags)
        case "language":
            return EntryChanges(language=value or None)
        case "delete":
            return None
    raise InvalidRequest("Choose what is to become of the marked entries.", param="change")


def _as_form(entry: KnowledgeEntry | None) -> dict[str, str]:
    """The entry in the fields of the form; empty ones for a new entry."""
    if entry is None:
        empty = ("phrasings", "answer", "tags", "language", "source_url", "valid_from", "valid_to", "version")
        return {**dict.fromkeys(empty, ""), "state": "live"}
    return {
        "phrasings": "\n".join(entry.phrasings),
        "answer": entry.answer,
        "tags": ", ".join(entry.tags),
        "language": entry.language or "",
        "source_url": entry.source_url or "",
        "valid_from": _written(entry.valid_from),
        "valid_to": _written(entry.valid_to),
        "state": entry.state,
        "version": str(entry.version),
    }


def _said(form: Form) -> dict[str, str]:
    return {name: form.get(name, "") for name in _as_form(None)}


def _draft(form: Form) -> EntryDraft:
    """What the form says. Raises InvalidEntry."""
    values: dict[str, Any] = {
        "language": form.get("language", "").strip() or None,
        "source_url": form.get("source_url", "").strip() or None,
        "state": "draft" if form.get("state") == "draft" else "live",
    }
    return EntryDraft(
        phrasings=lines_of(form.get("phrasings", "")),
        answer=form.get("answer", ""),
        tags=words_of(form.get("tags", "")),
        valid_from=_moment(form, "valid_from"),
        valid_to=_moment(form, "valid_to"),
        **values,
    )


def _moment(form: Form, name: str) -> datetime | None:
    """A day and time of a form, in UTC. Raises InvalidEntry."""
    said = form.get(name, "").strip()
    if not said:
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise InvalidEntry("Write the day and the time, such as 2026-12-24 18:00.", param=name) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _written(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
