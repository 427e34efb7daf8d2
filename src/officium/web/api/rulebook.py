"""`/api/rules` and `/api/rules/{id}`: the rules a tenant keeps, in versions, approved or not."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Path, Query, Request
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from officium.apps.rules.history import HistoryFormat
from officium.apps.rules.rule_test import TestOutcome
from officium.apps.rules.rulebook import LARGEST_PAGE, Draft, KeptRule
from officium.apps.rules.saved_rule import Method, RuleStatus, RuleVersion
from officium.core.tenancy.caller import Caller
from officium.kit.errors import InvalidRequest
from officium.web.api.rule_trials import Replayed, RuleTrials, TestAnswer, shown_tests
from officium.web.api.rules import WORKFLOW_EXAMPLE, Body, unwrapped
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, RequestId, keyed_router

_RULE = "/api/rules/{id}"
_FORMATS: dict[str, HistoryFormat] = {
    "text/csv": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/json": "jsonl",
}


class RuleBook(Protocol):
    """Keeps the tenants' rules."""

    async def save(self, caller: Caller, draft: Draft, *, request_id: str | None = None) -> KeptRule: ...

    async def revise(
        self,
        caller: Caller,
        rule_id: str,
        draft: Draft,
        *,
        expected: int | None = None,
        request_id: str | None = None,
    ) -> KeptRule: ...

    async def undo(self, caller: Caller, rule_id: str, *, request_id: str | None = None) -> KeptRule: ...

    async def approve(
        self, caller: Caller, rule_id: str, version: int, note: str = "", *, request_id: str | None = None
    ) -> KeptRule: ...

    async def reject(
        self, caller: Caller, rule_id: str, note: str = "", *, request_id: str | None = None
    ) -> KeptRule: ...

    async def delete(self, caller: Caller, rule_id: str, *, request_id: str | None = None) -> None: ...

    async def get(self, caller: Caller, rule_id: str, version: int | None = None) -> KeptRule: ...

    async def list_rules(
        self, caller: Caller, *, after: str = "", limit: int = 50, status: RuleStatus | None = None
    ) -> Sequence[KeptRule]: ...

    async def list_versions(
        self, caller: Caller, rule_id: str, *, before: int | None = None, limit: int = 50
    ) -> Sequence[RuleVersion]: ...

    async def test(
        self, caller: Caller, rule_id: str, version: int | None = None
    ) -> Sequence[TestOutcome]: ...

    async def note_replay(
        self, caller: Caller, rule_id: str, version: int, outcome: Mapping[str, Any]
    ) -> None: ...


class RuleBody(Body):
    """A rule to be kept, with the words it was made from and its tests."""

    model_config = ConfigDict(protected_namespaces=())

    workflow_rules: dict[str, Any] = Field(
        validation_alias=AliasChoices("workflow_rules", "workflowRules"), examples=[WORKFLOW_EXAMPLE]
    )
    user_intent: str = Field("", validation_alias=AliasChoices("user_intent", "userIntent"))
    method: Method = Field("written", description="Who made it, as the generating doors say.")
    model_used: str | None = Field(
        None, max_length=256, validation_alias=AliasChoices("model_used", "modelUsed")
    )
    tests: list[dict[str, Any]] = Field(
        default=[],
        description="`name`, `given` (facts) and `then` (names of actions, or `action` and `params`).",
    )

    def draft(self) -> Draft:
        return Draft(
            workflow=unwrapped(self.workflow_rules),
            intent=self.user_intent,
            method=self.method,
            model=self.model_used,
            tests=self.tests,
        )


class RevisionBody(RuleBody):
    """A new version of a rule."""

    version: int | None = Field(
        None, description="The version you have seen: if there is a newer one, this one is refused."
    )


class ApprovalBody(Body):
    """Which version is approved."""

    version: int = Field(ge=1, le=2**31 - 1)
    note: str = ""


class RejectionBody(Body):
    """Why the newest version is rejected."""

    note: str = ""


class ShownVersion(BaseModel):
    """A version; it never changes."""

    model_config = ConfigDict(protected_namespaces=())

    version: int
    workflow_rules: dict[str, Any]
    user_intent: str
    method: Method
    model_used: str | None
    tests: list[dict[str, Any]]
    created_at: datetime
    created_by: str
    follows: int | None = Field(description="The version that undoing this one brings back.")


class ShownRule(ShownVersion):
    """A rule with its newest version, or the one that was asked for."""

    id: str
    workflow_name: str
    status: RuleStatus = Field(description="What was said of the newest version.")
    newest_version: int
    approved_version: int | None = Field(description="The version that is to be used.")
    note: str
    updated_at: datetime
    updated_by: str
    last_replay: dict[str, Any] | None = Field(
        description="What came of its last replay: `version`, `replayed_at`, `events`, `fires`, `last_at`."
    )


class Rules(BaseModel):
    """A page of rules, oldest first."""

    rules: list[ShownRule]
    next_after: str | None = Field(description="Send it as `after` to get the next page; null at the end.")


class Versions(BaseModel):
    """A page of versions, newest first."""

    versions: list[ShownVersion]
    next_before: int | None = Field(description="Send it as `before` to get the next page; null at the end.")


RuleId = Annotated[str, Path(alias="id", max_length=64)]
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="A version; the newest where left out.")]
PageSize = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="How many at most.")]
_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}},
            "text/csv": {
                "schema": {"type": "string"},
                "example": "at,metrics.cpu\n2026-11-20T10:00:00Z,91\n",
            },
        },
    }
}


