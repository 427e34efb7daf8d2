"""A provider that answers from a script instead of a model, by the same path as every provider.

It takes requests in the OpenAI chat dialect and answers with the bytes such a provider would send, whole or
streamed: the same request always gets the same bytes. What it says is marked as scripted. It can call tools,
fill JSON schemas, wait, fail, hang up and talk nonsense:

- by a `Script` handed to the constructor, for tests;
- by the model's name (`mock/slow`, `mock/error-429`, ...; see `BY_MODEL`);
- by a directive in the last user message: `[[mock delay=0.2 status=503 retry_after=2 text="..."]]`.
"""

import asyncio
import base64
import re
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Literal
from zlib import crc32

import msgspec
from msgspec import Struct

from officium.core.llm.errors import LLMConnectionError, LLMProtocolError, LLMTimeoutError
from officium.core.llm.http import HttpRequest, HttpResponse, Timeouts
from officium.core.llm.tokens import IMAGE_TOKENS, MESSAGE_TOKENS, REPLY_TOKENS, TOOL_TOKENS, estimate_tokens
from officium.testing.filling import SchemaUnusable, fill

CREATED = 1_767_225_600
"""The `created` of every answer: the same request must give the same bytes."""
FINGERPRINT = "scripted"
LABEL = "[scripted]"
EMBEDDING_DIMENSIONS = 256

_encode = msgspec.json.encode
_DIRECTIVE = re.compile(r"\[\[mock\b(.*?)\]\]", re.DOTALL)
_SETTING = re.compile(r'(\w+)(?:=(?:"((?:[^"\\]|\\.)*)"|(\S+)))?')
_FACT = re.compile(r"^[ \t]*[-*]?[ \t]*([A-Z][\w /&-]{0,40}):[ \t]+(\S[^\n]{0,80})$", re.MULTILINE)
_PIECE = re.compile(r"\s*\S+\s*\Z|\s*\S+")
_WORD = re.compile(r"\w+")
_QUOTED_CHARS = 200
_FACTS_SHOWN = 8
_WAIT_LIMIT_S = 600.0
_WORDS_LIMIT = 100_000


class Act(Struct, frozen=True, kw_only=True):
    """How to answer one request. The plain `Act()` is a friendly answer that says what was asked."""

    text: str | None = None
    """The words of the answer, without a label; `None` for the usual ones."""
    words: int = 0
    """Make the answer this many words long."""
    reasoning: str | None = None
    refusal: str | None = None
    tool: str | None = None
    """Call this tool, with arguments made up from its schema unless `arguments` are given."""
    arguments: Mapping[str, Any] | str | None = None
    status: int = 200
    error: str | None = None
    code: str | None = None
    retry_after: float | None = None
    delay: float = 0.0
    """Seconds before anything is sent."""
    chunk_delay: float = 0.0
    """Seconds before each event of a stream but the first."""
    cut_after: int | None = None
    """The connection breaks after so many events of a stream (after half of a whole answer)."""
    error_after: int | None = None
    """A stream reports an error after so many events."""
    hang: Literal["headers", "body"] | None = None
    """Send nothing more, until the caller or its time-out gives up."""
    garbage: bool = False
    """Answer with what is no JSON."""
    empty: bool = False
    """Answer 200 without a body."""
    offline: bool = False
    """Refuse the connection."""
    finish_reason: str | None = None
    usage: bool = True
    """Say how many tokens it took."""
    cached_tokens: int = 0


PLAIN = Act()
BY_MODEL: dict[str, Act] = {
    "slow": Act(delay=1.0, chunk_delay=0.1),
    "hang": Act(hang="headers"),
    "stall": Act(hang="body"),
    "cut": Act(cut_after=3),
    "garbage": Act(garbage=True),
    "empty": Act(empty=True),
    "offline": Act(offline=True),
    "reasoning": Act(reasoning="First I look at what was asked. Then I say it back, because I am a script."),
    "refusal": Act(refusal="I am a script, and this script says no."),
    "filtered": Act(text="", finish_reason="content_filter"),
    "error-in-stream": Act(error_after=3),
    "no-usage": Act(usage=False),
    "cached": Act(cached_tokens=16),
    "long": Act(words=2_000),
}
"""What the second half of a model's name asks for; `error-<status>` stands for any HTTP status."""

