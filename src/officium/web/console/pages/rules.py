"""The rules: the list of those that are kept, and the studio in which one is made, read, tried and judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from officium.apps.rules.capabilities import Capabilities
from officium.apps.rules.card import card_of
from officium.apps.rules.rulebook import KeptRule, ListedRule
from officium.apps.rules.saved_rule import RuleStatus, RuleVersion
from officium.apps.rules.service import LONGEST_INTENT, Made
from officium.core.tenancy.caller import Caller
from officium.web.api.conditions import Conditions
from officium.web.api.rule_capabilities import CapabilityService
from officium.web.api.rule_trials import RuleTrials
from officium.web.api.rulebook import RuleBook
from officium.web.api.rules import RuleService
from officium.web.console.frame import Frame, guarded, redirect
from officium.web.console.pages.rules_sheet import (
    FORM_BYTES,
    Sheet,
    as_json,
    blank_sheet,
    fact_fields,
    kept_sheet,
    plain_word,
    read_json,
    sheet_of,
)
from officium.web.console.pages.rules_view import shown_problems
from officium.web.console.signed_in import takes_form

ROOT = "/console/rules"
KEPT = "/console/rules/kept/{id}"
_LISTED = 30
_VERSIONS = 50
_STATUSES: tuple[RuleStatus, ...] = ("draft", "approved", "rejected")


class Rules(RuleService, Protocol):
    """Makes rules and judges them."""

    async def has_model(self, caller: Caller) -> bool: ...


class Catalogues(CapabilityService, Protocol):
    """Knows the tenants' capability catalogues."""

    async def of_request(self, caller: Caller, content: Mapping[str, Any] | None) -> Capabilities: ...