def rulebook_router(book: RuleBook, trials: RuleTrials, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "rules")
    _add_keeping(router, book)
    _add_judging(router, book)
    _add_trying(router, book, trials)
    return router


def _add_keeping(router: APIRouter, book: RuleBook) -> None:
    @router.get("/api/rules", summary="The tenant's rules")
    async def list_rules(
        caller: KnownCaller,
        after: Annotated[str, Query(max_length=64)] = "",
        limit: PageSize = 50,
        status: Literal["draft", "approved", "rejected"] | None = None,
    ) -> Rules:
        found = await book.list_rules(caller, after=after, limit=limit, status=status)
        return Rules(
            rules=[_shown(kept) for kept in found],
            next_after=found[-1].rule.id if len(found) == limit else None,
        )

    @router.post("/api/rules", summary="Save a rule", status_code=201)
    async def save(caller: KnownCaller, request_id: RequestId, asked: RuleBody) -> ShownRule:
        return _shown(await book.save(caller, asked.draft(), request_id=request_id))

    @router.get(_RULE, summary="A rule")
    async def get(caller: KnownCaller, rule_id: RuleId, version: Number = None) -> ShownRule:
        return _shown(await book.get(caller, rule_id, version))

    @router.put(_RULE, summary="Save a new version of a rule")
    async def revise(
        caller: KnownCaller, request_id: RequestId, rule_id: RuleId, asked: RevisionBody
    ) -> ShownRule:
        return _shown(
            await book.revise(caller, rule_id, asked.draft(), expected=asked.version, request_id=request_id)
        )

    @router.delete(_RULE, summary="Delete a rule with its versions", status_code=204)
    async def delete(caller: KnownCaller, request_id: RequestId, rule_id: RuleId) -> None:
        await book.delete(caller, rule_id, request_id=request_id)

    @router.get(f"{_RULE}/versions", summary="The versions of a rule")
    async def list_versions(
        caller: KnownCaller,
        rule_id: RuleId,
        before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
        limit: PageSize = 50,
    ) -> Versions:
        found = await book.list_versions(caller, rule_id, before=before, limit=limit)
        return Versions(
            versions=[ShownVersion(**_version(each)) for each in found],
            next_before=found[-1].version if len(found) == limit else None,
        )


def _add_judging(router: APIRouter, book: RuleBook) -> None:
    @router.post(f"{_RULE}/approve", summary="Approve a version of a rule, if its tests pass")
    async def approve(
        caller: KnownCaller, request_id: RequestId, rule_id: RuleId, asked: ApprovalBody
    ) -> ShownRule:
        return _shown(await book.approve(caller, rule_id, asked.version, asked.note, request_id=request_id))

    @router.post(f"{_RULE}/reject", summary="Reject the newest version of a rule")
    async def reject(
        caller: KnownCaller, request_id: RequestId, rule_id: RuleId, asked: RejectionBody
    ) -> ShownRule:
        return _shown(await book.reject(caller, rule_id, asked.note, request_id=request_id))

    @router.post(f"{_RULE}/undo", summary="Go back to the version before")
    async def undo(caller: KnownCaller, request_id: RequestId, rule_id: RuleId) -> ShownRule:
        return _shown(await book.undo(caller, rule_id, request_id=request_id))


def _add_trying(router: APIRouter, book: RuleBook, trials: RuleTrials) -> None:
    @router.post(f"{_RULE}/test", summary="Run the tests that travel with a rule")
    async def test(caller: KnownCaller, rule_id: RuleId, version: Number = None) -> TestAnswer:
        return shown_tests(await book.test(caller, rule_id, version))

    @router.post(
        f"{_RULE}/replay", summary="When a rule would have fired over a history file", openapi_extra=_FILE
    )
    async def replay(
        caller: KnownCaller,
        request: Request,
        rule_id: RuleId,
        version: Number = None,
        carry_forward: Annotated[bool, Query(description="Whether facts keep their last value.")] = False,
    ) -> Replayed:
        said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        kind = _FORMATS.get(said)
        if kind is None:
            raise InvalidRequest(
                "Send the file with `content-type: application/x-ndjson` or `text/csv`.", param="content-type"
            )
        kept = await book.get(caller, rule_id, version)
        content = await request.body()
        found = await trials.replay(
            caller, kept.version.workflow, content, kind, carries_forward=carry_forward
        )
        await book.note_replay(caller, rule_id, kept.version.version, found)
        return Replayed(**found)


def _shown(kept: KeptRule) -> ShownRule:
    rule = kept.rule
    return ShownRule(
        id=rule.id,
        workflow_name=rule.workflow_name,
        status=rule.status,
        newest_version=rule.version,
        approved_version=rule.approved_version,
        note=rule.note,
        updated_at=rule.updated_at,
        updated_by=rule.updated_by,
        last_replay=None if rule.last_replay is None else dict(rule.last_replay),
        **_version(kept.version),
    )


def _version(version: RuleVersion) -> Mapping[str, Any]:
    return {
        "version": version.version,
        "workflow_rules": dict(version.workflow),
        "user_intent": version.intent,
        "method": version.method,
        "model_used": version.model,
        "tests": [dict(test) for test in version.tests],
        "created_at": version.created_at,
        "created_by": version.created_by,
        "follows": version.follows,
    }
