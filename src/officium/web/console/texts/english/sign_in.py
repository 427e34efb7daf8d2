"""Signing in, and one's password."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "sign_in.title": "Sign in",
    "sign_in.lead": "Everything your business runs on language models, in one place.",
    "sign_in.email": "E-mail address",
    "sign_in.password": "Password",
    "sign_in.submit": "Sign in",
    "sign_in.forgotten": "Forgotten it? Whoever runs this installation gives you a new one with",
    "sign_in.side.title": "One server. Every model. Each token accounted for.",
    "sign_in.side.1": "Your keys and prompts stay on your own machine.",
    "sign_in.side.2": "Budgets that hold, also when a hundred people ask at once.",
    "sign_in.side.3": "Advisors that know your numbers, and mark what they made up.",
    "first.title": "Nobody can sign in yet",
    "first.lead": "Create the first person on the machine where this server runs. Run this in its folder:",
    "first.then": "It prints a password for the first sign-in. Then load this page again.",
    "first.reload": "Load again",
    "password.title": "Choose a password",
    "password.must": "The password you signed in with was made for you. Choose one that only you know.",
    "password.lead": "You stay signed in here; your other browsers are signed out.",
    "password.old": "Present password",
    "password.new": "New password",
    "password.rule": "At least 12 characters. A sentence is easy to remember.",
    "password.submit": "Save the password",
    "flash.password_changed": "Your password is changed.",
    "flash.signed_out": "You are signed out.",
    "flash.expired": "Your session has ended. Sign in to go on where you were.",
}
