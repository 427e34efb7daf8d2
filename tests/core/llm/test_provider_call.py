"""What a try tells of itself: what was written, and what the provider says it charges."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from officium.core.llm.breaker import Breakers
from officium.core.llm.completion import Completion, Delta, ToolCallDelta
from officium.core.llm.deployment import Deployment
from officium.core.llm.http import Timeouts
from officium.core.llm.message import Reasoning, Text, ToolCall
from officium.core.llm.provider_call import OUTPUT_SAMPLE_CHARS, Attempt, ProviderCall
from officium.core.llm.providers import choose_dialect
from officium.core.llm.token_usage import TokenUsage
from officium.core.llm.tokens import estimate_tokens
from tests.support.clock import HandClock
from tests.support.recordings import a_deployment

SENTENCE = "The overdue invoices of this quarter add up to 12,400 euros. "
GERMAN = "Die überfälligen Rechnungen dieses Quartals betragen 12.400 Euro. "
USAGE = TokenUsage(input_tokens=3, output_tokens=2)


def an_exchange(deployment: Deployment | None = None) -> ProviderCall:
    deployment = deployment or a_deployment()
    clock = HandClock(datetime(2026, 11, 21, tzinfo=UTC))
    breaker = Breakers(clock).get(deployment)
    ticket = breaker.admit()
    assert ticket is not None
    attempt = Attempt(number=1, deployment=deployment, started=clock.monotonic())
    dialect = choose_dialect(deployment)
    return ProviderCall(attempt, dialect, Timeouts(), clock, asyncio.Semaphore(0), breaker, ticket)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(SENTENCE * 3, id="short"),
        pytest.param(SENTENCE * 2000, id="far-longer-than-the-sample"),
        pytest.param(GERMAN * 2000, id="with-umlauts"),
    ],
)
async def test_tokens_of_a_stream_are_estimated_like_those_of_its_text(text: str):
    call = an_exchange()

    for start in range(0, len(text), 5):
        call.note([Delta(text=text[start : start + 5])])

    assert call.attempt.estimate_output_tokens() == pytest.approx(estimate_tokens(text), rel=0.02)


async def test_no_more_of_a_stream_is_kept_than_the_sample():
    call = an_exchange()

    for _ in range(1000):
        call.note([Delta(text=SENTENCE)])

    assert call.attempt.output_chars == 1000 * len(SENTENCE)
    assert len("".join(call.attempt.output_sample)) < OUTPUT_SAMPLE_CHARS + len(SENTENCE)


async def test_thoughts_refusals_and_tool_calls_count_as_written():
    call = an_exchange()

    call.note([Delta(reasoning="First I think."), Delta(refusal="No, I will not.")])
    call.note([Delta(tool_calls=(ToolCallDelta(0, "call_1", "get_weather", '{"city":'),))])
    call.note([Delta(tool_calls=(ToolCallDelta(0, arguments='"Paris"}'),))])

    written = 'First I think.No, I will not.get_weather{"city":"Paris"}'
    assert call.attempt.output_chars == len(written)
    assert call.attempt.estimate_output_tokens() == estimate_tokens(written)


async def test_whole_answer_is_estimated_like_its_text():
    call = an_exchange()
    parts = (Reasoning(SENTENCE), Text(GERMAN), ToolCall("call_1", "get_weather", '{"city":"Paris"}'))

    call.note_whole(Completion(parts=parts))

    written = f'{SENTENCE}{GERMAN}get_weather{{"city":"Paris"}}'
    assert call.attempt.output_chars == len(written)
    assert call.attempt.estimate_output_tokens() == estimate_tokens(written)


async def test_nothing_written_is_estimated_as_nothing():
    assert an_exchange().attempt.estimate_output_tokens() == 0


@pytest.mark.parametrize(
    ("provider", "cost"),
    [
        pytest.param("openrouter", Decimal("0.0125"), id="a-provider-whose-word-counts"),
        pytest.param("openai", None, id="any-other"),
    ],
)
async def test_reported_cost_is_taken_from_whoever_is_known_to_report_it(provider: str, cost: Decimal | None):
    body = b'{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.0125}}'
    whole, streamed = an_exchange(a_deployment(provider)), an_exchange(a_deployment(provider))

    whole.note_whole(Completion(usage=USAGE, raw=body))
    streamed.note([Delta(text="Hi"), Delta(usage=USAGE, raw=b"data: " + body + b"\n\n")])

    assert whole.attempt.reported_cost == cost
    assert streamed.attempt.reported_cost == cost
