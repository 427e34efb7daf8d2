"""`/api/prompts`: the prompts that are shipped, the tenant's own wordings of them, and which one is used."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

import msgspec
from fastapi import APIRouter, Path, Query
from msgspec.structs import asdict
from pydantic import BaseModel, ConfigDict, Field

from officium.core.prompts import PRODUCTION, Label, LabelMove, PromptDraft, PromptVersion, Variable
from officium.core.prompts.golden import CaseFailure, GoldenCase
from officium.core.prompts.service import Preview, PromptSummary
from officium.core.tenancy.caller import Caller
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router

_ROOT = "/api/prompts"
_TEMPLATE = "{{ title }}: {{ notes|join('; ') }}"


class PromptService(Protocol):
    """Knows the prompts."""

    async def list_prompts(
        self, caller: Caller, *, after: str = "", limit: int = 50, words: str = ""
    ) -> Sequence[PromptSummary]: ...

    async def get_prompt(self, caller: Caller, name: str) -> PromptSummary: ...

    async def find_in_use(self, caller: Caller, name: str) -> PromptVersion | None: ...

    async def list_versions(
        self, caller: Caller, name: str, *, before: str | None = None, limit: int = 20
    ) -> Sequence[PromptVersion]: ...

    async def get_version(self, caller: Caller, name: str, ref: str) -> PromptVersion: ...

    async def create_version(
        self, caller: Caller, draft: PromptDraft, *, label: str | None = None, request_id: str | None = None
    ) -> PromptVersion: ...

    async def move_label(
        self, caller: Caller, name: str, label: str, ref: str, *, request_id: str | None = None
    ) -> Label: ...

    async def remove_label(
        self, caller: Caller, name: str, label: str, *, request_id: str | None = None
    ) -> None: ...

    async def list_moves(
        self, caller: Caller, name: str, *, before: str | None = None, limit: int = 50
    ) -> Sequence[LabelMove]: ...

    async def preview(
        self,
        caller: Caller,
        name: str,
        variables: Mapping[str, object],
        *,
        ref: str | None = None,
        label: str = PRODUCTION,
    ) -> Preview: ...

    async def preview_draft(
        self, caller: Caller, draft: PromptDraft, variables: Mapping[str, object]
    ) -> Preview: ...

    async def check_draft(self, caller: Caller, draft: PromptDraft) -> tuple[int, Sequence[CaseFailure]]: ...

    async def diff(self, caller: Caller, name: str, old: str, new: str) -> str: ...

    async def get_golden_set(
        self, caller: Caller, name: str
    ) -> tuple[Sequence[GoldenCase], Sequence[GoldenCase]]: ...

    async def set_golden_set(
        self, caller: Caller, name: str, cases: Sequence[GoldenCase], *, request_id: str | None = None
    ) -> None: ...

    async def run_golden_set(
        self, caller: Caller, name: str, ref: str | None = None
    ) -> tuple[PromptVersion, int, Sequence[CaseFailure]]: ...


Tier = Literal["fast", "balanced", "advanced"]
Ref = Annotated[
    str,
    Field(
        description="`own/<number>` of the tenant's, `shipped/<number>` of those that came with Officium.",
        examples=["own/3"],
        max_length=32,
    ),
]


class PromptVariable(BaseModel):
    """A blank in a prompt."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["string", "number", "integer", "boolean", "date", "list", "object"] = "string"
    required: bool = True
    default: Any = Field(None, description="What stands there where an optional one is not given.")
    untrusted: bool = Field(
        False, description="Others may have written it: it is fenced as data wherever it comes out."
    )
    description: str = Field("", max_length=2000)


class NewPromptVersion(BaseModel):
    """A version to publish. What is left out stays as in the shipped prompt of this name."""

    model_config = ConfigDict(extra="forbid")

    system: str | None = Field(None, description="A template.", examples=["You sum up deals."])
    user: str | None = Field(None, description="A template.", examples=[_TEMPLATE])
    description: str | None = None
    variables: dict[str, PromptVariable] | None = None
    tier: Tier | None = Field(None, description="What kind of model it needs.")
    temperature: float | None = None
    max_tokens: int | None = None
    output_schema: dict[str, Any] | None = Field(None, description="The JSON schema of the answer.")
    language: str | None = Field(None, examples=["en"])
    label: str | None = Field(
        None, description="Points at the new version from now on.", examples=[PRODUCTION]
    )


