import asyncio
import base64
import json
import struct
import time

import jsonschema_rs
import pytest

from officium.core.llm.errors import LLMConnectionError, LLMProtocolError, LLMTimeoutError
from officium.core.llm.http import HttpRequest, Timeouts
from officium.testing import Act, Script, ScriptedTransport
from officium.testing.scripted import FINGERPRINT, LABEL, MODELS, embed

QUICK = Timeouts(connect=0.01, first_byte=0.02, idle=0.02, total=1.0)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
    },
}


def _request(body, path="/chat/completions"):
    return HttpRequest("POST", f"mock://scripted/v1{path}", {}, json.dumps(body).encode())


def _body(text="Hello", **more):
    return {"model": "mock", "messages": [{"role": "user", "content": text}], **more}


async def _ask(body, transport=None, path="/chat/completions", timeouts=QUICK):
    """The answer as an object (whole), or as the list of its events (stream)."""
    response = await (transport or ScriptedTransport()).send(_request(body, path), timeouts)
    assert response.status == 200
    if not body.get("stream"):
        return json.loads(await response.read(10_000_000))
    pieces = [piece async for piece in response.chunks()]
    assert pieces[-1] == b"data: [DONE]\n\n"
    return [json.loads(piece.removeprefix(b"data: ")) for piece in pieces[:-1]]


async def _message(body, transport=None):
    return (await _ask(body, transport))["choices"][0]["message"]


def _joined(events, field="content"):
    return "".join(event["choices"][0]["delta"].get(field) or "" for event in events if event["choices"])


async def test_same_request_gets_the_same_bytes():
    request = _request(_body("What now?"))

    first, second = [await (await ScriptedTransport().send(request, QUICK)).read(10_000) for _ in range(2)]

    assert first == second
    assert json.loads(first)["id"] != (await _ask(_body("What else?")))["id"]


async def test_answer_says_that_it_is_scripted_and_what_was_asked():
    answer = await _ask(_body("What should I focus on?"))

    assert answer["choices"][0]["message"]["content"] == f'{LABEL} You asked: "What should I focus on?".'
    assert answer["system_fingerprint"] == FINGERPRINT
    assert answer["choices"][0]["finish_reason"] == "stop"


async def test_answer_echoes_the_context():
    body = {
        "messages": [
            {"role": "system", "content": "You are the CEO.\nIndustry: SaaS\n- Team size: 12"},
            {"role": "user", "content": "First"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": [{"type": "text", "text": "Second"}]},
        ]
    }

    text = (await _message(body))["content"]

    assert 'You asked: "Second"' in text
    assert "Earlier turns: 1." in text
    assert "Industry: SaaS; Team size: 12" in text


async def test_usage_counts_and_adds_up():
    usage = (await _ask(_body("What should I focus on this quarter?")))["usage"]

    assert usage["prompt_tokens"] > 7
    assert usage["completion_tokens"] > 7
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0


async def test_stream_says_the_same_as_the_whole_answer():
    whole = await _ask(_body("What now?"))
    events = await _ask(_body("What now?", stream=True, stream_options={"include_usage": True}))

    assert _joined(events) == whole["choices"][0]["message"]["content"]
    assert len(events) > 4
    assert events[-1]["choices"] == []
    assert events[-1]["usage"] == whole["usage"]
    assert events[-2]["choices"][0]["finish_reason"] == "stop"


async def test_stream_says_no_usage_unless_asked():
    events = await _ask(_body(stream=True))

    assert all("usage" not in event for event in events)


async def test_max_tokens_cut_the_answer():
    answer = await _ask(_body("Tell me everything you know", max_tokens=5))

    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] <= 5
    assert answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize("stop", ["asked", ["nowhere", "asked"]], ids=["one", "several"])
async def test_stop_sequence_ends_the_answer(stop):
    answer = await _ask(_body(stop=stop))

    assert answer["choices"][0]["message"]["content"] == f"{LABEL} You "
    assert answer["choices"][0]["finish_reason"] == "stop"


async def test_several_choices():
    answer = await _ask(_body(n=3))

    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]


