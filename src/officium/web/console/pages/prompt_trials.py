"""What shows whether a version is better: experiments, and the golden set."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from officium.core.prompts.errors import ExperimentRunning, InvalidGoldenSet
from officium.core.prompts.experiments import Variant
from officium.core.prompts.golden import Expectation, GoldenCase
from officium.kit.errors import InvalidRequest, NotFound
from officium.web.api.prompt_experiments import Experiments
from officium.web.console.frame import redirect
from officium.web.console.pages.prompt_view import choices_of, compared, json_in, object_in, split_of, used_of
from officium.web.console.pages.prompts import ONE, PromptPages, address_of, caller_of
from officium.web.console.signed_in import takes_form

_VARIANTS = 3
_CASE_BYTES = 512 * 1024
_LINES = ("prompt_has", "prompt_lacks", "answer_has", "answer_lacks")
Form = Mapping[str, str]


def add_prompt_trials(router: APIRouter, pages: PromptPages, experiments: Experiments) -> None:
    """Add the pages of a prompt's experiments and of its golden set."""
    _add_experiments(router, pages, experiments)
    _add_golden_set(router, pages)
    _add_cases(router, pages)


def _add_experiments(router: APIRouter, pages: PromptPages, experiments: Experiments) -> None:
    async def page(
        request: Request, name: str, error: InvalidRequest | ExperimentRunning | None = None
    ) -> Response:
        caller = caller_of(request)
        prompt = await pages.prompts.get_prompt(caller, name)
        found = await experiments.list_experiments(caller, name)
        wanted = request.query_params.get("id")
        chosen = next((one for one in found if one.id == wanted), None)
        if wanted is not None and chosen is None:
            raise NotFound("There is no such experiment with this prompt.")
        chosen = chosen or (found[0] if found else None)
        reports = (await experiments.report(caller, chosen.id))[1] if chosen else []
        if error is not None:
            request.scope["officium.error"] = error.code
        return await pages.page(
            request,
            "prompt_experiments.html",
            name,
            "experiments",
            status=200 if error is None else (409 if isinstance(error, ExperimentRunning) else 400),
            refs=choices_of(await pages.versions(caller, name), used_of(prompt)),
            said=request.state.form,
            experiments=found,
            chosen=chosen,
            reports=reports,
            results=[(one, compared(reports[0], one)) for one in reports[1:]],
            shares=split_of(chosen.variants) if chosen else [],
            running=next((one for one in found if one.is_running), None),
            who=await pages.who(caller, [one.started_by for one in found]),
            slots=range(1, _VARIANTS + 1),
            error=error,
        )

    @router.get(f"{ONE}/experiments")
    async def show(request: Request, name: str) -> Response:
        return await page(request, name)

    @router.post(f"{ONE}/experiments")
    async def start(request: Request, name: str) -> Response:
        try:
            experiment = await experiments.start(
                caller_of(request),
                name,
                _variants(request.state.form),
                request_id=request.scope["officium.request_id"],
            )
        except (InvalidRequest, ExperimentRunning) as error:
            return await page(request, name, error)
        return redirect(f"{address_of(name)}/experiments?id={experiment.id}", flash="experiment_started")

    @router.post(f"{ONE}/experiments/{{id}}/stop")
    async def stop(request: Request, name: str, id: str) -> Response:
        found = await experiments.list_experiments(caller_of(request), name)
        if id not in {one.id for one in found}:
            raise NotFound("There is no such experiment with this prompt.")
        await experiments.stop(caller_of(request), id, request_id=request.scope["officium.request_id"])
        return redirect(f"{address_of(name)}/experiments?id={id}", flash="experiment_stopped")


def _variants(form: Form) -> list[Variant]:
    found = []
    for slot in range(1, _VARIANTS + 1):
        version, weight = form.get(f"version_{slot}", ""), form.get(f"weight_{slot}", "").strip() or "1"
        if not version:
            continue
        if not (weight.isascii() and weight.isdecimal() and len(weight) <= 3):
            raise InvalidRequest("A share is a whole number from 1 to 100.", param=f"weight_{slot}")
        found.append(Variant(version=version, weight=int(weight)))
    return found


def _add_golden_set(router: APIRouter, pages: PromptPages) -> None:
    @router.get(f"{ONE}/golden-set")
    async def show(request: Request, name: str) -> Response:
        caller, asked = caller_of(request), request.query_params
        prompt = await pages.prompts.get_prompt(caller, name)
        shipped, own = await pages.prompts.get_golden_set(caller, name)
        refs = choices_of(await pages.versions(caller, name), used_of(prompt))
        wanted = asked.get("version") or used_of(prompt) or refs[0]
        run = await pages.prompts.run_golden_set(caller, name, wanted) if asked.get("version") else None
        failed: dict[str, list[str]] = {}
        for failure in run[2] if run else ():
            failed.setdefault(failure.case, []).append(failure.problem)
        return await pages.page(
            request,
            "prompt_golden.html",
            name,
            "golden",
            refs=refs,
            wanted=wanted,
            shipped=shipped,
            own=own,
            run=run,
            failed=failed,
        )


