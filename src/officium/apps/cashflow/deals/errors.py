"""What can go wrong with deals."""

from officium.kit.errors import InvalidRequest, NotFound


class InvalidDeal(InvalidRequest):
    """A deal is not acceptable; `param` names what is not."""

    code = "invalid_deal"


class InvalidCashflowConfig(InvalidRequest):
    """What a tenant wants of its forecasts is not acceptable; `param` names what is not."""

    code = "invalid_cashflow_config"


class DealImportRejected(InvalidRequest):
    """A file cannot be read, or rows of it are wrong, so nothing was imported; `rows` says which, and why."""

    code = "deal_import_rejected"


class DealNotFound(NotFound):
    """The tenant has no such deal."""

    code = "deal_not_found"


class CustomerNotFound(NotFound):
    """The tenant has no such customer."""

    code = "customer_not_found"
