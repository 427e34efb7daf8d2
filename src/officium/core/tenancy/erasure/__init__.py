"""The end of a tenant: closed at once, opened again within days, or erased for good."""

from officium.core.tenancy.erasure.erasure import ErasedTenant
from officium.core.tenancy.erasure.errors import LastTenant, NameNotRepeated, TenantErased, TenantNotClosed
from officium.core.tenancy.erasure.own import OwnErasureService
from officium.core.tenancy.erasure.service import ErasureService
from officium.core.tenancy.erasure.store import ErasureStore

__all__ = [
    "ErasedTenant",
    "ErasureService",
    "ErasureStore",
    "LastTenant",
    "NameNotRepeated",
    "OwnErasureService",
    "TenantErased",
    "TenantNotClosed",
]
