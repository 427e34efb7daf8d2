"""`/api/rules/...`: rules that are not saved are tried on facts, on history, and against each other."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter
from pydantic import AliasChoices, BaseModel, Field

from officium.apps.rules.history import HistoryFormat
from officium.apps.rules.rule_set import Finding
from officium.apps.rules.rule_test import TestOutcome
from officium.core.tenancy.caller import Caller
from officium.web.api.rules import WORKFLOW_EXAMPLE, Body, Context, unwrapped
from officium.web.caller import Authenticator
from officium.web.keyed import KnownCaller, keyed_router

_Workflow = Annotated[
    dict[str, Any],
    Field(
        validation_alias=AliasChoices("workflow_rules", "workflowRules"),
        examples=[WORKFLOW_EXAMPLE],
        description="The rules, as the generating doors give them.",
    ),
]


class RuleTrials(Protocol):
    """Tries rules."""

    async def dry_run(
        self,
        caller: Caller,
        workflow: object,
        facts: Mapping[str, Any],
        context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]: ...

    async def examples(
        self, caller: Caller, workflow: object, context: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]: ...

    async def run_tests(
        self,
        caller: Caller,
        workflow: object,
        tests: Sequence[Mapping[str, Any]],
        context: Mapping[str, Any] | None = None,
    ) -> list[TestOutcome]: ...

    async def difference(
        self, caller: Caller, before: object, after: object, context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]: ...

    async def replay(
        self,
        caller: Caller,
        workflow: object,
        history: bytes,
        kind: HistoryFormat,
        *,
        carries_forward: bool = False,
        context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]: ...

    async def check_set(
        self,
        caller: Caller,
        workflows: Sequence[tuple[str, object]],
        context: Mapping[str, Any] | None = None,
    ) -> list[Finding]: ...

    async def check_kept(self, caller: Caller) -> list[Finding]: ...


class DryRunBody(Body):
    """Rules, and the facts to try them on."""

    workflow_rules: _Workflow
    context: dict[str, Any] = Field(examples=[{"metrics": {"db_memory_percent": 91}}])
    aggregated_context: Context = None


class DryRule(BaseModel):
    """What one rule would do, and why."""

    name: str
    condition: str
    fires: bool
    result: bool | None = Field(description="Null where the facts do not say.")
    missing: list[str]
    fault: str | None
    explanation: dict[str, Any] = Field(description="The tree of the condition, with what decided it.")
    actions: list[dict[str, Any]]


class DryRun(BaseModel):
    """What would be done. Nothing was."""

    fires: bool
    actions: list[dict[str, Any]]
    rules: list[DryRule]


class ExamplesBody(Body):
    """Rules to find examples for."""

    workflow_rules: _Workflow
    aggregated_context: Context = None


class RuleExamples(BaseModel):
    """The smallest facts on which a rule does one thing or the other; null where none were found."""

    name: str
    fires: dict[str, Any] | None
    just_does_not: dict[str, Any] | None
    differs_in: str | None = Field(description="The path in which the two differ.")
    lacks_data: dict[str, Any] | None
    missing: list[str]
    always: bool
    never: bool
    is_exhaustive: bool = Field(description="Whether the search tried everything that matters.")


class Examples(BaseModel):
    """One entry for each rule."""

    rules: list[RuleExamples]


class DiffBody(Body):
    """Rules before and after a change."""

    before: dict[str, Any] = Field(examples=[WORKFLOW_EXAMPLE])
    after: dict[str, Any] = Field(examples=[WORKFLOW_EXAMPLE])
    aggregated_context: Context = None


class Difference(BaseModel):
    """What is done differently."""

    same_behaviour: bool
    is_exhaustive: bool = Field(description="Whether everything that matters was tried: then it is a proof.")
    tried: int
    differing: int
    trigger: dict[str, Any] | None = Field(description="Before and after, where it is another.")
    changes: list[dict[str, Any]] = Field(
        description="The smallest facts of each kind on which something else is done: `facts`, `before`, "
        "`after` (`rules` and `actions`) and `in_words`."
    )
    rules: dict[str, list[str]] = Field(
        description="Names: `untouched` (byte for byte), `changed`, `added`, `removed`."
    )


class ReplayBody(Body):
    """Rules, and what has happened."""

    workflow_rules: _Workflow
    history: str | list[dict[str, Any]] = Field(
        description="A list of events, or a file as text.",
        examples=[[{"at": "2026-11-20T10:00:00Z", "metrics": {"db_memory_percent": 91}}]],
    )
    format: HistoryFormat = Field("jsonl", description="What the text is.")
    carry_forward: bool = Field(
        False,
        validation_alias=AliasChoices("carry_forward", "carryForward"),
        description="Whether a fact keeps its last value until it is told again.",
    )
    aggregated_context: Context = None


class ReplayedRule(BaseModel):
    """When and how often a rule would have fired."""

    name: str
    fires: int
    held: int = Field(description="Events on which the condition held.")
    silent: int
    unknown: int = Field(description="Events that lacked a fact.")
    faults: int
    fault: str | None
    episodes: int = Field(description="How often it began to hold.")
    longest_minutes: float
    first_at: str | None
    last_at: str | None
    missing: dict[str, int]
    firings: list[dict[str, Any]] = Field(description="The first 50: `row` and `at`.")
    chart: list[dict[str, Any]] = Field(description="`at` and `fires` for each stretch in which it fired.")


class Replayed(BaseModel):
    """What would have been done over a history."""

    events: int
    passed_over: int = Field(description="Events of other triggers.")
    begins: str | None
    ends: str | None
    bucket_s: int | None = Field(description="The length of a stretch of the chart, in seconds.")
    rules: list[ReplayedRule]
    skipped: int
    skipped_rows: list[dict[str, Any]]


class TestBody(Body):
    """Rules, and given/then tests."""

    workflow_rules: _Workflow
    tests: list[dict[str, Any]] = Field(
        examples=[
            [
                {
                    "name": "full",
                    "given": {"metrics": {"db_memory_percent": 91}},
                    "then": ["SEND_WITH_ESCALATION"],
                }
            ]
        ]
    )
    aggregated_context: Context = None


class ShownTest(BaseModel):
    """What came of a test."""

    name: str
    passed: bool
    expected: list[str]
    did: list[str]
    message: str


class TestAnswer(BaseModel):
    """What came of all of them."""

    passed: bool
    tests: list[ShownTest]


class SetBody(Body):
    """Workflows that are to live together; each is called by its `workflow_name`."""

    workflows: list[dict[str, Any]] | None = Field(
        None, examples=[[WORKFLOW_EXAMPLE]], description="The tenant's kept rules where left out."
    )
    aggregated_context: Context = None


class ShownFinding(BaseModel):
    """Something that is probably not meant."""

    code: str = Field(
        description="`conflict`, `shadowed`, `duplicate`, `gap`, `loop`, `never_fires` or `always_fires`."
    )
    message: str
    rules: list[str]
    facts: dict[str, Any] | None
    is_certain: bool


class SetAnswer(BaseModel):
    """What is odd about the workflows together."""

    findings: list[ShownFinding]


def rule_trials_router(trials: RuleTrials, authenticator: Authenticator) -> APIRouter:
    """The routes."""
    router = keyed_router(authenticator, "rules")
    _add_single(router, trials)
    _add_compared(router, trials)
    return router


def _add_single(router: APIRouter, trials: RuleTrials) -> None:
    @router.post("/api/rules/dry-run", summary="What rules would do on given facts, and why")
    async def dry_run(caller: KnownCaller, asked: DryRunBody) -> DryRun:
        workflow = unwrapped(asked.workflow_rules)
        return DryRun(**await trials.dry_run(caller, workflow, asked.context, asked.aggregated_context))

    @router.post(
        "/api/rules/examples", summary="The smallest facts on which rules fire, just do not, or cannot tell"
    )
    async def examples(caller: KnownCaller, asked: ExamplesBody) -> Examples:
        found = await trials.examples(caller, unwrapped(asked.workflow_rules), asked.aggregated_context)
        return Examples(rules=[RuleExamples(**each) for each in found])

    @router.post("/api/rules/run-tests", summary="Run given/then tests on rules")
    async def run_tests(caller: KnownCaller, asked: TestBody) -> TestAnswer:
        workflow = unwrapped(asked.workflow_rules)
        return shown_tests(await trials.run_tests(caller, workflow, asked.tests, asked.aggregated_context))

    @router.post("/api/rules/replay", summary="When rules would have fired over a history")
    async def replay(caller: KnownCaller, asked: ReplayBody) -> Replayed:
        told = asked.history
        kind: HistoryFormat = asked.format if isinstance(told, str) else "jsonl"
        # Halves of characters make a line that is no JSON, and are skipped like one.
        content = told.encode("utf-8", "replace") if isinstance(told, str) else b"\n".join(map(_line, told))
        found = await trials.replay(
            caller,
            unwrapped(asked.workflow_rules),
            content,
            kind,
            carries_forward=asked.carry_forward,
            context=asked.aggregated_context,
        )
        return Replayed(**found)


def _add_compared(router: APIRouter, trials: RuleTrials) -> None:
    @router.post("/api/rules/diff", summary="What changed rules do differently")
    async def diff(caller: KnownCaller, asked: DiffBody) -> Difference:
        before, after = unwrapped(asked.before), unwrapped(asked.after)
        return Difference(**await trials.difference(caller, before, after, asked.aggregated_context))

    @router.post("/api/rules/check-set", summary="Conflicts, shadows, gaps and loops among workflows")
    async def check_set(caller: KnownCaller, asked: SetBody) -> SetAnswer:
        if asked.workflows is None:
            return SetAnswer(findings=_findings(await trials.check_kept(caller)))
        workflows = [unwrapped(each) for each in asked.workflows]
        labelled = [
            (str(each.get("workflow_name", f"workflow {number}"))[:200], each)
            for number, each in enumerate(workflows, 1)
        ]
        found = await trials.check_set(caller, labelled, asked.aggregated_context)
        return SetAnswer(findings=_findings(found))


def _findings(found: Sequence[Finding]) -> list[ShownFinding]:
    return [ShownFinding(**msgspec.structs.asdict(each)) for each in found]


def shown_tests(outcomes: Sequence[TestOutcome]) -> TestAnswer:
    """What came of tests, as the doors say it."""
    return TestAnswer(
        passed=all(outcome.passed for outcome in outcomes),
        tests=[ShownTest(**msgspec.structs.asdict(outcome)) for outcome in outcomes],
    )


def _line(event: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(event)
    except ValueError:
        return b"?"
