"""Where clients stand, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from officium.apps.widget.credits import AnswerCounts, CreditService, CreditStore
from officium.apps.widget.errors import ClientNotFound
from officium.apps.widget.visitors import VisitorStore
from officium.core.tenancy import Caller
from officium.core.usage import UsageStore
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.errors import PermissionDenied
from tests.support.agency import Agency
from tests.support.records import a_record


@pytest.fixture
def agency(database: Database) -> Agency:
    return Agency(database)


@pytest.fixture
async def admin(agency: Agency) -> Caller:
    return await agency.an_admin()


def _credits(agency: Agency) -> CreditService:
    store = CreditStore(agency.database)
    return CreditService(agency.service, store, agency.purse.service, agency.reports, agency.clock)


async def _answered(agency: Agency, caller: Caller, widget_id: int, source: str, days_ago: int = 0) -> None:
    day = (agency.clock.now() - timedelta(days=days_ago)).date()
    async with agency.database.writing(caller.tenant_id) as connection:
        await VisitorStore(agency.database)._count(caller, connection, widget_id, day, source)


async def test_credits_say_what_is_used_and_which_limit_binds_first(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)
    await agency.use(admin, widget, 4_000)

    found = await _credits(agency).get_credits(admin, client.id)

    assert list(found.balances) == [
        "monthly_token_limit",
        "daily_token_limit",
        "monthly_request_limit",
        "daily_request_limit",
    ]
    assert found.balances["daily_token_limit"].used == 4_000
    assert found.binds_first == "daily_token_limit"
    assert not found.is_exhausted


async def test_used_up_credits_are_exhausted(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    await agency.use(admin, await agency.a_widget(admin, client), 5_000)

    found = await _credits(agency).get_credits(admin, client.id)

    assert found.is_exhausted
    assert found.runs_out_at == agency.clock.now()


async def test_answers_of_all_widgets_of_a_client_are_counted_by_source(agency: Agency, admin: Caller):
    bakery, smithy = await agency.a_client(admin), await agency.a_client(admin, "Smithy")
    widgets = [await agency.a_widget(admin, bakery) for _ in range(2)]
    other = await agency.a_widget(admin, smithy)
    for widget, source, days_ago in [
        (widgets[0], "llm", 0),
        (widgets[1], "llm", 3),
        (widgets[1], "default", 0),
        (widgets[0], "llm", 40),
        (other, "knowledge_base", 0),
    ]:
        await _answered(agency, admin, widget.id, source, days_ago)

    found = await _credits(agency).list_credits(admin)

    assert [one.answers for one in found] == [
        AnswerCounts(llm=2, default=1),
        AnswerCounts(knowledge_base=1),
    ]
    assert found[0].answers.total == 3


async def test_days_have_answers_tokens_and_cost_of_the_client_alone(agency: Agency, admin: Caller):
    client, other = await agency.a_client(admin), await agency.a_client(admin, "Smithy")
    widget = await agency.a_widget(admin, client)
    await _answered(agency, admin, widget.id, "llm")
    mine = {"tenant_id": admin.tenant_id, "created_at": agency.clock.now()}
    await UsageStore(agency.database).append_for_all_tenants(
        [
            a_record(**mine, client_id=client.id, total_tokens=120, cost_nano_usd=500),
            a_record(**mine, client_id=client.id, total_tokens=30, cost_nano_usd=None),
            a_record(**mine, client_id=other.id, total_tokens=7_000, cost_nano_usd=9_000),
        ]
    )

    days = await _credits(agency).list_days(admin, client.id)
    credits = await _credits(agency).get_credits(admin, client.id)

    assert len(days) == 30
    assert days[-1].day == agency.clock.now().date()
    assert (days[-1].tokens, days[-1].requests, days[-1].cost_nano_usd) == (150, 2, 500)
    assert days[-1].has_unknown_cost
    assert days[-1].answers == AnswerCounts(llm=1)
    assert sum(day.tokens for day in days[:-1]) == 0
    assert (credits.tokens, credits.cost_nano_usd, credits.has_unknown_cost) == (150, 500, True)


async def test_clients_are_found_by_name_and_by_being_archived(agency: Agency, admin: Caller):
    bakery = await agency.a_client(admin, "100% Bakery")
    smithy = await agency.a_client(admin, "Smithy")
    await agency.service.update_client(admin, smithy.id, is_archived=True)
    credits = _credits(agency)

    def ids(found: list) -> list[int]:
        return [one.client.id for one in found]

    assert ids(await credits.list_credits(admin, is_archived=False)) == [bakery.id]
    assert ids(await credits.list_credits(admin, is_archived=True)) == [smithy.id]
    assert ids(await credits.list_credits(admin, search="bAKE")) == [bakery.id]
    assert ids(await credits.list_credits(admin, search="100%")) == [bakery.id]
    assert ids(await credits.list_credits(admin, search="0_ B")) == []
    assert ids(await credits.list_credits(admin)) == [bakery.id, smithy.id]


async def test_widgets_of_an_archived_client_are_closed_until_it_is_back(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)

    archived = await agency.service.update_client(admin, client.id, is_archived=True)
    closed = await agency.store.find_public_for_all_tenants(widget.widget_key)
    again = await agency.service.update_client(admin, client.id, is_archived=True)
    back = await agency.service.update_client(admin, client.id, is_archived=False)
    opened = await agency.store.find_public_for_all_tenants(widget.widget_key)

    assert archived.archived_at is not None
    assert again.archived_at == archived.archived_at
    assert back.archived_at is None
    assert closed is not None
    assert opened is not None
    assert (closed[1], opened[1]) == (True, False)


async def test_nothing_is_seen_by_other_tenants_or_without_the_scope(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)
    await _answered(agency, admin, widget.id, "llm")
    stranger = await agency.an_admin()
    reader = Caller(admin.tenant_id, "key:ak_1", frozenset({"config:read"}))
    credits = _credits(agency)

    assert await credits.list_credits(stranger) == []
    assert (
        await CreditStore(agency.database).count_answers(stranger, [client.id], agency.clock.now().date())
        == {}
    )
    for ask in (credits.get_credits, credits.list_days):
        with pytest.raises(ClientNotFound):
            await ask(stranger, client.id)
        with pytest.raises(PermissionDenied):
            await ask(reader, client.id)
    with pytest.raises(PermissionDenied):
        await credits.list_credits(reader)
    async with agency.database.reading(ALL_TENANTS) as connection:
        assert (await connection.execute(text("SELECT count(*) FROM widget_answer_counts"))).scalar_one() == 1
