"""Which requests may be answered from the cache, and what makes two of them the same."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from officium.core.llm.completion import CompletionRequest, NativeBody
from officium.core.llm.deployment import Deployment

_VERSION = 1
"""Raise it when what is kept, or what the key is made of, changes its meaning."""
SAME_ANSWER = frozenset({"user", "stream", "unmodelled", "untranslatable", "native"})
"""Fields of a request on which its answer does not depend; of `native` the body is looked at below, and the
others beside it name what stands there."""
_SAME_ANSWER_NATIVE = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "stream",
        "stream_options",
        "user",
    }
)
"""The like in a body as its sender wrote it."""
_ACTS = frozenset(
    {
        "audio",
        "background",
        "container",
        "conversation",
        "functions",
        "mcp_servers",
        "modalities",
        "plugins",
        "previous_response_id",
        "search_parameters",
        "tools",
        "web_search_options",
    }
)
"""What lets a provider do or look up something, or answer with more than text: never the same twice."""

_encode = msgspec.json.Encoder(order="sorted").encode


def is_cacheable(request: CompletionRequest) -> bool:
    """Whether the same request may get the same answer: one answer in words, without tools."""
    if request.tools or request.n != 1:
        return False
    body = request.native.body if request.native is not None else {}
    return not any(body.get(name) for name in _ACTS)


def cache_key(tenant_id: str, request: CompletionRequest, deployments: Sequence[Deployment]) -> str:
    """A digest of everything the answer depends on: the tenant, the question, and who would be asked how.

    A change of an alias, a configuration or a credential makes other deployments, and so another key.
    """
    asked = {
        name: getattr(request, name)
        for name in CompletionRequest.__struct_fields__
        if name not in SAME_ANSWER
    }
    said = [_VERSION, tenant_id, deployments, asked, _native(request.native)]
    return hashlib.sha256(_encode(said)).hexdigest()


def _native(native: NativeBody | None) -> Any:
    if native is None:
        return None
    body = {name: value for name, value in native.body.items() if name not in _SAME_ANSWER_NATIVE}
    return [native.dialect, body]
