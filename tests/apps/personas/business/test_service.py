"""What a business tells, and what its advisers would be told, on both databases."""

from datetime import timedelta

import pytest

from officium.apps.personas.business import BusinessProfile, Insight, Snapshot
from officium.apps.personas.business import store as store_module
from officium.apps.personas.business.errors import (
    InsightNotFound,
    InvalidInsight,
    InvalidProfile,
    InvalidSnapshot,
)
from officium.core.tenancy import AuditService, AuditStore, Caller
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from officium.kit.notices import LocalNotices
from tests.support.business import DAY, FIGURES, Business

PROFILE = BusinessProfile(
    industry="SaaS", size="small", stage="growth", revenue="$100k-$500k", goals=("Grow",), extra={"team": 12}
)
NEWS = Insight(module="crm", key="open-deals", text="Three deals wait.", data={"worth": 48000})


@pytest.fixture
def business(database: Database) -> Business:
    return Business(database)


@pytest.fixture
async def admin(business: Business) -> Caller:
    return await business.an_admin()


def with_scopes(caller: Caller, *scopes: str) -> Caller:
    return Caller(caller.tenant_id, "key:other", frozenset(scopes))  # type: ignore[arg-type]


async def test_who_has_told_nothing_has_an_empty_context(business: Business, admin: Caller):
    context = await business.service.get_context(admin)

    assert (context.profile, context.snapshot, context.insights) == (None, None, ())
    assert not context.is_stale


async def test_what_was_told_is_known_with_its_dates(business: Business, admin: Caller):
    await business.service.set_profile(admin, PROFILE)
    await business.service.add_snapshots(admin, [FIGURES])
    await business.service.push_insights(admin, [NEWS])

    context = await business.service.get_context(admin)

    assert context.profile is not None
    assert (context.profile.industry, context.profile.goals, context.profile.extra) == (
        "SaaS",
        ("Grow",),
        {"team": 12},
    )
    assert context.snapshot is not None
    assert (context.snapshot.as_of, context.snapshot.figures) == (DAY, FIGURES.figures)
    assert [(each.text, each.data, each.observed_at) for each in context.insights] == [
        ("Three deals wait.", {"worth": 48000}, business.clock.now())
    ]


async def test_latest_figures_win_whenever_they_come(business: Business, admin: Caller):
    await business.service.add_snapshots(admin, [FIGURES])
    await business.service.add_snapshots(admin, [Snapshot(as_of=DAY - timedelta(days=30), users=7)])

    context = await business.service.get_context(admin)

    assert context.snapshot is not None
    assert context.snapshot.users == 450


async def test_figures_of_a_moment_told_again_replace_the_first(business: Business, admin: Caller):
    for users in (1, 2):
        await business.service.add_snapshots(admin, [Snapshot(as_of=DAY, users=users)])

    assert [each.users for each in await business.service.list_snapshots(admin)] == [2]


async def test_figures_older_than_a_week_are_stale(business: Business, admin: Caller):
    await business.service.add_snapshots(admin, [FIGURES])
    fresh = await business.service.get_context(admin)

    business.clock.advance(timedelta(days=7).total_seconds())
    later = await business.service.get_context(admin)

    assert (fresh.is_stale, later.is_stale) == (False, True)


async def test_snapshots_come_in_pages_latest_first(business: Business, admin: Caller):
    days = [Snapshot(as_of=DAY - timedelta(days=ago), users=ago) for ago in range(5)]
    await business.service.add_snapshots(admin, days)

    first = await business.service.list_snapshots(admin, limit=3)
    second = await business.service.list_snapshots(admin, before=first[-1].as_of, limit=3)

    assert [each.users for each in (*first, *second)] == [0, 1, 2, 3, 4]


async def test_wrong_snapshot_among_right_ones_saves_none(business: Business, admin: Caller):
    with pytest.raises(InvalidSnapshot):
        await business.service.add_snapshots(admin, [FIGURES, Snapshot(as_of=DAY - timedelta(1), users=-1)])

    assert await business.service.list_snapshots(admin) == []