async def test_logprobs_cover_the_text():
    choice = (await _ask(_body(logprobs=True, top_logprobs=2)))["choices"][0]
    events = await _ask(_body(logprobs=True, stream=True))

    content = choice["logprobs"]["content"]
    assert "".join(item["token"] for item in content) == choice["message"]["content"]
    assert all(item["logprob"] <= 0 and len(item["top_logprobs"]) == 2 for item in content)
    assert any(event["choices"][0].get("logprobs") for event in events)


async def test_json_schema_is_filled_and_nothing_else_is_said():
    schema = {
        "type": "object",
        "properties": {
            "summary": {"type": "string"},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["summary", "confidence"],
        "additionalProperties": False,
    }

    message = await _message(
        _body(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}})
    )

    jsonschema_rs.validate(schema, json.loads(message["content"]))


async def test_schema_that_is_none_is_refused_as_a_provider_would():
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": True}}}

    response = await ScriptedTransport().send(_request(_body(tools=[tool], tool_choice="required")), QUICK)

    assert response.status == 400
    assert "no JSON Schema" in json.loads(await response.read(10_000))["error"]["message"]


async def test_json_mode_without_schema_gives_an_object():
    message = await _message(_body(response_format={"type": "json_object"}))

    assert isinstance(json.loads(message["content"]), dict)


@pytest.mark.parametrize(
    ("text", "more", "called"),
    [
        pytest.param("What is the weather in Rome?", {}, ["get_weather"], id="words-name-it"),
        pytest.param("Call get_time", {}, ["get_time"], id="name-stands-there"),
        pytest.param("weather and time please", {}, ["get_weather", "get_time"], id="parallel"),
        pytest.param(
            "weather and time please", {"parallel_tool_calls": False}, ["get_weather"], id="one-at-a-time"
        ),
        pytest.param("Hello", {}, [], id="nobody-asked"),
        pytest.param("Hello", {"tool_choice": "required"}, ["get_weather"], id="required"),
        pytest.param(
            "Hello",
            {"tool_choice": {"type": "function", "function": {"name": "get_time"}}},
            ["get_time"],
            id="named",
        ),
        pytest.param("Call get_time", {"tool_choice": "none"}, [], id="none"),
        pytest.param("[[mock tool=get_time]] Hello", {}, ["get_time"], id="directive"),
    ],
)
async def test_tools_are_called(text, more, called):
    answer = await _ask(_body(text, tools=[WEATHER, CLOCK], **more))
    choice = answer["choices"][0]
    calls = choice["message"].get("tool_calls", [])

    assert [call["function"]["name"] for call in calls] == called
    assert len({call["id"] for call in calls}) == len(calls)
    assert choice["finish_reason"] == ("tool_calls" if called else "stop")
    for call in calls:
        tool = {"get_weather": WEATHER, "get_time": CLOCK}[call["function"]["name"]]
        jsonschema_rs.validate(tool["function"]["parameters"], json.loads(call["function"]["arguments"]))


async def test_free_text_argument_is_what_the_user_said():
    message = await _message(_body("search red shoes", tools=[SEARCH]))

    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"query": "search red shoes"}


async def test_streamed_tool_call_adds_up():
    body = _body("weather?", tools=[WEATHER])
    whole = (await _message(body))["tool_calls"][0]
    events = await _ask({**body, "stream": True})

    deltas = [
        event["choices"][0]["delta"]["tool_calls"][0]
        for event in events
        if event["choices"][0]["delta"].get("tool_calls")
    ]
    assert deltas[0]["id"].startswith("call_")
    assert deltas[0]["function"]["name"] == "get_weather"
    assert "".join(delta["function"]["arguments"] for delta in deltas) == whole["function"]["arguments"]


