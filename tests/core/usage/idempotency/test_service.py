"""The first request with a key is carried out; those that follow get its answer."""

import asyncio
from datetime import timedelta

import pytest

from officium.core.tenancy import Caller
from officium.core.usage.idempotency import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    IdempotencyService,
    IdempotencyStore,
)
from officium.core.usage.idempotency.errors import InvalidIdempotencyKey
from officium.core.usage.idempotency.service import LARGEST_KEPT_BYTES
from officium.kit.database import Database
from tests.support.clock import HandClock

ADA = Caller("ten_ada", "key:ak_1", frozenset({"inference"}))
BOB = Caller("ten_bob", "key:ak_2", frozenset({"inference"}))
ASKED = (b"POST", b"/v1/chat/completions", b"", b"{}")
HEADERS = [(b"content-type", b"application/json")]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def keys(database: Database, clock: HandClock) -> IdempotencyService:
    return IdempotencyService(IdempotencyStore(database), clock, b"k" * 32)


async def test_first_request_is_let_through(keys: IdempotencyService):
    assert await keys.begin(ADA, "k", ASKED) is None


async def test_second_request_gets_the_first_ones_answer(keys: IdempotencyService):
    await keys.begin(ADA, "k", ASKED)
    await keys.finish(ADA, "k", 200, HEADERS, b"{\x00}")

    answer = await keys.begin(ADA, "k", ASKED)

    assert (answer.status, list(answer.headers), answer.body) == (200, HEADERS, b"{\x00}")


async def test_another_request_under_the_same_key_is_refused(keys: IdempotencyService):
    await keys.begin(ADA, "k", ASKED)
    await keys.finish(ADA, "k", 200, HEADERS, b"{}")

    with pytest.raises(IdempotencyKeyReused):
        await keys.begin(ADA, "k", (*ASKED[:3], b'{"a":1}'))


async def test_parts_of_a_request_cannot_be_shifted_into_each_other(keys: IdempotencyService):
    await keys.begin(ADA, "k", (b"POST", b"/a", b"b"))

    with pytest.raises(IdempotencyKeyReused):
        await keys.begin(ADA, "k", (b"POST", b"/ab", b""))


async def test_request_under_way_is_not_carried_out_twice(keys: IdempotencyService):
    await keys.begin(ADA, "k", ASKED)

    with pytest.raises(IdempotencyKeyInUse) as caught:
        await keys.begin(ADA, "k", ASKED)
    assert caught.value.fields["retry_after_s"] == 1.0


async def test_of_many_at_once_one_is_let_through(keys: IdempotencyService):
    answers = await asyncio.gather(*(keys.begin(ADA, "k", ASKED) for _ in range(8)), return_exceptions=True)

    assert answers.count(None) == 1
    assert sum(isinstance(answer, IdempotencyKeyInUse) for answer in answers) == 7


async def test_request_that_came_to_nothing_may_be_tried_again(keys: IdempotencyService):
    await keys.begin(ADA, "k", ASKED)
    await keys.forget(ADA, "k")

    assert await keys.begin(ADA, "k", ASKED) is None


async def test_forgetting_leaves_a_kept_answer(keys: IdempotencyService):
    await keys.begin(ADA, "k", ASKED)
    await keys.finish(ADA, "k", 200, HEADERS, b"{}")

    await keys.forget(ADA, "k")

    assert await keys.begin(ADA, "k", ASKED) is not None


async def test_key_of_a_dead_process_is_free_again(keys: IdempotencyService, clock: HandClock):
    await keys.begin(ADA, "k", ASKED)
    clock.advance(900)

    assert await keys.begin(ADA, "k", ASKED) is None


async def test_answer_is_kept_for_a_day(keys: IdempotencyService, clock: HandClock):
    await keys.begin(ADA, "k", ASKED)
    await keys.finish(ADA, "k", 200, HEADERS, b"{}")

    clock.advance(timedelta(hours=24).total_seconds() - 1)
    assert await keys.begin(ADA, "k", ASKED) is not None
    clock.advance(1)
    assert await keys.begin(ADA, "k", ASKED) is None


async def test_answer_too_large_to_keep_says_so(keys: IdempotencyService):
    await keys.begin(ADA, "k", ASKED)
    await keys.finish(ADA, "k", 200, HEADERS, bytes(LARGEST_KEPT_BYTES + 1))

    with pytest.raises(IdempotencyKeyInUse, match="too large"):
        await keys.begin(ADA, "k", ASKED)


async def test_keys_of_tenants_do_not_meet(keys: IdempotencyService):
    await keys.begin(ADA, "k", ASKED)
    await keys.finish(ADA, "k", 200, HEADERS, b"Ada's")

    assert await keys.begin(BOB, "k", ASKED) is None


@pytest.mark.parametrize("key", ["", "x" * 256, "line\nbreak", "\u00e9"])
async def test_unusable_key_is_refused(keys: IdempotencyService, key: str):
    with pytest.raises(InvalidIdempotencyKey):
        await keys.begin(ADA, key, ASKED)


async def test_old_answers_are_swept(keys: IdempotencyService, clock: HandClock):
    await keys.begin(ADA, "old", ASKED)
    await keys.begin(BOB, "old", ASKED)
    clock.advance(86_400)
    await keys.begin(ADA, "new", ASKED)

    assert await keys.forget_expired() == 2
    assert await keys.forget_expired() == 0


async def test_kept_answer_is_sealed_for_its_tenant_and_key(
    keys: IdempotencyService, database: Database, clock: HandClock
):
    store = IdempotencyStore(database)
    await keys.begin(ADA, "k", ASKED)
    await keys.finish(ADA, "k", 200, HEADERS, b"whsec_canary")
    row = await store.find(ADA, "k")
    assert b"canary" not in row.body

    await keys.begin(BOB, "k", ASKED)
    await store.finish(BOB, "k", 200, [], row.body)

    with pytest.raises(IdempotencyKeyInUse, match="no longer be read"):
        await keys.begin(BOB, "k", ASKED)


async def test_key_that_is_set_free_in_between_is_claimed_again(database: Database, clock: HandClock):
    class Forgetful(IdempotencyStore):
        async def find(self, caller: Caller, key: str) -> None:
            await self.forget(caller, key)

    keys = IdempotencyService(Forgetful(database), clock, b"k" * 32)
    await keys.begin(ADA, "k", ASKED)

    assert await keys.begin(ADA, "k", ASKED) is None
    assert await IdempotencyStore(database).find(ADA, "k") is not None