MODELS = ("mock", *BY_MODEL, "error-429", "error-500")


class AskedRequest(Struct, frozen=True):
    """A request that reached the provider, and its body."""

    request: HttpRequest
    body: dict[str, Any]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages as they came over the wire."""
        return self.body.get("messages") or []


class Script:
    """Answers for the next requests, in their order; when they are used up, the usual ones.

    A string stands for an act with that text. `when` adds answers that any matching request gets, before
    the others; a rule is asked with the body of the request.
    """

    def __init__(self, acts: Iterable[Act | str] = ()) -> None:
        self._acts = deque(acts)
        self._rules: list[tuple[Callable[[dict[str, Any]], bool], Act]] = []

    def when(self, matches: Callable[[dict[str, Any]], bool], act: Act | str) -> "Script":
        """Answer every request that `matches` with `act`."""
        self._rules.append((matches, _act(act)))
        return self

    def then(self, *acts: Act | str) -> "Script":
        """Add answers for the requests after those already provided for."""
        self._acts.extend(acts)
        return self

    def next_act(self, body: dict[str, Any]) -> Act | None:
        """The act for this request; `None` where nothing is said about it."""
        for matches, act in self._rules:
            if matches(body):
                return act
        return _act(self._acts.popleft()) if self._acts else None


class ScriptedTransport:
    """A transport whose far end is the script. `requests` holds the last ones, `total` counts them all."""

    def __init__(self, script: Script | Iterable[Act | str] = (), *, keep_requests: int = 100) -> None:
        self._script = script if isinstance(script, Script) else Script(script)
        self.requests: deque[AskedRequest] = deque(maxlen=keep_requests)
        self.total = 0

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        body = _decode_body(request.body)
        self.total += 1
        self.requests.append(AskedRequest(request, body))
        if request.url.endswith("/models"):
            return _ScriptedResponse.json(_model_list())
        act = self._script.next_act(body) or _act_from(body)
        if act is not PLAIN:
            await _hold_back(act, timeouts)
        if act.status >= 400:
            return _error_response(act, act.status)
        if request.url.endswith("/embeddings"):
            return _ScriptedResponse.json(_embeddings(body))
        if not request.url.endswith("/chat/completions"):
            return _error_response(Act(error=f"The scripted provider has nothing at {request.url}."), 404)
        try:
            return _chat_response(request.body, body, act, timeouts)
        except SchemaUnusable as error:
            return _error_response(Act(error=f"A schema in the request cannot be used. {error}"), 400)

    async def close(self) -> None:
        """Nothing to close."""


class _ScriptedResponse:
    """An answer from memory, with the waits and breaks its act asks for."""

    __slots__ = ("_act", "_is_closed", "_pieces", "_timeouts", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        pieces: Iterable[bytes],
        act: Act = PLAIN,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self._pieces = pieces
        self._act = act
        self._timeouts = timeouts or Timeouts()
        self._is_closed = False

    @classmethod
    def json(cls, body: bytes) -> "_ScriptedResponse":
        return cls(200, _JSON_HEADERS, (body,))

    async def read(self, limit_bytes: int) -> bytes:
        if self._act is PLAIN:
            body = b"".join(self._pieces)
        else:
            body = b"".join([piece async for piece in self.chunks()])
        if len(body) > limit_bytes:
            raise LLMProtocolError("The provider's answer is too large.", limit_bytes=limit_bytes)
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        act = self._act
        for index, piece in enumerate(self._pieces):
            if self._is_closed:
                return
            if act.cut_after is not None and index >= act.cut_after:
                raise LLMConnectionError("The connection broke off in the middle of the answer.")
            if act.hang == "body" and index == 1:
                await _hang(self._timeouts.idle, "idle")
            if index and act.chunk_delay:
                await asyncio.sleep(min(act.chunk_delay, _WAIT_LIMIT_S))
            yield piece

    def close(self) -> None:
        self._is_closed = True


_JSON_HEADERS = {"content-type": "application/json"}
_STREAM_HEADERS = {"content-type": "text/event-stream"}


def _act(act: Act | str) -> Act:
    return Act(text=act) if isinstance(act, str) else act


def _decode_body(raw: bytes) -> dict[str, Any]:
    body = msgspec.json.decode(raw) if raw else {}
    return body if isinstance(body, dict) else {}


async def _hold_back(act: Act, timeouts: Timeouts) -> None:
    if act.offline:
        raise LLMConnectionError("The scripted provider refuses the connection.")
    patience = timeouts.connect + timeouts.first_byte
    if act.hang == "headers":
        await _hang(patience, "first_byte")
    if act.delay > patience:
        await _hang(patience, "first_byte")
    if act.delay:
        await asyncio.sleep(min(act.delay, _WAIT_LIMIT_S))


async def _hang(patience_s: float, phase: str) -> None:
    await asyncio.sleep(patience_s)
    raise LLMTimeoutError("The scripted provider keeps silent.", phase=phase)


def _act_from(body: dict[str, Any]) -> Act:
    """The act that the model's name and a directive ask for."""
    model = body.get("model") or "mock"
    act = PLAIN
    if model != "mock":
        name = model.removeprefix("mock/").removeprefix("mock-")
        act = BY_MODEL.get(name, PLAIN)
        if name.startswith("error-") and name[6:].isdigit():
            act = Act(status=int(name[6:]))
    for text in _last_user_texts(body):
        if "[[mock" in text and (directive := _DIRECTIVE.search(text)):
            act = _directed(act, directive[1])
    return act