async def test_too_many_snapshots_save_none(
    business: Business, admin: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store_module, "MOST_SNAPSHOTS", 2)
    days = [Snapshot(as_of=DAY - timedelta(days=ago), users=1) for ago in range(3)]

    with pytest.raises(InvalidSnapshot, match="at most"):
        await business.service.add_snapshots(admin, days)

    assert await business.service.list_snapshots(admin) == []


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(Snapshot(as_of=DAY), id="nothing-measured"),
        pytest.param(Snapshot(as_of=DAY + timedelta(days=9), users=1), id="not-yet"),
        pytest.param(Snapshot(as_of=DAY, revenue=float("nan")), id="no-number"),
        pytest.param(Snapshot(as_of=DAY, sessions=10**16), id="too-large"),
        pytest.param(Snapshot(as_of=DAY, extra={"two\nlines": 1}), id="name-that-breaks-lines"),
        pytest.param(Snapshot(as_of=DAY, extra={str(n): 1 for n in range(51)}), id="too-many"),
    ],
)
async def test_figures_that_cannot_be_are_refused(business: Business, admin: Caller, wrong: Snapshot):
    with pytest.raises(InvalidSnapshot):
        await business.service.add_snapshots(admin, [wrong])


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(BusinessProfile(industry=""), id="empty"),
        pytest.param(BusinessProfile(industry="a\nb"), id="two-lines"),
        pytest.param(BusinessProfile(stage="x" * 501), id="too-long"),
        pytest.param(BusinessProfile(revenue="\0"), id="nul"),
        pytest.param(BusinessProfile(size="\ud800"), id="half-a-character"),
        pytest.param(BusinessProfile(goals=("x",) * 21), id="too-many-goals"),
        pytest.param(BusinessProfile(extra={"Label: x": 1}), id="name-that-looks-like-a-label"),
        pytest.param(BusinessProfile(extra={"team": float("inf")}), id="endless"),
    ],
)
async def test_profile_that_cannot_be_told_is_refused(
    business: Business, admin: Caller, wrong: BusinessProfile
):
    with pytest.raises(InvalidProfile):
        await business.service.set_profile(admin, wrong)


async def test_profile_is_replaced_and_the_change_is_written_down(
    business: Business, database: Database, admin: Caller
):
    await business.service.set_profile(admin, PROFILE)
    await business.service.set_profile(admin, BusinessProfile(industry="Bakery"), request_id="req_2")

    profile = await business.service.find_profile(admin)
    log = await AuditService(AuditStore(database)).list_entries(admin)
    assert profile is not None
    assert (profile.industry, profile.stage, profile.goals) == ("Bakery", None, ())
    assert [(entry.action, entry.request_id) for entry in log][:1] == [("business_profile.set", "req_2")]
    assert log[0].before is not None
    assert log[0].before["industry"] == "SaaS"


async def test_later_insight_replaces_and_an_earlier_one_does_not(business: Business, admin: Caller):
    for text, ago in (("now", 0), ("yesterday", 1)):
        observed = business.clock.now() - timedelta(days=ago)
        await business.service.push_insights(
            admin, [Insight(module="crm", key="mood", text=text, observed_at=observed)]
        )

    assert [each.text for each in await business.service.list_insights(admin)] == ["now"]


async def test_expired_insight_is_told_to_nobody_though_it_is_remembered(business: Business, admin: Caller):
    until = business.clock.now() + timedelta(seconds=30)
    await business.service.push_insights(
        admin, [NEWS, Insight(module="crm", key="mood", text="Good", expires_at=until)]
    )
    before = await business.service.get_context(admin)

    business.clock.advance(30)
    after = await business.service.get_context(admin)

    assert {each.key for each in before.insights} == {"open-deals", "mood"}
    assert [each.key for each in after.insights] == ["open-deals"]
    assert [each.key for each in await business.service.list_insights(admin)] == ["open-deals"]


async def test_insights_come_in_pages(business: Business, admin: Caller):
    names = [("a", "x"), ("a", "y"), ("b", "x")]
    await business.service.push_insights(
        admin, [Insight(module=module, key=key, text="t") for module, key in names]
    )

    first = await business.service.list_insights(admin, limit=2)
    second = await business.service.list_insights(admin, after=("a", "y"), limit=2)

    assert [(each.module, each.key) for each in (*first, *second)] == names


