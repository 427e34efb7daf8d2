"""Prices of a tenant's own: set, found, forgotten, and nobody else's."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from officium.core.tenancy import Caller
from officium.core.tenancy.audit.service import AuditService
from officium.core.tenancy.audit.store import AuditStore
from officium.core.usage.prices import InvalidPrice, PriceBook, PriceNotFound, PriceService, PriceStore
from officium.core.usage.prices import service as service_module
from officium.core.usage.prices.book import PRICES_LIVE_S
from officium.core.usage.prices.tenant_price import TenantPrice
from officium.kit.database import Database
from officium.kit.errors import PermissionDenied
from officium.kit.notices import LocalNotices
from tests.support.clock import HandClock
from tests.support.tenancy import Tenancy

AMOUNTS = {"input": "0.10", "output": "0.5"}


@dataclass
class Desk:
    """A price service and book on a database with two tenants; `far_book` is another process's."""

    database: Database

    async def open(self) -> "Desk":
        self.clock = HandClock()
        self.notices = LocalNotices()
        self.store = PriceStore(self.database)
        self.service = PriceService(self.store, self.clock, self.notices)
        self.book = PriceBook(self.store, self.clock, self.notices)
        self.far_book = PriceBook(self.store, self.clock, LocalNotices())
        tenancy = Tenancy(self.database)
        self.mine = Caller((await tenancy.a_tenant("Mine")).id, "key:ak_1", frozenset({"config:write"}))
        self.theirs = Caller((await tenancy.a_tenant("Theirs")).id, "key:ak_2", frozenset({"config:write"}))
        return self

    async def input_rate(self, book: PriceBook | None = None, caller: Caller | None = None) -> int | None:
        """Picodollars an input token of gpt-6-luna."""
        book = book or self.book
        found = await book.find(caller or self.mine, "openai", "gpt-6-luna", self.clock.now())
        return None if found is None else found.rates.input


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await Desk(database).open()


@pytest.fixture
async def lone_desk(sqlite_database: Database) -> Desk:
    """For what does not depend on the database."""
    return await Desk(sqlite_database).open()


async def test_price_is_set_listed_found_and_deleted(desk: Desk) -> None:
    made = await desk.service.set_price(
        desk.mine, "openai", "gpt-6-luna", {**AMOUNTS, "cached": "0.01", "per_call": "0.000000001"}
    )
    listed = await desk.service.list_prices(desk.mine)
    rate = await desk.input_rate()
    await desk.service.delete_price(desk.mine, "openai", "gpt-6-luna")

    assert listed == [made]
    assert (made.updated_at, made.updated_by) == (desk.clock.now(), "key:ak_1")
    assert rate == 100_000
    assert await desk.service.list_prices(desk.mine) == []
    assert await desk.input_rate() is None


async def test_price_that_is_set_again_is_replaced(desk: Desk) -> None:
    for taken in ("1", "2"):
        await desk.service.set_price(desk.mine, "openai", "gpt-6-luna", {**AMOUNTS, "input": taken})

    assert len(await desk.service.list_prices(desk.mine)) == 1
    assert await desk.input_rate() == 2_000_000


async def test_changes_of_prices_stand_in_the_audit_log(desk: Desk) -> None:
    await desk.service.set_price(desk.mine, "openai", "gpt-6-luna", AMOUNTS, request_id="req_1")
    await desk.service.set_price(desk.mine, "openai", "gpt-6-luna", {**AMOUNTS, "input": "2"})
    await desk.service.delete_price(desk.mine, "openai", "gpt-6-luna")

    audit = AuditService(AuditStore(desk.database))
    admin = Caller(desk.mine.tenant_id, "member:m", frozenset({"admin"}))
    deleted, changed, made = await audit.list_entries(admin, thing="price")
    assert [one.action for one in (made, changed, deleted)] == ["price.set", "price.set", "price.deleted"]
    assert (made.thing_id, made.actor, made.request_id) == ("openai/gpt-6-luna", "key:ak_1", "req_1")
    assert made.before is None
    assert (changed.before or {})["input"] == "0.1"
    assert (changed.after or {})["input"] == "2"
    assert deleted.after is None
    assert next(iter((deleted.before or {}).values()))["input"] == "2"


async def test_prices_of_several_days_stand_side_by_side(desk: Desk) -> None:
    tomorrow = desk.clock.now() + timedelta(days=1)
    await desk.service.set_price(desk.mine, "openai", "gpt-6-luna", AMOUNTS)
    await desk.service.set_price(desk.mine, "openai", "gpt-6-luna", {**AMOUNTS, "input": "7"}, tomorrow)

    today = await desk.input_rate()
    desk.clock.advance(86_400)
    later = await desk.input_rate()
    await desk.service.delete_price(desk.mine, "openai", "gpt-6-luna", tomorrow)

    assert (today, later) == (100_000, 7_000_000)
    assert await desk.input_rate() == 100_000


async def test_prices_of_another_tenant_are_not_seen_used_or_deleted(desk: Desk) -> None:
    await desk.service.set_price(desk.mine, "openai", "*", AMOUNTS)

    assert await desk.service.list_prices(desk.theirs) == []
    assert await desk.input_rate(caller=desk.theirs) is None
    with pytest.raises(PriceNotFound):
        await desk.service.delete_price(desk.theirs, "openai", "*")
    assert await desk.input_rate() == 100_000


