"""Writing a streamed answer as the events of the Responses API.

Format: https://platform.openai.com/docs/api-reference/responses-streaming, and SDK 3.52.
"""

import re

import msgspec

from officium.core.llm.completion import CompletionRequest, Delta, FinishReason, TokenLogprob
from officium.core.llm.message import Reasoning, ToolCall
from officium.core.llm.token_usage import TokenUsage
from officium.kit.errors import OfficiumError
from officium.web.api.blocks import Block, BlockSequence
from officium.web.api.responses_output import (
    Json,
    ResponseObject,
    Status,
    call_item,
    id_suffix,
    logprob_objects,
    message_item,
    reasoning_item,
    refusal_part,
    status_of,
    summary_part,
    text_part,
)
from officium.web.errors import openai_error

_encode = msgspec.json.Encoder().encode
_SEQUENCE_NUMBER = re.compile(rb'"sequence_number":\s*(\d+)')


class ResponsesStream:
    """Writes one stream's events, numbered from 0.

    Nothing is written before the answer grows, so `response.created` can name the model that answers. An
    item is closed by the next one or by the end, which alone knows whether the answer was cut short.
    """

    def __init__(self, request: CompletionRequest, request_id: str) -> None:
        self._response = ResponseObject(request, request_id)
        self._suffix = id_suffix(request_id)
        self._out = bytearray()
        self._blocks = BlockSequence(self)
        self._next_number = 0
        self._has_relayed = False
        self._last_relayed = b""
        self._output: list[Json] = []
        self._item: Json | None = None
        self._has_open_part = False
        self._model: str | None = None
        self._usage: TokenUsage | None = None
        self._finish_reason: FinishReason = "other"

    def render(self, deltas: list[Delta], relay: bool) -> bytes:
        """The events for these deltas; relayed ones go out as they came."""
        if relay:
            self._has_relayed = True
            data = b"".join([delta.raw for delta in deltas])
            self._last_relayed = data or self._last_relayed
            return data
        for delta in deltas:
            self._model = self._model or delta.model
            self._usage = delta.usage or self._usage
            self._finish_reason = delta.finish_reason or self._finish_reason
            self._blocks.add(delta)
        return self._flush()

    def finish(self) -> bytes:
        """Close what is open and send the whole response; nothing after a relayed stream."""
        if self._has_relayed:
            return b""
        self._begin()
        self._blocks.finish()
        status = status_of(self._finish_reason)
        self._close_item(status)
        response = self._response.ended(self._finish_reason, self._output, self._model, self._usage)
        self._event(f"response.{status}", response=response)
        return self._flush()

    def error(self, error: OfficiumError, status: int) -> bytes:
        """The `error` event: flat as documented, with the `error` object beside it that the SDK raises."""
        said = msgspec.json.decode(openai_error(error, status))["error"]
        if numbers := _SEQUENCE_NUMBER.findall(self._last_relayed):
            self._next_number = int(numbers[-1]) + 1
        self._event("error", code=said["code"], message=said["message"], param=said["param"], error=said)
        return self._flush()

    def heartbeat(self) -> bytes:
        """A comment: the SDK would take any event for one of its own."""
        return b": heartbeat\n\n"

    def open_block(self, block: Block) -> None:
        """Begin an item; words and refusals begin with their first piece, as empty ones are not shown."""
        if block.kind == "call":
            self._close_item("completed")
            call = ToolCall(block.id or "", block.name, "", block.signature)
            self._open_item(call_item(call, self._suffix, self._output, "in_progress"))
        elif block.kind == "reasoning":
            self._close_item("completed")
            self._open_item(reasoning_item(Reasoning(id=block.id), self._suffix, self._output))

    def grow(self, block: Block, piece: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        """Write a piece of the open block."""
        if not piece:
            return
        if block.kind == "call":
            self._item_event("response.function_call_arguments.delta", delta=piece)
        elif block.kind == "reasoning":
            if not self._has_open_part:
                self._open_part(
                    "response.reasoning_summary_part.added", part=summary_part(""), summary_index=0
                )
            self._item_event("response.reasoning_summary_text.delta", delta=piece, summary_index=0)
        elif block.kind == "text":
            place = self._open_content(text_part(""))
            said = logprob_objects(logprobs)
            self._item_event("response.output_text.delta", delta=piece, logprobs=said, content_index=place)
        else:
            place = self._open_content(refusal_part(""))
            self._item_event("response.refusal.delta", delta=piece, content_index=place)

    def close_block(self, block: Block) -> None:
        """End the block's part; its item stays open until the next begins."""
        if block.kind == "call":
            self._close_call(block)
        elif block.kind == "reasoning":
            self._close_reasoning(block)
        elif self._has_open_part:
            self._close_content(block)

    def _close_call(self, block: Block) -> None:
        if not block.text:
            self._item_event("response.function_call_arguments.delta", delta="{}")
        self._open["arguments"] = block.text or "{}"
        self._item_event("response.function_call_arguments.done", arguments=self._open["arguments"])

    def _close_reasoning(self, block: Block) -> None:
        if self._has_open_part:
            text, part = block.text, summary_part(block.text)
            self._item_event("response.reasoning_summary_text.done", text=text, summary_index=0)
            self._item_event("response.reasoning_summary_part.done", part=part, summary_index=0)
            self._has_open_part = False
        item_id = self._open["id"] if block.id else None
        whole = Reasoning(block.text, block.signature, block.encrypted, item_id)
        self._item = reasoning_item(whole, self._suffix, self._output)

    def _close_content(self, block: Block) -> None:
        content: list[Json] = self._open["content"]
        place = len(content)
        if block.kind == "text":
            part = text_part(block.text, block.logprobs)
            text, said = part["text"], part["logprobs"]
            self._item_event("response.output_text.done", text=text, logprobs=said, content_index=place)
        else:
            part = refusal_part(block.text)
            self._item_event("response.refusal.done", refusal=part["refusal"], content_index=place)
        self._item_event("response.content_part.done", part=part, content_index=place)
        content.append(part)
        self._has_open_part = False

    def _open_content(self, part: Json) -> int:
        """Make sure that a message and a part in it are open; the part's place in the message."""
        if self._item is None or self._item["type"] != "message":
            self._close_item("completed")
            self._open_item(message_item([], self._suffix, self._output, "in_progress"))
        place = len(self._open["content"])
        if not self._has_open_part:
            self._open_part("response.content_part.added", part=part, content_index=place)
        return place

    def _open_part(self, event: str, **fields: object) -> None:
        self._has_open_part = True
        self._item_event(event, **fields)

    @property
    def _open(self) -> Json:
        assert self._item is not None, "A piece came before its item."
        return self._item

    def _open_item(self, item: Json) -> None:
        self._begin()
        self._item = item
        self._event("response.output_item.added", output_index=len(self._output), item=item)

    def _close_item(self, status: Status) -> None:
        if self._item is None:
            return
        item, self._item = self._item, None
        if "status" in item:
            item["status"] = status
        self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)

    def _begin(self) -> None:
        if self._next_number == 0:
            response = self._response.begun(self._model)
            self._event("response.created", response=response)
            self._event("response.in_progress", response=response)

    def _item_event(self, kind: str, **fields: object) -> None:
        self._event(kind, item_id=self._open["id"], output_index=len(self._output), **fields)

    def _event(self, kind: str, **fields: object) -> None:
        said = {"type": kind, "sequence_number": self._next_number, **fields}
        self._out += b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(said))
        self._next_number += 1

    def _flush(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out
