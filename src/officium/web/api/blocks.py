"""A streamed answer as blocks that open and close one after the other.

Deltas may mix freely: pieces of parallel tool calls alternate, text comes between them. Doors whose
protocol shows one block at a time need them sorted, with as little waiting as possible.
"""

from collections import deque
from typing import Literal, Protocol

import msgspec
from msgspec import Raw

from officium.core.llm.completion import Delta, TokenLogprob, ToolCallDelta, begins_another_thought

BlockKind = Literal["text", "reasoning", "refusal", "call"]
_JSON_OBJECT = msgspec.json.Decoder(dict[str, Raw])


class Block:
    """One part of an answer while it grows. `texts` are its pieces: words, or a call's arguments."""

    __slots__ = ("encrypted", "id", "kind", "logprobs", "name", "signature", "state", "texts")

    def __init__(self, kind: BlockKind) -> None:
        self.kind = kind
        self.texts: list[str] = []
        self.logprobs: list[TokenLogprob] = []
        self.id: str | None = None
        self.name = ""
        self.signature: str | None = None
        self.encrypted: str | None = None
        self.state: Literal["waiting", "open", "closed"] = "waiting"

    @property
    def text(self) -> str:
        """All pieces so far."""
        return "".join(self.texts)


class BlockWriter(Protocol):
    """Puts blocks into a protocol's events."""

    def open_block(self, block: Block) -> None:
        """The block is the next to be shown. What it has already comes in the following `grow`."""
        ...

    def grow(self, block: Block, piece: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        """The open block grew by `piece`; "" when only its signature, id or encrypted content came."""
        ...

    def close_block(self, block: Block) -> None:
        """The open block is complete."""
        ...


class BlockSequence:
    """Sorts deltas into blocks, in the order and with the boundaries of `CompletionBuilder`.

    One block is open at a time and is passed on as it grows; what belongs to later blocks waits. Text and
    reasoning give way to whatever follows them, a tool call as soon as its arguments are a whole JSON
    object (it may alternate with others until then), and `finish` closes what is left. What a provider
    adds to arguments that were already whole is left out: they could only be broken by it.
    """

    def __init__(self, writer: BlockWriter) -> None:
        self._writer = writer
        self._open: Block | None = None
        self._waiting: deque[Block] = deque()
        self._last: Block | None = None
        self._calls: dict[int, Block] = {}

    @property
    def has_calls(self) -> bool:
        """Whether a tool call has come."""
        return bool(self._calls)

    def add(self, delta: Delta) -> None:
        """Take in the next delta."""
        if delta.reasoning or delta.reasoning_signature or delta.reasoning_encrypted or delta.reasoning_id:
            self._add_reasoning(delta)
        if delta.text or delta.text_signature:
            self._grow(self._newest("text"), delta.text, delta.logprobs)
        if delta.refusal:
            self._grow(self._newest("refusal"), delta.refusal)
        for piece in delta.tool_calls:
            self._add_call(piece)

    def finish(self) -> None:
        """The answer is complete: open and close what still waits."""
        while self._open is not None:
            self._next()

    def _newest(self, kind: BlockKind) -> Block:
        if self._last is None or self._last.kind != kind:
            return self._append(Block(kind))
        return self._last

    def _append(self, block: Block) -> Block:
        self._last = block
        self._waiting.append(block)
        return block

    def _add_reasoning(self, delta: Delta) -> None:
        block = self._last
        if block is None or block.kind != "reasoning" or begins_another_thought(block, delta):
            block = self._append(Block("reasoning"))
        block.signature = delta.reasoning_signature or block.signature
        block.encrypted = delta.reasoning_encrypted or block.encrypted
        block.id = delta.reasoning_id or block.id
        self._grow(block, delta.reasoning)

    def _add_call(self, piece: ToolCallDelta) -> None:
        block = self._calls.get(piece.index)
        if block is None:
            block = self._calls[piece.index] = self._append(Block("call"))
        block.id = block.id or piece.id
        block.name = block.name or piece.name or ""
        block.signature = block.signature or piece.signature
        self._grow(block, piece.arguments)

    def _grow(self, block: Block, piece: str, logprobs: tuple[TokenLogprob, ...] = ()) -> None:
        if block.state == "closed":
            return
        block.texts.append(piece)
        block.logprobs.extend(logprobs)
        if block.state == "open":
            self._writer.grow(block, piece, logprobs)
        if self._waiting and (block is self._open or len(block.texts) == 1):
            self._advance()

    def _advance(self) -> None:
        if self._open is None:
            self._next()
        while self._waiting and self._open is not None and _may_close(self._open):
            self._next()

    def _next(self) -> None:
        if self._open is not None:
            self._open.state = "closed"
            self._writer.close_block(self._open)
        self._open = self._waiting.popleft() if self._waiting else None
        if self._open is not None:
            self._open.state = "open"
            self._writer.open_block(self._open)
            self._writer.grow(self._open, self._open.text, tuple(self._open.logprobs))


def _may_close(block: Block) -> bool:
    if block.kind != "call":
        return True
    arguments = block.text
    return arguments.rstrip().endswith("}") and find_json_object(arguments) is not None


def find_json_object(text: str) -> Raw | None:
    """`text` as JSON to be put into other JSON, if it is one whole object; {} where it is blank or null.

    Groq writes `null` for the arguments of a tool that takes none.
    """
    if text.strip() in ("", "null"):
        return Raw(b"{}")
    try:
        _JSON_OBJECT.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    return Raw(text.encode())
