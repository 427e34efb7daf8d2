"""What the writer has learnt: rules of style, and how its confidences turned out; and many deals at once."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from officium.apps.writer import DealSummaryContext, DealSummaryResult
from officium.apps.writer.kinds import KIND_NAMES
from officium.apps.writer.service import MOST_DEALS
from officium.core.conversations.live import NumberedEvent
from officium.kit.errors import InvalidRequest
from officium.web.api.writer import Writer
from officium.web.console.frame import Frame, guarded, redirect
from officium.web.console.pages.prompt_view import json_in
from officium.web.console.pages.writer import ROOT, DealRecords, about, caller_of, offered_deals, read_deal
from officium.web.console.pages.writer_view import (
    LANGUAGES,
    context_in,
    form_of_deal,
    level_of,
    path_of,
    points_of,
)
from officium.web.console.signed_in import takes_form
from officium.web.events import event_response

_DEALS_BYTES = 1024 * 1024
_IDS = re.compile(r"\d{1,18}")


def add_writer_learning(router: APIRouter, writer: Writer, frame: Frame) -> None:
    """Add the pages of style and of reliability."""

    @router.get(f"{ROOT}/style")
    async def style(request: Request) -> Response:
        caller = caller_of(request)
        rules = await writer.list_style_rules(caller, caller.member_id)
        return frame.page(request, "writer_style.html", tab="style", rules=rules, error=None, said="")

    @router.post(f"{ROOT}/style")
    async def add(request: Request) -> Response:
        caller, said = caller_of(request), request.state.form.get("rule", "")
        try:
            await writer.add_style_rule(caller, said, caller.member_id)
        except InvalidRequest as error:
            request.scope["officium.error"] = error.code
            rules = await writer.list_style_rules(caller, caller.member_id)
            return frame.page(
                request, "writer_style.html", status=400, tab="style", rules=rules, error=error, said=said
            )
        return redirect(f"{ROOT}/style", flash="style_added")

    @router.post(f"{ROOT}/style/{{id}}/switch")
    async def switch(request: Request, id: str) -> Response:
        caller, is_on = caller_of(request), request.state.form.get("on") == "1"
        await writer.switch_style_rule(caller, id, is_on, caller.member_id)
        return redirect(f"{ROOT}/style", flash="style_on" if is_on else "style_off")

    @router.post(f"{ROOT}/style/{{id}}/delete")
    async def delete(request: Request, id: str) -> Response:
        caller = caller_of(request)
        await writer.delete_style_rule(caller, id, caller.member_id)
        return redirect(f"{ROOT}/style", flash="style_deleted")

    @router.get(f"{ROOT}/reliability")
    async def reliability(request: Request) -> Response:
        kind = request.query_params.get("kind") or None
        shown, raw = await writer.get_reliability(caller_of(request), kind)
        return frame.page(
            request,
            "writer_reliability.html",
            tab="reliability",
            kind=kind,
            kinds=KIND_NAMES,
            shown=shown,
            raw=raw,
            points=points_of(shown),
        )


def add_writer_batch(
    router: APIRouter, writer: Writer, deals: DealRecords, heartbeat_s: float, frame: Frame
) -> None:
    """Add the page that sums up many deals, and the stream it reads."""

    @router.get(f"{ROOT}/batch")
    async def show(request: Request) -> Response:
        caller = caller_of(request)
        return frame.page(
            request,
            "writer_batch.html",
            tab="batch",
            offered=await offered_deals(deals, caller),
            most=MOST_DEALS,
            codes=LANGUAGES,
            may_write=caller.may("inference"),
        )

    async def told(request: Request) -> list[DealSummaryContext]:
        form, caller = request.state.form, caller_of(request)
        language = form.get("language", "").strip() or "en"
        if form.get("record", "").strip():
            return _contexts(form["record"], language)
        ids = list(dict.fromkeys(_IDS.findall(form.get("ids", ""))))
        if not ids:
            raise InvalidRequest("Say which deals: their numbers, or a JSON list.", param="ids")
        if len(ids) > MOST_DEALS:
            raise InvalidRequest(f"At most {MOST_DEALS} deals are summed up at once.", param="ids")
        today, found = datetime.now(UTC).date(), []
        for id in ids:
            deal, notes = await read_deal(deals, caller, id)
            said = {**form_of_deal(deal, notes, today), "task": "deal_summary", "language": language}
            context = context_in(said, lambda name: frame.say(f"writer.field.{name}"))
            assert isinstance(context, DealSummaryContext)
            found.append(context)
        return found

    @router.post(f"{ROOT}/batch/run")
    @takes_form(_DEALS_BYTES)
    async def run(request: Request) -> Response:
        caller, contexts = caller_of(request), await told(request)
        summaries = await writer.summarize(caller, contexts, about(request), owner_id=caller.member_id)
        response = event_response(_events(summaries, contexts, frame), heartbeat_s, {})
        return guarded(response)


def _contexts(said: str, language: str) -> list[DealSummaryContext]:
    found = json_in(said, "record")
    if not isinstance(found, list):
        raise InvalidRequest("`record` is a JSON list of deals, in square brackets.", param="record")
    try:
        return [
            DealSummaryContext.model_validate({"language": language, **one} if isinstance(one, dict) else one)
            for one in found
        ]
    except ValidationError as error:
        first = error.errors()[0]
        place = path_of(first["loc"])
        raise InvalidRequest(f"A deal's {place}: {first['msg']}.", param="record") from error


async def _events(
    summaries: AsyncGenerator[tuple[int, DealSummaryResult], None],
    contexts: Sequence[DealSummaryContext],
    frame: Frame,
) -> AsyncGenerator[NumberedEvent, None]:
    """Each summary as a piece of the page with its place, and how far it is; `done` in the end."""
    done = fallbacks = 0
    async with aclosing(summaries):
        async for place, result in summaries:
            done, fallbacks = done + 1, fallbacks + result.is_fallback
            html = frame.render(
                "writer/summary.html", title=contexts[place].deal_title, result=result, level=level_of(result)
            )
            progress = frame.say("writer.batch.progress", done=done, total=len(contexts))
            body = {"place": place, "html": html, "say": progress, "done": done, "total": len(contexts)}
            yield NumberedEvent(done, "summary", msgspec.json.encode(body).decode())
    key = "writer.batch.done" if not fallbacks else "writer.batch.done_plain"
    said = frame.say(key, total=len(contexts), fallbacks=fallbacks)
    yield NumberedEvent(done + 1, "done", msgspec.json.encode({"say": said}).decode())
