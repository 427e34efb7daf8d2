"""Part five: real servers on one database, killed while they work; a provider's own log says what is true."""

import asyncio
import itertools
import random
import secrets
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec import Struct

from officium.core.llm.http1 import Http1Transport
from officium.core.tenancy import KeyDigester, KeyService, KeyStore
from officium.kit.clock import SystemClock
from officium.kit.notices import LocalNotices
from officium.kit.secrets import ServerSecret
from officium.testing.ledger_trial.customer import Call, End, ask
from officium.testing.ledger_trial.provider import TrialProvider
from officium.testing.ledger_trial.servers import Server
from officium.testing.ledger_trial.verdict import Verdict
from officium.testing.ledger_trial.workshop import TrialClock, Workshop, open_workshop

_SERVERS = 3
_WORDS = (40, 240)
_REFUSED_IN_A_ROW = 30
_LIFETIME_S = 60.0
_PATIENCE_S = _LIFETIME_S + 15.0
_LOOK_S = 0.5
_ORDERLY = (("settled",), ("unknown",), ("unknown", "correction"))


class Siege(Struct, frozen=True, kw_only=True):
    """How many servers are killed, in how many rounds, and how many customers hang up.

    Each round has a tenant of its own with `limit` tokens a day and `at_once` customers. `is_patient` waits
    until the servers themselves have cleared away what the killed ones left; else a clock is put forward.
    """

    kills: int
    kills_a_round: int
    hang_ups: int
    limit: int
    at_once: int
    is_patient: bool


class _Round(Struct):
    """A tenant, its calls and how they ended for its customers."""

    shop: Workshop
    api_key: str
    name: str
    ends: dict[str, End]


async def try_siege(verdict: Verdict, url: str, siege: Siege, *, where: str) -> None:
    """Kill servers under load; then let customers hang up. The provider's log and the ledger must agree."""
    verdict.begin(
        f"Siege: {_SERVERS} servers on one {where}, killed {siege.kills} times under load, and "
        f"{siege.hang_ups:,} customers who hang up; a provider's log says what is true"
    )
    async with AsyncExitStack() as stack:
        field = await stack.enter_async_context(_open_field(url))
        rounds = [
            await field.run_round(stack, f"round{number}", siege)
            for number in range(-(-siege.kills // siege.kills_a_round))
        ]
        hang_ups = await field.run_hang_ups(stack, siege)
        await field.clear(siege)
        await _judge_rounds(verdict, field.provider, rounds, siege)
        await _judge_hang_ups(verdict, field.provider, hang_ups)


@asynccontextmanager
async def _open_field(url: str) -> "AsyncIterator[_Field]":
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="officium-siege-")))
        provider = await stack.enter_async_context(TrialProvider())
        transport = Http1Transport()
        stack.push_async_callback(transport.close)
        secret = secrets.token_urlsafe(48)
        environment = {
            "OFFICIUM_DATABASE_URL": url,
            "OFFICIUM_DATA_DIR": str(folder),
            "OFFICIUM_SECRET_KEY": secret,
            "OFFICIUM_DRAIN_TIMEOUT_S": "5",
            "VLLM_BASE_URL": provider.base_url,
            "LOG_LEVEL": "ERROR",
        }
        servers = [Server(folder, environment, transport) for _ in range(_SERVERS)]
        for server in servers:
            stack.push_async_callback(server.stop)
        await asyncio.gather(*(server.start() for server in servers))
        yield _Field(url, provider, transport, servers, ServerSecret(secret.encode()))


