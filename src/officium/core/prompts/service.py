"""What a caller may do with prompts: those that are shipped, and those of its tenant."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from officium.core.llm.tokens import estimate_tokens
from officium.core.prompts.difference import difference
from officium.core.prompts.draft import PromptDraft, make_prompt
from officium.core.prompts.errors import GoldenSetFailed, PromptNotFound
from officium.core.prompts.experiments import pick
from officium.core.prompts.experiments.store import ExperimentStore
from officium.core.prompts.golden.case import CaseFailure, GoldenCase, check_cases, check_version
from officium.core.prompts.golden.store import GoldenStore
from officium.core.prompts.label import PRODUCTION, Label, LabelMove
from officium.core.prompts.prompt import (
    Prompt,
    PromptVersion,
    Rendered,
    check_label,
    check_name,
    digest_of,
    parse_ref,
)
from officium.core.prompts.registry import PromptRegistry
from officium.core.prompts.render import check, render
from officium.core.prompts.store import PromptStore
from officium.core.tenancy import AuditEntry, Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import InvalidRequest

LARGEST_PAGE = 100
LONGEST_SEARCH = 200
_AT_ONCE = 2
"""Renderings under way in this process: each may take a second of a processor."""

Result = TypeVar("Result")
_log = structlog.get_logger(__name__)


class PromptSummary(Struct, frozen=True, kw_only=True):
    """A prompt in a list: the newest versions of either source, and the tenant's labels."""

    name: str
    description: str
    shipped: int | None
    own: int | None
    labels: list[Label]
    changed_at: datetime | None = None
    """When the tenant last published a version or moved a label; `None` for what it never touched."""
    changed_by: str | None = None


class Preview(Struct, frozen=True, kw_only=True):
    """What would be sent, and about how many tokens it takes."""

    rendered: Rendered
    system_tokens: int
    user_tokens: int


