"""What a configuration says of requests that leave it open."""

from collections.abc import Sequence

from msgspec.structs import replace

from officium.core.llm.completion import CompletionRequest, DialectName, NativeBody
from officium.core.llm.deployment import Deployment, RequestDefaults

_LIMIT_NAMES: dict[DialectName, str] = {
    "openai-chat": "max_tokens",
    "openai-responses": "max_output_tokens",
    "anthropic-messages": "max_tokens",
}
"""What the longest answer is called in a body that goes to the provider as its sender wrote it."""


def with_defaults(request: CompletionRequest, deployments: Sequence[Deployment]) -> CompletionRequest:
    """The request with the temperature and the longest answer of the first deployment's configuration.

    Only where the request says nothing itself; a fallback gets the same request.
    """
    defaults = deployments[0].defaults
    if defaults is None:
        return request
    missing = RequestDefaults(
        temperature=defaults.temperature if request.temperature is None else None,
        max_tokens=defaults.max_tokens if request.max_tokens is None else None,
    )
    if missing == RequestDefaults():
        return request
    return replace(
        request,
        temperature=request.temperature if missing.temperature is None else missing.temperature,
        max_tokens=request.max_tokens if missing.max_tokens is None else missing.max_tokens,
        native=None if request.native is None else _filled(request.native, missing),
    )


def _filled(native: NativeBody, missing: RequestDefaults) -> NativeBody:
    body = dict(native.body)
    limit = _LIMIT_NAMES.get(native.dialect)
    if missing.temperature is not None:
        body["temperature"] = missing.temperature
    if missing.max_tokens is not None and limit is not None:
        body[limit] = missing.max_tokens
    return replace(native, body=body)
