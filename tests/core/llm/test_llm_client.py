import asyncio
import json
from decimal import Decimal

import pytest
from pydantic import BaseModel, Field
from structlog.testing import capture_logs

from officium.core.llm.chat import LLMMessage
from officium.core.llm.client import LLMClient, make_deployment, short_model_name
from officium.core.llm.completion import Tool
from officium.core.llm.errors import (
    ContextTooLong,
    LLMAuthenticationError,
    LLMConnectionError,
    LLMError,
    LLMProtocolError,
    LLMRateLimitError,
    LLMRequestError,
    LLMTimeoutError,
    LLMUnavailableError,
    LLMValidationError,
)
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts
from officium.core.llm.retry import RetryPolicy
from officium.kit.errors import InvalidRequest
from officium.testing import Act, Script, ScriptedTransport


class Summary(BaseModel):
    summary: str
    confidence: float = Field(ge=0, le=1)


GOOD = '{"summary": "All is well", "confidence": 0.9}'
BAD = '{"summary": "All is well", "confidence": 7}'


class Setup:
    """A client whose provider is scripted, and the waits between its tries."""

    def __init__(self, script=(), provider="mock", model=None, **more):
        self.waits = []
        self.transport = ScriptedTransport(script)
        retry = RetryPolicy(max_retries=more.pop("max_retries", 3), draw=lambda: 0.5, sleep=self._wait)
        self.client = LLMClient(provider, model, "a-key", transport=self.transport, retry=retry, **more)

    async def _wait(self, seconds):
        self.waits.append(seconds)

    @property
    def bodies(self):
        return [asked.body for asked in self.transport.requests]


async def test_retry_on_failure():
    setup = Setup([Act(status=503), Act(status=500), "Here I am"])

    answer = await setup.client.generate_completion("Hello")

    assert answer.text == "Here I am"
    assert setup.transport.total == 3
    assert setup.waits == [0.25, 0.5]


async def test_rate_limit_handling():
    setup = Setup([Act(status=429, retry_after=2), "Now"])

    assert (await setup.client.generate_completion("Hello")).text == "Now"
    assert setup.waits == [2.0]


async def test_structured_output_parsing():
    setup = Setup([f"Sure:\n```json\n{GOOD}\n```"])

    summary = await setup.client.generate_structured_completion(schema=Summary, prompt="How is it?")

    assert summary == Summary(summary="All is well", confidence=0.9)


async def test_token_usage_tracking():
    setup = Setup()

    answers = [await setup.client.generate_completion(text) for text in ("Hello", "And again")]

    metrics = setup.client.get_metrics()
    assert metrics == {
        "request_count": 2,
        "total_tokens": sum(answer.usage.total_tokens for answer in answers),
        "total_cost_usd": Decimal(0),
    }
    setup.client.reset_metrics()
    assert setup.client.get_metrics() == {"request_count": 0, "total_tokens": 0, "total_cost_usd": 0}


async def test_retries_end_after_three():
    setup = Setup(Script().when(lambda body: True, Act(status=429)))

    with pytest.raises(LLMRateLimitError):
        await setup.client.generate_completion("Hello")

    assert setup.transport.total == 4


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(Act(status=400), LLMRequestError, id="400"),
        pytest.param(Act(status=401), LLMAuthenticationError, id="401"),
        pytest.param(Act(status=413), LLMRequestError, id="413"),
        pytest.param(Act(status=400, code="context_length_exceeded"), ContextTooLong, id="context"),
    ],
)
async def test_what_cannot_get_better_is_not_retried(act, error):
    setup = Setup([act])

    with pytest.raises(error):
        await setup.client.generate_completion("Hello")

    assert setup.transport.total == 1


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(Act(offline=True), LLMConnectionError, id="offline"),
        pytest.param(Act(garbage=True), LLMProtocolError, id="garbage"),
        pytest.param(Act(empty=True), LLMProtocolError, id="empty"),
        pytest.param(Act(cut_after=1), LLMConnectionError, id="cut"),
        pytest.param(Act(status=503), LLMUnavailableError, id="503"),
        pytest.param(Act(hang="headers"), LLMTimeoutError, id="hang"),
    ],
)
async def test_faults_have_their_own_error(act, error):
    setup = Setup([act], max_retries=0, timeout_s=0.05)

    with pytest.raises(error):
        await setup.client.generate_completion("Hello")


