"""OpenAI's Chat Completions: the dialect most providers speak, each with an accent.

Source: https://platform.openai.com/docs/api-reference/chat, the providers' own pages and recorded traffic.
"""

from officium.core.llm.completion import Completion, CompletionRequest, DialectName
from officium.core.llm.deployment import Deployment
from officium.core.llm.http import HttpRequest
from officium.core.llm.providers.dialect import StreamDecoder
from officium.core.llm.providers.openai_chat_answer import ChatStream, decode_completion
from officium.core.llm.providers.openai_chat_request import encode_completion
from officium.core.llm.providers.openai_shaped import OpenAIShaped


class OpenAIChat(OpenAIShaped):
    """Speaks Chat Completions; see `Dialect`."""

    name: DialectName = "openai-chat"

    def encode(self, request: CompletionRequest, deployment: Deployment) -> HttpRequest:
        """A native body is sent on with its own fields; anything else is built from the neutral ones."""
        return encode_completion(request, deployment)

    def decode(self, body: bytes, deployment: Deployment) -> Completion:
        """Read a whole answer. Raises LLMError."""
        return decode_completion(body, deployment)

    def stream_decoder(self, deployment: Deployment) -> StreamDecoder:
        """A fresh reader for one stream."""
        return ChatStream(deployment)