def _add_cases(router: APIRouter, pages: PromptPages) -> None:
    async def page(
        request: Request, name: str, said: Form, replaces: str, error: InvalidRequest | None = None
    ) -> Response:
        if error is not None:
            request.scope["officium.error"] = error.code
        return await pages.page(
            request,
            "prompt_case.html",
            name,
            "golden",
            status=200 if error is None else 400,
            said=said,
            replaces=replaces,
            error=error,
        )

    async def own_cases(request: Request, name: str) -> list[GoldenCase]:
        return list((await pages.prompts.get_golden_set(caller_of(request), name))[1])

    @router.get(f"{ONE}/golden-set/case")
    async def edit(request: Request, name: str) -> Response:
        shipped, own = await pages.prompts.get_golden_set(caller_of(request), name)
        wanted, model = request.query_params.get("id", ""), request.query_params.get("like", "")
        case = next((one for one in own if wanted and one.id == wanted), None)
        if case is None and wanted:
            raise NotFound("There is no such example.")
        like = case or next((one for one in (*shipped, *own) if one.id == model), None)
        said = _as_form(like or GoldenCase(id=""))
        return await page(request, name, said if case else {**said, "id": ""}, wanted)

    @router.post(f"{ONE}/golden-set/case")
    @takes_form(_CASE_BYTES)
    async def save(request: Request, name: str) -> Response:
        form, caller = request.state.form, caller_of(request)
        replaces = form.get("replaces", "")
        try:
            case = _case(form)
            cases = await own_cases(request, name)
            place = next((place for place, one in enumerate(cases) if replaces and one.id == replaces), None)
            if place is None:
                cases.append(case)
            else:
                cases[place] = case
            await pages.prompts.set_golden_set(
                caller, name, cases, request_id=request.scope["officium.request_id"]
            )
        except InvalidRequest as error:
            return await page(request, name, {**_as_form(GoldenCase(id="")), **form}, replaces, error)
        return redirect(f"{address_of(name)}/golden-set", flash="golden_case_saved")

    @router.post(f"{ONE}/golden-set/case/delete")
    async def delete(request: Request, name: str) -> Response:
        id = request.state.form.get("id", "")
        cases = await own_cases(request, name)
        if id not in {one.id for one in cases}:
            raise NotFound("There is no such example.")
        left = [one for one in cases if one.id != id]
        await pages.prompts.set_golden_set(
            caller_of(request), name, left, request_id=request.scope["officium.request_id"]
        )
        return redirect(f"{address_of(name)}/golden-set", flash="golden_case_deleted")


def _as_form(case: GoldenCase) -> dict[str, str]:
    expect = case.expect
    said = {name: "\n".join(getattr(expect, name)) for name in _LINES}
    return {
        **said,
        "id": case.id,
        "variables": _written(case.variables),
        "answer": case.answer if isinstance(case.answer, str) else _written(case.answer),
        "max_prompt_tokens": "" if expect.max_prompt_tokens is None else str(expect.max_prompt_tokens),
        "fields": _written(expect.fields) if expect.fields else "",
    }


def _written(value: Any) -> str:
    if value is None:
        return ""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _case(form: Form) -> GoldenCase:
    """The example that the form describes. Raises InvalidRequest and InvalidGoldenSet."""
    most = form.get("max_prompt_tokens", "").strip()
    if most and not (most.isascii() and most.isdecimal() and len(most) <= 9):
        raise InvalidGoldenSet("The most tokens are a whole number.", param="max_prompt_tokens")
    lines: dict[str, Sequence[str]] = {
        name: [line.strip() for line in form.get(name, "").splitlines() if line.strip()] for name in _LINES
    }
    return GoldenCase(
        id=form.get("id", "").strip(),
        variables=object_in(form.get("variables", ""), "variables") or {},
        answer=_answer(form.get("answer", "")),
        expect=Expectation(
            **{name: tuple(found) for name, found in lines.items()},
            max_prompt_tokens=int(most) if most else None,
            fields=object_in(form.get("fields", ""), "fields") or {},
        ),
    )


def _answer(said: str) -> Any:
    """A recorded answer: JSON where it looks like it, else the text itself."""
    text = said.strip()
    if not text:
        return None
    return json_in(text, "answer") if text[0] in "{[" else text
