"""The Responses door: `POST /v1/responses` as the official `openai` SDK speaks it, without memory.

Format: https://platform.openai.com/docs/api-reference/responses, SDK 3.52.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from officium.core.llm.completion import (
    Completion,
    CompletionRequest,
    DialectName,
    settle_finish_reason,
)
from officium.kit.errors import OfficiumError
from officium.web.api.responses_output import ResponseObject, id_suffix, output_items, status_of
from officium.web.api.responses_reading import read_request
from officium.web.api.responses_stream import ResponsesStream
from officium.web.api.wire import StreamRenderer
from officium.web.errors import openai_error

_encode = msgspec.json.Encoder().encode


class ResponsesWire:
    """OpenAI's Responses API, from the server's side."""

    dialect: DialectName = "openai-responses"

    def parse(self, body: Mapping[str, Any]) -> CompletionRequest:
        """Read a request body; see `Wire.parse`. `native` says `store: false`."""
        return read_request(body)

    def render(self, completion: Completion, request: CompletionRequest, request_id: str) -> bytes:
        """The whole answer as a `response` object."""
        reason = settle_finish_reason(completion.finish_reason, bool(completion.tool_calls))
        suffix = id_suffix(request_id)
        output = output_items(completion.parts, completion.logprobs, suffix, status_of(reason))
        response = ResponseObject(request, request_id)
        return _encode(response.ended(reason, output, completion.model, completion.usage))

    def stream_renderer(self, request: CompletionRequest, request_id: str) -> StreamRenderer:
        """A fresh writer for one stream."""
        return ResponsesStream(request, request_id)

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        """The body of an error answer, in OpenAI's shape."""
        return openai_error(error, status)
