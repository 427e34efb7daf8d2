"""Webhooks over a real connection, and where they are not sent."""

from collections.abc import AsyncIterator

import pytest

from officium.core.llm.guard import AddressGuard
from officium.core.llm.http1 import Http1Transport
from officium.core.usage.alerts import DeliveryFailed, GuardedWebhooks
from tests.support.provider import FakeProvider, Reply, fake_provider


@pytest.fixture
async def receiver() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as receiver:
        yield receiver


async def send(receiver: FakeProvider, *allowed: str) -> int:
    guard = AddressGuard(allowed)
    transport = Http1Transport(guard=guard)
    try:
        return await GuardedWebhooks(transport, guard).send_webhook(
            f"{receiver.base_url}/alerts", {"officium-signature": "t=1,v1=a"}, b'{"id": "alr_1"}'
        )
    finally:
        await transport.close()


async def test_webhook_is_posted_and_its_status_is_given(receiver: FakeProvider) -> None:
    receiver.answers(Reply.json({"ok": True}, 202))

    status = await send(receiver, "127.0.0.1")

    (asked,) = receiver.asked
    assert status == 202
    assert (asked.method, asked.path, asked.body) == ("POST", "/alerts", {"id": "alr_1"})
    assert asked.headers["officium-signature"] == "t=1,v1=a"


async def test_address_inside_is_not_asked(receiver: FakeProvider) -> None:
    receiver.answers(Reply.json({}))

    with pytest.raises(DeliveryFailed, match="could not be reached"):
        await send(receiver)

    assert receiver.asked == []


async def test_redirect_is_not_followed(receiver: FakeProvider) -> None:
    receiver.answers(Reply(302, {"location": "/elsewhere"}, ()))

    assert await send(receiver, "127.0.0.1") == 302
    assert [asked.path for asked in receiver.asked] == ["/alerts"]
