"""What is kept of a tenant's deals between two forecasts, on both databases."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from officium.apps.cashflow.deals import DealChanges, DealFields, DealService, DealStore, SavedConfig, tables
from officium.apps.cashflow.history_keeper import HistoryKeeper
from officium.apps.cashflow.statistics import AS_STATED, Calibration
from officium.core.tenancy import Caller, Tenant, TenantStore, operator_of
from officium.kit.clock import SystemClock
from officium.kit.database import Database
from tests.support.clock import utc_today

CONFIG = SavedConfig()


class _CountingStore(DealStore):
    """Counts the deals that were read."""

    read = 0

    async def stream_facts(
        self, caller: Caller, since: datetime | None = None
    ) -> AsyncIterator[Sequence[Any]]:
        async for page in super().stream_facts(caller, since):
            self.read += len(page)
            yield page


async def _no_correction(caller: Caller) -> Calibration:
    return AS_STATED


@pytest.fixture
async def caller(database: Database) -> Caller:
    made = Tenant(id="ten_a", name="Alpha", created_at=datetime.now(UTC))
    await TenantStore(database).add_for_all_tenants(made)
    return operator_of(made.id)


@pytest.fixture
def store(database: Database) -> _CountingStore:
    return _CountingStore(database)


@pytest.fixture
def deals(store: _CountingStore) -> DealService:
    return DealService(store, SystemClock())


async def _bring(deals: DealService, caller: Caller, count: int, **said: Any) -> list[int]:
    fields = {"title": "Project", "stage": "Order Received", "value": "10", **said}
    return [(await deals.create_deal(caller, DealFields.model_validate(fields))).id for _ in range(count)]


async def _age(database: Database, caller: Caller) -> None:
    """Let all deals have been changed long ago."""
    long_ago = datetime.now(UTC) - timedelta(days=1)
    async with database.writing(caller.tenant_id) as connection:
        await connection.execute(update(tables.deals).values(updated_at=long_ago))


async def test_changed_deal_is_read_alone_and_everything_else_is_remembered(
    database: Database, store: _CountingStore, deals: DealService, caller: Caller
):
    ids = await _bring(deals, caller, 20)
    await _age(database, caller)
    keeper = HistoryKeeper(store, SystemClock(), _no_correction)
    first = await keeper.load(caller, CONFIG, utc_today())
    again = await keeper.load(caller, CONFIG, utc_today())
    store.read = 0

    await deals.update_deal(caller, ids[3], DealChanges(value=Decimal(77)))
    changed = await keeper.load(caller, CONFIG, utc_today())

    assert again is first
    assert store.read == 1
    assert sorted(deal.amount for deal in changed.open) == [Decimal(10)] * 19 + [Decimal(77)]


async def test_deals_that_are_new_closed_or_gone_are_noticed(
    database: Database, store: _CountingStore, deals: DealService, caller: Caller
):
    ids = await _bring(deals, caller, 5)
    await _age(database, caller)
    keeper = HistoryKeeper(store, SystemClock(), _no_correction)
    await keeper.load(caller, CONFIG, utc_today())

    await deals.delete_deal(caller, ids[0])
    (new,) = await _bring(deals, caller, 1)
    await deals.update_deal(caller, ids[1], DealChanges(stage="Lost"))
    found = await keeper.load(caller, CONFIG, utc_today())

    assert sorted(found.rows) == [*ids[2:], new]
    assert [deal.deal_id for deal in found.closed] == [ids[1]]
    assert sorted(found.endings) == [*ids[1:], new]


async def test_past_day_shows_a_closed_deal_as_it_was_then(
    store: _CountingStore, deals: DealService, caller: Caller
):
    start, end = utc_today() - timedelta(days=40), utc_today() - timedelta(days=5)
    (id,) = await _bring(deals, caller, 1, created_on=start, stage_changed_on=start, owner_name="Layla")
    await deals.update_deal(caller, id, DealChanges(stage="Paid", stage_changed_on=end))
    keeper = HistoryKeeper(store, SystemClock(), _no_correction)

    then = await keeper.load(caller, CONFIG, utc_today() - timedelta(days=20))
    now = await keeper.load(caller, CONFIG, utc_today())

    assert (then.rows[id]["title"], then.rows[id]["stage"], then.rows[id]["owner_name"]) == (
        "Project",
        "Order Received",
        "Layla",
    )
    assert (dict(now.rows), len(now.closed)) == ({}, 1)


async def test_correction_of_confidence_stays_until_a_deal_ends(
    store: _CountingStore, deals: DealService, caller: Caller
):
    ids = await _bring(deals, caller, 3)
    keeper = HistoryKeeper(store, SystemClock(), _no_correction)
    first = await keeper.load(caller, CONFIG, utc_today())
    found = first.correction

    await deals.update_deal(caller, ids[0], DealChanges(value=Decimal(7)))
    changed = await keeper.load(caller, CONFIG, utc_today())
    await deals.update_deal(caller, ids[0], DealChanges(stage="Lost"))
    ended = await keeper.load(caller, CONFIG, utc_today())

    assert changed.said_correction is found
    assert ended.said_correction is None


async def test_closed_deal_that_is_corrected_or_opened_again_is_not_kept_twice(
    database: Database, store: _CountingStore, deals: DealService, caller: Caller
):
    start = utc_today() - timedelta(days=40)
    ids = await _bring(deals, caller, 4, created_on=start, stage_changed_on=start)
    for id in ids[:3]:
        await deals.update_deal(caller, id, DealChanges(stage="Paid", stage_changed_on=utc_today()))
    await _age(database, caller)
    keeper = HistoryKeeper(store, SystemClock(), _no_correction)
    await keeper.load(caller, CONFIG, utc_today())

    await deals.update_deal(caller, ids[0], DealChanges(value=Decimal(77)))
    await deals.update_deal(
        caller, ids[1], DealChanges(stage="Under Progress", paid_on=None, invoiced_on=None)
    )
    await deals.delete_deal(caller, ids[2])
    found = await keeper.load(caller, CONFIG, utc_today())

    assert [(deal.deal_id, deal.amount) for deal in found.closed] == [(ids[0], Decimal(77))]
    assert sorted(found.rows) == [ids[1], ids[3]]
    assert found.endings[ids[0]][1] == utc_today()
    assert found.endings.get(ids[2]) is None


@pytest.mark.parametrize("stage", ['In "review"', "قيد التنفيذ", "Yard\\2", 'ends\\"', ""], ids=ascii)
async def test_stages_are_read_as_they_were_written(
    store: _CountingStore, deals: DealService, caller: Caller, stage: str
):
    start, end = utc_today() - timedelta(days=40), utc_today() - timedelta(days=5)
    first, then = stage or "Order Received", "Under Progress"
    (closed, waiting) = await _bring(deals, caller, 2, stage=first, created_on=start, stage_changed_on=start)
    for id in (closed, waiting):
        await deals.update_deal(caller, id, DealChanges(stage=then, stage_changed_on=end))
    await deals.update_deal(caller, closed, DealChanges(stage="Paid", stage_changed_on=utc_today()))

    found = await HistoryKeeper(store, SystemClock(), _no_correction).load(caller, CONFIG, utc_today())

    assert found.open[0].stage_changes == ((start, first), (end, then))
    assert found.closed[0].stage_changes[:2] == ((start, first), (end, then))
