"""Replaying captured traffic: every recording, and records that are none."""

import json
from typing import Any

import pytest

from officium.core.llm.replay import replay_exchange, replay_lines
from tests.support.recordings import Exchange, find_exchange, load_exchanges

EXCHANGES = load_exchanges()
STREAMS = [exchange for exchange in EXCHANGES if exchange.is_stream]
FIELDS = {"id", "text", "reasoning", "tool_calls", "finish_reason", "usage", "error"}
COUNTS = {
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "total_tokens",
}


def a_record(exchange: Exchange, **changed: Any) -> dict[str, Any]:
    record = {
        "id": exchange.id,
        "provider": exchange.provider,
        "dialect": exchange.dialect,
        "path": exchange.path,
        "request": exchange.request,
        "status": exchange.status,
        "headers": dict(exchange.headers),
        "body": exchange.body,
    }
    return record | changed


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
def test_recording_is_replayed(exchange: Exchange) -> None:
    replayed = replay_exchange(a_record(exchange))

    failed = exchange.is_error or bool(exchange.tags & {"error-mid-stream", "error-in-200"})
    is_completion = exchange.dialect not in {"models", "embeddings", "count-tokens"}
    assert set(replayed) - {"refusal", "models", "embeddings"} == FIELDS
    assert replayed["id"] == exchange.id
    assert (replayed["error"] is not None) == failed
    assert all(isinstance(call["arguments"], str) for call in replayed["tool_calls"])
    assert replayed["usage"] is None or set(replayed["usage"]) == COUNTS
    if is_completion and not failed:
        assert replayed["finish_reason"] in {"stop", "length", "tool_calls", "content_filter", "other"}
        if exchange.dialect != "openai-responses":  # whose recordings do not carry the tag
            assert bool(replayed["tool_calls"]) == ("tool-calls-out" in exchange.tags)
    else:
        assert failed or replayed["finish_reason"] is None
    json.dumps(replayed)


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_split_changes_nothing(exchange: Exchange) -> None:
    record = a_record(exchange)

    assert replay_exchange(record, 3) == replay_exchange(record)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
def test_dialect_is_found_without_being_named(exchange: Exchange) -> None:
    if exchange.path == "/props":
        pytest.skip("not a list of models by its address")
    named = replay_exchange(a_record(exchange))

    record = a_record(exchange)
    del record["dialect"]

    assert replay_exchange(record) == named


def test_provider_nobody_knows_is_read_by_its_dialect() -> None:
    exchange = find_exchange("c3f862bed9f5")

    replayed = replay_exchange(a_record(exchange, provider="somebody-new"))

    assert replayed == replay_exchange(a_record(exchange))


def test_whole_answer_is_read_where_a_stream_was_asked_for() -> None:
    exchange = find_exchange("5953bd543066")
    asked = a_record(
        exchange, request=exchange.request | {"stream": True}, headers={"content-type": "text/event-stream"}
    )

    assert replay_exchange(asked) == replay_exchange(a_record(exchange))


def test_calls_are_given_as_json_text() -> None:
    replayed = replay_exchange(a_record(find_exchange("697f09c92444")))

    assert replayed["tool_calls"] == [
        {"name": "secret_retrieval_tool", "arguments": '{"password":"mellon"}'},
        {"name": "secret_retrieval_tool", "arguments": '{"password":"radiance"}'},
    ]


@pytest.mark.parametrize("id", ["a82b24e7d0fe", "0332e2c0de7d", "b1ae368d6108", "748522e6a544"])
def test_refusal_is_given_apart_from_the_text(id: str) -> None:
    replayed = replay_exchange(a_record(find_exchange(id)))

    assert replayed["refusal"]
    assert replayed["text"] == ""


def test_usage_is_given_with_its_total() -> None:
    replayed = replay_exchange(a_record(find_exchange("984fc619ff21")))

    assert replayed["usage"] == {
        "input_tokens": 1042,
        "cached_tokens": 1031,
        "cache_write_tokens": 0,
        "output_tokens": 100,
        "reasoning_tokens": None,
        "total_tokens": 1142,
    }


