"""Finding answers in the cache, and keeping new ones there."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from officium.core.gateway.cache.key import cache_key, is_cacheable
from officium.core.gateway.cache.shelf import Shelf
from officium.core.gateway.call import Answer, AnswerStream, CacheOutcome, CallContext
from officium.core.gateway.metrics import CacheMetrics
from officium.core.llm.completion import (
    Completion,
    CompletionBuilder,
    CompletionRequest,
    Delta,
    DialectName,
)
from officium.core.llm.deployment import Deployment
from officium.core.llm.dispatch import deltas_of
from officium.core.llm.token_usage import TokenUsage
from officium.core.tenancy import Caller
from officium.core.usage import UsageRecord
from officium.core.usage.prices import PriceBook, UnknownPrices, cost_under, price_for
from officium.kit.clock import Clock
from officium.kit.errors import OfficiumError

_NANO = 1_000_000_000

_log = structlog.get_logger("gateway")


class _Kept(Struct, frozen=True):
    """An answer as it lies on the shelf. Who gave it is the first of the deployments in the key."""

    completion: Completion
    dialect: DialectName


class Hit(Struct, frozen=True):
    """An answer from the cache, and what it would have cost: `None` where no price is known."""

    answer: Answer
    saved_nano_usd: int | None


class Lookup(Struct, frozen=True):
    """What the cache says of a request. Without a `key` it has nothing to do with it."""

    key: str | None = None
    hit: Hit | None = None
    deployment: Deployment | None = None
    """The only one whose answer is worth keeping: what a fallback says should not outlive the fault."""

    @property
    def outcome(self) -> CacheOutcome | None:
        """What the answer's header says before anything was kept."""
        if self.key is None:
            return None
        return "miss" if self.hit is None else "hit"


_NOTHING = Lookup()


class ResponseCache:
    """Keeps whole answers for `ttl_s` seconds, 0 to keep none. Each tenant has its own.

    Only what ended by itself is kept: no answer that was cut short, declined or filtered, and none of a
    deployment that stood in for another.
    """

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        metrics: CacheMetrics,
        prices: PriceBook,
        *,
        ttl_s: float,
        unknown: UnknownPrices | None = None,
    ) -> None:
        self._shelf = shelf
        self._clock = clock
        self._metrics = metrics
        self._prices = prices
        self._ttl_s = ttl_s
        self._unknown = unknown

    async def find(
        self,
        caller: Caller,
        request: CompletionRequest,
        context: CallContext,
        deployments: Sequence[Deployment],
    ) -> Lookup:
        """Look for an answer to `request` from `deployments`, once the caller is admitted. Never fails."""
        if self._ttl_s <= 0 or context.cache == "off" or not deployments or not is_cacheable(request):
            return _NOTHING
        try:
            key = cache_key(caller.tenant_id, request, deployments)
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError):
            return _NOTHING  # half a character, or a number without end: the provider may say what it thinks
        lookup = Lookup(key, None, deployments[0])
        if context.cache == "refresh":
            return lookup
        kept = _decode(await self._shelf.get(caller, key))
        if kept is None:
            self._metrics.lookups.labels("miss").inc()
            return lookup
        answer = Answer(
            completion=kept.completion, deployment=deployments[0], dialect=kept.dialect, cache="hit"
        )
        saved = await self._saved_nano_usd(caller, deployments[0], kept.completion.usage)
        self._metrics.lookups.labels("hit").inc()
        self._metrics.saved.inc((saved or 0) / _NANO)
        return replace(lookup, hit=Hit(answer, saved))

    async def store(self, caller: Caller, lookup: Lookup, answer: Answer) -> CacheOutcome | None:
        """Keep an answer for those who ask the same; what the answer's header says. Never fails."""
        if lookup.key is None:
            return None
        if not _is_worth_keeping(answer, lookup):
            return "miss"
        kept = _Kept(answer.completion, answer.dialect)
        try:
            value = _encoder.encode(kept)
        except (msgspec.MsgspecError, TypeError, UnicodeError):
            _log.exception("cache.not_kept")
            return "miss"
        return "stored" if await self._shelf.put(caller, lookup.key, value, self._ttl_s) else "miss"

    async def _saved_nano_usd(
        self, caller: Caller, deployment: Deployment, usage: TokenUsage | None
    ) -> int | None:
        if usage is None:
            return None
        try:
            pricing = price_for(
                deployment.provider.name,
                deployment.model,
                self._clock.now(),
                await self._prices.load(caller),
                self._unknown,
            )
        except (
            OfficiumError
        ):  # nobody knows the price, or the database is away: the answer is there all the same
            return None
        cost = cost_under(pricing, usage).amount
        return None if cost is None else int((cost * _NANO).to_integral_value())


