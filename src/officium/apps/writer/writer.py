"""`WriterService`: from a context to a text whose confidence rests on what can be checked about it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel

from officium.apps.writer import results as given
from officium.apps.writer.author import Author, Written
from officium.apps.writer.claims import claims_of, warnings_of
from officium.apps.writer.completeness import completeness_of, expectations
from officium.apps.writer.confidence import LOW, agreement_of, most_typical, weigh
from officium.apps.writer.contexts import (
    ComplianceContext,
    Context,
    DealSummaryContext,
    EmailDraftContext,
    NoteSummaryContext,
    OrderReceivedContext,
    ReminderDraftContext,
)
from officium.apps.writer.kinds import kind_of, shaped, variables_of
from officium.apps.writer.plain import plain_result
from officium.apps.writer.suspicion import borrowed_addresses, suspicious_texts
from officium.kit.errors import OfficiumError

MOST_CONCURRENT = 20
ORDER = "A text of the record seems to give the writer orders ({words!r}). Read the draft with care."
BORROWED = "Only a note or mail has {address}. Make sure that it is the right one."
MOST_WARNINGS = 5
SCRIPTED = "The scripted provider wrote this; no model was asked."
ContextT = TypeVar("ContextT", bound=Context)

_log = structlog.get_logger("officium.writer")


class WriterService:
    """Writes mails, reminders and summaries from what a record says.

    When no model answers, or not as asked, a text is filled in from the record: confidence 0.0, with a
    warning. Each method takes its context, or a mapping with the same fields, and raises pydantic's
    ValidationError for one that makes no sense; nothing else.
    """

    def __init__(self, author: Author, *, style: Sequence[str] = ()) -> None:
        self._author = author
        self._style = style

    async def draft_email(self, context: EmailDraftContext | Mapping[str, Any]) -> given.DraftEmailResult:
        """A mail: subject, text, HTML that says the same, and hints for its sender."""
        return _as(given.DraftEmailResult, await self.write(_context(EmailDraftContext, context)))

    async def draft_reminder(
        self, context: ReminderDraftContext | Mapping[str, Any]
    ) -> given.DraftReminderResult:
        """A reminder in two lengths that fit its channel."""
        return _as(given.DraftReminderResult, await self.write(_context(ReminderDraftContext, context)))

    async def summarize_deal(
        self, context: DealSummaryContext | Mapping[str, Any]
    ) -> given.DealSummaryResult:
        """Where a deal stands, what blocks it and what to do next."""
        return _as(given.DealSummaryResult, await self.write(_context(DealSummaryContext, context)))

    async def analyze_compliance(
        self, context: ComplianceContext | Mapping[str, Any]
    ) -> given.ComplianceResult:
        """What a deal lacks of what is required."""
        return _as(given.ComplianceResult, await self.write(_context(ComplianceContext, context)))

    async def analyze_order_received(
        self, context: OrderReceivedContext | Mapping[str, Any]
    ) -> given.OrderReceivedResult:
        """Who will use what was ordered."""
        return _as(given.OrderReceivedResult, await self.write(_context(OrderReceivedContext, context)))

    async def summarize_notes(
        self, context: NoteSummaryContext | Mapping[str, Any]
    ) -> given.NoteSummaryResult:
        """What notes say, what is to be done and by whom."""
        return _as(given.NoteSummaryResult, await self.write(_context(NoteSummaryContext, context)))

    async def batch_summarize_deals(
        self, contexts: Sequence[DealSummaryContext | Mapping[str, Any]], max_concurrent: int = 5
    ) -> list[given.DealSummaryResult]:
        """A summary of each deal, in the order they were given; `max_concurrent` are asked for at once."""
        found = {index: result async for index, result in self.stream_summaries(contexts, max_concurrent)}
        return [found[index] for index in range(len(contexts))]

    async def stream_summaries(
        self, contexts: Sequence[DealSummaryContext | Mapping[str, Any]], max_concurrent: int = 5
    ) -> AsyncGenerator[tuple[int, given.DealSummaryResult], None]:
        """The same as they are done: the place of a deal among the contexts, and its summary."""
        read = [_context(DealSummaryContext, context) for context in contexts]
        turns = asyncio.Semaphore(max(1, min(max_concurrent, MOST_CONCURRENT)))

        async def one(index: int, context: DealSummaryContext) -> tuple[int, given.DealSummaryResult]:
            async with turns:
                return index, _as(given.DealSummaryResult, await self.write(context))

        tasks = [asyncio.create_task(one(index, context)) for index, context in enumerate(read)]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()
        _log.info("writer.batch_completed", deals=len(read))

    async def write(self, context: Context) -> given.Result:
        """The result for any kind of context."""
        kind = kind_of(context)
        try:
            result = await self._write(context)
        except OfficiumError as error:
            _log.warning("writer.fallback", kind=kind.name, error=error.code)
            return await asyncio.to_thread(plain_result, context, error.message)
        except Exception:
            # A text is promised, whatever happens; what happened is our mistake, and is logged whole.
            _log.exception("writer.fallback", kind=kind.name)
            return await asyncio.to_thread(plain_result, context, "Something went wrong on our side.")
        if result.confidence < LOW:
            _log.warning("writer.low_confidence", kind=kind.name, confidence=result.confidence)
        return result

    async def _write(self, context: Context) -> given.Result:
        kind = kind_of(context)
        variables = variables_of(context) | {"style": "\n".join(f"- {rule}" for rule in self._style)}
        asking = [
            self._author.write(kind.prompt, variables, kind.answer, is_fresh=context.samples > 1)
            for _ in range(context.samples)
        ]
        answered = await asyncio.gather(*asking, return_exceptions=True)
        written = [one for one in answered if not isinstance(one, BaseException)]
        if not written:
            raise next(one for one in answered if isinstance(one, BaseException))
        return await asyncio.to_thread(_judged, context, written)


def _judged(context: Context, written: Sequence[Written[BaseModel]]) -> given.Result:
    """The most typical of the answers, with what can be said of its worth."""
    results = [shaped(context, one.answer) for one in written]
    texts = [result.texts() for result in results]
    best = most_typical(texts) if len(texts) > 1 else 0
    result, source = results[best], written[best]
    claims = claims_of(result, context)
    orders = suspicious_texts(context)
    borrowed = borrowed_addresses(list(result.texts().values()), context)
    expected = list(expectations(result, context))
    evidence = weigh(
        claims,
        completeness_of(expected),
        schema_validity=source.schema_validity,
        agreement=agreement_of(texts) if len(texts) > 1 else None,
        suspicions=len(orders) + len(borrowed),
    )
    scripted = [SCRIPTED] if source.is_scripted else []
    suspicions = [
        *(ORDER.format(words=words) for words in orders[:MOST_WARNINGS]),
        *(BORROWED.format(address=address) for address in borrowed[:MOST_WARNINGS]),
    ]
    unmet = [one.warning for one in expected if not one.is_met]
    warnings = [*scripted, *suspicions, *result.warnings, *warnings_of(claims), *unmet]
    return result.model_copy(
        update={
            "confidence": evidence.raw_confidence,
            "evidence": evidence,
            "claims": claims,
            "warnings": warnings,
            "model": source.model,
            "prompt": source.prompt,
            "variant": source.variant,
            "experiment": source.experiment,
        }
    )


def _context(kind: type[ContextT], said: ContextT | Mapping[str, Any]) -> ContextT:
    return said if isinstance(said, kind) else kind.model_validate(said)


Given = TypeVar("Given", bound=given.Result)


def _as(kind: type[Given], result: given.Result) -> Given:
    assert isinstance(result, kind)
    return result
