"""Keys for programs."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.keys": "Keys",
    "flash.key_revoked": "The key is revoked. Programs that still use it are refused.",
    "keys.title": "Keys",
    "keys.lead": (
        "Each program that asks models gets a key of its own, so that you can see and stop it by itself."
    ),
    "keys.made": "The key “{name}” is made",
    "keys.replaced": "The key “{name}” is replaced",
    "keys.replaced.hint": "The old one counts for another day at most.",
    "keys.once": "Copy it now: it is shown this once and cannot be read again.",
    "keys.secret": "The key",
    "keys.snippet": "Try it in a terminal",
    "keys.add": "New key",
    "keys.name": "Name",
    "keys.name.hint": "The program it is for, such as Website or Night report.",
    "keys.lifetime": "Counts for",
    "keys.lifetime.30": "30 days",
    "keys.lifetime.90": "90 days",
    "keys.lifetime.365": "One year",
    "keys.lifetime.never": "As long as it is not revoked",
    "keys.scopes": "What it may do",
    "keys.scope.inference": "Ask models, and use the apps.",
    "keys.scope.usage:read": "See usage, costs and budgets.",
    "keys.scope.config:read": "See the configuration.",
    "keys.scope.config:write": "Change the configuration.",
    "keys.scope.insights:write": "Write business figures and insights.",
    "keys.scope.act-as": "Speak for any person of the tenant.",
    "keys.scope.admin": "Everything, also keys and members.",
    "keys.add.submit": "Make the key",
    "keys.list": "In use",
    "keys.used": "Last used:",
    "keys.never_used": "never",
    "keys.ends": "Ends:",
    "keys.no_end": "never",
    "keys.replace": "Replace",
    "keys.replace.hint": (
        "Makes a new key with the same name and scopes. The present one counts for another day at most, "
        "so that programs can be given the new one."
    ),
    "keys.replace.submit": "Replace the key",
    "keys.revoke": "Revoke",
    "keys.revoke.hint": "Programs that use it are refused within seconds. This cannot be taken back.",
    "keys.revoke.submit": "Revoke the key",
    "keys.none": "No program has a key yet",
    "keys.none.hint": "Make the first one above, then send it along as a bearer token.",
    "keys.gone": "Revoked or expired ({count})",
    "keys.revoked": "Revoked",
    "keys.expired": "Expired",
    "people.copy": "Copy",
    "people.copied": "Copied",
    "people.more": "Show more",
}
