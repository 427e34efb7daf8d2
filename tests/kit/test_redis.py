"""The way to Redis."""

import pytest

from officium.kit.redis import InvalidRedisUrl, open_redis


@pytest.mark.parametrize("url", ["http://host", "redis://user:pass#word@host", "redis://host:port"])
def test_address_that_is_none_of_a_redis_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidRedisUrl, match="OFFICIUM_REDIS_URL") as caught:
        open_redis(url)

    assert "pass#" not in str(caught.value)
    assert url not in str(caught.value)


@pytest.mark.parametrize("url", [None, ""])
def test_without_an_address_there_is_none(url: str | None) -> None:
    assert open_redis(url) is None


async def test_redis_at_the_address_answers(redis_url: str) -> None:
    redis = open_redis(redis_url)
    assert redis is not None

    assert await redis.ping()
    await redis.aclose()