class CachedStream:
    """A kept answer for a caller who asked for a stream: everything in one piece."""

    cache: CacheOutcome = "hit"
    cost_nano_usd = 0

    def __init__(self, answer: Answer) -> None:
        # Rendered, not relayed: the events of the provider are not kept.
        provider = replace(answer.deployment.provider, is_faithful=False)
        self.deployment: Deployment = replace(answer.deployment, provider=provider)
        self.dialect: DialectName = answer.dialect
        self.notes: tuple[str, ...] = answer.completion.notes
        self._deltas = deltas_of(answer.completion)

    async def __aiter__(self) -> AsyncIterator[list[Delta]]:
        deltas, self._deltas = self._deltas, []
        if deltas:
            yield deltas

    async def aclose(self) -> None:
        """Nothing goes on."""
        self._deltas = []


class RememberedStream:
    """A stream whose answer is kept when it has come to its end."""

    cache: CacheOutcome = "miss"

    def __init__(self, stream: AnswerStream, cache: ResponseCache, caller: Caller, lookup: Lookup) -> None:
        self._stream = stream
        self._cache = cache
        self._caller = caller
        self._lookup = lookup
        self.deployment: Deployment = stream.deployment
        self.dialect: DialectName = stream.dialect
        self.notes: tuple[str, ...] = stream.notes

    @property
    def cost_nano_usd(self) -> int:
        return self._stream.cost_nano_usd

    async def __aiter__(self) -> AsyncIterator[list[Delta]]:
        builder = CompletionBuilder()
        async for batch in self._stream:
            for delta in batch:
                builder.add(delta)
            yield batch
        if builder.finish_reason is not None:
            answer = Answer(
                completion=builder.build(self.notes), deployment=self.deployment, dialect=self.dialect
            )
            await self._cache.store(self._caller, self._lookup, answer)

    async def aclose(self) -> None:
        await self._stream.aclose()


def as_hit(record: UsageRecord, hit: Hit) -> UsageRecord:
    """The record of a call that no provider was asked for, as that of an answer from the cache."""
    answer = hit.answer
    return replace(
        record,
        provider=answer.deployment.provider.name,
        model=answer.deployment.model[:256],
        input_tokens=0,
        output_tokens=0,
        total_tokens=0,
        usage_source="none",
        cost_nano_usd=0,
        price_source="cache",
        saved_nano_usd=hit.saved_nano_usd,
        status="success",
        error_code=None,
        finish_reason=answer.completion.finish_reason,
    )


def _is_worth_keeping(answer: Answer, lookup: Lookup) -> bool:
    completion = answer.completion
    wanted = lookup.deployment
    return (
        completion.finish_reason == "stop"
        and bool(completion.text)
        and not completion.refusal
        and not completion.tool_calls
        and wanted is not None
        and answer.deployment.name == wanted.name
        and answer.deployment.base_url == wanted.base_url
    )


def _to_builtins(value: Any) -> Any:
    if isinstance(value, TokenUsage):
        return value.model_dump()
    raise NotImplementedError(f"{type(value).__name__} cannot be kept")


def _from_builtins(kind: type, value: Any) -> Any:
    if kind is TokenUsage:
        return TokenUsage.model_validate(value)
    raise NotImplementedError(f"{kind.__name__} cannot be read back")


_encoder = msgspec.json.Encoder(enc_hook=_to_builtins)
_decoder = msgspec.json.Decoder(_Kept, dec_hook=_from_builtins)


def _decode(value: bytes | None) -> _Kept | None:
    if value is None:
        return None
    try:
        return _decoder.decode(value)
    except (msgspec.DecodeError, ValueError):
        return None  # kept by a version that kept other things
