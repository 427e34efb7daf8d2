"""The platform's own catalogue: asked for, kept, and what happens while it cannot be had."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from officium.apps.rules import CapabilityService, UpstreamCatalogue
from officium.apps.rules.errors import CatalogueFetchFailed
from officium.core.llm.http1 import Http1Transport
from officium.core.tenancy import Caller
from officium.kit.notices import LocalNotices
from tests.support.clock import HandClock
from tests.support.provider import FakeProvider, Reply, fake_provider
from tests.support.rules import SMALL, NoCatalogues

CALLER = Caller("ten_1", "key:1", frozenset(("admin",)))


@pytest.fixture
async def platform() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as platform:
        platform.answers(Reply.json(SMALL))
        yield platform


@pytest.fixture
async def transport() -> AsyncIterator[Http1Transport]:
    transport = Http1Transport()
    yield transport
    await transport.close()


class Desk:
    """A service that asks the platform."""

    def __init__(self, platform: FakeProvider, transport: Http1Transport) -> None:
        self.clock = HandClock()
        source = UpstreamCatalogue(platform.base_url, transport, "sesame")
        self.service = CapabilityService(NoCatalogues(), self.clock, LocalNotices(), upstream=source)


@pytest.fixture
def desk(platform: FakeProvider, transport: Http1Transport) -> Desk:
    return Desk(platform, transport)


async def test_catalogue_is_asked_for_once_an_hour(desk: Desk, platform: FakeProvider):
    first, second = await asyncio.gather(desk.service.get(CALLER), desk.service.get(CALLER))
    desk.clock.advance(59 * 60)
    await desk.service.get(CALLER)
    within = len(platform.asked)
    desk.clock.advance(61)
    await desk.service.get(CALLER)

    assert (first.source, list(first.catalogue.action_by_name)) == ("upstream", ["NOTIFY", "RESTART"])
    assert second.digest == first.digest
    assert (within, len(platform.asked)) == (1, 2)
    asked = platform.asked[0]
    assert asked.path.endswith("/aggregated")
    assert asked.headers["x-tenant-id"] == "ten_1"
    assert asked.headers["authorization"] == "Bearer sesame"


async def test_answer_may_lie_under_data(desk: Desk, platform: FakeProvider):
    platform.answers(Reply.json({"data": SMALL}))

    assert (await desk.service.get(CALLER)).source == "upstream"


async def test_platform_without_a_catalogue_leaves_the_example(desk: Desk, platform: FakeProvider):
    platform.answers(Reply.json({"message": "Cannot GET /aggregated"}, 404))

    assert (await desk.service.get(CALLER)).source == "example"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply.json({}, 500), "it answered 500"),
        (Reply.json({}, 302), "it answered 302"),
        (Reply(pieces=(b"<html>",)), "its answer is not JSON"),
        (Reply.json([1]), "its answer is no catalogue"),
        (Reply.json({"action_types": [{"name": "no good"}]}), "/action_types/0/name"),
    ],
    ids=["down", "redirect", "no json", "a list", "no catalogue"],
)
async def test_what_is_no_catalogue_is_told_and_not_asked_for_again_at_once(
    desk: Desk, platform: FakeProvider, reply: Reply, why: str
):
    platform.answers(reply)

    with pytest.raises(CatalogueFetchFailed, match="NESTJS_SERVER_URL") as first:
        await desk.service.get(CALLER)
    with pytest.raises(CatalogueFetchFailed):
        await desk.service.get(CALLER)
    asked = len(platform.asked)
    platform.answers(Reply.json(SMALL))
    desk.clock.advance(11)

    assert why in first.value.message
    assert asked == 1
    assert (await desk.service.get(CALLER)).source == "upstream"


async def test_last_catalogue_goes_on_while_the_platform_is_down(desk: Desk, platform: FakeProvider):
    await desk.service.get(CALLER)
    platform.answers(Reply.json({}, 503))
    desk.clock.advance(2 * 3600)

    still = await desk.service.get(CALLER)
    desk.service.invalidate(CALLER)

    assert still.source == "upstream"
    with pytest.raises(CatalogueFetchFailed):
        await desk.service.get(CALLER)


async def test_nobody_there_is_told(transport: Http1Transport):
    source = UpstreamCatalogue("http://127.0.0.1:9", transport)

    with pytest.raises(CatalogueFetchFailed, match="cannot be reached"):
        await source.fetch(CALLER)
