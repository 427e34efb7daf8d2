"""Rate limits of the whole server, as its settings say."""

import asyncio
from pathlib import Path

import pytest

from officium.core.usage.limits import SharedWindows
from tests.support.database import RedisServer
from tests.support.house import House, Resident, open_house
from tests.support.web import ask

QUESTION = {"model": "mock", "messages": [{"role": "user", "content": "Hello"}]}
CHAT = "/v1/chat/completions"
DEFAULTS = {"rate_limit_chat": "10/1m", "rate_limit_general": "100/15m", "rate_limit_strict": "5/1h"}


async def statuses(resident: Resident, times: int, method: str, path: str, body: object = None) -> list[int]:
    return [(await resident.ask(method, path, body)).status for _ in range(times)]


async def test_default_limits_are_the_documented_ones(tmp_path: Path) -> None:
    async with open_house(tmp_path, **DEFAULTS) as house:
        alpha, beta = await house.resident("Alpha"), await house.resident("Beta")
        alias = {"targets": ["mock"]}

        general = await statuses(alpha, 101, "GET", "/api/model-aliases")
        strict = await statuses(alpha, 6, "PUT", "/api/model-aliases/fast", alias)
        gateway = await statuses(alpha, 30, "POST", CHAT, QUESTION)
        others = await statuses(beta, 1, "GET", "/api/model-aliases")
        health = [(await ask(house.app, "GET", "/health", key=None)).status for _ in range(120)]

        assert general == [200] * 100 + [429]
        assert strict == [200] * 5 + [429]
        assert gateway == [200] * 30
        assert others == [200]
        assert set(health) == {200}


async def test_all_keys_of_a_tenant_count_together(tmp_path: Path) -> None:
    async with open_house(tmp_path, rate_limit_gateway="2/1m") as house:
        alpha = await house.resident("Alpha")

        replies = [
            await alpha.ask("POST", CHAT, QUESTION, scopes=scopes)
            for scopes in (["inference"], ["inference", "usage:read"], ["admin"])
        ]

        assert [reply.status for reply in replies] == [200, 200, 429]


async def test_key_without_the_scope_is_counted_and_refused(tmp_path: Path) -> None:
    async with open_house(tmp_path, rate_limit_gateway="1/1m") as house:
        alpha = await house.resident("Alpha")

        replies = [await alpha.ask("POST", CHAT, QUESTION, scopes=["usage:read"]) for _ in range(2)]

        assert [reply.status for reply in replies] == [403, 429]


async def spent(house: House) -> None:
    """Wait until the tokens that were used are counted."""
    await house.parts.token_meter.close()


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
async def test_tokens_of_a_minute_can_be_limited(tmp_path: Path, is_stream: bool) -> None:
    async with open_house(tmp_path, rate_limit_gateway="2 tokens/1m") as house:
        alpha, beta = await house.resident("Alpha"), await house.resident("Beta")

        first = await alpha.ask("POST", CHAT, {**QUESTION, "stream": is_stream})
        await spent(house)
        second = await alpha.ask("POST", CHAT, QUESTION)

        assert (first.status, second.status) == (200, 429)
        assert "2 tokens in 1 minute" in second.json["error"]["message"]
        assert (await beta.ask("POST", CHAT, QUESTION)).status == 200


async def test_processes_on_one_redis_count_together(tmp_path: Path, redis_server: RedisServer) -> None:
    settings = {"redis_url": redis_server.url, "rate_limit_general": "10/15m"}
    async with open_house(tmp_path, **settings) as one, open_house(tmp_path, **settings) as other:
        for house in (one, other):
            assert isinstance(house.parts.windows, SharedWindows)
            house.parts.windows._timeout_s = 5
        alpha = await one.resident("Alpha")
        there = Resident(other, alpha.tenant)
        await alpha.key()
        await there.key()

        answers = await asyncio.gather(
            *(resident.ask("GET", "/api/model-aliases") for resident in (alpha, there) for _ in range(10))
        )

        assert sorted(reply.status for reply in answers) == [200] * 10 + [429] * 10


async def test_one_pool_of_connections_serves_notices_and_limits(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    async with open_house(tmp_path, redis_url=redis_server.url, rate_limit_general="1000/15m") as house:
        alpha = await house.resident("Alpha")
        for _ in range(50):
            await alpha.ask("GET", "/api/model-aliases")
        assert house.parts.redis is not None

        clients = await house.parts.redis.client_list()

        assert len(clients) <= 4  # the listener, the sender, and who asks at the moment


async def test_redis_that_is_lost_closes_no_door(tmp_path: Path, redis_server: RedisServer) -> None:
    settings = {"redis_url": redis_server.url, "rate_limit_general": "20/15m"}
    async with open_house(tmp_path, **settings) as house:
        alpha = await house.resident("Alpha")
        await statuses(alpha, 3, "GET", "/api/model-aliases")
        redis_server.stop()

        answers = await statuses(alpha, 23, "GET", "/api/model-aliases")

        assert answers == [200] * 20 + [429] * 3


async def test_redis_that_is_lost_closes_the_doors_where_the_operator_wishes(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    settings = {"redis_url": redis_server.url, "rate_limit_general": "20/15m"}
    async with open_house(tmp_path, **settings, rate_limit_on_redis_loss="closed") as house:
        alpha = await house.resident("Alpha")
        redis_server.stop()

        reply = await alpha.ask("GET", "/api/model-aliases")

        assert (reply.status, reply.json["error"]["code"]) == (503, "rate_limiter_unavailable")
        assert reply.headers["retry-after"] == "1"
        assert (await alpha.ask("POST", CHAT, QUESTION)).status == 200  # not limited, so nobody is counted


async def test_requests_wait_in_line_where_there_is_one(tmp_path: Path) -> None:
    async with open_house(tmp_path, rate_limit_gateway="2/40ms", queue_size=10) as house:
        alpha = await house.resident("Alpha")
        await alpha.key()
        began = asyncio.get_running_loop().time()

        replies = await asyncio.gather(*(alpha.ask("POST", CHAT, QUESTION) for _ in range(4)))

        assert [reply.status for reply in replies] == [200] * 4
        assert asyncio.get_running_loop().time() - began >= 0.04