def _last_user_texts(body: dict[str, Any]) -> Iterator[str]:
    for message in reversed(body.get("messages") or ()):
        if message.get("role") == "user":
            yield _text_of(message)
            return


def _directed(act: Act, settings: str) -> Act:
    """`act` with what a directive says; a setting that makes no sense is passed over."""
    for name, quoted, bare in _SETTING.findall(settings):
        value = quoted.replace('\\"', '"').replace("\\n", "\n") if quoted else bare
        is_flag = not value and name not in ("text", "reasoning", "refusal")
        try:
            said = msgspec.convert({name: True if is_flag else value}, Act, strict=False)
        except msgspec.ValidationError:
            continue
        if name in Act.__struct_fields__:
            act = msgspec.structs.replace(act, **{name: getattr(said, name)})
    return act


def _error_response(act: Act, status: int) -> _ScriptedResponse:
    kind, code = _ERRORS.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    message = act.error or f"The script answers with status {status}."
    error = {"message": message, "type": kind, "param": None, "code": act.code or code}
    headers = dict(_JSON_HEADERS)
    if act.retry_after is not None:
        headers["retry-after"] = f"{act.retry_after:g}"
    return _ScriptedResponse(status, headers, (_encode({"error": error}),))


_ERRORS = {
    401: ("authentication_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    503: ("service_unavailable_error", "server_is_overloaded"),
}


def _chat_response(raw: bytes, body: dict[str, Any], act: Act, timeouts: Timeouts) -> _ScriptedResponse:
    is_stream = bool(body.get("stream"))
    headers = _STREAM_HEADERS if is_stream else _JSON_HEADERS
    if act.empty:
        return _ScriptedResponse(200, headers, ())
    if act.garbage:
        return _ScriptedResponse(200, headers, (b"data: <!doctype " if is_stream else b"<!doctype html>\n",))
    answer = _Answer(raw, body, act)
    if is_stream:
        return _ScriptedResponse(200, headers, answer.events(), act, timeouts)
    if act.error_after is not None:
        return _ScriptedResponse.json(_encode({"error": _broken_off(act)}))
    whole = answer.whole()
    if act.cut_after is not None:
        half = len(whole) // 2
        return _ScriptedResponse(200, headers, (whole[:half], whole[half:]), _CUT_IN_HALF, timeouts)
    if act.hang == "body":
        return _ScriptedResponse(200, headers, (whole[:1], whole[1:]), act, timeouts)
    return _ScriptedResponse(200, headers, (whole,))


_CUT_IN_HALF = Act(cut_after=1)


def _broken_off(act: Act) -> dict[str, Any]:
    message = act.error or "The script breaks off here."
    return {"message": message, "type": "server_error", "param": None, "code": act.code}


class _Answer:
    """One answer to a chat request, before it is written out."""

    __slots__ = ("act", "body", "calls", "choices", "finish_reason", "id", "model", "text", "usage")

    def __init__(self, raw: bytes, body: dict[str, Any], act: Act) -> None:
        self.act = act
        self.body = body
        self.id = "chatcmpl-" + blake2b(raw, digest_size=12).hexdigest()
        self.model = body.get("model") or "mock"
        self.choices = min(max(int(body.get("n") or 1), 1), 128)
        self.calls = [] if act.refusal or act.text is not None else _tool_calls(body, act, self.id)
        self.text = "" if act.refusal else _answer_text(body, act) if not self.calls else ""
        self.finish_reason = "tool_calls" if self.calls else "stop"
        self._cut_text()
        if act.finish_reason:
            self.finish_reason = act.finish_reason
        self.usage = self._count() if act.usage else None

    def whole(self) -> bytes:
        """The JSON body."""
        answer: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion",
            "created": CREATED,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
            "choices": [
                {
                    "index": index,
                    "message": self._message(),
                    "logprobs": self._logprobs(_pieces(self.text)),
                    "finish_reason": self.finish_reason,
                }
                for index in range(self.choices)
            ],
        }
        if self.usage is not None:
            answer["usage"] = self.usage
        return _encode(answer)

    def events(self) -> Iterator[bytes]:
        """The events of the stream."""
        for number, event in enumerate(self._events()):
            if self.act.error_after is not None and number >= self.act.error_after:
                yield b"data: " + _encode({"error": _broken_off(self.act)}) + b"\n\n"
                return
            yield event

    def _events(self) -> Iterator[bytes]:
        head = _encode(
            {
                "id": self.id,
                "object": "chat.completion.chunk",
                "created": CREATED,
                "model": self.model,
                "system_fingerprint": FINGERPRINT,
            }
        )
        before = b"data: " + head[:-1] + b',"choices":['
        for index in range(self.choices):
            for delta, logprobs in self._deltas():
                choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": None}
                if logprobs is not None:
                    choice["logprobs"] = logprobs
                yield before + _encode(choice) + b"]}\n\n"
            last = {"index": index, "delta": {}, "finish_reason": self.finish_reason}
            yield before + _encode(last) + b"]}\n\n"
        if self.usage is not None and (self.body.get("stream_options") or {}).get("include_usage"):
            yield before + b'],"usage":' + _encode(self.usage) + b"}\n\n"
        yield b"data: [DONE]\n\n"

    def _deltas(self) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
        yield {"role": "assistant", "content": ""}, None
        for piece in _pieces(self.act.reasoning or ""):
            yield {"reasoning_content": piece}, None
        for piece in _pieces(self.act.refusal or ""):
            yield {"refusal": piece}, None
        for piece in _pieces(self.text):
            yield {"content": piece}, self._logprobs([piece])
        for index, call in enumerate(self.calls):
            function = {"name": call["function"]["name"], "arguments": ""}
            yield {"tool_calls": [{"index": index, **call, "function": function}]}, None
            arguments = call["function"]["arguments"]
            for start in range(0, len(arguments), 16):
                fragment = {"index": index, "function": {"arguments": arguments[start : start + 16]}}
                yield {"tool_calls": [fragment]}, None

    def _message(self) -> dict[str, Any]:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self.text if self.text or not (self.calls or self.act.refusal) else None,
            "refusal": self.act.refusal,
        }
        if self.act.reasoning:
            message["reasoning_content"] = self.act.reasoning
        if self.calls:
            message["tool_calls"] = self.calls
        return message

    def _cut_text(self) -> None:
        stop = self.body.get("stop")
        for mark in [stop] if isinstance(stop, str) else stop or ():
            if mark and (at := self.text.find(mark)) >= 0:
                self.text = self.text[:at]
        limit = self.body.get("max_completion_tokens") or self.body.get("max_tokens")
        if limit and 2 * len(self.text) > limit and estimate_tokens(self.text) > limit:
            self.text = _shortened(self.text, limit)
            self.finish_reason = "length"

    def _count(self) -> dict[str, Any]:
        reasoning = estimate_tokens(self.act.reasoning or "")
        written = estimate_tokens(self.text) + estimate_tokens(self.act.refusal or "")
        for call in self.calls:
            written += MESSAGE_TOKENS + estimate_tokens(call["function"]["arguments"])
        taken = _input_tokens(self.body)
        output = (reasoning + written) * self.choices
        return {
            "prompt_tokens": taken,
            "completion_tokens": output,
            "total_tokens": taken + output,
            "prompt_tokens_details": {"cached_tokens": min(self.act.cached_tokens, taken)},
            "completion_tokens_details": {"reasoning_tokens": reasoning * self.choices},
        }

    def _logprobs(self, pieces: Iterable[str]) -> dict[str, Any] | None:
        if not self.body.get("logprobs"):
            return None
        others = int(self.body.get("top_logprobs") or 0)
        content = []
        for piece in pieces:
            likely = [_logprob(piece, rank) for rank in range(others)]
            content.append({**_logprob(piece, 0), "top_logprobs": likely})
        return {"content": content, "refusal": None}


