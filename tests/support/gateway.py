"""A gateway with real parts from end to end; only the clock and the far end of the wire are not."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry

from officium.core.gateway import (
    Accountant,
    AliasStore,
    CallContext,
    CallTelemetry,
    GatewayMetrics,
    GatewayService,
    ModelDirectory,
    ModelService,
    ProviderAccess,
)
from officium.core.gateway.alias import Alias
from officium.core.llm.breaker import Breakers
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.dispatch import Dispatcher
from officium.core.llm.errors import LLMError
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts, Transport
from officium.core.llm.message import user
from officium.core.llm.retry import RetryPolicy
from officium.core.tenancy import Caller
from officium.core.usage import UsageLog, UsageRecord
from officium.core.usage.ledger import Amounts, Hold, Label, Need, SpendingSource, Subject
from officium.kit.database import Database
from officium.testing import ScriptedTransport
from tests.support.clock import HandClock

CALLER = Caller("ten_1", "key:ak_1", frozenset({"inference"}))
CONTEXT = CallContext(request_id="req_1")
ACCESS = {
    "mock": ProviderAccess(base_url="mock://scripted/v1", default_model="mock"),
    "groq": ProviderAccess(base_url="mock://groq/v1", api_key="sk-groq", default_model="openai/gpt-oss-20b"),
    "openrouter": ProviderAccess(base_url="mock://openrouter/v1", api_key="sk-openrouter"),
}
"""Three providers behind the script."""


def a_request(model: str = "mock", text: str = "Hello", **fields: Any) -> CompletionRequest:
    """A request of one message."""
    return CompletionRequest(model=model, messages=(user(text),), **fields)


class NoAliases:
    """An alias store for tests that are about something else, without a database."""

    async def list_aliases(self, caller: Caller) -> list[Alias]:
        """There are none."""
        return []


class RecordList(UsageLog):
    """A usage log that keeps its records in `records` and is full when it is told to be."""

    def __init__(self) -> None:
        self.records: list[UsageRecord] = []
        self.has_no_room = False

    @property
    def is_full(self) -> bool:
        return self.has_no_room

    def append(self, record: UsageRecord) -> None:
        self.records.append(record)


class OpenLedger:
    """A ledger without budgets: grants everything, and keeps what was held and settled."""

    def __init__(self) -> None:
        self.holds: list[Hold] = []
        self.are_streams: list[bool] = []
        self.settled: list[tuple[str, Amounts, SpendingSource]] = []
        self.has_no_room = False
        self.most_output_tokens: int | None = None
        self.extension: bool = True

    @property
    def is_full(self) -> bool:
        return self.has_no_room

    async def hold(
        self, caller: Caller, subjects: Sequence[Subject], need: Need, label: Label, *, is_stream: bool
    ) -> Hold:
        self.are_streams.append(is_stream)
        output_tokens = min(need.output_tokens, self.most_output_tokens or need.output_tokens)
        hold = Hold(
            id=f"hold_{len(self.holds) + 1}",
            tenant_id=caller.tenant_id,
            subjects=tuple(subjects),
            label=label,
            granted=Amounts(
                tokens=need.fixed.tokens + output_tokens,
                requests=1,
                nano_usd=need.fixed.nano_usd + output_tokens * need.nano_usd_per_output_token,
            ),
            output_tokens=output_tokens,
            is_shrunk=output_tokens < need.output_tokens,
            is_limited=self.most_output_tokens is not None,
            created_at=HandClock().now(),
        )
        self.holds.append(hold)
        return hold

    async def extend(self, hold: Hold, by: Amounts) -> bool:
        return self.extension

    def settle(self, hold: Hold, spent: Amounts, source: SpendingSource) -> None:
        self.settled.append((hold.id, spent, source))


class SlowTransport:
    """Moves the clock by `seconds_each` while each request is under way; `asked` tells of the first."""

    def __init__(self, inner: Transport, clock: HandClock) -> None:
        self.seconds_each = 0.0
        self.asked = asyncio.Event()
        self._inner = inner
        self._clock = clock

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        self._clock.advance(self.seconds_each)
        self.asked.set()
        return await self._inner.send(request, timeouts)

    async def close(self) -> None:
        await self._inner.close()


class GatewayBench:
    """A gateway over the scripted provider, and everything it wrote down.

    `transport` plays the script, `records` are the usage log, `waits` the seconds between retries.
    """

    def __init__(
        self,
        transport: ScriptedTransport | None = None,
        *,
        database: Database | None = None,
        access: Mapping[str, ProviderAccess] = ACCESS,
        max_retries: int = 3,
        telemetry: CallTelemetry | None = None,
    ) -> None:
        self.clock = HandClock()
        self.transport = transport or ScriptedTransport()
        self.wire = SlowTransport(self.transport, self.clock)
        self.log = RecordList()
        self.registry = CollectorRegistry()
        self.waits: list[float] = []
        store: Any = NoAliases() if database is None else AliasStore(database)
        self.models = ModelService(access, store, self.clock)
        self.dispatcher = Dispatcher(
            self.wire,
            clock=self.clock,
            retry=RetryPolicy(max_retries=max_retries, draw=lambda: 1.0, sleep=self._wait),
            breakers=Breakers(self.clock, failures_to_open=100),
        )
        self.ledger = OpenLedger()
        self.accountant = Accountant(
            self.log, self.clock, GatewayMetrics(self.registry), self.ledger, telemetry
        )
        self.service = GatewayService(
            self.models,
            ModelDirectory(self.models, self.dispatcher, self.clock),
            self.dispatcher,
            self.accountant,
        )

    @property
    def records(self) -> list[UsageRecord]:
        """The usage log so far."""
        return self.log.records

    @property
    def story(self) -> list[tuple[int, str | None, str, bool]]:
        """Of each record: number, provider, status, and whether it decided the call."""
        return [(said.attempt, said.provider, said.status, said.is_last) for said in self.records]

    async def complete(self, request: CompletionRequest | None = None, **context: Any) -> str:
        """The text of a whole answer."""
        answer = await self.service.complete(CALLER, request or a_request(), _context(context))
        return answer.completion.text

    async def stream(self, request: CompletionRequest | None = None, read: int | None = None) -> str:
        """The text of a stream that is closed after `read` batches, or read to its end or error."""
        request = request or a_request(stream=True)
        stream = await self.service.open_stream(CALLER, request, CONTEXT)
        text, batches = "", 0
        with suppress(LLMError):
            async for batch in stream:
                text += "".join(delta.text for delta in batch)
                batches += 1
                if batches == read:
                    break
        await stream.aclose()
        return text

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)


def _context(changes: dict[str, Any]) -> CallContext:
    return CallContext(**{"request_id": "req_1", **changes})