async def test_fallback_answers_when_the_first_is_down():
    deployments = (make_deployment("mock", "error-500"), make_deployment("mock", "second"))
    setup = Setup(provider=None, deployments=deployments, max_retries=0)

    answer = await setup.client.generate_completion("Hello")

    assert answer.model == "second"


async def test_answer_holds_everything():
    setup = Setup([Act(text="Yes", reasoning="Because", cached_tokens=3)])

    answer = await setup.client.generate_completion("Is it so?", "You are brief.", max_tokens=50)

    assert (answer.text, answer.content, answer.reasoning) == ("Yes", "Yes", "Because")
    assert (answer.provider, answer.model, answer.finish_reason) == ("mock", "mock", "stop")
    assert answer.usage.cached_tokens == 3
    assert (answer.usage_source, answer.cost_usd, answer.cost_source) == ("provider", 0, "scripted")
    assert answer.response_time_ms >= 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param({"prompt": "Hi"}, [("user", "Hi")], id="prompt"),
        pytest.param(
            {"prompt": "Hi", "system_prompt": "Be brief"}, [("system", "Be brief"), ("user", "Hi")], id="both"
        ),
        pytest.param({"messages": [{"role": "user", "content": "Hi"}]}, [("user", "Hi")], id="mappings"),
        pytest.param({"messages": [LLMMessage(role="user", content="Hi")]}, [("user", "Hi")], id="messages"),
        pytest.param(
            {"prompt": [LLMMessage(role="user", content="Hi")]}, [("user", "Hi")], id="list-as-prompt"
        ),
        pytest.param(
            {"messages": [{"role": "assistant", "content": "Yes?"}], "prompt": "Hi"},
            [("assistant", "Yes?"), ("user", "Hi")],
            id="history-and-prompt",
        ),
    ],
)
async def test_words_may_be_given_in_several_ways(arguments, said):
    setup = Setup()

    await setup.client.generate_completion(**arguments)

    assert [(message["role"], message["content"]) for message in setup.bodies[0]["messages"]] == said


async def test_options_reach_the_provider():
    setup = Setup(temperature=0.4, max_tokens=99)

    await setup.client.generate_completion(
        "Hi", model="other", temperature=0.1, top_p=0.5, stop="END", seed=7, presence_penalty=0.5, user="u1"
    )
    await setup.client.generate_completion("Hi")

    first, second = setup.bodies
    expected = {"model": "other", "temperature": 0.1, "max_tokens": 99, "top_p": 0.5, "seed": 7, "user": "u1"}
    assert expected.items() <= first.items()
    assert first["stop"] in ("END", ["END"])
    assert (second["model"], second["temperature"]) == ("mock", 0.4)


async def test_unknown_option_is_refused():
    with pytest.raises(TypeError, match="temprature"):
        await Setup().client.generate_completion("Hi", temprature=0.1)


async def test_saying_nothing_is_refused():
    with pytest.raises(InvalidRequest):
        await Setup().client.generate_completion(system_prompt="Be brief")


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(Tool("get_time", parameters={"type": "object", "properties": {}}), id="ours"),
        pytest.param({"name": "get_time", "parameters": {"type": "object", "properties": {}}}, id="bare"),
        pytest.param({"type": "function", "function": {"name": "get_time"}}, id="openai"),
    ],
)
async def test_tools_are_offered_and_called(tool):
    setup = Setup()

    answer = await setup.client.generate_completion("What time is it?", tools=[tool], tool_choice="get_time")

    assert [call.name for call in answer.tool_calls] == ["get_time"]
    assert answer.finish_reason == "tool_calls"


