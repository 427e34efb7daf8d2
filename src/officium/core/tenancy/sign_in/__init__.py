"""People who sign in here: their passwords, the sessions of their browsers, and who may manage them."""

from officium.core.tenancy.sign_in.browser_session import BrowserSession, NewSession, OpenSession
from officium.core.tenancy.sign_in.errors import (
    InvalidMember,
    MemberExists,
    MemberNotFound,
    PasswordsClosed,
    SignInFailed,
    SignInTooOld,
)
from officium.core.tenancy.sign_in.members import MemberService, NewMember
from officium.core.tenancy.sign_in.password import PasswordHasher
from officium.core.tenancy.sign_in.person import PersonService
from officium.core.tenancy.sign_in.role import ROLES, Role, scopes_of
from officium.core.tenancy.sign_in.service import SignInService, Throttle
from officium.core.tenancy.sign_in.store import SignInStore

__all__ = [
    "ROLES",
    "BrowserSession",
    "InvalidMember",
    "MemberExists",
    "MemberNotFound",
    "MemberService",
    "NewMember",
    "NewSession",
    "OpenSession",
    "PasswordHasher",
    "PasswordsClosed",
    "PersonService",
    "Role",
    "SignInFailed",
    "SignInService",
    "SignInStore",
    "SignInTooOld",
    "Throttle",
    "scopes_of",
]