class ShownPromptVersion(BaseModel):
    """A version as it was published. It never changes."""

    version: Ref
    digest: str = Field(description="The SHA-256 of what it says.")
    name: str
    description: str
    variables: dict[str, PromptVariable]
    tier: Tier
    temperature: float | None
    max_tokens: int | None
    output_schema: dict[str, Any] | None
    language: str | None
    system: str
    user: str
    created_at: datetime | None = Field(description="Not known of shipped versions.")
    created_by: str | None


class PromptVersions(BaseModel):
    """The tenant's own versions, then the shipped ones, each newest first."""

    versions: list[ShownPromptVersion]
    next_before: str | None = Field(description="Ask for the next page with it; `null` at the end.")


class ShownLabel(BaseModel):
    """Where a label points."""

    label: str
    version: Ref
    moved_at: datetime
    moved_by: str


class ShownPrompt(BaseModel):
    """A prompt in a list."""

    name: str = Field(examples=["persona.ceo"])
    description: str
    shipped: int | None = Field(description="The newest version that came with Officium.")
    own: int | None = Field(description="The newest version of the tenant's own.")
    labels: list[ShownLabel]
    changed_at: datetime | None = Field(
        description="When the tenant last published a version or moved a label; `null` for never."
    )
    changed_by: str | None


class Prompts(BaseModel):
    """Prompts by name."""

    prompts: list[ShownPrompt]
    next_after: str | None = Field(description="Ask for the next page with it; `null` at the end.")


class PromptInUse(ShownPrompt):
    """A prompt, and the version of it that is used now."""

    in_use: ShownPromptVersion | None = Field(
        description="`null` as long as no label points at a version of the tenant's own prompt."
    )


class LabelTarget(BaseModel):
    """Where a label is to point."""

    model_config = ConfigDict(extra="forbid")

    version: Ref


class ShownMove(BaseModel):
    """Where a label was moved to."""

    id: str
    label: str
    version: Ref | None = Field(description="`null`: it was taken away.")
    moved_at: datetime
    moved_by: str


class LabelMoves(BaseModel):
    """Where a prompt's labels were, newest first."""

    moves: list[ShownMove]
    next_before: str | None = Field(description="Ask for the next page with it; `null` at the end.")


class PreviewOrder(BaseModel):
    """What to fill in, and where."""

    model_config = ConfigDict(extra="forbid")

    variables: dict[str, Any] = Field({}, examples=[{"title": "Project Alpha"}])
    version: Ref | None = Field(None, description="By default the one that `label` points at.")
    label: str = Field(PRODUCTION, max_length=32)


class ShownPreview(BaseModel):
    """What a model would be sent; it was not."""

    version: Ref
    system: str
    user: str
    system_tokens: int = Field(description="An estimate.")
    user_tokens: int = Field(description="An estimate.")
    tier: Tier
    temperature: float | None
    max_tokens: int | None


class PromptDiff(BaseModel):
    """What changed from one version to another."""

    old: Ref
    new: Ref
    diff: str = Field(description="Unified, by line, settings included; empty if they say the same.")


class GoldenExpectation(BaseModel):
    """What must hold. The `prompt_` fields are of what a model would be sent, the others of its answer."""

    model_config = ConfigDict(extra="forbid")

    prompt_has: list[str] = []
    prompt_lacks: list[str] = []
    max_prompt_tokens: int | None = None
    answer_has: list[str] = []
    answer_lacks: list[str] = []
    fields: dict[str, Any] = Field({}, description="Values of the answer by name.")


class GoldenExample(BaseModel):
    """An example that every version must stand. `answer` is what a model was recorded to say."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(examples=["overdue-deal"], max_length=64)
    variables: dict[str, Any] = {}
    answer: Any = Field(None, description="A text or a JSON value; without one only the prompt is checked.")
    expect: GoldenExpectation = Field(default_factory=lambda: GoldenExpectation(fields={}))


class GoldenExamples(BaseModel):
    """The tenant's own examples of a prompt."""

    model_config = ConfigDict(extra="forbid")

    cases: list[GoldenExample] = Field(max_length=100)