async def test_tool_loop_goes_round():
    setup = Setup()
    messages = [{"role": "user", "content": "What time is it?"}]
    tool = {"name": "get_time", "parameters": {"type": "object", "properties": {}}}

    asked = await setup.client.generate_completion(messages=messages, tools=[tool])
    call = asked.tool_calls[0]
    messages += [
        {"role": "assistant", "content": "", "tool_calls": asked.tool_calls},
        {"role": "tool", "tool_call_id": call.id, "content": "It is noon"},
    ]
    answer = await setup.client.generate_completion(messages=messages, tools=[tool])

    assert "It is noon" in answer.text
    assert setup.bodies[1]["messages"][1]["tool_calls"][0]["function"]["name"] == "get_time"
    assert setup.bodies[1]["messages"][2]["tool_call_id"] == call.id


async def test_completed_line_is_the_documented_one():
    setup = Setup(provider="fireworks", model="accounts/fireworks/models/kimi-k3")

    with capture_logs() as lines:
        answer = await _fireworks(setup)

    usage = answer.usage
    assert lines[-1]["log_level"] == "info"
    assert lines[-1]["event"] == (
        "LLM request completed | model=accounts/fireworks/models/kimi-k3 | "
        f"prompt_tokens={usage.input_tokens} | completion_tokens={usage.output_tokens} | "
        f"total_tokens={usage.total_tokens} | estimated_cost_usd={_plain(answer.cost_usd)} | "
        f"response_time_ms={answer.response_time_ms} | success=true"
    )


async def test_logs_have_levels_and_no_contents():
    setup = Setup([Act(status=503, error="SECRET"), "SECRET answer", Act(status=400, error="SECRET")])

    with capture_logs() as lines:
        await setup.client.generate_completion("SECRET question")
        with pytest.raises(LLMError):
            await setup.client.generate_completion("SECRET question")

    assert [line["log_level"] for line in lines] == ["warning", "info", "error"]
    assert "SECRET" not in json.dumps(lines, default=str)
    assert "success=false" in lines[-1]["event"]


async def test_cost_is_exact_where_the_price_is_known():
    setup = Setup(provider="fireworks", model="accounts/fireworks/models/kimi-k3")

    answer = await _fireworks(setup)

    expected = (answer.usage.input_tokens * 3 + answer.usage.output_tokens * 15) / Decimal(1_000_000)
    assert answer.cost_usd == expected
    assert setup.client.get_metrics()["total_cost_usd"] == expected


async def test_unknown_price_is_none_and_counted_at_the_flat_rate():
    setup = Setup(provider="fireworks", model="accounts/fireworks/models/qwen2p5-72b-instruct")

    with capture_logs() as lines:
        answer = await _fireworks(setup)

    assert (answer.cost_usd, answer.cost_source) == (None, "unknown")
    assert setup.client.get_metrics()["total_cost_usd"] == answer.usage.total_tokens * Decimal("0.000002")
    assert lines[-1]["cost_source"] == "flat"


async def test_silent_provider_is_estimated_and_said_so():
    setup = Setup(model="no-usage")

    answer = await setup.client.generate_completion("What should I focus on this quarter?")
    stream = [piece async for piece in setup.client.stream_completion("What should I focus on this quarter?")]

    assert answer.usage_source == "estimate"
    assert answer.usage.input_tokens > 7
    assert answer.usage.output_tokens > 7
    assert stream
    assert setup.client.get_metrics()["total_tokens"] == 2 * answer.usage.total_tokens


