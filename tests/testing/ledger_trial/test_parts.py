"""The other parts of the trial, in small sizes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from officium.core.usage.ledger import LedgerService
from officium.kit.database import Database
from officium.testing.ledger_trial import resets
from officium.testing.ledger_trial.crowd import try_crowd
from officium.testing.ledger_trial.outcomes import try_outcomes
from officium.testing.ledger_trial.resets import first_moment, try_resets
from officium.testing.ledger_trial.siege import Siege, try_siege
from officium.testing.ledger_trial.verdict import Verdict
from officium.testing.ledger_trial.workshop import trial_database
from tests.support.database import PostgresServer


@pytest.fixture
def verdict() -> Verdict:
    return Verdict(lambda line: None)


@pytest.fixture(params=["sqlite", "postgresql"])
def server_url(request: pytest.FixtureRequest) -> str | None:
    """A PostgreSQL server, or none."""
    if request.param == "sqlite":
        return None
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server._admin_url


@pytest.fixture
async def url(server_url: str | None) -> AsyncIterator[str]:
    """A database as the trial makes it."""
    async with trial_database(server_url) as made:
        yield made


async def test_crowd_overspends_nothing(verdict: Verdict, url: str) -> None:
    await try_crowd(verdict, url, requests=1_500, at_once=300, seeds=1, where="here")

    assert verdict.is_good, verdict.findings


async def test_crowd_notices_a_ledger_without_limits(
    verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    from officium.core.usage.ledger import batch

    monkeypatch.setattr(batch, "_measure", lambda need, counters: batch._Room(9, 9, None, None))
    async with trial_database(None) as url:
        await try_crowd(verdict, url, requests=1_500, at_once=300, seeds=1, where="here")

    assert not verdict.findings[0].is_true


async def test_every_ending_leaves_nothing_behind(verdict: Verdict, url: str) -> None:
    await try_outcomes(verdict, url, calls=300, at_once=60, where="here")

    assert verdict.is_good, verdict.findings


async def test_endings_notice_what_is_not_booked(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    settle, count = LedgerService.settle, iter(range(10_000))

    def forget_some(self: LedgerService, *args: object) -> None:
        if next(count) % 50:
            settle(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(LedgerService, "settle", forget_some)
    async with trial_database(None) as url:
        await try_outcomes(verdict, url, calls=300, at_once=60, where="here")

    assert not verdict.is_good


async def test_days_begin_once(verdict: Verdict) -> None:
    async with trial_database(None) as url:
        await try_resets(verdict, url, days=3)

    assert verdict.is_good, verdict.findings


async def test_resets_notice_a_day_that_begins_late(
    verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resets, "period_of", lambda period, zone, moment: resets_late(period, moment))
    async with trial_database(None) as url:
        await try_resets(verdict, url, days=2)

    assert not verdict.findings[0].is_true


def resets_late(period: object, moment: object) -> object:
    """As if all the world lived by UTC."""
    from officium.core.usage.ledger.period import period_of

    return period_of(period, "UTC", moment)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("UTC", date(2027, 1, 1), "2027-01-01T00:00:00+00:00"),
        ("Europe/Berlin", date(2027, 10, 31), "2027-10-30T22:00:00+00:00"),
        ("Africa/Cairo", date(2027, 4, 30), "2027-04-29T22:00:00+00:00"),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00:00+00:00"),
    ],
)
def test_first_moment_of_a_day_is_found_by_looking(zone: str, day: date, expected: str) -> None:
    assert first_moment(day, ZoneInfo(zone)).isoformat() == expected


@pytest.mark.timeout(240)
async def test_servers_that_are_killed_lose_nothing(verdict: Verdict, url: str) -> None:
    siege = Siege(kills=1, kills_a_round=1, hang_ups=6, limit=6_000, at_once=8, is_patient=False)

    await try_siege(verdict, url, siege, where="here")

    assert verdict.is_good, verdict.findings


async def test_databases_of_a_trial_are_dropped(postgres_server: PostgresServer) -> None:
    async with trial_database(postgres_server._admin_url) as url:
        database = Database.open(url)
        await database.ping()
        await database.close()

    gone = Database.open(url)
    with pytest.raises(Exception, match="does not exist"):
        await gone.ping()
    await gone.close()


async def test_folder_of_a_trial_is_removed() -> None:
    async with trial_database(None) as url:
        path = Database.open(url).path
        assert path is not None
        assert await asyncio.to_thread(path.exists)

    assert not await asyncio.to_thread(Path(path).parent.exists)