async def test_tool_result_is_answered_in_words():
    body = _body("weather?", tools=[WEATHER])
    body["messages"] += [{"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "22 degrees"}]

    message = await _message(body)

    assert "22 degrees" in message["content"]
    assert "tool_calls" not in message


@pytest.mark.parametrize(
    ("model", "status"),
    [("mock/error-429", 429), ("error-503", 503), ("mock-error-401", 401), ("mock/error-500", 500)],
)
async def test_model_name_asks_for_an_error(model, status):
    response = await ScriptedTransport().send(_request(_body(model=model)), QUICK)

    assert response.status == status
    assert json.loads(await response.read(1000))["error"]["message"]


async def test_directive_asks_for_an_error_with_a_delay():
    response = await ScriptedTransport().send(
        _request(_body('[[mock status=429 retry_after=2 error="Too many"]] Hi')), QUICK
    )

    assert response.status == 429
    assert response.headers["retry-after"] == "2"
    assert json.loads(await response.read(1000))["error"]["message"] == "Too many"


async def test_directive_gives_the_words_and_is_not_repeated():
    said = await _message(_body('[[mock text="Line \\"one\\"\\nand two"]] Hi'))
    usual = await _message(_body("[[mock delay=0 nonsense=3 chunk_delay=x]] Hi there"))

    assert said["content"] == 'Line "one"\nand two'
    assert usual["content"] == f'{LABEL} You asked: "Hi there".'


async def test_only_the_last_user_message_directs():
    body = _body("[[mock status=500]]")
    body["messages"] += [{"role": "assistant", "content": "Ok"}, {"role": "user", "content": "Fine"}]

    assert "Fine" in (await _message(body))["content"]


async def test_reasoning_is_told_apart():
    answer = await _ask(_body(model="mock/reasoning"))
    events = await _ask(_body(model="mock/reasoning", stream=True))

    reasoning = answer["choices"][0]["message"]["reasoning_content"]
    assert _joined(events, "reasoning_content") == reasoning
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


@pytest.mark.parametrize(
    ("model", "check"),
    [
        pytest.param(
            "mock/refusal",
            lambda choice: choice["message"]["refusal"] and choice["message"]["content"] is None,
            id="refusal",
        ),
        pytest.param(
            "mock/filtered", lambda choice: choice["finish_reason"] == "content_filter", id="filtered"
        ),
        pytest.param(
            "mock/long", lambda choice: len(choice["message"]["content"].split()) == 2_000, id="long"
        ),
    ],
)
async def test_model_name_asks_for_an_odd_answer(model, check):
    assert check((await _ask(_body(model=model)))["choices"][0])


async def test_model_name_asks_for_no_usage_and_for_cached_tokens():
    assert "usage" not in await _ask(_body(model="mock/no-usage"))
    cached = (await _ask(_body("Hello " * 50, model="mock/cached")))["usage"]["prompt_tokens_details"]
    assert cached == {"cached_tokens": 16}


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("model", "error"),
    [
        pytest.param("mock/cut", LLMConnectionError, id="cut"),
        pytest.param("mock/stall", LLMTimeoutError, id="stall"),
        pytest.param("mock/hang", LLMTimeoutError, id="hang"),
        pytest.param("mock/offline", LLMConnectionError, id="offline"),
    ],
)
async def test_model_name_asks_for_a_broken_connection(model, error, is_stream):
    with pytest.raises(error):
        await _ask(_body(model=model, stream=is_stream))


async def test_stream_is_cut_after_its_first_events():
    response = await ScriptedTransport().send(_request(_body("[[mock cut_after=2]] Hi", stream=True)), QUICK)
    chunks = response.chunks()

    assert b"role" in await anext(chunks)
    assert b"content" in await anext(chunks)
    with pytest.raises(LLMConnectionError):
        await anext(chunks)


async def test_stream_reports_an_error_in_the_middle():
    response = await ScriptedTransport().send(
        _request(_body(model="mock/error-in-stream", stream=True)), QUICK
    )
    pieces = [piece async for piece in response.chunks()]

    assert len(pieces) == 4
    assert json.loads(pieces[-1][6:])["error"]["type"] == "server_error"


@pytest.mark.parametrize(("model", "starts"), [("mock/garbage", b"<!doctype"), ("mock/empty", b"")])
async def test_model_name_asks_for_nonsense(model, starts):
    response = await ScriptedTransport().send(_request(_body(model=model)), QUICK)
    body = await response.read(1000)

    assert body.startswith(starts)
    assert bool(body) == bool(starts)


async def test_hanging_ends_when_the_caller_gives_up():
    task = asyncio.create_task(_ask(_body(model="mock/hang"), timeouts=Timeouts()))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_delays_are_waited_for():
    started = time.monotonic()

    await _ask(_body("[[mock delay=0.02 chunk_delay=0.005]]", stream=True), timeouts=Timeouts())

    assert time.monotonic() - started >= 0.03


async def test_delay_beyond_the_patience_is_a_time_out():
    with pytest.raises(LLMTimeoutError):
        await _ask(_body("[[mock delay=5]]"))


async def test_script_answers_in_order_then_as_usual():
    transport = ScriptedTransport(["One", Act(text="Two")])

    texts = [(await _message(_body(), transport))["content"] for _ in range(3)]

    assert texts == ["One", "Two", f'{LABEL} You asked: "Hello".']


async def test_rule_answers_what_it_matches():
    script = Script(["One"]).when(lambda body: body["model"] == "b", "For b").then("Two")
    transport = ScriptedTransport(script)

    texts = [(await _message(_body(model=model), transport))["content"] for model in ("b", "a", "b", "a")]

    assert texts == ["For b", "One", "For b", "Two"]


async def test_requests_are_remembered_up_to_a_limit():
    transport = ScriptedTransport(keep_requests=2)

    for text in ("a", "b", "c"):
        await _ask(_body(text), transport)

    assert [asked.messages[0]["content"] for asked in transport.requests] == ["b", "c"]
    assert transport.total == 3


async def test_models_are_listed():
    response = await ScriptedTransport().send(HttpRequest("GET", "mock://scripted/v1/models"), QUICK)
    listed = json.loads(await response.read(10_000))

    assert [model["id"] for model in listed["data"]] == list(MODELS)


async def test_unknown_path_is_not_found():
    response = await ScriptedTransport().send(_request({}, "/images"), QUICK)

    assert response.status == 404


async def test_body_over_the_limit_is_refused():
    response = await ScriptedTransport().send(_request(_body()), QUICK)

    with pytest.raises(LLMProtocolError):
        await response.read(10)


@pytest.mark.parametrize("dimensions", [None, 8, 1024])
async def test_embeddings_are_unit_vectors_of_the_wanted_size(dimensions):
    body = {
        "model": "mock",
        "input": ["red shoes", "", "blue"],
        **({"dimensions": dimensions} if dimensions else {}),
    }

    answer = await _ask(body, path="/embeddings")

    assert [item["index"] for item in answer["data"]] == [0, 1, 2]
    for item in answer["data"]:
        assert len(item["embedding"]) == (dimensions or 256)
        assert sum(value * value for value in item["embedding"]) == pytest.approx(1.0)
    assert answer["usage"]["prompt_tokens"] == 3


async def test_embeddings_come_as_base64_where_asked():
    plain = await _ask({"input": "red shoes", "dimensions": 8}, path="/embeddings")
    packed = await _ask(
        {"input": "red shoes", "dimensions": 8, "encoding_format": "base64"}, path="/embeddings"
    )

    numbers = struct.unpack("<8f", base64.b64decode(packed["data"][0]["embedding"]))
    assert numbers == pytest.approx(plain["data"][0]["embedding"], abs=1e-6)


def test_similar_texts_lie_near_each_other():
    def likeness(one, other):
        return sum(a * b for a, b in zip(embed(one), embed(other), strict=True))

    question = "How do I return my red shoes?"
    assert (
        likeness(question, "returning red shoes, how?")
        > likeness(question, "What is the weather in Rome?") + 0.2
    )
    assert likeness(question, question) == pytest.approx(1.0)


async def test_plain_answer_is_quick():
    transport, request = ScriptedTransport(), _request(_body("What should I focus on this quarter?"))

    async def seconds(rounds=500):
        started = time.perf_counter()
        for _ in range(rounds):
            await (await transport.send(request, QUICK)).read(10_000)
        return (time.perf_counter() - started) / rounds

    assert min([await seconds() for _ in range(5)]) < 60e-6