class PromptService:
    """Prompts for a tenant: its own labelled version of a name, else the newest that is shipped.

    Reading takes `config:read` or `config:write`, writing `config:write`. `resolve` and `render` are for
    other parts of the server, which know what their callers may do.
    """

    def __init__(
        self,
        store: PromptStore,
        registry: PromptRegistry,
        clock: Clock,
        experiments: ExperimentStore | None = None,
        golden: GoldenStore | None = None,
        golden_sets: Mapping[str, Sequence[GoldenCase]] | None = None,
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._experiments = experiments
        self._golden = golden
        self._golden_sets = golden_sets or {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def list_prompts(
        self, caller: Caller, *, after: str = "", limit: int = 50, words: str = ""
    ) -> list[PromptSummary]:
        """A page of all prompts by name, beginning behind the name `after`.

        With `words` those that have each of them in their name or description. Raises PermissionDenied and
        InvalidRequest.
        """
        _check_reader(caller)
        _check_page(limit)
        own = await self._store.list_newest(caller)
        names = sorted(name for name in {*own, *self._registry.names()} if name > after)
        if wanted := words[:LONGEST_SEARCH].casefold().split():
            told = await self._store.list_descriptions(caller, list(own))
            texts = {
                name: f"{name} {told.get(name) or _described(self._registry.find(name))}" for name in names
            }
            names = [name for name in names if all(word in texts[name].casefold() for word in wanted)]
        return await self._summaries(caller, names[:limit], own)

    async def get_prompt(self, caller: Caller, name: str) -> PromptSummary:
        """One prompt. Raises PermissionDenied and PromptNotFound."""
        _check_reader(caller)
        own = await self._store.list_newest(caller)
        if name not in own and self._registry.find(name) is None:
            raise _not_found(name)
        (summary,) = await self._summaries(caller, [name], own)
        return summary

    async def find_in_use(self, caller: Caller, name: str) -> PromptVersion | None:
        """The version that is used now, or `None` as long as none of the tenant's own has a label.

        Raises PermissionDenied.
        """
        _check_reader(caller)
        try:
            return await self.resolve(caller, name)
        except PromptNotFound:
            return None

    async def list_versions(
        self, caller: Caller, name: str, *, before: str | None = None, limit: int = 20
    ) -> list[PromptVersion]:
        """A page of a prompt's versions, beginning before one such as `own/7`.

        The tenant's own come first, then the shipped ones, each newest first. Raises PermissionDenied,
        PromptNotFound, InvalidPrompt and InvalidRequest.
        """
        _check_page(limit)
        await self.get_prompt(caller, name)
        source, number = parse_ref(before) if before is not None else ("own", None)
        shipped = self._registry.versions(name)
        if source == "shipped":
            return [version for version in shipped if number is None or version.version < number][:limit]
        own = await self._store.list_versions(caller, name, before=number, limit=limit)
        return [*own, *shipped][:limit]

    async def get_version(self, caller: Caller, name: str, ref: str) -> PromptVersion:
        """The version that `ref` names, such as `own/3`.

        Raises PermissionDenied, PromptNotFound and InvalidPrompt.
        """
        _check_reader(caller)
        return await self._version(caller, name, ref)

    async def create_version(
        self, caller: Caller, draft: PromptDraft, *, label: str | None = None, request_id: str | None = None
    ) -> PromptVersion:
        """Publish a version of the tenant's own, and point `label` at it if one is named.

        It can never be changed again. Publishing what is the newest version already gives that one. Raises
        PermissionDenied, InvalidPrompt, and GoldenSetFailed where it should go to production and may not.
        """
        require(caller, "config:write")
        check_name(draft.name)
        if label is not None:
            check_label(label)
        shipped = self._registry.find(draft.name)
        prompt = make_prompt(draft, None if shipped is None else shipped.prompt)
        await self._aside(lambda: check(prompt))
        if label == PRODUCTION:
            await self._check_golden(caller, self._draft_of(caller, prompt))
        entry = self._entry("prompt.published", "prompt", draft.name, request_id)
        version = await self._store.add_version(caller, self._draft_of(caller, prompt), label, entry)
        self._tell(caller, "prompt.published", draft.name, version.ref)
        return version

    async def move_label(
        self, caller: Caller, name: str, label: str, ref: str, *, request_id: str | None = None
    ) -> Label:
        """Point a label at a version.

        Raises PermissionDenied, PromptNotFound, InvalidPrompt, and GoldenSetFailed where the label is
        `production` and the version does not pass the prompt's golden set.
        """
        require(caller, "config:write")
        check_label(label)
        version = await self._version(caller, name, ref)
        if label == PRODUCTION:
            await self._check_golden(caller, version)
        entry = self._entry("prompt_label.moved", "prompt_label", f"{name}/{label}", request_id)
        moved = await self._store.move_label(caller, label, version, entry)
        self._tell(caller, "prompt_label.moved", name, version.ref)
        return moved

    async def remove_label(
        self, caller: Caller, name: str, label: str, *, request_id: str | None = None
    ) -> None:
        """Take a label away. Without `production` the shipped version is used again.

        Raises PermissionDenied and PromptNotFound.
        """
        require(caller, "config:write")
        entry = self._entry("prompt_label.removed", "prompt_label", f"{name}/{label}", request_id)
        if not await self._store.remove_label(caller, name, label, entry):
            raise PromptNotFound(f"{name[:100]} has no label {label[:32]!r}.", prompt=name[:100])
        self._tell(caller, "prompt_label.removed", name, label)

    async def list_moves(
        self, caller: Caller, name: str, *, before: str | None = None, limit: int = 50
    ) -> list[LabelMove]:
        """Where a prompt's labels were, a page, newest first. Raises as `get_prompt`, and InvalidRequest."""
        _check_page(limit)
        await self.get_prompt(caller, name)
        return await self._store.list_moves(caller, name, before=before, limit=limit)

    async def resolve(self, caller: Caller, name: str, label: str = PRODUCTION) -> PromptVersion:
        """Where the tenant's label points, else its `production`, else the newest shipped version.

        Raises PromptNotFound and PromptAltered.
        """
        found = await self._store.find_labelled(caller, name, {label, PRODUCTION})
        shipped = self._registry.find(name)
        for wanted in (label, PRODUCTION):
            if wanted in found:
                pointer, own = found[wanted]
                version = own or self._registry.find(name, pointer.version)
                if version is not None:
                    return version
        if shipped is None:
            raise PromptNotFound(
                f"No version of {name[:100]!r} has the label {label[:32]!r}. Point it at one.",
                prompt=name[:100],
            )
        return shipped

    async def render(
        self,
        caller: Caller,
        name: str,
        variables: Mapping[str, object],
        label: str = PRODUCTION,
        *,
        subject: str | None = None,
    ) -> Rendered:
        """The texts of the version that `resolve` finds, made aside from other work.

        While an experiment runs with the prompt, `subject` is given its variant of it instead.

        Raises as `resolve`, and PromptVariablesMissing, PromptVariablesInvalid, PromptRenderFailed and
        PromptTooCostly.
        """
        version, experiment = await self._choose(caller, name, label, subject)
        rendered = await self._aside(lambda: render(version, variables))
        return replace(rendered, experiment=experiment) if experiment is not None else rendered

    async def get_golden_set(
        self, caller: Caller, name: str
    ) -> tuple[Sequence[GoldenCase], Sequence[GoldenCase]]:
        """The golden set of a prompt: the cases that are shipped, and the tenant's own.

        Raises PermissionDenied and PromptNotFound.
        """
        await self.get_prompt(caller, name)
        own = await self._golden.find(caller, name) if self._golden is not None else ()
        return self._golden_sets.get(name, ()), own

    async def set_golden_set(
        self, caller: Caller, name: str, cases: Sequence[GoldenCase], *, request_id: str | None = None
    ) -> None:
        """Replace the tenant's own cases of a prompt; none take them away.

        Raises PermissionDenied, PromptNotFound and InvalidGoldenSet.
        """
        require(caller, "config:write")
        await self.get_prompt(caller, name)
        check_cases(cases)
        assert self._golden is not None
        entry = self._entry("golden_set.set", "golden_set", name, request_id)
        await self._golden.put(
            caller, name, cases, self._clock.now(), replace(entry, after={"cases": len(cases)})
        )

    async def run_golden_set(
        self, caller: Caller, name: str, ref: str | None = None
    ) -> tuple[PromptVersion, int, list[CaseFailure]]:
        """A version (the one in use unless named), how many cases there are, and what it does wrong.

        Asks no model: answers are those that were recorded. Raises PermissionDenied and PromptNotFound.
        """
        shipped, own = await self.get_golden_set(caller, name)
        version = await (self.resolve(caller, name) if ref is None else self._version(caller, name, ref))
        cases = (*shipped, *own)
        return version, len(cases), await self._aside(lambda: check_version(version, cases))

    async def _check_golden(self, caller: Caller, version: PromptVersion) -> None:
        name = version.prompt.name
        own = await self._golden.find(caller, name) if self._golden is not None else ()
        cases = (*self._golden_sets.get(name, ()), *own)
        failures = await self._aside(lambda: check_version(version, cases)) if cases else []
        if failures:
            said = "; ".join(f"{failure.case}: {failure.problem}" for failure in failures[:5])
            raise GoldenSetFailed(
                f"This version of {name} does not pass its golden set, so it is not used. {said}"[:1000],
                failures=[f"{failure.case}: {failure.problem}" for failure in failures],
            )

    async def _choose(
        self, caller: Caller, name: str, label: str, subject: str | None
    ) -> tuple[PromptVersion, str | None]:
        """The version for a subject, and the experiment that chose it."""
        if subject is not None and self._experiments is not None and label == PRODUCTION:
            experiment = await self._experiments.find_running(caller, name)
            if experiment is not None:
                variant = pick(experiment, subject)
                return await self._version(caller, name, variant.version), experiment.id
        return await self.resolve(caller, name, label), None

    async def preview(
        self,
        caller: Caller,
        name: str,
        variables: Mapping[str, object],
        *,
        ref: str | None = None,
        label: str = PRODUCTION,
    ) -> Preview:
        """What the version `ref`, or that of a label, makes of these variables. Nothing is sent anywhere.

        Raises PermissionDenied, and as `render`.
        """
        _check_reader(caller)
        if ref is not None:
            version = await self._version(caller, name, ref)
        else:
            version = await self.resolve(caller, name, label)
        return await self._aside(lambda: _preview(version, variables))

    async def preview_draft(
        self, caller: Caller, draft: PromptDraft, variables: Mapping[str, object]
    ) -> Preview:
        """What a version to be makes of these variables. Nothing is published.

        Raises PermissionDenied, InvalidPrompt with `param`, `line` and `column` where they are known, and as
        `render`.
        """
        _check_reader(caller)
        shipped = self._registry.find(draft.name)
        prompt = make_prompt(draft, None if shipped is None else shipped.prompt)

        def made() -> Preview:
            check(prompt)
            return _preview(self._draft_of(caller, prompt), variables)

        return await self._aside(made)

    async def check_draft(self, caller: Caller, draft: PromptDraft) -> tuple[int, list[CaseFailure]]:
        """How many cases the prompt's golden set has, and what a version to be does wrong in them.

        Raises PermissionDenied and InvalidPrompt.
        """
        _check_reader(caller)
        shipped = self._registry.find(draft.name)
        version = self._draft_of(caller, make_prompt(draft, None if shipped is None else shipped.prompt))
        own = await self._golden.find(caller, draft.name) if self._golden is not None else ()
        cases = (*self._golden_sets.get(draft.name, ()), *own)
        return len(cases), await self._aside(lambda: check_version(version, cases))

    async def diff(self, caller: Caller, name: str, old: str, new: str) -> str:
        """The unified diff from one version to another. Raises as `get_version`."""
        _check_reader(caller)
        before, after = await self._version(caller, name, old), await self._version(caller, name, new)
        return await self._aside(lambda: difference(before, after))

    async def _version(self, caller: Caller, name: str, ref: str) -> PromptVersion:
        source, number = parse_ref(ref)
        if source == "shipped":
            found = self._registry.find(name, number)
        else:
            found = await self._store.find_version(caller, name, number)
        if found is None:
            raise PromptNotFound(
                f"There is no version {ref} of a prompt {name[:100]!r}. "
                "GET /api/prompts/{name}/versions lists them.",
                prompt=name[:100],
            )
        return found

    async def _summaries(
        self, caller: Caller, names: list[str], own: Mapping[str, int]
    ) -> list[PromptSummary]:
        labels = await self._store.list_labels(caller, names)
        described = await self._store.list_descriptions(caller, [name for name in names if name in own])
        changes = await self._store.list_changes(caller, names)
        return [
            PromptSummary(
                name=name,
                changed_at=changes[name][0] if name in changes else None,
                changed_by=changes[name][1] if name in changes else None,
                description=described.get(name) or _described(self._registry.find(name)),
                shipped=_number(self._registry.find(name)),
                own=own.get(name),
                labels=[label for label in labels if label.name == name],
            )
            for name in names
        ]

    async def _aside(self, work: Callable[[], Result]) -> Result:
        """The result of what takes a while, made in a thread: a budget of its own ends it."""
        async with self._turns:
            return await asyncio.to_thread(work)

    def _draft_of(self, caller: Caller, prompt: Prompt) -> PromptVersion:
        return PromptVersion(
            prompt=prompt,
            source="own",
            version=0,
            digest=digest_of(prompt),
            created_at=self._clock.now(),
            created_by=caller.actor,
        )

    def _entry(self, action: str, thing: str, thing_id: str, request_id: str | None) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(), action=action, thing=thing, thing_id=thing_id, request_id=request_id
        )

    def _tell(self, caller: Caller, event: str, name: str, what: str) -> None:
        _log.info(event, tenant=caller.tenant_id, prompt=name, what=what, actor=caller.actor)


def _preview(version: PromptVersion, variables: Mapping[str, object]) -> Preview:
    rendered = render(version, variables)
    return Preview(
        rendered=rendered,
        system_tokens=estimate_tokens(rendered.system),
        user_tokens=estimate_tokens(rendered.user),
    )


def _described(version: PromptVersion | None) -> str:
    return "" if version is None else version.prompt.description


def _number(version: PromptVersion | None) -> int | None:
    return None if version is None else version.version


def _check_reader(caller: Caller) -> None:
    if not caller.may("config:write"):
        require(caller, "config:read")


def _check_page(limit: int) -> None:
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidRequest(f"A page has 1 to {LARGEST_PAGE} entries.", param="limit")


def _not_found(name: str) -> PromptNotFound:
    return PromptNotFound(
        f"There is no prompt {name[:100]!r}. GET /api/prompts lists them.", prompt=name[:100]
    )
