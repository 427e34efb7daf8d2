"""Comparing models, blindly."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import structlog
from msgspec import Struct
from msgspec.structs import replace

from officium.apps.personas.adviser import Adviser, Prepared
from officium.apps.personas.comparisons.comparison import (
    SIDES,
    Comparison,
    Side,
    Standing,
    Winner,
    standings,
)
from officium.apps.personas.comparisons.errors import AlreadyVoted, ComparisonNotFound, InvalidComparison
from officium.apps.personas.comparisons.store import ComparisonStore
from officium.apps.personas.persona import checked_persona
from officium.apps.personas.persona_prompt import checked_question
from officium.apps.personas.service import APP, as_event, told_fault
from officium.apps.personas.side_by_side import side_by_side
from officium.core.conversations import owner_of
from officium.core.conversations.live import Event, LiveAnswers, NumberedEvent
from officium.core.gateway import CallContext
from officium.core.tenancy import Caller, require
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError
from officium.kit.ids import new_id

LONGEST_REASON = 1_000

_log = structlog.get_logger("personas")


class BegunComparison(Struct, frozen=True, kw_only=True):
    """A comparison that has begun. Its events are read by its id."""

    comparison_id: str


class ComparisonService:
    """Lets two models answer as the same persona, and takes the vote of whoever asked.

    Neither the events nor the comparison say who is who before the vote. What was asked and answered is not
    kept, only who answered, how long it took, and which was better. Everything needs `inference` unless it
    says so.
    """

    def __init__(
        self,
        adviser: Adviser,
        store: ComparisonStore,
        live: LiveAnswers,
        clock: Clock,
        *,
        chance: random.Random | None = None,
    ) -> None:
        self._adviser = adviser
        self._store = store
        self._live = live
        self._clock = clock
        self._chance = chance or random.SystemRandom()

    async def compare(
        self,
        caller: Caller,
        persona: str,
        message: str,
        models: tuple[str, str],
        context: CallContext,
        *,
        language: str = "",
    ) -> BegunComparison:
        """Put a question to two models, on sides drawn by lot.

        Raises UnknownPersona, InvalidQuestion, InvalidComparison, PermissionDenied, and what keeps one of
        them from being asked at all, such as UnknownModel.
        """
        require(caller, "inference")
        asked, question = checked_persona(persona), checked_question(message)
        told = await self._adviser.get_context(caller, asked, user=owner_of(caller), language=language)
        drawn = list(models)
        self._chance.shuffle(drawn)
        prepared = [
            await self._adviser.prepare(caller, asked, question, told, model=model) for model in drawn
        ]
        one, other = prepared[0].deployment, prepared[1].deployment
        if one is None or other is None:
            raise InvalidComparison(
                "The advisers' language model is switched off, so nobody can be compared."
            )
        if one.name == other.name:
            raise InvalidComparison("Both names mean the same model. Name two that differ.", param="models")
        rendered = prepared[0].prompt.rendered
        comparison = Comparison(
            id=new_id("cmp"),
            owner=owner_of(caller),
            persona=asked,
            model_a=one.name,
            model_b=other.name,
            prompt=rendered.name,
            prompt_version=rendered.version,
            created_at=self._clock.now(),
            sides={},
        )
        await self._store.add_comparison(caller, comparison)
        context = replace(context, app=APP, user=owner_of(caller), cache="off")
        contest = _Contest(self._adviser, self._store, self._clock, caller, comparison, context)
        await self._live.start(caller, comparison.id, contest.events(prepared[0], prepared[1]))
        return BegunComparison(comparison_id=comparison.id)

    async def read(
        self, caller: Caller, comparison_id: str, after_event_id: int = 0
    ) -> AsyncGenerator[NumberedEvent, None]:
        """The events of a comparison after one of them, then those to come. Raises ComparisonNotFound."""
        require(caller, "inference")
        await self._get(caller, comparison_id)
        return await self._live.attach(caller, comparison_id, after_event_id)

    async def vote(
        self, caller: Caller, comparison_id: str, winner: Winner, reason: str | None = None
    ) -> Comparison:
        """Say which side was better; the result says who was who.

        Raises ComparisonNotFound, InvalidComparison, and AlreadyVoted at the second time.
        """
        require(caller, "inference")
        if reason is not None and (len(reason) > LONGEST_REASON or "\0" in reason):
            raise InvalidComparison(
                f"A reason is a text of at most {LONGEST_REASON:,} characters.", param="reason"
            )
        found = await self._get(caller, comparison_id)
        if not found.sides:
            raise InvalidComparison("Both are still answering. Vote when they have ended.")
        now = self._clock.now()
        if not await self._store.save_vote(caller, comparison_id, winner, reason, now):
            raise AlreadyVoted("You have voted on this comparison, and know who was who. Compare anew.")
        _log.info("comparison.voted", tenant=caller.tenant_id, comparison=comparison_id, winner=winner)
        return replace(found, winner=winner, reason=reason, voted_at=now)

    async def list_standings(self, caller: Caller) -> list[Standing]:
        """How the tenant's models stand after its latest votes. Needs `usage:read`."""
        require(caller, "usage:read")
        return list(standings(await self._store.list_voted(caller)))

    async def _get(self, caller: Caller, comparison_id: str) -> Comparison:
        found = await self._store.find_comparison(caller, comparison_id[:64])
        if found is None:
            raise ComparisonNotFound(
                "You have no such comparison. POST /c-suite/{persona}/compare makes one."
            )
        return found


