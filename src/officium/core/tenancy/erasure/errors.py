"""What can go wrong when a tenant is closed, opened again or erased."""

from officium.kit.errors import Conflict, InvalidRequest


class LastTenant(Conflict):
    """No other tenant is open, so this one stays."""

    code = "last_tenant"


class TenantNotClosed(Conflict):
    """The tenant is open, so there is nothing to open again."""

    code = "tenant_not_closed"


class TenantErased(Conflict):
    """The tenant is being erased, or is gone already."""

    code = "tenant_erased"


class NameNotRepeated(InvalidRequest):
    """What was typed is not the tenant's name; `param` is `name`."""

    code = "name_not_repeated"
