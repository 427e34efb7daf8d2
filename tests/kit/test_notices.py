"""Notices within a process and between processes."""

import asyncio
import secrets
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from officium.kit import notices as module
from officium.kit.notices import LocalNotices, RedisNotices, open_notices
from officium.kit.redis import open_redis
from tests.support.database import RedisServer

_open: list[Redis] = []


def connect(url: str) -> Redis:
    """A client of a Redis, closed at the end of the test."""
    redis = open_redis(url)
    assert redis is not None
    _open.append(redis)
    return redis


@pytest.fixture(autouse=True)
async def closed_at_the_end():
    yield
    while _open:
        await _open.pop().aclose()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(module, "_LONGEST_PAUSE_S", 0.05)


async def publish_until(sender: RedisNotices, text: str, is_true: Callable[[], bool]) -> None:
    """Publish again and again: what is sent before the other side listens is lost, as promised."""
    async with asyncio.timeout(10):
        while not is_true():
            sender.publish("topic", text)
            await asyncio.sleep(0.02)


def test_a_notice_reaches_those_who_asked_for_its_topic():
    notices, heard = LocalNotices(), []
    notices.subscribe("one", heard.append)
    notices.subscribe("two", lambda text: heard.append(f"not for me: {text}"))

    notices.publish("one", "hello")

    assert heard == ["hello"]


def test_a_subscription_can_be_taken_back():
    notices, heard = LocalNotices(), []
    unsubscribe = notices.subscribe("one", heard.append)

    unsubscribe()
    unsubscribe()
    notices.publish("one", "hello")

    assert heard == []


async def test_a_notice_reaches_another_process_through_redis(redis_url: str):
    channel = f"test:{secrets.token_hex(6)}"
    here, there = (
        RedisNotices(connect(redis_url), channel=channel),
        RedisNotices(connect(redis_url), channel=channel),
    )
    heard: list[str] = []
    there.subscribe("topic", heard.append)
    await here.start()
    await there.start()

    await publish_until(here, "key_1\nwith lines", lambda: bool(heard))

    assert set(heard) == {"key_1\nwith lines"}
    await here.close()
    await there.close()


async def test_the_publishing_process_hears_at_once_even_without_redis():
    notices, heard = RedisNotices(connect("redis://127.0.0.1:1")), []
    notices.subscribe("topic", heard.append)
    await notices.start()

    notices.publish("topic", "hello")

    assert heard == ["hello"]
    await notices.close()


async def test_notices_flow_again_after_redis_was_away(redis_server: RedisServer):
    here, there = RedisNotices(connect(redis_server.url)), RedisNotices(connect(redis_server.url))
    heard: list[str] = []
    there.subscribe("topic", heard.append)
    await here.start()
    await there.start()
    await publish_until(here, "before", lambda: "before" in heard)

    redis_server.stop()
    for _ in range(5):
        here.publish("topic", "meanwhile")
        await asyncio.sleep(0.01)
    redis_server.start()

    await publish_until(here, "after", lambda: "after" in heard)
    await here.close()
    await there.close()


async def test_what_waits_for_redis_is_bounded_and_the_oldest_goes_first(redis_server: RedisServer):
    here, there = (
        RedisNotices(connect(redis_server.url), max_waiting=3),
        RedisNotices(connect(redis_server.url)),
    )
    heard: list[str] = []
    there.subscribe("topic", heard.append)
    has_heard_last = asyncio.Event()
    there.subscribe("topic", lambda text: has_heard_last.set() if text == "9" else None)
    probe = RedisNotices(connect(redis_server.url))
    await asyncio.gather(there.start(), probe.start())
    await publish_until(probe, "probe", lambda: bool(heard))
    await probe.close()

    for number in range(10):
        here.publish("topic", str(number))
    await here.start()

    await asyncio.wait_for(has_heard_last.wait(), timeout=10)
    assert [text for text in heard if text.isdigit()] == ["7", "8", "9"]
    await here.close()
    await there.close()


async def test_what_was_just_published_is_sent_before_the_end(redis_url: str):
    channel = f"test:{secrets.token_hex(6)}"
    there, heard = RedisNotices(connect(redis_url), channel=channel), []
    has_heard_last = asyncio.Event()
    there.subscribe("topic", heard.append)
    there.subscribe("topic", lambda text: has_heard_last.set() if text == "last words" else None)
    probe = RedisNotices(connect(redis_url), channel=channel)
    await asyncio.gather(there.start(), probe.start())
    await publish_until(probe, "probe", lambda: bool(heard))

    here = RedisNotices(connect(redis_url), channel=channel)
    await here.start()
    here.publish("topic", "last words")
    await here.close()

    await asyncio.wait_for(has_heard_last.wait(), timeout=10)
    await probe.close()
    await there.close()


async def test_closing_without_starting_is_fine():
    await RedisNotices(connect("redis://127.0.0.1:1")).close()


def test_without_redis_notices_stay_in_the_process():
    assert isinstance(open_notices(None), LocalNotices)
    assert isinstance(open_notices(connect("redis://127.0.0.1:1")), RedisNotices)
