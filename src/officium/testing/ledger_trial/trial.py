"""The whole trial: its parts, one after the other, in one of two sizes."""

from msgspec import Struct

from officium.testing.ledger_trial.crowd import try_crowd
from officium.testing.ledger_trial.interleavings import try_interleavings
from officium.testing.ledger_trial.outcomes import try_outcomes
from officium.testing.ledger_trial.resets import try_resets
from officium.testing.ledger_trial.siege import Siege, try_siege
from officium.testing.ledger_trial.verdict import Say, Verdict
from officium.testing.ledger_trial.workshop import trial_database


class TrialSize(Struct, frozen=True, kw_only=True):
    """How much of everything."""

    histories: int
    steps: int
    crowd: int
    at_once: int
    seeds: int
    outcomes: int
    days: int
    siege: Siege


QUICK = TrialSize(
    histories=40,
    steps=120,
    crowd=2_000,
    at_once=500,
    seeds=1,
    outcomes=1_000,
    days=40,
    siege=Siege(kills=3, kills_a_round=3, hang_ups=40, limit=15_000, at_once=16, is_patient=False),
)
FULL = TrialSize(
    histories=2_000,
    steps=300,
    crowd=5_000,
    at_once=500,
    seeds=20,
    outcomes=10_000,
    days=731,
    siege=Siege(kills=100, kills_a_round=5, hang_ups=1_000, limit=60_000, at_once=32, is_patient=True),
)
"""Two years hold a leap day, and each change of the clocks twice."""


async def run_trial(say: Say, size: TrialSize, server_url: str | None) -> Verdict:
    """Put the ledger through everything, on SQLite, and on the PostgreSQL of `server_url` where one is named.

    On that server databases are made for it, and dropped; nothing else there is touched. Raises
    DatabaseNotMade and DatabaseUnavailable.
    """
    verdict = Verdict(say)
    try_interleavings(verdict, runs=size.histories, steps=size.steps)
    places = [(None, "SQLite"), *([(server_url, "PostgreSQL")] if server_url is not None else [])]
    for server, where in places:
        async with trial_database(server) as url:
            await try_crowd(
                verdict, url, requests=size.crowd, at_once=size.at_once, seeds=size.seeds, where=where
            )
        async with trial_database(server) as url:
            await try_outcomes(verdict, url, calls=size.outcomes, at_once=200, where=where)
    async with trial_database(None) as url:
        await try_resets(verdict, url, days=size.days)
    for server, where in places[:1] if size is QUICK else places[-1:]:
        async with trial_database(server) as url:
            await try_siege(verdict, url, size.siege, where=where)
    if server_url is None:
        verdict.remark(
            "PostgreSQL was not tried: name a server with --database-url or OFFICIUM_DATABASE_URL."
        )
    return verdict
