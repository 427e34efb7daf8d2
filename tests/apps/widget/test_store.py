"""The view `client_llm_usage`, on both databases: what it shows, of which period, and whose limits."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from officium.apps.widget import Client, Limits, LlmUsage, Widget
from officium.core.tenancy import Caller
from officium.core.usage.budgets import BudgetChanges
from officium.kit.database import ALL_TENANTS, Database
from tests.support.agency import Agency

COLUMNS = {
    "client_id",
    "widget_id",
    "monthly_token_limit",
    "daily_token_limit",
    "monthly_request_limit",
    "daily_request_limit",
    "tokens_used_today",
    "tokens_used_this_month",
    "requests_made_today",
    "requests_made_this_month",
    "total_tokens_used",
    "total_requests_made",
    "credits_exhausted",
}


class Shop:
    """A client with a widget, of a tenant of their own."""

    def __init__(self, agency: Agency, admin: Caller, client: Client, widget: Widget) -> None:
        self.agency, self.admin, self.client, self.widget = agency, admin, client, widget

    async def usage(self) -> LlmUsage:
        found = await self.agency.store.find_usage(self.admin, self.widget.id)
        assert found is not None
        return found


@pytest.fixture
async def shop(database: Database) -> Shop:
    agency = Agency(database)
    admin = await agency.an_admin()
    client = await agency.a_client(admin)
    return Shop(agency, admin, client, await agency.a_widget(admin, client))


async def rows_of_view(database: Database) -> list[dict[str, Any]]:
    async with database.reading(ALL_TENANTS) as connection:
        found = await connection.execute(text("SELECT * FROM client_llm_usage ORDER BY widget_id"))
        return [dict(row) for row in found.mappings()]


async def test_view_has_the_documented_columns_and_the_tenant(shop: Shop, database: Database):
    (row,) = await rows_of_view(database)

    assert set(row) == {*COLUMNS, "tenant_id"}
    assert set(LlmUsage.__struct_fields__) == COLUMNS
    assert row["tenant_id"] == shop.admin.tenant_id


async def test_unused_widget_has_a_row_with_its_clients_limits(shop: Shop):
    assert await shop.usage() == LlmUsage(
        client_id=shop.client.id,
        widget_id=shop.widget.id,
        monthly_token_limit=100_000,
        daily_token_limit=5_000,
        monthly_request_limit=1_000,
        daily_request_limit=100,
        tokens_used_today=0,
        tokens_used_this_month=0,
        requests_made_today=0,
        requests_made_this_month=0,
        total_tokens_used=0,
        total_requests_made=0,
        credits_exhausted=False,
    )


async def test_row_has_what_the_widget_used_and_not_its_sister(shop: Shop):
    sister = await shop.agency.a_widget(shop.admin, shop.client)
    await shop.agency.use(shop.admin, shop.widget, 450, requests=3)

    usage, hers = await shop.agency.store.list_usage(shop.admin, shop.client.id)

    assert (usage.tokens_used_today, usage.tokens_used_this_month, usage.total_tokens_used) == (450,) * 3
    assert (usage.requests_made_today, usage.requests_made_this_month, usage.total_requests_made) == (3,) * 3
    assert (hers.widget_id, hers.tokens_used_today, hers.total_tokens_used) == (sister.id, 0, 0)


async def test_yesterday_and_last_month_are_over_without_any_timer(shop: Shop):
    budgets = await shop.agency.budgets_of(shop.admin, shop.widget.subject)
    now = shop.agency.clock.now()
    await shop.agency.purse.count(budgets["tokens", "day"], 70, at=now - timedelta(days=1))
    await shop.agency.purse.count(budgets["tokens", "month"], 700, at=now - timedelta(days=31))
    await shop.agency.purse.count(budgets["tokens", "total"], 7000)

    usage = await shop.usage()

    assert (usage.tokens_used_today, usage.tokens_used_this_month, usage.total_tokens_used) == (0, 0, 7000)


async def test_cap_of_the_widget_stands_before_the_limit_of_its_client(shop: Shop):
    await shop.agency.service.set_widget_limits(
        shop.admin, shop.widget.id, Limits(daily_token_limit=500, monthly_request_limit=9)
    )
    await shop.agency.service.set_client_limits(shop.admin, shop.client.id, Limits(daily_request_limit=None))

    usage = await shop.usage()

    assert (usage.daily_token_limit, usage.monthly_request_limit) == (500, 9)
    assert (usage.monthly_token_limit, usage.daily_request_limit) == (100_000, None)


@pytest.mark.parametrize(
    ("used", "is_refused", "is_exhausted"),
    [
        pytest.param(4_999, False, False, id="nearly"),
        pytest.param(5_000, False, True, id="used-up"),
        pytest.param(4_990, True, True, id="refused-for-want-of-room"),
    ],
)
async def test_credits_of_a_client_are_exhausted_for_all_its_widgets(
    shop: Shop, used: int, is_refused: bool, is_exhausted: bool
):
    sister = await shop.agency.a_widget(shop.admin, shop.client)
    day = (await shop.agency.budgets_of(shop.admin, shop.client.subject))["tokens", "day"]
    moment = shop.agency.clock.now() if is_refused else None
    await shop.agency.purse.count(day, used, exhausted_at=moment)

    rows = await shop.agency.store.list_usage(shop.admin, shop.client.id)

    assert [row.widget_id for row in rows] == [shop.widget.id, sister.id]
    assert [row.credits_exhausted for row in rows] == [is_exhausted] * 2


async def test_cap_of_a_widget_exhausts_that_widget_alone(shop: Shop):
    await shop.agency.a_widget(shop.admin, shop.client)
    await shop.agency.service.set_widget_limits(shop.admin, shop.widget.id, Limits(daily_token_limit=0))

    rows = await shop.agency.store.list_usage(shop.admin, shop.client.id)

    assert [row.credits_exhausted for row in rows] == [True, False]


async def test_soft_limit_exhausts_nothing(shop: Shop):
    day = (await shop.agency.budgets_of(shop.admin, shop.client.subject))["tokens", "day"]
    await shop.agency.purse.count(day, 9_999)
    await shop.agency.purse.service.update_budget(shop.admin, day.id, BudgetChanges(is_hard=False))

    assert not (await shop.usage()).credits_exhausted


async def test_day_that_is_over_exhausts_nothing(shop: Shop):
    day = (await shop.agency.budgets_of(shop.admin, shop.client.subject))["tokens", "day"]
    yesterday = shop.agency.clock.now() - timedelta(days=1)
    await shop.agency.purse.count(day, 9_999, at=yesterday, exhausted_at=yesterday)

    assert not (await shop.usage()).credits_exhausted


async def test_moved_client_keeps_its_row(shop: Shop):
    await shop.agency.use(shop.admin, shop.widget, 450)

    for zone in ("Pacific/Kiritimati", "Pacific/Honolulu", "UTC"):
        await shop.agency.service.update_client(shop.admin, shop.client.id, time_zone=zone)

    usage = await shop.usage()
    assert (usage.tokens_used_today, usage.total_tokens_used) == (450, 450)


async def test_tenants_see_their_own_rows_even_in_plain_sql(shop: Shop, database: Database):
    other = await shop.agency.an_admin()
    await shop.agency.a_widget(other, await shop.agency.a_client(other))

    assert len(await rows_of_view(database)) == 2
    if database.dialect == "postgresql":
        async with database.reading(other.tenant_id) as connection:
            found = await connection.execute(text("SELECT tenant_id FROM client_llm_usage"))
            assert list(found.scalars()) == [other.tenant_id]
