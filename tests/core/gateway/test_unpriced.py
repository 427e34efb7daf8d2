"""What was called without a price: found, and forgotten once there is one."""

from collections.abc import Mapping

import pytest

from officium.core.gateway.unpriced import UnpricedService
from officium.core.tenancy import Caller
from officium.core.usage.prices import PriceBook, PriceService, PriceStore, UnknownPrices
from officium.core.usage.tallies import Kind, Tally
from officium.kit.database import Database
from officium.kit.notices import LocalNotices
from tests.support.clock import HandClock
from tests.support.tenancy import Tenancy

USED = {
    "openai/gpt-4o-mini": Tally(attempts=9),
    "fireworks/nobody-knows": Tally(attempts=3, total_tokens=40, attempts_without_cost=1),
    "ollama/qwen3": Tally(attempts=2),
}
ERRORS = {"price_unknown": Tally(requests=4), "timeout": Tally(requests=1)}


class _Tallies:
    async def list_groups(
        self, caller: Caller, kind: Kind, hours: int, limit: int = 100
    ) -> list[tuple[str, Tally]]:
        counted: Mapping[str, Tally] = USED if kind == "model" else ERRORS
        return list(counted.items())


@pytest.mark.parametrize(
    ("rule", "source"), [("flat", "flat"), ("ceiling", "ceiling"), ("record", "unknown"), ("refuse", None)]
)
async def test_model_is_listed_until_it_has_a_price(sqlite_database: Database, rule, source):
    clock, notices, store = HandClock(), LocalNotices(), PriceStore(sqlite_database)
    tenant = await Tenancy(sqlite_database).a_tenant("Mine")
    caller = Caller(tenant.id, "key:ak_1", frozenset({"admin"}))
    book = PriceBook(store, clock, notices)
    service = UnpricedService(_Tallies(), book, clock, UnknownPrices(rule))

    (found,) = await service.list_unpriced(caller)
    await PriceService(store, clock, notices).set_price(
        caller, "fireworks", "nobody*", {"input": "1", "output": "2"}
    )

    assert (found.provider, found.model, found.tally.attempts) == ("fireworks", "nobody-knows", 3)
    assert (None if found.pricing is None else found.pricing.source) == source
    assert await service.list_unpriced(caller) == []
    assert await service.count_refused(caller) == 4
