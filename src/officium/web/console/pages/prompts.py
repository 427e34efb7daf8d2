"""The pages of prompts: which there are, what one says, which version is used, and what has changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from officium.core.prompts import PRODUCTION, PromptVersion
from officium.core.prompts.errors import GoldenSetFailed
from officium.core.prompts.service import PromptSummary
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest
from officium.web.api.prompts import PromptService
from officium.web.console.frame import Frame, redirect
from officium.web.console.pages.prompt_view import room_of, rows_of, used_of

ROOT = "/console/prompts"
ONE = f"{ROOT}/named/{{name}}"
_LISTED = 50
_VERSIONS = 100
_MOVES = 30


class Colleagues(Protocol):
    """Knows what people are called."""

    async def names_of(self, caller: Caller, actors: Collection[str]) -> Mapping[str, str]: ...


class PromptPages:
    """Puts together what all pages of prompts share."""

    def __init__(self, prompts: PromptService, colleagues: Colleagues, frame: Frame) -> None:
        self.prompts = prompts
        self.colleagues = colleagues
        self.frame = frame

    async def page(
        self, request: Request, template: str, name: str, tab: str, *, status: int = 200, **values: Any
    ) -> Response:
        """A page of one prompt. Raises PromptNotFound and PermissionDenied."""
        caller = caller_of(request)
        prompt = await self.prompts.get_prompt(caller, name)
        return self.frame.page(
            request,
            template,
            status=status,
            prompt=prompt,
            room=room_of(prompt),
            used=used_of(prompt),
            tab=tab,
            may_write=caller.may("config:write"),
            **values,
        )

    async def versions(self, caller: Caller, name: str) -> Sequence[PromptVersion]:
        """The newest versions of a prompt, the tenant's own first."""
        return await self.prompts.list_versions(caller, name, limit=_VERSIONS)

    async def who(self, caller: Caller, actors: Collection[str | None]) -> dict[str | None, str]:
        """What those are called who changed something."""
        told = {actor for actor in actors if actor}
        names = await self.colleagues.names_of(caller, told)
        found: dict[str | None, str] = {actor: names.get(actor, _plain(actor, self.frame)) for actor in told}
        return {**found, caller.actor: self.frame.say("prompts.you")}


def add_prompt_pages(router: APIRouter, pages: PromptPages) -> None:
    """Add the list, the page of one prompt with its labels, and the comparison of two versions."""
    _add_list(router, pages)
    _add_one(router, pages)
    _add_labels(router, pages)


def _add_list(router: APIRouter, pages: PromptPages) -> None:
    @router.get(ROOT)
    async def listed(request: Request) -> Response:
        caller, asked = caller_of(request), request.query_params
        words, after = asked.get("q", "").strip()[:200], asked.get("after", "")[:100]
        found = await pages.prompts.list_prompts(caller, words=words, after=after, limit=_LISTED)
        who = await pages.who(caller, [prompt.changed_by for prompt in found])
        more = urlencode({"q": words, "after": found[-1].name}) if len(found) == _LISTED else None
        return pages.frame.page(
            request,
            "prompts.html",
            rows=[_listed_row(prompt) for prompt in found],
            who=who,
            words=words,
            is_first=not after,
            more=more,
            may_write=caller.may("config:write"),
        )


def _listed_row(prompt: PromptSummary) -> dict[str, Any]:
    return {"prompt": prompt, "room": room_of(prompt), "used": used_of(prompt)}


def _add_one(router: APIRouter, pages: PromptPages) -> None:
    @router.get(ONE)
    async def show(request: Request, name: str) -> Response:
        return await shown(request, pages, name, request.query_params.get("version"))

    @router.get(f"{ONE}/compare")
    async def compare(request: Request, name: str) -> Response:
        caller, asked = caller_of(request), request.query_params
        prompt = await pages.prompts.get_prompt(caller, name)
        versions = await pages.versions(caller, name)
        refs = [version.ref for version in versions]
        new = asked.get("new") or refs[0]
        old = asked.get("old") or used_of(prompt) or refs[-1]
        if old == new and "old" not in asked:
            old = next((ref for ref in refs if ref != new), old)
        rows = rows_of(await pages.prompts.diff(caller, name, old, new))
        return await pages.page(
            request, "prompt_compare.html", name, "compare", rows=rows, old=old, new=new, refs=refs
        )


async def shown(
    request: Request,
    pages: PromptPages,
    name: str,
    wanted: str | None,
    error: InvalidRequest | GoldenSetFailed | None = None,
) -> Response:
    """The page of a prompt: a version's texts, all versions, the labels and where they were."""
    caller = caller_of(request)
    used = await pages.prompts.find_in_use(caller, name)
    versions = await pages.versions(caller, name)
    version = next((one for one in versions if one.ref == wanted), None)
    if version is None and wanted is not None:
        version = await pages.prompts.get_version(caller, name, wanted)
    moves = await pages.prompts.list_moves(caller, name, limit=_MOVES)
    who = await pages.who(caller, [*(one.created_by for one in versions), *(one.moved_by for one in moves)])
    if error is not None:
        request.scope["officium.error"] = error.code
    return await pages.page(
        request,
        "prompt.html",
        name,
        "text",
        status=200 if error is None else (409 if isinstance(error, GoldenSetFailed) else 400),
        version=version or used or versions[0],
        versions=versions,
        moves=moves,
        who=who,
        error=error,
    )


def _add_labels(router: APIRouter, pages: PromptPages) -> None:
    @router.post(f"{ONE}/labels")
    async def move(request: Request, name: str) -> Response:
        form = request.state.form
        label, ref = form.get("label", "").strip(), form.get("version", "")
        try:
            await pages.prompts.move_label(
                caller_of(request), name, label, ref, request_id=request.scope["officium.request_id"]
            )
        except (InvalidRequest, GoldenSetFailed) as error:
            return await shown(
                request, pages, name, ref if isinstance(error, GoldenSetFailed) else None, error
            )
        flash = "prompt_in_use" if label == PRODUCTION else "prompt_label_moved"
        return redirect(f"{address_of(name)}?version={ref}", flash=flash)

    @router.post(f"{ONE}/labels/remove")
    async def remove(request: Request, name: str) -> Response:
        label = request.state.form.get("label", "")
        await pages.prompts.remove_label(
            caller_of(request), name, label, request_id=request.scope["officium.request_id"]
        )
        flash = "prompt_as_shipped" if label == PRODUCTION else "prompt_label_removed"
        return redirect(address_of(name), flash=flash)


def address_of(name: str) -> str:
    """The address of a prompt's page; names of prompts need no quoting."""
    return f"{ROOT}/named/{name}"


def caller_of(request: Request) -> Caller:
    """Who is signed in."""
    caller: Caller = request.state.session.caller
    return caller


def _plain(actor: str, frame: Frame) -> str:
    kind, _, id = actor.partition(":")
    return frame.say("prompts.key", id=id) if kind == "key" else actor
