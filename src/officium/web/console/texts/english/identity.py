"""Signing in with an identity provider."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "identity.any": "your company account",
    "identity.button": "Sign in with {provider}",
    "identity.button.any": "Sign in with your company account",
    "identity.or": "or with a password",
    "identity.retry": "Try again",
    "identity.back": "Back to the sign-in page",
    "identity.identity_provider_unreachable.title": "No answer from {provider}",
    "identity.identity_provider_unreachable": (
        "Nobody can sign in there at the moment. Wait a little, then try again. If you have a password here, "
        "use it."
    ),
    "identity.identity_provider_unusable.title": "Signing in with {provider} is not set up right",
    "identity.identity_provider_unusable": (
        "You cannot change this yourself. Tell whoever runs this installation; the server's log says what is "
        "wrong."
    ),
    "identity.sign_in_declined.title": "You were not signed in",
    "identity.sign_in_declined": (
        "You were not let through by {provider}, or you went back. Try again, or ask whoever runs it for "
        "access."
    ),
    "identity.identity_refused.title": "The answer could not be accepted",
    "identity.identity_refused": (
        "What came back from {provider} does not prove who you are. Try again. If it goes on, tell whoever "
        "runs this installation."
    ),
    "identity.person_unknown.title": "Nobody here is known to be you",
    "identity.person_unknown": (
        "You are signed in with {provider}, but you are not a member here yet. Ask an administrator to add "
        "you with the e-mail address you have there."
    ),
    "identity.email_not_verified.title": "Your e-mail address is not verified",
    "identity.email_not_verified": (
        "Verify it with {provider}, then sign in again. Until then nobody can say that it is yours."
    ),
    "identity.sign_in_stale.title": "This took too long, or was used before",
    "identity.sign_in_stale": (
        "Each sign-in counts once, for ten minutes, in the browser where it began. Start again."
    ),
    "identity.tenant_unknown.title": "Your organization is not known here",
    "identity.tenant_unknown": (
        "What {provider} says of you names no organization that exists here. Tell whoever runs this "
        "installation."
    ),
    "identity.tenant_suspended.title": "Your organization is suspended",
    "identity.tenant_suspended": "Ask whoever runs this installation.",
    "identity.tenant_closed.title": "Your organization is closed",
    "identity.tenant_closed": (
        "Everything in it is going to be erased. Until then whoever runs this installation can open it again."
    ),
    "identity.member_disabled.title": "Your access is switched off",
    "identity.member_disabled": "Ask an administrator of your organization.",
    "identity.limit_exceeded.title": "Too many tries",
    "identity.limit_exceeded": "Many people came from your network within a short time. Wait a few minutes.",
    "identity.out.title": "You are signed out",
    "identity.out.lead": (
        "You may still be signed in with {provider}. On a shared computer, sign out there, too."
    ),
    "identity.out.there": "Sign out of {provider}, too",
    "identity.out.again": "Sign in again",
    "settings.provider": "Identity provider",
    "settings.provider.connected": "You sign in with {provider}",
    "settings.provider.used": "Last used:",
    "settings.provider.since": "Connected since:",
    "settings.provider.subject": "Known there as",
    "settings.provider.closed": "Your password here no longer counts.",
    "settings.provider.not_yet": (
        "Not connected yet. Sign out, then sign in with {provider}: you are found by your verified e-mail "
        "address."
    ),
}