async def test_change_is_noticed_at_once_here_and_within_seconds_elsewhere(desk: Desk) -> None:
    assert await desk.input_rate() is None
    assert await desk.input_rate(desk.far_book) is None

    await desk.service.set_price(desk.mine, "openai", "gpt-6-luna", AMOUNTS)
    here, there = await desk.input_rate(), await desk.input_rate(desk.far_book)
    desk.clock.advance(PRICES_LIVE_S)

    assert PRICES_LIVE_S <= 3
    assert (here, there) == (100_000, None)
    assert await desk.input_rate(desk.far_book) == 100_000


async def test_change_while_prices_are_read_is_not_overlooked(lone_desk: Desk) -> None:
    reading, may_end = asyncio.Event(), asyncio.Event()

    class SlowStore(PriceStore):
        async def list_prices(self, caller: Caller) -> list[TenantPrice]:
            found = await super().list_prices(caller)
            if not may_end.is_set():
                reading.set()
                await may_end.wait()
            return found

    book = PriceBook(SlowStore(lone_desk.database), lone_desk.clock, lone_desk.notices)
    early = asyncio.create_task(lone_desk.input_rate(book))
    await reading.wait()
    await lone_desk.service.set_price(lone_desk.mine, "openai", "gpt-6-luna", AMOUNTS)
    may_end.set()

    assert await early is None
    assert await lone_desk.input_rate(book) == 100_000


async def test_database_is_asked_once_for_many_calls(
    lone_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    original = PriceStore.list_prices

    async def counted(store: PriceStore, caller: Caller) -> list[TenantPrice]:
        asked.append(caller)
        return await original(store, caller)

    monkeypatch.setattr(PriceStore, "list_prices", counted)

    for _ in range(5):
        await lone_desk.input_rate()

    assert len(asked) == 1


async def test_tenant_has_at_most_so_many_prices(lone_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "MOST_PRICES", 2)
    for model in ("a", "b"):
        await lone_desk.service.set_price(lone_desk.mine, "openai", model, AMOUNTS)

    with pytest.raises(InvalidPrice, match="at most 2"):
        await lone_desk.service.set_price(lone_desk.mine, "openai", "c", AMOUNTS)
    await lone_desk.service.set_price(lone_desk.mine, "openai", "b", {**AMOUNTS, "input": "3"})
    await lone_desk.service.set_price(lone_desk.theirs, "openai", "c", AMOUNTS)

    assert len(await lone_desk.service.list_prices(lone_desk.mine)) == 2


@pytest.mark.parametrize(
    ("scopes", "may_read", "may_write"),
    [
        pytest.param({"inference", "usage:read"}, False, False, id="neither"),
        pytest.param({"config:read"}, True, False, id="reader"),
        pytest.param({"config:write"}, True, True, id="writer"),
        pytest.param({"admin"}, True, True, id="administrator"),
    ],
)
async def test_prices_are_read_and_changed_by_those_who_may(
    lone_desk: Desk, scopes: set[str], may_read: bool, may_write: bool
) -> None:
    caller = Caller(lone_desk.mine.tenant_id, "key:ak_3", frozenset(scopes))
    await lone_desk.service.set_price(lone_desk.mine, "openai", "a", AMOUNTS)

    async def is_allowed(work) -> bool:
        try:
            await work
        except PermissionDenied:
            return False
        return True

    assert await is_allowed(lone_desk.service.list_prices(caller)) == may_read
    assert await is_allowed(lone_desk.service.set_price(caller, "openai", "a", AMOUNTS)) == may_write
    assert await is_allowed(lone_desk.service.delete_price(caller, "openai", "a")) == may_write


@pytest.mark.parametrize(
    ("provider", "amounts", "valid_from", "param"),
    [
        pytest.param("nobody", AMOUNTS, None, "provider", id="unknown-provider"),
        pytest.param("openai", {"output": "1"}, None, "input", id="no-input-price"),
        pytest.param("openai", {**AMOUNTS, "cached": "x"}, None, "cached", id="no-amount"),
        pytest.param("openai", AMOUNTS, datetime(2027, 1, 1), "valid_from", id="no-time-zone"),
    ],
)
async def test_price_that_makes_no_sense_is_refused(
    lone_desk: Desk, provider: str, amounts: dict[str, str], valid_from: datetime | None, param: str
) -> None:
    with pytest.raises(InvalidPrice) as refused:
        await lone_desk.service.set_price(lone_desk.mine, provider, "m", amounts, valid_from)

    assert refused.value.fields["param"] == param
    assert await lone_desk.service.list_prices(lone_desk.mine) == []


async def test_other_name_of_a_provider_is_the_same_provider(lone_desk: Desk) -> None:
    made = await lone_desk.service.set_price(
        lone_desk.mine, "Claude", "claude-haiku-5-5", AMOUNTS, datetime(2026, 1, 1, tzinfo=UTC)
    )

    assert made.provider == "anthropic"