async def test_too_many_insights_save_none(
    business: Business, admin: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store_module, "MOST_INSIGHTS", 1)

    with pytest.raises(InvalidInsight, match="at most"):
        await business.service.push_insights(admin, [NEWS, Insight(module="b", key="x", text="t")])

    assert await business.service.list_insights(admin) == []


async def test_insights_are_forgotten_one_by_one_or_by_module(business: Business, admin: Caller):
    for key in ("x", "y", "z"):
        await business.service.push_insights(admin, [Insight(module="crm", key=key, text="t")])

    await business.service.delete_insights(admin, "crm", "x")
    left = [each.key for each in await business.service.list_insights(admin)]
    await business.service.delete_insights(admin, "crm")

    assert left == ["y", "z"]
    assert await business.service.list_insights(admin) == []
    with pytest.raises(InsightNotFound):
        await business.service.delete_insights(admin, "crm")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(Insight(module="crm", key="x"), id="says-nothing"),
        pytest.param(Insight(module="", key="x", text="t"), id="no-module"),
        pytest.param(Insight(module="crm", key="a/b", text="t"), id="key-with-a-slash"),
        pytest.param(Insight(module="crm", key="x", text="\0"), id="nul"),
        pytest.param(Insight(module="crm", key="x", data={"a": "x" * 9000}), id="too-much-data"),
        pytest.param(Insight(module="crm", key="x", data={"a": "\0"}), id="nul-in-data"),
        pytest.param(Insight(module="crm", key="x", data={"a": "\udc00"}), id="half-a-character-in-data"),
        pytest.param(Insight(module="crm", key="x", data={"a": [[[[[[[[1]]]]]]]]}), id="deep-data"),
    ],
)
async def test_insight_that_cannot_be_told_is_refused(business: Business, admin: Caller, wrong: Insight):
    with pytest.raises(InvalidInsight):
        await business.service.push_insights(admin, [wrong])


async def test_key_of_a_module_can_push_and_nothing_else(business: Business, admin: Caller):
    module = with_scopes(admin, "insights:write")

    assert await business.service.push_insights(module, [NEWS]) == 1
    for refused in (
        business.service.get_context(module),
        business.service.list_insights(module),
        business.service.list_snapshots(module),
        business.service.find_profile(module),
        business.service.set_profile(module, PROFILE),
        business.service.add_snapshots(module, [FIGURES]),
        business.service.import_snapshots(module, b"", "csv"),
        business.service.delete_insights(module, "crm"),
    ):
        with pytest.raises(PermissionDenied):
            await refused


async def test_change_is_seen_by_the_next_question_here_and_where_the_notice_comes(
    business: Business, admin: Caller
):
    here, there = business.service, business.a_service(business.notices)
    assert (await there.get_context(admin)).snapshot is None

    await here.add_snapshots(admin, [FIGURES])

    assert (await here.get_context(admin)).snapshot is not None
    assert (await there.get_context(admin)).snapshot is not None


async def test_change_whose_notice_is_lost_is_seen_within_a_minute(business: Business, admin: Caller):
    deaf = business.a_service(LocalNotices())
    await deaf.get_context(admin)
    await business.service.add_snapshots(admin, [FIGURES])
    business.clock.advance(59)
    remembered = await deaf.get_context(admin)

    business.clock.advance(1)

    assert remembered.snapshot is None
    assert (await deaf.get_context(admin)).snapshot is not None


async def test_context_is_read_from_the_database_once(
    business: Business, admin: Caller, monkeypatch: pytest.MonkeyPatch
):
    await business.service.add_snapshots(admin, [FIGURES])
    await business.service.get_context(admin)
    monkeypatch.setattr(business.store, "load_context", None)

    assert (await business.service.get_context(admin)).snapshot is not None


async def test_each_tenant_has_a_context_of_its_own(business: Business, admin: Caller):
    other = await business.an_admin()
    await business.service.set_profile(admin, PROFILE)
    await business.service.add_snapshots(admin, [FIGURES])
    await business.service.push_insights(admin, [NEWS])

    context = await business.service.get_context(other)

    assert (context.profile, context.snapshot, context.insights) == (None, None, ())
    assert await business.service.list_snapshots(other) == []
    assert await business.service.list_insights(other) == []
    with pytest.raises(InsightNotFound):
        await business.service.delete_insights(other, "crm")
    assert (await business.service.get_context(admin)).insights != ()
