"""What can go wrong when a person signs in, or when somebody manages the people of a tenant."""

from officium.kit.errors import Conflict, InvalidRequest, NotAuthenticated, NotFound, PermissionDenied


class SignInFailed(NotAuthenticated):
    """No such person, or another password. Which of the two is not said."""

    code = "sign_in_failed"


class PasswordsClosed(PermissionDenied):
    """The password is right, but this member signs in with the identity provider and no more with it."""

    code = "passwords_closed"


class SignInTooOld(PermissionDenied):
    """This takes a sign-in of the last minutes, since the member has no password that counts here."""

    code = "sign_in_too_old"


class MemberNotFound(NotFound):
    """No member with this e-mail address or id in the caller's tenant."""

    code = "member_not_found"


class MemberExists(Conflict):
    """The tenant has a member with this e-mail address already."""

    code = "member_exists"


class InvalidMember(InvalidRequest):
    """A member's e-mail address, name, role or password is not acceptable; `param` names it."""

    code = "invalid_member"