class GoldenSet(BaseModel):
    """The examples that are shipped, and the tenant's own."""

    shipped: list[GoldenExample]
    own: list[GoldenExample]


class GoldenOrder(BaseModel):
    """Which version to try."""

    model_config = ConfigDict(extra="forbid")

    version: Ref | None = Field(None, description="By default the one in use.")


class GoldenFailure(BaseModel):
    """What a version does wrong."""

    case: str
    problem: str


class GoldenResult(BaseModel):
    """Whether a version passes. Answers are the recorded ones; no model is asked."""

    version: Ref
    cases: int
    passed: bool
    failures: list[GoldenFailure]


PromptName = Annotated[str, Path(examples=["persona.ceo"], max_length=100)]
LabelName = Annotated[str, Path(description="`production` is what is used.", max_length=32)]
Limit = Annotated[int, Query(ge=1, le=100)]


def prompts_router(prompts: PromptService, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "prompts")

    @router.get(_ROOT, summary="The prompts, by name")
    async def list_prompts(
        caller: KnownCaller,
        after: Annotated[str, Query(description="The last name of the page before.", max_length=100)] = "",
        limit: Limit = 50,
        q: Annotated[str, Query(description="Words in the name or description.", max_length=200)] = "",
    ) -> Prompts:
        page = await prompts.list_prompts(caller, after=after, limit=limit, words=q)
        next_after = page[-1].name if len(page) == limit else None
        return Prompts(prompts=[ShownPrompt(**_summary(prompt)) for prompt in page], next_after=next_after)

    @router.get(f"{_ROOT}/{{name}}", summary="A prompt, and the version that is used")
    async def get_prompt(caller: KnownCaller, name: PromptName) -> PromptInUse:
        summary = await prompts.get_prompt(caller, name)
        version = await prompts.find_in_use(caller, name)
        return PromptInUse(**_summary(summary), in_use=None if version is None else _shown(version))

    @router.get(f"{_ROOT}/{{name}}/versions", summary="A prompt's versions")
    async def list_versions(
        caller: KnownCaller,
        name: PromptName,
        before: Annotated[str | None, Query(description="The last version of the page before.")] = None,
        limit: Limit = 20,
    ) -> PromptVersions:
        page = await prompts.list_versions(caller, name, before=before, limit=limit)
        next_before = page[-1].ref if len(page) == limit else None
        return PromptVersions(versions=[_shown(version) for version in page], next_before=next_before)

    @router.post(
        f"{_ROOT}/{{name}}/versions", summary="Publish a version of the tenant's own", status_code=201
    )
    async def create_version(
        caller: KnownCaller, name: PromptName, asked: NewPromptVersion, request_id: RequestId
    ) -> ShownPromptVersion:
        draft = _draft(name, asked)
        return _shown(await prompts.create_version(caller, draft, label=asked.label, request_id=request_id))

    @router.put(f"{_ROOT}/{{name}}/labels/{{label}}", summary="Point a label at a version")
    async def move_label(
        caller: KnownCaller, name: PromptName, label: LabelName, asked: LabelTarget, request_id: RequestId
    ) -> ShownLabel:
        return _label(await prompts.move_label(caller, name, label, asked.version, request_id=request_id))

    @router.delete(f"{_ROOT}/{{name}}/labels/{{label}}", summary="Take a label away", status_code=204)
    async def remove_label(
        caller: KnownCaller, name: PromptName, label: LabelName, request_id: RequestId
    ) -> None:
        await prompts.remove_label(caller, name, label, request_id=request_id)

    @router.get(f"{_ROOT}/{{name}}/label-moves", summary="Where a prompt's labels were")
    async def list_moves(
        caller: KnownCaller,
        name: PromptName,
        before: Annotated[str | None, Query(description="The last id of the page before.")] = None,
        limit: Limit = 50,
    ) -> LabelMoves:
        page = await prompts.list_moves(caller, name, before=before, limit=limit)
        next_before = page[-1].id if len(page) == limit else None
        return LabelMoves(moves=[_move(move) for move in page], next_before=next_before)

    @router.post(f"{_ROOT}/{{name}}/preview", summary="What a model would be sent, and its tokens")
    async def preview(caller: KnownCaller, name: PromptName, asked: PreviewOrder) -> ShownPreview:
        made = await prompts.preview(caller, name, asked.variables, ref=asked.version, label=asked.label)
        return _preview(made)

    @router.get(f"{_ROOT}/{{name}}/diff", summary="What changed between two versions")
    async def diff(
        caller: KnownCaller,
        name: PromptName,
        old: Annotated[str, Query(examples=["shipped/1"], max_length=32)],
        new: Annotated[str, Query(examples=["own/1"], max_length=32)],
    ) -> PromptDiff:
        return PromptDiff(old=old, new=new, diff=await prompts.diff(caller, name, old, new))

    _add_golden_sets(router, prompts)
    return router


