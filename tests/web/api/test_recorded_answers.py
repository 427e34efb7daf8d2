"""Recorded providers' answers, put through the doors and read by the official SDKs."""

import json
from typing import Any

import anthropic
import openai
import pytest

from officium.core.llm.completion import Delta
from officium.core.llm.errors import LLMError
from officium.core.llm.providers import DIALECTS
from officium.kit.errors import InvalidRequest
from officium.web.api.messages_wire import MessagesWire
from officium.web.api.responses_wire import ResponsesWire
from officium.web.api.wire import Wire
from tests.support.doors import REQUEST_ID, Door, build
from tests.support.recordings import Exchange, a_deployment, load_exchanges

MESSAGES = MessagesWire()
RESPONSES = ResponsesWire()
STREAMS = [exchange for exchange in load_exchanges(DIALECTS) if exchange.is_stream]
ASKED = load_exchanges(["anthropic-messages"])
MALFORMED = "Invalid content"


def decode(exchange: Exchange) -> list[Delta]:
    """The stream's deltas, up to an error within it."""
    deployment = a_deployment(exchange.provider, dialect=exchange.dialect)  # type: ignore[arg-type]
    decoder = DIALECTS[exchange.dialect].stream_decoder(deployment)  # type: ignore[index]
    deltas: list[Delta] = []
    try:
        deltas.extend(decoder.feed(exchange.data))
        deltas.extend(decoder.close())
    except LLMError:
        pass
    return deltas


def whole(wire: Wire, body: dict[str, Any], deltas: list[Delta]) -> dict[str, Any]:
    said = json.loads(wire.render(build(deltas), wire.parse(body), REQUEST_ID))
    return {name: said[name] for name in said if name not in ("created_at", "completed_at")}


async def read_as_message(door: Door) -> dict[str, Any]:
    client = anthropic.AsyncAnthropic(api_key="a-key", http_client=door.http_client, max_retries=0)
    async with client.messages.stream(
        model="a-model", max_tokens=9, messages=[{"role": "user", "content": "a"}]
    ) as stream:
        message = await stream.get_final_message()
    return message.to_dict()


async def read_as_response(door: Door) -> tuple[list[str], dict[str, Any]]:
    client = openai.AsyncOpenAI(api_key="a-key", http_client=door.http_client, max_retries=0)
    async with client.responses.stream(model="a-model", input="a") as stream:
        events = [event async for event in stream]
    said = events[-1].response.to_dict()  # type: ignore[union-attr]
    return [event.type for event in events], said


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
async def test_messages_client_reads_every_providers_stream(exchange: Exchange) -> None:
    deltas = decode(exchange)

    message = await read_as_message(Door(MESSAGES, deltas))

    body = {"model": "a-model", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
    expected = whole(MESSAGES, body, deltas)
    for block, of_whole in zip(message["content"], expected["content"], strict=True):
        is_cut_short = block["type"] == "tool_use" and "_raw" in of_whole["input"]
        assert block == of_whole or is_cut_short
    assert {name: message[name] for name in expected if name != "content"} == {
        name: expected[name] for name in expected if name != "content"
    }


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
async def test_responses_client_reads_every_providers_stream(exchange: Exchange) -> None:
    deltas = decode(exchange)

    _, response = await read_as_response(Door(RESPONSES, deltas))

    expected = whole(RESPONSES, {"model": "a-model", "input": "a"}, deltas)
    shown = {name: response[name] for name in expected}
    assert _without_logprobs(shown) == _without_logprobs(expected)


def _without_logprobs(response: dict[str, Any]) -> dict[str, Any]:
    """Log probabilities are sorted to their words in a stream alone."""
    for item in response["output"]:
        for part in item.get("content") or ():
            part.pop("logprobs", None)
            part.pop("parsed", None)
        item.pop("parsed_arguments", None)
    return response


@pytest.mark.parametrize(
    "exchange", [exchange for exchange in STREAMS if exchange.dialect == "anthropic-messages"], ids=str
)
async def test_relayed_messages_stream_is_read_as_the_provider_meant_it(exchange: Exchange) -> None:
    deltas = decode(exchange)
    client_events = await read_as_message(Door(MESSAGES, deltas, relay=True))

    completion = build(deltas)
    texts = [block["text"] for block in client_events["content"] if block["type"] == "text"]
    calls = [block["id"] for block in client_events["content"] if block["type"] == "tool_use"]
    assert "".join(texts) == completion.text
    assert calls == [call.id for call in completion.tool_calls]
    assert client_events["stop_reason"] == completion.finish_reason_raw


@pytest.mark.parametrize(
    "exchange", [exchange for exchange in STREAMS if exchange.dialect == "openai-responses"], ids=str
)
async def test_relayed_responses_stream_is_read_as_the_provider_meant_it(exchange: Exchange) -> None:
    deltas = decode(exchange)

    types, response = await read_as_response(Door(RESPONSES, deltas, relay=True))

    sent = [line.removeprefix("event: ") for line in exchange.body.splitlines() if line.startswith("event: ")]
    assert types == sent
    texts = [
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
        if part["type"] == "output_text"
    ]
    assert "".join(texts) == build(deltas).text


@pytest.mark.parametrize(
    "exchange", [said for said in ASKED if said.request["messages"] != [MALFORMED]], ids=str
)
def test_every_recorded_messages_request_is_read(exchange: Exchange) -> None:
    request = MESSAGES.parse(exchange.request)

    assert request.native is not None
    assert request.native.body == exchange.request


@pytest.mark.parametrize(
    "exchange", [said for said in ASKED if said.request["messages"] == [MALFORMED]], ids=str
)
def test_request_that_anthropic_refused_as_malformed_is_refused(exchange: Exchange) -> None:
    with pytest.raises(InvalidRequest) as caught:
        MESSAGES.parse(exchange.request)

    assert caught.value.fields["param"] == "messages[0]"
