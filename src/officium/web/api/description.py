"""The hot doors in the OpenAPI document: FastAPI does not serve them, so it cannot describe them."""

from typing import Any

_MESSAGES = [{"role": "user", "content": "Say hello in one word."}]
_ERROR = {
    "error": {
        "message": "This key is not known here.",
        "type": "authentication_error",
        "param": None,
        "code": "invalid_api_key",
    }
}
_CHAT_ANSWER = {
    "id": "chatcmpl-01k5c9m0w8",
    "object": "chat.completion",
    "created": 1790000000,
    "model": "gpt-6-luna",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 13},
}
_RESPONSES_ANSWER = {
    "id": "resp_01k5c9m0w8",
    "object": "response",
    "status": "completed",
    "model": "gpt-6-luna",
    "output": [
        {
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 12, "output_tokens": 1, "total_tokens": 13},
}
_MESSAGES_ANSWER = {
    "id": "msg_01k5c9m0w8",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-5-5",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 12, "output_tokens": 1},
}
_EMBEDDINGS_ANSWER = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.013, -0.021, 0.004]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}
_MODEL = {"id": "anthropic/claude-haiku-5-5", "object": "model", "created": 0, "owned_by": "anthropic"}
_MODEL_NAME = {"type": "string", "description": "An alias, `provider/model`, or a model's own name."}
_STREAM = {"type": "boolean", "default": False, "description": "Answer with server-sent events."}
_FAILURES = {
    400: "The request is malformed or cannot be served as asked.",
    401: "No key, or one that is not valid.",
    403: "The key lacks a scope.",
    404: "There is no such model for this key.",
    413: "The body is too large.",
    422: "The provider declined the request.",
    429: "A limit is reached; `retry-after` says when to come back.",
    502: "The provider's answer was of no use.",
    503: "The provider, or this server, cannot answer now.",
    504: "The provider was too slow.",
}
_READING_FAILURES = (401, 403, 404, 503)


def describe_hot_doors(document: dict[str, Any]) -> None:
    """Add the hot doors' paths and the ways to authenticate to an OpenAPI document."""
    document["paths"] = {**_paths(), **document.get("paths", {})}
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["bearer"] = {"type": "http", "scheme": "bearer"}
    schemes["x-api-key"] = {"type": "apiKey", "in": "header", "name": "x-api-key"}
    document["security"] = [{"bearer": []}, {"x-api-key": []}]


def _paths() -> dict[str, Any]:
    return {
        "/v1/chat/completions": {
            "post": _completion(
                "createChatCompletion",
                "A completion, in OpenAI's chat format",
                {"model": _MODEL_NAME, "messages": _list_of("object"), "stream": _STREAM},
                {"model": "openai/gpt-6-luna", "messages": _MESSAGES},
                _CHAT_ANSWER,
            )
        },
        "/v1/responses": {
            "post": _completion(
                "createResponse",
                "A completion, in OpenAI's Responses format, without memory",
                {"model": _MODEL_NAME, "input": {}, "stream": _STREAM},
                {"model": "openai/gpt-6-luna", "input": "Say hello in one word."},
                _RESPONSES_ANSWER,
            )
        },
        "/v1/messages": {
            "post": _completion(
                "createMessage",
                "A completion, in Anthropic's Messages format",
                {
                    "model": _MODEL_NAME,
                    "max_tokens": {"type": "integer", "minimum": 1},
                    "messages": _list_of("object"),
                    "stream": _STREAM,
                },
                {"model": "anthropic/claude-haiku-5-5", "max_tokens": 100, "messages": _MESSAGES},
                _MESSAGES_ANSWER,
            )
        },
        "/v1/messages/count_tokens": {
            "post": _operation(
                "countMessageTokens",
                "An estimate of what a message would take, in Anthropic's format",
                {"input_tokens": 12},
                request=_body(
                    {"model": _MODEL_NAME, "messages": _list_of("object")},
                    {"model": "anthropic/claude-haiku-5-5", "messages": _MESSAGES},
                    required=("model", "messages"),
                ),
            )
        },
        "/v1/embeddings": {
            "post": _operation(
                "createEmbedding",
                "Vectors for texts, in OpenAI's format",
                _EMBEDDINGS_ANSWER,
                request=_body(
                    {
                        "model": _MODEL_NAME,
                        "input": {"oneOf": [{"type": "string"}, _list_of("string")]},
                        "encoding_format": {"type": "string", "enum": ["float", "base64"]},
                        "dimensions": {"type": "integer", "minimum": 1},
                    },
                    {"model": "openai/text-embedding-3-small", "input": ["hello"]},
                    required=("model", "input"),
                ),
            )
        },
        "/v1/models": {
            "get": _operation("listModels", "What this key can ask for", {"object": "list", "data": [_MODEL]})
        },
        "/v1/models/{id}": {
            "get": {
                **_operation("getModel", "One model", _MODEL),
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            }
        },
    }


def _completion(
    operation_id: str, summary: str, fields: dict[str, Any], example: dict[str, Any], answer: dict[str, Any]
) -> dict[str, Any]:
    required = tuple(name for name in fields if name != "stream")
    operation = _operation(operation_id, summary, answer, request=_body(fields, example, required))
    operation["responses"]["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    return operation


def _operation(
    operation_id: str, summary: str, answer: dict[str, Any], request: dict[str, Any] | None = None
) -> dict[str, Any]:
    statuses = _FAILURES if request is not None else _READING_FAILURES
    operation: dict[str, Any] = {
        "operationId": operation_id,
        "tags": ["models"],
        "summary": summary,
        "responses": {
            "200": {"description": "The answer", "content": _json({"type": "object"}, answer)},
            **{
                str(status): {
                    "description": _FAILURES[status],
                    "content": _json({"type": "object"}, _ERROR if status == 401 else None),
                }
                for status in statuses
            },
        },
    }
    if request is not None:
        operation["requestBody"] = request
    return operation


def _body(fields: dict[str, Any], example: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": fields,
        "required": list(required),
        "additionalProperties": True,
        "description": "Every other field of the format is accepted, too.",
    }
    return {"required": True, "content": _json(schema, example)}


def _json(schema: dict[str, Any], example: dict[str, Any] | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"schema": schema}
    if example is not None:
        shown["example"] = example
    return {"application/json": shown}


def _list_of(kind: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": kind}, "minItems": 1}
