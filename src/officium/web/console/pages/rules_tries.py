"""The studio's trials: on facts, at boundaries, on history, by tests, and changes by talking."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from officium.apps.rules.history import HistoryFormat
from officium.kit.errors import InvalidRequest
from officium.web.console.pages.rules import Studio, caller_of, request_id_of
from officium.web.console.pages.rules_sheet import FORM_BYTES, as_json, facts_of, read_json, sheet_of
from officium.web.console.pages.rules_view import chart_of, json_difference
from officium.web.console.signed_in import takes_form


def add_rule_tries(router: APIRouter, studio: Studio) -> None:
    """Add what the tabs of the studio ask for."""
    _add_facts(router, studio)
    _add_history(router, studio)
    _add_refining(router, studio)


def _add_facts(router: APIRouter, studio: Studio) -> None:
    parts, frame = studio.parts, studio.frame

    @router.post("/console/rules/dry-run")
    @takes_form(FORM_BYTES)
    async def dry_run(request: Request) -> Response:
        caller, form = caller_of(request), request.state.form
        sheet = sheet_of(form)
        capabilities = await parts.catalogues.of_request(caller, sheet.context)
        facts = facts_of(form, capabilities.catalogue)
        ran = await parts.trials.dry_run(caller, sheet.workflow, facts, sheet.context)
        done = [call["action"] for call in ran["actions"]]
        return frame.fragment(
            "rules/dry_run.html",
            ran=ran,
            facts=as_json(facts, is_pretty=True),
            test=_test("dry run", facts, done),
        )

    @router.post("/console/rules/examples")
    @takes_form(FORM_BYTES)
    async def examples(request: Request) -> Response:
        caller, sheet = caller_of(request), sheet_of(request.state.form)
        found = await parts.trials.examples(caller, sheet.workflow, sheet.context)
        shown = [await _shown(each, sheet.workflow, sheet.context, request) for each in found]
        return frame.fragment("rules/examples.html", rules=shown)

    async def _shown(
        example: Mapping[str, Any],
        workflow: Mapping[str, Any],
        context: Mapping[str, Any] | None,
        request: Request,
    ) -> dict[str, Any]:
        """An example with each of its facts, and the test that it would make: what all rules do on them."""
        sides: list[dict[str, Any]] = []
        for side in ("fires", "just_does_not", "lacks_data"):
            facts = example[side]
            if facts is None:
                sides.append({"side": side, "facts": None})
                continue
            ran = await parts.trials.dry_run(caller_of(request), workflow, facts, context)
            done = [call["action"] for call in ran["actions"]]
            words = frame.say(f"rules.example.{side}")
            sides.append(
                {
                    "side": side,
                    "facts": as_json(facts, is_pretty=True),
                    "done": done,
                    "test": _test(f"{example['name']}: {words}", facts, done),
                }
            )
        return {**example, "sides": sides}

    @router.post("/console/rules/tests")
    @takes_form(FORM_BYTES)
    async def tests(request: Request) -> Response:
        form = request.state.form
        said = form.get("new_tests", "").strip()
        sheet = sheet_of({**form, "tests": said or form.get("tests", "")})
        outcomes = await parts.trials.run_tests(
            caller_of(request), sheet.workflow, sheet.tests, sheet.context
        )
        return frame.fragment("rules/tests.html", outcomes=outcomes)


def _add_history(router: APIRouter, studio: Studio) -> None:
    @router.post("/console/rules/replay")
    async def replay(request: Request) -> Response:
        """A history is too long for a form: the script sends the sheet and the file as JSON."""
        caller = caller_of(request)
        said = read_json((await request.body()).decode("utf-8", "replace"), "history")
        if not isinstance(said, dict) or not all(isinstance(each, str) for each in said.values()):
            raise InvalidRequest("This page is too old. Load it again.", param="history")
        sheet = sheet_of(said)
        kind: HistoryFormat = "csv" if said.get("format") == "csv" else "jsonl"
        history = said.get("history", "")
        if not history.strip():
            raise InvalidRequest("Choose a file, or put some lines into the box.", param="history")
        outcome = await studio.parts.trials.replay(
            caller,
            sheet.workflow,
            history.encode("utf-8", "replace"),
            kind,
            carries_forward=said.get("carry_forward") == "true",
            context=sheet.context,
        )
        if sheet.rule:
            kept = await studio.parts.book.get(caller, sheet.rule)
            if dict(kept.version.workflow) == dict(sheet.workflow):
                await studio.parts.book.note_replay(caller, sheet.rule, kept.version.version, outcome)
        return studio.frame.fragment("rules/replay.html", outcome=outcome, chart=chart_of(outcome))


def _add_refining(router: APIRouter, studio: Studio) -> None:
    @router.post("/console/rules/refine")
    @takes_form(FORM_BYTES)
    async def refine(request: Request) -> Response:
        form = request.state.form
        sheet, feedback = sheet_of(form), form.get("feedback", "")
        made = await studio.parts.rules.refine(
            caller_of(request),
            sheet.workflow,
            feedback,
            sheet.context,
            options=sheet.options(),
            request_id=request_id_of(request),
        )
        return studio.frame.fragment(
            "rules/refined.html",
            made=made,
            feedback=feedback,
            after=as_json(made.workflow_rules),
            lines=json_difference(sheet.workflow, made.workflow_rules),
            shown_facts=_change_facts(made.difference or {}),
        )


def _change_facts(difference: Mapping[str, Any]) -> list[str]:
    return [as_json(change["facts"], is_pretty=True) for change in difference.get("changes", ())]


def _test(name: str, facts: Mapping[str, Any], done: list[str]) -> str:
    return as_json({"name": name, "given": facts, "then": done})
