"""What callers may say to the cache of answers, and what it says to them."""

import pytest
from msgspec.structs import replace

from officium.core.gateway.call import Answer, CallContext
from officium.core.llm.completion import CompletionRequest
from officium.core.tenancy.caller import Caller
from tests.support.web import FakeGateway, an_app, ask

CHAT = "/v1/chat/completions"
QUESTION = {"model": "acme/acme-1", "messages": [{"role": "user", "content": "Hi"}]}


class CachingGateway(FakeGateway):
    """Answers every request from the cache."""

    async def complete(self, caller: Caller, request: CompletionRequest, context: CallContext) -> Answer:
        return replace(await super().complete(caller, request, context), cache="hit")


@pytest.mark.parametrize(
    ("headers", "wish"),
    [
        ({}, "default"),
        ({"officium-cache": "on"}, "on"),
        ({"officium-cache": " OFF "}, "off"),
        ({"officium-cache": "refresh"}, "refresh"),
        ({"cache-control": "no-store"}, "off"),
        ({"cache-control": "no-cache"}, "refresh"),
        ({"cache-control": "no-cache, no-store"}, "off"),
        ({"cache-control": "max-age=60"}, "default"),
        ({"cache-control": "no-store", "officium-cache": "on"}, "on"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_wish_is_read_from_the_headers(headers: dict[str, str], wish: str, stream: bool) -> None:
    gateway = FakeGateway()

    await ask(an_app(gateway), "POST", CHAT, {**QUESTION, "stream": stream}, headers=headers)

    assert gateway.contexts[0].cache == wish


async def test_wish_that_is_none_is_refused() -> None:
    gateway = FakeGateway()

    reply = await ask(an_app(gateway), "POST", CHAT, QUESTION, headers={"officium-cache": "maybe"})

    assert (reply.status, reply.json["error"]["param"]) == (400, "officium-cache")
    assert gateway.asked == []


async def test_answer_says_what_the_cache_had_to_do_with_it() -> None:
    cached = await ask(an_app(CachingGateway()), "POST", CHAT, QUESTION)
    plain = await ask(an_app(FakeGateway()), "POST", CHAT, QUESTION)

    assert cached.headers["officium-cache"] == "hit"
    assert "officium-cache" not in plain.headers
