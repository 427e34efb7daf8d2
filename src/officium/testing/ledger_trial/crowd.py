"""Part two: a crowd that wants more than there is."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from msgspec import Struct

from officium.core.usage.ledger import THE_TENANT, LedgerService, Need, OutOfCredits
from officium.kit.clock import SystemClock
from officium.testing.ledger_trial.verdict import Verdict
from officium.testing.ledger_trial.workshop import MEMBER, Workshop, a_little, label, open_workshop

TOKENS = 5_000
REQUESTS = 800
_MOST_INPUT, _MOST_OUTPUT = 3, 12
_LONGEST_CALL_S = 0.004
_PROCESSES = 3


class _Outcome(Struct):
    """What the crowd itself knows: what it spent, by its own count."""

    tokens: int = 0
    requests: int = 0
    refused: int = 0
    beyond: int = 0


async def try_crowd(
    verdict: Verdict, url: str, *, requests: int, at_once: int, seeds: int, where: str
) -> None:
    """`requests` requests, `at_once` of them in flight, against 5,000 tokens and 800 requests a day."""
    verdict.begin(
        f"A crowd on {where}: {requests:,} requests, {at_once} in flight over {_PROCESSES} ledgers, "
        f"against {TOKENS:,} tokens and against {REQUESTS:,} requests a day; {seeds} seeds each"
    )
    overspent_tokens = overspent_requests = beyond = refused = 0
    least_use = 1.0
    for seed in range(seeds):
        by_tokens = await _run(url, seed, requests, at_once, is_by_tokens=True)
        by_requests = await _run(url, seed, requests, at_once, is_by_tokens=False)
        overspent_tokens += max(0, by_tokens.tokens - TOKENS)
        overspent_requests += max(0, by_requests.requests - REQUESTS)
        beyond += by_tokens.beyond + by_requests.beyond
        refused += by_tokens.refused + by_requests.refused
        least_use = min(least_use, by_tokens.tokens / TOKENS, by_requests.requests / REQUESTS)
    verdict.judge(
        "nothing is overspent",
        overspent_tokens == overspent_requests == beyond == 0,
        f"{overspent_tokens} tokens, {overspent_requests} requests; {beyond} looks with used + held above it",
    )
    verdict.judge(
        "a budget can be used to at least 95 %",
        least_use >= 0.95,
        f"{least_use:.1%} in the worst seed; {refused:,} calls refused",
    )


async def _run(url: str, seed: int, requests: int, at_once: int, *, is_by_tokens: bool) -> _Outcome:
    async with open_workshop(url, SystemClock()) as shop:
        if is_by_tokens:
            await shop.a_budget(TOKENS)
        else:
            await shop.a_budget(REQUESTS, "requests", subject=MEMBER)
        ledgers = [await shop.a_ledger() for _ in range(_PROCESSES)]
        outcome = _Outcome()
        source = random.Random(seed)  # noqa: S311  it must come out the same again
        numbers = iter(range(requests))
        callers = [_caller_of(shop, ledger, source, outcome) for ledger in ledgers]

        async def work() -> None:
            for number in numbers:
                await callers[number % _PROCESSES](number)

        watching = asyncio.create_task(_watch(shop, ledgers[0], outcome))
        await asyncio.gather(*(work() for _ in range(at_once)))
        watching.cancel()
        for ledger in ledgers:
            await ledger.flush()
        await _look(shop, ledgers[0], outcome)
        return outcome


def _caller_of(
    shop: Workshop, ledger: LedgerService, source: random.Random, outcome: _Outcome
) -> Callable[[int], Awaitable[None]]:
    async def call(number: int) -> None:
        taken = source.randint(1, _MOST_INPUT)
        most = source.randint(1, _MOST_OUTPUT)
        need = Need(fixed=a_little(taken), output_tokens=most, least_output_tokens=1)
        share, lasts_s = source.random(), source.random() * _LONGEST_CALL_S
        try:
            hold = await ledger.hold(shop.caller, (THE_TENANT, MEMBER), need, label(number), is_stream=False)
        except OutOfCredits:
            outcome.refused += 1
            return
        await asyncio.sleep(lasts_s)
        spent = taken + round(hold.output_tokens * share)
        outcome.tokens += spent
        outcome.requests += 1
        ledger.settle(hold, a_little(spent), "provider")

    return call


async def _watch(shop: Workshop, ledger: LedgerService, outcome: _Outcome) -> None:
    while True:
        await _look(shop, ledger, outcome)
        await asyncio.sleep(0.02)


async def _look(shop: Workshop, ledger: LedgerService, outcome: _Outcome) -> None:
    for balance in await shop.balances(ledger, (THE_TENANT, MEMBER)):
        limit = balance.budget.limit
        outcome.beyond += limit is not None and balance.used + balance.held > limit
