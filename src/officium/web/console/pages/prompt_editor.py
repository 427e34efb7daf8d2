"""The editor of prompts: a new version with its preview, and prompts as files."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Literal, cast
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec
from fastapi import APIRouter, Request, Response

from officium.core.prompts import (
    PRODUCTION,
    InvalidPrompt,
    Prompt,
    PromptDraft,
    PromptNotFound,
    PromptVariablesInvalid,
    PromptVariablesMissing,
)
from officium.core.prompts.errors import GoldenSetFailed
from officium.core.prompts.exchange import PromptFile
from officium.core.prompts.file import parse_variables, write_variables
from officium.core.prompts.golden import GoldenCase
from officium.kit.errors import InvalidRequest, OfficiumError
from officium.web.api.prompt_files import PromptFiles
from officium.web.console.frame import guarded, redirect
from officium.web.console.pages.prompt_view import object_in, sample_of, values_in
from officium.web.console.pages.prompts import ONE, ROOT, PromptPages, address_of, caller_of
from officium.web.console.signed_in import takes_form

_FORM_BYTES = 1024 * 1024
_FILES_BYTES = 4 * 1024 * 1024
_FIELDS = (
    *("name", "description", "system", "user", "tier", "temperature", "max_tokens"),
    *("language", "variables", "output_schema", "sample"),
)
_TIERS = ("fast", "balanced", "advanced")
_SHOWN = 60
Form = Mapping[str, str]


def add_prompt_editor(router: APIRouter, pages: PromptPages, files: PromptFiles) -> None:
    """Add the editor, what its preview asks for, and the page of files."""
    editor = _Editor(pages)
    _add_editing(router, editor)
    _add_preview(router, editor)
    _add_files(router, pages, files)


class _Editor:
    """Fills the editor in, and reads what it sends."""

    def __init__(self, pages: PromptPages) -> None:
        self.pages = pages
        self.prompts = pages.prompts

    async def begin(self, request: Request, name: str, ref: str | None) -> Response:
        """The editor with a version's words in it: the one in use unless another is named."""
        caller = caller_of(request)
        used = await self.prompts.find_in_use(caller, name)
        if ref is not None or used is None:
            newest = (await self.prompts.list_versions(caller, name, limit=1))[0].ref
            base = await self.prompts.get_version(caller, name, ref or newest)
        else:
            base = used
        shipped, own = await self.prompts.get_golden_set(caller, name)
        said = _as_form(base.prompt, (*shipped, *own))
        return await self.page(request, name, said, base=base.ref)

    async def page(
        self,
        request: Request,
        name: str | None,
        said: Form,
        *,
        base: str = "",
        error: OfficiumError | None = None,
    ) -> Response:
        """The editor; `name` is that of a prompt there is."""
        if error is not None:
            request.scope["officium.error"] = error.code
        values: dict[str, Any] = {
            "said": said,
            "base": base,
            "error": error,
            "tiers": _TIERS,
            "variables": await self.variables(request, name),
        }
        status = 200 if error is None else (409 if isinstance(error, GoldenSetFailed) else 400)
        if name is not None:
            return await self.pages.page(request, "prompt_editor.html", name, "edit", status=status, **values)
        may_write = caller_of(request).may("config:write")
        return self.pages.frame.page(
            request, "prompt_editor.html", status=status, prompt=None, may_write=may_write, **values
        )

    async def variables(self, request: Request, name: str | None) -> Mapping[str, Any]:
        """The variables that a shipped prompt fixes."""
        if name is None:
            return {}
        prompt = await self.prompts.get_prompt(caller_of(request), name)
        if prompt.shipped is None:
            return {}
        version = await self.prompts.get_version(caller_of(request), name, f"shipped/{prompt.shipped}")
        return version.prompt.variables

    async def find(self, request: Request, name: str) -> str | None:
        """The name, if there is such a prompt."""
        try:
            return (await self.prompts.get_prompt(caller_of(request), name)).name
        except PromptNotFound:
            return None


