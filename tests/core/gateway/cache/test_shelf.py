"""Where answers lie: bounded, for a while, and each tenant's apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.gateway.cache import MemoryShelf, RedisShelf, Shelf
from officium.core.tenancy import Caller
from officium.kit.redis import open_redis
from officium.kit.secrets import ServerSecret
from tests.support.clock import HandClock
from tests.support.tenancy import SECRET

MINE = Caller("ten_mine", "key:ak_1", frozenset())
THEIRS = Caller("ten_theirs", "key:ak_2", frozenset())


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def redis(redis_url: str):
    redis = open_redis(redis_url)
    assert redis is not None
    await redis.flushdb()
    yield redis
    await redis.aclose()


@pytest.fixture(params=["memory", "redis"])
def shelf(request: pytest.FixtureRequest, clock: HandClock) -> Shelf:
    if request.param == "memory":
        return MemoryShelf(clock, 10_000)
    return RedisShelf(request.getfixturevalue("redis"), SECRET, clock, 10_000)


async def test_what_is_put_is_found_by_its_tenant_alone(shelf: Shelf) -> None:
    assert await shelf.put(MINE, "k", b"answer", 60)

    assert await shelf.get(MINE, "k") == b"answer"
    assert await shelf.get(THEIRS, "k") is None
    assert await shelf.get(MINE, "other") is None


async def test_what_is_put_again_replaces_what_was_there(shelf: Shelf) -> None:
    await shelf.put(MINE, "k", b"old", 60)
    await shelf.put(MINE, "k", b"new", 60)

    assert await shelf.get(MINE, "k") == b"new"


async def test_what_is_too_large_is_not_kept(shelf: Shelf) -> None:
    assert not await shelf.put(MINE, "k", b"x" * 10_001, 60)
    assert await shelf.get(MINE, "k") is None


async def test_memory_forgets_after_its_time(clock: HandClock) -> None:
    shelf = MemoryShelf(clock, 10_000)
    await shelf.put(MINE, "k", b"answer", 60)

    clock.advance(59.9)
    before = await shelf.get(MINE, "k")
    clock.advance(0.1)

    assert before == b"answer"
    assert await shelf.get(MINE, "k") is None
    assert shelf.size_bytes == 0


async def test_memory_lets_go_of_what_was_not_asked_for_longest(clock: HandClock) -> None:
    shelf = MemoryShelf(clock, 3_000)
    for key in ("a", "b", "c"):
        await shelf.put(MINE, key, b"x" * 500, 60)
    await shelf.get(MINE, "a")

    await shelf.put(MINE, "d", b"x" * 500, 60)

    assert [key for key in "abcd" if await shelf.get(MINE, key)] == ["a", "c", "d"]


@given(
    st.lists(
        st.tuples(st.sampled_from([MINE, THEIRS]), st.sampled_from("abcde"), st.integers(0, 3_000)),
        max_size=60,
    )
)
async def test_memory_never_takes_more_than_it_may(puts) -> None:
    shelf = MemoryShelf(HandClock(), 5_000)
    latest: dict[tuple[str, str], int] = {}

    for caller, key, size in puts:
        if await shelf.put(caller, key, b"x" * size, 60):
            latest[caller.tenant_id, key] = size
        found = {
            (who.tenant_id, name): value
            for who in (MINE, THEIRS)
            for name in "abcde"
            if (value := await shelf.get(who, name)) is not None
        }

        assert sum(map(len, found.values())) <= shelf.size_bytes <= 5_000
        assert {place: len(value) for place, value in found.items()}.items() <= latest.items()


async def test_redis_forgets_after_its_time(redis, clock: HandClock) -> None:
    shelf = RedisShelf(redis, SECRET, clock, 10_000)

    await shelf.put(MINE, "k", b"answer", 60)

    assert 59_000 < await redis.pttl("officium:cache:ten_mine:k") <= 60_000


async def test_redis_is_shared_by_processes_with_the_same_secret(redis, clock: HandClock) -> None:
    await RedisShelf(redis, SECRET, clock, 10_000).put(MINE, "k", b"answer", 60)
    stranger = ServerSecret(b"another secret of thirty-two characters and more")

    assert await RedisShelf(redis, SECRET, clock, 10_000).get(MINE, "k") == b"answer"
    assert await RedisShelf(redis, stranger, clock, 10_000).get(MINE, "k") is None


async def test_whoever_reads_redis_reads_no_answer(redis, clock: HandClock) -> None:
    await RedisShelf(redis, SECRET, clock, 10_000).put(MINE, "k", b"a private answer", 60)

    assert b"private" not in await redis.get("officium:cache:ten_mine:k")


async def test_answer_that_was_moved_to_another_tenant_or_key_does_not_open(redis, clock: HandClock) -> None:
    shelf = RedisShelf(redis, SECRET, clock, 10_000)
    await shelf.put(MINE, "k", b"answer", 60)
    sealed = await redis.get("officium:cache:ten_mine:k")
    await redis.set("officium:cache:ten_theirs:k", sealed)
    await redis.set("officium:cache:ten_mine:other", sealed)
    await redis.set("officium:cache:ten_mine:rubbish", b"\xff\xfe")

    assert await shelf.get(THEIRS, "k") is None
    assert await shelf.get(MINE, "other") is None
    assert await shelf.get(MINE, "rubbish") is None


async def test_redis_that_is_away_costs_an_answer_nothing_but_the_cache(clock: HandClock) -> None:
    redis = open_redis("redis://127.0.0.1:1/0")
    assert redis is not None
    shelf = RedisShelf(redis, SECRET, clock, 10_000)

    assert not await shelf.put(MINE, "k", b"answer", 60)
    assert await shelf.get(MINE, "k") is None
    await redis.aclose()


async def test_redis_that_failed_is_left_alone_for_a_moment(clock: HandClock) -> None:
    class Broken:
        asked = 0

        async def get(self, name: str) -> bytes:
            self.asked += 1
            raise ConnectionError("away")

    redis = Broken()
    shelf = RedisShelf(redis, SECRET, clock, 10_000)  # type: ignore[arg-type]

    for _ in range(5):
        await shelf.get(MINE, "k")
    clock.advance(1)
    await shelf.get(MINE, "k")

    assert redis.asked == 2