def test_error_is_given_with_the_delay_and_the_providers_code() -> None:
    replayed = replay_exchange(a_record(find_exchange("f7a610e2c111")))

    error = replayed["error"]
    assert error["type"] == "provider_rate_limited"
    assert error["code"] == "RESOURCE_EXHAUSTED"
    assert error["status"] == 429
    assert error["retry_after_s"] == 48.0


def test_synthetic_stream_that_fails_has_both_text_and_error() -> None:
    exchange = find_exchange("c3f862bed9f5")
    start = exchange.body.split("event: message_delta")[0]
    error = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}\n\n'

    replayed = replay_exchange(a_record(exchange, body=start + error), 5)

    assert replayed["text"] == replay_exchange(a_record(exchange))["text"]
    assert replayed["finish_reason"] is None
    assert replayed["error"]["type"] == "provider_unavailable"
    assert replayed["error"]["code"] == "overloaded_error"


def test_stream_that_breaks_off_is_an_error_with_the_text_so_far() -> None:
    exchange = find_exchange("c3f862bed9f5")

    replayed = replay_exchange(a_record(exchange, body=exchange.body.split("event: message_delta")[0]))

    assert replayed["text"]
    assert replayed["error"]["type"] == "provider_garbled"
    assert replayed["error"]["status"] == 200


@pytest.mark.parametrize(
    ("id", "names"),
    [
        ("ee06127627ba", "all-minilm:latest"),
        ("34b77294cf43", "claude-opus-5"),
        ("710de028677f", "gemini-2.5-flash"),
    ],
)
def test_models_are_named(id: str, names: str) -> None:
    assert replay_exchange(a_record(find_exchange(id)))["models"][0] == names


def test_embeddings_are_measured() -> None:
    replayed = replay_exchange(a_record(find_exchange("543ca723ca84")))

    assert replayed["embeddings"] == {"count": 1, "dimensions": 768}
    assert replayed["usage"]["input_tokens"] == 8


@pytest.mark.parametrize(("id", "tokens"), [("7d978d116ad4", 14), ("660c703d899b", 12)])
def test_count_is_the_input(id: str, tokens: int) -> None:
    assert replay_exchange(a_record(find_exchange(id)))["usage"]["input_tokens"] == tokens


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[1, 2]",
        "null",
        "7",
        "{}",
        '{"id": "x", "provider": "nobody", "body": "{}"}',
        '{"id": "x", "provider": "openai", "status": "soon", "body": "{}"}',
        '{"id": "x", "provider": "openai", "headers": 7, "body": "{}"}',
        "[" * 100_000,
    ],
)
def test_record_that_is_none_is_undecodable_and_raises_nothing(line: str) -> None:
    (replayed,) = replay_lines([line])

    said = json.loads(replayed)
    assert set(said) == {"id", "undecodable"}
    assert said["undecodable"]


@pytest.mark.parametrize("body", [None, "", "<html>", "[]", "data: {", "{}", "\ud83d", {"a": 1}])
@pytest.mark.parametrize(
    "dialect", ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate", "ollama-native"]
)
@pytest.mark.parametrize("status", [200, 503])
def test_body_that_makes_no_sense_is_an_error(status: int, dialect: str, body: object) -> None:
    record = {"id": "x", "provider": "openai", "dialect": dialect, "status": status, "body": body}

    (replayed,) = replay_lines([json.dumps(record)])

    said = json.loads(replayed)
    assert said["error"]["type"] == ("provider_garbled" if status == 200 else "provider_unavailable")


def test_lines_are_replayed_in_order_and_blank_ones_passed_over() -> None:
    records = [json.dumps(a_record(exchange)) for exchange in EXCHANGES[:3]]

    replayed = [
        json.loads(line) for line in replay_lines([records[0], "\n", records[1], records[2]], split=9)
    ]

    assert [said["id"] for said in replayed] == [exchange.id for exchange in EXCHANGES[:3]]