def _pieces(text: str) -> list[str]:
    """The text in pieces of a word each, as a stream sends it."""
    return _PIECE.findall(text) or ([text] if text else [])


def _logprob(piece: str, rank: int) -> dict[str, Any]:
    token = piece if rank == 0 else f"{piece}{rank}"
    logprob = -(crc32(piece.encode("utf-8", "replace")) % 400) / 1000 - 2.0 * rank
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}


def _shortened(text: str, limit: int) -> str:
    """The longest beginning of `text` that takes at most `limit` tokens."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def _input_tokens(body: dict[str, Any]) -> int:
    total = REPLY_TOKENS
    for message in body.get("messages") or ():
        content = message.get("content")
        if isinstance(content, str):
            total += MESSAGE_TOKENS + estimate_tokens(content)
            continue
        total += MESSAGE_TOKENS + estimate_tokens(_text_of(message))
        total += sum(IMAGE_TOKENS for part in content or () if part.get("type") == "image_url")
    for tool in body.get("tools") or ():
        total += TOOL_TOKENS + estimate_tokens(_encode(tool).decode())
    return total


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return " ".join(part.get("text") or f"[{part.get('type')}]" for part in content or ())


def _quoted(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _QUOTED_CHARS else text[: _QUOTED_CHARS - 1] + "…"


def _answer_text(body: dict[str, Any], act: Act) -> str:
    if act.text is not None:
        text = act.text
    elif (wanted := body.get("response_format")) and wanted.get("type") in ("json_schema", "json_object"):
        schema = (wanted.get("json_schema") or {}).get("schema") or {
            "type": "object",
            "properties": {"message": {"type": "string"}},
        }
        text = _encode(fill(schema)).decode()
    else:
        text = _usual_text(body)
    if act.words:
        words = text.split() or ["scripted"]
        text = " ".join(words[place % len(words)] for place in range(min(act.words, _WORDS_LIMIT)))
    return text


def _usual_text(body: dict[str, Any]) -> str:
    """What the script says of the request: the last message, the turns before it, the system prompt."""
    last: dict[str, Any] = {}
    earlier = 0
    system = ""
    for message in body.get("messages") or ():
        role = message.get("role")
        if role in ("system", "developer"):
            system += _text_of(message) + "\n"
            continue
        earlier += role == "user"
        last = message
    text = _text_of(last)
    if "[[mock" in text:
        text = _DIRECTIVE.sub("", text)
    if last.get("role") == "tool":
        said = f'{LABEL} The tool answered: "{_quoted(text)}".'
    else:
        said = f'{LABEL} You asked: "{_quoted(text)}".'
        earlier -= 1
    if earlier > 0:
        said += f" Earlier turns: {earlier}."
    if system:
        said += f" System prompt: {len(system) - 1} characters."
        facts = _FACT.findall(system)[:_FACTS_SHOWN]
        if facts:
            said += " I was told: " + "; ".join(f"{name}: {value.strip()}" for name, value in facts) + "."
    return said


def _tool_calls(body: dict[str, Any], act: Act, answer_id: str) -> list[dict[str, Any]]:
    tools = {
        tool["function"]["name"]: tool["function"]
        for tool in body.get("tools") or ()
        if isinstance(tool.get("function"), dict)
    }
    if not tools:
        return []
    text = next(_last_user_texts(body), "")
    hints = dict.fromkeys(
        ("query", "question", "text", "message", "input"), _quoted(_DIRECTIVE.sub("", text))
    )
    calls = []
    for index, name in enumerate(_called(body, act, tools, text)):
        arguments: Any = act.arguments
        if arguments is None:
            arguments = fill(tools[name].get("parameters") or {"type": "object"}, hints)
        calls.append(
            {
                "id": f"call_{answer_id[9:25]}{index}",
                "type": "function",
                "function": {
                    "name": name,
                    "arguments": arguments if isinstance(arguments, str) else _encode(arguments).decode(),
                },
            }
        )
    return calls


def _called(body: dict[str, Any], act: Act, tools: Mapping[str, Any], text: str) -> list[str]:
    """The names of the tools to call: those forced, else those that the user's words name."""
    if act.tool is not None:
        return [act.tool] if act.tool in tools else []
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        name = str((choice.get("function") or {}).get("name"))
        return [name] if name in tools else []
    if choice == "none":
        return []
    is_answered = (body.get("messages") or [{}])[-1].get("role") == "tool"
    if is_answered and choice != "required":
        return []
    words = _WORD.findall(text.lower())
    asked = [name for name in tools if _is_named(name, text, words)]
    if not asked and (choice == "required" or "tool" in words or "tools" in words):
        asked = [next(iter(tools))]
    return asked[:1] if body.get("parallel_tool_calls") is False else asked


