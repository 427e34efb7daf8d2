"""What can go wrong with prices."""

from officium.kit.errors import InvalidRequest, NotFound


class InvalidPrice(InvalidRequest):
    """A price's provider, model, amounts or date are not acceptable; `param` names the part."""

    code = "invalid_price"


class PriceNotFound(NotFound):
    """The tenant has no price of its own for this model."""

    code = "price_not_found"


class PriceUnknown(InvalidRequest):
    """Nobody knows what the model costs, and the operator wants no such call."""

    code = "price_unknown"
