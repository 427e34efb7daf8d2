"""The parts of OpenAI's API that both its dialects share: addresses, embeddings and the list of models."""

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Mapping
from typing import Any

import msgspec

from officium.core.llm.deployment import Deployment
from officium.core.llm.embedding import EmbeddingRequest, Embeddings
from officium.core.llm.errors import LLMProtocolError
from officium.core.llm.http import HttpRequest
from officium.core.llm.providers.openai_errors import decode_garbled, find_fault
from officium.core.llm.providers.translation import auth_headers, encode_json, post_headers
from officium.core.llm.token_usage import TokenUsage, credible

_OWN_VECTOR_FORMATS = frozenset({"perplexity"})
"""Providers that refuse `encoding_format: float`; their own default is understood, too."""
_LARGEST_COMPONENT = 1e6
"""Bytes that give a larger number when read as floats are no floats."""


def post(
    deployment: Deployment, path: str, body: Mapping[str, Any], notes: tuple[str, ...] = ()
) -> HttpRequest:
    """The request that posts `body` to the endpoint's `path`."""
    accept = "text/event-stream" if body.get("stream") else "application/json"
    headers = {**post_headers(deployment), "accept": accept}
    return HttpRequest("POST", _url(deployment.base_url, path), headers, encode_json(body), notes)


def leave_out_refused(body: dict[str, Any], deployment: Deployment) -> list[str]:
    """Take out of `body` what the model answers with a 400; a note for each thing."""
    refuses = deployment.traits.refuses
    if not refuses:
        return []
    notes = [
        f"{deployment.model} does not accept `{name}`: left out."
        for name in sorted(refuses)
        if body.pop(name, None) is not None
    ]
    if "logprobs" in refuses:
        body.pop("top_logprobs", None)
    if "forced_tool_choice" in refuses and body.get("tool_choice") not in (None, "auto", "none"):
        body["tool_choice"] = "auto"
        notes.append(f"{deployment.model} cannot be forced to use a tool: it may choose.")
    return notes


def encode_embeddings(request: EmbeddingRequest, deployment: Deployment) -> HttpRequest:
    """Ask for one vector of plain numbers for each input."""
    body: dict[str, Any] = {"model": deployment.model, "input": list(request.inputs)}
    if deployment.provider.name not in _OWN_VECTOR_FORMATS:
        body["encoding_format"] = "float"
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.user is not None:
        body["user"] = request.user
    return post(deployment, "/embeddings", body)


def decode_embeddings(body: bytes, deployment: Deployment) -> Embeddings:
    """Read the vectors, in the order of their `index`. Raises LLMError."""
    said = _decode_object(body, deployment)
    items = said.get("data")
    if not isinstance(items, list) or not items or find_fault(said):
        raise decode_garbled(deployment, "The answer holds no embeddings.", body)
    try:
        items = sorted(items, key=lambda item: item.get("index") or 0)
        vectors = tuple(_vector(item["embedding"]) for item in items)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise decode_garbled(deployment, "The answer holds an unreadable embedding.") from error
    model = said.get("model")
    return Embeddings(
        vectors=vectors,
        model=model if isinstance(model, str) else None,
        usage=_embedding_usage(said.get("usage")),
    )


def encode_models(deployment: Deployment) -> HttpRequest:
    """Ask for the list of models."""
    headers = {"accept": "application/json", **auth_headers(deployment)}
    return HttpRequest("GET", _url(deployment.base_url, "/models"), headers)


def decode_models(body: bytes) -> list[str]:
    """The model names: of OpenAI's list, of a bare list (Together), of a list under `models` (Ollama).

    Raises LLMProtocolError for anything else.
    """
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LLMProtocolError("The provider's list of models is not JSON.") from error
    items = said
    if isinstance(said, dict):
        items = said.get("data") if isinstance(said.get("data"), list) else said.get("models")
    if not isinstance(items, list):
        raise LLMProtocolError("The provider's list of models holds no models.")
    names = (item.get("id") or item.get("name") for item in items if isinstance(item, dict))
    return [name for name in names if isinstance(name, str)]


def _url(base_url: str, path: str) -> str:
    """`path` below the base address, before its query (Azure's `?api-version=`), if it has one."""
    address, mark, query = base_url.partition("?")
    return address.rstrip("/") + path + mark + query


def _decode_object(body: bytes, deployment: Deployment) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise decode_garbled(deployment, "The answer is not JSON.", body) from error
    if not isinstance(said, dict):
        raise decode_garbled(deployment, "The answer is not a JSON object.", body)
    return said


def _vector(said: object) -> tuple[float, ...]:
    """The numbers of one embedding. Base64 holds 32-bit floats, little-endian, or bytes (Perplexity)."""
    if isinstance(said, list):
        return tuple(float(number) for number in said)
    if not isinstance(said, str):
        raise TypeError("An embedding is neither a list nor base64.")
    try:
        packed = base64.b64decode(said, validate=True)
    except binascii.Error as error:
        raise ValueError("An embedding is not base64.") from error
    if len(packed) % 4 == 0:
        numbers = array("f", packed)
        if sys.byteorder == "big":
            numbers.byteswap()
        if all(math.isfinite(number) and abs(number) < _LARGEST_COMPONENT for number in numbers):
            return tuple(numbers)
    return tuple(float(number) for number in array("b", packed))


def _embedding_usage(said: object) -> TokenUsage | None:
    if not isinstance(said, dict):
        return None
    input_tokens, output_tokens = credible(said.get("prompt_tokens")), credible(said.get("completion_tokens"))
    total_tokens = credible(said.get("total_tokens"))
    if output_tokens is None and input_tokens is not None and total_tokens == input_tokens:
        output_tokens = 0
    return TokenUsage(input_tokens=input_tokens, output_tokens=output_tokens)
