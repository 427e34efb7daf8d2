"""What can go wrong between the button that leads to an identity provider and the way back."""

from officium.kit.errors import InvalidRequest, PermissionDenied, ServiceUnavailable


class IdentityProviderUnreachable(ServiceUnavailable):
    """The identity provider cannot be asked at the moment."""

    code = "identity_provider_unreachable"


class IdentityProviderUnusable(ServiceUnavailable):
    """The identity provider answers, but not as it must: its settings and ours do not fit."""

    code = "identity_provider_unusable"


class SignInDeclined(PermissionDenied):
    """The identity provider did not sign the person in, or they went back."""

    code = "sign_in_declined"


class IdentityRefused(PermissionDenied):
    """What came back from the identity provider does not prove who the person is."""

    code = "identity_refused"


class PersonUnknown(PermissionDenied):
    """The identity provider knows the person, and here nobody is known to be them."""

    code = "person_unknown"


class EmailNotVerified(PermissionDenied):
    """The identity provider does not vouch for the e-mail address by which the person would be known."""

    code = "email_not_verified"


class SignInStale(InvalidRequest):
    """The way back came too late, twice, or to another browser than the one that set out."""

    code = "sign_in_stale"
