"""The tenant's own names for models, and who answers to each."""

from collections.abc import Sequence
from typing import Protocol

from fastapi import APIRouter, Request, Response

from officium.core.gateway.alias import Alias
from officium.core.gateway.errors import AliasNotFound
from officium.core.gateway.models import Answering
from officium.core.tenancy.caller import Caller, require
from officium.kit.errors import InvalidRequest, OfficiumError
from officium.web.console.frame import redirect
from officium.web.console.pages.model_desk import ROOT as PROVIDERS
from officium.web.console.pages.model_desk import ModelDesk, lines_of, sheet_of

ROOT = f"{PROVIDERS}/aliases"


class Aliases(Protocol):
    """Knows the tenant's aliases, and what answers to a name."""

    async def list_aliases(self, caller: Caller) -> Sequence[Alias]: ...

    async def set_alias(
        self, caller: Caller, name: str, targets: Sequence[str], *, request_id: str | None = None
    ) -> Alias: ...

    async def delete_alias(self, caller: Caller, name: str, *, request_id: str | None = None) -> None: ...

    async def find_answering(self, caller: Caller, name: str) -> Answering: ...


def add_aliases_page(router: APIRouter, aliases: Aliases, desk: ModelDesk) -> None:
    """Add the list, the form, and what its buttons do."""

    @router.get(ROOT)
    async def listed(request: Request) -> Response:
        caller = request.state.session.caller
        found = await aliases.list_aliases(caller)
        sheet = sheet_of(request, [(f"{alias.name} {' '.join(alias.targets)}", alias) for alias in found])
        return desk.page(
            request,
            "aliases.html",
            sheet=sheet,
            answering={one.name: await _find_answering(aliases, caller, one.name) for one in sheet.rows},
            who=await desk.who(caller, {alias.updated_by for alias in sheet.rows}),
        )

    @router.get(f"{ROOT}/edit")
    async def edit(request: Request) -> Response:
        caller, name = request.state.session.caller, request.query_params.get("name")
        require(caller, "config:write")
        if name is None:
            return desk.page(request, "alias.html", said={"name": "", "targets": ""}, is_new=True)
        for alias in await aliases.list_aliases(caller):
            if alias.name == name:
                said = {"name": name, "targets": "\n".join(alias.targets)}
                return desk.page(request, "alias.html", said=said, is_new=False)
        raise AliasNotFound("This name is gone: somebody has removed it.")

    @router.post(f"{ROOT}/edit")
    async def save(request: Request) -> Response:
        caller, form = request.state.session.caller, request.state.form
        require(caller, "config:write")
        name, targets, is_new = form.get("name", "").strip(), form.get("targets", ""), "new" in form
        try:
            if is_new and any(alias.name == name for alias in await aliases.list_aliases(caller)):
                raise InvalidRequest("There is this name already. Change it in the list.", param="name")
            await aliases.set_alias(
                caller, name, lines_of(targets), request_id=request.scope["officium.request_id"]
            )
        except InvalidRequest as error:
            said = {"name": name, "targets": targets}
            return desk.page(request, "alias.html", error=error, said=said, is_new=is_new)
        return redirect(ROOT, flash="alias_saved")

    @router.post(f"{ROOT}/delete")
    async def delete(request: Request) -> Response:
        await aliases.delete_alias(
            request.state.session.caller,
            request.state.form.get("name", ""),
            request_id=request.scope["officium.request_id"],
        )
        return redirect(ROOT, flash="alias_deleted")


async def _find_answering(aliases: Aliases, caller: Caller, name: str) -> Answering | OfficiumError:
    try:
        return await aliases.find_answering(caller, name)
    except OfficiumError as error:
        return error