class TestStructured:
    async def test_provider_is_asked_in_its_own_mode(self):
        setup = Setup()

        summary = await setup.client.generate_structured_completion(Summary, "How is it?")

        wanted = setup.bodies[0]["response_format"]["json_schema"]
        assert isinstance(summary, Summary)
        assert (wanted["name"], wanted["strict"]) == ("Summary", True)
        assert wanted["schema"]["required"] == ["summary", "confidence"]

    async def test_json_schema_gives_plain_data(self):
        schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 4}}, "required": ["n"]}

        assert await Setup().client.generate_structured_completion(schema, "Count") == {"n": 4}

    async def test_model_without_the_mode_is_told_the_schema(self):
        setup = Setup([GOOD], provider="openai", model="gpt-3.5-turbo", base_url="mock://scripted/v1")

        await setup.client.generate_structured_completion(Summary, "How is it?", "You are brief.")

        assert "response_format" not in setup.bodies[0]
        assert setup.bodies[0]["messages"][0]["content"].startswith(
            "You are brief.\n\nAnswer with JSON alone"
        )

    async def test_mode_refused_by_the_provider_gives_way_to_words(self):
        setup = Setup([Act(status=400, error="response_format is not supported"), GOOD])

        assert (await setup.client.generate_structured_completion(Summary, "How is it?")).confidence == 0.9
        assert "response_format" not in setup.bodies[1]
        assert "JSON Schema" in setup.bodies[1]["messages"][0]["content"]

    async def test_too_long_a_context_is_not_asked_again(self):
        setup = Setup([Act(status=400, code="context_length_exceeded")])

        with pytest.raises(ContextTooLong):
            await setup.client.generate_structured_completion(Summary, "How is it?")

        assert setup.transport.total == 1

    async def test_wrong_answer_is_corrected(self):
        setup = Setup([BAD, GOOD])

        summary = await setup.client.generate_structured_completion(Summary, "How is it?")

        asked = setup.bodies[1]["messages"]
        assert summary.confidence == 0.9
        assert asked[-2] == {"role": "assistant", "content": BAD}
        assert "confidence: Input should be less than or equal to 1" in asked[-1]["content"]
        assert setup.client.get_metrics()["request_count"] == 2

    async def test_corrections_end(self):
        setup = Setup([BAD, "No idea.", BAD])

        with capture_logs() as lines, pytest.raises(LLMValidationError) as failure:
            await setup.client.generate_structured_completion(Summary, "How is it?")

        assert setup.transport.total == 3
        assert failure.value.raw_text == BAD
        levels = [line["log_level"] for line in lines if line["event"] == "LLM answer does not fit"]
        assert levels == ["warning", "warning", "error"]

    async def test_refusal_is_not_argued_with(self):
        setup = Setup([Act(refusal="I will not.")])

        with pytest.raises(LLMValidationError, match="refused"):
            await setup.client.generate_structured_completion(Summary, "How is it?")

        assert setup.transport.total == 1

    async def test_number_of_corrections_is_a_choice(self):
        setup = Setup([BAD], max_corrections=0)

        with pytest.raises(LLMValidationError):
            await setup.client.generate_structured_completion(Summary, "How is it?")

        assert setup.transport.total == 1


class TestStream:
    async def test_text_comes_in_pieces(self):
        setup = Setup(["Hello big world"])

        pieces = [piece async for piece in setup.client.stream_completion("Hi")]

        assert pieces == ["Hello", " big", " world"]
        assert setup.client.get_metrics()["request_count"] == 1

    async def test_stream_ends_with_the_whole_answer(self):
        setup = Setup(["Hello big world"])

        stream = await setup.client.open_stream("Hi")
        async for _ in stream:
            assert stream.response is None
        await stream.aclose()

        assert stream.response.text == "Hello big world"
        assert stream.response.usage_source == "provider"
        assert stream.response.first_token_ms is not None
        assert setup.client.get_metrics()["request_count"] == 1

    async def test_failed_start_is_retried(self):
        setup = Setup([Act(status=503), "Hello"])

        assert [piece async for piece in setup.client.stream_completion("Hi")] == ["Hello"]

    async def test_failure_in_the_middle_is_raised_and_accounted_for(self):
        setup = Setup([Act(text="one two three four five", error_after=3), "never asked for"])
        pieces = []

        with pytest.raises(LLMError), capture_logs() as lines:
            await _collect(setup.client.stream_completion("Hi"), pieces)

        assert "".join(pieces) == "one two"
        assert setup.transport.total == 1
        assert setup.client.get_metrics()["total_tokens"] > 0
        assert [line["log_level"] for line in lines] == ["info", "error"]
        assert "success=false" in lines[0]["event"]

    async def test_reader_who_leaves_stops_the_stream(self):
        setup = Setup([Act(words=500)])

        pieces = setup.client.stream_completion("Hi")
        assert await anext(pieces)
        await pieces.aclose()

        metrics = setup.client.get_metrics()
        assert metrics["request_count"] == 1
        assert 0 < metrics["total_tokens"] < 100

    async def test_waiting_stream_can_be_cancelled(self):
        setup = Setup([Act(hang="body")])
        task = asyncio.create_task(_collect(setup.client.stream_completion("Hi"), []))
        await asyncio.sleep(0.01)

        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task