def _add_editing(router: APIRouter, editor: _Editor) -> None:
    @router.get(f"{ROOT}/new")
    async def new(request: Request) -> Response:
        said = {**dict.fromkeys(_FIELDS, ""), "tier": "balanced", "variables": "title: {}\n"}
        return await editor.page(request, None, {**said, "sample": '{\n  "title": "Project Alpha"\n}'})

    @router.get(f"{ONE}/edit")
    async def edit(request: Request, name: str) -> Response:
        return await editor.begin(request, name, request.query_params.get("version"))

    @router.post(f"{ROOT}/publish")
    @takes_form(_FORM_BYTES)
    async def publish(request: Request) -> Response:
        form, caller = request.state.form, caller_of(request)
        name = form.get("name", "").strip()
        is_used = form.get("use") == "1"
        try:
            version = await editor.prompts.create_version(
                caller,
                _draft(form),
                label=PRODUCTION if is_used else None,
                request_id=request.scope["officium.request_id"],
            )
        except (InvalidRequest, GoldenSetFailed) as error:
            known = await editor.find(request, name)
            said = {key: _text(form, key) for key in _FIELDS}
            return await editor.page(request, known, said, base=form.get("base", ""), error=error)
        flash = "prompt_published_and_used" if is_used else "prompt_published"
        return redirect(f"{address_of(name)}?version={version.ref}", flash=flash)


def _add_preview(router: APIRouter, editor: _Editor) -> None:
    @router.post(f"{ROOT}/preview")
    @takes_form(_FORM_BYTES)
    async def preview(request: Request) -> Response:
        form, caller = request.state.form, caller_of(request)
        shown: dict[str, Any] = {"error": None, "preview": None, "before": None, "cases": 0, "failures": []}
        try:
            draft, values = _draft(form), values_in(_text(form, "sample"), "sample")
            shown["preview"] = await editor.prompts.preview_draft(caller, draft, values)
            shown["cases"], shown["failures"] = await editor.prompts.check_draft(caller, draft)
            shown["before"] = await _tokens_before(editor, request, draft.name, form.get("base", ""), values)
        except InvalidRequest as error:
            request.scope["officium.error"] = error.code
            shown["error"] = error
            shown["place"] = _place(form, error)
        return editor.pages.frame.fragment("prompts/preview.html", base=form.get("base", ""), **shown)


async def _tokens_before(
    editor: _Editor, request: Request, name: str, base: str, values: Mapping[str, Any]
) -> int | None:
    """How many tokens the version that is edited takes with the same values, where it can be filled in."""
    if not base:
        return None
    try:
        made = await editor.prompts.preview(caller_of(request), name, values, ref=base)
    except (InvalidRequest, PromptNotFound):
        return None
    return made.system_tokens + made.user_tokens


