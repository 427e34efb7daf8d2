"""The handler of every completion door, through the ASGI app."""

import asyncio
from typing import Any

import msgspec
import pytest

from officium.core.llm.completion import Completion, Delta
from officium.core.llm.errors import LLMProtocolError, LLMRateLimitError, LLMUnavailableError
from officium.core.llm.message import Text
from officium.core.tenancy.caller import Caller
from officium.web.api import completions
from officium.web.api.completions import header_value
from tests.support.web import (
    CALLER,
    Client,
    FakeAuthenticator,
    FakeGateway,
    FakeStream,
    a_deployment,
    an_app,
    ask,
    words,
)

CHAT = "/v1/chat/completions"
QUESTION = {"model": "acme/acme-1", "messages": [{"role": "user", "content": "Hi"}]}
STREAMED = {**QUESTION, "stream": True}
MESSAGES_QUESTION = {**QUESTION, "max_tokens": 10}


def events(body: bytes) -> list[Any]:
    """The data of the server-sent events, parsed, without the end mark."""
    found = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]
    return [msgspec.json.decode(data) for data in found if data != b"[DONE]"]


def streamed_text(body: bytes) -> str:
    choices = [choice for event in events(body) for choice in event.get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


async def test_whole_answer_is_rendered_with_its_origin_in_the_headers() -> None:
    gateway = FakeGateway(completion=Completion(parts=(Text("Hello"),), notes=("`seed` was left out.",)))

    reply = await ask(an_app(gateway), "POST", CHAT, QUESTION, headers={"x-request-id": "mine-1"})

    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"] == "Hello"
    assert reply.headers["x-request-id"] == "mine-1"
    assert reply.headers["officium-provider"] == "acme"
    assert reply.headers["officium-model"] == "acme-1"
    assert reply.headers["officium-notes"] == "`seed` was left out."
    assert gateway.contexts[0].request_id == "mine-1"


async def test_body_of_a_faithful_provider_of_the_same_dialect_is_passed_on_untouched() -> None:
    raw = b'{"id":"theirs","surprise":1}'
    gateway = FakeGateway(completion=Completion(parts=(Text("Hello"),), raw=raw), deployment=a_deployment())

    reply = await ask(an_app(gateway), "POST", CHAT, QUESTION)

    assert reply.body == raw


@pytest.mark.parametrize(
    "deployment",
    [a_deployment("anthropic-messages"), a_deployment(is_faithful=False)],
    ids=["other dialect", "unfaithful provider"],
)
async def test_other_bodies_are_rendered_anew(deployment: Any) -> None:
    gateway = FakeGateway(completion=Completion(parts=(Text("Hello"),), raw=b"{}"), deployment=deployment)

    reply = await ask(an_app(gateway), "POST", CHAT, QUESTION)

    assert reply.json["choices"][0]["message"]["content"] == "Hello"


async def test_stream_is_sent_batch_by_batch() -> None:
    gateway = FakeGateway()

    reply = await ask(an_app(gateway), "POST", CHAT, STREAMED)

    assert reply.status == 200
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["x-accel-buffering"] == "no"
    assert reply.headers["officium-model"] == "acme-1"
    assert streamed_text(reply.body) == "Hello"
    assert reply.body.endswith(b"data: [DONE]\n\n")
    assert len(reply.pieces) == 4
    assert gateway.streams[0].closed == 1


async def test_lone_role_event_waits_for_the_first_words() -> None:
    role, word = b'data: {"role":1}\n\n', b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
    script = [[Delta(raw=role)], [Delta(text="Hi", raw=word)]]
    gateway = FakeGateway(script=script, deployment=a_deployment())

    reply = await ask(an_app(gateway), "POST", CHAT, STREAMED)

    assert reply.pieces == [role + word, b"data: [DONE]\n\n"]


async def test_stream_without_any_words_still_ends_properly() -> None:
    gateway = FakeGateway(script=[[Delta(model="acme-1")]])

    reply = await ask(an_app(gateway), "POST", CHAT, STREAMED)

    assert (reply.status, reply.body) == (200, b"data: [DONE]\n\n")


async def test_error_before_the_first_words_is_an_ordinary_answer() -> None:
    gateway = FakeGateway(error=LLMRateLimitError("Slow down.", retry_after_s=1.2))

    reply = await ask(an_app(gateway), "POST", CHAT, STREAMED)

    assert reply.status == 429
    assert reply.headers["retry-after"] == "2"
    assert reply.json["error"]["code"] == "rate_limit_exceeded"


async def test_error_in_a_running_stream_is_its_last_event() -> None:
    gateway = FakeGateway(script=[[Delta(text="Hel")], LLMProtocolError("Cut short.")])

    reply = await ask(an_app(gateway), "POST", CHAT, STREAMED)

    assert reply.status == 200
    assert events(reply.body)[-1]["error"]["message"] == "Cut short."
    assert gateway.streams[0].closed == 1


async def test_mistake_of_ours_in_a_running_stream_says_nothing_of_itself() -> None:
    gateway = FakeGateway(script=[[Delta(text="Hel")], RuntimeError("secret details")])

    reply = await ask(an_app(gateway), "POST", CHAT, STREAMED)

    assert b"secret details" not in reply.body
    assert events(reply.body)[-1]["error"]["code"] == "internal_error"


async def test_mistake_of_ours_is_a_bare_500() -> None:
    reply = await ask(an_app(FakeGateway(error=RuntimeError("secret details"))), "POST", CHAT, QUESTION)

    assert reply.status == 500
    assert b"secret details" not in reply.body
    assert reply.json["error"]["code"] == "internal_error"


async def test_heartbeats_open_a_stream_whose_first_words_take_long() -> None:
    gateway = FakeGateway(wait=asyncio.Event())
    client = Client(an_app(gateway, heartbeat_s=0.01))
    asking = asyncio.create_task(client.ask("POST", CHAT, STREAMED))

    await client.got_piece.wait()
    assert gateway.wait is not None
    gateway.wait.set()
    reply = await asking

    assert reply.body.startswith(b": still here\n\n")
    assert streamed_text(reply.body) == "Hello"


async def test_error_after_a_heartbeat_goes_into_the_stream() -> None:
    gateway = FakeGateway(wait=asyncio.Event(), error=LLMUnavailableError("Busy."))
    client = Client(an_app(gateway, heartbeat_s=0.01))
    asking = asyncio.create_task(client.ask("POST", CHAT, STREAMED))

    await client.got_piece.wait()
    assert gateway.wait is not None
    gateway.wait.set()
    reply = await asking

    assert reply.status == 200
    assert events(reply.body)[-1]["error"]["message"] == "Busy."


@pytest.mark.parametrize("turns", range(5))
async def test_error_that_comes_with_the_first_heartbeat_is_told(turns: int) -> None:
    class Gateway(FakeGateway):
        async def open_stream(self, *args: object) -> FakeStream:
            for _ in range(turns):  # of the event loop: whatever is due at the moment goes first or second
                await asyncio.sleep(0)
            raise LLMUnavailableError("Busy.")

    reply = await ask(an_app(Gateway(), heartbeat_s=0), "POST", CHAT, STREAMED)

    assert b"Busy." in reply.body


async def test_heartbeats_fill_the_silence_inside_a_stream() -> None:
    silence = asyncio.Event()
    gateway = FakeGateway(script=[[Delta(text="Hel")], silence, *words("lo")])
    client = Client(an_app(gateway, heartbeat_s=0.01))
    asking = asyncio.create_task(client.ask("POST", CHAT, STREAMED))

    await client.got_piece.wait()
    client.got_piece.clear()
    await client.got_piece.wait()
    silence.set()
    reply = await asking

    assert b": still here" in reply.pieces[1]
    assert streamed_text(reply.body) == "Hello"


@pytest.mark.parametrize("question", [QUESTION, STREAMED], ids=["whole", "stream"])
async def test_hangup_stops_the_work_before_the_first_words(
    question: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("officium.web.exchange._WATCH_AFTER_S", 0)
    gateway = FakeGateway(wait=asyncio.Event())
    client = Client(an_app(gateway))
    client.hang_up.set()

    reply = await client.ask("POST", CHAT, question)

    assert reply.status == 0
    assert gateway.given_up == 1


async def test_hangup_in_a_stream_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("officium.web.exchange._WATCH_AFTER_S", 0)
    gateway = FakeGateway(script=[[Delta(text="Hel")], asyncio.Event()])
    client = Client(an_app(gateway))
    asking = asyncio.create_task(client.ask("POST", CHAT, STREAMED))

    await client.got_piece.wait()
    client.hang_up.set()
    await asking

    assert gateway.streams[0].closed == 1


async def test_stopping_server_tells_the_reader_of_a_stream_and_closes_it() -> None:
    gateway = FakeGateway(script=[[Delta(text="Hel")], asyncio.Event()])
    client = Client(an_app(gateway))
    task = asyncio.create_task(client.ask("POST", CHAT, STREAMED))
    await client.got_piece.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert gateway.streams[0].closed == 1
    assert events(client.pieces[-1])[0]["error"]["code"] == "service_unavailable"


async def test_stopping_server_tells_whoever_still_waits() -> None:
    gateway = FakeGateway(wait=asyncio.Event())
    client = Client(an_app(gateway))
    task = asyncio.create_task(client.ask("POST", CHAT, QUESTION))
    await gateway.has_been_asked.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert msgspec.json.decode(client.pieces[-1])["error"]["code"] == "service_unavailable"


async def test_stranger_is_refused_before_the_body_is_read() -> None:
    gateway = FakeGateway()

    reply = await ask(an_app(gateway), "POST", CHAT, b"not even JSON", key="ofc_wrong")

    assert reply.status == 401
    assert reply.json["error"]["code"] == "invalid_api_key"
    assert gateway.asked == []


async def test_key_without_the_scope_is_refused() -> None:
    caller = Caller(CALLER.tenant_id, CALLER.actor, frozenset({"usage:read"}))
    app = an_app(authenticator=FakeAuthenticator({"ofc_test": caller}))

    reply = await ask(app, "POST", CHAT, QUESTION)

    assert reply.status == 403
    assert reply.json["error"]["code"] == "permission_denied"


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
async def test_both_sdks_ways_to_send_a_key_are_understood(header: str) -> None:
    value = "ofc_test" if header == "x-api-key" else "bearer ofc_test"

    reply = await ask(an_app(), "POST", CHAT, QUESTION, key=None, headers={header: value})

    assert reply.status == 200


async def test_errors_of_the_anthropic_door_carry_its_request_id_header() -> None:
    reply = await ask(an_app(), "POST", "/v1/messages", MESSAGES_QUESTION, key=None)

    assert reply.status == 401
    assert reply.json["type"] == "error"
    assert reply.headers["request-id"] == reply.headers["x-request-id"]


async def test_anthropic_door_answers_in_its_own_words() -> None:
    gateway = FakeGateway(deployment=a_deployment("openai-chat"))

    reply = await ask(an_app(gateway), "POST", "/v1/messages", MESSAGES_QUESTION)

    assert reply.json["content"] == [{"type": "text", "text": "Hello"}]


async def test_trace_of_the_caller_reaches_the_gateway() -> None:
    gateway = FakeGateway()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    await ask(an_app(gateway), "POST", CHAT, QUESTION, headers={"traceparent": trace})

    assert gateway.contexts[0].traceparent == trace


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", b"plain"),
        ("two\r\nlines: x", b"two  lines: x"),
        ("größe", b"gr\\xf6\\xdfe"),
        ("x" * 5000, b"x" * completions._NOTES_LIMIT),
    ],
    ids=["plain", "line breaks", "not ASCII", "too long"],
)
def test_any_text_makes_a_harmless_header(text: str, value: bytes) -> None:
    assert header_value(text) == value


def test_what_is_kept_of_a_long_header_is_short() -> None:
    header_value("x" * completions._NOTES_LIMIT + "one")
    kept = completions._header_value.cache_info().currsize

    header_value("x" * completions._NOTES_LIMIT + "another")

    assert completions._header_value.cache_info().currsize == kept


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses", "/v1/embeddings"])
async def test_model_is_a_name_and_no_essay(path: str) -> None:
    reply = await ask(an_app(), "POST", path, {**MESSAGES_QUESTION, "input": "Hi", "model": "a/" + "m" * 255})

    assert reply.status == 400
    assert "`model` must not be longer than 256 characters." in reply.json["error"]["message"]
