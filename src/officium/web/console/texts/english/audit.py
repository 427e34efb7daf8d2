"""The audit log."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.audit": "Audit log",
    "audit.title": "Audit log",
    "audit.lead": "Who changed what, and when. Lines are only ever added.",
    "audit.actor": "Who",
    "audit.anybody": "Anybody",
    "audit.action": "What happened",
    "audit.from": "From",
    "audit.to": "To",
    "audit.submit": "Search",
    "audit.reset": "Show all",
    "audit.export": "Export (CSV)",
    "audit.list": "Changes",
    "audit.changes": "What changed ({count})",
    "audit.before": "before:",
    "audit.after": "after:",
    "audit.older": "Show older ones",
    "audit.none": "Nothing fits",
    "audit.none.hint": "Choose other days, or show all changes.",
}
