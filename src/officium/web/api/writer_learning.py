"""`/writer/drafts`, `/writer/reliability`, `/writer/style-rules`: what was learnt from drafts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Path, Query
from msgspec.structs import asdict
from pydantic import BaseModel, Field

from officium.apps.writer.calibration import Reliability
from officium.apps.writer.draft import Draft, Feedback, OutcomeName
from officium.apps.writer.style import StyleRule
from officium.core.tenancy.caller import Caller
from officium.web.acting import ActingUsers, UserId
from officium.web.keyed import KnownCaller
from officium.web.spelling import CamelBody

_ROOT = "/writer"


class Learning(Protocol):
    """Knows what became of drafts."""

    async def get_draft(self, caller: Caller, draft_id: str, owner_id: str | None = None) -> Draft: ...

    async def give_feedback(
        self,
        caller: Caller,
        draft_id: str,
        outcome: OutcomeName,
        *,
        text: str = "",
        owner_id: str | None = None,
    ) -> tuple[Feedback, Sequence[StyleRule]]: ...

    async def get_reliability(
        self, caller: Caller, kind: str | None = None
    ) -> tuple[Reliability, Reliability]: ...

    async def list_style_rules(self, caller: Caller, owner_id: str | None = None) -> Sequence[StyleRule]: ...

    async def add_style_rule(self, caller: Caller, rule: str, owner_id: str | None = None) -> StyleRule: ...

    async def switch_style_rule(
        self, caller: Caller, rule_id: str, is_on: bool, owner_id: str | None = None
    ) -> StyleRule: ...

    async def delete_style_rule(self, caller: Caller, rule_id: str, owner_id: str | None = None) -> None: ...


class ShownDraft(BaseModel):
    """A draft as it was written."""

    id: str
    kind: str
    language: str
    texts: dict[str, str]
    raw_confidence: float
    confidence: float
    prompt: str | None
    variant: str | None
    created_at: datetime
    created_by: str


class GivenFeedback(CamelBody):
    """What became of a draft."""

    outcome: Literal["accepted", "edited", "rejected"]
    text: str = Field(
        "", description="What an edited draft was changed to: its body, long version or summary."
    )


class ShownRule(BaseModel):
    """A rule of somebody's style."""

    id: str
    rule: str
    times: int = Field(description="In how many edits it was seen; 0 for one that somebody wrote.")
    is_on: bool = Field(description="Whether the writer keeps to it.")
    is_chosen: bool = Field(
        description="Whether a person switched it; else it counts from the second edit on."
    )
    created_at: datetime
    updated_at: datetime


class ShownRules(BaseModel):
    """All rules of somebody's style."""

    rules: list[ShownRule]


class ShownFeedback(BaseModel):
    """What was written down, and the style rules as they are now."""

    draft_id: str
    outcome: str
    worth: float = Field(description="1 for accepted, 0 for rejected, the share that stayed for edited.")
    rules: list[ShownRule]


class ShownBin(BaseModel):
    """A bar of a reliability chart. `least` and `most` bound `kept` with 95 %."""

    low: float
    high: float
    count: int
    mean_confidence: float | None
    kept: float | None
    least: float | None
    most: float | None


class ShownReliability(BaseModel):
    """How confidences turned out."""

    count: int
    error: float | None = Field(description="The expected calibration error.")
    brier: float | None
    bins: list[ShownBin]


class Reliabilities(BaseModel):
    """`shown`: the confidences that people saw; `raw`: before what became of earlier drafts counted."""

    kind: str | None
    shown: ShownReliability
    raw: ShownReliability


class NewRule(CamelBody):
    """A rule in one's own words."""

    rule: str = Field(examples=["Never use the word synergy."])


class Switch(CamelBody):
    """Whether a rule counts."""

    is_on: bool


DraftId = Annotated[str, Path(max_length=64)]
RuleId = Annotated[str, Path(max_length=64)]


def add_learning(router: APIRouter, learning: Learning, users: ActingUsers) -> None:
    """Add the routes."""

    @router.get(f"{_ROOT}/drafts/{{id}}", summary="A draft of the last ninety days")
    async def get_draft(caller: KnownCaller, id: DraftId, user: UserId = None) -> ShownDraft:
        subject = await users.subject_of(caller, user)
        draft = await learning.get_draft(subject.caller, id, subject.owner_id)
        return ShownDraft(**{name: getattr(draft, name) for name in ShownDraft.model_fields})

    @router.post(f"{_ROOT}/drafts/{{id}}/feedback", summary="Say what became of a draft")
    async def give_feedback(
        caller: KnownCaller, id: DraftId, asked: GivenFeedback, user: UserId = None
    ) -> ShownFeedback:
        subject = await users.subject_of(caller, user)
        feedback, rules = await learning.give_feedback(
            subject.caller, id, asked.outcome, text=asked.text, owner_id=subject.owner_id
        )
        return ShownFeedback(
            draft_id=feedback.draft_id,
            outcome=feedback.outcome,
            worth=feedback.worth,
            rules=[_shown(rule) for rule in rules],
        )

    @router.get(f"{_ROOT}/reliability", summary="How confidences turned out, for a chart")
    async def get_reliability(
        caller: KnownCaller, kind: Annotated[str | None, Query(max_length=32)] = None
    ) -> Reliabilities:
        shown, raw = await learning.get_reliability(caller, kind)
        return Reliabilities(kind=kind, shown=_reliability(shown), raw=_reliability(raw))

    _add_rules(router, learning, users)


def _add_rules(router: APIRouter, learning: Learning, users: ActingUsers) -> None:
    @router.get(f"{_ROOT}/style-rules", summary="What was learnt of somebody's style")
    async def list_style_rules(caller: KnownCaller, user: UserId = None) -> ShownRules:
        subject = await users.subject_of(caller, user)
        rules = await learning.list_style_rules(subject.caller, subject.owner_id)
        return ShownRules(rules=[_shown(rule) for rule in rules])

    @router.post(f"{_ROOT}/style-rules", summary="Add a rule in one's own words", status_code=201)
    async def add_style_rule(caller: KnownCaller, asked: NewRule, user: UserId = None) -> ShownRule:
        subject = await users.subject_of(caller, user)
        return _shown(await learning.add_style_rule(subject.caller, asked.rule, subject.owner_id))

    @router.put(f"{_ROOT}/style-rules/{{id}}", summary="Switch a rule on or off")
    async def switch_style_rule(
        caller: KnownCaller, id: RuleId, asked: Switch, user: UserId = None
    ) -> ShownRule:
        subject = await users.subject_of(caller, user)
        return _shown(await learning.switch_style_rule(subject.caller, id, asked.is_on, subject.owner_id))

    @router.delete(f"{_ROOT}/style-rules/{{id}}", summary="Forget a rule", status_code=204)
    async def delete_style_rule(caller: KnownCaller, id: RuleId, user: UserId = None) -> None:
        subject = await users.subject_of(caller, user)
        await learning.delete_style_rule(subject.caller, id, subject.owner_id)


def _shown(rule: StyleRule) -> ShownRule:
    return ShownRule(**{name: getattr(rule, name) for name in ShownRule.model_fields})


def _reliability(found: Reliability) -> ShownReliability:
    bins = [ShownBin(**asdict(one)) for one in found.bins]
    return ShownReliability(count=found.count, error=found.error, brier=found.brier, bins=bins)