class TestStructuredStream:
    async def test_object_grows_until_it_is_complete(self):
        setup = Setup([GOOD])

        seen = [summary async for summary in setup.client.stream_structured(Summary, "How is it?")]

        assert seen[0].confidence is None
        assert "All is well".startswith(seen[0].summary)
        assert seen[-1] == Summary(summary="All is well", confidence=0.9)
        assert len(seen) >= 3

    async def test_last_object_is_corrected_where_needed(self):
        setup = Setup([BAD, GOOD])

        seen = [summary async for summary in setup.client.stream_structured(Summary, "How is it?")]

        assert seen[-1].confidence == 0.9

    async def test_object_that_never_fits_is_an_error(self):
        setup = Setup([BAD, BAD, BAD])

        with pytest.raises(LLMValidationError):
            await _collect(setup.client.stream_structured(Summary, "How is it?"), [])


async def test_reported_cost_of_openrouter_is_booked():
    class Reporting:
        async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
            body = json.loads(request.body)
            inner = await ScriptedTransport(["Hi"]).send(request, timeouts)
            return _Costing(inner, body.get("stream", False))

        async def close(self):
            pass

    client = LLMClient("openrouter", "openai/gpt-4o-mini", "a-key", transport=Reporting())

    answer = await client.generate_completion("Hi")
    pieces = [piece async for piece in client.stream_completion("Hi")]

    assert (answer.cost_usd, answer.cost_source) == (Decimal("0.25"), "reported")
    assert pieces == ["Hi"]
    assert client.get_metrics()["total_cost_usd"] == Decimal("0.50")


class _Costing:
    """An answer whose usage names a cost, as OpenRouter's does."""

    def __init__(self, inner, is_stream):
        self.status, self.headers, self.close, self._inner = inner.status, inner.headers, inner.close, inner

    async def read(self, limit_bytes):
        return (await self._inner.read(limit_bytes)).replace(b'"total_tokens"', b'"cost":0.25,"total_tokens"')

    async def chunks(self):
        async for piece in self._inner.chunks():
            yield piece.replace(b'"total_tokens"', b'"cost":0.25,"total_tokens"')


@pytest.mark.parametrize(
    ("arguments", "param"),
    [
        pytest.param({}, "provider", id="nobody"),
        pytest.param({"provider": "nope"}, "provider", id="unknown-provider"),
        pytest.param({"provider": "together"}, "model", id="no-default-model"),
        pytest.param({"provider": "azure", "model": "m"}, "base_url", id="no-address"),
    ],
)
def test_incomplete_client_is_refused(arguments, param):
    with pytest.raises(InvalidRequest) as failure:
        LLMClient(**arguments)

    assert failure.value.fields["param"] == param


async def test_client_closes_its_transport():
    closed = []

    class Closing(ScriptedTransport):
        async def close(self):
            closed.append(True)

    async with LLMClient("mock", transport=Closing()) as client:
        await client.generate_completion("Hi")

    assert closed == [True]


def test_documented_defaults():
    client = LLMClient("mock")

    assert client._transport._max_connections_per_host == 10
    assert client._dispatcher._retry.max_retries == 3
    assert client._dispatcher._timeouts.first_byte == 60


@pytest.mark.parametrize(
    ("model", "short"),
    [
        ("accounts/fireworks/models/qwen2p5-72b-instruct", "qwen2p5-72b-instruct"),
        ("accounts/fireworks/routers/glm-fast", "glm-fast"),
        ("openai/gpt-oss-20b", "openai/gpt-oss-20b"),
    ],
)
def test_short_name_leaves_the_resource_path_out(model, short):
    assert short_model_name(model) == short


async def _fireworks(setup):
    return await setup.client.generate_completion("What should I focus on this quarter?")


def _plain(amount):
    return f"{amount.normalize():f}"


async def _collect(items, into):
    async for item in items:
        into.append(item)
