"""What a call may come to at most, and the request that stays within it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.core.gateway.call import CallContext
from officium.core.gateway.need import (
    DEFAULT_OUTPUT_TOKENS,
    LEAST_OUTPUT_TOKENS,
    InputBounds,
    limit_output,
    need_of,
    subjects_of,
)
from officium.core.llm.completion import CompletionRequest, DialectName, NativeBody
from officium.core.llm.embedding import EmbeddingRequest
from officium.core.llm.message import Image, Message, user
from officium.core.llm.tokens import estimate_request_tokens
from officium.core.tenancy import Caller
from officium.core.usage.ledger import THE_TENANT, Amounts, Subject
from officium.core.usage.prices import UpperPrice
from tests.support.clock import HandClock
from tests.support.gateway import CALLER, GatewayBench, a_request

FREE = UpperPrice()
MODEL = GatewayBench().models.deployment("groq/a-model")


def test_bound_lies_above_the_estimate():
    request = a_request(text="How do I reset my password? " * 20)

    assert InputBounds(HandClock()).bound(CALLER, request, ()) >= estimate_request_tokens(request) * 1.5


def test_a_picture_counts_as_the_largest_one():
    picture = Message(role="user", parts=(Image(data="AAAA", media_type="image/png"),))

    bound = InputBounds(HandClock()).bound(CALLER, CompletionRequest(model="m", messages=(picture,)), ())

    assert bound >= 1600


def test_bound_covers_what_a_provider_has_counted_before():
    bounds, request = InputBounds(HandClock()), a_request()
    other = GatewayBench().models.deployment("groq/another")
    before = bounds.bound(CALLER, request, [MODEL])

    bounds.learn(CALLER, request, MODEL, before + 300, before)

    assert bounds.bound(CALLER, request, [MODEL]) == before + 300
    assert bounds.bound(CALLER, request, [other]) == before
    assert bounds.bound(CALLER, request, [other, MODEL]) == before + 300


def test_bound_does_not_shrink_with_the_next_small_request():
    bounds, request = InputBounds(HandClock()), a_request()
    before = bounds.bound(CALLER, request, [MODEL])
    bounds.learn(CALLER, request, MODEL, before + 300, before)

    bounds.learn(CALLER, request, MODEL, 10, before + 300)
    bounds.learn(CALLER, request, MODEL, before + 20, before)

    assert bounds.bound(CALLER, request, [MODEL]) == before + 300


def test_many_calls_at_once_teach_a_bound_no_more_than_one():
    bounds, request = InputBounds(HandClock()), a_request()
    before = bounds.bound(CALLER, request, [MODEL])

    for _ in range(500):
        bounds.learn(CALLER, request, MODEL, before + 300, before)

    assert bounds.bound(CALLER, request, [MODEL]) == before + 300


def test_what_one_tenant_asks_does_not_raise_the_bound_of_another():
    bounds, request = InputBounds(HandClock()), a_request()
    stranger = Caller("ten_2", "key:ak_2", frozenset({"inference"}))
    before = bounds.bound(CALLER, request, [MODEL])

    bounds.learn(CALLER, request, MODEL, 10_000_000, before)

    assert bounds.bound(stranger, request, [MODEL]) == before


def test_bound_forgets_what_was_counted_long_ago():
    clock = HandClock()
    bounds, request = InputBounds(clock), a_request()
    before = bounds.bound(CALLER, request, [MODEL])
    bounds.learn(CALLER, request, MODEL, 10_000_000, before)

    clock.advance(601)

    assert bounds.bound(CALLER, request, [MODEL]) == before


def test_need_is_the_input_and_the_longest_answer():
    price = UpperPrice(per_call=7, input=2, output=5)

    need = need_of(a_request(max_tokens=500), 100, price)

    assert need.fixed == Amounts(tokens=100, requests=1, nano_usd=207)
    assert (need.output_tokens, need.least_output_tokens) == (500, LEAST_OUTPUT_TOKENS)
    assert need.nano_usd_per_output_token == 5


def test_need_of_an_answer_without_limit_is_the_default():
    assert need_of(a_request(), 100, FREE).output_tokens == DEFAULT_OUTPUT_TOKENS
    assert need_of(a_request(), 100, FREE, 1000).output_tokens == 1000


def test_need_of_several_answers_is_that_of_each():
    need = need_of(a_request(max_tokens=100, n=3), 10, FREE)

    assert (need.output_tokens, need.least_output_tokens) == (300, 3 * LEAST_OUTPUT_TOKENS)


def test_a_short_answer_needs_no_more_than_it_asks_for():
    assert need_of(a_request(max_tokens=5), 10, FREE).least_output_tokens == 5


def test_thinking_needs_room_for_its_own_budget():
    body = {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 3000}
    request = a_request(max_tokens=3000, native=NativeBody("anthropic-messages", body))

    assert need_of(request, 10, FREE).least_output_tokens == 2001


def test_embeddings_need_their_input_alone():
    need = need_of(EmbeddingRequest(model="m", inputs=("Hello",)), 50, UpperPrice(input=3))

    assert need.fixed == Amounts(tokens=50, requests=1, nano_usd=150)
    assert need.output_tokens == 0


@pytest.mark.parametrize(
    ("dialect", "body", "limited"),
    [
        pytest.param("openai-chat", {}, {"max_tokens": 50}, id="chat"),
        pytest.param("openai-chat", {"max_tokens": 90}, {"max_tokens": 50}, id="chat-old-name"),
        pytest.param(
            "openai-chat", {"max_completion_tokens": 90}, {"max_completion_tokens": 50}, id="chat-new-name"
        ),
        pytest.param(
            "openai-chat",
            {"max_tokens": 90, "max_completion_tokens": 80},
            {"max_tokens": 50, "max_completion_tokens": 50},
            id="chat-both",
        ),
        pytest.param("openai-responses", {}, {"max_output_tokens": 50}, id="responses"),
        pytest.param("anthropic-messages", {"max_tokens": 90}, {"max_tokens": 50}, id="messages"),
    ],
)
def test_the_senders_own_words_are_limited_too(dialect: DialectName, body: dict, limited: dict):
    request = a_request(native=NativeBody(dialect, {"model": "m", **body}))

    found = limit_output(request, 50)

    assert found.max_tokens == 50
    assert found.native.body == {"model": "m", **limited}
    assert request.native.body == {"model": "m", **body}


def test_a_request_that_asks_for_less_stays_as_it_is():
    request = a_request(max_tokens=20, native=NativeBody("openai-chat", {"max_tokens": 20}))

    assert limit_output(request, 50) is request


@given(st.integers(1, 100_000), st.integers(1, 8))
def test_several_answers_together_stay_within_the_limit(granted: int, n: int):
    granted = max(granted, n)

    assert limit_output(a_request(n=n), granted).max_tokens * n <= granted


def test_a_call_draws_on_everybody_it_is_made_for():
    caller = Caller("ten_1", "key:ak_1", frozenset(), member_id="mem_1", key_id="ak_1")
    context = CallContext(request_id="r", client_id=3, widget_id=7, run="board_1")

    assert subjects_of(caller, context) == (
        THE_TENANT,
        Subject("member", "mem_1"),
        Subject("key", "ak_1"),
        Subject("client", "3"),
        Subject("widget", "7"),
        Subject("run", "board_1"),
    )


def test_a_message_of_many_words_is_bounded():
    request = CompletionRequest(model="m", messages=(user("word " * 1000),))

    assert InputBounds(HandClock()).bound(CALLER, request, ()) > 1000