class _Contest:
    """One comparison on its way to its readers."""

    def __init__(
        self,
        adviser: Adviser,
        store: ComparisonStore,
        clock: Clock,
        caller: Caller,
        comparison: Comparison,
        context: CallContext,
    ) -> None:
        self._adviser = adviser
        self._store = store
        self._clock = clock
        self._caller = caller
        self._comparison = comparison
        self._context = context
        self._sides: dict[Side, dict[str, Any]] = {}

    async def events(self, one: Prepared, other: Prepared) -> AsyncIterator[Event]:
        """What the readers get: pieces by side, and the end of each; no name, no cost, no token."""
        receipt = one.prompt.receipt.as_json()
        yield as_event("start", {"comparisonId": self._comparison.id, "sides": SIDES, "receipt": receipt})
        answers = [self._answer(side, each) for side, each in zip(SIDES, (one, other), strict=True)]
        try:
            async for event in side_by_side(answers):
                yield event
            await asyncio.shield(self._save())
            yield as_event("message", {"content": "", "done": True, "comparisonId": self._comparison.id})
        finally:
            if len(self._sides) < len(SIDES):
                _log.info("comparison.stopped", tenant=self._caller.tenant_id, comparison=self._comparison.id)

    async def _answer(self, side: Side, prepared: Prepared) -> AsyncGenerator[Event, None]:
        spoken = self._adviser.answer(self._caller, prepared, self._context)
        began, first = self._clock.monotonic(), None
        known: dict[str, Any] = {"model": self._comparison.model(side)}
        ended: dict[str, Any] = {"side": side, "content": "", "done": True}
        try:
            async with aclosing(spoken.pieces()) as pieces:
                async for piece in pieces:
                    if piece.text:
                        first = first or self._clock.monotonic()
                        yield as_event("answer", {"side": side, "content": piece.text, "done": False})
                    if piece.marks:
                        yield as_event("figures", {"side": side, "figures": piece.marks})
        except Exception as error:
            fault = told_fault(error, self._caller, comparison=self._comparison.id)
            known["error"] = fault["code"]
            # A provider's fault names the provider. Before the vote it is enough to know which side failed.
            ended["error"] = {"code": fault["code"], "message": "This side could not answer."}
        now = self._clock.monotonic()
        known |= {
            "answered_by": spoken.model,
            "tokens": spoken.tokens,
            "figures": spoken.figures,
            "first_word_ms": None if first is None else round((first - began) * 1000),
            "ms": round((now - began) * 1000),
        }
        self._sides[side] = known
        yield as_event("answer", ended)

    async def _save(self) -> None:
        try:
            await self._store.save_sides(self._caller, self._comparison.id, self._sides)
        except OfficiumError as error:
            _log.warning("comparison.not_kept", tenant=self._caller.tenant_id, reason=error.code)
