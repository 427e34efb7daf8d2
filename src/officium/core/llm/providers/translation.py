"""What every dialect does the same way when it puts a neutral request into its own words."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from officium.core.llm.completion import CompletionRequest, DialectName, OutputFormat
from officium.core.llm.deployment import Deployment
from officium.core.llm.errors import LLMProtocolError, NotExpressible

_KNOBS = (
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "user",
)
"""Neutral fields that tune or label an answer: leaving one out changes no meaning, and gets a note."""


def auth_headers(deployment: Deployment) -> dict[str, str]:
    """The header that carries the deployment's key; none where there is no key."""
    key = deployment.api_key
    if not key or deployment.provider.auth == "none":
        return {}
    if deployment.provider.auth == "bearer":
        return {"authorization": f"Bearer {key}"}
    return {deployment.provider.auth: key}


def post_headers(deployment: Deployment) -> dict[str, str]:
    """The headers of a POST with a JSON body."""
    return {"content-type": "application/json", **auth_headers(deployment)}


def encode_json(body: Mapping[str, Any]) -> bytes:
    """`body` as JSON bytes; any mapping in it counts as an object."""
    return msgspec.json.encode(body, enc_hook=dict)


def native_body(request: CompletionRequest, dialect: DialectName) -> dict[str, Any] | None:
    """A shallow copy of the body its sender wrote, if it is in this dialect."""
    if request.native is None or request.native.dialect != dialect:
        return None
    return dict(request.native.body)


def refuse_untranslatable(request: CompletionRequest, deployment: Deployment) -> None:
    """Raise NotExpressible if the request means something that the neutral vocabulary cannot carry."""
    if request.untranslatable:
        names = ", ".join(f"`{name}`" for name in request.untranslatable)
        raise not_expressible(deployment, request.untranslatable[0], f"It has no word for {names}.")
    if request.n > 1:
        raise not_expressible(deployment, "n", "Ask once for each answer: it gives one answer at a time.")


def not_expressible(deployment: Deployment, param: str, why: str) -> NotExpressible:
    """The error for a part of the request that this provider's dialect cannot say."""
    return NotExpressible(
        f"{deployment.provider.label} cannot be asked for this. {why}",
        provider=deployment.provider.name,
        model=deployment.model,
        param=param,
    )


def take_knobs(
    request: CompletionRequest, deployment: Deployment, words: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """The request's tuning fields under the dialect's `words`, and a note for each that had to stay out.

    A field stays out where the dialect has no word for it or the model's traits say that it refuses it.
    Top-level fields that the neutral vocabulary does not know are noted, too.
    """
    said: dict[str, Any] = {}
    notes = [f"{deployment.provider.label} was not sent `{name}`." for name in request.unmodelled]
    for name in _KNOBS:
        value = getattr(request, name)
        if value is None or value is False or value == ():
            continue
        if name in deployment.traits.refuses:
            notes.append(f"{deployment.model} does not accept `{name}`: left out.")
        elif name not in words:
            notes.append(f"{deployment.provider.label} has no word for `{name}`: left out.")
        else:
            said[words[name]] = list(value) if isinstance(value, tuple) else value
    return said, notes


def parse_arguments(arguments: str) -> dict[str, Any] | None:
    """A tool call's arguments as an object, or `None` if the text is no JSON object."""
    try:
        parsed = json.loads(arguments or "{}")
    except ValueError:
        return None
    return {} if parsed is None else parsed if isinstance(parsed, dict) else None


def arguments_text(arguments: object) -> str:
    """A tool call's arguments, sent as a JSON value, as compact JSON text."""
    if isinstance(arguments, str):
        return arguments or "{}"
    try:
        return json.dumps({} if arguments is None else arguments, ensure_ascii=False, separators=(",", ":"))
    except RecursionError as error:
        raise LLMProtocolError("The provider sent tool arguments that are nested without end.") from error


def json_instruction(output_format: OutputFormat) -> str:
    """Words that ask for JSON where a dialect or model has no mode for it."""
    words = "Answer with one JSON object and nothing else: no prose around it and no code fence."
    if output_format.schema is None:
        return words
    schema = msgspec.json.encode(output_format.schema, enc_hook=dict).decode()
    return f"{words} It must be valid against this JSON Schema:\n{schema}"