def _add_golden_sets(router: APIRouter, prompts: PromptService) -> None:
    @router.get(f"{_ROOT}/{{name}}/golden-set", summary="The examples every version must stand")
    async def get_golden_set(caller: KnownCaller, name: PromptName) -> GoldenSet:
        shipped, own = await prompts.get_golden_set(caller, name)
        return GoldenSet(shipped=[_example(case) for case in shipped], own=[_example(case) for case in own])

    @router.put(f"{_ROOT}/{{name}}/golden-set", summary="Replace the tenant's own examples")
    async def set_golden_set(
        caller: KnownCaller, name: PromptName, asked: GoldenExamples, request_id: RequestId
    ) -> GoldenSet:
        cases = [msgspec.convert(case.model_dump(), GoldenCase) for case in asked.cases]
        await prompts.set_golden_set(caller, name, cases, request_id=request_id)
        return await get_golden_set(caller, name)

    @router.post(f"{_ROOT}/{{name}}/golden-set/test", summary="Whether a version passes its examples")
    async def test_golden_set(
        caller: KnownCaller, name: PromptName, asked: GoldenOrder | None = None
    ) -> GoldenResult:
        ref = asked.version if asked is not None else None
        version, cases, failures = await prompts.run_golden_set(caller, name, ref)
        return GoldenResult(
            version=version.ref,
            cases=cases,
            passed=not failures,
            failures=[GoldenFailure(case=one.case, problem=one.problem) for one in failures],
        )


def _example(case: GoldenCase) -> GoldenExample:
    return GoldenExample(**{**asdict(case), "expect": GoldenExpectation(**asdict(case.expect))})


def _draft(name: str, asked: NewPromptVersion) -> PromptDraft:
    said = asked.model_dump(exclude={"label", "variables"})
    variables = asked.variables
    if variables is not None:
        said["variables"] = {key: Variable(**value.model_dump()) for key, value in variables.items()}
    return PromptDraft(name=name, **said)


def _shown(version: PromptVersion) -> ShownPromptVersion:
    prompt = asdict(version.prompt)
    prompt["variables"] = {name: PromptVariable(**asdict(said)) for name, said in prompt["variables"].items()}
    return ShownPromptVersion(
        version=version.ref,
        digest=version.digest,
        created_at=version.created_at,
        created_by=version.created_by,
        **prompt,
    )


def _summary(prompt: PromptSummary) -> dict[str, Any]:
    return asdict(prompt) | {"labels": [_label(label) for label in prompt.labels]}


def _label(label: Label) -> ShownLabel:
    return ShownLabel(label=label.label, version=label.ref, moved_at=label.moved_at, moved_by=label.moved_by)


def _move(move: LabelMove) -> ShownMove:
    return ShownMove(
        id=move.id, label=move.label, version=move.ref, moved_at=move.moved_at, moved_by=move.moved_by
    )


def _preview(preview: Preview) -> ShownPreview:
    rendered = preview.rendered
    return ShownPreview(
        version=rendered.version,
        system=rendered.system,
        user=rendered.user,
        system_tokens=preview.system_tokens,
        user_tokens=preview.user_tokens,
        tier=rendered.tier,
        temperature=rendered.temperature,
        max_tokens=rendered.max_tokens,
    )
