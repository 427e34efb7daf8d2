"""Outlooks on both databases: made once, aside, told to be old where they are, and never another's."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from officium.apps.cashflow.cash_forecast import CashForecastInput
from officium.apps.cashflow.deals import DealFields, DealService, DealStore
from officium.apps.cashflow.outlooks import Outlook, Outlooks, OutlookStore, listed, store
from officium.apps.cashflow.outlooks.outlook import key_of
from officium.apps.cashflow.outlooks.service import MOST_AT_ONCE
from officium.apps.cashflow.runs import RunStore
from officium.apps.cashflow.service import CashflowService
from officium.core.tenancy import Caller, Tenant, TenantStore, operator_of
from officium.kit.clock import SystemClock
from officium.kit.database import Database

ASKED = CashForecastInput()
MANY = MOST_AT_ONCE + 1
NOBODY = cast("Any", None)


class _Room:
    """The room over a database with two tenants, one with a deal."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, SystemClock()
        self.deals = DealService(DealStore(database), self.clock)
        self.ours, self.theirs = operator_of("ten_a"), operator_of("ten_b")
        self.outlooks = self.open()

    def open(self, looker: Any = None) -> Outlooks:
        cashflow = CashflowService(
            DealStore(self.database), RunStore(self.database), NOBODY, NOBODY, NOBODY, self.clock
        )
        return Outlooks(looker or cashflow, OutlookStore(self.database), self.clock)

    async def add_deal(self, caller: Caller, **said: Any) -> None:
        fields = {"title": "Alpha", "stage": "Order Received", "value": "1000", **said}
        await self.deals.create_deal(caller, DealFields.model_validate(fields))


@pytest.fixture
async def room(database: Database) -> _Room:
    for id in ("ten_a", "ten_b"):
        await TenantStore(database).add_for_all_tenants(Tenant(id=id, name=id, created_at=datetime.now(UTC)))
    room = _Room(database)
    await room.add_deal(room.ours)
    return room


async def _made(outlooks: Outlooks, caller: Caller) -> Outlook:
    async with asyncio.timeout(60):
        while (await outlooks.find_work(caller, ASKED)).percent is not None:  # noqa: ASYNC110 - as pages do
            await asyncio.sleep(0.02)
    found = (await outlooks.open(caller, ASKED, MANY)).outlook
    assert found is not None
    return found


async def test_few_deals_are_always_those_of_this_moment(room: _Room) -> None:
    before = await room.outlooks.open(room.ours, ASKED, 1)
    await room.add_deal(room.ours, title="Beta")
    after = await room.outlooks.open(room.ours, ASKED, 2)

    assert [len(view.outlook.deals) for view in (before, after) if view.outlook] == [1, 2]
    assert (after.has_changed, after.is_of_another_day, after.work.percent) == (False, False, None)


async def test_many_deals_are_worked_out_aside_and_said_to_be_old_when_they_are(room: _Room) -> None:
    first = await room.outlooks.open(room.ours, ASKED, MANY)
    made = await _made(room.outlooks, room.ours)
    await room.add_deal(room.ours, title="Beta")

    old = await room.outlooks.open(room.ours, ASKED, MANY)
    await room.outlooks.make(room.ours, ASKED)
    new = await _made(room.outlooks, room.ours)

    assert first.outlook is None
    assert first.work.percent is not None
    assert len(made.deals) == 1
    assert old.outlook is not None
    assert len(old.outlook.deals) == 1
    assert (old.has_changed, old.work.percent) == (True, None)
    assert {deal.title for deal in new.deals} == {"Alpha", "Beta"}
    assert new.forecast.deals_counted == 2


async def test_another_process_finds_what_was_made_and_another_tenant_does_not(room: _Room) -> None:
    await room.outlooks.open(room.ours, ASKED, 1)

    ours = await room.open().open(room.ours, ASKED, MANY)
    theirs = await room.open().open(room.theirs, ASKED, 0)

    assert ours.outlook is not None
    assert [deal.title for deal in ours.outlook.deals] == ["Alpha"]
    assert theirs.outlook is not None
    assert theirs.outlook.deals == ()


async def test_only_one_process_makes_it_until_nothing_is_heard_of_it(room: _Room) -> None:
    outlooks, key, now = OutlookStore(room.database), key_of(ASKED), room.clock.now()

    took = [await outlooks.begin(room.ours, key, now + timedelta(seconds=s)) for s in (0, 1, 119, 121)]
    work = await outlooks.find_work(room.ours, key, now + timedelta(seconds=122))
    lost = await outlooks.find_work(room.ours, key, now + timedelta(seconds=300))

    assert took == [True, False, False, True]
    assert (work.percent, lost.percent) == (0, None)


async def test_failure_is_told_and_not_tried_again_until_somebody_asks(room: _Room) -> None:
    class _Broken(CashflowService):
        tries = 0

        async def look(self, *_: Any, **__: Any) -> Outlook:
            _Broken.tries += 1
            raise ZeroDivisionError

    looker = _Broken(DealStore(room.database), RunStore(room.database), NOBODY, NOBODY, NOBODY, room.clock)
    outlooks = room.open(looker)
    await outlooks.open(room.ours, ASKED, MANY)
    async with asyncio.timeout(60):
        while (await outlooks.find_work(room.ours, ASKED)).failure is None:  # noqa: ASYNC110 - as pages do
            await asyncio.sleep(0.02)

    view = await outlooks.open(room.ours, ASKED, MANY)

    assert (view.outlook, view.work.failure, view.work.percent) == (None, "internal_error", None)
    assert _Broken.tries == 1


async def test_oldest_outlooks_make_room(room: _Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_KEPT", 2)
    horizons = (30, 60, 90)
    for days in horizons:
        await room.outlooks.open(room.ours, CashForecastInput(horizon_days=days), 1)

    found = [
        await OutlookStore(room.database).find_outlook(
            room.ours, key_of(CashForecastInput(horizon_days=days))
        )
        for days in horizons
    ]

    assert [one is not None for one in found] == [False, True, True]


async def test_every_deal_is_listed_or_left_out_with_its_reason(room: _Room) -> None:
    await room.add_deal(room.ours, title="Unheard", stage="Somewhere else")
    await room.add_deal(room.ours, title="Slow", stage="Production/Supplying")
    view = await room.outlooks.open(room.ours, ASKED, 3)
    assert view.outlook is not None
    deals, today = view.outlook.deals, view.outlook.stamp.today

    shown, rest = listed(deals, today + timedelta(days=20), 0.0)
    _, unsure = listed(deals, today + timedelta(days=20), 0.9)

    assert [one.title for one in shown] == ["Alpha"]
    assert {one.title: reason for one, reason in rest} == {"Unheard": "no_date", "Slow": "beyond_horizon"}
    assert {one.title for one, reason in unsure if reason == "low_confidence"} == {"Alpha", "Slow"}
