"""Customers of the servers: they ask, some of them hang up, and they remember what they got."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, json

from officium.core.llm.errors import LLMError
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts, Transport

End = Literal["whole", "hung up", "refused", "broken"]
_TIMEOUTS = Timeouts(connect=5.0, first_byte=30.0, idle=30.0, total=60.0)
_LARGEST_BODY = 1 << 20


class Call(Struct, frozen=True, kw_only=True):
    """An answer of so many `words` is asked for; after `hang_up_after` pieces of it the customer leaves."""

    name: str
    words: int
    is_stream: bool
    hang_up_after: int | None = None


async def ask(transport: Transport, url: str, api_key: str, call: Call) -> End:
    """Make a call; how it ended for the customer."""
    try:
        response = await transport.send(_request(url, api_key, call), _TIMEOUTS)
    except LLMError:
        return "broken"
    try:
        if response.status != 200:
            return "refused" if response.status == 402 else "broken"
        if not call.is_stream:
            await response.read(_LARGEST_BODY)
            return "whole"
        return await _read_stream(response, call)
    except LLMError:
        return "broken"
    finally:
        response.close()


async def _read_stream(response: HttpResponse, call: Call) -> End:
    pieces, tail = 0, b""
    async for data in response.chunks():
        pieces += data.count(b'"content"')
        tail = (tail + data)[-64:]
        if call.hang_up_after is not None and pieces >= call.hang_up_after:
            return "hung up"
    return "whole" if b"[DONE]" in tail else "broken"


def _request(url: str, api_key: str, call: Call) -> HttpRequest:
    headers: Mapping[str, str] = {
        "authorization": f"Bearer {api_key}",
        "content-type": "application/json",
        "x-request-id": call.name,
    }
    body = {
        "model": "vllm/trial",
        "messages": [{"role": "user", "content": f"{call.name} {call.words}"}],
        "max_tokens": call.words,
        "stream": call.is_stream,
        **({"stream_options": {"include_usage": True}} if call.is_stream else {}),
    }
    return HttpRequest("POST", f"{url}/v1/chat/completions", headers, json.encode(body))
