"""Clients and widgets with their budgets, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from officium.apps.widget import Limits, WidgetChanges, WidgetSettings
from officium.apps.widget import store as store_module
from officium.apps.widget.errors import ClientNotFound, InvalidClient, InvalidWidget, WidgetNotFound
from officium.core.tenancy import SCOPES, AuditService, AuditStore, Caller
from officium.core.usage import UsageStore
from officium.core.usage.budgets import BudgetChanges
from officium.core.usage.budgets import store as budget_store_module
from officium.core.usage.ledger.errors import InvalidBudget
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.errors import Conflict, InvalidRequest, PermissionDenied
from tests.support.agency import Agency
from tests.support.records import a_record

WIDGET_COUNTS = {
    (unit, period): None for unit in ("tokens", "requests") for period in ("day", "month", "total")
}
SHOP = WidgetSettings(name="Shop")


@pytest.fixture
def agency(database: Database) -> Agency:
    return Agency(database)


@pytest.fixture
async def admin(agency: Agency) -> Caller:
    return await agency.an_admin()


async def test_client_has_the_default_limits_in_its_own_time(agency: Agency, admin: Caller):
    client = await agency.a_client(admin, time_zone="Asia/Riyadh")

    budgets = await agency.budgets_of(admin, client.subject)

    assert {measure: budget.limit for measure, budget in budgets.items()} == {
        ("tokens", "month"): 100_000,
        ("tokens", "day"): 5_000,
        ("requests", "month"): 1_000,
        ("requests", "day"): 100,
    }
    assert all(budget.is_hard and budget.time_zone == "Asia/Riyadh" for budget in budgets.values())
    assert await agency.service.get_client(admin, client.id) == client


async def test_client_without_its_limits_is_never_there(
    agency: Agency, admin: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(budget_store_module, "MOST_BUDGETS", 3)

    with pytest.raises(InvalidBudget):
        await agency.a_client(admin)

    assert await agency.service.list_clients(admin) == []


async def test_widget_is_counted_from_its_first_moment(agency: Agency, admin: Caller):
    client = await agency.a_client(admin, time_zone="Asia/Riyadh")

    widget = await agency.a_widget(admin, client)

    budgets = await agency.budgets_of(admin, widget.subject)
    assert {measure: budget.limit for measure, budget in budgets.items()} == WIDGET_COUNTS
    assert {budget.time_zone for budget in budgets.values()} == {"Asia/Riyadh"}
    assert await agency.service.get_widget(admin, widget.id) == widget
    assert widget.widget_key.startswith("wk_")


async def test_widgets_have_keys_of_their_own(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)

    keys = {(await agency.a_widget(admin, client)).widget_key for _ in range(3)}

    assert len(keys) == 3


async def test_id_of_a_deleted_client_or_widget_is_never_given_again(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)
    await agency.service.delete_client(admin, client.id)

    again = await agency.a_client(admin)

    assert again.id > client.id
    assert (await agency.a_widget(admin, again)).id > widget.id


async def test_what_a_client_had_goes_with_it(agency: Agency, admin: Caller):
    client, other = await agency.a_client(admin), await agency.a_client(admin)
    widget, others = await agency.a_widget(admin, client), await agency.a_widget(admin, other)
    await agency.use(admin, widget, 10)

    await agency.service.delete_client(admin, client.id)

    with pytest.raises(ClientNotFound):
        await agency.service.get_client(admin, client.id)
    with pytest.raises(WidgetNotFound):
        await agency.service.get_widget(admin, widget.id)
    assert await agency.budgets_of(admin, client.subject) == {}
    assert await agency.budgets_of(admin, widget.subject) == {}
    assert len(await agency.budgets_of(admin, others.subject)) == 6
    async with agency.database.reading(ALL_TENANTS) as connection:
        assert (await connection.execute(text("SELECT count(*) FROM budget_counters"))).scalar() == 0


async def test_deleted_widget_leaves_its_client_what_it_used(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)
    await agency.use(admin, widget, 10)

    await agency.service.delete_widget(admin, widget.id)

    assert await agency.budgets_of(admin, widget.subject) == {}
    balances = await agency.purse.service.list_balances(admin, [client.subject])
    assert {balance.used for balance in balances if balance.budget.unit == "tokens"} == {10}


async def test_client_in_another_time_zone_keeps_what_was_used(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)
    own = (await agency.budgets_of(admin, client.subject))["requests", "day"]
    await agency.purse.service.update_budget(admin, own.id, BudgetChanges(time_zone="America/Lima"))
    await agency.use(admin, widget, 10)

    moved = await agency.service.update_client(admin, client.id, time_zone="Asia/Riyadh")

    assert (moved.client_name, moved.time_zone) == ("Bakery", "Asia/Riyadh")
    zones = {budget.time_zone for budget in (await agency.budgets_of(admin, widget.subject)).values()}
    assert zones == {"Asia/Riyadh"}
    theirs = await agency.budgets_of(admin, client.subject)
    assert theirs["tokens", "day"].time_zone == "Asia/Riyadh"
    assert theirs["requests", "day"].time_zone == "America/Lima", "It was set apart from its client's."
    month = theirs["tokens", "month"]
    assert (await agency.purse.service.get_budget(admin, month.id)).used == 10


async def test_widget_is_changed_in_what_is_named(agency: Agency, admin: Caller):
    widget = await agency.a_widget(admin, await agency.a_client(admin))

    changed = await agency.service.update_widget(
        admin, widget.id, WidgetChanges(llm_provider="groq", llm_enabled=False)
    )

    assert (changed.llm_provider, changed.llm_enabled, changed.name) == ("groq", False, "Shop")
    assert await agency.service.get_widget(admin, widget.id) == changed
    assert changed.widget_key == widget.widget_key


async def test_who_changes_what_someone_else_changed_is_told(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)
    await agency.service.update_client(admin, client.id, client_name="First", expected=client.updated_at)
    await agency.service.update_widget(
        admin, widget.id, WidgetChanges(name="First"), expected=widget.updated_at
    )

    with pytest.raises(Conflict):
        await agency.service.update_client(admin, client.id, client_name="Last", expected=client.updated_at)
    with pytest.raises(Conflict):
        await agency.service.update_widget(
            admin, widget.id, WidgetChanges(name="Last"), expected=widget.updated_at
        )

    assert (await agency.service.get_client(admin, client.id)).client_name == "First"
    assert (await agency.service.get_widget(admin, widget.id)).name == "First"


async def test_what_cannot_be_is_refused(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)

    with pytest.raises(InvalidClient):
        await agency.service.update_client(admin, client.id, time_zone="Mars")
    with pytest.raises(InvalidWidget):
        await agency.service.update_widget(admin, widget.id, WidgetChanges(llm_temperature=9))
    with pytest.raises(ClientNotFound):
        await agency.service.create_widget(admin, client.id + 99, SHOP)


async def test_there_are_no_more_than_there_may_be(
    agency: Agency, admin: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store_module, "MOST_CLIENTS", 1)
    monkeypatch.setattr(store_module, "MOST_WIDGETS", 1)
    client = await agency.a_client(admin)
    await agency.a_widget(admin, client)

    with pytest.raises(InvalidClient, match="at most 1"):
        await agency.a_client(admin)
    with pytest.raises(InvalidWidget, match="at most 1"):
        await agency.a_widget(admin, client)


async def test_limits_of_a_client_and_caps_of_a_widget_are_set(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)

    raised = await agency.service.set_client_limits(
        admin,
        client.id,
        Limits(
            monthly_token_limit=200_000,
            daily_token_limit=10_000,
            monthly_request_limit=2_000,
            daily_request_limit=None,
        ),
    )
    capped = await agency.service.set_widget_limits(admin, widget.id, Limits(daily_token_limit=500))

    assert raised == Limits(
        monthly_token_limit=200_000,
        daily_token_limit=10_000,
        monthly_request_limit=2_000,
        daily_request_limit=None,
    )
    assert capped == Limits(
        monthly_token_limit=None,
        daily_token_limit=500,
        monthly_request_limit=None,
        daily_request_limit=None,
    )
    assert (await agency.budgets_of(admin, widget.subject))["tokens", "day"].is_hard


async def test_reset_takes_back_the_day_of_a_client_and_all_its_widgets(agency: Agency, admin: Caller):
    client, other = await agency.a_client(admin), await agency.a_client(admin)
    widgets = [await agency.a_widget(admin, client) for _ in range(2)]
    await agency.a_widget(admin, other)

    await agency.service.reset_usage(admin, client.id)

    expected = {
        budget.id
        for subject in (client.subject, *(widget.subject for widget in widgets))
        for (_, period), budget in (await agency.budgets_of(admin, subject)).items()
        if period == "day"
    }
    ((_, reset),) = agency.purse.ledger.resets
    assert set(reset) == expected
    assert len(reset) == 6


async def test_limit_that_will_be_met_first_is_named(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    roomy, capped = [await agency.a_widget(admin, client, name) for name in ("a", "b")]
    await agency.service.set_widget_limits(admin, capped.id, Limits(monthly_request_limit=2))
    await agency.use(admin, roomy, 4_900)
    await agency.use(admin, capped, 4_900, requests=2)

    rows = await agency.service.list_llm_usage(admin, client.id)

    assert [(row.usage.widget_id, row.binds_first) for row in rows] == [
        (roomy.id, "daily_token_limit"),
        (capped.id, "monthly_request_limit"),
    ]


async def test_analytics_are_those_of_the_widgets_last_thirty_days(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget, other = [await agency.a_widget(admin, client) for _ in range(2)]
    await agency.use(admin, widget, 30, 2)
    now = agency.clock.now()
    record = {"tenant_id": admin.tenant_id, "created_at": now, "widget_id": widget.id}
    await UsageStore(agency.database).append_for_all_tenants(
        [
            a_record(**{**record, "duration_ms": 1200}),
            a_record(**{**record, "status": "failed", "total_tokens": None}),
            a_record(**{**record, "attempt": 0, "status": "refused", "error_code": "out_of_credits"}),
            a_record(**{**record, "created_at": now - timedelta(days=31)}),
            a_record(**{**record, "widget_id": other.id}),
        ]
    )

    found = await agency.service.get_llm_analytics(admin, widget.id)

    assert (found.usage.tokens_used_today, found.usage.total_requests_made) == (30, 2)
    analytics = found.analytics
    assert (analytics.total, analytics.successful, analytics.failed, analytics.exhausted) == (3, 1, 1, 1)
    assert analytics.average_ms == 1200


async def test_clients_and_widgets_come_in_pages(agency: Agency, admin: Caller):
    clients = [await agency.a_client(admin, f"Client {number}") for number in range(3)]
    widgets = [await agency.a_widget(admin, clients[0], f"Widget {number}") for number in range(3)]
    await agency.a_widget(admin, clients[1])

    assert await agency.service.list_clients(admin, limit=2) == clients[:2]
    assert await agency.service.list_clients(admin, after=clients[1].id) == clients[2:]
    assert await agency.service.list_widgets(admin, clients[0].id, limit=2) == widgets[:2]
    assert await agency.service.list_widgets(admin, clients[0].id, after=widgets[1].id) == widgets[2:]
    with pytest.raises(InvalidRequest):
        await agency.service.list_clients(admin, limit=0)


async def test_every_change_stands_in_the_audit_log(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)
    await agency.service.update_widget(admin, widget.id, WidgetChanges(name="New"), request_id="req_1")
    await agency.service.update_client(admin, client.id, client_name="New")
    await agency.service.delete_widget(admin, widget.id)
    await agency.service.delete_client(admin, client.id)

    entries = await AuditService(AuditStore(agency.database)).list_entries(admin)

    told = {(entry.action, entry.thing_id) for entry in entries}
    assert told == {
        (f"{thing}.{done}", str(id))
        for thing, id in (("client", client.id), ("widget", widget.id))
        for done in ("created", "changed", "deleted")
    }
    (renamed,) = (entry for entry in entries if entry.action == "widget.changed")
    assert renamed.before is not None
    assert renamed.after is not None
    assert (renamed.before["name"], renamed.after["name"], renamed.request_id) == ("Shop", "New", "req_1")


async def test_what_is_anothers_is_out_of_reach(agency: Agency, admin: Caller):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)
    await agency.use(admin, widget, 10)
    other = await agency.an_admin()

    assert await agency.service.list_clients(other) == []
    for attempt in (
        agency.service.get_client(other, client.id),
        agency.service.update_client(other, client.id, client_name="Mine"),
        agency.service.delete_client(other, client.id),
        agency.service.create_widget(other, client.id, SHOP),
        agency.service.list_widgets(other, client.id),
        agency.service.set_client_limits(other, client.id, Limits(daily_token_limit=1)),
        agency.service.reset_usage(other, client.id),
        agency.service.list_llm_usage(other, client.id),
    ):
        with pytest.raises(ClientNotFound):
            await attempt
    for attempt in (
        agency.service.get_widget(other, widget.id),
        agency.service.update_widget(other, widget.id, WidgetChanges(name="Mine")),
        agency.service.delete_widget(other, widget.id),
        agency.service.set_widget_limits(other, widget.id, Limits(daily_token_limit=1)),
        agency.service.get_llm_analytics(other, widget.id),
    ):
        with pytest.raises(WidgetNotFound):
            await attempt
    assert await agency.store.list_usage(other, client.id) == []
    assert await agency.service.get_client(admin, client.id) == client
    assert await agency.service.get_widget(admin, widget.id) == widget


@pytest.mark.parametrize(
    ("scopes", "refused"),
    [
        pytest.param({"config:read"}, {"write", "limit", "usage"}, id="reader"),
        pytest.param({"config:write"}, {"limit", "usage"}, id="writer"),
        pytest.param({"usage:read"}, {"read", "write", "limit"}, id="counter"),
        pytest.param({"admin"}, set(), id="administrator"),
        pytest.param(SCOPES - {"admin"}, {"limit"}, id="all-others"),
    ],
)
async def test_each_may_do_what_its_scopes_say(
    agency: Agency, admin: Caller, scopes: set[str], refused: set[str]
):
    client = await agency.a_client(admin)
    widget = await agency.a_widget(admin, client)
    caller = Caller(admin.tenant_id, "key:ak_1", frozenset(scopes))
    attempts = {
        "read": [
            agency.service.get_client(caller, client.id),
            agency.service.list_clients(caller),
            agency.service.list_widgets(caller, client.id),
            agency.service.get_widget(caller, widget.id),
        ],
        "usage": [
            agency.service.list_llm_usage(caller, client.id),
            agency.service.get_llm_analytics(caller, widget.id),
        ],
        "limit": [
            agency.service.set_client_limits(caller, client.id, Limits(daily_token_limit=1)),
            agency.service.set_widget_limits(caller, widget.id, Limits(daily_token_limit=1)),
            agency.service.reset_usage(caller, client.id),
        ],
        "write": [
            agency.service.create_client(caller, "New"),
            agency.service.update_client(caller, client.id, client_name="New"),
            agency.service.create_widget(caller, client.id, SHOP),
            agency.service.update_widget(caller, widget.id, WidgetChanges(name="New")),
            agency.service.delete_widget(caller, widget.id),
            agency.service.delete_client(caller, client.id),
        ],
    }

    for kind, all_of_it in attempts.items():
        for attempt in all_of_it:
            if kind in refused:
                with pytest.raises(PermissionDenied):
                    await attempt
            else:
                await attempt
