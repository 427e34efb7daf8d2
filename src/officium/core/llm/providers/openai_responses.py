"""OpenAI's Responses API: the only way to give its newest models tools.

Source: https://platform.openai.com/docs/api-reference/responses and recorded traffic.
"""

from officium.core.llm.completion import Completion, CompletionRequest, DialectName
from officium.core.llm.deployment import Deployment
from officium.core.llm.http import HttpRequest
from officium.core.llm.providers.dialect import StreamDecoder
from officium.core.llm.providers.openai_responses_answer import ResponsesStream, decode_response
from officium.core.llm.providers.openai_responses_request import encode_response
from officium.core.llm.providers.openai_shaped import OpenAIShaped


class OpenAIResponses(OpenAIShaped):
    """Speaks the Responses API; see `Dialect`."""

    name: DialectName = "openai-responses"

    def encode(self, request: CompletionRequest, deployment: Deployment) -> HttpRequest:
        """A native body is sent on with its own fields; anything else is built from the neutral ones."""
        return encode_response(request, deployment)

    def decode(self, body: bytes, deployment: Deployment) -> Completion:
        """Read a whole answer. Raises LLMError."""
        return decode_response(body, deployment)

    def stream_decoder(self, deployment: Deployment) -> StreamDecoder:
        """A fresh reader for one stream."""
        return ResponsesStream(deployment)
