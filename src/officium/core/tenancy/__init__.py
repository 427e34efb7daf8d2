"""Who is asking: tenants, their members and keys, and the caller a credential stands for.

What verifies the sessions of an identity provider is in `jwt.py`, apart, for those who use one.
"""

from officium.core.tenancy.acting import WHOLE_TENANT, ActingUsers, Subject
from officium.core.tenancy.audit import AuditEntry, AuditService, AuditStore
from officium.core.tenancy.authenticator import Authenticator
from officium.core.tenancy.caller import SCOPES, Caller, Scope, operator_of, require
from officium.core.tenancy.issuer import JwtIssuer
from officium.core.tenancy.key import ApiKey, KeyDigester, NewKey
from officium.core.tenancy.service import KeyService, OwnTenantService, TenancyService
from officium.core.tenancy.session import Session, SessionVerifier
from officium.core.tenancy.store import KeyStore, MemberStore, TenantStore
from officium.core.tenancy.tenant import Member, Tenant

__all__ = [
    "SCOPES",
    "WHOLE_TENANT",
    "ActingUsers",
    "ApiKey",
    "AuditEntry",
    "AuditService",
    "AuditStore",
    "Authenticator",
    "Caller",
    "JwtIssuer",
    "KeyDigester",
    "KeyService",
    "KeyStore",
    "Member",
    "MemberStore",
    "NewKey",
    "OwnTenantService",
    "Scope",
    "Session",
    "SessionVerifier",
    "Subject",
    "TenancyService",
    "Tenant",
    "TenantStore",
    "operator_of",
    "require",
]
