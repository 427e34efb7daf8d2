"""A provider that keeps a log of its own: what it really said, to whom, and how far it came."""

import asyncio
import contextlib
import json
from itertools import cycle, islice
from typing import Any

from msgspec import Struct

from officium.core.llm.tokens import MESSAGE_TOKENS, REPLY_TOKENS, estimate_tokens

_WORDS = (
    "alpha",
    "bravo",
    "delta",
    "echo",
    "golf",
    "hotel",
    "india",
    "kilo",
    "lima",
    "mike",
    "oscar",
    "papa",
)
_WORDS_A_PIECE = 2
_PAUSE_S = 0.02
"""A hundred tokens a second, as a quick model writes."""
_LARGEST_BODY = 1 << 20


class Served(Struct):
    """One request as the provider saw it. A token is a word; those written into the void count, too."""

    input_tokens: int
    output_tokens: int = 0
    is_whole: bool = False

    @property
    def tokens(self) -> int:
        """Of both directions."""
        return self.input_tokens + self.output_tokens


class TrialProvider:
    """Speaks OpenAI's chat dialect on a free port of this machine.

    The last message is `<name> <words>`: the answer has so many words, or as many as `max_tokens` allows.
    """

    def __init__(self) -> None:
        self.log: dict[str, list[Served]] = {}
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        """Where it is."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aenter__(self) -> "TrialProvider":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def truth(self, name: str) -> int:
        """How many tokens a call really took; all of them, should it have been asked more than once."""
        return sum(served.tokens for served in self.log.get(name, ()))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether another may follow."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ),
            0,
        )
        asked = json.loads(await reader.readexactly(min(length, _LARGEST_BODY))) if length else {}
        if "messages" not in asked:
            await _send_json(writer, {"object": "list", "data": []})
            return True
        name, words = str(asked["messages"][-1]["content"]).split()
        served = Served(_input_tokens(asked["messages"]))
        self.log.setdefault(name, []).append(served)
        most = min(int(words), int(asked.get("max_tokens") or asked.get("max_completion_tokens") or 10**9))
        if asked.get("stream"):
            return await self._stream(reader, writer, served, most)
        await asyncio.sleep(_PAUSE_S)
        served.output_tokens, served.is_whole = most, True
        message = {"role": "assistant", "content": " ".join(islice(cycle(_WORDS), most))}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        await _send_json(writer, {**_ENVELOPE, "choices": [choice], "usage": _usage(served)})
        return True

    async def _stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, served: Served, words: int
    ) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        hung_up = asyncio.create_task(reader.read(1))
        try:
            supply = cycle(_WORDS)
            while served.output_tokens < words:
                count = min(_WORDS_A_PIECE, words - served.output_tokens)
                text = "".join(f"{word} " for word in islice(supply, count))
                _send_event(writer, {"choices": [{"index": 0, "delta": {"content": text}}]})
                served.output_tokens += count
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(hung_up), _PAUSE_S)
                    return False
            served.is_whole = True
            end = {"index": 0, "delta": {}, "finish_reason": "stop"}
            _send_event(writer, {"choices": [end]})
            _send_event(writer, {"choices": [], "usage": _usage(served)})
            writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
            await writer.drain()
            return False
        finally:
            hung_up.cancel()


_ENVELOPE = {"id": "chatcmpl-trial", "object": "chat.completion", "created": 1, "model": "trial"}


def _input_tokens(messages: list[dict[str, Any]]) -> int:
    return REPLY_TOKENS + sum(MESSAGE_TOKENS + estimate_tokens(str(one["content"])) for one in messages)


def _usage(served: Served) -> dict[str, int]:
    return {
        "prompt_tokens": served.input_tokens,
        "completion_tokens": served.output_tokens,
        "total_tokens": served.tokens,
    }


def _send_event(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
    data = (
        b"data: " + json.dumps({**_ENVELOPE, "object": "chat.completion.chunk", **event}).encode() + b"\n\n"
    )
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


async def _send_json(writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % len(data) + data)
    await writer.drain()