def _place(form: Form, error: InvalidRequest) -> dict[str, Any] | None:
    """Where in which field something is wrong, with the words around it."""
    if isinstance(error, PromptVariablesMissing | PromptVariablesInvalid):
        return {"param": "sample", "line": 1, "column": 1, "before": "", "at": ""}
    param, line = str(error.fields.get("param", "")), error.fields.get("line")
    if param not in _FIELDS:
        return None
    column = error.fields.get("column", 1)
    lines = _text(form, param).split("\n")
    if not isinstance(line, int) or not isinstance(column, int) or not 1 <= line <= len(lines):
        return {"param": param, "line": 1, "column": 1, "before": "", "at": ""}
    text = lines[line - 1]
    start = max(0, column - 1 - _SHOWN // 2)
    return {
        "param": param,
        "line": line,
        "column": column,
        "before": text[start : column - 1],
        "at": text[column - 1 : start + _SHOWN],
    }


def _as_form(prompt: Prompt, cases: tuple[GoldenCase, ...]) -> dict[str, str]:
    schema = prompt.output_schema
    return {
        "name": prompt.name,
        "description": prompt.description,
        "system": prompt.system,
        "user": prompt.user,
        "tier": prompt.tier,
        "temperature": "" if prompt.temperature is None else f"{prompt.temperature:g}",
        "max_tokens": "" if prompt.max_tokens is None else str(prompt.max_tokens),
        "language": prompt.language or "",
        "variables": write_variables(prompt.variables),
        "output_schema": ""
        if schema is None
        else msgspec.json.format(msgspec.json.encode(schema), indent=2).decode(),
        "sample": sample_of(prompt.variables, cases, f"{prompt.system}\n{prompt.user}"),
    }


def _draft(form: Form) -> PromptDraft:
    """The version to be. What a shipped prompt fixes is not in its form, and stays. Raises InvalidPrompt."""
    tier = form.get("tier", "balanced")
    if tier not in _TIERS:
        raise InvalidPrompt(f"The tier is one of {', '.join(_TIERS)}.", param="tier")
    return PromptDraft(
        name=form.get("name", "").strip(),
        description=_text(form, "description").strip(),
        variables=parse_variables(_text(form, "variables")) if "variables" in form else None,
        tier=cast("Literal['fast', 'balanced', 'advanced']", tier),
        temperature=_number(form, "temperature"),
        max_tokens=_whole(form, "max_tokens"),
        output_schema=object_in(_text(form, "output_schema"), "output_schema"),
        language=form.get("language", "").strip() or None,
        system=_text(form, "system"),
        user=_text(form, "user"),
    )


def _number(form: Form, param: str) -> float | None:
    said = form.get(param, "").strip()
    try:
        return float(said) if said else None
    except ValueError:
        raise InvalidPrompt(
            "The temperature is a number between 0 and 2, such as 0.4.", param=param
        ) from None


def _whole(form: Form, param: str) -> int | None:
    said = form.get(param, "").strip()
    if said and not (said.isascii() and said.isdecimal() and len(said) <= 9):
        raise InvalidPrompt("The length of the answer is a whole number of tokens, such as 300.", param=param)
    return int(said) if said else None


def _text(form: Form, name: str) -> str:
    """A field's text; browsers send the ends of lines in a way of their own."""
    return form.get(name, "").replace("\r\n", "\n")


def _add_files(router: APIRouter, pages: PromptPages, files: PromptFiles) -> None:
    def page(request: Request, said: str, error: InvalidRequest | None = None) -> Response:
        may_write = caller_of(request).may("config:write")
        status = 200
        if error is not None:
            request.scope["officium.error"], status = error.code, 400
        return pages.frame.page(
            request, "prompt_files.html", status=status, error=error, said=said, may_write=may_write
        )

    @router.get(f"{ROOT}/files")
    async def show(request: Request) -> Response:
        return page(request, "")

    @router.get(f"{ROOT}/files/export")
    async def export(request: Request) -> Response:
        found = await files.export_files(caller_of(request))
        if not found:
            return redirect(f"{ROOT}/files", flash="prompt_files_none")
        body = BytesIO()
        with ZipFile(body, "w", ZIP_DEFLATED) as archive:
            for file in found:
                archive.writestr(file.name, file.content)
        headers = {"content-disposition": 'attachment; filename="prompts.zip"'}
        return guarded(Response(body.getvalue(), headers=headers, media_type="application/zip"))

    @router.post(f"{ROOT}/files/import")
    @takes_form(_FILES_BYTES)
    async def bring(request: Request) -> Response:
        form = request.state.form
        pasted = _text(form, "content")
        try:
            brought = _files(_text(form, "files"), pasted)
            made = await files.import_files(
                caller_of(request), brought, request_id=request.scope["officium.request_id"]
            )
        except InvalidRequest as error:
            return page(request, pasted, error)
        if len(made) == 1:
            only = made[0]
            return redirect(f"{address_of(only.prompt.name)}?version={only.ref}", flash="prompt_published")
        return redirect(ROOT, flash="prompt_files_published")


def _files(chosen: str, pasted: str) -> list[PromptFile]:
    """The files that were chosen, as the page's script sends them, and the one that was pasted."""
    try:
        found = msgspec.json.decode(chosen or "[]", type=list[PromptFile])
    except msgspec.DecodeError as error:
        raise InvalidPrompt("The chosen files cannot be read.", param="files") from error
    if pasted.strip():
        found.append(PromptFile("pasted", pasted.strip() + "\n"))
    if not found:
        raise InvalidPrompt("Choose files, or paste the text of one.", param="files")
    return found
