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
}
