"""What a caller may ask of the writer."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Any, Protocol

import structlog
from msgspec.structs import replace

from officium.apps.writer.calibration import Calibration, Reliability, calibrate, reliability
from officium.apps.writer.contexts import Context, DealSummaryContext
from officium.apps.writer.digest import OwnerDigest, digests
from officium.apps.writer.draft import Draft, Feedback, OutcomeName, worth_of
from officium.apps.writer.errors import DraftNotFound, InvalidDraftRequest, StyleRuleNotFound
from officium.apps.writer.gateway_author import GatewayAuthor, Prompts
from officium.apps.writer.kinds import KIND_NAMES, kind_of
from officium.apps.writer.results import DealSummaryResult, Result
from officium.apps.writer.store import DraftStore
from officium.apps.writer.style import LONGEST_RULE, StyleRule, habits_in
from officium.apps.writer.writer import WriterService
from officium.core.gateway import CallContext
from officium.core.gateway.objects import Completions, Models
from officium.core.grounding import Claim, check_claims
from officium.core.tenancy import Caller, require
from officium.core.usage.ledger.budget import Amounts
from officium.kit.clock import Clock
from officium.kit.ids import new_id

LONGEST_CHECKED = 50_000
"""Characters of a text whose claims are checked at once."""
LONGEST_EDIT = 50_000
MOST_DEALS = 200
DEAREST_DIGEST = Decimal(100)
_CHECKS_AT_ONCE = 2
_CALIBRATION_LIVES_S = 60.0
_CALIBRATIONS_KEPT = 10_000
_NANO = 10**9

_log = structlog.get_logger("officium.writer")


class Experiments(Protocol):
    """Wants to know how good the answers of a variant are."""

    async def tell(self, caller: Caller, experiment_id: str, variant: str, worth: float) -> None: ...


class Runs(Protocol):
    """Sets a ceiling over many calls."""

    async def open_run(self, caller: Caller, ceiling: Amounts) -> str: ...

    async def close_run(self, caller: Caller, run: str) -> None: ...


class DraftService:
    """Writes through the gateway, for whoever may use models, and learns from what becomes of it.

    `owner_id` is the member or key for whom something is written, `None` the tenant.
    """

    def __init__(
        self,
        gateway: Completions,
        models: Models,
        prompts: Prompts,
        store: DraftStore,
        experiments: Experiments,
        runs: Runs,
        clock: Clock,
    ) -> None:
        self._gateway = gateway
        self._models = models
        self._prompts = prompts
        self._store = store
        self._experiments = experiments
        self._runs = runs
        self._clock = clock
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._calibrations: dict[tuple[str, str], tuple[float, Calibration]] = {}

    async def write(
        self, caller: Caller, context: Context, about: CallContext, *, owner_id: str | None = None
    ) -> Result:
        """The text that a context asks for; without a model's help where none answers.

        `about` says which request it is for. Raises PermissionDenied.
        """
        require(caller, "inference")
        writer = await self._writer(caller, about, owner_id)
        return await self._kept(caller, context, await writer.write(context), owner_id)

    async def summarize(
        self,
        caller: Caller,
        deals: Sequence[DealSummaryContext],
        about: CallContext,
        *,
        owner_id: str | None = None,
        max_concurrent: int = 5,
    ) -> AsyncGenerator[tuple[int, DealSummaryResult], None]:
        """Summaries of many deals as they are done, each with its place.

        Raises PermissionDenied and InvalidDraftRequest before the first.
        """
        require(caller, "inference")
        _check_deals(deals)
        writer = await self._writer(caller, about, owner_id)

        async def results() -> AsyncGenerator[tuple[int, DealSummaryResult], None]:
            async with aclosing(writer.stream_summaries(deals, max_concurrent)) as coming:
                async for place, result in coming:
                    kept = await self._kept(caller, deals[place], result, owner_id)
                    assert isinstance(kept, DealSummaryResult)
                    yield place, kept

        return results()

    async def digest(
        self,
        caller: Caller,
        deals: Sequence[DealSummaryContext],
        about: CallContext,
        *,
        most_usd: Decimal,
        language: str = "en",
        owner_id: str | None = None,
        max_concurrent: int = 5,
    ) -> list[OwnerDigest]:
        """One mail for each owner of deals. All of it costs at most `most_usd`.

        Deals that the money does not reach are told from their records. Raises PermissionDenied and
        InvalidDraftRequest.
        """
        require(caller, "inference")
        _check_deals(deals)
        if not 0 < most_usd <= DEAREST_DIGEST:
            raise InvalidDraftRequest(
                f"A digest costs more than nothing and at most {DEAREST_DIGEST} dollars.",
                param="max_cost_usd",
            )
        run = await self._runs.open_run(caller, Amounts(nano_usd=max(1, int(most_usd * _NANO))))
        try:
            writer = await self._writer(caller, replace(about, run=run), owner_id)
            told = [deal.model_copy(update={"language": language}) for deal in deals]
            results = dict(enumerate(await writer.batch_summarize_deals(told, max_concurrent)))
        finally:
            await self._runs.close_run(caller, run)
        return digests(deals, results, language)

    async def check_claims(self, caller: Caller, text: str, context: Mapping[str, Any]) -> Sequence[Claim]:
        """The claims in a text, each with whether the context has it. No model is asked.

        Raises PermissionDenied and InvalidDraftRequest.
        """
        require(caller, "inference")
        if len(text) > LONGEST_CHECKED:
            raise InvalidDraftRequest(
                f"A text of at most {LONGEST_CHECKED:,} characters is checked at once. Send it in parts.",
                param="text",
            )
        async with self._checks:
            return await asyncio.to_thread(check_claims, text, context)

    async def get_draft(self, caller: Caller, draft_id: str, owner_id: str | None = None) -> Draft:
        """A draft of the last ninety days: of one's own, of the tenant's, and for its administrators any.

        Raises PermissionDenied and DraftNotFound.
        """
        require(caller, "inference")
        whose = None if caller.may("admin") else owner_id or ""
        found = await self._store.find(caller, draft_id, whose)
        if found is None:
            raise DraftNotFound(f"There is no draft {draft_id[:64]!r}, or no longer.", draft=draft_id[:64])
        return found

    async def give_feedback(
        self,
        caller: Caller,
        draft_id: str,
        outcome: OutcomeName,
        *,
        text: str = "",
        owner_id: str | None = None,
    ) -> tuple[Feedback, Sequence[StyleRule]]:
        """Say what became of a draft; `text` is what it was edited to. Said again, the last word counts.

        Gives the rules of style of whoever it was written for, as they are now. Raises as `get_draft`, and
        InvalidDraftRequest.
        """
        draft = await self.get_draft(caller, draft_id, owner_id)
        if outcome == "edited" and not text.strip():
            raise InvalidDraftRequest("Send the text that the draft was edited to.", param="text")
        if len(text) > LONGEST_EDIT:
            raise InvalidDraftRequest(
                f"An edited text has at most {LONGEST_EDIT:,} characters.", param="text"
            )
        before = draft.main_text
        worth = await asyncio.to_thread(worth_of, outcome, before, text)
        feedback = Feedback(
            draft_id=draft.id,
            kind=draft.kind,
            outcome=outcome,
            worth=worth,
            raw_confidence=draft.raw_confidence,
            confidence=draft.confidence,
            created_at=self._clock.now(),
            created_by=caller.actor,
        )
        if await self._store.put_feedback(caller, feedback):
            await self._learn(caller, draft, feedback, text)
        self._calibrations.pop((caller.tenant_id, draft.kind), None)
        _log.info("writer.feedback", tenant=caller.tenant_id, kind=draft.kind, outcome=outcome, worth=worth)
        return feedback, await self._store.list_rules(caller, draft.owner_id)

    async def get_reliability(
        self, caller: Caller, kind: str | None = None
    ) -> tuple[Reliability, Reliability]:
        """How confidences turned out: those that were shown, and the raw ones before calibration.

        Raises PermissionDenied and InvalidDraftRequest.
        """
        require(caller, "inference")
        if kind is not None and kind not in KIND_NAMES:
            raise InvalidDraftRequest(f"The kinds are {', '.join(KIND_NAMES)}.", param="kind")
        shown = await self._store.outcomes(caller, kind, is_raw=False)
        raw = await self._store.outcomes(caller, kind, is_raw=True)
        return reliability(shown), reliability(raw)

    async def list_style_rules(self, caller: Caller, owner_id: str | None = None) -> Sequence[StyleRule]:
        """The rules of somebody's style. Raises PermissionDenied."""
        require(caller, "inference")
        return await self._store.list_rules(caller, owner_id or "")

    async def add_style_rule(self, caller: Caller, rule: str, owner_id: str | None = None) -> StyleRule:
        """Add a rule in one's own words, which counts at once.

        Raises PermissionDenied and InvalidDraftRequest.
        """
        require(caller, "inference")
        said = " ".join(rule.split())
        if not 3 <= len(said) <= LONGEST_RULE or not said.isprintable():
            raise InvalidDraftRequest(f"A rule has 3 to {LONGEST_RULE} printable characters.", param="rule")
        now, id = self._clock.now(), new_id("sty")
        made = StyleRule(
            id=id,
            owner_id=owner_id or "",
            habit=f"own:{id}",
            rule=said,
            times=0,
            is_on=True,
            is_chosen=True,
            created_at=now,
            updated_at=now,
        )
        if not await self._store.add_rule(caller, made):
            raise InvalidDraftRequest("There are too many rules. Delete one.", param="rule")
        return made

    async def switch_style_rule(
        self, caller: Caller, rule_id: str, is_on: bool, owner_id: str | None = None
    ) -> StyleRule:
        """Let a rule count, or not. Raises PermissionDenied and StyleRuleNotFound."""
        require(caller, "inference")
        found = await self._store.switch_rule(caller, owner_id or "", rule_id, is_on, self._clock.now())
        if found is None:
            raise _no_rule(rule_id)
        return found

    async def delete_style_rule(self, caller: Caller, rule_id: str, owner_id: str | None = None) -> None:
        """Forget a rule. Raises PermissionDenied and StyleRuleNotFound."""
        require(caller, "inference")
        if not await self._store.delete_rule(caller, owner_id or "", rule_id):
            raise _no_rule(rule_id)

    async def _writer(self, caller: Caller, about: CallContext, owner_id: str | None) -> WriterService:
        rules = await self._store.list_rules(caller, owner_id or "")
        style = [rule.rule for rule in rules if rule.is_on]
        author = GatewayAuthor(
            self._gateway,
            self._models,
            self._prompts,
            caller,
            about,
            most_corrections=0 if about.run is not None else 2,
        )
        return WriterService(author, style=style)

    async def _kept(self, caller: Caller, context: Context, result: Result, owner_id: str | None) -> Result:
        """The result with its calibrated confidence, kept as a draft for feedback."""
        kind = kind_of(context).name
        confidence = (await self._calibration(caller, kind)).of(result.confidence)
        draft = Draft(
            id=new_id("drf"),
            owner_id=owner_id or "",
            kind=kind,
            language=result.language,
            texts=result.texts(),
            raw_confidence=result.confidence,
            confidence=confidence,
            prompt=result.prompt,
            variant=result.variant,
            experiment_id=result.experiment,
            created_at=self._clock.now(),
            created_by=caller.actor,
        )
        await self._store.add(caller, draft)
        return result.model_copy(update={"confidence": confidence, "draft_id": draft.id})

    async def _calibration(self, caller: Caller, kind: str) -> Calibration:
        key, now = (caller.tenant_id, kind), self._clock.monotonic()
        kept = self._calibrations.get(key)
        if kept is not None and kept[0] > now:
            return kept[1]
        outcomes = await self._store.outcomes(caller, kind, is_raw=True)
        made = await asyncio.to_thread(calibrate, outcomes)
        if len(self._calibrations) >= _CALIBRATIONS_KEPT:
            self._calibrations.clear()
        self._calibrations[key] = (now + _CALIBRATION_LIVES_S, made)
        return made

    async def _learn(self, caller: Caller, draft: Draft, feedback: Feedback, text: str) -> None:
        """Let the experiment know, and look for habits in an edit."""
        if draft.experiment_id is not None and draft.variant is not None:
            await self._experiments.tell(caller, draft.experiment_id, draft.variant, feedback.worth)
        if feedback.outcome == "edited" and draft.kind in ("email", "reminder"):
            habits = await asyncio.to_thread(habits_in, draft.main_text, text)
            if habits:
                await self._store.see(caller, draft.owner_id, habits, feedback.created_at)


def _check_deals(deals: Sequence[DealSummaryContext]) -> None:
    if not 1 <= len(deals) <= MOST_DEALS:
        raise InvalidDraftRequest(f"There are 1 to {MOST_DEALS} deals at once.", param="deals")


def _no_rule(rule_id: str) -> StyleRuleNotFound:
    return StyleRuleNotFound(f"There is no rule of style {rule_id[:64]!r}.", rule=rule_id[:64])
