"""Who of the tenant may use which models."""

from collections.abc import Sequence
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response

from officium.core.gateway.errors import InvalidModelPolicy, PolicyNotFound
from officium.core.gateway.policy import OPERATOR, TENANT, ModelPolicy
from officium.core.tenancy.caller import Caller, require
from officium.web.console.frame import redirect
from officium.web.console.pages.model_desk import ROOT as PROVIDERS
from officium.web.console.pages.model_desk import ModelDesk, lines_of, sheet_of

ROOT = f"{PROVIDERS}/allowed"
_MOST_OFFERED = 500


class Policies(Protocol):
    """Knows who may use which models."""

    async def list_policies(self, caller: Caller) -> Sequence[ModelPolicy]: ...

    async def list_holding(self, caller: Caller) -> Sequence[ModelPolicy]: ...

    async def set_policy(
        self, caller: Caller, subject: str, allowed: Sequence[str], *, request_id: str | None = None
    ) -> ModelPolicy: ...

    async def delete_policy(self, caller: Caller, subject: str, *, request_id: str | None = None) -> None: ...


class ListsKeys(Protocol):
    """Knows the tenant's keys."""

    async def list_keys(self, caller: Caller, *, after: str = "", limit: int = 100) -> Any: ...


class ListsMembers(Protocol):
    """Knows the tenant's members."""

    async def list_members(self, caller: Caller, *, after: str = "", limit: int = 100) -> Any: ...


class _Names:
    """What the subjects of policies are called."""

    def __init__(self, keys: ListsKeys, members: ListsMembers, desk: ModelDesk) -> None:
        self._keys = keys
        self._members = members
        self._desk = desk

    async def load(self, caller: Caller) -> dict[str, dict[str, str]]:
        """The name of each subject, by kind; those of keys and people for administrators alone."""
        say = self._desk.frame.say
        found = {TENANT: {TENANT: say("allowed.everybody")}}
        if not caller.may("admin"):
            return found
        keys = await self._keys.list_keys(caller, limit=_MOST_OFFERED)
        members = await self._members.list_members(caller, limit=_MOST_OFFERED)
        found["key"] = {f"key:{key.id}": key.name for key in keys if key.revoked_at is None}
        found["member"] = {
            f"member:{member.id}": member.name or member.email or member.external_id for member in members
        }
        return found


def add_allowed_models_page(
    router: APIRouter, policies: Policies, keys: ListsKeys, members: ListsMembers, desk: ModelDesk
) -> None:
    """Add the list, the form, and what its buttons do."""
    names = _Names(keys, members, desk)

    async def form(
        request: Request, said: dict[str, str], *, is_new: bool, error: InvalidModelPolicy | None = None
    ) -> Response:
        choices = await names.load(request.state.session.caller)
        return desk.page(request, "allow.html", said=said, is_new=is_new, error=error, choices=choices)

    @router.get(ROOT)
    async def listed(request: Request) -> Response:
        caller = request.state.session.caller
        is_all = caller.may("admin")
        found = await (policies.list_policies(caller) if is_all else policies.list_holding(caller))
        called = {id: name for group in (await names.load(caller)).values() for id, name in group.items()}
        called[OPERATOR] = desk.frame.say("allowed.operator")
        if caller.member_id is not None and not is_all:
            called[f"member:{caller.member_id}"] = desk.frame.say("allowed.you")
        shown = [(f"{called.get(one.subject, one.subject)} {' '.join(one.allowed)}", one) for one in found]
        return desk.page(
            request,
            "allowed_models.html",
            sheet=sheet_of(request, shown),
            called=called,
            fixed=OPERATOR,
            who=await desk.who(caller, {one.updated_by for one in found}),
        )

    @router.get(f"{ROOT}/edit")
    async def edit(request: Request) -> Response:
        caller, subject = request.state.session.caller, request.query_params.get("subject")
        require(caller, "admin")
        if subject is None:
            return await form(request, {"subject": TENANT, "allowed": "", "none": ""}, is_new=True)
        for one in await policies.list_policies(caller):
            if one.subject == subject:
                said = {"allowed": "\n".join(one.allowed), "none": "" if one.allowed else "on"}
                return await form(request, {"subject": subject, **said}, is_new=False)
        raise PolicyNotFound("This list is gone: somebody has removed it.")

    @router.post(f"{ROOT}/edit")
    async def save(request: Request) -> Response:
        caller, sent = request.state.session.caller, request.state.form
        require(caller, "admin")
        said = {name: sent.get(name, "") for name in ("subject", "allowed", "none")}
        is_new = "new" in sent
        try:
            allowed = lines_of(said["allowed"])
            if bool(allowed) == bool(said["none"]):
                raise InvalidModelPolicy(
                    "Write at least one model, or tick that none may be used; not both.", param="allowed"
                )
            known = await policies.list_policies(caller)
            if is_new and any(one.subject == said["subject"] for one in known):
                raise InvalidModelPolicy("There is a list for them already. Change it.", param="subject")
            await policies.set_policy(
                caller, said["subject"], allowed, request_id=request.scope["officium.request_id"]
            )
        except InvalidModelPolicy as error:
            return await form(request, said, is_new=is_new, error=error)
        return redirect(ROOT, flash="allowed_saved")

    @router.post(f"{ROOT}/delete")
    async def delete(request: Request) -> Response:
        await policies.delete_policy(
            request.state.session.caller,
            request.state.form.get("subject", ""),
            request_id=request.scope["officium.request_id"],
        )
        return redirect(ROOT, flash="allowed_deleted")