class _Field:
    """The servers, the provider behind them, and the customers in front."""

    def __init__(
        self,
        url: str,
        provider: TrialProvider,
        transport: Http1Transport,
        servers: list[Server],
        secret: ServerSecret,
    ) -> None:
        self.provider = provider
        self._url = url
        self._transport = transport
        self._servers = servers
        self._secret = secret
        self._random = random.Random(11)  # noqa: S311  it must come out the same again
        self._rounds: list[_Round] = []

    async def run_round(self, stack: AsyncExitStack, name: str, siege: Siege) -> _Round:
        """Load until the budget is used up, while servers die and come back."""
        one = await self._open_round(stack, name, siege.limit)
        killing = asyncio.create_task(self._kill(siege.kills_a_round))
        refused = 0
        numbers = itertools.count()

        async def visit() -> None:
            nonlocal refused
            while refused < _REFUSED_IN_A_ROW or not killing.done():
                end = await self._ask(one, self._some_call(f"{name}-{next(numbers)}"))
                refused = refused + 1 if end == "refused" else 0
                if end != "whole":
                    await asyncio.sleep(0.02)

        try:
            await asyncio.gather(*(visit() for _ in range(siege.at_once)))
        finally:
            await killing
        return one

    async def run_hang_ups(self, stack: AsyncExitStack, siege: Siege) -> _Round:
        """Customers who all leave in the middle of a stream."""
        one = await self._open_round(stack, "hangup", 1_000_000_000)
        numbers = iter(range(siege.hang_ups))

        async def visit() -> None:
            for number in numbers:
                leave = self._random.randint(60, 120)
                call = Call(name=f"hangup-{number}", words=600, is_stream=True, hang_up_after=leave)
                await self._ask(one, call)

        await asyncio.gather(*(visit() for _ in range(siege.at_once)))
        return one

    async def clear(self, siege: Siege) -> None:
        """Nothing runs any more: wait until nothing is held."""
        if siege.is_patient:
            for _ in range(int(_PATIENCE_S / _LOOK_S)):
                if not await self._count_holds():
                    break
                await asyncio.sleep(_LOOK_S)
        for server in self._servers:
            await server.stop()
        if not siege.is_patient:
            clock = TrialClock(SystemClock().now())
            clock.advance(2 * _LIFETIME_S)
            for one in self._rounds:
                one.shop.clock = clock
                await one.shop.expire_all()

    async def _count_holds(self) -> int:
        return sum([await one.shop.store.count_holds(one.shop.caller) for one in self._rounds])

    async def _open_round(self, stack: AsyncExitStack, name: str, limit: int) -> _Round:
        shop = await stack.enter_async_context(open_workshop(self._url, SystemClock()))
        await shop.a_budget(limit, period="total")
        keys = KeyService(KeyStore(shop.database), KeyDigester(self._secret), shop.clock, LocalNotices())
        made = await keys.create_key(shop.caller, "trial", scopes=["inference"])
        self._rounds.append(_Round(shop, made.secret, name, {}))
        return self._rounds[-1]

    async def _kill(self, kills: int) -> None:
        for _ in range(kills):
            await asyncio.sleep(self._random.uniform(0.2, 0.8))
            server = self._random.choice(self._servers)
            await server.kill()
            await server.start()

    async def _ask(self, one: _Round, call: Call) -> End:
        server = self._random.choice(self._servers)
        end = one.ends[call.name] = await ask(self._transport, server.url, one.api_key, call)
        return end

    def _some_call(self, name: str) -> Call:
        is_stream = self._random.random() < 0.7
        words = self._random.randint(*_WORDS)
        leaves = is_stream and self._random.random() < 0.2
        return Call(
            name=name,
            words=words,
            is_stream=is_stream,
            hang_up_after=self._random.randint(1, words // 3) if leaves else None,
        )


async def _judge_rounds(
    verdict: Verdict, provider: TrialProvider, rounds: list[_Round], siege: Siege
) -> None:
    lost: list[str] = []
    doubled: list[str] = []
    wrong: list[str] = []
    ends: Counter[str] = Counter()
    held = differences = most = real = forgotten = unknown = exact = 0
    for one in rounds:
        booked = await one.shop.store.read_booked(one.shop.caller)
        ends.update(one.ends.values())
        asked = [name for name in one.ends if provider.log.get(name)]
        lost += [name for name in asked if name not in booked]
        doubled += [name for name, call in booked.items() if call.kinds not in _ORDERLY]
        # A server may die between the last word of an answer and its booking: then its hold expires.
        whole = [name for name, end in one.ends.items() if end == "whole"]
        settled = [name for name in whole if name in booked and booked[name].kinds == ("settled",)]
        exact += len(settled)
        wrong += [name for name in settled if booked[name].tokens != provider.truth(name)]
        gone = [name for name in asked if name in booked and booked[name].kinds[0] == "unknown"]
        unknown += len(gone)
        forgotten += sum(max(0, provider.truth(name) - booked[name].tokens) for name in gone)
        most = max(most, sum(call.tokens for call in booked.values()))
        real = max(real, sum(provider.truth(name) for name in one.ends))
        held += await one.shop.store.count_holds(one.shop.caller)
        differences += len(await one.shop.differences())
    calls = ", ".join(f"{count:,} {end}" for end, count in sorted(ends.items()))
    verdict.remark(f"calls: {calls}")
    verdict.judge(
        "the siege was one", ends["whole"] > 0 and ends["broken"] > 0, f"{ends['broken']} calls broken off"
    )
    verdict.judge("no call is lost", not lost, f"{len(lost)} of {sum(ends.values()) - ends['refused']:,}")
    verdict.judge("no call is booked twice", not doubled, f"{len(doubled)} double")
    verdict.judge(
        "what a whole answer took is booked to the token",
        not wrong,
        f"{len(wrong)} wrong of {exact:,}",
    )
    verdict.judge(
        "no budget is overspent",
        most <= siege.limit and len(rounds) > 0,
        f"at most {most:,} of {siege.limit:,} tokens booked",
    )
    verdict.remark(
        f"by the provider's own count at most {real:,}: {unknown} calls died with their server, "
        f"and with it what it knew of {forgotten:,} tokens"
    )
    verdict.judge("nothing stays held", held == 0, f"{held} holds, when the last had expired")
    verdict.judge("the counters are the sums of the ledger", differences == 0, f"{differences} differences")


async def _judge_hang_ups(verdict: Verdict, provider: TrialProvider, one: _Round) -> None:
    booked = await one.shop.store.read_booked(one.shop.caller)
    left = [name for name, end in one.ends.items() if end == "hung up"]
    rows = sum(booked[name].kinds == ("settled",) for name in left if name in booked)
    real = sum(provider.truth(name) for name in left)
    mine = sum(booked[name].tokens for name in left if name in booked)
    verdict.judge(
        "each customer who hangs up leaves one row",
        bool(left) and rows == len(left) == len(one.ends),
        f"{rows:,} rows for {len(left):,} of {len(one.ends):,}",
    )
    share = (mine - real) / real if real else 1.0
    verdict.judge(
        "with what was really sent, to within 2 %",
        abs(share) <= 0.02,
        f"{mine:,} tokens booked, {real:,} by the provider's count: {share:+.2%}",
    )