_EMPTY_WORDS = frozenset(("get", "set", "do", "the", "a", "for", "current"))


def _is_named(tool: str, text: str, words: list[str]) -> bool:
    """Whether the text names the tool, as it is written or in its words (`get_weather`: "weather")."""
    if tool in text:
        return True
    parts = [part for part in re.split(r"[_\W]+", tool.lower()) if part and part not in _EMPTY_WORDS]
    return bool(parts) and all(part in words for part in parts)


def _model_list() -> bytes:
    listed = [{"id": name, "object": "model", "created": CREATED, "owned_by": FINGERPRINT} for name in MODELS]
    return _encode({"object": "list", "data": listed})


def _embeddings(body: dict[str, Any]) -> bytes:
    said = body.get("input")
    inputs = said if isinstance(said, list) and said and not isinstance(said[0], int) else [said]
    dimensions = min(max(int(body.get("dimensions") or EMBEDDING_DIMENSIONS), 1), 8192)
    data = []
    taken = 0
    for index, item in enumerate(inputs):
        text = item if isinstance(item, str) else " ".join(map(str, item or ()))
        taken += estimate_tokens(text)
        vector: list[float] | str = embed(text, dimensions)
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": taken, "total_tokens": taken}
    return _encode({"object": "list", "data": data, "model": body.get("model") or "mock", "usage": usage})


def embed(text: str, dimensions: int = EMBEDDING_DIMENSIONS) -> list[float]:
    """A vector of length 1: texts that share words and parts of words lie near each other."""
    vector = [0.0] * dimensions
    words = _WORD.findall(text.lower())
    for word in words:
        padded = f" {word} "
        _add_feature(vector, padded, 2.0)
        for start in range(len(padded) - 2):
            _add_feature(vector, padded[start : start + 3], 1.0)
    length = sum(value * value for value in vector) ** 0.5
    if length == 0.0:
        vector[0] = length = 1.0
    return [value / length for value in vector]


def _add_feature(vector: list[float], feature: str, weight: float) -> None:
    number = crc32(feature.encode("utf-8", "replace"))
    vector[number % len(vector)] += weight if number & 0x80000000 else -weight
