"""The objects of the Responses API: the response, its output items and their parts.

What other providers' answers carry and this dialect has no field for is put where a client returns it
unchanged: a reasoning's signature, or what another provider encrypted, in `encrypted_content` behind a mark,
a call's thought signature in `extra_content` of its item (the name Google uses).

Format: https://platform.openai.com/docs/api-reference/responses/object, and SDK 3.52.
"""

import time
from collections.abc import Sequence
from typing import Any, Literal

from officium.core.llm.completion import CompletionRequest, FinishReason, TokenLogprob
from officium.core.llm.message import Part, Reasoning, Refusal, Text, ToolCall
from officium.core.llm.token_usage import TokenUsage
from officium.web.api.responses_reading import REDACTED_MARK, SIGNATURE_MARK

Status = Literal["in_progress", "completed", "incomplete"]
Json = dict[str, Any]

_INCOMPLETE_REASONS: dict[FinishReason, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


def status_of(reason: FinishReason) -> Literal["completed", "incomplete"]:
    """How a response that ended for this reason is called."""
    return "incomplete" if reason in _INCOMPLETE_REASONS else "completed"


class ResponseObject:
    """The response around its output; it repeats the request's parameters."""

    def __init__(self, request: CompletionRequest, request_id: str) -> None:
        self._request = request
        self._id = "resp_" + id_suffix(request_id)
        self._created_at = int(time.time())

    def begun(self, model: str | None) -> Json:
        """The response before its first output."""
        return self._with("in_progress", model) | {"output": [], "usage": None}

    def ended(
        self, reason: FinishReason, output: list[Json], model: str | None, usage: TokenUsage | None
    ) -> Json:
        """The complete response."""
        status = status_of(reason)
        response = self._with(status, model) | {"output": output, "usage": _usage(usage)}
        if status == "completed":
            response["completed_at"] = int(time.time())
        else:
            response["incomplete_details"] = {"reason": _INCOMPLETE_REASONS[reason]}
        return response

    def _with(self, status: Status, model: str | None) -> Json:
        request = self._request
        said = request.native.body if request.native is not None else {}
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created_at,
            "status": status,
            "background": False,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "instructions": said.get("instructions"),
            "max_output_tokens": request.max_tokens,
            "max_tool_calls": said.get("max_tool_calls"),
            "metadata": said.get("metadata") or {},
            "model": model or request.model,
            "parallel_tool_calls": request.parallel_tool_calls is not False,
            "previous_response_id": None,
            "prompt_cache_key": said.get("prompt_cache_key"),
            "reasoning": {"effort": None, "summary": None} | (said.get("reasoning") or {}),
            "safety_identifier": said.get("safety_identifier"),
            "service_tier": said.get("service_tier"),
            "store": False,
            "temperature": request.temperature,
            "text": {"format": {"type": "text"}} | (said.get("text") or {}),
            "tool_choice": said.get("tool_choice") or "auto",
            "tools": said.get("tools") or [],
            "top_logprobs": request.top_logprobs or 0,
            "top_p": request.top_p,
            "truncation": said.get("truncation") or "disabled",
            "user": said.get("user"),
        }


def id_suffix(request_id: str) -> str:
    """What the ids of a response and its items have in common."""
    return request_id.removeprefix("req_")


def output_items(
    parts: Sequence[Part], logprobs: Sequence[TokenLogprob], suffix: str, status: Status
) -> list[Json]:
    """The parts of an answer as output items; words and refusals that follow each other make one message.

    Log probabilities go to the first text: which tokens are whose is not known. The last item bears the
    mark of an answer that was cut short.
    """
    items: list[Json] = []
    for part in parts:
        if isinstance(part, Text) and part.text:
            _add_content(items, text_part(part.text, logprobs), suffix)
            logprobs = ()
        elif isinstance(part, Refusal) and part.text:
            _add_content(items, refusal_part(part.text), suffix)
        elif isinstance(part, Reasoning):
            items.append(reasoning_item(part, suffix, items))
        elif isinstance(part, ToolCall):
            items.append(call_item(part, suffix, items))
    if items and "status" in items[-1]:
        items[-1]["status"] = status
    return items


def _add_content(items: list[Json], content: Json, suffix: str) -> None:
    if items and items[-1]["type"] == "message":
        items[-1]["content"].append(content)
    else:
        items.append(message_item([content], suffix, items))


def message_item(
    content: list[Json], suffix: str, before: Sequence[Json], status: Status = "completed"
) -> Json:
    """A message of the model that follows the items `before`."""
    return {
        "id": f"msg_{suffix}_{len(before)}",
        "type": "message",
        "status": status,
        "content": content,
        "role": "assistant",
    }


def reasoning_item(part: Reasoning, suffix: str, before: Sequence[Json]) -> Json:
    """A reasoning item that follows the items `before`; it keeps the provider's id if none of them has it."""
    item_id = part.id
    if item_id is None or any(item["id"] == item_id for item in before):
        item_id = f"rs_{suffix}_{len(before)}"
    item: Json = {
        "id": item_id,
        "type": "reasoning",
        "summary": [summary_part(part.text)] if part.text else [],
    }
    if part.encrypted:
        item["encrypted_content"] = part.encrypted if part.id else REDACTED_MARK + part.encrypted
    elif part.signature:
        item["encrypted_content"] = SIGNATURE_MARK + part.signature
    return item


def call_item(part: ToolCall, suffix: str, before: Sequence[Json], status: Status = "completed") -> Json:
    """A function call that follows the items `before`."""
    item: Json = {
        "id": f"fc_{suffix}_{len(before)}",
        "type": "function_call",
        "status": status,
        "arguments": part.arguments,
        "call_id": part.id,
        "name": part.name,
    }
    if part.signature:
        item["extra_content"] = {"google": {"thought_signature": part.signature}}
    return item


def text_part(text: str, logprobs: Sequence[TokenLogprob] = ()) -> Json:
    """The `output_text` part of a message."""
    return {"type": "output_text", "annotations": [], "logprobs": logprob_objects(logprobs), "text": text}


def refusal_part(text: str) -> Json:
    """The `refusal` part of a message."""
    return {"type": "refusal", "refusal": text}


def summary_part(text: str) -> Json:
    """A part of a reasoning's summary."""
    return {"type": "summary_text", "text": text}


def logprob_objects(logprobs: Sequence[TokenLogprob]) -> list[Json]:
    """Log probabilities in the API's shape."""
    return [
        {
            **_logprob(said.token, said.logprob),
            "top_logprobs": [_logprob(token, logprob) for token, logprob in said.top],
        }
        for said in logprobs
    ]


def _logprob(token: str, logprob: float) -> Json:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _usage(usage: TokenUsage | None) -> Json | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.input_tokens or 0,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens or 0,
            "cache_write_tokens": usage.cache_write_tokens or 0,
        },
        "output_tokens": usage.output_tokens or 0,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": (usage.input_tokens or 0) + (usage.output_tokens or 0),
    }
