"""Part three: calls that end in every way there is, and what is left when all are over."""

import asyncio
import random
from collections import Counter
from contextlib import suppress

from msgspec.structs import replace

from officium.core.usage.ledger import THE_TENANT, Hold, LedgerService, Need, OutOfCredits
from officium.testing.ledger_trial.verdict import Verdict
from officium.testing.ledger_trial.workshop import (
    MEMBER,
    TrialClock,
    Workshop,
    a_little,
    label,
    open_workshop,
)

_ENDS = ("settled", "fault", "twice", "hang-up", "abandoned", "late", "extended")
_WEIGHTS = (8, 3, 2, 3, 2, 1, 2)
_LIFETIME_S = 60.0
_PROCESSES = 3


async def try_outcomes(verdict: Verdict, url: str, *, calls: int, at_once: int, where: str) -> None:
    """So many calls over several ledgers on one database; afterwards nothing is held and the books agree."""
    verdict.begin(f"Every ending on {where}: {calls:,} calls over {_PROCESSES} ledgers, in random order")
    clock = TrialClock()
    async with open_workshop(url, clock) as shop:
        await shop.a_budget(calls * 1_000)
        await shop.a_budget(calls * 2, "requests", period="month", subject=MEMBER)
        trial = _Outcomes(shop, clock)
        await trial.run(calls, at_once)
        await trial.end()
        await trial.judge(verdict)


class _Outcomes:
    """The calls, and what their makers know of them."""

    def __init__(self, shop: Workshop, clock: TrialClock) -> None:
        self._shop = shop
        self._clock = clock
        self._random = random.Random(7)  # noqa: S311  it must come out the same again
        self._counted: Counter[str] = Counter()
        self._spent: dict[str, int] = {}
        self._late: list[tuple[Hold, int]] = []
        self._ledgers: list[LedgerService] = []
        self._sleeper: LedgerService
        """A process that stands still while its holds expire, and then settles them all the same."""

    async def run(self, calls: int, at_once: int) -> None:
        self._ledgers = [await self._shop.a_ledger(lifetime_s=_LIFETIME_S) for _ in range(_PROCESSES)]
        self._sleeper = await self._shop.a_ledger(lifetime_s=_LIFETIME_S, renew_s=3600.0)
        numbers = iter(range(calls))

        async def work() -> None:
            for number in numbers:
                await self._call(number)

        await asyncio.gather(*(work() for _ in range(at_once)))
        for ledger in self._ledgers:
            await ledger.flush()

    async def end(self) -> None:
        """The processes die with what they hold; later another one looks after it, and late news comes."""
        for ledger in self._ledgers:
            await ledger.close()
        self._clock.advance(_LIFETIME_S + 1)
        await self._shop.expire_all()
        for hold, tokens in self._late:
            self._sleeper.settle(hold, a_little(tokens), "provider")
        await self._sleeper.flush()

    async def judge(self, verdict: Verdict) -> None:
        booked = await self._shop.store.read_booked(self._shop.caller)
        differences = await self._shop.differences()
        wrong = [
            name
            for name, tokens in self._spent.items()
            if name not in booked or booked[name].tokens != tokens
        ]
        doubled = [
            name
            for name, call in booked.items()
            if call.kinds not in (("settled",), ("unknown",), ("unknown", "correction"))
        ]
        held = await self._shop.store.count_holds(self._shop.caller)
        mixture = ", ".join(f"{count:,} {end}" for end, count in sorted(self._counted.items()))
        verdict.judge("nothing stays held", held == 0, f"{held} holds after {mixture}")
        verdict.judge(
            "every call is booked once, with what it used",
            not wrong and not doubled,
            f"{len(wrong)} wrong, {len(doubled)} double, of {len(self._spent):,} calls in {len(booked):,}",
        )
        verdict.judge(
            "the counters are the sums of the ledger", not differences, f"{len(differences)} differences"
        )

    async def _call(self, number: int) -> None:
        end = self._random.choices(_ENDS, _WEIGHTS)[0]
        ledger = self._sleeper if end == "late" else self._random.choice(self._ledgers)
        tokens = self._random.randrange(1, 200)
        need = Need(fixed=a_little(20), output_tokens=180, least_output_tokens=1)
        holding = asyncio.create_task(
            ledger.hold(
                self._shop.caller, (THE_TENANT, MEMBER), need, label(number), is_stream=end == "abandoned"
            )
        )
        self._counted[end] += 1
        if end == "hang-up":
            for _ in range(self._random.randrange(4)):
                await asyncio.sleep(0)
            holding.cancel()
            with suppress(asyncio.CancelledError, OutOfCredits):
                # It was too late to cancel: then it must be settled, like any other.
                ledger.settle(await holding, a_little(0, 0), "none")
            return
        await self._end(ledger, await holding, end, tokens)

    async def _end(self, ledger: LedgerService, hold: Hold, end: str, tokens: int) -> None:
        name = hold.label.request_id
        await asyncio.sleep(0)
        match end:
            case "fault":
                ledger.settle(hold, a_little(0, 0), "none")
                self._spent[name] = 0
                return
            case "abandoned":
                hold.streamed = replace(a_little(tokens), requests=0)
                await ledger.renew()
            case "late":
                self._late.append((hold, tokens))
            case "extended":
                await ledger.extend(hold, a_little(50, 0))
                ledger.settle(hold, a_little(tokens + 50), "provider")
                tokens += 50
            case _:
                ledger.settle(hold, a_little(tokens), "provider")
                if end == "twice":
                    ledger.settle(hold, a_little(tokens), "provider")
        self._spent[name] = tokens
