"""What can go wrong with an idempotency key."""

from officium.kit.errors import Conflict, InvalidRequest


class InvalidIdempotencyKey(InvalidRequest):
    """The key is empty, too long, or holds other than printable ASCII."""

    code = "invalid_idempotency_key"


class IdempotencyKeyReused(Conflict):
    """The key came before, with another request."""

    code = "idempotency_key_reused"


class IdempotencyKeyInUse(Conflict):
    """The first request with this key is still being carried out, or its answer was too large to be kept."""

    code = "idempotency_key_in_use"
