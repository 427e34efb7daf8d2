"""Beside the studio: several sentences at once, all rules together, single conditions, the catalogue."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from officium.apps.rules.capabilities import Capabilities
from officium.apps.rules.catalogue import LARGEST_BYTES
from officium.apps.rules.conditions import ConditionSyntaxError
from officium.apps.rules.conditions.explanation import explanation_to_json
from officium.apps.rules.conditions.reading import read_condition
from officium.apps.rules.service import MOST_INTENTS, Made
from officium.kit.errors import InvalidRequest, NotFound
from officium.web.console.frame import Frame
from officium.web.console.pages.rules import RulesParts, Studio, caller_of, lead_on, request_id_of
from officium.web.console.pages.rules_sheet import FORM_BYTES, as_json, blank_sheet, read_json
from officium.web.console.pages.rules_view import cut_at, kept_ids, names_instead
from officium.web.console.signed_in import ERROR_HEADER, takes_form

CATALOGUE = "/console/rules/catalogue"
_LONGEST_CONDITION = 16_384


def add_rule_desk(router: APIRouter, studio: Studio) -> None:
    """Add the pages beside the studio."""
    _add_batch(router, studio)
    _add_together(router, studio.parts, studio.frame)
    _add_conditions(router, studio.parts, studio.frame)
    _add_catalogue(router, studio.parts, studio.frame)


def _add_batch(router: APIRouter, studio: Studio) -> None:
    parts, frame = studio.parts, studio.frame

    @router.get("/console/rules/batch")
    async def begin(request: Request) -> Response:
        caller = caller_of(request)
        return frame.page(
            request,
            "rules_batch.html",
            may_ask=caller.may("inference"),
            has_model=caller.may("inference") and await parts.rules.has_model(caller),
            most=MOST_INTENTS,
        )

    @router.post("/console/rules/batch")
    @takes_form(FORM_BYTES)
    async def make(request: Request) -> Response:
        caller, form = caller_of(request), request.state.form
        sheet = blank_sheet(form)
        intents = [line.strip() for line in form.get("intents", "").splitlines() if line.strip()]
        if not intents:
            raise InvalidRequest("Write at least one sentence, each on a line of its own.", param="intents")
        batch = await parts.rules.generate_batch(
            caller, intents, sheet.context, options=sheet.options(), request_id=request_id_of(request)
        )
        items = []
        for intent, outcome in zip(batch.intents, batch.outcomes, strict=True):
            if isinstance(outcome, Made):
                made = blank_sheet({**form, "intent": intent}).made(outcome)
                items.append({"intent": intent, "made": outcome, "fields": made.fields(), "error": None})
            else:
                items.append({"intent": intent, "made": None, "error": outcome.error})
        return frame.fragment(
            "rules/batch.html",
            items=items,
            succeeded=sum(item["made"] is not None for item in items),
            duration_ms=batch.generation_time_ms,
            may_write=caller.may("config:write"),
        )


def _add_together(router: APIRouter, parts: RulesParts, frame: Frame) -> None:
    @router.get("/console/rules/together")
    async def together(request: Request) -> Response:
        caller = caller_of(request)
        found = await parts.trials.check_kept(caller)
        names: dict[str, str] = {}
        for rule_id in kept_ids([label for finding in found for label in finding.rules]):
            try:
                names[rule_id] = (await parts.book.get(caller, rule_id)).rule.workflow_name
            except NotFound:  # deleted meanwhile
                continue
        findings = [
            {
                "code": finding.code,
                "message": names_instead(finding.message, names),
                "rules": [
                    {"id": label.partition("/")[0], "name": names_instead(label, names)}
                    for label in finding.rules
                ],
                "facts": None if finding.facts is None else as_json(finding.facts, is_pretty=True),
                "is_certain": finding.is_certain,
            }
            for finding in found
        ]
        first = await parts.book.list_rules(caller, limit=1)
        return frame.page(request, "rules_together.html", findings=findings, has_rules=bool(first))


def _add_conditions(router: APIRouter, parts: RulesParts, frame: Frame) -> None:
    @router.get("/console/rules/conditions")
    async def begin(request: Request) -> Response:
        return frame.page(request, "rules_conditions.html")

    @router.post("/console/rules/conditions")
    @takes_form(FORM_BYTES)
    async def read(request: Request) -> Response:
        form = request.state.form
        text, facts = form.get("condition", "").strip()[:_LONGEST_CONDITION], form.get("facts", "").strip()
        told = read_json(facts, "facts") if facts else None
        if told is not None and not isinstance(told, dict):
            raise InvalidRequest("Facts are a JSON object: { ... }.", param="facts")
        if not text:
            raise InvalidRequest("Write a condition, such as $metrics.cpu > 80.", param="condition")
        capabilities = await parts.catalogues.get(caller_of(request))
        types = capabilities.catalogue.path_types if form.get("checks") == "catalogue" else {}
        try:
            reading = await asyncio.to_thread(read_condition, text, types, told)
        except ConditionSyntaxError as error:
            request.scope["officium.error"] = error.code
            before, at, behind = cut_at(text, error.position)
            response = frame.fragment(
                "rules/condition_fault.html", error=error, before=before, at=at, behind=behind
            )
            response.headers[ERROR_HEADER] = error.code
            return response
        is_checked = form.get("checks") == "catalogue"
        return frame.fragment(
            "rules/condition.html",
            reading=reading,
            explanation=None if reading.explanation is None else explanation_to_json(reading.explanation),
            problems=reading.problems if is_checked else (),
            is_checked=is_checked,
            jsonlogic=as_json(reading.jsonlogic.said, is_pretty=True),
        )


def _add_catalogue(router: APIRouter, parts: RulesParts, frame: Frame) -> None:
    @router.get(CATALOGUE)
    async def show(request: Request) -> Response:
        caller = caller_of(request)
        known = await parts.catalogues.get(caller)
        return frame.page(
            request,
            "rules_catalogue.html",
            known=known,
            catalogue=known.catalogue,
            pretty=_pretty(known),
            cache=parts.catalogues.status(caller),
            may_write=caller.may("config:write"),
            largest_kb=LARGEST_BYTES // 1024,
        )

    @router.post(CATALOGUE)
    @takes_form(FORM_BYTES)
    async def put(request: Request) -> Response:
        said = read_json(request.state.form.get("content", ""), "content")
        if not isinstance(said, Mapping):
            raise InvalidRequest("A capability catalogue is a JSON object: { ... }.", param="content")
        await parts.catalogues.set(caller_of(request), _without_ours(said), request_id=request_id_of(request))
        return lead_on(CATALOGUE, "catalogue_saved")

    @router.post("/console/rules/catalogue/reset")
    async def reset(request: Request) -> Response:
        await parts.catalogues.reset(caller_of(request), request_id=request_id_of(request))
        return lead_on(CATALOGUE, "catalogue_reset")


def _pretty(known: Capabilities) -> str:
    return as_json(known.content, is_pretty=True)


def _without_ours(said: Mapping[str, Any]) -> dict[str, Any]:
    """What was copied from `GET /aggregated` has fields that are ours."""
    return {name: value for name, value in said.items() if name not in ("source", "digest", "fetched_at")}