class Book(RuleBook, Protocol):
    """Keeps the tenants' rules."""

    async def search(
        self,
        caller: Caller,
        words: str = "",
        *,
        status: RuleStatus | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[ListedRule]: ...


@dataclass(frozen=True, kw_only=True)
class RulesParts:
    """The services behind the pages of the rules."""

    rules: Rules
    book: Book
    trials: RuleTrials
    catalogues: Catalogues
    conditions: Conditions


def add_rules_pages(router: APIRouter, studio: "Studio") -> None:
    """Add the list, and the studio."""
    _add_list(router, studio)
    _add_studio(router, studio)
    _add_keeping(router, studio)


class Studio:
    """Puts together what the studio shows."""

    def __init__(self, parts: RulesParts, frame: Frame) -> None:
        self.parts = parts
        self.frame = frame

    async def page(
        self, request: Request, sheet: Sheet | None, kept: KeptRule | None = None, intent: str = ""
    ) -> Response:
        """The whole page, with a rule on it or where one begins."""
        caller = caller_of(request)
        bench = None if sheet is None else await self.bench(request, sheet, kept=kept)
        return self.frame.page(
            request,
            "rules_studio.html",
            bench=bench,
            intent=intent if sheet is None else sheet.intent,
            kept=kept,
            known=await self.parts.catalogues.get(caller),
            has_model=caller.may("inference") and await self.parts.rules.has_model(caller),
            may_ask=caller.may("inference"),
            longest_intent=LONGEST_INTENT,
        )

    async def piece(self, request: Request, sheet: Sheet, made: Made | None = None) -> Response:
        """The bench with the rule that lies on the sheet."""
        kept = await self.parts.book.get(caller_of(request), sheet.rule) if sheet.rule else None
        return self.frame.fragment(
            "rules/bench.html", **await self.bench(request, sheet, made=made, kept=kept)
        )

    async def bench(
        self, request: Request, sheet: Sheet, *, made: Made | None = None, kept: KeptRule | None = None
    ) -> dict[str, Any]:
        """What the bench shows of a sheet."""
        caller = caller_of(request)
        capabilities = await self.parts.catalogues.of_request(caller, sheet.context)
        checked, description = await self.parts.rules.check(
            caller, sheet.workflow, sheet.context, sheet.intent
        )
        workflow = checked.workflow
        versions: Sequence[RuleVersion] = ()
        if kept is not None:
            versions = await self.parts.book.list_versions(caller, kept.rule.id, limit=_VERSIONS)
        return {
            "sheet": sheet,
            "fields": sheet.fields(),
            "pretty": as_json(sheet.workflow, is_pretty=True),
            "tests": as_json(sheet.tests, is_pretty=True),
            "checked": checked,
            "problems": shown_problems(sheet.workflow, checked.problems),
            "description": description,
            "card": None if workflow is None else card_of(workflow, capabilities.catalogue),
            "facts": [] if workflow is None else fact_fields(workflow, capabilities.catalogue),
            "capabilities": capabilities,
            "made": made,
            "kept": kept,
            "versions": versions,
            "is_saved": kept is not None and dict(kept.version.workflow) == dict(sheet.workflow),
            "may_ask": caller.may("inference"),
            "may_write": caller.may("config:write"),
            "longest_intent": LONGEST_INTENT,
        }


def _add_list(router: APIRouter, studio: Studio) -> None:
    @router.get(ROOT)
    async def list_rules(request: Request) -> Response:
        caller, asked = caller_of(request), request.query_params
        words, said = plain_word(asked.get("q", ""), 200), asked.get("status", "")
        status = next((each for each in _STATUSES if each == said), None)
        found = await studio.parts.book.search(
            caller,
            words,
            status=status,
            before=plain_word(asked.get("before", ""), 64) or None,
            limit=_LISTED,
        )
        more = None
        if len(found) == _LISTED:
            kept = {"q": words, "status": status or "", "before": found[-1].rule.id}
            more = f"{ROOT}?{urlencode({name: value for name, value in kept.items() if value})}"
        return studio.frame.page(
            request,
            "rules.html",
            found=found,
            words=words,
            chosen=status,
            statuses=_STATUSES,
            more=more,
            is_filtered=bool(words or status or asked.get("before")),
            may_ask=caller.may("inference"),
        )


def _add_studio(router: APIRouter, studio: Studio) -> None:
    parts = studio.parts

    @router.get("/console/rules/studio")
    async def begin(request: Request) -> Response:
        return await studio.page(
            request, None, intent=request.query_params.get("intent", "")[:LONGEST_INTENT]
        )

    @router.post("/console/rules/studio")
    @takes_form(FORM_BYTES)
    async def open_sheet(request: Request) -> Response:
        return await studio.page(request, sheet_of(request.state.form))

    @router.post("/console/rules/generate")
    @takes_form(FORM_BYTES)
    async def generate(request: Request) -> Response:
        sheet = blank_sheet(request.state.form)
        made = await parts.rules.generate(
            caller_of(request),
            sheet.intent,
            sheet.context,
            options=sheet.options(),
            request_id=request_id_of(request),
        )
        return await studio.piece(request, sheet.made(made), made)

    @router.post("/console/rules/show")
    @takes_form(FORM_BYTES)
    async def show(request: Request) -> Response:
        """The sheet again: as it is, with other JSON, with what a refinement gave, or a step back."""
        form = request.state.form
        sheet = sheet_of(form)
        if form.get("step") == "undo":
            sheet = sheet.undone()
        elif "after" in form:
            after = sheet_of({"workflow": form["after"]}).workflow
            method = form.get("after_method", "written")
            renewed = sheet_of({**form, "method": method, "model": form.get("after_model", "")})
            if dict(after) != dict(sheet.workflow):
                sheet = sheet.changed(
                    after, form.get("feedback", ""), method=renewed.method, model=renewed.model
                )
        if "kept_test" in form:
            tests = [*sheet.tests, read_json(form["kept_test"], "tests")]
            sheet = sheet_of({**sheet.fields(), "tests": as_json(tests)})
        if "new_tests" in form:
            sheet = sheet_of({**sheet.fields(), "tests": form["new_tests"]})
        return await studio.piece(request, sheet)


def _add_keeping(router: APIRouter, studio: Studio) -> None:
    book = studio.parts.book

    @router.get(KEPT)
    async def show_kept(request: Request, id: str) -> Response:
        said = request.query_params.get("version", "")
        version = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else None
        kept = await book.get(caller_of(request), plain_word(id, 64), version)
        return await studio.page(request, kept_sheet(kept), kept)

    @router.post("/console/rules/save")
    @takes_form(FORM_BYTES)
    async def save(request: Request) -> Response:
        caller, sheet = caller_of(request), sheet_of(request.state.form)
        known = {"request_id": request_id_of(request)}
        if sheet.rule:
            kept = await book.revise(caller, sheet.rule, sheet.draft(), expected=sheet.seen, **known)
        else:
            kept = await book.save(caller, sheet.draft(), **known)
        return lead_on(f"{ROOT}/kept/{kept.rule.id}", "rule_saved")

    @router.post("/console/rules/kept/{id}/approve")
    async def approve(request: Request, id: str) -> Response:
        form = request.state.form
        version = form.get("version", "")
        number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
        await book.approve(
            caller_of(request), id, number, form.get("note", "").strip(), request_id=request_id_of(request)
        )
        return lead_on(f"{ROOT}/kept/{id}", "rule_approved")

    @router.post("/console/rules/kept/{id}/reject")
    async def reject(request: Request, id: str) -> Response:
        note = request.state.form.get("note", "").strip()
        await book.reject(caller_of(request), id, note, request_id=request_id_of(request))
        return lead_on(f"{ROOT}/kept/{id}", "rule_rejected")

    @router.post("/console/rules/kept/{id}/undo")
    async def undo(request: Request, id: str) -> Response:
        await book.undo(caller_of(request), id, request_id=request_id_of(request))
        return lead_on(f"{ROOT}/kept/{id}", "rule_undone")

    @router.post("/console/rules/kept/{id}/delete")
    async def delete(request: Request, id: str) -> Response:
        await book.delete(caller_of(request), id, request_id=request_id_of(request))
        return lead_on(ROOT, "rule_deleted")


def lead_on(path: str, flash: str) -> Response:
    """Let the page's script go to another page, which says what was done."""
    response = Response(status_code=204, headers={"hx-redirect": path})
    for name, value in redirect(path, flash=flash).headers.items():
        if name == "set-cookie":
            response.headers.append(name, value)
    return guarded(response)


def caller_of(request: Request) -> Caller:
    """Who asks."""
    caller: Caller = request.state.session.caller
    return caller


def request_id_of(request: Request) -> str:
    """The id of the request, for the log and the audit."""
    return str(request.scope["officium.request_id"])
