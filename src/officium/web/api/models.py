"""`GET /v1/models` and `GET /v1/models/{id}`, in OpenAI's shape or in Anthropic's.

A client that sends `anthropic-version` gets Anthropic's: one address serves both SDKs.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from officium.core.gateway.call import ModelListing
from officium.core.gateway.errors import UnknownModel
from officium.core.tenancy.caller import Caller
from officium.kit.errors import OfficiumError
from officium.web.caller import Authenticator
from officium.web.door import admit
from officium.web.errors import openai_error
from officium.web.exchange import Exchange

MODELS_PATH = "/v1/models"
_encode = msgspec.json.Encoder().encode


class ModelGateway(Protocol):
    """The part of the gateway that knows the models."""

    async def list_models(self, caller: Caller) -> Sequence[ModelListing]: ...


class ModelsDoor:
    """The models a caller can ask for: all of them, or the one the path names."""

    def __init__(self, gateway: ModelGateway, authenticator: Authenticator) -> None:
        self._gateway = gateway
        self._authenticator = authenticator

    async def serve(self, exchange: Exchange) -> None:
        """Answer with the list or with one model."""
        caller = await admit(self._authenticator, exchange, "inference")
        listings = await self._gateway.list_models(caller)
        is_anthropic = b"anthropic-version" in exchange.headers
        wanted = exchange.scope["path"].removeprefix(MODELS_PATH).removeprefix("/")
        if wanted:
            listing = next((listing for listing in listings if listing.id == wanted), None)
            if listing is None:
                raise UnknownModel(f"There is no model {wanted!r} for this key.", model=wanted)
            body = _anthropic_model(listing) if is_anthropic else _openai_model(listing)
        else:
            body = _anthropic_list(listings) if is_anthropic else _openai_list(listings)
        await exchange.respond(200, _encode(body))

    def render_error(self, error: OfficiumError, status: int, request_id: str) -> bytes:
        """The error in OpenAI's shape, from which Anthropic's SDK takes status and message, too."""
        return openai_error(error, status)


def _openai_list(listings: Sequence[ModelListing]) -> dict[str, Any]:
    return {"object": "list", "data": [_openai_model(listing) for listing in listings]}


def _openai_model(listing: ModelListing) -> dict[str, Any]:
    return {"id": listing.id, "object": "model", "created": listing.created, "owned_by": listing.provider}


def _anthropic_list(listings: Sequence[ModelListing]) -> dict[str, Any]:
    return {
        "data": [_anthropic_model(listing) for listing in listings],
        "has_more": False,
        "first_id": listings[0].id if listings else None,
        "last_id": listings[-1].id if listings else None,
    }


def _anthropic_model(listing: ModelListing) -> dict[str, Any]:
    return {
        "type": "model",
        "id": listing.id,
        "display_name": listing.id,
        "created_at": datetime.fromtimestamp(listing.created, UTC),
        "lifecycle": "active",
    }
