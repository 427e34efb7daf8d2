"""Settings: one's own, and those of the tenant."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.settings": "Settings",
    "flash.session_ended": "The session is ended.",
    "flash.tenant_saved": "Saved.",
    "flash.tenant_connected": "Connected. You can change between these tenants now.",
    "flash.tenant_entered": "You are in another tenant now.",
    "settings.title": "Settings",
    "settings.lead": "What you choose for yourself, and what holds for everybody in your tenant.",
    "settings.own": "You",
    "settings.sessions": "Where you are signed in",
    "settings.sessions.hint": "End what you do not know, then change your password.",
    "settings.sessions.browser": "A browser",
    "settings.sessions.this": "This one",
    "settings.sessions.seen": "Last seen:",
    "settings.sessions.since": "Since:",
    "settings.sessions.end": "End",
    "settings.tenants": "Your tenants",
    "settings.tenants.this": "You are here",
    "settings.tenants.go": "Go there",
    "settings.tenants.add": "Connect another tenant",
    "settings.tenants.hint": (
        "Show once that you are a member there, too. From then on you change between them without a "
        "password, until somebody gives you a new one."
    ),
    "settings.tenants.password": "Your password there",
    "settings.tenants.submit": "Connect",
    "settings.tenant": "Tenant",
    "settings.tenant.name": "Name",
    "settings.tenant.zone": "Time zone",
    "settings.tenant.zone.hint": "Decides when days begin in reports and new budgets.",
    "settings.tenant.retention": "Keep conversations for (days)",
    "settings.tenant.retention.hint": "Older ones are deleted. Empty keeps them.",
    "settings.tenant.submit": "Save",
    "settings.export": "Take your data along",
    "settings.export.hint": "Files that open in a spreadsheet or an editor.",
    "settings.export.audit": "Audit log",
    "settings.export.usage": "Requests and costs",
    "settings.export.prompts": "Prompts",
    "settings.export.deals": "Deals",
    "flash.export_requested": "The file is being made. You may leave this page meanwhile.",
    "flash.export_deleted": "The file is deleted.",
    "settings.all": "Everything in one file",
    "settings.all.hint": (
        "A ZIP file with all that belongs to your organization, as lines of JSON: people, keys without their "
        "secrets, widgets, conversations, rules, deals, costs and the audit log. It also has what others "
        "keep to themselves, so only owners get it. It is stored encrypted, and deleted after a day."
    ),
    "settings.all.ask": "Make the file",
    "settings.all.asked": "Asked for:",
    "settings.all.state.waiting": "Waiting",
    "settings.all.state.building": "Being made",
    "settings.all.state.ready": "Ready",
    "settings.all.state.failed": "Failed",
    "settings.all.progress": "Progress of the file",
    "settings.all.done": "{percent} %, {rows} lines so far",
    "settings.all.ready": "{size}. Deleted:",
    "settings.all.failure.too_large": (
        "There is more than fits into one file. Ask the operator of this installation for a copy."
    ),
    "settings.all.failure.broken": "The file could not be made. Try again, or ask the operator for the log.",
    "settings.all.download": "Download",
    "settings.all.delete": "Delete",
    "flash.tenant_closed": "Your tenant is closed. It will be erased, unless the operator opens it again.",
    "settings.close": "Delete this tenant",
    "settings.close.hint": (
        "Everybody is signed out at once, and keys and widgets are refused. {days} days later everything is "
        "erased for good. Until then the operator of this installation can open it again; you cannot."
    ),
    "settings.close.open": "Delete this tenant …",
    "settings.close.export": "Take your data along first: nobody can do that afterwards.",
    "settings.close.name": "Name of the tenant",
    "settings.close.name.hint": "Type it to be sure:",
    "settings.close.password": "Your password",
    "settings.close.recent": "You must have signed in within the last ten minutes.",
    "settings.close.submit": "Delete the tenant and everything in it",
}
